package reconcile_test

import (
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
	f.server(9, "", size("cx22"))
	f.unlabelled("hcloud:server:9")
	delete(f.see["state"].records, "hcloud:server:9")
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
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	f.claim("9", "prod")
	first := f.findings()
	if len(first) != 1 {
		t.Fatalf("the table's row raised %+v", first)
	}
	f.server(9, "prod", size("cx22"))
	delete(f.see["state"].records, "hcloud:server:9")
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
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	f.claim("9", "prod")
	x := f.findings()[0]
	m := f.adopting(x)
	c, err := f.changes.File(t.Context(), f.as("ann"), m)
	f.must(err)
	_, err = f.Adopt(t.Context(), f.as("olga"), x.ID, c.ID, why)
	f.must(err)
	f.approve(c, m)
	f.must(f.Tick(t.Context()))
	f.observe(7 * 24 * time.Hour)
	f.server(9, "prod", size("cx22"))
	delete(f.see["state"].records, "hcloud:server:9")
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
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	f.claim("9", "prod")
	x := f.findings()[0]
	_, err := f.Waive(t.Context(), f.as("olga"), x.ID, f.clock.Now().Add(48*time.Hour), why)
	f.must(err)
	f.server(9, "prod", size("cx22"))
	delete(f.see["state"].records, "hcloud:server:9")
	f.observe(time.Hour)
	got, err := f.Show(t.Context(), x.ID)
	f.must(err)
	if got.State != reconcile.Open || got.Count != 2 {
		t.Errorf("the finding is %s with %d differences, want it open with both", got.State, got.Count)
	}
	f.whole()
}
