package plan

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"plumbline.dev/plumb/internal/seal"
)

// Lengths from which a known secret is looked for: as a whole value, as a word of a text, and
// anywhere in a text. Shorter ones would mask half the document and protect nothing that a guess
// could not find.
const (
	leastWhole  = 3
	leastWord   = 4
	leastInside = 6
	leastInName = 8 // inside names that the author of the configuration chose, such as a resource's
)

// Secrets is what a plan was found to hold in secret, for masking the same values in logs and in the
// stream of the apply. It prints, marshals and logs as three stars. A nil Secrets knows no value and
// still masks what looks like a secret by itself.
type Secrets struct {
	key   []byte
	whole map[string]struct{}
	heads [1 << 10]uint64 // a bit for each hash of a first four bytes
	words map[uint32]*bucket
	ready bool                       // the buckets are in order; nothing is added any more
	keyed func(secret string) string // in the place of key: makes the digest of a marker
}

// bucket holds the secrets that begin with the same four bytes, in order.
type bucket struct {
	list []string
	up   []int // for each, the longest other one that it begins with, or -1
}

// String hides the values.
func (*Secrets) String() string { return "***" }

// GoString hides the values.
func (*Secrets) GoString() string { return "***" }

// MarshalText hides the values in JSON and logs.
func (*Secrets) MarshalText() ([]byte, error) { return []byte("***"), nil }

func newSecrets(key []byte) *Secrets {
	return &Secrets{key: key, whole: map[string]struct{}{}, words: map[uint32]*bucket{}}
}

// add remembers one secret text, and the forms in which programs write it down: base64, hexadecimal,
// escaped for a URL and for JSON.
func (s *Secrets) add(text string) {
	if len(text) < leastWhole || !utf8.ValidString(text) {
		return
	}
	switch text {
	case "true", "false", "null", "none":
		return
	}
	if _, known := s.whole[text]; known {
		return
	}
	text = strings.Clone(text)
	s.whole[text] = struct{}{}
	s.look(text)
	if len(text) < leastInside || len(text) > 1<<12 {
		return
	}
	coded := base64.RawStdEncoding.EncodeToString([]byte(text))
	s.look(coded)
	if strings.ContainsAny(coded, "+/") {
		s.look(base64.RawURLEncoding.EncodeToString([]byte(text)))
	}
	s.look(hex.EncodeToString([]byte(text)))
	for _, form := range []string{url.QueryEscape(text), url.PathEscape(text), strings.Trim(string(quote(nil, text)), `"`)} {
		if form != text {
			s.look(form)
		}
	}
	if strings.Contains(text, "\n") {
		for _, line := range strings.Split(text, "\n") {
			if line = strings.TrimSpace(line); len(line) >= 16 {
				s.look(line)
			}
		}
	}
}

// look puts a text among those that are searched for inside others.
func (s *Secrets) look(text string) {
	if len(text) < leastWord {
		return
	}
	head := binary.LittleEndian.Uint32([]byte(text[:4]))
	k := s.words[head]
	if k == nil {
		k = &bucket{}
		s.words[head] = k
		h := slot(head)
		s.heads[h>>6] |= 1 << (h & 63)
	}
	k.list = append(k.list, text)
}

// settle makes the secrets ready to be searched for.
func (s *Secrets) settle() {
	for _, k := range s.words {
		slices.Sort(k.list)
		k.list = slices.Compact(k.list)
		k.up = make([]int, len(k.list))
		for i := range k.list {
			k.up[i] = i - 1
			for k.up[i] >= 0 && !strings.HasPrefix(k.list[i], k.list[k.up[i]]) {
				k.up[i] = k.up[k.up[i]]
			}
		}
	}
	s.ready = true
}

// match gives the longest secret with which a text begins and that ok accepts, or "".
func (k *bucket) match(text []byte, ok func(n int) bool) string {
	i, _ := slices.BinarySearchFunc(k.list, text, func(w string, t []byte) int {
		if len(w) <= len(t) && w == string(t[:len(w)]) {
			return -1 // a secret with which the text begins stands before it
		}
		return strings.Compare(w, string(t[:min(len(t), len(w))]))
	})
	for i--; i >= 0; i = k.up[i] {
		if w := k.list[i]; len(w) <= len(text) && w == string(text[:len(w)]) && ok(len(w)) {
			return w
		}
	}
	return ""
}

func slot(head uint32) uint32 { return head * 2654435761 >> 16 }

// is reports whether a whole value is a known secret.
func (s *Secrets) is(text []byte) bool {
	if s == nil || len(text) < leastWhole {
		return false
	}
	_, known := s.whole[string(text)]
	return known
}

// find gives where known secrets of at least the given length stand in a text; shorter than
// leastInside only as words of their own.
func (s *Secrets) find(dst []span, text []byte, least int) []span {
	if s == nil || !s.ready || len(s.words) == 0 {
		return dst
	}
	for i := 0; i+4 <= len(text); i++ {
		head := binary.LittleEndian.Uint32(text[i:])
		h := slot(head)
		if s.heads[h>>6]&(1<<(h&63)) == 0 {
			continue
		}
		if k := s.words[head]; k != nil {
			w := k.match(text[i:], func(n int) bool { return n >= least && apart(text, i, i+n) })
			if w != "" {
				dst = append(dst, span{from: i, to: i + len(w)})
			}
		}
	}
	return dst
}

// apart says that text[i:j] may be taken for the secret: it is long enough, or a word of its own.
func apart(text []byte, i, j int) bool {
	if j-i >= leastInside && !digits(text[i:j]) {
		return true
	}
	word := func(c byte) bool { return classes[c]&(lower|upper|digit) != 0 }
	return (i == 0 || !word(text[i-1])) && (j == len(text) || !word(text[j]))
}

func digits(s []byte) bool { return len(bytes.Trim(s, "0123456789.-")) == 0 }

// merge orders spans and joins those that overlap.
func merge(spans []span) []span {
	if len(spans) < 2 {
		return spans
	}
	slices.SortFunc(spans, func(a, b span) int { return a.from - b.from })
	out := spans[:1]
	for _, s := range spans[1:] {
		if last := &out[len(out)-1]; s.from <= last.to {
			last.to = max(last.to, s.to)
		} else {
			out = append(out, s)
		}
	}
	return out
}

// Markers that stand in the place of a value. A keyed one is equal for equal values at one place
// under one key, which shows that a secret changed without showing it.
const (
	bareMarker  = "(sensitive)"
	keyedMarker = "(sensitive:hmac:" // and 16 hexadecimal digits and ")"
	anyMarker   = "(sensitive"
	markPurpose = "plumb.plan.sensitive.v1"
)

// marker is what stands in the place of a canonical value at a path of an address.
func (s *Secrets) marker(address, path string, canonical []byte) string {
	if s != nil && s.keyed != nil {
		return anyMarker + ":" + s.keyed(strings.Join([]string{address, path, string(canonical)}, "\x00")) + ")"
	}
	if s == nil || len(s.key) == 0 {
		return bareMarker
	}
	return keyedMarker + seal.Keyed(s.key, markPurpose, address, path, string(canonical))[:16] + ")"
}

// Scrub masks in a text for people, such as a line of a log, every known secret and all that looks
// like one. It needs no key: a log shows only that something was masked. Bytes that cannot be stored
// as text come out as U+FFFD.
func Scrub(known *Secrets, text string) string {
	b := []byte(text)
	if known.is(b) {
		return bareMarker
	}
	spans := known.find(nil, b, leastWord)
	spans = merge(scan(spans, b, true))
	if len(spans) == 0 {
		return storable(text)
	}
	var out strings.Builder
	at := 0
	for _, s := range spans {
		out.WriteString(text[at:s.from])
		out.WriteString(bareMarker)
		at = s.to
	}
	out.WriteString(text[at:])
	return storable(out.String())
}

// LooksSecret reports whether a text holds what looks like a secret: what Scrub masks in it without knowing any.
func LooksSecret(text string) bool { return len(scan(nil, []byte(text), true)) > 0 }

// Learnt gives the parts of a text that only their surroundings give away as secret, such as the password in a URL: they must be
// looked for elsewhere, too.
func Learnt(text string) []string {
	var out []string
	for _, p := range scanContext(nil, []byte(text)) {
		if p.learnt {
			out = append(out, strings.TrimRight(text[p.from:p.to], " "))
		}
	}
	return out
}

func storable(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}
