package prove_test

import (
	"io"
	"os"
	"testing"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/prove"
	"plumbline.dev/plumb/internal/seal"
)

// Whoever takes evidence out is on record with its digest. Who was signed out while it was written gets none,
// and no file of it stays behind.
func TestEvidenceIsTakenOnlyByWhoIsStillSignedIn(t *testing.T) {
	t.Parallel()
	c := found(t, "install_take")
	period := prove.Selection{From: c.clock.Now(), To: c.minute()}
	exports := func() (out []string) {
		t.Helper()
		must(t, c.db.View(t.Context(), func(tx *db.Tx) error {
			list, err := ledger.ReadIn(tx, 0, 1000)
			for _, e := range list {
				if e.Leaf.Verb == "evidence.exported" {
					out = append(out, e.Leaf.Object.Rev+" by "+e.Leaf.Actor.Person)
				}
			}
			return err
		}))
		return out
	}
	dir := t.TempDir()
	ann := c.as(t, "ann")
	pack, err := prove.Take(t.Context(), ann, dir, c.source(), period)
	must(t, err)
	raw, err := io.ReadAll(pack)
	must(t, err)
	if got := exports(); seal.Raw(raw) != pack.Digest || len(got) != 1 || got[0] != pack.Digest+" by "+c.id("ann") {
		t.Errorf("on record is %q, want the pack %s and ann", got, pack.Digest)
	}
	must(t, pack.Drop())

	must(t, c.dir.EndSession(t.Context(), ann, directory.SessionID(ann.Via)))
	for code, actor := range map[string]fault.Actor{"session_over": ann, "not_signed_in": {}} {
		if _, err := prove.Take(t.Context(), actor, dir, c.source(), period); !fault.Is(err, code) {
			t.Errorf("%v, want %s", err, code)
		}
	}
	if got := exports(); len(got) != 1 {
		t.Errorf("on record is %q, want nothing new", got)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("left behind: %v, %v", files, err)
	}
}
