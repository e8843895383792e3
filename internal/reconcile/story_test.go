package reconcile_test

import (
	"context"
	"io"
	"slices"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/reconcile"
)

func text(s string) inventory.Value { return inventory.Text(s) }

func size(s string) map[string]inventory.Value {
	return map[string]inventory.Value{"server_type": text(s), "firewall.ssh": text("10.0.0.0/8")}
}

// grow is the plan that makes a server larger.
func grow(n int) planned {
	return planned{n, "update", `{"server_type":"cx22"}`, `{"server_type":"cx32"}`}
}

// The line that everything else is built on: approved, applied through the gate, seen: explained to the last attribute. Then an
// edit by hand, which nobody approved.
func TestAnApprovedApplyIsExplainedAndAnEditByHandIsFound(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	c := f.approved(grow(1))
	p := f.open(c)
	f.set("state", 1, "server_type", text("cx32"))
	f.set("cloud", 1, "server_type", text("cx32"))
	f.later(2 * time.Minute)
	f.done(p, 1)
	f.observe(3 * time.Minute)
	if list := f.findings(); len(list) != 0 {
		t.Fatalf("findings %+v after an approved apply, want none", list)
	}
	r, err := f.Of(t.Context(), c.ID)
	f.must(err)
	if len(r.Matches) != 2 || r.Matches[0].Disposition != reconcile.Exact || r.Matches[1].Disposition != reconcile.Exact {
		t.Fatalf("matches %+v, want the state and the cloud, both exact", r.Matches)
	}
	if r.Counts[reconcile.Observed] == 0 || !r.Closable {
		t.Errorf("reconciliation %+v, want its effects observed", r.Counts)
	}

	f.observe(time.Hour)
	f.set("cloud", 1, "server_type", text("cx52"))
	f.observe(time.Hour)
	list := f.findings()
	if len(list) != 1 || list[0].Disposition != reconcile.Unauthorized || list[0].After != text("cx52") || list[0].Before != text("cx32") {
		t.Fatalf("findings %+v, want the edit by hand", list)
	}
	if due := time.UnixMicro(list[0].Due).Sub(time.UnixMicro(list[0].Opened)); due != 24*time.Hour {
		t.Errorf("due after %s, want a day", due)
	}
	f.whole()
}

// The pipeline is right, the time is right, the executor is right: what nobody approved is found all the same.
func TestARightPipelineThatChangesTheWrongThingIsFound(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*firm){
		"another attribute":          func(f *firm) { f.set("cloud", 1, "image", text("debian-13")) },
		"a firewall":                 func(f *firm) { f.set("cloud", 1, "firewall.ssh", text("0.0.0.0/0")) },
		"another value":              func(f *firm) { f.set("cloud", 1, "server_type", text("cx52")) },
		"another server":             func(f *firm) { f.set("cloud", 2, "server_type", text("cx32")) },
		"another server's state":     func(f *firm) { f.set("state", 2, "server_type", text("cx32")) },
		"a server that is destroyed": func(f *firm) { delete(f.see["cloud"].records, "hcloud:server:2"); f.observe(time.Second) },
		"one more server":            func(f *firm) { f.server(9, "prod", size("cx22")); delete(f.see["state"].records, "hcloud:server:9") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := found(t)
			f.server(1, "prod", size("cx22"))
			f.server(2, "prod", size("cx22"))
			f.observe(time.Hour)
			c := f.approved(grow(1))
			p := f.open(c)
			f.set("state", 1, "server_type", text("cx32"))
			f.set("cloud", 1, "server_type", text("cx32"))
			edit(f)
			f.done(p, 1)
			f.observe(time.Minute)
			list := f.findings()
			if len(list) != 1 {
				t.Fatalf("findings %+v, want one", list)
			}
			_, err := f.changes.Verify(t.Context(), f.as("sam"), c.ID, change.Verification{Slot: "verify/asset-owner/security-lead", Passed: true, Comment: "looks right"})
			f.must(err)
			_, err = f.changes.Close(t.Context(), f.as("ann"), c.ID, change.Successful, nil)
			if list[0].Disposition == reconcile.OutOfScope {
				f.refused(err, "findings_open")
			}
		})
	}
}

// The time alone explains nothing: neither before the permit nor after the run has settled, nor approved but never run.
func TestAnApprovedValueOutsideTheRunIsFound(t *testing.T) {
	t.Parallel()
	f := found(t)
	for n := 1; n <= 3; n++ {
		f.server(n, "prod", size("cx22"))
	}
	f.observe(time.Hour)
	c := f.approved(grow(1), grow(2), grow(3))
	f.set("cloud", 1, "server_type", text("cx32")) // approved, and nobody opened a permit
	f.observe(time.Minute)
	if list := f.findings(); len(list) != 1 || list[0].Disposition != reconcile.OutOfScope || list[0].Change != string(c.ID) {
		t.Fatalf("findings %+v, want the value that came before its permit, linked with the change", list)
	}
	f.later(time.Second)
	p := f.open(c)
	f.set("cloud", 2, "server_type", text("cx32"))
	f.done(p, 1, 2, 3)
	f.observe(time.Minute)
	if list := f.findings(); len(list) != 1 {
		t.Fatalf("findings %+v, want no new one during the run", list)
	}
	f.observe(time.Hour)
	f.set("cloud", 3, "server_type", text("cx32")) // hours after the run
	f.observe(time.Hour)
	if list := f.findings(); len(list) != 2 {
		t.Fatalf("findings %+v, want the late one too", list)
	}
	f.whole()
}

// reworded is a store of documents in which something happens while the first one is read.
type reworded struct {
	reconcile.Documents
	meanwhile func()
}

func (r *reworded) Open(ctx context.Context, digest string) (io.ReadCloser, error) {
	if now := r.meanwhile; now != nil {
		r.meanwhile = nil
		now()
	}
	return r.Documents.Open(ctx, digest)
}

// What is approved while the claims of the wording before are worked out is claimed in its turn, not as nothing.
func TestAWordingThatIsApprovedMeanwhileIsClaimedToo(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	m := f.material(grow(1))
	c, err := f.changes.File(t.Context(), f.as("ann"), m)
	f.must(err)
	c = f.approve(c, m)
	deps := f.deps
	deps.Blobs = &reworded{f.deps.Blobs, func() {
		m.Justification = "Load grew, and grows on"
		edited, err := f.changes.Edit(t.Context(), f.as("ann"), c.ID, c.RevDigest, m)
		f.must(err)
		c = f.approve(edited, m)
	}}
	f.Desk = reconcile.New(deps)
	f.must(f.Tick(t.Context()))
	f.must(f.Tick(t.Context()))
	p := f.open(c)
	f.size(1, "cx32")
	f.later(2 * time.Minute)
	f.done(p, 1)
	f.observe(time.Minute)
	if list := f.findings(); len(list) != 0 || c.Rev != 2 {
		t.Errorf("findings %+v under revision %d, want the second wording to explain it", list, c.Rev)
	}
	f.whole()
}

// What no record shows is covered by a source that shows the state of its plan, not by one that shows what a person typed beside it.
func TestAnEffectThatNoSourceCoversCannotBeObserved(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	for name, x := range map[string]struct {
		plan []planned
		want string
	}{
		"beside a typed effect":           {[]planned{{7, "create", "null", `{"server_type":"cx22"}`}}, reconcile.Unobservable},
		"beside what the same plan shows": {[]planned{{7, "create", "null", `{"server_type":"cx22"}`}, grow(1)}, reconcile.Awaited},
	} {
		m := f.material(x.plan...)
		m.Bindings[0].Base = "" // the plan names no state
		m.Effects = []change.Effect{{Target: "web-1", Path: "*", Op: "delete"}}
		c, err := f.changes.File(t.Context(), f.as("ann"), m)
		f.must(err)
		c = f.approve(c, m)
		f.observe(time.Minute)
		list, _, r := f.ends(c)
		if one := "create " + address(7) + ": " + x.want; !slices.Contains(list, one) {
			t.Errorf("%s: ends %q, want %q: %+v", name, list, one, r.Ends)
		}
	}
}
