package evidence_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/evidence"
	"plumbline.dev/plumb/internal/fault"
)

func faultNext(err error) string { return fault.Of(err).Next }

func zipped(t testing.TB, members ...*zip.FileHeader) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, m := range members {
		body := m.Comment // the header's free field carries the content here
		m.Method, m.Comment = zip.Deflate, ""
		f, err := w.CreateHeader(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(t testing.TB, body io.Reader) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.Copy(w, body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func inflate(body []byte, limit int64) ([]byte, error) {
	r, err := evidence.Inflate(bytes.NewReader(body), limit)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func TestInflateUnpacksOneFile(t *testing.T) {
	t.Parallel()
	const body = `<testsuite><testcase name="a"/></testsuite>`
	for name, packed := range map[string][]byte{
		"gzip": gzipped(t, strings.NewReader(body)), "zip": zipped(t, &zip.FileHeader{Name: "../../x.xml", Comment: body}), "plain": []byte(body),
	} {
		got, err := inflate(packed, 0)
		if err != nil || string(got) != body {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestBombsAreRefused(t *testing.T) {
	t.Parallel()
	zeros := func(n int64) io.Reader { return io.LimitReader(&endless{part: "\x00"}, n) }
	bomb := gzipped(t, zeros(20<<20)) // deflate reaches a ratio near 1,000
	many := string(make([]byte, 2<<20))
	link := &zip.FileHeader{Name: "x", Comment: "/etc/passwd"}
	link.SetMode(fs.ModeSymlink | 0o777)
	lying := bytes.Replace(zipped(t, &zip.FileHeader{Name: "x", Comment: many}), []byte{0, 0, 0x20, 0}, []byte{0, 1, 0, 0}, -1)
	for _, c := range []struct {
		name  string
		body  []byte
		limit int64
		code  string
	}{
		{"gzip ratio", bomb, 0, "unpacks_too_large"},
		{"gzip of a bomb", gzipped(t, bytes.NewReader(bomb)), 0, ""}, // one layer only; Parse refuses the next
		{"gzip limit", gzipped(t, strings.NewReader("some words, more than ten")), 10, "unpacks_too_large"},
		{"zip ratio", zipped(t, &zip.FileHeader{Name: "x", Comment: many}), 0, "unpacks_too_large"},
		{"zip limit", zipped(t, &zip.FileHeader{Name: "x", Comment: "some words, more than ten"}), 10, "unpacks_too_large"},
		{"zip lies about its size", lying, 0, "bad_archive"},
		{"zip of two", zipped(t, &zip.FileHeader{Name: "x"}, &zip.FileHeader{Name: "y"}), 0, "bad_archive"},
		{"zip of none", zipped(t), 0, "bad_archive"},
		{"zip of a link", zipped(t, link), 0, "bad_archive"},
		{"zip of a folder", zipped(t, &zip.FileHeader{Name: "x/"}), 0, "bad_archive"},
		{"cut zip", zipped(t, &zip.FileHeader{Name: "x", Comment: "words"})[:40], 0, "bad_archive"},
		{"cut gzip", gzipped(t, strings.NewReader("words"))[:15], 0, "bad_archive"},
		{"zstd", []byte("\x28\xb5\x2f\xfd...."), 0, "bad_archive"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := inflate(c.body, c.limit)
			if c.code != "" {
				wantFault(t, err, c.code)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			_, err = evidence.Parse(evidence.JUnit, bytes.NewReader(got), evidence.Options{Subject: image})
			wantFault(t, err, "compressed_evidence")
		})
	}
}

func TestInflateKeepsTheErrorOfTheStream(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	whole := gzipped(t, io.LimitReader(&endless{part: "abcdefgh01234567xyz"}, 1<<20))
	r, err := evidence.Inflate(io.MultiReader(bytes.NewReader(whole[:len(whole)/2]), failing{broken}), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); !errors.Is(err, broken) {
		t.Errorf("got %v, want the stream's own error", err)
	}
}
