package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"

	"plumbline.dev/plumb/internal/fault"
)

// Open reads a document. The bytes are hashed as they pass, and only the io.EOF at the end says that
// they are the document's: a reader that acts on bytes must first have read them all, or use ReadAll.
// A changed, cut or lengthened file gives an error in place of io.EOF that names the digest and wraps
// ErrCorrupt. An absent document is NotFound with code blob_missing. The caller closes the reader.
func (f *Folder) Open(ctx context.Context, digest string) (io.ReadCloser, error) {
	name, err := place(digest)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	file, err := f.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "blob_missing", "The document %s is not stored here.", digest).
			Then("plumb document add FILE")
	}
	if err != nil {
		return nil, fmt.Errorf("open blob %s: %w", digest, err)
	}
	if fi, err := file.Stat(); err != nil || !fi.Mode().IsRegular() {
		file.Close()
		return nil, fmt.Errorf("open blob %s: %w", digest, errors.Join(ErrCorrupt, err))
	}
	r := &reader{ctx: ctx, file: file, disk: disk{r: file}, want: digest, sum: sha256.New()}
	r.unpack, err = zstd.NewReader(&r.disk, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(window))
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("open blob %s: %w", digest, err)
	}
	return r, nil
}

// ReadAll reads a whole document of at most limit bytes into memory, and returns it only when its
// digest is right.
func (f *Folder) ReadAll(ctx context.Context, digest string, limit int64) ([]byte, error) {
	r, err := f.Open(ctx, digest)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(&limited{ctx: ctx, r: r, left: limit, limit: limit})
}

// reader unpacks one document and checks its digest at the end.
type reader struct {
	ctx    context.Context // of the Open that made it
	file   *os.File
	disk   disk
	unpack *zstd.Decoder
	sum    hash.Hash
	want   string
	err    error
}

// disk remembers an error of the disk itself, to tell it from bytes that are wrong.
type disk struct {
	r   io.Reader
	err error
}

// Read reads packed bytes.
func (d *disk) Read(p []byte) (int, error) {
	n, err := d.r.Read(p)
	if err != nil && err != io.EOF {
		d.err = err
	}
	return n, err
}

// Read gives the document's bytes; io.EOF means that all of them were right.
func (r *reader) Read(p []byte) (int, error) {
	if r.err == nil {
		r.err = r.ctx.Err()
	}
	if r.err != nil {
		return 0, r.err
	}
	n, err := r.unpack.Read(p)
	r.sum.Write(p[:n])
	switch {
	case err == nil:
		return n, nil
	case r.disk.err != nil:
		r.err = fmt.Errorf("read blob %s: %w", r.want, r.disk.err)
	case err != io.EOF || "sha256:"+hex.EncodeToString(r.sum.Sum(nil)) != r.want:
		r.err = fmt.Errorf("read blob %s: %w", r.want, ErrCorrupt)
	default:
		r.err = io.EOF
	}
	return n, r.err
}

// Close releases the file.
func (r *reader) Close() error {
	r.unpack.Close()
	return r.file.Close()
}

// List yields the digests of all stored documents in ascending order, for verification. An entry that
// no document could have made, such as a stray file, a link or one on the wrong shelf, is yielded as
// an error that names its path; the walk goes on.
func (f *Folder) List(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		shelves, err := fs.ReadDir(f.root.FS(), tree)
		if err != nil {
			yield("", fmt.Errorf("list blobs: %w", err))
			return
		}
		for _, shelf := range shelves {
			if !f.listShelf(ctx, shelf, yield) {
				return
			}
		}
	}
}

// listShelf yields one folder, and reports whether to go on.
func (f *Folder) listShelf(ctx context.Context, shelf fs.DirEntry, yield func(string, error) bool) bool {
	at := path.Join(tree, shelf.Name())
	if !shelf.IsDir() {
		return yield("", fmt.Errorf("list blobs: %q is no document", at))
	}
	files, err := fs.ReadDir(f.root.FS(), at)
	if err != nil {
		return yield("", fmt.Errorf("list blobs: %w", err))
	}
	for _, e := range files {
		if err := ctx.Err(); err != nil {
			yield("", err)
			return false
		}
		digest := "sha256:" + strings.TrimSuffix(e.Name(), ext)
		name := path.Join(at, e.Name())
		if want, err := place(digest); err != nil || want != name || !e.Type().IsRegular() {
			digest, err = "", fmt.Errorf("list blobs: %q is no document", name)
			if !yield(digest, err) {
				return false
			}
			continue
		}
		if !yield(digest, nil) {
			return false
		}
	}
	return true
}
