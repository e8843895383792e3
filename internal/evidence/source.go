package evidence

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"plumbline.dev/plumb/internal/fault"
)

// source is the one way to the bytes of a file: it counts and hashes them as they pass, and stops at
// the limit. What it refuses it remembers, so that no decoder in between can blur the reason.
type source struct {
	r    io.Reader
	sum  hash.Hash
	size int64
	most int64
	err  error
	buf  *bufio.Reader
}

// headSize is how much of a file is looked at to tell what it is; http.DetectContentType wants 512.
const headSize = 512

func newSource(r io.Reader, most int64) *source {
	s := &source{r: r, sum: sha256.New(), most: most}
	s.buf = bufio.NewReaderSize(s, 64<<10)
	return s
}

// Read passes bytes on from the underlying reader.
func (s *source) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(p)
	s.size += int64(n)
	s.sum.Write(p[:n])
	switch {
	case s.size > s.most:
		s.err = fault.New(fault.TooLarge, "evidence_too_large",
			"The file is larger than the limit of %d bytes.", s.most).Then("hand it in in parts")
		return 0, s.err
	case err != nil && err != io.EOF:
		s.err = fmt.Errorf("read evidence: %w", err)
		return n, s.err
	}
	return n, err
}

// head shows the first bytes without taking them.
func (s *source) head() ([]byte, error) {
	b, err := s.buf.Peek(headSize)
	if err != nil && err != io.EOF {
		return nil, err
	}
	return b, nil
}

// text starts the reading of a text format through guard: compressed and UTF-16 files are refused
// before any decoder sees them, and a UTF-8 byte order mark is skipped.
func (s *source) text(check func([]byte) error) (io.Reader, error) {
	b, err := s.head()
	switch {
	case err != nil:
		return nil, err
	case packed(b) != "":
		return nil, fault.New(fault.Invalid, "compressed_evidence",
			"The file is compressed; evidence is read as it is.").Then("hand in the unpacked file")
	case bytes.HasPrefix(b, []byte{0xFE, 0xFF}) || bytes.HasPrefix(b, []byte{0xFF, 0xFE}):
		return nil, notUTF8()
	case bytes.HasPrefix(b, []byte("\xEF\xBB\xBF")):
		s.buf.Discard(3) // cannot fail: the bytes are there
	}
	return &guarded{r: s.buf, check: check}, nil
}

// finish drains what is left and gives the digest and size of the whole.
func (s *source) finish() (digest string, size int64, err error) {
	if _, err := io.Copy(io.Discard, s.buf); err != nil {
		return "", 0, err
	}
	return "sha256:" + hex.EncodeToString(s.sum.Sum(nil)), s.size, nil
}

// explain gives the source's own refusal where there is one, instead of what a decoder made of it.
func (s *source) explain(err error) error {
	if s.err != nil {
		return s.err
	}
	return err
}

// packed names the compression that these first bytes announce, or "".
func packed(b []byte) string {
	for _, m := range [...]struct{ name, magic string }{
		{"gzip", "\x1f\x8b"}, {"zip", "PK\x03\x04"}, {"zip", "PK\x05\x06"}, {"zip", "PK\x07\x08"},
		{"zstd", "\x28\xb5\x2f\xfd"}, {"bzip2", "BZh"}, {"xz", "\xfd7zXZ\x00"}, {"7z", "7z\xbc\xaf\x27\x1c"},
	} {
		if bytes.HasPrefix(b, []byte(m.magic)) {
			return m.name
		}
	}
	return ""
}

func notUTF8() error {
	return fault.New(fault.Invalid, "bad_charset", "The file is not UTF-8; no other character set is read.").
		Then("write it as UTF-8")
}

// guarded shows each byte to check before a decoder gets it.
type guarded struct {
	r     io.Reader
	check func([]byte) error
	err   error
}

// Read passes bytes on until check refuses.
func (g *guarded) Read(p []byte) (int, error) {
	if g.err != nil {
		return 0, g.err
	}
	n, err := g.r.Read(p)
	if cerr := g.check(p[:n]); cerr != nil {
		g.err = cerr
		return 0, cerr
	}
	return n, err
}

var errEmpty = errors.New("the file is empty")
