package ui

import (
	"fmt"
	"strings"
)

// OnceField names the field by which a form that makes something is known when it comes again.
const OnceField = "once"

// In is one field of a form: what it is called, what it holds and what is wrong with it.
type In struct {
	Name     string
	Of       string // the form, where a page has several with a field of this name
	Label    string
	Hint     string
	Value    string
	Wrong    string // why the last try was not taken
	Kind     string // type of the input; "" for text
	Sample   string // an example, shown while the field is empty
	Complete string // autocomplete
	Pattern  string
	Longest  int // in characters; 0 for 300
	Required bool
	Focus    bool
}

// ID is the element's id: the name with nothing that an id cannot hold.
func (i In) ID() string {
	id := "f-"
	if i.Of != "" {
		id += i.Of + "-"
	}
	return id + strings.NewReplacer(".", "-", "[", "-", "]", "").Replace(i.Name)
}

func (i In) kind() string {
	if i.Kind == "" {
		return "text"
	}
	return i.Kind
}

func (i In) longest() string {
	if i.Longest == 0 {
		return "300"
	}
	return fmt.Sprint(i.Longest)
}

// described lists the ids of the texts that explain the field.
func (i In) described() string {
	ids := []string{}
	if i.Hint != "" {
		ids = append(ids, i.ID()+"-hint")
	}
	if i.Wrong != "" {
		ids = append(ids, i.ID()+"-wrong")
	}
	return strings.Join(ids, " ")
}

// Option is one answer of a choice.
type Option struct{ Value, Text string }

// Options makes answers whose text is the value in words.
func Options(values ...string) []Option {
	out := make([]Option, len(values))
	for i, v := range values {
		out[i] = Option{v, Words(v)}
	}
	return out
}
