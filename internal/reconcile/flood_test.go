package reconcile_test

import (
	"fmt"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/reconcile"
)

// flooded is a firm with one server whose source reports ever new attributes: 70 that are plain, one of them after the other.
func flooded(t *testing.T) (*firm, reconcile.Finding) {
	t.Helper()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	for n := 1; n <= 70; n++ {
		f.set("cloud", 1, fmt.Sprintf("noise.n%02d", n), text("1"))
	}
	f.observe(time.Hour)
	return f, f.collector()
}

// collector is the only finding that collects.
func (f *firm) collector() (out reconcile.Finding) {
	f.t.Helper()
	n := 0
	for _, x := range f.findings() {
		if x.Collects {
			out = x
			n++
		}
	}
	if n != 1 {
		f.t.Fatalf("%d findings collect, want one", n)
	}
	return out
}

// seen is how a finding that collects is named by who looked at it.
func seen(x reconcile.Finding) string { return fmt.Sprintf("%s@%d", x.ID, x.Count) }

// However much one asset shows, a bounded number of findings waits, each difference has its verdict, and none that is serious hides among them.
func TestAFloodIsHeldAndHidesNothing(t *testing.T) {
	t.Parallel()
	f, x := flooded(t)
	if n := len(f.findings()); n != 51 || x.Count != 20 || x.Away != 20 || x.Severity != reconcile.Critical || x.Due-x.Opened != 24*60*60*1_000_000 {
		t.Errorf("%d findings wait, and %+v collects; want 51, and 20 in one of the highest severity with a day's time", n, x)
	}
	f.set("cloud", 1, "firewall.ssh", text("0.0.0.0/0")) // in the middle of the flood
	for n := 60; n <= 75; n++ {
		f.set("cloud", 1, fmt.Sprintf("noise.n%02d", n), text("2"))
	}
	f.observe(time.Hour)
	door := false
	for _, one := range f.findings() {
		door = door || one.Path == "firewall.ssh" && !one.Collects
	}
	y := f.collector()
	if n := len(f.findings()); n != 52 || !door || y.ID != x.ID || y.Count != 36 || y.Away != 25 || y.Due != x.Due || y.Opened != x.Opened {
		t.Errorf("%d findings wait, the door by itself %t, and %+v collects; want repeats and what is new in the same one, on its first clock", n, door, y)
	}
	held := 0
	for _, d := range f.observed() {
		if !reconcile.Judged(d) {
			continue
		}
		m, err := f.MatchOf(t.Context(), d.ID)
		f.must(err)
		if m.Finding == "" || m.Disposition.Explains() {
			t.Errorf("difference %d of %s has no finding: %+v", d.N, d.Path, m)
		}
		if m.Finding == x.ID {
			held++
		}
	}
	if held != 36 {
		t.Errorf("%d differences name the one that collects, want 36", held)
	}
	f.whole()
}

// A flood of doors is collected apart, and what is worst stands on top.
func TestAFloodOfDoorsIsCollectedApart(t *testing.T) {
	t.Parallel()
	f, _ := flooded(t)
	for n := 1; n <= 60; n++ {
		f.set("cloud", 1, fmt.Sprintf("firewall.r%02d", n), text("any"))
	}
	f.observe(time.Hour)
	var doors reconcile.Finding
	for _, x := range f.findings() {
		if x.Collects && x.Kind == inventory.Security {
			doors = x
		}
	}
	if n := len(f.findings()); n != 102 || doors.Count != 10 {
		t.Errorf("%d findings, and %+v collects doors; want 50 and 50, and one that collects of either", n, doors)
	}
	f.whole()
}

// One that collects is answered by who looked at all that it holds, and what joins it afterwards was not decided on.
func TestWhatCollectsIsAnsweredAsItWasSeen(t *testing.T) {
	t.Parallel()
	f, x := flooded(t)
	until := f.clock.Now().Add(48 * time.Hour)
	for _, id := range []string{x.ID, x.ID + "@19", x.ID + "@", x.ID + "@x"} {
		_, err := f.Waive(t.Context(), f.as("olga"), id, until, why)
		f.refused(err, "finding_grew")
	}
	_, err := f.Waive(t.Context(), f.as("olga"), seen(x), until, why)
	f.must(err)
	for n := 51; n <= 70; n++ { // the same again is no news
		f.set("cloud", 1, fmt.Sprintf("noise.n%02d", n), text("1"))
	}
	f.observe(time.Hour)
	if r, err := f.Read(t.Context(), f.as("olga"), x.ID); err != nil || r.State != reconcile.Waived {
		t.Fatalf("finding %+v, %v; want it waived still", r.Finding, err)
	}
	f.set("cloud", 1, "noise.n99", text("1"))
	f.observe(time.Hour)
	if y := f.collector(); y.State != reconcile.Open || y.Count != 21 || y.Due != f.clock.Now().UnixMicro()+24*60*60*1_000_000 {
		t.Errorf("finding %+v, want it open again with a day's time", y)
	}
}

// It is taken back when each place that it holds is as it was, not before.
func TestWhatCollectsIsTakenBackWhole(t *testing.T) {
	t.Parallel()
	f, x := flooded(t)
	_, err := f.Revert(t.Context(), f.as("olga"), seen(x), why)
	f.must(err)
	r := f.see["cloud"].records["hcloud:server:1"]
	for n := 1; n <= 69; n++ {
		delete(r.Attrs, fmt.Sprintf("noise.n%02d", n))
	}
	f.observe(time.Hour)
	if y := f.collector(); y.State != reconcile.Reverting || y.Away != 1 {
		t.Fatalf("finding %+v, want one place left", y)
	}
	delete(r.Attrs, "noise.n70")
	f.observe(time.Hour)
	if w, err := f.Show(t.Context(), x.ID); err != nil || w.State != reconcile.Reverted || w.Away != 0 {
		t.Errorf("finding %+v, %v; want it reverted by what was observed", w.Finding, err)
	}
	f.whole()
}

// Whoever did any of what a finding holds does not judge it, however many came after; nor is it adopted by a change after more was seen.
func TestWhoDidAnyOfItDoesNotJudgeTheFlood(t *testing.T) {
	t.Parallel()
	f, x := flooded(t)
	for i, who := range []string{"uid=olga,ou=people,dc=example,dc=com", "root"} {
		r := f.see["cloud"].records["hcloud:server:1"]
		r.Actor = who
		f.see["cloud"].records["hcloud:server:1"] = r
		f.set("cloud", 1, fmt.Sprintf("noise.n8%d", i), text("1"))
		f.observe(time.Hour)
	}
	x = f.collector()
	_, err := f.Revert(t.Context(), f.as("olga"), seen(x), why)
	f.refused(err, "own_finding")
	m := f.material(planned{1, "update", `{"server_type":"cx22"}`, `{"server_type":"cx52"}`})
	m.Justification = "Adopts " + x.ID + ": the tool writes these"
	m.Targets = []string{string(x.Asset)}
	c, err := f.changes.File(t.Context(), f.as("ann"), m)
	f.must(err)
	_, err = f.Adopt(t.Context(), f.as("otto"), seen(x), c.ID, why)
	f.must(err)
	f.set("cloud", 1, "noise.n90", text("1"))
	f.observe(time.Hour)
	f.approve(c, m)
	f.must(f.Tick(t.Context()))
	if y := f.collector(); y.State != reconcile.Open || y.Adopts != "" {
		t.Errorf("finding %+v, want what came after the adoption undecided", y)
	}
}

// What a run left besides keeps its change from being closed as successful, also where the finding that holds it began with something else.
func TestAChangeIsNotClosedOverWhatTheFloodHolds(t *testing.T) {
	t.Parallel()
	f, x := flooded(t)
	c := f.approved(grow(1))
	p := f.open(c)
	f.set("cloud", 1, "noise.n91", text("1"))
	f.set("cloud", 1, "server_type", text("cx32"))
	f.set("state", 1, "server_type", text("cx32"))
	f.later(2 * time.Minute)
	f.done(p, 1)
	f.observe(time.Minute)
	r, err := f.Of(t.Context(), c.ID)
	f.must(err)
	if r.Closable || len(r.Findings) != 1 || r.Findings[0].ID != x.ID {
		t.Errorf("closable %t, findings %+v; want it kept open by what collects", r.Closable, r.Findings)
	}
}
