package db_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/fault"
)

// thing is a covered table of the tests: nobody declared it, so it is covered.
const thing = "CREATE TABLE test_thing (id TEXT PRIMARY KEY, name TEXT NOT NULL, n BIGINT, flag BOOLEAN, more TEXT)"

func open(t *testing.T, cfg db.Config) (*db.DB, *sql.DB) {
	t.Helper()
	d := dbtest.OpenConfig(t, cfg)
	raw := dbtest.Raw(t, cfg)
	must(t, raw, thing)
	return d, raw
}

func must(t *testing.T, raw *sql.DB, text string, args ...any) {
	t.Helper()
	if _, err := raw.Exec(text, args...); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

func update(d *db.DB, run func(*db.Tx) error) error {
	return d.Update(context.Background(), fault.SystemActor("test"), run)
}

// insert writes one row and lets an event answer for it.
func insert(tx *db.Tx, id string) error {
	_, err := tx.Exec("INSERT INTO test_thing (id, name) VALUES ($1, $2)", id, "name of "+id)
	tx.Claim()
	return err
}

func ids(t *testing.T, d *db.DB) (out []string) {
	t.Helper()
	err := d.View(t.Context(), func(tx *db.Tx) (err error) {
		out, err = db.Collect(tx, func(row db.Scanner) (s string, err error) { return s, row.Scan(&s) }, "SELECT id FROM test_thing ORDER BY id")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func wantIDs(t *testing.T, d *db.DB, want ...string) {
	t.Helper()
	if got := ids(t, d); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("rows = %v, want %v", got, want)
	}
}

func TestARowWithoutAnEventAfterItIsRefused(t *testing.T) {
	t.Parallel()
	d, _ := open(t, dbtest.Config(t))
	write := func(tx *db.Tx, id string) error {
		_, err := tx.Exec("INSERT INTO test_thing (id, name) VALUES ($1, $2)", id, "x")
		return err
	}
	for name, c := range map[string]struct {
		run  func(*db.Tx) error
		want error
	}{
		"before":   {func(tx *db.Tx) error { err := write(tx, "before"); tx.Claim(); return err }, nil},
		"no event": {func(tx *db.Tx) error { return write(tx, "none") }, db.ErrNoEvent},
		"after":    {func(tx *db.Tx) error { tx.Claim(); return write(tx, "after") }, db.ErrNoEvent},
		"between": {func(tx *db.Tx) error {
			if err := write(tx, "first"); err != nil {
				return err
			}
			tx.Claim()
			return write(tx, "second")
		}, db.ErrNoEvent},
		"no row touched": {func(tx *db.Tx) error { _, err := tx.Exec("DELETE FROM test_thing WHERE id = 'absent'"); return err }, nil},
		"exempt table": {func(tx *db.Tx) error {
			_, err := tx.Exec("INSERT INTO ledger_tile (id, width, data) VALUES ('0/0', 0, '')")
			return err
		}, nil},
	} {
		if err := update(d, c.run); !errors.Is(err, c.want) {
			t.Errorf("%s: err = %v, want %v", name, err, c.want)
		}
	}
	wantIDs(t, d, "before")
}

func TestDigestsOfARowAreTheSameOnBothEngines(t *testing.T) {
	t.Parallel()
	d, _ := open(t, dbtest.Config(t))
	var got []db.Written
	err := update(d, func(tx *db.Tx) error {
		for _, step := range []struct {
			text string
			args []any
		}{
			{"INSERT INTO test_thing (id, name, n, flag) VALUES ($1, $2, $3, $4)", []any{"a", "Ünïcode\n", 7, true}},
			{"INSERT INTO test_thing (id, name, n, flag) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO UPDATE SET n = excluded.n, flag = excluded.flag", []any{"a", "lost", 8, false}},
			{"INSERT INTO test_thing (id, name) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING", []any{"a", "lost"}},
			{"UPDATE test_thing SET name = $1 WHERE id = $2", []any{"", "a"}},
			{"DELETE FROM test_thing WHERE id = $1", []any{"a"}},
		} {
			if _, err := tx.Exec(step.text, step.args...); err != nil {
				return err
			}
			got = append(got, tx.Claim()...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []db.Written{
		{Table: "test_thing", ID: "a", Digest: rowDigest("flag=i1:1\nid=s1:a\nn=i1:7\nname=s10:Ünïcode\n\n")},
		{Table: "test_thing", ID: "a", Digest: rowDigest("flag=i1:0\nid=s1:a\nn=i1:8\nname=s10:Ünïcode\n\n")},
		{Table: "test_thing", ID: "a", Digest: rowDigest("flag=i1:0\nid=s1:a\nn=i1:8\nname=s0:\n")},
		{Table: "test_thing", ID: "a", Digest: ""},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("written =\n%v, want\n%v", got, want)
	}
}

func TestOneEventAnswersForTheNewestFormOfEachRow(t *testing.T) {
	t.Parallel()
	d, _ := open(t, dbtest.Config(t))
	err := update(d, func(tx *db.Tx) error {
		for _, text := range []string{
			"INSERT INTO test_thing (id, name) VALUES ('a', 'one')",
			"INSERT INTO test_thing (id, name) VALUES ('b', 'one')",
			"UPDATE test_thing SET name = 'two'",
			"DELETE FROM test_thing WHERE id = 'b'",
		} {
			if _, err := tx.Exec(text); err != nil {
				return err
			}
		}
		got := tx.Claim()
		want := []db.Written{{"test_thing", "a", rowDigest("id=s1:a\nname=s3:two\n")}, {"test_thing", "b", ""}}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("claimed %v, want %v", got, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestExecOneRefusesWhatSomebodyElseChanged(t *testing.T) {
	t.Parallel()
	d, _ := open(t, dbtest.Config(t))
	err := update(d, func(tx *db.Tx) error {
		if err := insert(tx, "a"); err != nil {
			return err
		}
		return tx.ExecOne("UPDATE test_thing SET n = 2 WHERE id = 'a' AND n = 1")
	})
	if !fault.Is(err, "changed_meanwhile") {
		t.Errorf("err = %v, want changed_meanwhile", err)
	}
	wantIDs(t, d)
}

// holdWriter occupies the writer until n use-cases are queued behind it, so that they share a batch.
func holdWriter(t *testing.T, d *db.DB, n int) *sync.WaitGroup {
	t.Helper()
	var wg sync.WaitGroup
	begun := make(chan struct{})
	wg.Go(func() {
		err := update(d, func(*db.Tx) error {
			close(begun)
			for d.Queued() < n {
				runtime.Gosched()
			}
			return nil
		})
		if err != nil {
			t.Errorf("hold the writer: %v", err)
		}
	})
	<-begun
	return &wg
}

func TestOneUseCaseThatFailsLeavesItsNeighboursWhole(t *testing.T) {
	t.Parallel()
	d, _ := open(t, dbtest.Config(t))
	refused := errors.New("refused")
	type useCase struct {
		id   string
		run  func(*db.Tx) error
		fine bool
	}
	cases := []useCase{
		{"a", func(tx *db.Tx) error { return nil }, true},
		{"b", func(tx *db.Tx) error { return refused }, false},
		{"c", func(tx *db.Tx) error { return nil }, true},
		{"d", func(tx *db.Tx) error { panic("a defect") }, false},
		{"e", func(tx *db.Tx) error { _, err := tx.Exec("INSERT INTO test_thing (id) VALUES ('no name')"); return err }, false},
		{"f", func(tx *db.Tx) error { _, _ = tx.Exec("INSERT INTO test_thing (id) VALUES ('swallowed')"); return nil }, false},
		{"g", func(tx *db.Tx) error {
			_ = tx.QueryRow("SELECT nothing FROM test_nowhere").Scan(new(string))
			return insert(tx, "after a failed query")
		}, false},
		{"h", func(tx *db.Tx) error { _, err := tx.Exec("UPDATE test_thing SET n = 1 WHERE id = 'h'"); return err }, false},
		{"half", func(tx *db.Tx) error { // its first row was written when its second one failed
			_, _ = tx.Exec("INSERT INTO test_thing (id, name) VALUES ('first', 'a'), ('half', 'b')")
			return nil
		}, false},
		{"i", func(tx *db.Tx) error { return nil }, true},
	}
	wg := holdWriter(t, d, len(cases))
	for _, c := range cases {
		wg.Go(func() {
			err := update(d, func(tx *db.Tx) error {
				if err := insert(tx, c.id); err != nil {
					return err
				}
				return c.run(tx)
			})
			if (err == nil) != c.fine {
				t.Errorf("use-case %s: err = %v, want fine = %v", c.id, err, c.fine)
			}
		})
	}
	wg.Wait()
	wantIDs(t, d, "a", "c", "i")
}

func TestACancelledRequestGivesUpWhileItWaitsAndNeverRuns(t *testing.T) {
	t.Parallel()
	d, _ := open(t, dbtest.Config(t))
	release, begun := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = update(d, func(tx *db.Tx) error { close(begun); <-release; return insert(tx, "holder") })
	})
	<-begun
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := d.Update(ctx, fault.SystemActor("test"), func(tx *db.Tx) error { return insert(tx, "cancelled") })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v, want cancelled", err)
	}
	close(release)
	wg.Wait()
	wantIDs(t, d, "holder")
}

func TestACancelledRequestThatHasBegunIsAnsweredByItsCommit(t *testing.T) {
	t.Parallel()
	d, _ := open(t, dbtest.Config(t))
	ctx, cancel := context.WithCancel(t.Context())
	err := d.Update(ctx, fault.SystemActor("test"), func(tx *db.Tx) error { cancel(); return insert(tx, "a") })
	if err != nil {
		t.Errorf("err = %v, want the commit's answer", err)
	}
	wantIDs(t, d, "a")
}

func TestADenialIsRecordedThoughItsUseCaseIsRolledBack(t *testing.T) {
	t.Parallel()
	d, _ := open(t, dbtest.Config(t))
	broken := errors.New("broken")
	d.OnDenied(func(tx *db.Tx, refusal *fault.Error) error {
		if refusal.Code == "unrecordable" {
			return broken
		}
		return insert(tx, "denial of "+refusal.Code)
	})
	for code, want := range map[string]error{"self_approval": nil, "unrecordable": broken} {
		denied := fault.New(fault.Denied, code, "No.")
		if want == nil {
			want = denied
		}
		if err := update(d, func(tx *db.Tx) error { return errors.Join(insert(tx, "lost"), denied) }); !errors.Is(err, want) {
			t.Errorf("err = %v, want %v", err, want)
		}
	}
	conflict := fault.New(fault.Conflict, "not_pending", "It is not pending.")
	if err := update(d, func(*db.Tx) error { return conflict }); !errors.Is(err, conflict) {
		t.Errorf("err = %v, want the conflict, unrecorded", err)
	}
	wantIDs(t, d, "denial of self_approval")
}

func TestConcurrentUseCasesAreEachThereOnceTheyAreAnswered(t *testing.T) {
	t.Parallel()
	d, _ := open(t, dbtest.Config(t))
	var mu sync.Mutex
	commits, ran := 0, 0
	d.OnCommit(func() { mu.Lock(); commits++; mu.Unlock() })
	d.OnCommit(func() { panic("a defect after the commit") })
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			for j := range 10 {
				id := fmt.Sprintf("%02d.%02d", i, j)
				err := update(d, func(tx *db.Tx) error {
					tx.AfterCommit(func() { mu.Lock(); ran++; mu.Unlock() })
					return insert(tx, id)
				})
				if err != nil {
					t.Errorf("%s: %v", id, err)
				}
			}
		})
	}
	wg.Wait()
	if n := len(ids(t, d)); n != 320 {
		t.Errorf("%d rows, want 320", n)
	}
	mu.Lock()
	defer mu.Unlock()
	if ran != 320 || commits == 0 || commits > 320 {
		t.Errorf("%d functions ran after %d commits, want 320 after at most as many", ran, commits)
	}
}

func TestAViewIsOneSnapshotAndCannotWrite(t *testing.T) {
	t.Parallel()
	d, _ := open(t, dbtest.Config(t))
	count := func(tx *db.Tx) (n int64) {
		if err := tx.QueryRow("SELECT COUNT(*) FROM test_thing").Scan(&n); err != nil {
			t.Error(err)
		}
		return n
	}
	err := d.View(t.Context(), func(tx *db.Tx) error {
		before := count(tx)
		if err := update(d, func(tx *db.Tx) error { return insert(tx, "a") }); err != nil {
			return err
		}
		if after := count(tx); before != after {
			t.Errorf("the view saw %d rows, then %d", before, after)
		}
		if _, err := tx.Exec("DELETE FROM test_thing"); err == nil {
			t.Error("a view deleted rows")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"DELETE FROM test_thing", "DELETE FROM test_thing RETURNING id", "INSERT INTO test_thing (id, name) VALUES ('x', 'x') RETURNING id",
		"WITH gone AS (DELETE FROM test_thing RETURNING id) SELECT id FROM gone", "PRAGMA user_version = 1", "COMMIT", "",
	} {
		read := func(tx *db.Tx) error { return tx.QueryRow(text).Scan(new(string)) }
		if err := d.View(t.Context(), read); err == nil || errors.Is(err, sql.ErrNoRows) {
			t.Errorf("a view ran %q: %v", text, err)
		}
		if err := update(d, read); err == nil || errors.Is(err, sql.ErrNoRows) {
			t.Errorf("a query of a use-case wrote by %q: %v", text, err)
		}
	}
	wantIDs(t, d, "a")
}

func TestStatementsOfAnotherFormAreRefused(t *testing.T) {
	t.Parallel()
	d, _ := open(t, dbtest.Config(t))
	for _, text := range []string{
		"REPLACE INTO test_thing (id, name) VALUES ('a', 'b')", "INSERT OR REPLACE INTO test_thing (id, name) VALUES ('a', 'b')",
		"DROP TABLE test_thing", "DELETE FROM main.test_thing", "DELETE FROM Test_Thing", "DELETE FROM test_thing RETURNING id",
		"UPDATE test_thing SET id = 'z'", "UPDATE test_thing SET name = 'z', id = 'z'", "SELECT 1", "",
	} {
		if err := update(d, func(tx *db.Tx) error { _, err := tx.Exec(text); tx.Claim(); return err }); err == nil {
			t.Errorf("Exec ran %q", text)
		}
	}
}

func TestATransactionIsOverWhenItsFunctionReturns(t *testing.T) {
	t.Parallel()
	d, _ := open(t, dbtest.Config(t))
	var kept []*db.Tx
	if err := update(d, func(tx *db.Tx) error { kept = append(kept, tx); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := d.View(t.Context(), func(tx *db.Tx) error { kept = append(kept, tx); return nil }); err != nil {
		t.Fatal(err)
	}
	for _, tx := range kept {
		if _, err := tx.Exec("DELETE FROM test_thing"); err == nil {
			t.Error("a transaction wrote after its end")
		}
		if err := tx.QueryRow("SELECT 1").Scan(new(int64)); err == nil {
			t.Error("a transaction read after its end")
		}
	}
}

func TestAViewThatPanicsGivesItsPlaceBack(t *testing.T) {
	t.Parallel()
	d, _ := open(t, dbtest.Config(t))
	for range 20 {
		func() {
			defer func() {
				p := recover()
				if p != "a defect" {
					t.Error(p, string(debug.Stack()))
				}
			}()
			_ = d.View(t.Context(), func(*db.Tx) error { panic("a defect") })
		}()
	}
	wantIDs(t, d)
}

func TestTheClockNeverRunsBackwards(t *testing.T) {
	t.Parallel()
	clock := dbtest.NewClock()
	cfg := dbtest.Config(t)
	cfg.Clock = clock.Now
	d, _ := open(t, cfg)
	decide := func() (at time.Time, err error) {
		err = update(d, func(tx *db.Tx) error { at = tx.Now(); return nil })
		return at, err
	}
	first, err := decide()
	if err != nil {
		t.Fatal(err)
	}
	clock.Add(-30 * time.Second)
	if at, err := decide(); err != nil || !at.Equal(first) {
		t.Errorf("30 s back: %v, %v; want %v again", at, err, first)
	}
	clock.Add(-90 * time.Second)
	if _, err := decide(); !fault.Is(err, "clock_moved_back") {
		t.Errorf("2 min back: err = %v, want clock_moved_back", err)
	}
	err = d.View(t.Context(), func(tx *db.Tx) error {
		if !tx.Now().Equal(first) || !d.Now().Equal(first) {
			t.Errorf("a view reads at %v, a loop at %v; want %v", tx.Now(), d.Now(), first)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	clock.Add(2*time.Minute + time.Second)
	if at, err := decide(); err != nil || !at.After(first) {
		t.Errorf("right again: %v, %v; want later than %v", at, err, first)
	}
	d.Floor(clock.Now().Add(2 * time.Minute))
	if _, err := decide(); !fault.Is(err, "clock_moved_back") {
		t.Errorf("behind the newest event: err = %v, want clock_moved_back", err)
	}
}

func TestAClosedDatabaseRefusesAndCanBeClosedAgain(t *testing.T) {
	t.Parallel()
	d, _ := open(t, dbtest.Config(t))
	for range 2 {
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := update(d, func(*db.Tx) error { return nil }); !fault.Is(err, "shutting_down") {
		t.Errorf("update: err = %v, want shutting_down", err)
	}
	for range 20 { // more often than there are places
		if err := d.View(t.Context(), func(*db.Tx) error { return nil }); err == nil {
			t.Error("a closed database was read")
		}
	}
}
