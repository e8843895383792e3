package reconcile_test

import (
	"fmt"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/reconcile"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

func shrink(n int) planned {
	return planned{n, "update", `{"server_type":"cx32"}`, `{"server_type":"cx22"}`}
}

// reversible is an approved change with a plan for the way back, for two servers.
func reversible(t *testing.T) (*firm, change.Change) {
	t.Helper()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.server(2, "prod", size("cx22"))
	f.observe(time.Hour)
	m := f.material(grow(1), grow(2))
	b := f.binding(shrink(1), shrink(2))
	m.Rollback.Binding = &b
	c, err := f.changes.File(t.Context(), f.as("ann"), m)
	f.must(err)
	return f, f.approve(c, m)
}

func (f *firm) size(n int, s string) {
	f.set("state", n, "server_type", text(s))
	f.set("cloud", n, "server_type", text(s))
}

// back opens the gate for the way back.
func (f *firm) back(c change.Change) change.Permit {
	f.t.Helper()
	rev, err := f.changes.Wording(f.t.Context(), c.ID, c.Rev)
	f.must(err)
	b := rev.Material.Rollback.Binding
	v, err := f.changes.Open(f.t.Context(), f.as("ivo"), wire.GateRequest{Schema: wire.GateRequestSchema, Change: string(c.ID), Kind: wire.KindRollback, Key: seal.NewID("key"),
		Observed: []wire.Observed{{Kind: b.Kind, Name: b.Name, Digest: b.Digest, Normalized: b.Normalized, Base: b.Base}}})
	f.must(err)
	if v.Code != wire.ExitAllowed {
		f.t.Fatalf("verdict %+v, want allow", v)
	}
	list, err := f.changes.Permits(f.t.Context(), c.ID)
	f.must(err)
	return list[len(list)-1]
}

// broke reports an apply that failed midway: server 1 done, server 2 not.
func (f *firm) broke(p change.Permit) {
	f.t.Helper()
	_, err := f.changes.Finish(f.t.Context(), f.as("ivo"), wire.GateClose{Permit: p.ID, Fence: p.Fence, Outcome: "failure", Exit: 1, Receipts: []wire.Receipt{
		{Address: address(1), Action: "update", Outcome: "done", ID: "1"}, {Address: address(2), Action: "update", Outcome: "failed", ID: "2"}}})
	f.must(err)
}

// An apply fails midway and is taken back: what it did and what the way back did are both explained; what nobody approved is not.
func TestAPartialApplyAndItsRollbackAreExplained(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		during func(*firm)
		found  int
	}{
		"as planned":                    {func(*firm) {}, 0},
		"another value on the way back": {func(f *firm) { f.size(1, "cx11") }, 2},
		"another thing on the way back": {func(f *firm) { f.set("cloud", 2, "firewall.ssh", text("0.0.0.0/0")) }, 1},
		"by another than the executor":  {func(f *firm) { f.actor(1, "mallory") }, 1},
		"by the executor, and named so": {func(f *firm) { f.actor(1, "ivo") }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, c := reversible(t)
			p := f.open(c)
			f.size(1, "cx32")
			f.later(2 * time.Minute)
			f.broke(p)
			f.observe(time.Minute)
			if list := f.findings(); len(list) != 0 {
				t.Fatalf("findings %+v after the partial apply, want none", list)
			}
			f.later(time.Hour)
			p = f.back(c)
			f.size(1, "cx22")
			x.during(f)
			f.later(2 * time.Minute)
			f.done(p, 1)
			f.observe(time.Minute)
			if list := f.findings(); len(list) != x.found {
				t.Errorf("findings %+v after the rollback, want %d", list, x.found)
			}
			f.whole()
		})
	}
}

// actor says who made the newest change of a server, as the cloud names them.
func (f *firm) actor(n int, who string) {
	key := fmt.Sprintf("hcloud:server:%d", n)
	r := f.see["cloud"].records[key]
	r.Actor = who
	f.see["cloud"].records[key] = r
}

// The way back is claimed with every change, and explains nothing until it is executed under a permit of its own, and nothing after.
func TestTheWayBackExplainsOnlyWhileItRuns(t *testing.T) {
	t.Parallel()
	f, c := reversible(t)
	p := f.open(c)
	f.size(1, "cx32")
	f.size(2, "cx32")
	f.later(2 * time.Minute)
	f.done(p, 1, 2)
	f.observe(time.Minute)
	f.later(time.Hour)
	f.observe(time.Minute)
	f.set("cloud", 2, "server_type", text("cx22")) // back by hand, without a permit
	f.observe(time.Minute)
	if list := f.findings(); len(list) != 1 || list[0].Name != "web-2" {
		t.Fatalf("findings %+v, want what went back without a permit", list)
	}
	p = f.back(c)
	f.size(1, "cx22")
	f.later(2 * time.Minute)
	f.done(p, 1, 2)
	f.observe(time.Minute)
	if list := f.findings(); len(list) != 1 {
		t.Fatalf("findings %+v, want nothing new while the way back ran", list)
	}
	_, err := f.changes.Close(t.Context(), f.as("ann"), c.ID, change.BackedOut, &change.Review{Outcome: "taken back", Causes: "too large"})
	f.must(err)
	f.must(f.Tick(t.Context()))
	f.set("cloud", 1, "server_type", text("cx32"))
	f.observe(time.Hour)
	f.set("cloud", 1, "server_type", text("cx22")) // the approved way back, once more, after the close
	f.set("state", 2, "server_type", text("cx22"))
	f.observe(time.Hour)
	names := map[string]reconcile.Disposition{}
	for _, x := range f.findings() {
		names[x.Name] = x.Disposition
	}
	if names["web-1"] == "" || names["hcloud_server.web[2]"] == "" {
		t.Errorf("findings %+v, want what happened after the close", names)
	}
	f.whole()
}
