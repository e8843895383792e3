package filing

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"plumbline.dev/plumb/internal/fault"
)

// typed is the form as it was typed: everything in it comes back, whatever became of the request. Rows of
// the same kind have a number in their names: b.0.digest.
type typed url.Values

func (t typed) get(name string) string {
	if list := t[name]; len(list) > 0 {
		return strings.TrimSpace(list[0])
	}
	return ""
}

func (t typed) set(name, value string) {
	if value == "" {
		delete(t, name)
		return
	}
	t[name] = []string{value}
}

// fill sets a field that nobody filled in yet.
func (t typed) fill(name, value string) bool {
	if t.get(name) != "" || value == "" {
		return false
	}
	t.set(name, value)
	return true
}

// many gives all values of a field, with commas and lines between them as good as fields of their own.
func (t typed) many(name string) []string {
	out := []string{}
	for _, s := range t[name] {
		for part := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ',' || r == '\n' || r == '\r' }) {
			if part = strings.TrimSpace(part); part != "" && !slices.Contains(out, part) {
				out = append(out, part)
			}
		}
	}
	return out
}

// lines gives the lines of a field that hold something.
func (t typed) lines(name string) []string {
	out := []string{}
	for s := range strings.Lines(strings.Join(t[name], "\n")) {
		if s = strings.TrimSpace(s); s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// The kinds of rows with the fields that make one; a row without any of them is not there.
var rowFields = map[string][]string{
	"b": {"kind", "name", "digest", "repo", "commit", "tree", "base", "document", "authors", "note", "renew"},
	"g": {"op", "role", "who", "into", "until"},
	"e": {"target", "path", "op", "after"},
	"x": {"who", "repo", "pipe"},
	"a": {"name", "digest", "size"},
}

// hollow are fields that a row has even when nobody filled it in.
var hollow = map[string]bool{"kind": true, "op": true, "note": true, "renew": true}

// maxRows bounds the rows of one kind in one form.
const maxRows = 200

// rows lists the prefixes of the rows of a kind that hold something, in their order, such as b.0.
func (t typed) rows(kind string) []string {
	numbers := []int{}
	for name := range t {
		parts := strings.Split(name, ".")
		if len(parts) != 3 || parts[0] != kind || hollow[parts[2]] || !slices.Contains(rowFields[kind], parts[2]) || t.get(name) == "" {
			continue
		}
		if n, err := strconv.Atoi(parts[1]); err == nil && n >= 0 && n < 10*maxRows && !slices.Contains(numbers, n) {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	out := make([]string, len(numbers))
	for i, n := range numbers {
		out[i] = fmt.Sprintf("%s.%d", kind, n)
	}
	return out
}

// next is the prefix of a new row of a kind.
func (t typed) next(kind string) string {
	rows := t.rows(kind)
	if len(rows) == 0 {
		return kind + ".0"
	}
	n, _ := strconv.Atoi(strings.TrimPrefix(rows[len(rows)-1], kind+"."))
	return fmt.Sprintf("%s.%d", kind, n+1)
}

// tidy takes out the rows that were ticked for removal, and gives the others new numbers without gaps.
func (t typed) tidy() {
	for kind, fields := range rowFields {
		old := []map[string]string{}
		for _, row := range t.rows(kind) {
			if t.get(row+".del") != "" {
				continue
			}
			values := map[string]string{}
			for _, f := range fields {
				values[f] = t.get(row + "." + f)
			}
			old = append(old, values)
		}
		for name := range t {
			if parts := strings.Split(name, "."); len(parts) == 3 && parts[0] == kind {
				delete(t, name)
			}
		}
		for i, values := range old {
			for f, v := range values {
				t.set(fmt.Sprintf("%s.%d.%s", kind, i, f), v)
			}
		}
	}
}

// add appends a row.
func (t typed) add(kind string, values map[string]string) string {
	row := t.next(kind)
	for f, v := range values {
		t.set(row+"."+f, v)
	}
	return row
}

// unkept are the fields that no draft keeps: a pasted plan can hold secrets, and the rest belongs to one
// request.
var unkept = []string{"paste", "do", "draft", "once", "up.kind", "up.repo", "rb.up"}

// encode is the form for a draft.
func (t typed) encode() string {
	kept := url.Values{}
	for name, list := range t {
		if slices.Contains(unkept, name) || len(strings.Join(list, "")) == 0 {
			continue
		}
		kept[name] = list
	}
	return kept.Encode()
}

// decode reads a draft back.
func decode(body string) (typed, error) {
	v, err := url.ParseQuery(body)
	if err != nil {
		return nil, fault.New(fault.Internal, "bad_draft", "The draft cannot be read.").From(err)
	}
	return typed(v), nil
}

// title is what the draft is listed by.
func (t typed) title() string {
	s := []rune(strings.Join(strings.Fields(t.get("summary")), " "))
	if len(s) == 0 {
		return "Without a title"
	}
	return string(s[:min(len(s), 120)])
}
