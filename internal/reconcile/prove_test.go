package reconcile_test

import (
	"testing"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/reconcile"
)

// tamper runs a statement past every use-case, as somebody with the database's password would.
func (f *firm) tamper(text string, args ...any) {
	f.t.Helper()
	f.must(f.db.Update(f.t.Context(), fault.SystemActor("somebody"), func(tx *db.Tx) error {
		_, err := tx.Exec(text, args...)
		return err
	}))
}

// read reads every source and judges nothing: the server stands still, or somebody holds the loop up.
func (f *firm) read(after time.Duration) {
	f.t.Helper()
	f.later(after)
	for _, name := range []string{"state", "cloud"} {
		_, err := f.things.Read(f.t.Context(), fault.SystemActor("discovery"), name, nil, "")
		f.must(err)
	}
}

func (f *firm) proof() reconcile.Proof {
	f.t.Helper()
	p, err := reconcile.Prove(f.t.Context(), f.db)
	f.must(err)
	return p
}

// newest is the last difference that was observed.
func (f *firm) newest() (d inventory.Difference) {
	f.t.Helper()
	f.must(f.db.View(f.t.Context(), func(tx *db.Tx) error {
		list, err := inventory.Differences(tx, 0, 1000)
		d = list[len(list)-1]
		return err
	}))
	return d
}

// Whoever moves the cursor past an edit hides it from the loop, not from verification: wherever the cursor stands afterwards, the
// edit without a verdict is named. A server that starts again finds it by itself.
func TestAMovedCursorHidesNoDifference(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]func(*firm, inventory.Difference){
		"far ahead": func(*firm, inventory.Difference) {},
		"set to where it would be": func(f *firm, d inventory.Difference) {
			f.tamper("UPDATE reconcile_cursor SET n = $1 WHERE id = 'differences'", d.N)
		},
		"taken back after a later one was judged": func(f *firm, d inventory.Difference) {
			f.tamper("UPDATE reconcile_cursor SET n = $1 WHERE id = 'differences'", d.N)
			f.set("cloud", 2, "server_type", text("cx52"))
			f.observe(time.Minute)
			f.tamper("UPDATE reconcile_cursor SET n = $1 WHERE id = 'differences'", d.N-1)
		},
		"taken away after a later one was judged": func(f *firm, d inventory.Difference) {
			f.tamper("UPDATE reconcile_cursor SET n = $1 WHERE id = 'differences'", d.N)
			f.set("cloud", 2, "server_type", text("cx52"))
			f.observe(time.Minute)
			f.tamper("DELETE FROM reconcile_cursor WHERE id = 'differences'")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := found(t)
			f.server(1, "prod", size("cx22"))
			f.server(2, "prod", size("cx22"))
			f.observe(time.Hour)
			f.set("cloud", 1, "firewall.ssh", text("0.0.0.0/0"))
			f.read(time.Minute)
			d := f.newest()
			if p := f.proof(); p.Waiting != 1 || len(p.Faults) != 0 {
				t.Fatalf("proof %+v, want the edit waiting", p)
			}
			f.tamper("UPDATE reconcile_cursor SET n = 1000000 WHERE id = 'differences'")
			after(f, d)
			p := f.proof()
			if len(p.Faults) != 1 || p.Faults[0].What != "unjudged" || p.Faults[0].ID != d.ID {
				t.Fatalf("proof %+v, want %s named", p, d.ID)
			}
			f.Desk = reconcile.New(f.deps)
			f.must(f.Tick(t.Context()))
			if !waiting(f, "firewall.ssh") {
				t.Error("the restarted server did not find it")
			}
			f.whole()
		})
	}
}

// A server that looked for what was passed over looks again a day later, and at more than came since it looked.
func TestWhatIsPassedOverIsFoundADayLater(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour) // looks
	f.set("cloud", 1, "firewall.ssh", text("0.0.0.0/0"))
	f.read(time.Minute)
	d := f.newest()
	f.tamper("UPDATE reconcile_cursor SET n = $1 WHERE id = 'differences'", d.N)
	f.set("cloud", 1, "server_type", text("cx52"))
	f.observe(time.Minute)
	if waiting(f, "firewall.ssh") || !waiting(f, "server_type") {
		t.Fatal("the edit was found at once, or the one after it was not: this test says nothing")
	}
	f.observe(25 * time.Hour)
	if !waiting(f, "firewall.ssh") {
		t.Error("the edit stays hidden")
	}
	f.observe(25 * time.Hour)
	f.whole()
}

// A cursor beyond everything is brought back while the server runs.
func TestACursorAheadOfEverythingIsBroughtBack(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	f.tamper("UPDATE reconcile_cursor SET n = 1000000 WHERE id = 'differences'")
	f.set("cloud", 1, "firewall.ssh", text("0.0.0.0/0"))
	f.observe(time.Minute)
	f.observe(time.Minute)
	if !waiting(f, "firewall.ssh") {
		t.Error("the edit stays hidden")
	}
	f.whole()
}

// A loop that is held up for good does not look like one that has nothing to do.
func TestWhatWaitsForTooLongIsNamed(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	f.set("cloud", 1, "firewall.ssh", text("0.0.0.0/0"))
	f.read(time.Minute)
	f.read(2 * time.Hour) // the first sign of life for long: a server that was just started
	if p := f.proof(); p.Waiting != 1 || len(p.Faults) != 0 {
		t.Errorf("proof %+v after a pause, want the edit waiting", p)
	}
	f.read(11 * time.Minute)
	if p := f.proof(); p.Waiting != 0 || len(p.Faults) != 1 || p.Faults[0].What != "unjudged" {
		t.Errorf("proof %+v while the server went on, want the edit named", p)
	}
	f.must(f.Tick(t.Context()))
	f.whole()
}

// Reading again finds the same: no verdict changes, nothing is counted twice, no closed finding comes back.
func TestReadingAgainChangesNothing(t *testing.T) {
	t.Parallel()
	f, x := edited(t)
	_, err := f.Revert(t.Context(), f.as("olga"), x.ID, why)
	f.must(err)
	f.set("cloud", 1, "server_type", text("cx22"))
	f.observe(time.Hour)
	before, err := f.Findings(t.Context(), reconcile.Filter{Limit: 500})
	f.must(err)
	f.tamper("DELETE FROM reconcile_cursor WHERE id = 'differences'")
	f.must(f.Tick(t.Context()))
	again, err := f.Findings(t.Context(), reconcile.Filter{Limit: 500})
	f.must(err)
	if len(again) != len(before) || again[0].Version != before[0].Version || again[0].State != reconcile.Reverted {
		t.Errorf("findings %+v, want %+v", again, before)
	}
	f.whole()
}

// Whoever moves the other cursor past the end of a run would let its claims explain what comes after.
func TestAPassedOverEndOfARunIsNamed(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	c := f.approved(grow(1))
	p := f.open(c)
	f.must(f.Tick(t.Context()))
	f.later(2 * time.Minute)
	f.done(p, 1)
	if got := f.proof(); len(got.Faults) != 0 {
		t.Fatalf("proof %+v before the loop ran, want no fault", got)
	}
	f.tamper("UPDATE reconcile_cursor SET n = 1000000 WHERE id = 'events'")
	if got := f.proof(); len(got.Faults) != 1 || got.Faults[0].What != "stale_charter" {
		t.Errorf("proof %+v, want the charter named", got)
	}
	f.Desk = reconcile.New(f.deps)
	f.must(f.Tick(t.Context()))
	f.whole()
}

// A change that was approved and came to nothing, or that was approved once more in other words, is over for reconciliation, too: a server on
// which that happened is whole.
func TestWhatIsPermittedNoMoreIsOver(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	cancelled, reworded, expired := f.approved(grow(1)), f.approved(grow(1)), f.approved(grow(1))
	f.must(f.Tick(t.Context())) // it is written down what they may do
	_, err := f.changes.Cancel(t.Context(), f.as("ann"), cancelled.ID, "Not needed any more")
	f.must(err)
	m := f.material(grow(1))
	m.Summary = "Larger, in other words"
	reworded, err = f.changes.Edit(t.Context(), f.as("ann"), reworded.ID, reworded.RevDigest, m)
	f.must(err)
	f.must(f.Tick(t.Context()))
	f.whole()
	reworded = f.approve(reworded, m)
	f.must(f.Tick(t.Context()))
	p := f.open(reworded)
	f.later(2 * time.Minute)
	f.done(p, 1)
	f.later(100 * 24 * time.Hour)
	_, err = f.changes.Tick(t.Context())
	f.must(err)
	f.must(f.Tick(t.Context()))
	if v, err := f.changes.Show(t.Context(), expired.ID); err != nil || !v.Change.State.Over() {
		t.Errorf("the third is %q after a hundred days (%v)", v.Change.State, err)
	}
	f.whole()
}

// An approval that was withdrawn and given once more permits again: what ran under it is explained.
func TestWhatIsPermittedOnceMoreExplainsAgain(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	c := f.approved(grow(1))
	f.must(f.Tick(t.Context()))
	_, err := f.changes.Withdraw(t.Context(), f.as("sam"), c.ID, "Let me look once more")
	f.must(err)
	f.must(f.Tick(t.Context()))
	f.whole()
	c, err = f.changes.Approve(t.Context(), f.as("sam"), c.ID, c.RevDigest, "fine after all")
	f.must(err)
	f.must(f.Tick(t.Context()))
	p := f.open(c)
	f.set("cloud", 1, "server_type", text("cx32"))
	f.later(2 * time.Minute)
	f.done(p, 1)
	f.observe(5 * time.Minute)
	if list := f.findings(); len(list) != 0 {
		t.Errorf("what ran under the second approval is raised: %+v", list)
	}
	f.whole()
}
