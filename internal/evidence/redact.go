package evidence

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Redact hides in a whole document what Mask hides in one text, and reports in how many places. Failure
// messages and logs in reports hold what the program under test had in its hands. A document without such
// a place comes back as the very same bytes; so does one that is no text, which cannot be searched. Names,
// numbers and the form of JSON and XML stay, so that a report reads as before.
func Redact(document []byte) (clean []byte, masked int) {
	if !utf8.Valid(document) || bytes.IndexByte(document, 0) >= 0 {
		return document, 0
	}
	if out, n, err := redactJSON(document); err == nil {
		return either(n, out, document), n
	}
	out, n := redactText(string(document))
	return either(n, []byte(out), document), n
}

func either(n int, changed, same []byte) []byte {
	if n == 0 {
		return same
	}
	return changed
}

// redactText masks between the tags of a text, so that no shape reaches over one.
func redactText(s string) (string, int) {
	var out strings.Builder
	n := 0
	for s != "" {
		i := strings.IndexAny(s, "<>")
		if i < 0 {
			i = len(s) - 1
		}
		part, mark := s[:i+1], ""
		if c := part[len(part)-1]; c == '<' || c == '>' {
			part, mark = part[:len(part)-1], part[len(part)-1:]
		}
		n += maskInto(&out, part)
		out.WriteString(mark)
		s = s[i+1:]
	}
	return out.String(), n
}

func maskInto(out *strings.Builder, part string) int {
	m := Mask(part)
	out.WriteString(m)
	if m == part {
		return 0
	}
	return 1
}

var errNotJSON = errors.New("not one JSON document")

// redactJSON masks the strings of one JSON document, and those whose own name says that they are secret.
func redactJSON(document []byte) ([]byte, int, error) {
	if first := bytes.TrimSpace(document); len(first) == 0 || first[0] != '{' && first[0] != '[' {
		return nil, 0, errNotJSON
	}
	dec := jsontext.NewDecoder(bytes.NewReader(document), jsontext.AllowDuplicateNames(true))
	var buf bytes.Buffer
	enc := jsontext.NewEncoder(&buf, jsontext.AllowDuplicateNames(true), jsontext.Multiline(true))
	n, name := 0, ""
	for {
		t, err := dec.ReadToken()
		if errors.Is(err, io.EOF) && dec.StackDepth() == 0 {
			return buf.Bytes(), n, nil
		}
		if err != nil {
			return nil, 0, err
		}
		in, at := dec.StackIndex(dec.StackDepth())
		switch {
		case t.Kind() == '"' && in == '{' && at%2 == 1:
			name = t.String()
		case t.Kind() == '"':
			s := t.String()
			m := Mask(s)
			if named := name + "="; !strings.ContainsAny(s, " \t\r\n") && Mask(named+s) == named+masked {
				m = masked
			}
			if m != s {
				n++
				t = jsontext.String(m)
			}
		}
		if err := enc.WriteToken(t); err != nil {
			return nil, 0, err
		}
	}
}
