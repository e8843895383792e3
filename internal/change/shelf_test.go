package change

import (
	"testing"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/policy"
)

// What is kept of a change is taken only for the very row that it was kept with.
func TestTheShelfGivesNothingForAnotherRow(t *testing.T) {
	t.Parallel()
	c := Change{ID: "CHG-000001", Version: 3, State: AwaitingApproval, Rev: 1, RevDigest: "sha256:a", Updated: 7}
	s := &Snapshot{Change: c, Revision: Revision{N: 1, Digest: "sha256:a"}, Decisions: make([]Decision, 1, 4)}
	var h shelf
	h.put(s, "{}")
	if h.get(c, "{}") == nil {
		t.Fatal("nothing was kept")
	}
	kept := h.get(c, "{}")
	if grown := append(kept.decisions, Decision{}); len(kept.decisions) != 1 || &grown[0] == &kept.decisions[0] {
		t.Error("adding a decision writes into what is shared")
	}
	others := map[string]func(*Change){
		"version": func(c *Change) { c.Version++ }, "state": func(c *Change) { c.State = Authorized }, "updated": func(c *Change) { c.Updated++ },
		"revision": func(c *Change) { c.Rev++ }, "wording": func(c *Change) { c.RevDigest = "sha256:b" }, "id": func(c *Change) { c.ID = "CHG-000002" },
	}
	for name, edit := range others {
		row := c
		if edit(&row); h.get(row, "{}") != nil {
			t.Errorf("another %s gets what was kept", name)
		}
	}
	if h.get(c, `{"authors":[]}`) != nil {
		t.Error("another body gets what was kept")
	}
	for name, edit := range map[string]func(*Snapshot){
		"a permit":                  func(s *Snapshot) { s.Permits = []Permit{{}} },
		"a wording that was edited": func(s *Snapshot) { s.Change.Rev, s.Change.RevDigest = 2, "sha256:b" },
	} {
		with := *s
		edit(&with)
		if h.put(&with, "{}"); h.get(with.Change, "{}") != nil || h.get(c, "{}") != nil {
			t.Errorf("a change with %s is kept", name)
		}
		h.put(s, "{}")
	}
}

// A demand whose row was edited, or is gone, decides nothing.
func TestAFrozenDemandIsHeldAgainstItsDigest(t *testing.T) {
	t.Parallel()
	d := dbtest.Open(t, dbtest.NewClock())
	c := newMachine(t).start(t).snap.Change
	frozen := &Snapshot{Change: c, Frozen: policy.Demand{Policy: goodBytes}}
	frozen.Change.Body.Round = 1
	desk := func() *Desk { return New(Config{DB: d, People: directory.New(d, make([]byte, 32))}) }
	write := func(do func(tx *db.Tx) error) {
		t.Helper()
		if err := d.Update(t.Context(), fault.SystemActor("test"), func(tx *db.Tx) error {
			if err := do(tx); err != nil {
				return err
			}
			_, err := ledger.Append(tx, ledger.Event{Verb: "change.submitted", Type: "change", Object: string(c.ID)})
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	read := func() (f policy.Demand, err error) {
		err = d.View(t.Context(), func(tx *db.Tx) error { f, err = desk().loadFrozen(tx, frozen.Change); return err })
		return f, err
	}
	write(func(tx *db.Tx) error {
		frozen.Change.Version = 1
		if _, err := insertChange(tx, frozen.Change); err != nil {
			return err
		}
		return desk().freeze(tx, frozen)
	})
	if f, err := read(); err != nil || f.Policy != goodBytes {
		t.Errorf("what was frozen is read as %+v, %v", f, err)
	}
	write(func(tx *db.Tx) error { return tx.ExecOne("UPDATE change_demand SET body = '{}'") })
	if f, err := read(); err == nil || f.Policy != "" {
		t.Errorf("an edited demand is read as %+v", f)
	}
	write(func(tx *db.Tx) error { return tx.ExecOne("DELETE FROM change_demand") })
	if f, err := read(); err == nil || f.Policy != "" {
		t.Errorf("a demand that is gone is read as %+v", f)
	}
	if f, err := desk().loadFrozen(nil, c); err != nil || f.Policy != "" {
		t.Errorf("a change that was never submitted: %+v, %v", f, err)
	}
}
