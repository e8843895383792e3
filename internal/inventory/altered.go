package inventory

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// altered is one attribute in which two wordings of a record disagree; "" is no value.
type altered struct {
	path          string
	before, after Value
}

// earlier is the stored wording of a record, as far as another one is compared with it.
type earlier struct {
	digest string // of the wording; "" for none
	bare   Record // without its attributes
	attrs  []altered
}

// against compares a stored wording with the one that comes after it. Most attributes of a large thing are the same, and so are
// their bytes in the two stored texts: only those that differ are read.
func against(digest, was string, is *Record, text string) (earlier, error) {
	e := earlier{digest: digest}
	attrs, bare, ok := apart(was)
	if ok {
		var now string
		if now, _, ok = apart(text); ok {
			e.attrs, ok = alterations(attrs, now)
		}
	}
	if !ok { // not as this program writes it
		if err := json.Unmarshal([]byte(was), &e.bare); err != nil {
			return e, fmt.Errorf("read record: %w", err)
		}
		e.attrs = alteredIn(e.bare.Attrs, is.Attrs)
		return e, nil
	}
	if err := json.Unmarshal([]byte(bare), &e.bare); err != nil {
		return e, fmt.Errorf("read record: %w", err)
	}
	return e, nil
}

// alteredIn compares attributes, by path.
func alteredIn(was, is map[string]Value) []altered {
	var out []altered
	for p, before := range was {
		if after := is[p]; after != before {
			out = append(out, altered{p, before, after})
		}
	}
	for p, after := range is {
		if _, had := was[p]; !had && after != "" {
			out = append(out, altered{p, "", after})
		}
	}
	slices.SortFunc(out, func(a, b altered) int { return strings.Compare(a.path, b.path) })
	return out
}

// alterations compares the members of two objects of texts, by path. As long as they go in step, a member is looked at once.
func alterations(was, is string) (out []altered, ok bool) {
	found := map[string]altered{}
	bad := false
	put := func(name, before, after string) {
		path, ok := unquoted(name)
		old := found[path]
		if before != "" {
			v, fine := unquoted(before)
			old.before, ok = Value(v), ok && fine
		}
		if after != "" {
			v, fine := unquoted(after)
			old.after, ok = Value(v), ok && fine
		}
		old.path = path
		found[path], bad = old, bad || !ok
	}
	a, b := walker{s: was}, walker{s: is}
	hasA, hasB := a.member(), b.member()
	for hasA && hasB && a.name == b.name {
		if a.value != b.value {
			put(a.name, a.value, b.value)
		}
		hasA, hasB = a.member(), b.member()
	}
	left := map[string]string{}
	for ; hasA; hasA = a.member() {
		left[a.name] = a.value
	}
	for ; hasB; hasB = b.member() {
		if old, had := left[b.name]; !had || old != b.value {
			put(b.name, old, b.value)
		}
		delete(left, b.name)
	}
	for name, value := range left {
		put(name, value, "")
	}
	for _, path := range slices.Sorted(maps.Keys(found)) {
		if x := found[path]; x.before != x.after { // one text may be written in two ways
			out = append(out, x)
		}
	}
	return out, !bad && a.done() && b.done()
}

// apart takes a stored record apart: the members of its attributes, and the record without them and without what is not compared.
// ok is false for a text that is not as encode writes it.
func apart(text string) (attrs, bare string, ok bool) {
	w := walker{s: text}
	if !w.take('{') {
		return "", "", false
	}
	out := make([]byte, 0, 512)
	for w.part() {
		switch w.name {
		case `"attrs"`:
			attrs = w.value[1 : len(w.value)-1]
		case `"volatile"`:
		default:
			if len(out) > 0 {
				out = append(out, ',')
			}
			out = append(append(append(out, w.name...), ':'), w.value...)
		}
		if !w.take(',') {
			break
		}
	}
	if !w.take('}') || !w.done() {
		return "", "", false
	}
	return attrs, "{" + string(out) + "}", true
}

// walker goes over JSON that stands without spaces, as encode writes it. What it meets otherwise makes it stop short.
type walker struct {
	s           string
	i           int
	name, value string // of the member it stands on, as they are written
	bad         bool
}

func (w *walker) done() bool { return !w.bad && w.i == len(w.s) }

func (w *walker) take(c byte) bool {
	if w.i < len(w.s) && w.s[w.i] == c {
		w.i++
		return true
	}
	return false
}

// member goes to the next member of an object of texts; false at the end.
func (w *walker) member() bool {
	if w.bad || w.i == len(w.s) || w.i > 0 && !w.take(',') {
		return false
	}
	ok := false
	if w.name, ok = w.text(); ok && w.take(':') {
		w.value, ok = w.text()
	} else {
		ok = false
	}
	w.bad = !ok
	return ok
}

// part goes to the next member of a record, whose value may be a text, a list or an object.
func (w *walker) part() bool {
	ok := false
	if w.name, ok = w.text(); !ok || !w.take(':') || w.i == len(w.s) {
		w.bad = true
		return false
	}
	if w.s[w.i] == '"' {
		w.value, ok = w.text()
	} else {
		w.value, ok = w.nested()
	}
	w.bad = !ok
	return ok
}

// text reads a text with its quotes.
func (w *walker) text() (string, bool) {
	from := w.i
	if !w.take('"') {
		return "", false
	}
	for ; w.i < len(w.s); w.i++ {
		switch w.s[w.i] {
		case '\\':
			w.i++
		case '"':
			w.i++
			return w.s[from:w.i], true
		}
	}
	return "", false
}

// nested reads a list or an object whole.
func (w *walker) nested() (string, bool) {
	from, depth := w.i, 0
	for w.i < len(w.s) {
		switch w.s[w.i] {
		case '"':
			if _, ok := w.text(); !ok {
				return "", false
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		w.i++
		if depth <= 0 {
			return w.s[from:w.i], w.i > from+1
		}
	}
	return "", false
}

// unquoted reads a text that stands with its quotes.
func unquoted(quoted string) (s string, ok bool) {
	err := json.Unmarshal([]byte(quoted), &s)
	return s, err == nil
}
