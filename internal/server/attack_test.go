package server_test

import (
	"sync/atomic"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/server"
	"plumbline.dev/plumb/internal/server/servertest"
	"plumbline.dev/plumb/internal/wire"
)

// What an author merely claims to be equal is no proof that the same will run: approvals of the old
// bytes are void once other bytes are bound, whatever tree or normalized digest stands beside them.
func TestAClaimOfEqualityKeepsNoApproval(t *testing.T) {
	t.Parallel()
	f := found(t)
	for name, bind := range map[string]func(digest string) change.Binding{
		"a tree beside a file": func(d string) change.Binding {
			return change.Binding{Kind: "config-file", Name: "web.yaml", Digest: d, Tree: "4b825dc642cb6eb9a060e54bf8d69288fbee4904"}
		},
		"a tree beside a commit": func(d string) change.Binding {
			return change.Binding{Kind: "git-commit", Name: "commit", Digest: d, Tree: "4b825dc642cb6eb9a060e54bf8d69288fbee4904"}
		},
		"a normalized digest": func(d string) change.Binding {
			return change.Binding{Kind: "config-file", Name: "web.yaml", Digest: d, Normalized: seal.Raw([]byte("the same, surely"))}
		},
		"a normalized plan without its document": func(d string) change.Binding {
			return change.Binding{Kind: "tf-plan", Name: "web.yaml", Digest: d, Normalized: seal.Raw([]byte("the same, surely"))}
		},
	} {
		t.Run(name, func(t *testing.T) {
			good, evil := "workers: 4\n", "workers: 4\nrun: anything\n"
			m := f.usual(good)
			m.Bindings[0] = bind(seal.Raw([]byte(good)))
			c := f.approved(t, f.filed(t, m), seal.Raw([]byte(good)))
			m.Bindings[0] = bind(seal.Raw([]byte(evil)))
			f.done(t, &c, servertest.Alice, "PUT", at(c, ""), m, servertest.Seen(c)...)
			if c.State != change.Draft {
				t.Errorf("the change is %s after its bytes were exchanged, want draft", c.State)
			}
			f.ask(t, servertest.Alice, "POST", at(c, "/evidence?format=junit&subject="+seal.Raw([]byte(evil))), servertest.JUnit())
			q := presented(c, wire.KindApply, evil)
			q.Observed[0].Kind, q.Observed[0].Name = m.Bindings[0].Kind, m.Bindings[0].Name
			if r := f.ask(t, servertest.CI, "POST", "/gate/open", q); r.ok() {
				t.Errorf("the gate released bytes that nobody approved: %s", r)
			}
		})
	}
}

// The order of what happened is the order in which it was recorded, never that of instants: while a
// clock that stepped back a little stands still, an earlier round's approvals count no more than ever.
func TestAStandingClockRevivesNoApproval(t *testing.T) {
	t.Parallel()
	var still atomic.Int64
	clock := func() time.Time {
		if at := still.Load(); at != 0 {
			return time.UnixMicro(at)
		}
		return time.Now()
	}
	f := found(t, func(c *server.Config) { c.Clock = clock })
	m := f.usual("workers: 4\n")
	c := f.filed(t, m)
	still.Store(time.Now().Add(10 * time.Second).UnixMicro())
	c = f.approved(t, c, m.Bindings[0].Digest)
	f.done(t, &c, servertest.Sam, "POST", at(c, "/reject"), map[string]any{"comment": "on second thought, no"}, servertest.Seen(c)...)
	other := m
	other.Summary = "second wording"
	f.done(t, &c, servertest.Alice, "PUT", at(c, ""), other, servertest.Seen(c)...)
	f.done(t, &c, servertest.Alice, "PUT", at(c, ""), m, servertest.Seen(c)...)
	f.done(t, &c, servertest.Alice, "POST", at(c, "/submit"), map[string]any{}, servertest.Seen(c)...)
	if c.State != change.AwaitingApproval {
		t.Errorf("a new round begins as %s, want awaiting_approval", c.State)
	}
	var v change.View
	f.done(t, &v, servertest.Alice, "GET", at(c, ""), nil)
	if len(v.Missing) != 2 {
		t.Errorf("%d approvals are missing at the begin of a round, want both", len(v.Missing))
	}
	f.done(t, &c, servertest.Sally, "POST", at(c, "/approve"), map[string]any{}, servertest.Seen(c)...)
	if c.State == change.Authorized {
		t.Error("Erin's approval of the round before counts again")
	}
}

// The key that opened the gate gets its permit again for what was presented then, and for nothing else:
// a build that exchanges its bytes after the opening is not answered with the old yes.
func TestAPermitsKeyReleasesNothingElse(t *testing.T) {
	t.Parallel()
	f := found(t)
	const good, evil = "workers: 4\n", "workers: 4\nrun: anything\n"
	m := f.usual(good)
	c := f.approved(t, f.filed(t, m), m.Bindings[0].Digest)
	q := presented(c, wire.KindApply, good)
	q.Key = "build-77"
	var first, v wire.GateVerdict
	f.done(t, &first, servertest.CI, "POST", "/gate/open", q)
	other := presented(c, wire.KindApply, evil)
	other.Key = q.Key
	r := f.ask(t, servertest.CI, "POST", "/gate/open", other)
	if r.into(t, &v); r.status != 403 || v.Code != wire.ExitMismatch || v.Permit != nil {
		t.Errorf("other bytes under the permit's key: %s, want code 5 and no permit", r)
	}
	nothing := q
	nothing.Observed = nil
	r, v = f.ask(t, servertest.CI, "POST", "/gate/open", nothing), wire.GateVerdict{}
	if r.into(t, &v); r.status != 403 || v.Code != wire.ExitMismatch || v.Permit != nil {
		t.Errorf("nothing at all under the permit's key: %s, want code 5 and no permit", r)
	}
	f.done(t, &v, servertest.CI, "POST", "/gate/open", q)
	if v.PermitID != first.PermitID {
		t.Errorf("the retry got permit %s, want %s", v.PermitID, first.PermitID)
	}
}

// A way back can be opened while the change still runs. The end of one of the two is not the end of the
// other: the change is implementing until both are over, and the one that is left is still waited for.
func TestAChangeIsImplementingWhileAnythingRuns(t *testing.T) {
	t.Parallel()
	f := found(t)
	const file = "workers: 4\n"
	m := f.usual(file)
	c := f.approved(t, f.filed(t, m), m.Bindings[0].Digest)
	f.done(t, nil, servertest.CI, "POST", "/gate/open", presented(c, wire.KindApply, file))
	f.done(t, nil, servertest.CI, "POST", "/gate/open", presented(c, wire.KindRollback, "back"))
	var v change.View
	f.done(t, &v, servertest.Alice, "GET", at(c, ""), nil)
	for i, want := range []change.State{change.Implementing, change.Verifying} {
		p := v.Permits[1-i] // the way back ends first
		f.done(t, &c, servertest.CI, "POST", "/gate/close", wire.GateClose{Permit: p.ID, Fence: p.Fence, Outcome: change.Success})
		if c.State != want || (c.Due == 0) != (want == change.Verifying) {
			t.Errorf("after %s ended the change is %s and looked at again at %d, want %s", p.Kind, c.State, c.Due, want)
		}
	}
}
