package reconcile_test

import (
	"fmt"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/reconcile"
)

// Among a thousand edits by hand, while a change of one of the servers runs, none is missed.
func TestOfAThousandEditsByHandNoneIsMissed(t *testing.T) {
	t.Parallel()
	f := found(t)
	const servers = 500
	for n := 1; n <= servers+1; n++ {
		f.server(n, "prod", size("cx22"))
	}
	f.observe(time.Hour)
	p := f.open(f.approved(grow(servers + 1)))
	f.set("cloud", servers+1, "server_type", text("cx32"))
	f.set("state", servers+1, "server_type", text("cx32"))
	for n := 1; n <= servers; n++ {
		f.set("cloud", n, "server_type", text("cx32")) // the approved value, on another server
		f.set("cloud", n, "firewall.ssh", text("0.0.0.0/0"))
	}
	f.done(p, servers+1)
	f.observe(time.Minute)
	got, after := map[string]bool{}, int64(0)
	for {
		list, err := f.Findings(t.Context(), reconcile.Filter{State: "waiting", Limit: 500, After: after})
		f.must(err)
		if len(list) == 0 {
			break
		}
		for _, x := range list {
			got[x.Name+" "+x.Path], after = true, x.N
		}
	}
	missed := 0
	for n := 1; n <= servers; n++ {
		for _, path := range []string{"server_type", "firewall.ssh"} {
			if !got[fmt.Sprintf("web-%d %s", n, path)] {
				missed++
			}
		}
	}
	if missed > 0 || len(got) != 2*servers {
		t.Errorf("missed %d of %d, found %d; want none missed and none besides", missed, 2*servers, len(got))
	}
	figures, err := f.Figures(t.Context(), 0)
	f.must(err)
	if figures.Judged != 2*servers+2 || figures.Unauthorized != 2*servers || figures.Behind != 0 {
		t.Errorf("figures %+v, want all judged and the share right", figures)
	}
}

// A detector that always alarms is none.
func TestAWeekOfReadingTheSameRaisesNothing(t *testing.T) {
	t.Parallel()
	f := found(t)
	for n := 1; n <= 20; n++ {
		f.server(n, "prod", size("cx22"))
	}
	for range 7 * 4 {
		f.observe(6 * time.Hour)
	}
	if list := f.findings(); len(list) != 0 {
		t.Errorf("findings %+v, want none", list)
	}
	figures, err := f.Figures(t.Context(), 0)
	f.must(err)
	if figures.Judged != 0 {
		t.Errorf("judged %d differences, want none", figures.Judged)
	}
}

// Assets outside production are judged, and raise nothing; taking the label of production away is judged by that label.
func TestOnlyProductionRaisesAndTheLabelCannotBeTakenAwayUnseen(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "test", size("cx22"))
	f.server(2, "", size("cx22"))
	f.observe(time.Hour)
	f.set("cloud", 1, "server_type", text("cx32"))
	f.observe(time.Hour)
	if list := f.findings(); len(list) != 0 {
		t.Errorf("findings %+v in test, want none", list)
	}
	f.set("cloud", 2, "server_type", text("cx32"))
	f.observe(time.Hour)
	if list := f.findings(); len(list) != 1 {
		t.Errorf("findings %+v, want the unlabelled one", list)
	}
}

// A run whose end is reported after production was read: what was found meanwhile is judged once more.
func TestALateReportClosesWhatItExplains(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.server(7, "prod", size("cx22"))
	f.observe(time.Hour)
	c := f.approved(planned{1, "delete", `{"server_type":"cx22"}`, "null"})
	p := f.open(c)
	delete(f.see["cloud"].records, "hcloud:server:1")
	delete(f.see["state"].records, "hcloud:server:1")
	f.observe(time.Minute)
	f.observe(time.Minute)
	f.done(p, 1)
	f.must(f.Tick(t.Context()))
	if list := f.findings(); len(list) != 0 {
		t.Errorf("findings %+v after the report, want none", list)
	}
	r, err := f.Of(t.Context(), c.ID)
	f.must(err)
	if r.Counts[reconcile.Observed] != 1 || len(r.Ends) != 1 {
		t.Errorf("ends %+v, want the removal observed", r.Ends)
	}
	f.whole()
}

// Approved, reported as done, and not there: two complete readings say so, and the change does not close as successful.
func TestAnEffectThatIsNotThereKeepsAChangeOpen(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	c := f.approved(grow(1))
	p := f.open(c)
	f.done(p, 1)
	f.observe(time.Minute)
	r, err := f.Of(t.Context(), c.ID)
	f.must(err)
	if r.Counts[reconcile.Awaited] == 0 {
		t.Errorf("counts %v after one reading, want it awaited", r.Counts)
	}
	f.observe(time.Hour)
	r, err = f.Of(t.Context(), c.ID)
	f.must(err)
	if r.Counts[reconcile.NotObserved] != 1 || r.Closable {
		t.Errorf("counts %v, want the attribute not observed", r.Counts)
	}
	_, err = f.changes.Verify(t.Context(), f.as("sam"), c.ID, change.Verification{Slot: "verify/asset-owner/security-lead", Passed: true, Comment: "looks right"})
	f.must(err)
	_, err = f.changes.Close(t.Context(), f.as("ann"), c.ID, change.Successful, nil)
	f.refused(err, "effects_unseen")
	f.set("state", 1, "server_type", text("cx32"))
	f.set("cloud", 1, "server_type", text("cx32"))
	f.observe(2 * time.Hour)
	if list := f.findings(); len(list) == 0 {
		t.Error("no finding for what came hours after the run")
	}
}

func TestFlapsAreCountedButNeverAtADoor(t *testing.T) {
	t.Parallel()
	day := int64(24 * 60 * 60 * 1_000_000)
	list := []reconcile.Moment{{Value: `"a"`, At: day}, {Value: `"b"`, At: 2 * day}, {Value: `"a"`, At: 3 * day}, {Value: `"b"`, At: 4 * day}}
	for name, x := range map[string]struct {
		kind inventory.AttrKind
		list []reconcile.Moment
		now  int64
		want bool
	}{
		"to and fro":       {inventory.Config, list, 5 * day, true},
		"a door":           {inventory.Security, list, 5 * day, false},
		"three times":      {inventory.Config, list[:3], 5 * day, false},
		"within two weeks": {inventory.Config, list, 10 * day, false},
	} {
		if got := reconcile.Flaps(x.kind, x.list, x.now); got != x.want {
			t.Errorf("%s: %v, want %v", name, got, x.want)
		}
	}
}
