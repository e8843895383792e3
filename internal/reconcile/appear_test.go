package reconcile_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/reconcile"
)

// claim has a table name a server of the cloud, which need not be there yet.
func (f *firm) claim(n, env string) {
	f.t.Helper()
	if f.see["table"] == nil {
		f.source("table", "csv", "hosts")
		f.listed()
	}
	f.see["table"].records[n] = inventory.Record{Scope: "hosts", Type: "csv_row", Class: inventory.Host, Native: "web-" + n, Name: "web-" + n,
		Labels: map[string]string{"environment": env}, IDs: []inventory.Identifier{{Kind: "cloud-id", Value: "hcloud:server:" + n}}}
	f.listed()
}

// listed reads the table, and reconciles.
func (f *firm) listed() {
	f.t.Helper()
	f.later(time.Minute)
	_, err := f.things.Read(f.t.Context(), fault.SystemActor("discovery"), "table", nil, "")
	f.must(err)
	f.must(f.Tick(f.t.Context()))
}

// claimed is a firm with a table that names a production server which nobody else shows yet.
func claimed(t *testing.T) *firm {
	t.Helper()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	f.claim("9", "prod")
	return f
}

// byHand puts a server into the cloud of which no code knows.
func (f *firm) byHand(n int, env string) {
	f.server(n, env, size("cx22"))
	delete(f.see["state"].records, fmt.Sprintf("hcloud:server:%d", n))
}

// unlabelled has the cloud call a server nothing.
func (f *firm) unlabelled(id string) {
	r := f.see["cloud"].records[id]
	r.Labels = nil
	f.see["cloud"].records[id] = r
}

// Who names a server in a table before it is made, as one of development, has it found all the same: as production, which nobody approved.
func TestWhatATableClaimedBeforehandIsFound(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	f.claim("9", "dev")
	if list := f.findings(); len(list) != 0 {
		t.Fatalf("the table's row raised %+v", list)
	}
	f.byHand(9, "")
	f.unlabelled("hcloud:server:9")
	f.observe(time.Hour)
	list := f.findings()
	if len(list) != 1 || list[0].Op != inventory.Created || list[0].Name != "web-9" || list[0].Environment == "dev" {
		t.Fatalf("findings %+v", list)
	}
	for range 7 {
		f.observe(24 * time.Hour)
		f.listed()
	}
	if list := f.findings(); len(list) != 1 || list[0].Count != 1 {
		t.Errorf("a week later %+v", list)
	}
	f.whole()
}

// What a table showed first and the cloud shows next came once: it is one finding. Who takes the row away takes nothing back; who takes the
// server away does.
func TestOneComingIsOneFindingWhoeverShowsIt(t *testing.T) {
	t.Parallel()
	f := claimed(t)
	first := f.findings()
	if len(first) != 1 {
		t.Fatalf("the table's row raised %+v", first)
	}
	f.byHand(9, "prod")
	f.observe(time.Hour)
	if list := f.findings(); len(list) != 1 || list[0].ID != first[0].ID || list[0].Count != 2 || list[0].Due != first[0].Due {
		t.Fatalf("findings %+v", list)
	}
	delete(f.see["table"].records, "9")
	f.listed()
	f.listed()
	got, err := f.Show(t.Context(), first[0].ID)
	f.must(err)
	if got.Restored != "" || got.State != reconcile.Open {
		t.Errorf("without its row the finding is %s, restored by %q", got.State, got.Restored)
	}
	delete(f.see["cloud"].records, "hcloud:server:9")
	f.observe(time.Hour)
	f.observe(time.Hour)
	if got, err = f.Show(t.Context(), first[0].ID); err != nil || got.Restored == "" {
		t.Errorf("without the server the finding is %s, restored by %q, %v", got.State, got.Restored, err)
	}
	f.whole()
}

// A creation that was approved, and that a table shows before the cloud does, is explained by its change whoever shows it.
func TestAnApprovedCreationIsExplainedWhoeverShowsItFirst(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	f.claim("1", "prod")
	c := f.approved(planned{n: 9, action: "create", before: `null`, after: `{"name":"web-9","server_type":"cx22"}`})
	p := f.open(c)
	f.later(time.Minute)
	f.done(p, 9)
	f.server(9, "prod", size("cx22"))
	f.later(time.Minute)
	_, err := f.things.Read(t.Context(), fault.SystemActor("discovery"), "state", nil, "")
	f.must(err)
	f.claim("9", "prod")
	f.observe(10 * time.Minute)
	if list := f.findings(); len(list) != 0 {
		t.Errorf("findings %+v", list)
	}
	f.whole()
}

// A creation that was adopted when a table showed it is adopted: that the cloud shows it a week later raises nothing.
func TestAnAdoptedCreationStaysAdoptedWhoeverShowsItNext(t *testing.T) {
	t.Parallel()
	f := claimed(t)
	x := f.findings()[0]
	m := f.adopting(x)
	c, err := f.changes.File(t.Context(), f.as("ann"), m)
	f.must(err)
	_, err = f.Adopt(t.Context(), f.as("olga"), x.ID, c.ID, why)
	f.must(err)
	f.approve(c, m)
	f.must(f.Tick(t.Context()))
	f.observe(7 * 24 * time.Hour)
	f.byHand(9, "prod")
	f.observe(time.Hour)
	if list := f.findings(); len(list) != 0 {
		t.Errorf("findings %+v", list)
	}
	got, err := f.Show(t.Context(), x.ID)
	f.must(err)
	if got.State != reconcile.Adopted || !strings.HasPrefix(string(change.ID(got.Adopts)), "CHG-") {
		t.Errorf("the finding is %s by %q", got.State, got.Adopts)
	}
	f.whole()
}

// Who left the line of a table as it is did not decide on the server that it turns out to be: the finding is open again when the cloud shows it.
func TestAWaivedLineTakesInNoServer(t *testing.T) {
	t.Parallel()
	f := claimed(t)
	x := f.findings()[0]
	_, err := f.Waive(t.Context(), f.as("olga"), x.ID, f.clock.Now().Add(48*time.Hour), why)
	f.must(err)
	f.byHand(9, "prod")
	f.observe(time.Hour)
	got, err := f.Show(t.Context(), x.ID)
	f.must(err)
	if got.State != reconcile.Open || got.Count != 2 {
		t.Errorf("the finding is %s with %d differences, want it open with both", got.State, got.Count)
	}
	f.whole()
}

// A table that says the approved value does not show that it came about where the cloud, whose word counts, says otherwise.
func TestATableFulfilsNothingThatTheCloudDenies(t *testing.T) {
	t.Parallel()
	for range 3 { // ids of records are made up anew
		f := found(t)
		f.server(1, "prod", map[string]inventory.Value{"server_type": text("cx22"), "image": text("debian-12")})
		f.observe(time.Hour)
		f.claim("1", "prod")
		m := f.material(grow(9))
		m.Effects = []change.Effect{{Target: "web-1", Path: "image", Op: "update", After: "debian-13"}}
		c, err := f.changes.File(t.Context(), f.as("ann"), m)
		f.must(err)
		c = f.approve(c, m)
		p := f.open(c)
		f.later(time.Minute)
		f.done(p)
		row := f.see["table"].records["1"]
		row.Attrs = map[string]inventory.Value{"image": text("debian-13")}
		f.see["table"].records["1"] = row
		f.listed()
		f.observe(time.Hour)
		f.observe(time.Hour)
		r, err := f.Of(t.Context(), c.ID)
		f.must(err)
		for _, e := range r.Ends {
			if e.Claim.Path == "image" && !e.Claim.Rollback && (e.End == reconcile.Observed || e.Seen == text("debian-13")) {
				t.Errorf("the effect is %s as %s", e.End, e.Seen)
			}
		}
		f.whole()
	}
}
