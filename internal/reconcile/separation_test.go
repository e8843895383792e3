package reconcile_test

import (
	"testing"
	"time"

	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/reconcile"
)

// app puts an application into the cloud.
func (f *firm) app(name, tier string) {
	f.see["cloud"].records[name] = inventory.Record{Scope: "project", Type: "app", Class: inventory.Application, Native: name, Name: name,
		IDs: []inventory.Identifier{{Kind: "cloud-id", Value: "app:" + name}}, Labels: map[string]string{"tier": tier, "environment": "prod"}}
}

// runs says what a server runs, and nothing else.
func (f *firm) runs(n int, apps ...string) {
	id := "hcloud:server:" + string(rune('0'+n))
	r := f.see["cloud"].records[id]
	r.Edges = nil
	for _, a := range apps {
		r.Edges = append(r.Edges, inventory.Link{Verb: "RUNS", To: inventory.ByRecord("app", a)})
	}
	f.see["cloud"].records[id] = r
}

// mixed lists the findings of a state that are about separation; "" for every state.
func (f *firm) mixed(state string) (out []reconcile.Finding) {
	f.t.Helper()
	list, err := f.Findings(f.t.Context(), reconcile.Filter{State: state, Limit: 500})
	f.must(err)
	for _, x := range list {
		if x.Disposition == reconcile.Unseparated {
			out = append(out, x)
		}
	}
	return out
}

// counted asks the figures how many of the findings that wait are about separation.
func (f *firm) counted(want int64) {
	f.t.Helper()
	if figures, err := f.Figures(f.t.Context(), 0); err != nil || figures.Unseparated != want {
		f.t.Errorf("%d findings about separation are counted, %v, want %d", figures.Unseparated, err, want)
	}
}

// Frontend and backend run on separate servers: what runs both is a finding from the first reading on, until it does not, and again
// when it does again.
func TestAServerThatRunsBothTiersIsAFindingUntilTheyAreApart(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.server(2, "prod", size("cx22"))
	f.app("shop", "frontend")
	f.app("billing", "backend")
	f.runs(1, "shop", "billing")
	f.runs(2, "shop")
	f.observe(time.Hour)
	list := f.mixed("waiting")
	if len(list) != 1 || list[0].Name != "web-1" || list[0].Severity != reconcile.Medium || list[0].Environment != "prod" ||
		list[0].After.Plain() != "frontend shop; backend billing" {
		t.Fatalf("findings %+v, want one of web-1 that names both", list)
	}
	f.counted(1)
	if due := time.UnixMicro(list[0].Due).Sub(time.UnixMicro(list[0].Opened)); due != 24*time.Hour {
		t.Errorf("due after %s, want a day", due)
	}
	f.observe(time.Hour)
	if again := f.mixed(""); len(again) != 1 || again[0].Version != list[0].Version {
		t.Fatalf("findings %+v after a reading of the same, want the one as it was", again)
	}

	f.runs(1, "billing")
	f.observe(time.Hour)
	if got := f.mixed("closed"); len(got) != 1 || got[0].ID != list[0].ID || got[0].Closed == 0 {
		t.Fatalf("closed findings %+v, want the one", got)
	}
	f.counted(0)
	f.runs(1, "billing", "shop")
	f.observe(time.Hour)
	if back := f.mixed("waiting"); len(back) != 1 || back[0].ID == list[0].ID || back[0].Fingerprint != list[0].Fingerprint {
		t.Fatalf("findings %+v, want a new one of the same matter", back)
	}
	f.counted(1)
	delete(f.see["cloud"].records, "hcloud:server:1")
	f.observe(time.Hour)
	f.observe(time.Hour)
	if left := f.mixed("waiting"); len(left) != 0 {
		t.Errorf("findings %+v of a server that is gone, want none", left)
	}
	f.whole()
}

// What makes a mix need not be said by the server: a label, an application that appears, an environment.
func TestWhateverMakesAMixRaisesIt(t *testing.T) {
	t.Parallel()
	for name, story := range map[string]struct {
		tier  string
		apart bool // the backend is there before
		then  func(*firm)
	}{
		"a label turns":        {"mgmt", true, func(f *firm) { f.app("billing", "backend") }},
		"a person labels":      {"", true, func(f *firm) { f.label("billing", "tier", "backend") }},
		"an application comes": {"", false, func(f *firm) { f.app("billing", "backend") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := found(t)
			f.server(1, "prod", size("cx22"))
			f.app("shop", "frontend")
			if story.apart {
				f.app("billing", story.tier)
			}
			f.runs(1, "shop", "billing")
			f.observe(time.Hour)
			if list := f.mixed(""); len(list) != 0 {
				t.Fatalf("findings %+v before, want none", list)
			}
			story.then(f)
			f.observe(time.Hour)
			if list := f.mixed("waiting"); len(list) != 1 || list[0].Name != "web-1" {
				t.Errorf("findings %+v, want one of web-1", list)
			}
			f.whole()
		})
	}
}

// label is a person's word about an asset.
func (f *firm) label(asset, key, value string) {
	f.t.Helper()
	_, err := f.things.SetLabels(f.t.Context(), f.as("olga"), asset, map[string]string{key: value}, "as we know it to be", "")
	f.must(err)
}

// A waiver is for what was looked at: another application beside it is another matter. No change makes one server two, so none adopts it.
func TestAWaiverOfAMixIsForThoseApplications(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.app("shop", "frontend")
	f.app("billing", "backend")
	f.runs(1, "shop", "billing")
	f.observe(time.Hour)
	x := f.mixed("waiting")[0]
	c, err := f.changes.File(f.t.Context(), f.as("ann"), f.material(grow(1)))
	f.must(err)
	_, err = f.Adopt(t.Context(), f.as("olga"), x.ID, c.ID, why)
	f.refused(err, "tiers_not_adopted")
	_, err = f.Waive(t.Context(), f.as("ann"), x.ID, f.clock.Now().Add(24*time.Hour), why)
	f.refused(err, "not_finding_owner")
	_, err = f.Waive(t.Context(), f.as("olga"), x.ID, f.clock.Now().Add(48*time.Hour), why)
	f.must(err)
	f.observe(time.Hour)
	if list := f.mixed("waiting"); len(list) != 0 {
		t.Fatalf("findings %+v under a waiver, want none", list)
	}
	f.app("ledger", "backend")
	f.runs(1, "shop", "billing", "ledger")
	f.observe(time.Hour)
	list := f.mixed("waiting")
	if len(list) != 1 || list[0].ID == x.ID || len(f.mixed("waived")) != 0 || len(f.mixed("closed")) != 1 {
		t.Fatalf("findings %+v, want another one, and the waived one closed", f.mixed(""))
	}
	_, err = f.Revert(t.Context(), f.as("olga"), list[0].ID, why)
	f.must(err)
	f.observe(time.Hour)
	if got := f.mixed("reverting"); len(got) != 1 {
		t.Fatalf("findings %+v, want it to wait until they are apart", f.mixed(""))
	}
	f.runs(1, "shop")
	f.observe(time.Hour)
	if got := f.mixed("reverted"); len(got) != 1 {
		t.Fatalf("findings %+v, want it taken back", f.mixed(""))
	}
	f.whole()
}

// What nobody read in its turn is found all the same: a desk that starts anew looks at everything, and so does one that goes on, once
// a day. Neither raises anything twice.
func TestAMixIsFoundByADeskThatStartsAnew(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.server(2, "test", size("cx22"))
	f.app("shop", "frontend")
	f.app("billing", "backend")
	f.runs(1, "shop")
	f.runs(2, "shop", "billing")
	f.observe(time.Hour)
	f.runs(1, "shop", "billing")
	f.read(time.Hour)
	f.Desk = reconcile.New(f.deps)
	for range 3 {
		f.must(f.Tick(t.Context()))
		if list := f.mixed(""); len(list) != 1 || list[0].Name != "web-1" {
			t.Fatalf("findings %+v, want web-1 and nothing of a test server", list)
		}
		f.later(25 * time.Hour)
	}
	f.whole()
}
