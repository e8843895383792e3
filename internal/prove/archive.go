package prove

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"

	"plumbline.dev/plumb/internal/seal"
)

// archive writes the members of a pack, and remembers their digests for SHA256SUMS.
type archive struct {
	w       io.Writer
	sums    bytes.Buffer
	members int64
}

// add writes one member.
func (a *archive) add(name string, body []byte) error {
	return a.stream(name, int64(len(body)), bytes.NewReader(body))
}

// stream writes one member of a known size. A reader that yields another number of bytes is an error,
// and the pack is then broken.
func (a *archive) stream(name string, size int64, r io.Reader) error {
	if rank(name) < 0 || size >= maxMember {
		return fmt.Errorf("write pack: %s with %d bytes is no member of a pack", name, size)
	}
	if _, err := a.w.Write(tarHeader(name, size)); err != nil {
		return err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(a.w, h), io.LimitReader(r, size+1))
	if err == nil && n != size {
		err = fmt.Errorf("write pack: %s has %d bytes, want %d", name, n, size)
	}
	if err != nil {
		return err
	}
	if _, err = a.w.Write(make([]byte, padding(size))); err != nil {
		return err
	}
	fmt.Fprintf(&a.sums, "%x  %s\n", h.Sum(nil), name)
	a.members++
	return nil
}

// close writes the end of the archive.
func (a *archive) close() error {
	_, err := a.w.Write(make([]byte, 2*block))
	return err
}

// chunkSize is how large a member of lines grows before the next one begins, so that neither writer
// nor reader holds more than one of them.
const chunkSize = 1 << 20

// chunks writes lines into members of about chunkSize.
type chunks struct {
	a    *archive
	name string // of the member that is being filled
	buf  []byte
}

// line adds a line to the member, which is called name if it begins here.
func (c *chunks) line(name string, text []byte) error {
	if len(c.buf) == 0 {
		c.name = name
	}
	c.buf = append(append(c.buf, text...), '\n')
	if len(c.buf) < chunkSize {
		return nil
	}
	return c.flush()
}

func (c *chunks) flush() error {
	if len(c.buf) == 0 {
		return nil
	}
	err := c.a.add(c.name, c.buf)
	c.buf = c.buf[:0]
	return err
}

// lines gathers one member of lines that is written whole; none at all leave it out.
type lines struct{ buf []byte }

func (l *lines) add(x line) error {
	text, err := seal.Canonical(x)
	if err != nil {
		return fmt.Errorf("write pack: %w", err)
	}
	l.buf = append(append(l.buf, text...), '\n')
	return nil
}
