package frame

import (
	"net/url"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/web/ui"
)

// Entry is a form: what was typed, and why it was not taken. The zero entry is an empty form.
type Entry struct {
	Values  url.Values
	Refused *fault.Error
}

// Typed is the form of a request.
func Typed(v *Visit) *Entry { return &Entry{Values: v.R.PostForm} }

// Filled is a form with values to begin with, name and value in turn.
func Filled(pairs ...string) *Entry {
	e := &Entry{Values: url.Values{}}
	for i := 0; i+1 < len(pairs); i += 2 {
		e.Values.Add(pairs[i], pairs[i+1])
	}
	return e
}

// In gives a field what was typed into it and what is wrong with that.
func (e *Entry) In(i ui.In) ui.In {
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
func (e *Entry) Has(name, value string) bool {
	return e != nil && slices.Contains(e.Values[name], value)
}

// Above is the refusal without what stands at the fields with these names.
func (e *Entry) Above(fields ...string) *fault.Error {
	if e == nil || e.Refused == nil {
		return nil
	}
	f := *e.Refused
	f.Fields = slices.DeleteFunc(slices.Clone(f.Fields), func(x fault.Field) bool {
		return slices.ContainsFunc(fields, func(name string) bool { return x.Path == name || strings.HasPrefix(x.Path, name+"[") })
	})
	return &f
}
