package blob

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// fillDisk gives a folder with little room and a way to fill it to the last byte: a small tmpfs of its
// own where the test may mount one. Where it may not, the folder is an ordinary one and filling it
// means that every write meets ENOSPC; the same assertions hold.
func fillDisk(t *testing.T) (dir string, fill, free func(*Folder)) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m,mode=0700"); err != nil {
		t.Logf("no tmpfs here (%v); /dev/full stands for the disk", err)
		return dir, func(f *Folder) { f.out = devFull(t) }, func(f *Folder) { f.out = nil }
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	ballast := filepath.Join(dir, "ballast")
	fill = func(*Folder) {
		b, err := os.Create(ballast)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		for err == nil {
			_, err = b.Write(make([]byte, 4096))
		}
	}
	return dir, fill, func(*Folder) {
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	}
}

func TestServerWithAFullDiskRefusesStaysReadableAndRecovers(t *testing.T) {
	t.Parallel()
	dir, fill, free := fillDisk(t)
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	body := make([]byte, 300_000)
	r := rand.NewChaCha8([32]byte{7})
	_, _ = r.Read(body) // cannot fail
	before, _, err := f.Put(t.Context(), bytes.NewReader(body), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = r.Read(body)
	fill(f)
	for range 3 {
		_, _, err := f.Put(t.Context(), bytes.NewReader(body), 1<<20)
		wantFull(t, dir, err)
	}
	if _, err := f.ReadAll(t.Context(), before, 1<<20); err != nil {
		t.Errorf("not readable while full: %v", err)
	}
	free(f)
	after, _, err := f.Put(t.Context(), bytes.NewReader(body), 1<<20)
	if err != nil {
		t.Fatalf("no recovery: %v", err)
	}
	if got, err := f.ReadAll(t.Context(), after, 1<<20); err != nil || !bytes.Equal(got, body) {
		t.Errorf("after recovery: %v", err)
	}
}

// devFull sends every byte to the device that is always full.
func devFull(t *testing.T) func(io.Writer) io.Writer {
	t.Helper()
	dev, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dev.Close() })
	return func(io.Writer) io.Writer { return dev }
}
