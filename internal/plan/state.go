package plan

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Redactor masks the values of a state as those of a plan are masked: by the tool's own marks, by their names, by how they
// look, and wherever a value that is secret in one place stands again in another. First it learns from every object, then it
// redacts.
type Redactor struct{ red *redactor }

// NewRedactor makes a redactor whose markers hold what keyed makes of a secret and its place; it must not give the secret away.
func NewRedactor(keyed func(secret string) string) *Redactor {
	known := newSecrets(nil)
	known.keyed = keyed
	return &Redactor{red: newRedactor(known)}
}

// Marks are the parts of an object that the tool holds for sensitive.
type Marks struct{ mask *mask }

// NestedMarks reads sensitive_values: nested booleans of the same shape as the object.
func NestedMarks(raw []byte) Marks { return Marks{readMask(raw)} }

// PathMarks reads sensitive_attributes of a state file: paths of steps. A path that is not understood covers everything. Absent ones,
// as old tools write, cover nothing: names and looks then decide alone.
func PathMarks(raw []byte) Marks {
	root := &mask{}
	ok := true
	items(raw, func(path []byte) {
		at, steps := root, 0
		items(path, func(step []byte) {
			next, known := at.step(step)
			ok = ok && known
			at, steps = next, steps+1
		})
		at.all = true
		ok = ok && steps <= maxValueDepth
	})
	switch {
	case len(raw) > 0 && raw[0] != '[' && raw[0] != 'n' || !ok:
		return Marks{coversAll}
	case root.all || root.names != nil:
		return Marks{root}
	}
	return Marks{}
}

// step goes one step of a path down, and makes the mask below where there is none.
func (m *mask) step(raw []byte) (next *mask, ok bool) {
	var kind string
	var value []byte
	members(raw, func(name string, v []byte) {
		switch name {
		case "type":
			kind = textOf(v)
		case "value":
			value = v
		}
	})
	if len(value) > 0 && value[0] == '{' { // an index: {"value": …, "type": "number"}
		members(value, func(name string, v []byte) {
			if name == "value" {
				value = v
			}
		})
	}
	if kind != "get_attr" && kind != "index" || len(value) == 0 || value[0] != '"' {
		m.all = true // an item of a list: lists are shown whole or not at all
		return m, kind == "index"
	}
	if m.names == nil {
		m.names = map[string]*mask{}
	}
	name := string(unquote(value))
	if m.names[name] == nil {
		m.names[name] = &mask{}
	}
	return m.names[name], true
}

// Learn remembers what is secret in one object.
func (r *Redactor) Learn(raw []byte, m Marks) {
	r.red.collect(raw, m.mask, state{}, farText)
}

// Redact gives one object redacted, in canonical form. It reports false for one that nests deeper than is read.
func (r *Redactor) Redact(address string, raw []byte, m Marks) (redacted jsontext.Value, ok bool) {
	if !r.red.known.ready {
		r.red.known.settle()
	}
	r.red.deep = false
	out := r.red.redact(address, "", raw, m.mask, state{})
	return out, !r.red.deep
}

// Place gives an address as it may be shown.
func (r *Redactor) Place(address string) string { return r.red.where(address) }

// Leaf is one value of an object by its path, such as tags.Name or rule[0].port, in the form in which a plan's differences name
// it. A list of plain values is one leaf; an empty object or an absent value is none.
type Leaf struct {
	Path  string
	Value jsontext.Value
}

// Leaves lists the leaves of a redacted object.
func Leaves(v jsontext.Value) []Leaf {
	var out []Leaf
	walk(&out, "", v)
	return out
}

func walk(out *[]Leaf, at string, v []byte) {
	switch {
	case isNull(v):
	case v[0] == '{':
		c := cursor{b: v}
		for c.enter(); c.more(); {
			name := c.text()
			walk(out, join(at, name), c.skip())
		}
	case v[0] == '[' && nested(v):
		n := 0
		items(v, func(item []byte) {
			walk(out, join(at, []byte(strconv.Itoa(n))), item)
			n++
		})
	default:
		*out = append(*out, Leaf{Path: at, Value: v})
	}
}

// nested reports whether a list holds objects or lists.
func nested(list []byte) (found bool) {
	items(list, func(item []byte) { found = found || len(item) > 0 && (item[0] == '{' || item[0] == '[') })
	return found
}

// Masked reports whether a redacted value holds a marker.
func Masked(v jsontext.Value) bool { return bytes.Contains(v, []byte(anyMarker)) }

// ProviderOf reads the provider out of what a state says of it, such as provider["registry.terraform.io/hetznercloud/hcloud"].west;
// "" for what is none.
func ProviderOf(text string) string {
	if _, rest, ok := strings.Cut(text, `provider["`); ok {
		text, _, _ = strings.Cut(rest, `"]`)
	}
	if !providerName(text) {
		return ""
	}
	return text
}
