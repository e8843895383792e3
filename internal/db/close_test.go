package db_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/db/dbtest"
)

// After a clean stop plumb.db alone is the whole database, so a copy of that one file is a backup.
func TestACleanStopFoldsTheLogIntoTheDatabase(t *testing.T) {
	t.Parallel()
	for _, beside := range []bool{false, true} { // a verifier that read beside the server and has gone
		cfg := db.Config{Dir: t.TempDir()} // SQLite on both passes: PostgreSQL has no such file
		d, raw := open(t, cfg)
		if err := raw.Close(); err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"a", "b", "c"} {
			if err := update(d, func(tx *db.Tx) error { return insert(tx, id) }); err != nil {
				t.Fatal(err)
			}
			wantIDs(t, d, []string{"a", "b", "c"}[:id[0]-'a'+1]...)
		}
		if beside {
			r, err := db.OpenReader(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			wantIDs(t, r, "a", "b", "c")
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if fi, err := os.Stat(filepath.Join(cfg.Dir, "plumb.db-wal")); err == nil && fi.Size() > 0 {
			t.Errorf("beside=%v: the log still holds %d bytes", beside, fi.Size())
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		wantAlone(t, cfg.Dir)
	}
}

// wantAlone copies nothing but plumb.db, and asks for all rows of it.
func wantAlone(t *testing.T, dir string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "plumb.db"))
	if err != nil {
		t.Fatal(err)
	}
	alone := t.TempDir()
	if err := os.WriteFile(filepath.Join(alone, "plumb.db"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	wantIDs(t, dbtest.OpenConfig(t, db.Config{Dir: alone}), "a", "b", "c")
}
