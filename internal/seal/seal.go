// Package seal holds the byte-exact forms: canonical JSON, digests with a domain prefix, DSSE
// envelopes and the keys that sign them. It does no I/O but for key files, and knows no domain.
package seal

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
)

// Digest is "sha256:" and the hex of SHA-256(domain ‖ "\n" ‖ parts...). The domain, such as
// "plumb.rev.v1", keeps a digest of one kind from standing for another.
func Digest(domain string, parts ...[]byte) string { return DigestOf(domain, slices.Values(parts)) }

// DigestOf is Digest of parts that are made one after the other, each of which may be gone when the next
// one comes.
func DigestOf(domain string, parts iter.Seq[[]byte]) string {
	h := sha256.New()
	h.Write([]byte(domain))
	h.Write([]byte{'\n'})
	for p := range parts {
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

// Format hides the value from every verb, also from those that do not fit a string.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "***") }

// MarshalText hides the value in JSON and logs.
func (Secret) MarshalText() ([]byte, error) { return []byte("***"), nil }

// Reveal gives the value to the one place that needs it.
func (s Secret) Reveal() string { return string(s) }
