package reconcile_test

import (
	"fmt"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/reconcile"
)

// Who wanted a thing is told by the thing: the change that explains its coming, or adopted it afterwards. What nobody asked for names none.
func TestAnAssetNamesTheChangeThatBroughtItAbout(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	c := f.approved(planned{2, "create", "null", `{"server_type":"cx22"}`})
	p := f.open(c)
	f.server(2, "prod", size("cx22"))
	f.server(3, "prod", size("cx22"))
	delete(f.see["state"].records, "hcloud:server:3") // made by hand, without code
	f.later(2 * time.Minute)
	f.done(p, 2)
	f.observe(3 * time.Minute)
	origin := func(name string) string {
		t.Helper()
		w, err := f.things.Show(t.Context(), name)
		f.must(err)
		return w.Origin
	}
	for name, want := range map[string]string{"web-1": "", "web-2": string(c.ID), "web-3": ""} {
		if got := origin(name); got != want {
			t.Errorf("%s came about by %q, want %q", name, got, want)
		}
	}
	var x reconcile.Finding
	for _, one := range f.findings() {
		if one.Name == "web-3" {
			x = one
		}
	}
	m := f.material(grow(3))
	m.Justification = "Adopts " + x.ID + ", which was made by hand at night"
	m.Targets = []string{string(x.Asset)}
	by, err := f.changes.File(t.Context(), f.as("ann"), m)
	f.must(err)
	got, err := f.Adopt(t.Context(), f.as("olga"), x.ID, by.ID, why)
	f.must(err)
	if want := string(by.ID) + " is still a draft, which nobody is asked to approve: plumb change submit " + string(by.ID); got.Next != want {
		t.Errorf("adopted by a draft it says %q, want %q", got.Next, want)
	}
	if origin("web-3") != "" {
		t.Error("a draft brought it about")
	}
	f.approve(by, m)
	f.must(f.Tick(t.Context()))
	if got := origin("web-3"); got != string(by.ID) {
		t.Errorf("the adopted one came about by %q, want %s", got, by.ID)
	}
	f.whole()
}

// An effect may name its asset by the id as people write it.
func TestATypedEffectNamesAnAssetByItsShortID(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	w, err := f.things.Show(t.Context(), "web-1")
	f.must(err)
	m := f.material(grow(7))
	m.Effects = []change.Effect{{Target: fmt.Sprintf("ast-%d", w.N), Path: "firewall.ssh", Op: "update", After: "10.0.0.0/9"}}
	c, err := f.changes.File(t.Context(), f.as("ann"), m)
	f.must(err)
	f.open(f.approve(c, m))
	f.set("cloud", 1, "firewall.ssh", text("10.0.0.0/9"))
	f.observe(2 * time.Minute)
	if list := f.findings(); len(list) != 0 {
		t.Errorf("findings %+v, want the approved one explained", list)
	}
}

// What no plan manages is taken away by a typed effect, which names the whole thing by a star.
func TestATypedDeletionIsExplained(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.server(2, "prod", size("cx22"))
	f.observe(time.Hour)
	m := f.material(grow(7))
	m.Effects = []change.Effect{{Target: "web-1", Path: "*", Op: "delete"}}
	c, err := f.changes.File(t.Context(), f.as("ann"), m)
	f.must(err)
	f.open(f.approve(c, m))
	for _, n := range []string{"hcloud:server:1", "hcloud:server:2"} {
		delete(f.see["cloud"].records, n)
	}
	f.observe(2 * time.Minute)
	f.observe(2 * time.Minute)
	list := f.findings()
	if len(list) != 1 || list[0].Name != "web-2" || list[0].Op != inventory.Deleted {
		t.Errorf("findings %+v, want only the one that nobody approved", list)
	}
}
