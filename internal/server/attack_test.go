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
