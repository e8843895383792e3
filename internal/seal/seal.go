// Package seal holds the byte-exact forms: canonical JSON, digests with a domain prefix, DSSE
// envelopes and the keys that sign them. It does no I/O but for key files, and knows no domain.
package seal

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/fault"
)

// Canonical returns v as RFC 8785 canonical JSON. Values must hold no float: digests are taken over
// these bytes, and only integers up to 2^53 survive every reader.
func Canonical(v any) ([]byte, error) {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	val := jsontext.Value(b)
	if err := val.Canonicalize(); err != nil {
		return nil, err
	}
	return val, nil
}

// Digest is "sha256:" and the hex of SHA-256(domain ‖ "\n" ‖ parts...). The domain, such as
// "plumb.rev.v1", keeps a digest of one kind from standing for another.
func Digest(domain string, parts ...[]byte) string {
	h := sha256.New()
	h.Write([]byte(domain))
	h.Write([]byte{'\n'})
	for _, p := range parts {
		h.Write(p)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// Raw is the plain SHA-256 of bytes, as "sha256:…", for files and blobs that others hash too.
func Raw(b []byte) string {
	s := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(s[:])
}

// Keyed is the HMAC-SHA-256 of parts under key, hex, length-prefixed part by part so that no two
// lists of parts collide.
func Keyed(key []byte, parts ...string) string {
	m := hmac.New(sha256.New, key)
	var n [8]byte
	for _, p := range parts {
		for i := range n {
			n[i] = byte(len(p) >> (56 - 8*i))
		}
		m.Write(n[:])
		m.Write([]byte(p))
	}
	return hex.EncodeToString(m.Sum(nil))
}

// Decode is the one decoder for what comes from outside: it refuses duplicate, case-shadowed and
// unknown members, invalid UTF-8, and nesting deeper than 64. The error names the place, never the
// value.
func Decode(b []byte, into any) error {
	if err := shallow(b); err != nil {
		return err
	}
	if err := json.Unmarshal(b, into, json.RejectUnknownMembers(true)); err != nil {
		return jsonFault(err)
	}
	return nil
}

// MaxDepth is how deeply a document from outside may nest.
const MaxDepth = 64

// shallow refuses nesting beyond MaxDepth before anything is built in memory.
func shallow(b []byte) error {
	depth, inString, escaped := 0, false, false
	for _, c := range b {
		switch {
		case escaped:
			escaped = false
		case inString:
			escaped = c == '\\'
			inString = c != '"'
		case c == '"':
			inString = true
		case c == '{' || c == '[':
			if depth++; depth > MaxDepth {
				return fault.New(fault.Invalid, "too_deep", "The document nests deeper than %d levels.", MaxDepth)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

func jsonFault(err error) error {
	e := fault.New(fault.Invalid, "bad_json", "The JSON cannot be read.").From(err)
	msg, path := err.Error(), ""
	if s, ok := errorAs[*json.SemanticError](err); ok {
		path = string(s.JSONPointer)
	} else if s, ok := errorAs[*jsontext.SyntacticError](err); ok {
		path = string(s.JSONPointer)
	}
	switch {
	case strings.Contains(msg, "unknown object member"):
		e.Code, e.Message = "unknown_member", "The JSON has a member that is not known here."
	case strings.Contains(msg, "duplicate object member"):
		e.Code, e.Message = "duplicate_member", "The JSON has the same member twice."
	case strings.Contains(msg, "UTF-8"):
		e.Code, e.Message = "bad_utf8", "The JSON is not valid UTF-8."
	}
	if path != "" {
		e.At(strings.ReplaceAll(strings.TrimPrefix(path, "/"), "/", "."), "cannot be read here")
	}
	return e
}

// NewID returns prefix_ and 26 random lower-case base32 characters (128 bits).
func NewID(prefix string) string {
	var b [16]byte
	rand.Read(b[:])
	return prefix + "_" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))
}

// Secret is a value that must not be shown: it prints, marshals and logs as three stars.
type Secret string

// String hides the value.
func (Secret) String() string { return "***" }

// GoString hides the value.
func (Secret) GoString() string { return "***" }

// MarshalText hides the value in JSON and logs.
func (Secret) MarshalText() ([]byte, error) { return []byte("***"), nil }

// Reveal gives the value to the one place that needs it.
func (s Secret) Reveal() string { return string(s) }
