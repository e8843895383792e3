// Package blob keeps documents by the digest of their bytes: plans, evidence files, exports. What is
// stored never changes and has no name but its digest. It knows nothing of what the bytes mean, who
// may read them or how long they are kept. This is the file form for one data folder; another place
// to keep blobs stands behind an interface that its user declares.
package blob

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	"github.com/klauspost/compress/zstd"

	"plumbline.dev/plumb/internal/fault"
)

const (
	tree = "sha256" // tree/ab/ab…: documents, in folders by the first two digits
	temp = "tmp"    // what is being written
	ext  = ".zst"

	// window is how far back compression looks. One mebibyte bounds the memory of a writer and a
	// reader, so that many can run at once in a small server.
	window = 1 << 20
)

// ErrCorrupt is in the chain of every error that reports a stored document whose bytes are not those
// it was stored with.
var ErrCorrupt = errors.New("the stored bytes do not have this digest")

// Folder is a folder of documents. Its methods may be called at once from many goroutines, and
// several processes may use one folder.
type Folder struct {
	root *os.Root
	out  func(io.Writer) io.Writer // nil but in tests, which break the disk here
}

// Open opens the folder dir, and makes it (mode 0700) when it is absent.
func Open(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open blobs: %w", full(err))
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open blobs: %w", err)
	}
	for _, d := range [...]string{tree, temp} {
		if err := root.Mkdir(d, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			root.Close()
			return nil, fmt.Errorf("open blobs: %w", full(err))
		}
	}
	return &Folder{root: root}, nil
}

// Close releases the folder. Readers that are open stay usable.
func (f *Folder) Close() error { return f.root.Close() }

// place gives the file of a digest. Only "sha256:" and 64 lower-case hexadecimal digits pass, so that
// no digest can point outside the folder or be written in two ways.
func place(digest string) (string, error) {
	hexed, ok := strings.CutPrefix(digest, "sha256:")
	if !ok || len(hexed) != 64 || strings.Trim(hexed, "0123456789abcdef") != "" {
		return "", fault.New(fault.Invalid, "bad_digest",
			"A document is named by sha256: and 64 lower-case hexadecimal digits.").Then("write the digest like that")
	}
	return path.Join(tree, hexed[:2], hexed+ext), nil
}

// Put stores what r yields, at most limit bytes, and returns the digest and size of those bytes. When
// it returns without error, the document survives a crash of the machine. When it fails, nothing is
// stored: TooLarge over the limit, Unavailable with code disk_full when there is no room, and the
// error of r as it is. Storing the same bytes again mends a damaged copy.
func (f *Folder) Put(ctx context.Context, r io.Reader, limit int64) (digest string, size int64, err error) {
	if limit <= 0 {
		return "", 0, fmt.Errorf("put blob: limit %d allows nothing", limit)
	}
	name := path.Join(temp, rand.Text())
	w, err := f.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", 0, fmt.Errorf("put blob: %w", full(err))
	}
	digest, size, err = f.pack(w, &limited{ctx: ctx, r: r, left: limit, limit: limit})
	if err == nil {
		err = w.Sync()
	}
	if cerr := w.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = f.settle(name, digest)
	}
	if err != nil {
		// The reason counts, not whether the rest could be removed; Sweep finds what is left.
		_ = f.root.Remove(name)
		return "", 0, fmt.Errorf("put blob: %w", full(err))
	}
	return digest, size, nil
}

// pack compresses r into w, and hashes the bytes before compression.
func (f *Folder) pack(w io.Writer, r io.Reader) (string, int64, error) {
	if f.out != nil {
		w = f.out(w)
	}
	z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(window),
		zstd.WithEncoderCRC(true), zstd.WithZeroFrames(true))
	if err != nil {
		return "", 0, err
	}
	sum := sha256.New()
	size, err := io.Copy(z, io.TeeReader(r, sum))
	if cerr := z.Close(); err == nil {
		err = cerr
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil)), size, err
}

// settle moves a finished file to its place, and makes the move durable.
func (f *Folder) settle(name, digest string) error {
	to, err := place(digest)
	if err != nil {
		return err
	}
	shelf := path.Dir(to)
	switch err := f.root.Mkdir(shelf, 0o700); {
	case err == nil:
		if err := f.sync(tree); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrExist):
		return err
	}
	if err := f.root.Rename(name, to); err != nil {
		return err
	}
	return f.sync(shelf)
}

// sync makes the entries of a folder durable.
func (f *Folder) sync(dir string) error {
	d, err := f.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Has reports whether a document is stored; not whether its bytes are whole, which only reading shows.
func (f *Folder) Has(ctx context.Context, digest string) (bool, error) {
	name, err := place(digest)
	if err != nil {
		return false, err
	}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	fi, err := f.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for blob %s: %w", digest, err)
	}
	return fi.Mode().IsRegular(), nil
}

// Sweep removes what writers left half-written when they were killed before the given instant, and
// returns how many such files there were. Writers still at work are younger.
func (f *Folder) Sweep(before time.Time) (int, error) {
	entries, err := fs.ReadDir(f.root.FS(), temp)
	if err != nil {
		return 0, fmt.Errorf("sweep blobs: %w", err)
	}
	n := 0
	for _, e := range entries {
		fi, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // its writer has just finished
		}
		if err != nil {
			return n, fmt.Errorf("sweep blobs: %w", err)
		}
		if !fi.ModTime().Before(before) {
			continue
		}
		if err := f.root.Remove(path.Join(temp, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return n, fmt.Errorf("sweep blobs: %w", err)
		}
		n++
	}
	return n, nil
}

// limited reads at most limit bytes, and stops when ctx ends.
type limited struct {
	ctx         context.Context // of the one Put that this reader lives in
	r           io.Reader
	left, limit int64
}

// Read passes bytes on; the first byte over the limit is an error.
func (l *limited) Read(p []byte) (int, error) {
	if err := l.ctx.Err(); err != nil {
		return 0, err
	}
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, fault.New(fault.TooLarge, "blob_too_large", "The document is larger than the limit of %d bytes.", l.limit).
			Then("send less, or keep it elsewhere and link it")
	}
	return n, err
}

// full turns a disk without room into the refusal that says so; other errors stay.
func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) {
		return fault.New(fault.Unavailable, "disk_full", "There is no room left to store the document; nothing was stored.").
			FixedBy("the operator of the server").From(err).
			Then("free disk space, then try again with the same idempotency key")
	}
	return err
}
