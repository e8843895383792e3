package seal

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/fault"
)

// ErrNumber refuses canonical JSON with a number that is not an integer between -2^53 and 2^53:
// readers would round it, each in its own way, and the digest would cover something else.
var ErrNumber = errors.New("seal: canonical JSON holds only integers up to 2^53")

// Canonical returns v as RFC 8785 canonical JSON. Digests are taken over these bytes, so a number
// other than an integer up to 2^53 is ErrNumber.
func Canonical(v any) ([]byte, error) {
	if s, ok := v.(string); ok && plainText(s) {
		return AppendText(make([]byte, 0, len(s)+2), s)
	}
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	if !integersOnly(b) {
		return nil, ErrNumber
	}
	val := jsontext.Value(b)
	if err := val.Canonicalize(); err != nil {
		return nil, err
	}
	return val, nil
}

// AppendText appends the canonical form of a text.
func AppendText(b []byte, s string) ([]byte, error) {
	if !plainText(s) {
		q, err := json.Marshal(s)
		if err != nil {
			return nil, err
		}
		val := jsontext.Value(q)
		err = val.Canonicalize()
		return append(b, val...), err
	}
	return append(append(append(b, '"'), s...), '"'), nil
}

// plainText reports whether a text stands between quotes as it is.
func plainText(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

const maxInteger = 1 << 53

// integersOnly looks at every number of valid JSON. There is one zero: -0 is none of its spellings.
func integersOnly(b []byte) bool {
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			for i++; b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		case c == '-' || c >= '0' && c <= '9':
			end := i + 1
			for end < len(b) && strings.IndexByte("0123456789+-.eE", b[end]) >= 0 {
				end++
			}
			n, err := strconv.ParseInt(string(b[i:end]), 10, 64)
			if err != nil || n > maxInteger || n < -maxInteger || n == 0 && c == '-' {
				return false
			}
			i = end - 1
		}
	}
	return true
}

// Decode is the one decoder for what comes from outside: it refuses duplicate, case-shadowed and
// unknown members, invalid UTF-8, characters that not every database can hold (U+0000 and half
// surrogate pairs), and nesting deeper than MaxDepth. The error names the place, never the value.
func Decode(b []byte, into any) error {
	if err := plain(b); err != nil {
		return err
	}
	if err := json.Unmarshal(b, into, json.RejectUnknownMembers(true)); err != nil {
		return jsonFault(err)
	}
	return nil
}

// MaxDepth is how deeply a document from outside may nest.
const MaxDepth = 64

// plain refuses what must not be built in memory or stored, in one pass over the bytes. Other faults
// of the syntax are left to the decoder.
func plain(b []byte) error {
	if !utf8.Valid(b) {
		return fault.New(fault.Invalid, "bad_utf8", "The JSON is not valid UTF-8.").Then("write it as UTF-8")
	}
	depth, inString := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case inString && c == '\\':
			skip, ok := escape(b[i:])
			if !ok {
				return fault.New(fault.Invalid, "bad_text", "The JSON has a text with a character that cannot be stored.").
					Then("leave out U+0000 and half surrogate pairs")
			}
			i += skip
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > MaxDepth {
				return fault.New(fault.Invalid, "too_deep", "The document nests deeper than %d levels.", MaxDepth).
					Then("nest less")
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// escape reads the escape at the start of b and says how many bytes follow its backslash; ok is false
// for one that stands for a character which cannot be stored.
func escape(b []byte) (skip int, ok bool) {
	r, is := hex4(b)
	switch {
	case !is:
		return 1, true
	case r == 0 || r >= 0xDC00 && r <= 0xDFFF:
		return 5, false
	case r < 0xD800 || r > 0xDBFF:
		return 5, true
	}
	low, is := hex4(b[6:])
	return 11, is && low >= 0xDC00 && low <= 0xDFFF
}

func hex4(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 32)
	return rune(n), err == nil
}

func jsonFault(err error) error {
	e := fault.New(fault.Invalid, "bad_json", "The JSON cannot be read.").From(err).Then("mend the JSON")
	switch {
	case errors.Is(err, json.ErrUnknownName):
		e.Code, e.Message = "unknown_member", "The JSON has a member that is not known here."
	case errors.Is(err, jsontext.ErrDuplicateName):
		e.Code, e.Message = "duplicate_member", "The JSON has the same member twice."
	}
	if path := pathOf(err); path != "" {
		e.At(strings.ReplaceAll(strings.TrimPrefix(path, "/"), "/", "."), "cannot be read here")
	}
	return e
}

func pathOf(err error) string {
	if s, ok := errors.AsType[*json.SemanticError](err); ok {
		return string(s.JSONPointer)
	}
	if s, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return string(s.JSONPointer)
	}
	return ""
}
