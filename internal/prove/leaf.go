package prove

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/seal"
)

// glance is what the pass over a run needs of each event.
type glance struct {
	ts           int64
	verb         string
	kind, object string
	changeRows   bool // it answers for rows of changes, or may
	lends        bool // it answers for rows of lendings, or may
}

// scanLeaf reads a leaf. Leaves are canonical JSON, so one look from left to right is enough for nearly
// all; whatever is not written as expected goes to the strict decoder, which has the last word.
func scanLeaf(leaf []byte) (glance, error) {
	if g, ok := glanceAt(leaf); ok {
		return g, nil
	}
	var l ledger.Leaf
	if err := seal.Decode(leaf, &l); err != nil {
		return glance{}, err
	}
	g := glance{ts: l.TS, verb: l.Verb, kind: l.Object.Type, object: l.Object.ID}
	for _, r := range l.Rows {
		g.changeRows, g.lends = g.changeRows || slices.Contains(change.Tables, r[0]), g.lends || r[0] == lentTable
	}
	return g, nil
}

// ofChanges reports whether the rows of a leaf may be rows of changes; it can err to yes only.
func ofChanges(rows []byte) bool {
	if bytes.IndexByte(rows, '\\') >= 0 {
		return true
	}
	return bytes.Contains(rows, []byte(`"change_`)) &&
		slices.ContainsFunc(change.Tables, func(t string) bool { return bytes.Contains(rows, []byte(`"`+t+`"`)) })
}

// The members of a leaf, in the order in which canonical JSON has them.
var leafMembers = []string{"actor", "commit", "object", "outcome", "policy", "req", "rows", "src", "ts", "v", "verb"}

// glanceAt reads a leaf that is written exactly as Append writes it; ok is false for any other.
func glanceAt(b []byte) (g glance, ok bool) {
	at, next, seen := 0, 0, 0
	if len(b) == 0 || b[0] != '{' {
		return g, false
	}
	for at++; ; at++ {
		name, end := plainString(b, at)
		if end < 0 || end >= len(b) || b[end] != ':' {
			return g, false
		}
		for next < len(leafMembers) && leafMembers[next] != string(name) {
			next++
		}
		if next == len(leafMembers) {
			return g, false
		}
		next++
		from := end + 1
		if at = skipValue(b, from); at < 0 || at >= len(b) {
			return g, false
		}
		n, fits := g.take(string(name), b[from:at])
		if seen += n; !fits {
			return g, false
		}
		if b[at] == '}' {
			return g, at == len(b)-1 && seen == 4
		}
		if b[at] != ',' {
			return g, false
		}
	}
}

// take keeps what is needed of one member; n counts the members that must be there.
func (g *glance) take(name string, value []byte) (n int, ok bool) {
	switch name {
	case "object":
		return 1, g.takeObject(value)
	case "rows":
		g.changeRows, g.lends = ofChanges(value), bytes.IndexByte(value, '\\') >= 0 || bytes.Contains(value, []byte(`"`+lentTable+`"`))
		return 0, true
	case "ts":
		ts, err := strconv.ParseInt(string(value), 10, 64)
		g.ts = ts
		return 1, err == nil
	case "v":
		return 1, string(value) == "1"
	case "verb":
		verb, end := plainString(value, 0)
		g.verb = string(verb)
		return 1, end == len(value)
	}
	return 0, true
}

func (g *glance) takeObject(b []byte) bool {
	rest, ok := bytes.CutPrefix(b, []byte(`{"id":`))
	if !ok {
		return false
	}
	id, end := plainString(rest, 0)
	if end < 0 {
		return false
	}
	rest = rest[end:]
	if after, has := bytes.CutPrefix(rest, []byte(`,"rev":`)); has {
		if _, end = plainString(after, 0); end < 0 {
			return false
		}
		rest = after[end:]
	}
	rest, ok = bytes.CutPrefix(rest, []byte(`,"type":`))
	kind, end := plainString(rest, 0)
	g.kind, g.object = string(kind), string(id)
	return ok && end == len(rest)-1 && rest[end] == '}'
}

// plainString reads a string without escapes that begins at at; end is behind its quote, or -1.
func plainString(b []byte, at int) (s []byte, end int) {
	if at >= len(b) || b[at] != '"' {
		return nil, -1
	}
	n := bytes.IndexByte(b[at+1:], '"')
	if n < 0 {
		return nil, -1
	}
	s = b[at+1 : at+1+n]
	if bytes.IndexByte(s, '\\') >= 0 {
		return nil, -1
	}
	return s, at + n + 2
}

// skipValue gives the place behind the value that begins at at, or -1.
func skipValue(b []byte, at int) int {
	for depth := 0; at < len(b); {
		switch b[at] {
		case '"':
			if at = skipString(b, at); at < 0 {
				return -1
			}
			if depth == 0 {
				return at
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return at + 1
			}
			if depth < 0 {
				return at
			}
		case ',':
			if depth == 0 {
				return at
			}
		}
		at++
	}
	return -1
}

func skipString(b []byte, at int) int {
	for at++; ; {
		n := bytes.IndexByte(b[at:], '"')
		if n < 0 {
			return -1
		}
		back := 0
		for i := at + n - 1; i >= at && b[i] == '\\'; i-- {
			back++
		}
		at += n + 1
		if back%2 == 0 {
			return at
		}
	}
}

// changeNumber reads the number out of a change's id; ok only for the one spelling of it: two to eight
// capital letters, a dash, and the number with at least six digits.
func changeNumber(id string) (n int64, ok bool) {
	prefix, digits, ok := strings.Cut(id, "-")
	if !ok || len(prefix) < 2 || len(prefix) > 8 || len(digits) < 6 || len(digits) > 15 {
		return 0, false
	}
	for _, c := range []byte(prefix) {
		if c < 'A' || c > 'Z' {
			return 0, false
		}
	}
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, n > 0 && (len(digits) == 6 || digits[0] != '0')
}
