package db_test

import (
	"errors"
	"testing"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/fault"
)

// What a use-case remembers of a table must be what it would read: after a write, after one that was
// rolled back, and never in a view.
func TestAMemoryIsGoodUntilItsTableIsWritten(t *testing.T) {
	t.Parallel()
	d := dbtest.Open(t, nil)
	var m db.Memory[int64]
	reads := 0
	count := func(tx *db.Tx) int64 {
		n, err := m.Recall(tx, "directory_attempt", func() (n int64, err error) {
			reads++
			return n, tx.QueryRow("SELECT COUNT(*) FROM directory_attempt").Scan(&n)
		})
		if err != nil {
			t.Error(err)
		}
		return n
	}
	add := func(tx *db.Tx, id string) error {
		_, err := tx.Exec("INSERT INTO directory_attempt (id, failures, last, until) VALUES ($1, 1, 1, 1)", id)
		return err
	}
	no := errors.New("no")
	steps := []struct {
		name string
		run  func(tx *db.Tx) error
		want int64
	}{
		{"empty", func(*db.Tx) error { return nil }, 0},
		{"written", func(tx *db.Tx) error { return add(tx, "a") }, 1},
		{"written after a look, then rolled back", func(tx *db.Tx) error {
			err := add(tx, "b")
			if n := count(tx); n != 2 {
				t.Errorf("inside the use-case: %d rows, want 2", n)
			}
			return errors.Join(err, no)
		}, 1},
		{"looked at only", func(tx *db.Tx) error { count(tx); return nil }, 1},
	}
	for _, s := range steps {
		if err := d.Update(t.Context(), fault.SystemActor("test"), s.run); err != nil && !errors.Is(err, no) {
			t.Fatal(s.name, err)
		}
		if err := d.Update(t.Context(), fault.SystemActor("test"), func(tx *db.Tx) error {
			if n := count(tx); n != s.want {
				t.Errorf("%s: %d rows, want %d", s.name, n, s.want)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	before := reads
	if err := d.Update(t.Context(), fault.SystemActor("test"), func(tx *db.Tx) error { count(tx); count(tx); return nil }); err != nil {
		t.Fatal(err)
	}
	if limit := map[string]int{"sqlite": 0, "postgres": 1}[d.Engine()]; reads-before > limit {
		t.Errorf("a table that nobody wrote was read %d times, want at most %d", reads-before, limit)
	}
	before = reads
	if err := d.View(t.Context(), func(tx *db.Tx) error { count(tx); return nil }); err != nil || reads != before+1 {
		t.Errorf("a view took what the writer remembers: %d reads, %v", reads-before, err)
	}
}
