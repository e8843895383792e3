package prove

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// A pack is a POSIX ustar archive whose every byte is determined by the names and contents of its
// members: one possible header, zeros as padding, two blocks of zeros at the end and nothing after
// them. Any tar reads it; Verify refuses any other spelling of it.

const block = 512

// Limits of a pack; a file beyond them is refused before anything of it is read into memory.
const (
	maxMembers = 1 << 20
	maxMember  = 1 << 33 // what eleven octal digits can say
)

var errBlocks = errors.New("the archive is not written as a pack is")

// tarHeader is the one header of a member. The name has at most 100 bytes.
func tarHeader(name string, size int64) []byte {
	h := make([]byte, block)
	copy(h, name)
	copy(h[100:], "0000644\x00")
	copy(h[108:], "0000000\x00")
	copy(h[116:], "0000000\x00")
	copy(h[124:], fmt.Sprintf("%011o\x00", size))
	copy(h[136:], "00000000000\x00")
	h[156] = '0'
	copy(h[257:], "ustar\x0000")
	copy(h[329:], "0000000\x00")
	copy(h[337:], "0000000\x00")
	copy(h[148:], "        ")
	sum := 0
	for _, b := range h {
		sum += int(b)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return h
}

func padding(size int64) int64 { return (block - size%block) % block }

// entry is one member's place in the file.
type entry struct {
	name     string
	at, size int64 // of the content
}

// readHeader reads a header block; end is true for the first block of the end.
func readHeader(h []byte) (e entry, end bool, err error) {
	if allZero(h) {
		return e, true, nil
	}
	n := bytes.IndexByte(h[:100], 0)
	if n <= 0 {
		return e, false, errBlocks
	}
	size, err := strconv.ParseInt(string(h[124:135]), 8, 64)
	if err != nil || size < 0 || size >= maxMember {
		return e, false, errBlocks
	}
	e = entry{name: string(h[:n]), size: size}
	if !bytes.Equal(h, tarHeader(e.name, size)) {
		return e, false, errBlocks
	}
	return e, false, nil
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// walk lists the members of a pack and checks every byte outside their contents.
func walk(r io.ReaderAt, size int64) ([]entry, error) {
	var out []entry
	h := make([]byte, 2*block)
	for at := int64(0); ; {
		if _, err := r.ReadAt(h[:block], at); err != nil {
			return out, fmt.Errorf("at byte %d: %w", at, asCut(err))
		}
		e, end, err := readHeader(h[:block])
		if err != nil {
			return out, fmt.Errorf("at byte %d: %w", at, err)
		}
		if end {
			return out, finish(r, at, size)
		}
		e.at = at + block
		at = e.at + e.size
		if at > size || len(out) >= maxMembers {
			return out, fmt.Errorf("at byte %d: %w", e.at, errCut)
		}
		pad := h[:padding(e.size)]
		if n, err := r.ReadAt(pad, at); n < len(pad) {
			return out, fmt.Errorf("at byte %d: %w", at, asCut(err))
		}
		if !allZero(pad) {
			return out, fmt.Errorf("at byte %d: %w", at, errBlocks)
		}
		at += int64(len(pad))
		out = append(out, e)
	}
}

var errCut = errors.New("the file is cut off")

func asCut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errCut
	}
	return err
}

func finish(r io.ReaderAt, at, size int64) error {
	end := make([]byte, 2*block)
	n, err := r.ReadAt(end, at)
	switch {
	case n < len(end):
		return fmt.Errorf("at byte %d: %w", at, asCut(err))
	case !allZero(end) || at+int64(len(end)) != size:
		return fmt.Errorf("at byte %d: %w", at, errBlocks)
	}
	return nil
}
