package office

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/ui"
)

// entry is a form: what was typed, and why it was not taken. The zero entry is an empty form.
type entry struct {
	Values  url.Values
	Refused *fault.Error
}

func newEntry(values url.Values) *entry { return &entry{Values: values} }

// typed is the form of a request.
func typed(v *frame.Visit) *entry { return newEntry(v.R.PostForm) }

// filled is a form with values to begin with, name and value in turn.
func filled(pairs ...string) *entry {
	e := newEntry(url.Values{})
	for i := 0; i+1 < len(pairs); i += 2 {
		e.Values.Add(pairs[i], pairs[i+1])
	}
	return e
}

// In gives a field what was typed into it and what is wrong with that.
func (e *entry) In(i ui.In) ui.In {
	if e == nil {
		return i
	}
	if i.Kind != "password" {
		i.Value = e.Values.Get(i.Name)
	}
	if e.Refused == nil {
		return i
	}
	for _, f := range e.Refused.Fields {
		if f.Path == i.Name || strings.HasPrefix(f.Path, i.Name+"[") {
			i.Wrong = i.Label + " " + f.Problem + "."
			return i
		}
	}
	return i
}

// Has reports whether a box was ticked.
func (e *entry) Has(name, value string) bool {
	return e != nil && slices.Contains(e.Values[name], value)
}

// Above is the refusal without what stands at the fields with these names.
func (e *entry) Above(fields ...string) *fault.Error {
	if e == nil || e.Refused == nil {
		return nil
	}
	f := *e.Refused
	f.Fields = slices.DeleteFunc(slices.Clone(f.Fields), func(x fault.Field) bool {
		return slices.ContainsFunc(fields, func(name string) bool { return x.Path == name || strings.HasPrefix(x.Path, name+"[") })
	})
	return &f
}

// refuse keeps the refusal of a form for showing it again, with the status of the answer; what the asker
// cannot mend by typing is an error as before.
func (e *entry) refuse(err error) (status int, again bool) {
	f := fault.Of(err)
	switch f.Kind {
	case fault.Invalid, fault.Conflict, fault.Denied, fault.TooLarge, fault.NotFound:
		e.Refused = f
		return frame.Kind(f.Kind).Status, true
	case fault.Unauthenticated:
		if f.Code == "wrong_credentials" {
			e.Refused = f
			return frame.Kind(f.Kind).Status, true
		}
	}
	return 0, false
}

// words gives the parts of a field with white space or commas between them.
func words(s string) []string {
	return strings.FieldsFunc(s, func(c rune) bool { return c == ' ' || c == ',' || c == '\n' || c == '\r' || c == '\t' })
}

// day reads a day of a date field in a zone; ok is false for what is none.
func day(s string, zone *time.Location) (t time.Time, ok bool) {
	t, err := time.ParseInLocation(time.DateOnly, s, zone)
	return t, err == nil
}
