// Package fault is the language of refusals and of who acts: every error that the asker can do
// something about is an *Error, and every use-case names its Actor. It knows no domain and no
// transport; the one table that maps a Kind to an HTTP status or an exit code lives with its surface.
package fault

import (
	"errors"
	"fmt"
)

// Kind says what sort of refusal an Error is. It decides the HTTP status and the exit code, so a new
// kind needs a row in both tables.
type Kind int

// The kinds. The zero value is Internal: an error nobody classified is never shown in detail.
const (
	Internal        Kind = iota // a defect or a broken part; the asker cannot mend it
	Invalid                     // the request itself is wrong
	Unauthenticated             // nobody known is asking
	Denied                      // a rule says no to a known principal; recorded in the ledger
	NotFound                    // absent, or outside the reader's scope
	Conflict                    // the object is in a state that does not allow this
	Stale                       // the asker saw an older revision (If-Match)
	TooLarge                    // over a stated limit
	Limited                     // too many requests
	Unavailable                 // cannot be answered now; safe to try again
)

var kindNames = [...]string{"internal", "invalid", "unauthenticated", "denied", "not_found",
	"conflict", "stale", "too_large", "limited", "unavailable"}

// String returns the kind's stable name, as it stands in logs.
func (k Kind) String() string {
	if k >= 0 && int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "internal"
}

// Field is one wrong or missing member of a request.
type Field struct {
	Path    string `json:"path"`    // dotted path of the member, as the asker wrote it
	Problem string `json:"problem"` // what is wrong with it, in words; never the submitted value
}

// Error is a refusal that the asker can act on: what, why (rule and clause), who can mend it, and
// the next step. Code is a stable snake_case noun and part of the API.
type Error struct {
	Kind    Kind
	Code    string
	Message string  // one sentence, capital and full stop
	Rule    string  // id of the policy rule or invariant that refuses
	Clause  string  // clause of the written policy behind the rule
	Who     string  // who can mend it
	Next    string  // the exact next command or step
	Fields  []Field // member by member, for Invalid
	Object  string  // id of the object refused about, for the ledger
	cause   error
}

// New makes a refusal. The code is a stable snake_case noun; the message a whole sentence that holds
// no secret and none of the submitted values that could be hostile.
func New(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Because names the rule and the clause of the written policy that refuse.
func (e *Error) Because(rule, clause string) *Error { e.Rule, e.Clause = rule, clause; return e }

// FixedBy names who can mend it.
func (e *Error) FixedBy(who string) *Error { e.Who = who; return e }

// Then gives the next step, an exact command where there is one.
func (e *Error) Then(format string, args ...any) *Error {
	e.Next = fmt.Sprintf(format, args...)
	return e
}

// At adds one wrong member.
func (e *Error) At(path, problem string) *Error {
	e.Fields = append(e.Fields, Field{Path: path, Problem: problem})
	return e
}

// About names the object that the refusal is about, so that its recorded denial can be found there.
func (e *Error) About(id string) *Error { e.Object = id; return e }

// From keeps the cause for the operator's log; it is never shown to the asker.
func (e *Error) From(cause error) *Error { e.cause = cause; return e }

// Error is the sentence for the asker.
func (e *Error) Error() string { return e.Message }

// Unwrap gives the cause to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.cause }

// Of finds the refusal inside err; an error that is none becomes Internal with a constant sentence,
// and keeps err as its cause.
func Of(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: Internal, Code: "internal", cause: err,
		Message: "Something went wrong on the server; nothing was changed. The operator's log has the cause."}
}

// Is reports whether err is a refusal with this code.
func Is(err error, code string) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}
