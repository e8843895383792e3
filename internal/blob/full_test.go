package blob

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"plumbline.dev/plumb/internal/fault"
)

// short is a disk with room for so many bytes.
type short struct {
	w    io.Writer
	room *int
	err  error
}

func (s short) Write(p []byte) (int, error) {
	if len(p) <= *s.room {
		*s.room -= len(p)
		return s.w.Write(p)
	}
	n, err := s.w.Write(p[:*s.room])
	*s.room = 0
	return n, errors.Join(err, s.err)
}

func wantFull(t *testing.T, dir string, err error) {
	t.Helper()
	if !fault.Is(err, "disk_full") || fault.Of(err).Kind != fault.Unavailable {
		t.Errorf("got %v, want disk_full, unavailable", err)
	}
	left, err := os.ReadDir(filepath.Join(dir, temp))
	if err != nil || len(left) != 0 {
		t.Errorf("left half-written: %v, %v", left, err)
	}
}

// Wherever in a document the disk runs full, nothing of it stays.
func TestFullDiskStoresNothing(t *testing.T) {
	t.Parallel()
	body := []byte(strings.Repeat("some words that compress, ", 200))
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		dir := t.TempDir()
		f, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		for room := 0; ; room++ {
			left := room
			f.out = func(w io.Writer) io.Writer { return short{w, &left, full} }
			digest, _, err := f.Put(t.Context(), bytes.NewReader(body), 1<<20)
			if err == nil {
				if room < 20 {
					t.Fatalf("%d bytes of room were enough", room)
				}
				if got, err := f.ReadAll(t.Context(), digest, 1<<20); err != nil || !bytes.Equal(got, body) {
					t.Errorf("after recovery: %v", err)
				}
				break
			}
			wantFull(t, dir, err)
			for d, err := range f.List(t.Context()) {
				t.Fatalf("with %d bytes of room there is %s, %v", room, d, err)
			}
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestAnotherErrorOfTheDiskIsNotCalledFull(t *testing.T) {
	t.Parallel()
	f, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	room := 0
	f.out = func(w io.Writer) io.Writer { return short{w, &room, syscall.EIO} }
	if _, _, err := f.Put(t.Context(), strings.NewReader("words"), 100); !errors.Is(err, syscall.EIO) || fault.Is(err, "disk_full") {
		t.Errorf("got %v", err)
	}
}
