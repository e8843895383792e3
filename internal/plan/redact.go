package plan

import (
	"bytes"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// maxValueDepth bounds the nesting of one attribute value, so that the stored document stays within
// seal.MaxDepth.
const maxValueDepth = 56

// What a redactor does with what it finds.
type mode int

const (
	writing    mode = iota // write the redacted value, canonical, to out
	collecting             // only remember what is secret
	marking                // only note which parts of the text are secret
)

// reach says how far collecting looks: at what the mask covers, at names too, at texts too.
type reach int

const (
	farMask reach = iota
	farName
	farText
)

// state is what the names above a value say about it.
type state struct {
	secret bool // a secret's name stands above
	digest bool // fingerprints are at home here
}

// member is one written member of an object, for putting the members in order.
type member struct {
	name     []byte
	from, to int
}

// piece is a part of a text and what to put in its place.
type piece struct {
	from, to int
	text     string
}

// redactor walks over one value with its mask. It is the only writer of values: what it does not
// write does not leave the machine.
type redactor struct {
	known   *Secrets
	mode    mode
	reach   reach // of collecting
	out     []byte
	address string
	path    []byte
	depth   int
	deep    bool // something nested deeper than maxValueDepth, and was dropped: the plan is refused
	spans   []span
	learnt  recent // when collecting: texts that were learnt from
	shown   recent // else: texts that need no mask where no digest is at home
	stack   []member
	pieces  []piece
	names   map[string]*verdict
}

// verdict is what is known of a name. Names repeat, so it is kept.
type verdict struct {
	state
	judged bool // tells is known; only when all secrets are
	tells  bool // the name itself holds a secret
}

func newRedactor(known *Secrets) *redactor {
	return &redactor{known: known, names: map[string]*verdict{}}
}

// redact gives the redacted canonical form of one value at the root of an address.
func (r *redactor) redact(address, path string, raw []byte, m *mask, st state) []byte {
	if len(raw) == 0 {
		return nil
	}
	r.mode, r.address, r.path, r.out = writing, address, append(r.path[:0], path...), r.out[:0]
	c := cursor{b: raw}
	r.value(&c, m, st)
	return bytes.Clone(r.out)
}

// collect remembers what is secret in a value.
func (r *redactor) collect(raw []byte, m *mask, st state, far reach) {
	if len(raw) == 0 || far == farMask && m == nil {
		return
	}
	r.mode, r.path, r.reach = collecting, r.path[:0], far
	c := cursor{b: raw}
	r.value(&c, m, st)
}

func (r *redactor) value(c *cursor, m *mask, st state) {
	kind := c.kind()
	if kind != 'n' && m.covers(kind) { // that a value is absent is no secret, and must be seen
		r.hide(c, c.skip())
		return
	}
	if r.depth >= maxValueDepth {
		r.tooDeep(c, c.skip())
		return
	}
	switch kind {
	case '{':
		r.depth++
		r.object(c, m, st)
		r.depth--
	case '[':
		r.depth++
		r.array(c, m, st)
		r.depth--
	case '"':
		r.text(c, st)
	case 't', 'f', 'n':
		r.put(c.skip())
	default:
		raw := c.skip()
		if st.secret || len(raw) >= leastWord && r.known.is(raw) {
			r.hide(c, raw)
			return
		}
		r.put(raw)
	}
}

// tooDeep drops a value of a plan, which is then refused; in a text that only holds JSON it hides it.
func (r *redactor) tooDeep(c *cursor, raw []byte) {
	switch r.mode {
	case writing:
		r.deep = true
	case marking:
		r.hide(c, raw)
	}
}

func (r *redactor) put(b []byte) {
	if r.mode == writing {
		r.out = append(r.out, b...)
	}
}

func (r *redactor) object(c *cursor, m *mask, st state) {
	base, start := len(r.stack), c.i
	looked, named := false, false
	r.put([]byte{'{'})
	for c.enter(); c.more(); {
		raw := c.text()
		name := unquote(raw)
		if r.mode == collecting && r.reach == farMask {
			if sub := m.member(name); sub != nil {
				r.value(c, sub, st)
			} else {
				c.skip()
			}
			continue
		}
		from := len(r.out)
		v := r.verdict(name)
		shown := r.name(c, raw, name, v, len(r.stack)-base)
		r.put([]byte{':'})
		sub := state{secret: v.secret || st.secret, digest: v.digest}
		if !sub.secret && holdsValue(name) {
			if !looked {
				looked, named = true, r.namedSecret(c.b[start:])
			}
			sub.secret = named
		}
		mark := len(r.path)
		if r.mode != collecting {
			r.step(name)
		}
		r.value(c, m.member(name), sub)
		r.path = r.path[:mark]
		if r.mode == writing {
			r.stack = append(r.stack, member{name: shown, from: from, to: len(r.out)})
			r.out = append(r.out, ',')
		}
	}
	if r.mode == writing {
		r.order(r.stack[base:])
		if len(r.stack) > base {
			r.out = r.out[:len(r.out)-1]
		}
		r.out = append(r.out, '}')
		r.stack = r.stack[:base]
	}
}

// order puts the members just written in the order of RFC 8785, where they are not.
func (r *redactor) order(list []member) {
	if slices.IsSortedFunc(list, byName) {
		return
	}
	from := list[0].from
	old := bytes.Clone(r.out[from:])
	slices.SortStableFunc(list, byName)
	r.out = r.out[:from]
	for _, m := range list {
		r.out = append(append(r.out, old[m.from-from:m.to-from]...), ',')
	}
}

func byName(a, b member) int { return compareNames(a.name, b.name) }

// compareNames orders member names by UTF-16 code units, as RFC 8785 demands.
func compareNames(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	if n == len(a) || n == len(b) || a[n] < 0xEE && b[n] < 0xEE {
		return bytes.Compare(a, b)
	}
	return slices.Compare(utf16.Encode(bytes.Runes(a)), utf16.Encode(bytes.Runes(b)))
}

func (r *redactor) array(c *cursor, m *mask, st state) {
	r.put([]byte{'['})
	n, flag := 0, false
	for c.enter(); c.more(); n++ {
		if n > 0 {
			r.put([]byte{','})
		}
		mark := len(r.path)
		r.path = strconv.AppendInt(append(r.path, '/'), int64(n), 10)
		item, from := st, c.i
		item.secret = st.secret || flag
		r.value(c, m.item(n), item)
		flag = flagged(c.b[from:c.i])
		r.path = r.path[:mark]
	}
	r.put([]byte{']'})
}

// step goes one name down, as a JSON Pointer does.
func (r *redactor) step(name []byte) {
	r.path = append(r.path, '/')
	for _, b := range name {
		switch b {
		case '~':
			r.path = append(r.path, '~', '0')
		case '/':
			r.path = append(r.path, '~', '1')
		default:
			r.path = append(r.path, b)
		}
	}
}

// name writes the name of a member, masked whole where it holds a secret, and gives it as written.
// Without a key the masked names of one object are told apart by n.
func (r *redactor) name(c *cursor, raw, name []byte, v *verdict, n int) []byte {
	if r.mode == collecting {
		return nil
	}
	if !r.tells(name, v) {
		if r.mode == writing {
			r.clean(raw, name)
		}
		return name
	}
	shown := r.known.marker(r.address, string(r.path)+"/", quote(nil, name))
	if shown == bareMarker {
		shown += "#" + strconv.Itoa(n)
	}
	if r.mode == marking {
		r.pieces = append(r.pieces, piece{from: c.i - len(raw), to: c.i, text: `"` + shown + `"`})
		return nil
	}
	r.out = quote(r.out, shown)
	return []byte(shown)
}

// tells reports whether the name of a member gives a secret away.
func (r *redactor) tells(name []byte, v *verdict) bool {
	if len(name) < leastInside {
		return unsure(name)
	}
	if !v.judged {
		r.spans = r.known.find(r.spans[:0], name, leastInName)
		r.spans = scan(r.spans, name, false)
		v.judged = true
		v.tells = len(r.spans) > 0 || name[0] == '{' || name[0] == '[' || r.known.is(name) || unsure(name)
	}
	return v.tells
}

// unsure reports whether a text must be masked whole: because it pretends to hold a marker, which must
// always be the redactor's own, or because it holds U+0000, which not every database can store.
func unsure(text []byte) bool {
	return bytes.IndexByte(text, 0) >= 0 || bytes.Contains(text, []byte(anyMarker))
}

// about says what a name tells of the value below.
func (r *redactor) about(name []byte) state { return r.verdict(name).state }

func (r *redactor) verdict(name []byte) *verdict {
	if v, ok := r.names[string(name)]; ok {
		return v
	}
	v := &verdict{state: state{secret: secretName(name, false), digest: digestName(name)}}
	if len(r.names) < 1<<14 && len(name) <= maxName {
		r.names[string(name)] = v
	}
	return v
}

// holdsValue and namedSecret know the pairs {name: "DB_PASSWORD", value: "…"} in which settings of
// containers and functions are written.
func holdsValue(name []byte) bool {
	switch string(name) {
	case "value", "Value", "default", "content", "plaintext", "val", "string_value":
		return true
	}
	return false
}

func (r *redactor) namedSecret(object []byte) bool {
	c := cursor{b: object}
	for c.enter(); c.more(); {
		name, value := c.member(), c.skip()
		switch string(name) {
		case "name", "Name", "key", "Key", "variable", "parameter":
			if len(value) > 0 && value[0] == '"' && secretName(unquote(value), false) {
				return true
			}
		}
	}
	return false
}

// hide puts a marker in the place of a whole value that the cursor has just passed.
func (r *redactor) hide(c *cursor, raw []byte) {
	switch r.mode {
	case collecting:
		r.learn(raw)
	case marking:
		r.pieces = append(r.pieces, piece{from: c.i - len(raw), to: c.i, text: `"` + r.mark(raw) + `"`})
	default:
		r.out = quote(r.out, r.mark(raw))
	}
}

func (r *redactor) mark(raw []byte) string {
	return r.known.marker(r.address, string(r.path), sorted(raw))
}

// learn remembers every text and every longer number in a secret value.
func (r *redactor) learn(raw []byte) {
	c := cursor{b: raw}
	for c.i < len(raw) {
		switch c.kind() {
		case 0:
			return
		case '{', '[', '}', ']':
			c.i++
		case '"':
			if text := c.text(); !isName(raw, c.i) { // names are not values
				r.known.add(string(unquote(text)))
			}
		default:
			if n := c.skip(); len(n) >= leastWord {
				r.known.add(string(n))
			}
		}
	}
}

func (r *redactor) text(c *cursor, st state) {
	raw := c.text()
	s := unquote(raw)
	switch {
	case len(s) == 0:
		r.put([]byte(`""`))
	case st.secret, r.mode != collecting && r.known.is(s):
		r.hide(c, raw)
	case r.mode == collecting && r.reach != farText:
	case len(s) > 1 && (s[0] == '{' || s[0] == '[' || s[0] == '"') && jsontext.Value(s).IsValid():
		r.inner(c, raw, s, st)
	default:
		r.words(c, raw, s, st)
	}
}

// words masks parts of a text, or all of it where little else would stay.
func (r *redactor) words(c *cursor, raw, s []byte, st state) {
	if r.mode == collecting {
		if !r.learnt.has(s) {
			r.learnWords(s)
			r.learnt.add(s)
		}
		return
	}
	if r.shown.has(s) {
		r.clean(raw, s)
		return
	}
	r.spans = r.known.find(r.spans[:0], s, leastWord)
	r.spans = scan(r.spans, s, st.digest)
	if len(r.spans) == 0 && !unsure(s) {
		if !st.digest {
			r.shown.add(s)
		}
		r.clean(raw, s)
		return
	}
	r.spans = merge(r.spans)
	hidden := 0
	for _, p := range r.spans {
		hidden += p.to - p.from
	}
	if r.mode == marking || hidden*2 >= len(s) || len(r.spans) > 64 || unsure(s) {
		r.hide(c, raw)
		return
	}
	var pieces []piece
	for _, p := range r.spans {
		pieces = append(pieces, piece{from: p.from, to: p.to,
			text: r.known.marker(r.address, string(r.path), quote(nil, s[p.from:p.to]))})
	}
	r.out = quote(r.out, splice(s, pieces))
}

// learnWords remembers the parts of a text that only their surroundings give away; what looks like a
// secret by itself is found wherever it stands.
func (r *redactor) learnWords(s []byte) {
	r.spans = scanContext(r.spans[:0], s)
	for _, p := range r.spans {
		if part := s[p.from:p.to]; p.learnt && len(part) >= leastInside && utf8.Valid(part) {
			r.known.add(string(bytes.TrimRight(part, " ")))
		}
	}
}

func (r *redactor) clean(raw, s []byte) {
	if r.mode != writing {
		return
	}
	if len(raw) == len(s)+2 {
		r.out = append(r.out, raw...)
		return
	}
	r.out = quote(r.out, s)
}

// inner redacts JSON that stands inside a text, leaving every other byte of the text as it is.
func (r *redactor) inner(c *cursor, raw, s []byte, st state) {
	outer, pieces := r.mode, r.pieces
	if r.mode == writing {
		r.mode = marking
	}
	r.pieces = nil
	r.depth++
	in := cursor{b: s}
	r.value(&in, nil, st)
	r.depth--
	found := r.pieces
	r.mode, r.pieces = outer, pieces
	switch {
	case r.mode == collecting:
	case len(found) == 0 && !unsure(s):
		r.clean(raw, s)
	case r.mode == marking || unsure(s):
		r.hide(c, raw)
	default:
		r.out = quote(r.out, splice(s, found))
	}
}

func splice(s []byte, pieces []piece) []byte {
	var out []byte
	at := 0
	for _, p := range pieces {
		out = append(append(out, s[at:p.from]...), p.text...)
		at = p.to
	}
	return append(out, s[at:]...)
}
