package api

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

// JSON is the body of a request, read by the one strict decoder.
type JSON[T any] struct {
	value T
}

// Resolve reads and decodes the body. It is called by huma after the parameters were read.
func (j *JSON[T]) Resolve(hc huma.Context) []error {
	if ct := hc.Header("Content-Type"); ct != "" && ct != "application/json" {
		if kind, _, err := mime.ParseMediaType(ct); err != nil || kind != "application/json" {
			return []error{fault.New(fault.Invalid, "unsupported_media_type", "The body must be JSON.").Then("send Content-Type: application/json")}
		}
	}
	raw, err := whole(hc)
	if err != nil {
		return []error{fmt.Errorf("read body: %w", err)}
	}
	if len(raw) == 0 {
		return []error{fault.New(fault.Invalid, "no_body", "The request needs a JSON body.").
			Then("send {} where nothing is to be said")}
	}
	if err := seal.Decode(raw, &j.value); err != nil {
		return []error{err}
	}
	return nil
}

// whole reads a body; its announced length saves growing the buffer, and is not believed beyond that.
func whole(hc huma.Context) ([]byte, error) {
	r, _ := humago.Unwrap(hc)
	var b bytes.Buffer
	b.Grow(int(min(max(r.ContentLength, 0), 64<<10)) + bytes.MinRead)
	_, err := b.ReadFrom(hc.BodyReader())
	return b.Bytes(), err
}

// schema is the JSON Schema of the body, for the API's description.
func (j *JSON[T]) schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[T](), true, "Body")
}

// described is a body that can describe itself.
type described interface {
	schema(huma.Registry) *huma.Schema
}

// bodySchema finds the body among the members of an input, nil when it has none.
func bodySchema(input reflect.Type, r huma.Registry) *huma.Schema {
	for i := range input.NumField() {
		if !input.Field(i).IsExported() {
			continue
		}
		if d, ok := reflect.New(input.Field(i).Type).Interface().(described); ok {
			return d.schema(r)
		}
	}
	return nil
}

// Stream is the raw body of a request, read by the use-case as it comes.
type Stream struct {
	reader io.Reader
}

// Resolve keeps the reader.
func (s *Stream) Resolve(hc huma.Context) []error {
	s.reader = hc.BodyReader()
	return nil
}

func (s *Stream) schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "binary"}
}

// marshal writes an answer: plain JSON with members in the order of their declaration.
func marshal(w io.Writer, v any) error { return json.MarshalWrite(w, v, json.Deterministic(true)) }

// unmarshal is never used by a route, which all read their bodies through JSON; it is as strict.
func unmarshal(b []byte, v any) error { return seal.Decode(b, v) }

// acceptable refuses a request whose answer the asker says they would not take.
func acceptable(r *http.Request, gives string) error {
	accept := r.Header.Values("Accept")
	if len(accept) == 0 || gives == "" || gives == "*/*" {
		return nil
	}
	family, _, _ := strings.Cut(gives, "/")
	for _, part := range strings.Split(strings.Join(accept, ","), ",") {
		kind, params, err := mime.ParseMediaType(strings.TrimSpace(part))
		if err != nil || params["q"] == "0" {
			continue
		}
		if kind == gives || kind == "*/*" || kind == family+"/*" || kind == "application/problem+json" {
			return nil
		}
	}
	return fault.New(fault.Invalid, "not_acceptable", "This route answers with %s.", gives).
		Then("leave Accept out, or name that type")
}
