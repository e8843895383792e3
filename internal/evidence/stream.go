package evidence

import (
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/fault"
)

// The three JSON formats are decoded here member by member, and not with the object models of
// go-sarif and cyclonedx-go: those read with encoding/json, which takes the last of two equal members
// and any case of a name, and they build the whole tree, of which an entry of three bytes claims
// hundreds in memory. Only what is judged is read; the rest is skipped, but must be well-formed.

// decode reads one JSON document from r. Members that are not known are passed over, for all three
// formats are open to extension. The same member twice is refused, and so is a known member beside
// another that differs only in case, which a laxer reader would take for it.
func decode(format Format, r io.Reader, into any) error {
	err := json.UnmarshalRead(r, into, json.MatchCaseInsensitiveNames(true))
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jsontext.ErrDuplicateName):
		return fault.New(fault.Invalid, "duplicate_member", "The JSON has the same member twice.").From(err).
			Then("mend the tool that wrote it")
	}
	return malformed(format, err)
}

// each reads an array one element at a time and hands every element to use, so that a long array
// needs no more memory than its longest element. make gives an element to read into where the zero
// value will not do. given reports, after reading, that there was an array at all.
type each[T any] struct {
	make  func() *T
	use   func(*T) error
	given bool
}

// UnmarshalJSONFrom reads the array; null is the same as no array.
func (e *each[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	switch dec.PeekKind() {
	case 'n':
		return dec.SkipValue()
	case '[':
	default:
		return wrongKind(dec)
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	e.given = true
	for dec.PeekKind() != ']' {
		v := new(T)
		if e.make != nil {
			v = e.make()
		}
		if err := json.UnmarshalDecode(dec, v); err != nil {
			return err
		}
		if e.use == nil {
			continue
		}
		if err := e.use(v); err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}

// wrongKind is the error for a member of another JSON kind than the format says.
func wrongKind(dec *jsontext.Decoder) error {
	k := dec.PeekKind()
	if _, err := dec.ReadToken(); err != nil {
		return err // the document ends here, or is no JSON
	}
	return fmt.Errorf("unexpected JSON %v", k)
}

// text reads a string, or a number as it is written. Any other value reads as "", for it stands in a
// member that the format leaves open.
type text string

// UnmarshalJSONFrom reads the value.
func (t *text) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	switch dec.PeekKind() {
	case '"', '0':
		tok, err := dec.ReadToken()
		if err != nil {
			return err
		}
		*t = text(tok.String())
		return nil
	}
	return dec.SkipValue()
}

// texts reads an array of strings, and keeps as many of them as a subject list can hold.
type texts []string

// UnmarshalJSONFrom reads the array; a value that is no array reads as none.
func (t *texts) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '[' {
		return dec.SkipValue()
	}
	list := each[text]{use: func(s *text) error {
		if len(*t) < maxNamed {
			*t = append(*t, string(*s))
		}
		return nil
	}}
	return list.UnmarshalJSONFrom(dec)
}
