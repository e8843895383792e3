package reconcile_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/wire"
)

// What a thing is called is the word of whoever runs it. A change that was approved for another thing, by its id or its name, explains nothing
// of one that calls itself so.
func TestANameTakenFromAnotherThingExplainsNothing(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"AST-000002", "web-2"} {
		f := found(t)
		f.server(1, "prod", size("cx22"))
		f.observe(time.Hour)
		f.server(2, "prod", size("cx22"))
		delete(f.see["state"].records, "hcloud:server:2")
		f.see["cloud"].records["hcloud:server:2"] = renamed(f.see["cloud"].records["hcloud:server:2"], "web-2")
		f.observe(time.Hour)
		w, err := f.things.Show(t.Context(), "web-2")
		f.must(err)
		if target != "web-2" {
			target = string(w.ID)
		}
		m := f.material(grow(7))
		m.Effects = []change.Effect{{Target: target, Path: "firewall.ssh", Op: "update", After: "10.0.0.0/9"}}
		c, err := f.changes.File(t.Context(), f.as("ann"), m)
		f.must(err)
		f.open(f.approve(c, m))
		f.see["cloud"].records["hcloud:server:1"] = renamed(f.see["cloud"].records["hcloud:server:1"], target)
		f.set("cloud", 1, "firewall.ssh", text("10.0.0.0/9"))
		f.observe(2 * time.Minute)
		if !waiting(f, "firewall.ssh") {
			t.Errorf("the door of a thing that calls itself %s is explained by a change of another", target)
		}
		f.whole()
	}
}

func renamed(r inventory.Record, name string) inventory.Record {
	r.Name = name
	return r
}

// Code of a production server is production's, whatever its own tags say: who may write some state could say there that an approved address
// manages another server.
func TestASecondCodeOfAServerIsNotDevelopment(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.server(9, "prod", size("cx22"))
	f.observe(time.Hour)
	f.observe(time.Hour)
	p := f.open(f.approved(grow(9)))
	r := f.see["state"].records["hcloud:server:1"]
	r.Scope, r.Native, r.Name = "5c1a-lineage/mine", address(9), address(9)
	r.Labels = maps.Clone(r.Labels)
	r.Labels["environment"] = "dev"
	f.see["state"].records["second"] = r
	f.set("cloud", 1, "server_type", text("cx32"))
	f.later(2 * time.Minute)
	_, err := f.changes.Finish(t.Context(), f.as("ivo"), wire.GateClose{Permit: p.ID, Fence: p.Fence, Outcome: "success",
		Receipts: []wire.Receipt{{Address: address(9), Action: "update", Outcome: "done", ID: "1"}}})
	f.must(err)
	f.observe(2 * time.Minute)
	if list := f.findings(); len(list) == 0 {
		t.Error("another server than the approved one grew")
	}
	f.whole()
}

// What an approved plan deletes is named by its id there. Another id in the report of who ran it takes nothing else along.
func TestAReportNamesNoOtherServerThanThePlan(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.server(9, "prod", size("cx22"))
	f.observe(time.Hour)
	c := f.approved(planned{9, "delete", `{"id":"9","server_type":"cx22"}`, "null"})
	p := f.open(c)
	delete(f.see["cloud"].records, "hcloud:server:1")
	f.later(2 * time.Minute)
	_, err := f.changes.Finish(t.Context(), f.as("ivo"), wire.GateClose{Permit: p.ID, Fence: p.Fence, Outcome: "success",
		Receipts: []wire.Receipt{{Address: address(9), Action: "delete", Outcome: "done", ID: "1"}}})
	f.must(err)
	f.observe(2 * time.Minute)
	f.observe(2 * time.Minute)
	f.observe(2 * time.Minute)
	found := false
	for _, x := range f.findings() {
		found = found || x.Name == "web-1" && strings.HasPrefix(string(x.Op), "delete")
	}
	if !found {
		t.Errorf("another server than the approved one is gone: %+v", f.findings())
	}
	f.whole()
}
