package api

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"plumbline.dev/plumb/internal/directory"
)

// Route is one row of the table of all routes. A route without a Need that is not Open is a mistake, and
// the server does not start with it.
type Route struct {
	Method  string
	Path    string               // with {names} of its parts
	Need    directory.Permission // what the asker must be allowed
	Open    bool                 // anybody may ask, without a name
	Token   string               // header in which a program that knows no bearer may show its token instead
	Summary string               // one line, for the API's description
	Tag     string               // chapter of the description
	Gives   string               // media type of the answer; "" for JSON
	Body    int64                // largest body in bytes; 0 for maxJSON
	Status  int                  // of success; 0 for 200, or 204 where there is no answer
	Repeats repeats              // what an idempotency key does here
	Slow    bool                 // holds the connection on purpose, so it is timed apart
	bind    binding
}

// writes reports whether the route can change something.
func (r *Route) writes() bool { return r.Method != http.MethodGet }

func (r *Route) pattern() string { return r.Method + " " + r.Path }

// Limits of bodies: JSON is small; documents and evidence are streamed.
const (
	maxJSON     = 1 << 20
	maxDocument = 100 << 20
)

func (r *Route) limit() int64 {
	if r.Body > 0 {
		return r.Body
	}
	return maxJSON
}

// binding registers a handler under the operation that its route describes.
type binding func(*API, huma.Operation)

// none is the input or the answer of a route that has none.
type none struct{}

// answers binds a handler to its route.
func answers[I, O any](handle func(*API, context.Context, *I) (*O, error)) binding {
	return func(a *API, op huma.Operation) {
		for f := range reflect.TypeFor[I]().Fields() {
			if f.Anonymous && !f.IsExported() {
				a.unfilled = append(a.unfilled, op.Method+" "+op.Path) // its parameters would stay empty
			}
		}
		huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
			out, err := handle(a, ctx, in)
			if err != nil {
				return nil, a.refuse(ctx, err)
			}
			return out, nil
		})
		schema := bodySchema(reflect.TypeFor[I](), a.registry)
		if schema == nil {
			return
		}
		kind := "application/json"
		if schema.Format == "binary" {
			kind = "application/octet-stream"
		}
		a.operation(op).RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{kind: {Schema: schema}}}
	}
}

// operation finds what was registered in the API's description.
func (a *API) operation(op huma.Operation) *huma.Operation {
	item := a.huma.OpenAPI().Paths[op.Path]
	switch op.Method {
	case http.MethodPost:
		return item.Post
	case http.MethodPut:
		return item.Put
	case http.MethodPatch:
		return item.Patch
	case http.MethodDelete:
		return item.Delete
	}
	return item.Get
}

// router is the mux that huma registers at. It takes only what the table declares, and puts the guard
// before each handler: a handler cannot be reached around it.
type router struct {
	api     *API
	mux     *http.ServeMux
	table   map[string]*Route
	bound   map[string]bool
	refused []string
}

// HandleFunc is called by huma for each operation.
func (t *router) HandleFunc(pattern string, handle func(http.ResponseWriter, *http.Request)) {
	r := t.table[pattern]
	if r == nil || r.Need == "" && !r.Open || r.Need != "" && r.Open || t.bound[pattern] {
		t.refused = append(t.refused, pattern)
		return
	}
	t.bound[pattern] = true
	t.mux.Handle(pattern, t.api.guard(r, http.HandlerFunc(handle)))
}

// ServeHTTP answers by the mux.
func (t *router) ServeHTTP(w http.ResponseWriter, r *http.Request) { t.mux.ServeHTTP(w, r) }

// complete refuses a table and handlers that do not fit each other, a route without a declared
// permission first of all (trust model 44).
func (t *router) complete() error {
	if len(t.refused) > 0 {
		return fmt.Errorf("api: no permission is declared for %s; the server does not start", strings.Join(t.refused, ", "))
	}
	known := map[directory.Permission]bool{}
	for _, p := range directory.Permissions() {
		known[p] = true
	}
	for pattern, r := range t.table {
		switch {
		case !t.bound[pattern]:
			return fmt.Errorf("api: the route %s has no handler", pattern)
		case !r.Open && !known[r.Need]:
			return fmt.Errorf("api: the route %s needs %q, which is no permission", pattern, r.Need)
		}
	}
	return nil
}

// register binds every route of the table.
func (a *API) register(table []Route) error {
	for i := range table {
		r := &table[i]
		if a.routes.table[r.pattern()] != nil {
			return fmt.Errorf("api: the route %s is declared twice", r.pattern())
		}
		a.routes.table[r.pattern()] = r
	}
	for i := range table {
		r := &table[i]
		if r.bind == nil {
			return fmt.Errorf("api: the route %s has no handler", r.pattern())
		}
		r.bind(a, a.describe(r))
	}
	return a.routes.complete()
}
