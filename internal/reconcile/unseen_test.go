package reconcile_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/reconcile"
)

// closed runs a change, which makes nothing of what was approved, and closes it as successful before any source was read.
func (f *firm) closed(list ...planned) change.Change {
	f.t.Helper()
	c := f.approved(list...)
	p := f.open(c)
	f.later(time.Minute)
	f.done(p, 1)
	_, err := f.changes.Verify(f.t.Context(), f.as("sam"), c.ID, change.Verification{Slot: "verify/asset-owner/security-lead", Passed: true, Comment: "looks right"})
	f.must(err)
	c, err = f.changes.Close(f.t.Context(), f.as("ann"), c.ID, change.Successful, nil)
	f.must(err)
	f.must(f.Tick(f.t.Context()))
	return c
}

// unseen lists the findings of a state about effects that were not seen; "" for every state.
func (f *firm) unseen(state string) []reconcile.Finding {
	f.t.Helper()
	list, err := f.Findings(f.t.Context(), reconcile.Filter{State: state, Limit: 500})
	f.must(err)
	return slices.DeleteFunc(list, func(x reconcile.Finding) bool { return x.Disposition != reconcile.Unseen })
}

// missing is a firm with the finding about a change that was closed and made nothing larger.
func missing(t *testing.T) (*firm, reconcile.Finding) {
	t.Helper()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	f.closed(grow(1))
	f.observe(time.Hour)
	f.observe(time.Hour)
	list := f.unseen("waiting")
	if len(list) != 1 {
		t.Fatalf("findings %+v, want one", list)
	}
	return f, list[0]
}

// Sources read later than people close. What the source shows then counts: a change that was closed as successful while its effects were still
// awaited has a finding when two complete readings do not show them, and none before.
func TestAnEffectThatIsMissingAfterTheCloseIsAFinding(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	c := f.closed(grow(1))
	f.observe(time.Hour)
	if list := f.findings(); len(list) != 0 {
		t.Fatalf("findings %+v after one reading, want none yet", list)
	}
	f.observe(time.Hour)
	list := f.unseen("waiting")
	if len(list) != 1 || list[0].Change != string(c.ID) || list[0].Asset == "" || list[0].Owner != "" || list[0].Environment != "prod" || len(list[0].Hits) != 1 {
		t.Fatalf("findings %+v, want one of the change and the asset, with the effect", list)
	}
	if due := time.UnixMicro(list[0].Due).Sub(time.UnixMicro(list[0].Opened)); due != 24*time.Hour {
		t.Errorf("due after %s, want a day", due)
	}
	if r, err := f.Of(t.Context(), c.ID); err != nil || r.Closable || len(r.Findings) != 1 {
		t.Errorf("reconciliation %+v, %v, want the change to say so", r, err)
	}
	if n, err := f.Figures(t.Context(), 0); err != nil || n.Unseen != 1 || n.Waiting != 1 {
		t.Errorf("figures %+v, %v, want the finding counted", n, err)
	}
	f.observe(time.Hour)
	if again := f.unseen(""); len(again) != 1 || again[0].Version != list[0].Version {
		t.Errorf("findings %+v after another reading of the same, want the one as it was", again)
	}
	f.whole()
}

// What is seen in the end needs nobody, and what comes about after the finding closes it.
func TestAnEffectThatComesAboutLateClosesItsFinding(t *testing.T) {
	t.Parallel()
	for name, undertakes := range map[string]bool{"by itself": false, "somebody undertook it": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, x := missing(t)
			want := reconcile.Settled
			if undertakes {
				_, err := f.Revert(t.Context(), f.as("olga"), x.ID, "the apply is run once more tonight")
				f.must(err)
				want = reconcile.Reverted
			}
			f.set("state", 1, "server_type", text("cx32"))
			f.observe(time.Hour)
			if got := f.unseen(""); len(got) != 1 || got[0].State != want || got[0].Closed == 0 {
				t.Errorf("findings %+v, want the one %s", got, want)
			}
			f.whole()
		})
	}
}

// Who executed the change is no stranger to it; a Security Officer leaves the finding for a time, or it is adopted. Neither raises it once more.
func TestAMissingEffectIsAnsweredLikeAnyFinding(t *testing.T) {
	t.Parallel()
	f, x := missing(t)
	id := x.ID
	_, err := f.Waive(t.Context(), f.as("ivo"), id, f.clock.Now().Add(time.Hour), "it is fine as it is")
	f.refused(err, "not_finding_owner")
	_, err = f.Waive(t.Context(), f.as("olga"), id, f.clock.Now().Add(3*time.Hour), "it is fine as it is for tonight")
	f.must(err)
	f.observe(time.Hour)
	f.observe(time.Hour)
	if got := f.unseen("waived"); len(got) != 1 {
		t.Fatalf("waived findings %+v, want the one", got)
	}
	f.observe(2 * time.Hour)
	if got := f.unseen("open"); len(got) != 1 || got[0].ID != id {
		t.Fatalf("open findings %+v after the waiver, want the one again", got)
	}
	m := f.material(grow(9))
	m.Summary, m.Targets = "Leave the server as it is: "+id, []string{string(x.Asset)}
	c, err := f.changes.File(t.Context(), f.as("ann"), m)
	f.must(err)
	_, err = f.Adopt(t.Context(), f.as("olga"), id, c.ID, "nobody needs the larger one")
	f.must(err)
	f.approve(c, m)
	f.must(f.Tick(t.Context()))
	f.observe(time.Hour)
	f.observe(time.Hour)
	if got := f.unseen(""); len(got) != 1 || got[0].State != reconcile.Adopted {
		t.Errorf("findings %+v, want the one adopted and no other", got)
	}
	f.whole()
}

// Only what was closed as a success claims that its effects came about, and only production raises anything.
func TestWhatClaimsNoSuccessRaisesNothing(t *testing.T) {
	t.Parallel()
	for name, story := range map[string]struct {
		env  string
		code change.Closure
	}{"of a test server": {"test", change.Successful}, "closed with issues": {"prod", change.SuccessfulWithIssues}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := found(t)
			f.server(1, story.env, size("cx22"))
			f.observe(time.Hour)
			c := f.approved(grow(1))
			p := f.open(c)
			f.done(p, 1)
			_, err := f.changes.Verify(t.Context(), f.as("sam"), c.ID, change.Verification{Slot: "verify/asset-owner/security-lead", Passed: true, Comment: "looks right"})
			f.must(err)
			_, err = f.changes.Close(t.Context(), f.as("ann"), c.ID, story.code, nil)
			f.must(err)
			for range 3 {
				f.observe(time.Hour)
			}
			if list := f.unseen(""); len(list) != 0 {
				t.Errorf("findings %+v, want none", list)
			}
			r, err := f.Of(t.Context(), c.ID)
			if f.must(err); r.Counts[reconcile.NotObserved] != 1 {
				t.Errorf("counts %v, want the change to say that it is not there", r.Counts)
			}
		})
	}
}

// What no record shows has no asset of its own: the finding is on the asset that the change was about, or on none, and a Security Officer answers.
func TestAThingThatNeverCameIsAFinding(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	f.set("state", 1, "server_type", text("cx32"))
	f.closed(planned{7, "create", "null", `{"server_type":"cx22"}`}, grow(1))
	f.observe(time.Hour)
	f.observe(time.Hour)
	list := f.unseen("waiting")
	if len(list) != 1 || !strings.Contains(list[0].Note, address(7)) {
		t.Fatalf("findings %+v, want one that names the address", list)
	}
	r, err := f.Read(t.Context(), f.as("olga"), list[0].ID)
	if f.must(err); r.Refused != nil || len(r.Answers()) < 2 {
		t.Errorf("answers %v, %v, want an officer to answer", r.Answers(), fault.Of(r.Refused))
	}
	f.whole()
}
