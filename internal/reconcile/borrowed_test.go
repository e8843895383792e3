package reconcile_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// table adds a source that anybody sends in, such as a table of a spreadsheet.
func (f *firm) table() {
	f.t.Helper()
	f.source("table", "tfstate", "entities")
	f.row("x", inventory.Record{Native: "n", Name: "note"})
	f.reread("table")
}

func (f *firm) row(id string, r inventory.Record) {
	r.Scope, r.Type = "entities", "note"
	if r.Class == "" {
		r.Class = inventory.Host
	}
	f.see["table"].records[id] = r
}

func (f *firm) reread(list ...string) {
	f.t.Helper()
	for _, name := range list {
		_, err := f.things.Read(f.t.Context(), fault.SystemActor("discovery"), name, nil, "")
		f.must(err)
	}
}

// One source shows what came; another one, which may be a table that anybody sends in, joins it with nothing that was approved.
func TestAnotherSourceJoinsNoPartWithWhatWasApproved(t *testing.T) {
	t.Parallel()
	for joined, want := range map[string][]string{"by the table": {"rogue-0", "rogue-1", "rogue-2"}, "by the cloud": nil, "by the cloud, as what protects it": {"rogue-0", "rogue-1", "rogue-2"}} {
		t.Run(joined, func(t *testing.T) {
			t.Parallel()
			f := found(t)
			f.server(1, "prod", size("cx22"))
			f.table()
			f.observe(time.Hour)
			p := f.open(f.approved(planned{2, "create", "null", `{"server_type":"cx22"}`}))
			f.server(2, "prod", size("cx22"))
			verb := map[bool]string{false: "USES", true: "PROTECTS"}[joined == "by the cloud, as what protects it"]
			var edges []inventory.Link
			for i, class := range []inventory.Class{inventory.Container, inventory.DomainRecord, inventory.Disk} {
				id := inventory.Identifier{Kind: "cloud-id", Value: fmt.Sprint("rogue:", i)}
				f.see["cloud"].records[fmt.Sprint("rogue", i)] = inventory.Record{Scope: "project", Type: "thing", Class: class, Native: fmt.Sprint(i), Name: fmt.Sprint("rogue-", i),
					Labels: map[string]string{"environment": "prod"}, IDs: []inventory.Identifier{id}}
				edges = append(edges, inventory.Link{Verb: verb, To: id})
			}
			if joined == "by the table" {
				f.row("z", inventory.Record{Native: "z", Name: "z", Edges: edges, IDs: []inventory.Identifier{{Kind: "cloud-id", Value: "hcloud:server:2"}}})
			} else {
				r := f.see["cloud"].records["hcloud:server:2"]
				r.Edges = edges
				f.see["cloud"].records["hcloud:server:2"] = r
			}
			f.later(time.Minute)
			f.done(p, 2)
			f.later(time.Minute)
			f.reread("state", "cloud", "table")
			f.must(f.Tick(t.Context()))
			if got := f.hosts(); !slices.Equal(got, want) {
				t.Errorf("findings about %q, want %q", got, want)
			}
			f.whole()
		})
	}
}

// What a table says an approved address manages is not of the state that the plan names, nor was it made by a plan that names none.
func TestATableLendsNothingAnApprovedAddress(t *testing.T) {
	t.Parallel()
	for _, lineage := range []string{"5c1a-lineage/7", ""} {
		f := found(t)
		f.server(1, "prod", size("cx22"))
		f.server(2, "prod", size("cx22"))
		f.table()
		f.observe(time.Hour)
		f.row("y", inventory.Record{Class: inventory.IaCResource, Native: address(1), Name: "doc", Labels: map[string]string{"environment": "dev"},
			Edges: []inventory.Link{{Verb: "MANAGES", To: inventory.Identifier{Kind: "cloud-id", Value: "hcloud:server:2"}}}})
		m := f.material(grow(1))
		m.Bindings[0].Base = lineage
		c, err := f.changes.File(t.Context(), f.as("ann"), m)
		f.must(err)
		p := f.open(f.approve(c, m))
		f.reread("table")
		f.set("cloud", 2, "server_type", text("cx32")) // nobody approved this one
		f.later(2 * time.Minute)
		f.done(p)
		f.observe(time.Minute)
		if got := f.hosts(); !slices.Contains(got, "web-2") {
			t.Errorf("under %q findings about %q, want web-2", lineage, got)
		}
		f.whole()
	}
}

// A plan that names no state explains no update, for it could be of any state.
func TestAPlanWithoutAStateExplainsNoUpdate(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	m := f.material(grow(1))
	m.Bindings[0].Base = ""
	c, err := f.changes.File(t.Context(), f.as("ann"), m)
	f.must(err)
	p := f.open(f.approve(c, m))
	f.size(1, "cx32")
	f.later(2 * time.Minute)
	f.done(p, 1)
	f.observe(time.Minute)
	if got := f.hosts(); len(got) != 2 {
		t.Errorf("findings about %q, want the server and its code", got)
	}
	f.whole()
}

// The first plan of a state names none, and makes everything in it.
func TestTheFirstPlanOfAStateExplainsWhatItMakes(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	m := f.material(planned{2, "create", "null", `{"server_type":"cx22"}`})
	m.Bindings[0].Base = ""
	c, err := f.changes.File(t.Context(), f.as("ann"), m)
	f.must(err)
	p := f.open(f.approve(c, m))
	f.server(2, "prod", size("cx22"))
	f.later(2 * time.Minute)
	f.done(p, 2)
	f.observe(time.Minute)
	if got := f.hosts(); len(got) != 0 {
		t.Errorf("findings about %q, want none", got)
	}
	f.whole()
}

// The way back of a typed effect leads to what was there when it was approved, and nowhere else.
func TestTheWayBackOfATypedEffectIsToWhatWasThere(t *testing.T) {
	t.Parallel()
	for to, want := range map[string]int{"debian-12": 0, "mallory/rootkit:latest": 1} {
		for _, path := range []string{"image", "ima*"} {
			f := found(t)
			f.server(1, "prod", map[string]inventory.Value{"server_type": text("cx22"), "image": text("debian-12")})
			f.observe(time.Hour)
			m := f.material(grow(9))
			m.Effects = []change.Effect{{Target: "web-1", Path: path, Op: "update", After: "debian-13"}}
			back := change.Binding{Kind: "config-file", Name: "back", Digest: seal.Raw([]byte("back"))}
			m.Rollback.Binding = &back
			c, err := f.changes.File(t.Context(), f.as("ann"), m)
			f.must(err)
			c = f.approve(c, m)
			p := f.open(c)
			f.set("cloud", 1, "image", text("debian-13"))
			f.later(time.Minute)
			f.done(p)
			f.observe(30 * time.Minute)
			v, err := f.changes.Open(t.Context(), f.as("ivo"), wire.GateRequest{Schema: wire.GateRequestSchema, Change: string(c.ID), Kind: wire.KindRollback, Key: seal.NewID("key"),
				Observed: []wire.Observed{{Kind: back.Kind, Name: back.Name, Digest: back.Digest}}})
			f.must(err)
			if v.Code != wire.ExitAllowed {
				t.Fatalf("verdict %+v, want allow", v)
			}
			f.set("cloud", 1, "image", text(to))
			f.observe(time.Minute)
			if path != "image" { // of a pattern no value is known
				want = 1
			}
			if list := f.findings(); len(list) != want {
				t.Errorf("back to %s, of %s: findings %+v, want %d", to, path, list, want)
			}
			f.whole()
		}
	}
}

// An effect is about the asset that was meant when it was approved, whoever takes its name afterwards.
func TestAnEffectIsAboutItsAssetWhoeverTakesTheName(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", map[string]inventory.Value{"server_type": text("cx22"), "image": text("debian-12")})
	f.table()
	f.observe(time.Hour)
	m := f.material(grow(9))
	m.Effects = []change.Effect{{Target: "web-1", Path: "image", Op: "update", After: "debian-13"}}
	c, err := f.changes.File(t.Context(), f.as("ann"), m)
	f.must(err)
	c = f.approve(c, m)
	f.must(f.Tick(t.Context()))
	f.row("y", inventory.Record{Native: "m", Name: "web-1", Labels: map[string]string{"environment": "dev"}})
	f.reread("table")
	p := f.open(c)
	f.set("cloud", 1, "image", text("debian-13"))
	f.later(time.Minute)
	f.done(p)
	f.observe(time.Minute)
	for _, x := range f.findings() {
		if x.Path == "image" {
			t.Errorf("finding %+v about what was approved by the name that another took", x)
		}
	}
	f.whole()
}

// Whoever a source names in its own way does not answer for their own doing.
func TestADoerOfAnySpellingDoesNotAnswer(t *testing.T) {
	t.Parallel()
	for _, actor := range []string{"uid=olga,ou=people,dc=x", "uid=olga+cn=Olga O,ou=people,dc=x", "uid=olga ,ou=people,dc=x"} {
		f := found(t)
		f.server(1, "prod", map[string]inventory.Value{"server_type": text("cx22"), "firewall.ssh": text("10.0.0.0/8")})
		f.observe(time.Hour)
		f.set("cloud", 1, "firewall.ssh", text("0.0.0.0/0"))
		f.actor(1, actor)
		f.observe(time.Hour)
		_, err := f.Waive(t.Context(), f.as("olga"), f.findings()[0].ID, f.clock.Now().Add(24*time.Hour), why)
		f.refused(err, "own_finding")
	}
}
