package blob_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"plumbline.dev/plumb/internal/blob"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

const limit = 64 << 20

// empty is the digest of no bytes.
const empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func open(t testing.TB, dir string) *blob.Folder {
	t.Helper()
	f, err := blob.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func put(t testing.TB, f *blob.Folder, body []byte) string {
	t.Helper()
	digest, size, err := f.Put(t.Context(), bytes.NewReader(body), limit)
	if err != nil {
		t.Fatal(err)
	}
	if digest != seal.Raw(body) || size != int64(len(body)) {
		t.Fatalf("put %d bytes: got %s, %d", len(body), digest, size)
	}
	return digest
}

// file gives the path of a stored document.
func file(dir, digest string) string {
	hexed := strings.TrimPrefix(digest, "sha256:")
	return filepath.Join(dir, "sha256", hexed[:2], hexed+".zst")
}

// noise makes bytes that do not compress; the same for the same seed.
func noise(seed uint64, n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	_, _ = r.Read(b) // cannot fail
	return b
}

// leftovers lists what lies in the folder of unfinished files.
func leftovers(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "tmp"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func listed(t testing.TB, f *blob.Folder) (digests []string, strays []error) {
	t.Helper()
	for d, err := range f.List(t.Context()) {
		if err != nil {
			strays = append(strays, err)
			continue
		}
		digests = append(digests, d)
	}
	return digests, strays
}

func TestWhatIsPutComesBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := open(t, dir)
	var want []string
	for _, body := range [][]byte{{}, {0}, []byte("words"), bytes.Repeat([]byte("plan "), 2<<20), noise(1, 3<<20)} {
		digest := put(t, f, body)
		want = append(want, digest)
		got, err := f.ReadAll(t.Context(), digest, limit)
		if err != nil || !bytes.Equal(got, body) {
			t.Errorf("%s: %d bytes of %d, %v", digest, len(got), len(body), err)
		}
		if ok, err := f.Has(t.Context(), digest); !ok || err != nil {
			t.Errorf("Has(%s) = %v, %v", digest, ok, err)
		}
		r, err := f.Open(t.Context(), digest)
		if err != nil {
			t.Fatal(err)
		}
		if err := iotest.TestReader(r, body); err != nil && len(body) < 1000 {
			t.Errorf("%s: %v", digest, err)
		}
		r.Close()
	}
	slices.Sort(want)
	// A second opening, as after a restart, sees the same.
	if got, strays := listed(t, open(t, dir)); !slices.Equal(got, want) || strays != nil {
		t.Errorf("listed %v and %v, want %v", got, strays, want)
	}
	if l := leftovers(t, dir); l != nil {
		t.Errorf("left behind: %v", l)
	}
}

func TestDocumentsAreCompressedAndForTheServerAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data", "blobs")
	f := open(t, dir)
	digest := put(t, f, bytes.Repeat([]byte("plan "), 1<<20))
	if fi, err := os.Stat(file(dir, digest)); err != nil || fi.Size() > 64<<10 {
		t.Errorf("5 MiB of repetition takes %v (%v)", fi, err)
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := d.Info()
		if err == nil && fi.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, fi.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAbsentDocumentIsNotFound(t *testing.T) {
	t.Parallel()
	f := open(t, t.TempDir())
	if ok, err := f.Has(t.Context(), empty); ok || err != nil {
		t.Errorf("Has = %v, %v", ok, err)
	}
	_, err := f.Open(t.Context(), empty)
	if !fault.Is(err, "blob_missing") || fault.Of(err).Kind != fault.NotFound {
		t.Errorf("got %v", err)
	}
	if _, err := f.ReadAll(t.Context(), empty, limit); !fault.Is(err, "blob_missing") {
		t.Errorf("got %v", err)
	}
}

// The name is the digest, and nothing else gets near the file system.
func TestOnlyADigestNamesADocument(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := open(t, filepath.Join(dir, "blobs"))
	if err := os.WriteFile(filepath.Join(dir, "secret.zst"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	hexed := strings.TrimPrefix(empty, "sha256:")
	for _, digest := range []string{
		"", "sha256:", hexed, "sha512:" + hexed, "sha256:" + hexed[:63], "sha256:" + hexed + "0", "SHA256:" + hexed,
		"sha256:" + strings.ToUpper(hexed), "sha256:../../secret", "sha256:" + strings.Repeat("../", 21) + "x", "../secret",
		"sha256:" + hexed[:62] + "/.", "sha256:" + hexed[:63] + "\x00", " " + empty, empty + "\n", "sha256:" + hexed[:62] + "é",
	} {
		_, err := f.Open(t.Context(), digest)
		if !fault.Is(err, "bad_digest") {
			t.Errorf("Open(%q): %v", digest, err)
		}
		if ok, err := f.Has(t.Context(), digest); ok || !fault.Is(err, "bad_digest") {
			t.Errorf("Has(%q) = %v, %v", digest, ok, err)
		}
	}
}

func TestALinkIsNotFollowedOutOfTheFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := open(t, filepath.Join(dir, "blobs"))
	outside := open(t, filepath.Join(dir, "outside"))
	digest := put(t, outside, []byte("not yours"))
	target := file(filepath.Join(dir, "blobs"), digest)
	if err := errors.Join(os.MkdirAll(filepath.Dir(target), 0o700), os.Symlink(file(filepath.Join(dir, "outside"), digest), target)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.ReadAll(t.Context(), digest, limit); err == nil {
		t.Error("a link out of the folder was read")
	}
	if ok, _ := f.Has(t.Context(), digest); ok {
		t.Error("a link counts as a document")
	}
	if got, strays := listed(t, f); got != nil || len(strays) != 1 {
		t.Errorf("listed %v, strays %v", got, strays)
	}
}

// Every single changed byte must show, wherever it stands.
func TestAChangedByteIsNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := open(t, dir)
	body := append(bytes.Repeat([]byte("plan "), 100), noise(2, 300)...)
	digest := put(t, f, body)
	path := file(dir, digest)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, stored []byte) {
		if err := os.WriteFile(path, stored, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := f.ReadAll(t.Context(), digest, limit)
		if errors.Is(err, blob.ErrCorrupt) && strings.Contains(err.Error(), digest) {
			return
		}
		if err != nil || !bytes.Equal(got, body) {
			t.Errorf("%s: %d bytes, %v; want an error that names the digest", what, len(got), err)
		}
		// A few bits of a zstd header carry nothing: then the document itself must be unchanged.
	}
	silent := 0
	for i := range 8 * len(whole) {
		changed := bytes.Clone(whole)
		changed[i/8] ^= 1 << (i % 8)
		check(fmt.Sprintf("bit %d", i), changed)
		if _, err := f.ReadAll(t.Context(), digest, limit); err == nil {
			silent++
		}
	}
	if silent > 8 {
		t.Errorf("%d of %d changed bits went unnoticed", silent, 8*len(whole))
	}
	t.Logf("%d of %d bits carry nothing", silent, 8*len(whole))
	for n := range len(whole) {
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := f.ReadAll(t.Context(), digest, limit); !errors.Is(err, blob.ErrCorrupt) {
			t.Fatalf("cut to %d of %d bytes: %v", n, len(whole), err)
		}
	}
	check("lengthened", append(bytes.Clone(whole), "more"...))
	check("doubled", append(bytes.Clone(whole), whole...))
	check("of another document", otherDocument(t))
}

func otherDocument(t *testing.T) []byte {
	t.Helper()
	dir := t.TempDir()
	b, err := os.ReadFile(file(dir, put(t, open(t, dir), []byte("another document"))))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPuttingAgainMendsADamagedCopy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := open(t, dir)
	digest := put(t, f, []byte("words"))
	if err := os.WriteFile(file(dir, digest), []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.ReadAll(t.Context(), digest, limit); !errors.Is(err, blob.ErrCorrupt) {
		t.Fatalf("got %v", err)
	}
	put(t, f, []byte("words"))
	if got, err := f.ReadAll(t.Context(), digest, limit); err != nil || string(got) != "words" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestPutKeepsTheLimit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := open(t, dir)
	if _, _, err := f.Put(t.Context(), strings.NewReader("12345"), 5); err != nil {
		t.Errorf("a document of exactly the limit: %v", err)
	}
	_, _, err := f.Put(t.Context(), io.MultiReader(strings.NewReader("12345"), forever{}), 1<<20)
	if !fault.Is(err, "blob_too_large") || fault.Of(err).Kind != fault.TooLarge {
		t.Errorf("an endless document: %v", err)
	}
	for _, none := range []int64{0, -1} {
		if _, _, err := f.Put(t.Context(), strings.NewReader(""), none); err == nil {
			t.Errorf("limit %d let a document in", none)
		}
	}
	if _, err := f.ReadAll(t.Context(), seal.Raw([]byte("12345")), 4); !fault.Is(err, "blob_too_large") {
		t.Errorf("reading more than the limit: %v", err)
	}
	if got, _ := listed(t, f); len(got) != 1 || leftovers(t, dir) != nil {
		t.Errorf("stored %v, left %v", got, leftovers(t, dir))
	}
}

type forever struct{}

func (forever) Read(p []byte) (int, error) { return len(p), nil }

func TestABrokenSourceStoresNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := open(t, dir)
	broken := errors.New("connection reset")
	_, _, err := f.Put(t.Context(), io.MultiReader(bytes.NewReader(noise(3, 1<<20)), iotest.ErrReader(broken)), limit)
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want the source's own error", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, _, err = f.Put(ctx, io.MultiReader(bytes.NewReader(noise(4, 1<<20)), ending{cancel}), limit)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the end of the context", err)
	}
	if got, _ := listed(t, f); got != nil || leftovers(t, dir) != nil {
		t.Errorf("stored %v, left %v", got, leftovers(t, dir))
	}
}

// ending cancels when it is read.
type ending struct{ cancel func() }

func (e ending) Read(p []byte) (int, error) { e.cancel(); return len(p), nil }

func TestReadingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	f := open(t, t.TempDir())
	digest := put(t, f, noise(5, 1<<20))
	ctx, cancel := context.WithCancel(t.Context())
	r, err := f.Open(ctx, digest)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cancel()
	if _, err := io.ReadAll(r); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := f.Open(ctx, digest); !errors.Is(err, context.Canceled) {
		t.Errorf("opened after the end: %v", err)
	}
}

func TestManyWritersOfOneDocument(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	body := noise(6, 256<<10)
	var all sync.WaitGroup
	for i := range 16 {
		f := open(t, dir)
		all.Go(func() {
			digest := put(t, f, body)
			if got, err := f.ReadAll(t.Context(), digest, limit); err != nil || !bytes.Equal(got, body) {
				t.Errorf("writer %d: %v", i, err)
			}
			put(t, f, noise(uint64(100+i), 1000))
		})
	}
	all.Wait()
	if got, strays := listed(t, open(t, dir)); len(got) != 17 || strays != nil || leftovers(t, dir) != nil {
		t.Errorf("listed %d, strays %v, left %v", len(got), strays, leftovers(t, dir))
	}
}

func TestListNamesWhatIsNoDocument(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := open(t, dir)
	digest := put(t, f, []byte("words"))
	name := filepath.Base(file(dir, digest))
	strays := []string{"sha256/stray", filepath.Join("sha256", "00", name), filepath.Join("sha256", "00", "notes.txt")}
	for _, s := range strays {
		path := filepath.Join(dir, s)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	got, errs := listed(t, f)
	if !slices.Equal(got, []string{digest}) || len(errs) != len(strays) {
		t.Fatalf("listed %v and %v", got, errs)
	}
	for _, s := range strays {
		if !slices.ContainsFunc(errs, func(err error) bool { return strings.Contains(err.Error(), filepath.ToSlash(s)) }) {
			t.Errorf("%s is not named in %v", s, errs)
		}
	}
}

func TestSweepRemovesOnlyOldLeftovers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := open(t, dir)
	put(t, f, []byte("words"))
	start := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for name, at := range map[string]time.Time{"old": start.Add(-time.Hour), "young": start.Add(time.Hour)} {
		path := filepath.Join(dir, "tmp", name)
		if err := errors.Join(os.WriteFile(path, []byte("half"), 0o600), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := f.Sweep(start); n != 1 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	if l := leftovers(t, dir); !slices.Equal(l, []string{"young"}) {
		t.Errorf("left %v", l)
	}
	if got, _ := listed(t, f); len(got) != 1 {
		t.Errorf("a document was swept: %v", got)
	}
}

func FuzzDigestStaysInside(f *testing.F) {
	f.Add(empty)
	f.Add("sha256:../../../../etc/passwd")
	folder := open(f, f.TempDir())
	f.Fuzz(func(t *testing.T, digest string) {
		if ok, err := folder.Has(t.Context(), digest); ok || err != nil && !fault.Is(err, "bad_digest") {
			t.Fatalf("Has(%q) = %v, %v", digest, ok, err)
		}
	})
}

// What lies in the folder may be hostile too: reading it gives the document or ErrCorrupt.
func FuzzStoredBytes(f *testing.F) {
	dir := f.TempDir()
	folder := open(f, dir)
	digest := put(f, folder, []byte("some words, some words, some words"))
	whole, err := os.ReadFile(file(dir, digest))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, stored []byte) {
		if err := os.WriteFile(file(dir, digest), stored, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := folder.ReadAll(t.Context(), digest, 1<<20)
		if err == nil && seal.Raw(got) != digest || err != nil && !errors.Is(err, blob.ErrCorrupt) && !fault.Is(err, "blob_too_large") {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
	})
}
