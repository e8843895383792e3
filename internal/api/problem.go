package api

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	"plumbline.dev/plumb/internal/fault"
)

// Problem is an RFC 9457 problem: the one form of every refusal. It never holds a submitted value.
type Problem struct {
	Type    string        `json:"type" doc:"a URI that names the problem; its last part is the code"`
	Title   string        `json:"title" doc:"what sort of problem it is"`
	Status  int           `json:"status" doc:"the HTTP status"`
	Detail  string        `json:"detail" doc:"what is refused, one sentence"`
	Code    string        `json:"code" doc:"a stable snake_case noun"`
	Rule    string        `json:"rule,omitempty" doc:"the rule that refuses"`
	Clause  string        `json:"clause,omitempty" doc:"the clause of the written policy behind the rule"`
	Who     string        `json:"who,omitempty" doc:"who can mend it"`
	Next    string        `json:"next,omitempty" doc:"the exact next step"`
	Fields  []fault.Field `json:"fields,omitempty" doc:"wrong members of the request, one by one"`
	Request string        `json:"request,omitempty" doc:"request id, for the operator's log"`
}

// problemBase is where problem types are explained.
const problemBase = "https://plumbline.dev/problems/"

// Error is the sentence for the asker.
func (p *Problem) Error() string { return p.Detail }

// GetStatus gives the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType makes the answer a problem document.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// kinds is the one table from a refusal's kind to its HTTP status and title.
var kinds = map[fault.Kind]struct {
	status int
	title  string
}{
	fault.Internal:        {http.StatusInternalServerError, "Internal error"},
	fault.Invalid:         {http.StatusBadRequest, "Invalid request"},
	fault.Unauthenticated: {http.StatusUnauthorized, "Not signed in"},
	fault.Denied:          {http.StatusForbidden, "Denied by a rule"},
	fault.NotFound:        {http.StatusNotFound, "Not found"},
	fault.Conflict:        {http.StatusConflict, "Conflict with the present state"},
	fault.Stale:           {http.StatusPreconditionFailed, "Changed since it was read"},
	fault.TooLarge:        {http.StatusRequestEntityTooLarge, "Too large"},
	fault.Limited:         {http.StatusTooManyRequests, "Too many requests"},
	fault.Unavailable:     {http.StatusServiceUnavailable, "Unavailable for now"},
}

// statuses lists the codes of this surface whose status is not that of their kind.
var statuses = map[string]int{
	"if_match_required":      http.StatusPreconditionRequired,
	"idempotency_mismatch":   http.StatusUnprocessableEntity,
	"invalid_parameter":      http.StatusUnprocessableEntity,
	"method_not_allowed":     http.StatusMethodNotAllowed,
	"not_acceptable":         http.StatusNotAcceptable,
	"request_timeout":        http.StatusRequestTimeout,
	"unsupported_media_type": http.StatusUnsupportedMediaType,
}

// problem turns any error into what the asker sees. What nobody classified is shown without detail.
func problem(ctx context.Context, err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	f := classify(err)
	kind := kinds[f.Kind]
	p = &Problem{Type: problemBase + f.Code, Title: kind.title, Status: kind.status, Detail: f.Message, Code: f.Code,
		Rule: f.Rule, Clause: f.Clause, Who: f.Who, Next: f.Next, Fields: shown(f.Fields)}
	if s, ok := statuses[f.Code]; ok {
		p.Status = s
	}
	if c := callOf(ctx); c != nil {
		p.Request = c.actor.Request
	}
	return p
}

// classify finds the refusal in an error; errors of the transport that the asker caused become one.
func classify(err error) *fault.Error {
	f := fault.Of(err)
	if f.Kind != fault.Internal {
		return f
	}
	var large *http.MaxBytesError
	var wait net.Error
	switch {
	case errors.As(err, &large):
		return fault.New(fault.TooLarge, "body_too_large", "The request's body is over the limit of %d bytes.", large.Limit).From(err).
			Then("send less at once")
	case errors.As(err, &wait) && wait.Timeout():
		return fault.New(fault.Invalid, "request_timeout", "The request's body did not come in time.").From(err).
			Then("send the body faster")
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fault.New(fault.Unavailable, "given_up", "The request was given up before it was answered.").From(err).
			FixedBy("you").Then("try again with the same idempotency key")
	}
	return f
}

// maxShown bounds what is repeated of the names of members that an asker sent.
const maxShown = 120

// shown keeps the paths of wrong members harmless: they are the asker's own words.
func shown(fields []fault.Field) []fault.Field {
	out := make([]fault.Field, 0, min(len(fields), maxShown))
	for _, f := range fields[:min(len(fields), maxShown)] {
		path := strings.Map(func(r rune) rune {
			if unicode.IsPrint(r) && r < unicode.MaxLatin1 {
				return r
			}
			return '?'
		}, f.Path)
		out = append(out, fault.Field{Path: path[:min(len(path), maxShown)], Problem: f.Problem})
	}
	return out
}

// useProblems makes huma answer with problems. Its hook is one variable of that package, so it is set
// once per process, before the first API is built.
var useProblems = sync.OnceFunc(func() {
	huma.NewErrorWithContext = func(hc huma.Context, status int, _ string, errs ...error) huma.StatusError {
		return problem(hc.Context(), humaFault(status, errs))
	}
	huma.NewError = func(status int, _ string, errs ...error) huma.StatusError {
		return problem(context.Background(), humaFault(status, errs))
	}
})

// humaFault finds our refusal among huma's errors, or makes one of wrong parameters, without a value.
func humaFault(status int, errs []error) error {
	e := fault.New(fault.Invalid, "invalid_parameter", "A parameter of the request is not valid.").
		Then("look the parameter up at /docs")
	for _, err := range errs {
		if d, ok := err.(huma.ErrorDetailer); ok {
			x := d.ErrorDetail()
			e.At(x.Location, x.Message)
			continue
		}
		return err
	}
	if len(e.Fields) == 0 && status >= http.StatusInternalServerError {
		return errors.New("api: huma answered with an error of its own")
	}
	return e
}
