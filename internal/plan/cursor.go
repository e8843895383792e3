package plan

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// cursor walks over one JSON value that jsontext has already accepted, without building anything.
// On bytes that are no JSON it ends early; it never reads outside of them.
type cursor struct {
	b []byte
	i int
}

// kind gives the first byte of the next value, 0 at the end.
func (c *cursor) kind() byte {
	for c.i < len(c.b) {
		switch c.b[c.i] {
		case ' ', '\t', '\n', '\r', ',', ':':
			c.i++
		default:
			return c.b[c.i]
		}
	}
	return 0
}

// enter steps into an object or array.
func (c *cursor) enter() { c.kind(); c.i++ }

// more reports whether another member or item follows; at the end it steps out.
func (c *cursor) more() bool {
	switch c.kind() {
	case 0:
		return false
	case '}', ']':
		c.i++
		return false
	}
	return true
}

// text steps over a string and gives it raw, with its quotes.
func (c *cursor) text() []byte {
	c.kind()
	start := c.i
	c.i++
	for c.i < len(c.b) {
		n := bytes.IndexByte(c.b[c.i:], '"')
		if n < 0 {
			break
		}
		end := c.i + n
		slashes := 0
		for end-1-slashes >= c.i && c.b[end-1-slashes] == '\\' {
			slashes++
		}
		c.i = end + 1
		if slashes%2 == 0 {
			return c.b[start:c.i]
		}
	}
	c.i = len(c.b)
	return c.b[min(start, len(c.b)):]
}

// skip steps over a whole value and gives it raw.
func (c *cursor) skip() []byte {
	switch c.kind() {
	case 0:
		return nil
	case '"':
		return c.text()
	case '{', '[':
		return c.nested()
	}
	start := c.i
	for c.i < len(c.b) {
		switch c.b[c.i] {
		case ',', '}', ']', ' ', '\t', '\n', '\r', ':', '"', '{', '[':
			if c.i == start {
				c.i++ // only where this is no JSON: never stand still
			}
			return c.b[start:c.i]
		}
		c.i++
	}
	return c.b[start:]
}

func (c *cursor) nested() []byte {
	start, depth := c.i, 0
	for c.i < len(c.b) {
		switch c.b[c.i] {
		case '"':
			c.text()
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		c.i++
		if depth == 0 {
			break
		}
	}
	return c.b[start:c.i]
}

// member steps over one name of an object and gives it decoded; the value is next.
func (c *cursor) member() []byte {
	return unquote(c.text())
}

// unquote decodes a raw string; without an escape it shares the memory of raw.
func unquote(raw []byte) []byte {
	if len(raw) >= 2 && raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	s, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		return nil
	}
	return s
}

// quote appends s as a canonical JSON string.
func quote[T ~[]byte | ~string](dst []byte, s T) []byte {
	dst, _ = jsontext.AppendQuote(dst, s) // its only error is invalid UTF-8, which it replaces
	return dst
}

// members gives the members of an object, or nothing for any other value. The values share v's memory.
func members(v []byte, f func(name string, value []byte)) {
	c := cursor{b: v}
	if c.kind() != '{' {
		return
	}
	for c.enter(); c.more(); {
		name := string(c.member())
		f(name, c.skip())
	}
}

// items gives the items of an array, or nothing for any other value.
func items(v []byte, f func(value []byte)) {
	c := cursor{b: v}
	if c.kind() != '[' {
		return
	}
	for c.enter(); c.more(); {
		f(c.skip())
	}
}

// sorted is the form in which values are stored: RFC 8785, save that numbers keep their digits, for
// plans hold integers beyond 2^53 and two of them must not become one.
func sorted(raw []byte) []byte {
	v := jsontext.Value(bytes.Clone(raw))
	if err := v.Canonicalize(jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false)); err != nil {
		return raw
	}
	return v
}
