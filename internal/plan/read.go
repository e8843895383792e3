package plan

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/fault"
)

// Limits of what is read.
const (
	MaxPlan  = 64 << 20 // bytes of plan JSON and of a document; more is plan_too_large
	maxDepth = 192      // nesting of plan JSON: modules in modules, each three levels
	maxRows  = 200000   // resource changes; each takes some hundred bytes, so a real plan has fewer
	LeastKey = 16       // bytes of a key for keyed markers
)

// Options say how a plan is read.
type Options struct {
	// Key is the key of the repository under which sensitive values are hashed, at least LeastKey
	// bytes. Without one, sensitive values become indistinguishable and the plan gets no normalized
	// digest where it holds any.
	Key []byte
	// Limit lowers MaxPlan, in bytes; 0 and anything higher mean MaxPlan.
	Limit int64
}

// Plan is a redacted plan. It holds nothing of the plan's own bytes but Secrets, which never print.
type Plan struct {
	doc   document
	known *Secrets
}

// Secrets gives what the plan holds in secret, for masking it in the output of the apply. It is nil
// for a plan that was read from a document.
func (p *Plan) Secrets() *Secrets { return p.known }

// Read reads the output of `terraform show -json` or `tofu show -json` and redacts it. Nothing of the
// plan is in an error. It refuses plans over the limit (plan_too_large), of another major format
// (unknown_format), with duplicate members, and with parts that it cannot classify.
func Read(r io.Reader, o Options) (*Plan, error) {
	if n := len(o.Key); n > 0 && n < LeastKey {
		return nil, fault.New(fault.Invalid, "weak_key", "The key for sensitive values is shorter than %d bytes.", LeastKey).
			Then("ask the server for the repository's key again")
	}
	limit := o.Limit
	if limit <= 0 || limit > MaxPlan {
		limit = MaxPlan
	}
	g := &guard{r: bufio.NewReaderSize(r, 1<<14), left: limit, limit: limit}
	p := &parser{dec: jsontext.NewDecoder(g), changing: map[string]bool{},
		red: newRedactor(newSecrets(bytes.Clone(o.Key)))}
	if err := p.read(); err != nil {
		return nil, g.explain(err, p.dec)
	}
	doc, err := p.finish()
	if err != nil {
		return nil, err
	}
	return &Plan{doc: *doc, known: p.red.known}, nil
}

// guard passes a plan on, and stops at its limits of size and depth before anything is built.
type guard struct {
	r           *bufio.Reader
	left, limit int64
	depth       int
	quoted, esc bool
	deep, large bool
	cut         []byte // the first bytes of a character that the part before ended in
	garbled     bool   // something was not UTF-8
	cause       error  // what the reader below said
}

var errLimit = errors.New("plan: over a limit")

// Read passes bytes on.
func (g *guard) Read(b []byte) (int, error) {
	n, err := g.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		g.cause = err
	}
	if g.left -= int64(n); g.left < 0 {
		g.large = true
		return 0, errLimit
	}
	if g.nests(b[:n]) {
		g.deep = true
		return 0, errLimit
	}
	g.garbled = g.garbled || !g.text(b[:n])
	return n, err
}

// text reports whether the next part is UTF-8. A character that it cuts in two is taken with the next part;
// one that the end cuts is the decoder's to refuse.
func (g *guard) text(b []byte) bool {
	for len(g.cut) > 0 && len(b) > 0 {
		g.cut, b = append(g.cut, b[0]), b[1:]
		if !utf8.FullRune(g.cut) {
			continue
		}
		if !utf8.Valid(g.cut) {
			return false
		}
		g.cut = g.cut[:0]
	}
	for back := 1; back <= min(len(b), utf8.UTFMax-1); back++ {
		if c := b[len(b)-back]; utf8.RuneStart(c) {
			if tail := b[len(b)-back:]; !utf8.FullRune(tail) {
				g.cut, b = append(g.cut, tail...), b[:len(b)-back]
			}
			break
		}
	}
	return utf8.Valid(b)
}

// nests follows the brackets outside of strings, and reports whether they nest beyond maxDepth.
func (g *guard) nests(b []byte) bool {
	for i := 0; i < len(b); i++ {
		if g.quoted {
			i = g.pass(b, i)
			continue
		}
		switch b[i] {
		case '"':
			g.quoted = true
		case '{', '[':
			if g.depth++; g.depth > maxDepth {
				return true
			}
		case '}', ']':
			g.depth--
		}
	}
	return false
}

// pass goes from i, inside a string, to its closing quote or to the end of b.
func (g *guard) pass(b []byte, i int) int {
	if g.esc { // the last byte of the part before was a backslash
		g.esc = false
		i++
	}
	for i < len(b) {
		n := bytes.IndexByte(b[i:], '"')
		end := i + n
		if n < 0 {
			end = len(b)
		}
		slashes := 0
		for end-1-slashes >= i && b[end-1-slashes] == '\\' {
			slashes++
		}
		switch {
		case n < 0:
			g.esc = slashes%2 == 1
			return end
		case slashes%2 == 0:
			g.quoted = false
			return end
		}
		i = end + 1
	}
	return i
}

// explain turns the error of the decoder into a refusal. The decoder's own words may quote the plan,
// so only the place is kept.
func (g *guard) explain(err error, dec *jsontext.Decoder) error {
	var own *fault.Error
	if errors.As(err, &own) {
		return own
	}
	switch {
	case g.large:
		return tooLarge(g.limit)
	case g.deep:
		return tooDeep()
	case g.cause != nil:
		return &readError{cause: g.cause}
	}
	return unreadable(err, dec.InputOffset(), g.garbled).FixedBy("whoever made the plan").Then("terraform show -json tfplan")
}

// unreadable is the refusal of broken JSON, without the decoder's words; garbled says that it is no UTF-8.
func unreadable(err error, at int64, garbled bool) *fault.Error {
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return fault.New(fault.Invalid, "duplicate_member", "The plan has the same member twice in one object.").
			Then("make it again: terraform show -json tfplan")
	case garbled:
		return fault.New(fault.Invalid, "bad_utf8", "The plan is not valid UTF-8.").
			Then("make it again: terraform show -json tfplan")
	}
	return fault.New(fault.Invalid, "bad_json", "The plan is not the JSON that was expected (near byte %d).", at).
		Then("make it again: terraform show -json tfplan")
}

// readError keeps the cause of a broken reader, in words of ours.
type readError struct{ cause error }

// Error says that the plan could not be read.
func (e *readError) Error() string { return "read plan: " + e.cause.Error() }

// Unwrap gives what the reader said.
func (e *readError) Unwrap() error { return e.cause }

func tooLarge(limit int64) error {
	return fault.New(fault.TooLarge, "plan_too_large", "The plan is larger than %d bytes.", limit).
		FixedBy("whoever made the plan").Then("split the configuration, or plan fewer resources at once")
}

func tooDeep() error {
	return fault.New(fault.Invalid, "too_deep", "The plan nests deeper than is read here.").Then("nest fewer modules")
}
