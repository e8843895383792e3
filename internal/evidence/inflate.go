package evidence

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"

	"plumbline.dev/plumb/internal/fault"
)

// The limits of unpacking. Below freeBytes no ratio is asked for: a short file of
// zeros is no bomb.
const (
	maxRatio  = 100
	freeBytes = 1 << 20
)

// Inflate gives the unpacked bytes of a gzip stream, or of a zip archive that holds exactly one plain
// file; any other stream comes back as it is. The caller decides to call it: Parse never unpacks.
// Reading fails with a fault when the result would be larger than limit bytes (0, or more than
// MaxSize, means MaxSize), or more than a hundred times the packed size. A zip archive is held in
// memory; the names in it are not used.
func Inflate(r io.Reader, limit int64) (io.Reader, error) {
	if limit <= 0 || limit > MaxSize {
		limit = MaxSize
	}
	in := &counted{r: r}
	buf := bufio.NewReader(in)
	head, err := buf.Peek(8)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch packed(head) {
	case "gzip":
		z, err := gzip.NewReader(buf)
		if err != nil {
			return nil, badArchive(err)
		}
		return &bounded{r: z, in: in, limit: limit}, nil
	case "zip":
		return inflateZip(buf, in, limit)
	case "":
		return buf, nil
	}
	return nil, fault.New(fault.Invalid, "bad_archive", "Only gzip and zip are unpacked.").
		Then("hand in the file itself")
}

func inflateZip(r io.Reader, in *counted, limit int64) (io.Reader, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, bomb()
	}
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, badArchive(err)
	}
	// A link, a folder, an encrypted member or a second file: there is no one file to speak of.
	if len(z.File) != 1 || !z.File[0].Mode().IsRegular() || z.File[0].Flags&1 != 0 {
		return nil, badArchive(nil)
	}
	f := z.File[0]
	if f.UncompressedSize64 > uint64(limit) {
		return nil, bomb()
	}
	body, err := f.Open()
	if err != nil {
		return nil, badArchive(err)
	}
	return &bounded{r: body, in: in, limit: limit}, nil
}

// counted counts the packed bytes taken so far.
type counted struct {
	r   io.Reader
	n   int64
	err error // what the stream itself reported, if not its end
}

// Read passes bytes on.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("read packed evidence: %w", err)
		c.err = err
	}
	return n, err
}

// bounded stops unpacking at the size limit or the ratio, whatever the archive declares.
type bounded struct {
	r     io.Reader
	in    *counted
	out   int64
	limit int64
}

// Read passes unpacked bytes on until a limit is passed.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.out += int64(n)
	if b.out > b.limit || b.out > freeBytes && b.out > maxRatio*b.in.n {
		return 0, bomb()
	}
	switch {
	case b.in.err != nil:
		return n, b.in.err
	case err != nil && err != io.EOF:
		return n, badArchive(err)
	}
	return n, err
}

func bomb() error {
	return fault.New(fault.TooLarge, "unpacks_too_large",
		"The archive unpacks to more than is allowed, by size or by ratio.").
		FixedBy("the pipeline that wrote it").Then("hand in the file itself")
}

func badArchive(err error) error {
	return fault.New(fault.Invalid, "bad_archive",
		"The archive cannot be unpacked: it must be sound and hold exactly one plain file.").From(err).
		Then("hand in the file itself")
}
