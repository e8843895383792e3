package client

import (
	"errors"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/fault"
)

// ProblemType is where the types of the server's problems are described.
const ProblemType = "https://plumbline.dev/problems/"

// Problem is an RFC 9457 problem: what the server refused and why. It stands behind the fault.Error
// that a call returns; errors.As finds it.
type Problem struct {
	Type    string        `json:"type"`
	Title   string        `json:"title"`
	Status  int           `json:"status"`
	Detail  string        `json:"detail,omitempty"`
	Code    string        `json:"code"`
	Rule    string        `json:"rule,omitempty"`
	Clause  string        `json:"clause,omitempty"`
	Who     string        `json:"who,omitempty"`
	Next    string        `json:"next,omitempty"`
	Fields  []fault.Field `json:"fields,omitempty"`
	Request string        `json:"request,omitempty"`
}

// Error is the sentence for the asker.
func (p *Problem) Error() string {
	if p.Detail != "" {
		return p.Detail
	}
	return p.Title
}

var statusKinds = map[int]fault.Kind{
	http.StatusBadRequest: fault.Invalid, http.StatusUnprocessableEntity: fault.Invalid, http.StatusPreconditionRequired: fault.Invalid,
	http.StatusUnsupportedMediaType: fault.Invalid, http.StatusMethodNotAllowed: fault.Invalid, http.StatusNotAcceptable: fault.Invalid,
	http.StatusUnauthorized: fault.Unauthenticated, http.StatusForbidden: fault.Denied, http.StatusNotFound: fault.NotFound,
	http.StatusGone: fault.NotFound, http.StatusConflict: fault.Conflict, http.StatusPreconditionFailed: fault.Stale,
	http.StatusRequestEntityTooLarge: fault.TooLarge, http.StatusTooManyRequests: fault.Limited,
	http.StatusRequestTimeout: fault.Unavailable, http.StatusBadGateway: fault.Unavailable,
	http.StatusServiceUnavailable: fault.Unavailable, http.StatusGatewayTimeout: fault.Unavailable,
}

// kindOf maps a status to a kind; one that is not listed says that something is broken.
func kindOf(status int) fault.Kind { return statusKinds[status] }

// refusal turns an answer that is no success into a fault. What answers without a problem document is
// not known to be Plumbline; its words are not repeated.
func refusal(status int, contentType string, body []byte) *fault.Error {
	var p Problem
	if !strings.HasPrefix(contentType, "application/problem+json") || json.Unmarshal(body, &p) != nil || p.Code == "" {
		e := fault.New(kindOf(status), "not_plumbline", "The server answered %d without saying why; it may not be Plumbline.", status).
			FixedBy("whoever runs the server").Then("check PLUMB_URL")
		if status >= 300 && status < 400 {
			e.Kind, e.Message = fault.Invalid, "The server wants to redirect; the token is not sent on."
		}
		return e
	}
	p.Status = status
	e := fault.New(kindOf(status), p.Code, "%s", p.Error()).Because(p.Rule, p.Clause).FixedBy(p.Who).From(&p)
	e.Next, e.Fields = p.Next, p.Fields
	return e
}

// ProblemOf gives the problem document of an error: the server's own, or one made of a local refusal.
func ProblemOf(err error) Problem {
	var p *Problem
	if errors.As(err, &p) {
		return *p
	}
	e := fault.Of(err)
	return Problem{Type: ProblemType + e.Code, Title: e.Message, Status: statusOf(e.Kind), Code: e.Code, Rule: e.Rule,
		Clause: e.Clause, Who: e.Who, Next: e.Next, Fields: e.Fields}
}

var kindStatuses = map[fault.Kind]int{fault.Invalid: 400, fault.Unauthenticated: 401, fault.Denied: 403, fault.NotFound: 404,
	fault.Conflict: 409, fault.Stale: 412, fault.TooLarge: 413, fault.Limited: 429, fault.Unavailable: 503}

func statusOf(k fault.Kind) int {
	if s, ok := kindStatuses[k]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// Codes that this client and its callers act on.
const (
	Unreachable = "unreachable" // no answer was had
	NotSetUp    = "not_set_up"  // the server waits for its setup ceremony
)

// unreachable hides the transport's own words from people, save for the kind of trouble; they may name
// what a proxy was told.
func unreachable(base string, err error) *fault.Error {
	return fault.New(fault.Unavailable, Unreachable, "The server at %s cannot be reached; nothing is known to have been decided.", base).
		Because("fail-closed", "").FixedBy("whoever runs the server or the network").Then("curl %s/healthz", base).From(err)
}

// Reply is one answer: the part that this client knows, and the whole.
type Reply[T any] struct {
	Value  T
	Raw    jsontext.Value // the server's own bytes
	ETag   string         // the digest in the ETag header, without quotes
	Status int
}
