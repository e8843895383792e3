package change

import (
	"testing"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
)

func TestARowThatIsGoneIsNotFound(t *testing.T) {
	t.Parallel()
	d := dbtest.Open(t, dbtest.NewClock())
	desk := New(Config{DB: d, People: directory.New(d, make([]byte, 32))})
	if err := d.View(t.Context(), func(tx *db.Tx) error {
		_, noChange := loadChange(tx, "CHG-000009")
		_, noRevision := loadRevision(tx, "CHG-000009", 1)
		_, noPermit := loadPermit(tx, "prm_none")
		_, noCheck := desk.CheckIn(tx, "chk_none")
		for name, err := range map[string]error{"change": noChange, "revision": noRevision, "permit": noPermit, "check": noCheck} {
			if fault.Of(err).Kind != fault.NotFound {
				t.Errorf("%s: %v, want not found", name, err)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestNothingIsExplainedBeforeThereIsAPolicy(t *testing.T) {
	t.Parallel()
	d := dbtest.Open(t, dbtest.NewClock())
	desk := New(Config{DB: d, People: directory.New(d, make([]byte, 32))})
	c := newMachine(t).start(t).snap
	if err := d.Update(t.Context(), fault.SystemActor("test"), func(tx *db.Tx) error {
		c.Change.Version = 1
		if _, err := insertChange(tx, c.Change); err != nil {
			return err
		}
		if err := insertRevision(tx, revision(c.Change, []byte(c.Revision.Canonical), session(ann), modelNow)); err != nil {
			return err
		}
		_, err := ledger.Append(tx, ledger.Event{Verb: "change.filed", Type: "change", Object: string(c.Change.ID)})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := desk.ExplainChange(t.Context(), c.Change.ID); !fault.Is(err, "not_set_up") {
		t.Errorf("explained without a policy: %v, want not_set_up", err)
	}
}

func TestNoChangeHasANumberBeforeTheSetUp(t *testing.T) {
	t.Parallel()
	if err := dbtest.Open(t, dbtest.NewClock()).View(t.Context(), func(tx *db.Tx) error {
		if id, n, err := nextID(tx); !fault.Is(err, "not_set_up") {
			t.Errorf("the first change would be %s, number %d, %v; want not_set_up", id, n, err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// The clock of another replica may be ahead by the end of a week: what it filed is in none of ours yet.
func TestAWeekDoesNotCountWhatComesAfterIt(t *testing.T) {
	t.Parallel()
	d := dbtest.Open(t, dbtest.NewClock())
	desk := New(Config{DB: d})
	now := d.Now()
	desk.trend.of = map[int64]sample{1: {created: now.UnixMicro()}, 2: {created: weekOf(now).AddDate(0, 0, 7).UnixMicro()}}
	if weeks, _ := desk.Weeks(2); len(weeks) != 2 || weeks[0].Filed != 0 || weeks[1].Filed != 1 {
		t.Errorf("weeks = %+v, want one change, in the last of two", weeks)
	}
}
