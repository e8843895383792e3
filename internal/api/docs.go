package api

import (
	"bytes"
	_ "embed" // the page's template and style
	"html/template"
	"maps"
	"net/http"
	"slices"
	"sort"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

//go:embed docs.html
var docsPage string

//go:embed docs.css
var docsStyle []byte

// openDocs registers the description and its readable form; anybody may read them.
func (a *API) openDocs() {
	a.tidy()
	for path, serve := range map[string]http.HandlerFunc{"GET /openapi.json": a.serveDescription, "GET /docs": a.serveDocs, "GET /docs/style.css": a.serveStyle} {
		route := &Route{Method: get, Path: strings.TrimPrefix(path, "GET "), Open: true, Gives: "*/*"}
		a.routes.mux.Handle(path, a.guard(route, serve))
	}
}

// tidy makes the description what OpenAPI wants where the mux has its own spelling.
func (a *API) tidy() {
	paths := a.huma.OpenAPI().Paths
	for path, item := range paths {
		if plain := strings.ReplaceAll(path, "...}", "}"); plain != path {
			delete(paths, path)
			paths[plain] = item
		}
	}
}

// describeAll makes the description once, at its first use: most servers are never asked.
func (a *API) describeAll() ([]byte, []byte, error) {
	a.describeOnce.Do(func() {
		raw, err := a.huma.OpenAPI().MarshalJSON()
		if err != nil {
			a.describeErr = err
			return
		}
		text := jsontext.Value(raw)
		if a.describeErr = text.Canonicalize(); a.describeErr != nil {
			return
		}
		a.description = text
		a.page, a.describeErr = a.renderDocs()
	})
	return a.description, a.page, a.describeErr
}

func (a *API) serveDescription(w http.ResponseWriter, r *http.Request) {
	text, _, err := a.describeAll()
	a.serveFile(w, r, "application/openapi+json", text, err)
}

func (a *API) serveDocs(w http.ResponseWriter, r *http.Request) {
	_, page, err := a.describeAll()
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	a.serveFile(w, r, "text/html; charset=utf-8", page, err)
}

func (a *API) serveStyle(w http.ResponseWriter, r *http.Request) {
	a.serveFile(w, r, "text/css; charset=utf-8", docsStyle, nil)
}

func (a *API) serveFile(w http.ResponseWriter, r *http.Request, kind string, body []byte, err error) {
	if err != nil {
		a.answer(w, r, err)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "max-age=300")
	_, _ = w.Write(body) // nobody listens any more if it fails
}

// chapter is one part of the page.
type chapter struct {
	Name       string
	Operations []operation
}

// operation is one route on the page.
type operation struct {
	ID, Method, Path, Summary, Description string
	Params                                 []param
	Request                                []member
	RequestType                            string
	Responses                              []response
}

type param struct{ Name, In, Type, Doc string }

type response struct{ Status, Doc, Type, Anchor string }

// member is one member of a JSON document.
type member struct {
	Name, Type, Anchor, Doc string
	Required                bool
}

// schemaDoc is one named document.
type schemaDoc struct {
	Name    string
	Members []member
}

func (a *API) renderDocs() ([]byte, error) {
	t, err := template.New("docs").Parse(docsPage)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = t.Execute(&out, struct {
		Intro    string
		Chapters []chapter
		Schemas  []schemaDoc
	}{strings.ReplaceAll(intro, "`", ""), a.chapters(), a.schemas()})
	return out.Bytes(), err
}

// chapters lists the routes in the order of the table.
func (a *API) chapters() []chapter {
	var out []chapter
	for _, r := range routes() {
		op := a.operation(huma.Operation{Method: r.Method, Path: strings.ReplaceAll(r.Path, "...}", "}")})
		if len(out) == 0 || out[len(out)-1].Name != r.Tag {
			out = append(out, chapter{Name: r.Tag})
		}
		last := &out[len(out)-1]
		last.Operations = append(last.Operations, a.shown(op))
	}
	return out
}

func (a *API) shown(op *huma.Operation) operation {
	o := operation{ID: op.OperationID, Method: op.Method, Path: op.Path, Summary: op.Summary, Description: strings.ReplaceAll(op.Description, "`", "")}
	for _, p := range op.Parameters {
		kind, _ := typeOf(p.Schema)
		o.Params = append(o.Params, param{p.Name, p.In, kind, p.Description})
	}
	if op.RequestBody != nil {
		for kind, media := range op.RequestBody.Content {
			o.RequestType = kind
			if s := a.resolved(media.Schema); s != nil && s.Format != "binary" {
				o.Request = members(s)
			}
		}
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		r := response{Status: status, Doc: op.Responses[status].Description}
		for _, media := range op.Responses[status].Content {
			r.Type, r.Anchor = typeOf(media.Schema)
		}
		o.Responses = append(o.Responses, r)
	}
	return o
}

func (a *API) resolved(s *huma.Schema) *huma.Schema {
	if s != nil && s.Ref != "" {
		return a.registry.SchemaFromRef(s.Ref)
	}
	return s
}

func (a *API) schemas() []schemaDoc {
	var out []schemaDoc
	for name, s := range a.registry.Map() {
		out = append(out, schemaDoc{name, members(s)})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

func members(s *huma.Schema) []member {
	var out []member
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[name]
		kind, anchor := typeOf(p)
		out = append(out, member{Name: name, Type: kind, Anchor: anchor, Doc: p.Description, Required: slices.Contains(s.Required, name)})
	}
	return out
}

// typeOf says a schema in a word, with the name of the document that it leads to.
func typeOf(s *huma.Schema) (kind, anchor string) {
	switch {
	case s == nil:
		return "any", ""
	case s.Ref != "":
		name := s.Ref[strings.LastIndex(s.Ref, "/")+1:]
		return name, name
	case s.Type == huma.TypeArray:
		kind, anchor = typeOf(s.Items)
		return "list of " + kind, anchor
	case s.Type == huma.TypeObject:
		if inner, ok := s.AdditionalProperties.(*huma.Schema); ok {
			kind, anchor = typeOf(inner)
			return "map to " + kind, anchor
		}
		return "object", ""
	case s.Format != "":
		return s.Type + " (" + s.Format + ")", ""
	case len(s.Enum) > 0:
		b, err := json.Marshal(s.Enum)
		if err == nil {
			return "one of " + string(b), ""
		}
	case s.Type == "":
		return "any", ""
	}
	return s.Type, ""
}
