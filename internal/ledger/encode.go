package ledger

import (
	"maps"
	"slices"
	"strconv"

	"plumbline.dev/plumb/internal/seal"
)

// An event is written with every step of everything, so its leaf is put together by hand. The bytes are
// those of seal.Canonical: members in the order of their names, and none that is empty where the type
// says so. The tests hold both against each other.

// encoder appends canonical JSON; the first error ends it.
type encoder struct {
	buf []byte
	err error
}

// member begins the next member of an object.
func (e *encoder) member(name string) {
	if last := e.buf[len(e.buf)-1]; last != '{' {
		e.buf = append(e.buf, ',')
	}
	e.buf = append(append(append(e.buf, '"'), name...), '"', ':')
}

func (e *encoder) text(s string) {
	if e.err == nil {
		e.buf, e.err = seal.AppendText(e.buf, s)
	}
}

// some appends a member, unless its text is empty.
func (e *encoder) some(name, s string) {
	if s != "" {
		e.member(name)
		e.text(s)
	}
}

func (e *encoder) always(name, s string) {
	e.member(name)
	e.text(s)
}

func (e *encoder) number(name string, n int64) {
	e.member(name)
	if n > maxNumber || n < -maxNumber {
		e.err = seal.ErrNumber
	}
	e.buf = strconv.AppendInt(e.buf, n, 10)
}

// maxNumber is the largest integer that every reader of JSON takes as it is.
const maxNumber = 1 << 53

// canonical gives the leaf's RFC 8785 bytes.
func (l Leaf) canonical() ([]byte, error) {
	e := &encoder{buf: make([]byte, 0, 1024)}
	e.buf = append(e.buf, '{')
	e.member("actor")
	e.actor(l.Actor)
	if len(l.Commit) > 0 {
		e.member("commit")
		e.commitments(l.Commit)
	}
	e.member("object")
	e.buf = append(e.buf, '{')
	e.always("id", l.Object.ID)
	e.some("rev", l.Object.Rev)
	e.always("type", l.Object.Type)
	e.buf = append(e.buf, '}')
	e.always("outcome", l.Outcome)
	e.some("policy", l.Policy)
	e.some("req", l.Request)
	if len(l.Rows) > 0 {
		e.member("rows")
		e.rows(l.Rows)
	}
	e.some("src", l.Source)
	e.number("ts", l.TS)
	e.number("v", int64(l.V))
	e.always("verb", l.Verb)
	return append(e.buf, '}'), e.err
}

func (e *encoder) actor(a LeafActor) {
	e.buf = append(e.buf, '{')
	e.some("account", a.Account)
	e.some("authn", a.Authn)
	e.always("kind", a.Kind)
	e.some("person", a.Person)
	e.some("via", a.Via)
	e.buf = append(e.buf, '}')
}

func (e *encoder) commitments(list map[string]string) {
	e.buf = append(e.buf, '{')
	for _, name := range slices.Sorted(maps.Keys(list)) {
		if !plainName(name) {
			e.err = errName
		}
		e.member(name)
		e.text(list[name])
	}
	e.buf = append(e.buf, '}')
}

func (e *encoder) rows(list [][3]string) {
	e.buf = append(e.buf, '[')
	for i, row := range list {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		for j, s := range row {
			e.buf = append(e.buf, "[,,"[j])
			e.text(s)
		}
		e.buf = append(e.buf, ']')
	}
	e.buf = append(e.buf, ']')
}

// plainName reports whether a detail's name stands in JSON as it is. Names are constants of this program.
func plainName(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return s != ""
}
