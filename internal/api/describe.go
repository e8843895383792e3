package api

import (
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

const intro = "Plumbline makes a written configuration-and-change policy executable: declare, approve, execute, observe, " +
	"reconcile, prove. Every request but the first few is made with `Authorization: Bearer` and a session or an API token. " +
	"Writers take an `Idempotency-Key`: the same key with the same request gets the first answer again. Decisions name the " +
	"revision that was seen by `If-Match`. Every refusal is an RFC 9457 problem with a stable `code`."

// gives is the media type of a route's answer, "" where it has none.
func (r *Route) gives() string {
	switch {
	case r.Gives != "":
		return r.Gives
	case r.Status == http.StatusNoContent:
		return ""
	}
	return "application/json"
}

var pathName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[^A-Za-z0-9]+`) })

// operationID names a route for generated clients: its method and path in lower case.
func (r *Route) operationID() string {
	return strings.ToLower(r.Method) + "-" + strings.Trim(pathName().ReplaceAllString(strings.TrimPrefix(r.Path, Base), "-"), "-")
}

// describe gives the operation of a route as huma wants it.
func (a *API) describe(r *Route) huma.Operation {
	op := huma.Operation{OperationID: r.operationID(), Method: r.Method, Path: r.Path, Summary: r.Summary, Tags: []string{r.Tag},
		DefaultStatus: r.Status, MaxBodyBytes: -1, Errors: []int{http.StatusBadRequest, http.StatusTooManyRequests, http.StatusServiceUnavailable}}
	if r.Open {
		op.Security = []map[string][]string{}
		op.Description = "Anybody may ask."
	} else {
		op.Security = []map[string][]string{{"bearer": {}}}
		op.Errors = append(op.Errors, http.StatusUnauthorized, http.StatusForbidden)
		op.Description = "Needs the permission `" + string(r.Need) + "`."
	}
	if r.Token != "" {
		op.Description += " The token may stand in the header `" + r.Token + "` instead of a bearer."
		op.Parameters = append(op.Parameters, &huma.Param{Name: r.Token, In: "header", Description: "an API token, where no Authorization is sent",
			Schema: &huma.Schema{Type: huma.TypeString}})
	}
	if strings.Contains(r.Path, "{") {
		op.Errors = append(op.Errors, http.StatusNotFound)
	}
	if r.Repeats == byChange || r.Repeats == byAnswer {
		op.Parameters = append(op.Parameters, &huma.Param{Name: "Idempotency-Key", In: "header",
			Description: "1 to 200 characters; the same key with the same request gets the first answer again, for a day",
			Schema:      &huma.Schema{Type: huma.TypeString, MaxLength: ptr(200)}})
		op.Errors = append(op.Errors, http.StatusConflict, http.StatusUnprocessableEntity)
	}
	return op
}

func ptr[T any](v T) *T { return &v }

// schemaName names a type's schema by its package too: several rooms have a Binding.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	room := t.PkgPath()
	room = room[strings.LastIndex(room, "/")+1:]
	if room == "api" || room == "" {
		return plainName(huma.DefaultSchemaNamer(t, hint))
	}
	return strings.ToUpper(room[:1]) + room[1:] + plainName(huma.DefaultSchemaNamer(t, hint))
}

func plainName(s string) string { return pathName().ReplaceAllString(s, "") }
