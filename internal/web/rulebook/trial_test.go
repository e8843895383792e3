package rulebook_test

import (
	"bytes"
	"net/http"
	"net/url"
	"os"
	"testing"

	"plumbline.dev/plumb/internal/server/servertest"
)

// A pack that is too large is refused, and nothing of it stays on the disk. It is not parallel because
// the folder for temporary files is the process's.
func TestAnUploadThatIsTooLargeLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	s := servertest.Start(t)
	p := s.Browse(servertest.Rita).Send("/policy/simulate", url.Values{"from": {"2026-01-01"}, "to": {"2026-01-02"}},
		servertest.Upload{Field: "archive", Name: "pack.json", Body: bytes.Repeat([]byte("x"), 2<<20+1000)})
	p.Wants(http.StatusRequestEntityTooLarge, "larger than 2 MiB")
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range left {
		t.Errorf("%s is left behind", f.Name())
	}
}
