package reconcile_test

import (
	"testing"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/reconcile"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// sizes is an exception for larger servers.
func (f *firm) sizes() reconcile.Mute {
	return reconcile.Mute{Kind: reconcile.Automation, Reason: "the autoscaler changes sizes", Type: "hcloud_server", Name: "web-*", Path: "server_type",
		Share: 50, Expires: f.clock.Now().Add(72 * time.Hour).UnixMicro()}
}

// Who reviews an exception sees what it would have matched by now, not by when it was proposed, and the decision keeps what it rested on.
func TestAReviewRestsOnTheBackTestOfItsMoment(t *testing.T) {
	t.Parallel()
	f, x := edited(t)
	f.server(2, "prod", size("cx22"))
	f.observe(time.Hour)
	got, err := f.Propose(t.Context(), f.as("ann"), f.sizes())
	f.must(err)
	if got.Back.Matched != 1 || got.Back.Unauthorized != 1 || got.Back.At == 0 || got.Back.To < x.Difference {
		t.Fatalf("back-test %+v of the proposal, want the edit by hand", got.Back)
	}
	f.set("cloud", 2, "server_type", text("cx52"))
	f.observe(time.Hour)
	shown, err := f.MuteOf(t.Context(), "mut-1")
	f.must(err)
	if shown.Back.Matched != 2 || shown.Back.Unauthorized != 2 || len(shown.Back.Assets) != 2 || shown.Back.To != f.newest().N {
		t.Errorf("back-test %+v shown to the reviewer, want both edits up to difference %d", shown.Back, f.newest().N)
	}
	f.clock.Add(time.Minute)
	if same, err := f.MuteOf(t.Context(), "mut-1"); err != nil || same.Back.At != shown.Back.At {
		t.Errorf("nothing was judged since, and it was computed anew: %d, %d, %v", shown.Back.At, same.Back.At, err)
	}
	f.clock.Add(5 * time.Minute)
	if later, err := f.MuteOf(t.Context(), "mut-1"); err != nil || later.Back.At == shown.Back.At {
		t.Errorf("after six minutes it is still that of %d, %v", later.Back.At, err)
	}
	kept, err := f.Review(t.Context(), f.as("otto"), got.ID, true, "")
	f.must(err)
	f.observe(time.Hour)
	again, err := f.MuteOf(t.Context(), got.ID)
	f.must(err)
	if again.State != reconcile.Active || again.Back.Matched != 2 || again.Back.To != kept.Back.To || again.Back.At != kept.Back.At {
		t.Errorf("mute %+v, want the back-test that its review rested on", again)
	}
	_, err = f.MuteOf(t.Context(), "MUT-9")
	f.refused(err, "no_mute")
	f.whole()
}

// What is judged between a back-test and the decision is added to it; too much of it makes the back-test stale.
func TestABackTestIsBroughtUpToTheDecisionOrIsStale(t *testing.T) {
	t.Parallel()
	f := found(t)
	const servers = 301
	for n := 1; n <= servers; n++ {
		f.server(n, "prod", size("cx22"))
	}
	f.observe(time.Hour)
	first := f.newest().N
	for n := 1; n <= servers; n++ {
		f.set("cloud", n, "server_type", text("cx52"))
	}
	f.observe(time.Hour)
	m := f.sizes()
	f.must(f.db.View(t.Context(), func(tx *db.Tx) error {
		_, err := reconcile.Refresh(tx, &m, reconcile.BackTest{To: first})
		f.refused(err, "back_test_stale")
		b, err := reconcile.Refresh(tx, &m, reconcile.BackTest{To: first + 1, Differences: 7, Matched: 3})
		f.must(err)
		if b.Matched != 3+servers-1 || b.Differences != 7+servers-1 || b.To != first+servers {
			t.Errorf("back-test %+v, want what was judged since besides", b)
		}
		return nil
	}))
}

// Two states hold the same addresses and values: what was approved for one explains nothing in the other, and the gate does not let its
// plan be run there.
func TestAPlanOfOneStateExplainsNothingInItsTwin(t *testing.T) {
	t.Parallel()
	for base, explained := range map[string]bool{"5c1a-lineage/7": true, "": false, "77aa-lineage/7": false, "5c1a/7": false} {
		f := found(t)
		f.server(1, "prod", size("cx22"))
		f.observe(time.Hour)
		m := f.material(grow(1))
		m.Bindings[0].Base = base
		c, err := f.changes.File(t.Context(), f.as("ann"), m)
		f.must(err)
		p := f.open(f.approve(c, m))
		f.set("state", 1, "server_type", text("cx32"))
		f.set("cloud", 1, "server_type", text("cx32"))
		f.later(2 * time.Minute)
		f.done(p, 1)
		f.observe(3 * time.Minute)
		if list := f.findings(); (len(list) == 0) != explained {
			t.Errorf("from %q: findings %+v, want explained %t", base, list, explained)
		}
		f.whole()
	}
}

func TestTheGateRefusesThePlanOfATwin(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	c := f.approved(grow(1))
	rev, err := f.changes.Wording(t.Context(), c.ID, c.Rev)
	f.must(err)
	for _, x := range []struct {
		base string
		code int
	}{{"77aa-lineage/7", wire.ExitMismatch}, {"5c1a-lineage/9", wire.ExitAllowed}} {
		b := rev.Material.Bindings[0]
		v, err := f.changes.Open(t.Context(), f.as("ivo"), wire.GateRequest{Schema: wire.GateRequestSchema, Change: string(c.ID), Kind: wire.KindApply, Key: seal.NewID("key"),
			Observed: []wire.Observed{{Kind: b.Kind, Name: b.Name, Digest: seal.Raw([]byte(x.base)), Normalized: b.Normalized, Base: x.base}}})
		f.must(err)
		if v.Code != x.code {
			t.Errorf("a plan from %s: verdict %+v, want code %d", x.base, v, x.code)
		}
	}
}
