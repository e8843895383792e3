package ledger_test

import (
	"crypto/rand"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"plumbline.dev/plumb/internal/ledger"
)

func fuzzKey(f *testing.F) (note.Signer, string) {
	f.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		f.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		f.Fatal(err)
	}
	return signer, vkey
}

// Whatever is read as a checkpoint is, byte for byte, one that the key signed.
func FuzzReadCheckpoint(f *testing.F) {
	signer, vkey := fuzzKey(f)
	for _, size := range []int64{0, 1, 700} {
		signed, err := note.Sign(&note.Note{Text: ledger.CheckpointText(origin, size, tlog.Hash{1, 2, 3})}, signer)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(signed)
		f.Add([]byte(strings.Replace(string(signed), "\n", "\r\n", 1)))
		f.Add([]byte(strings.Replace(string(signed), origin, origin+"x", 1)))
	}
	f.Add([]byte(""))
	f.Add([]byte("\n\n— x AAAA\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ledger.ReadCheckpoint(b, vkey)
		if err != nil {
			return
		}
		again, err := note.Sign(&note.Note{Text: ledger.CheckpointText(c.Origin, c.Size, c.Root)}, signer)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(b), string(again)) {
			t.Errorf("read %q as %q", b, again)
		}
	})
}

// The path of a tile comes from strangers.
func FuzzTilePath(f *testing.F) {
	for _, path := range []string{"0/000", "0/000.p/7", "entries/000", "1/x001/234.p/5", "0/x072/x057/x594/x037/x927/936", "-1/000", ""} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		level, n, width, ok := ledger.ParseTile(path)
		if ok && (level < 0 || level > 7 || n < 0 || width < 1 || width > 256) {
			t.Errorf("%q is tile %d/%d of width %d", path, level, n, width)
		}
	})
}
