package reconcile_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/reconcile"
)

// tag sets a label of the server in the cloud.
func (f *firm) tag(key, value string) {
	r := f.see["cloud"].records["hcloud:server:1"]
	r.Labels = maps.Clone(r.Labels)
	if r.Labels == nil {
		r.Labels = map[string]string{}
	}
	r.Labels[key] = value
	f.see["cloud"].records["hcloud:server:1"] = r
}

func waiting(f *firm, path string) bool {
	for _, x := range f.findings() {
		if x.Path == path {
			return true
		}
	}
	return false
}

// What nobody labelled counts as production. A tag that comes with the edit does not make it development.
func TestATagOnAnUnlabelledThingHidesNoEdit(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	for _, s := range []string{"cloud", "state"} {
		r := f.see[s].records["hcloud:server:1"]
		r.Labels = nil
		f.see[s].records["hcloud:server:1"] = r
	}
	f.observe(time.Hour)
	f.tag("owner", "ann")
	f.tag("environment", "dev")
	f.set("cloud", 1, "firewall.ssh", text("0.0.0.0/0"))
	f.observe(time.Hour)
	if !waiting(f, "firewall.ssh") {
		t.Errorf("the open door raises nothing: %+v", f.findings())
	}
	for _, x := range f.findings() {
		_, err := f.Waive(t.Context(), f.as("ann"), x.ID, f.clock.Now().Add(24*time.Hour), why)
		f.refused(err, "not_finding_owner")
	}
}

// An approved change whose value is not known is used up by the first value, however many readings lie between.
func TestAnOpenClaimIsUsedOnce(t *testing.T) {
	t.Parallel()
	for _, between := range []int{0, 1, 5} {
		f := found(t)
		f.server(1, "prod", size("cx22"))
		f.observe(time.Hour)
		m := f.material(planned{1, "update", `{"server_type":"cx22"}`, `{"server_type":"cx32"}`})
		m.Effects = []change.Effect{{Target: "web-1", Path: "firewall.ssh", Op: "update"}}
		c, err := f.changes.File(t.Context(), f.as("ann"), m)
		f.must(err)
		f.open(f.approve(c, m))
		f.set("cloud", 1, "firewall.ssh", text("10.1.0.0/16"))
		f.observe(2 * time.Minute)
		if list := f.findings(); len(list) != 0 {
			t.Fatalf("the approved one: %+v", list)
		}
		for range between {
			f.observe(2 * time.Minute)
		}
		f.set("cloud", 1, "firewall.ssh", text("0.0.0.0/0"))
		f.observe(2 * time.Minute)
		if !waiting(f, "firewall.ssh") {
			t.Errorf("after %d readings in between a second value is explained", between)
		}
	}
}

// Who took one value as it is did not take the next one.
func TestAWaiverOrAdoptionIsOfOneValue(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	f.set("cloud", 1, "firewall.ssh", text("10.0.0.0/9"))
	f.observe(time.Hour)
	x := f.findings()[0]
	_, err := f.Waive(t.Context(), f.as("olga"), x.ID, f.clock.Now().Add(80*24*time.Hour), why)
	f.must(err)
	f.set("cloud", 1, "firewall.ssh", text("0.0.0.0/0"))
	f.observe(time.Hour)
	if !waiting(f, "firewall.ssh") {
		t.Error("a waived finding covers any value")
	}
	m := f.material(grow(1))
	m.Justification, m.Targets = "adopts "+x.ID+", ssh from 0.0.0.0/0", []string{string(x.Asset)}
	c, err := f.changes.File(t.Context(), f.as("ann"), m)
	f.must(err)
	_, err = f.Adopt(t.Context(), f.as("olga"), x.ID, c.ID, why)
	f.must(err)
	f.set("cloud", 1, "firewall.ssh", text("everybody"))
	f.observe(time.Hour)
	f.approve(c, m)
	f.must(f.Tick(t.Context()))
	if got, err := f.Show(t.Context(), x.ID); err != nil || got.State != reconcile.Open {
		t.Errorf("adopted with another value: %+v, %v", got.State, err)
	}
	f.whole()
}

// A plan of any size is followed, and never keeps differences from being judged.
func TestALargePlanIsFollowedToo(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	var a, b strings.Builder
	for i := range 110_000 {
		fmt.Fprintf(&a, `,"a%d":1`, i)
		fmt.Fprintf(&b, `,"a%d":2`, i)
	}
	m := f.material(planned{1, "update", "{" + a.String()[1:] + "}", "{" + b.String()[1:] + "}"})
	c, err := f.changes.File(t.Context(), f.as("ann"), m)
	f.must(err)
	f.approve(c, m)
	f.set("cloud", 1, "firewall.ssh", text("0.0.0.0/0"))
	f.observe(time.Hour)
	if !waiting(f, "firewall.ssh") {
		t.Error("nothing is judged any more")
	}
}

// What was taken back stays told: before, what it became, and that it was restored.
func TestARevertedFindingStillSaysWhatItWas(t *testing.T) {
	t.Parallel()
	f, x := edited(t)
	_, err := f.Revert(t.Context(), f.as("olga"), x.ID, why)
	f.must(err)
	f.set("cloud", 1, "server_type", text("cx22"))
	f.observe(time.Hour)
	got, err := f.Show(t.Context(), x.ID)
	f.must(err)
	if got.State != reconcile.Reverted || got.Before != x.Before || got.After != x.After || got.Before == got.After {
		t.Errorf("it says %s %s → %s", got.State, got.Before, got.After)
	}
}
