package reconcile_test

import (
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/reconcile"
)

// opened is a firm where a door of a server was opened without a permit, and left so for a time.
func opened(t *testing.T) (*firm, reconcile.Finding) {
	t.Helper()
	f := found(t)
	f.server(1, "prod", map[string]inventory.Value{"server_type": text("cx22"), "firewall.ssh": text("10.0.0.0/8")})
	f.observe(time.Hour)
	f.set("cloud", 1, "firewall.ssh", text("0.0.0.0/0"))
	f.observe(time.Hour)
	x, err := f.Waive(t.Context(), f.as("olga"), f.findings()[0].ID, f.clock.Now().Add(80*24*time.Hour), why)
	f.must(err)
	return f, x
}

// Who took a value as it is for a time took that opening of the door. Once it is put right, by an approved change or by hand, the next opening
// is another matter.
func TestAWaiverEndsWithWhatWasWaived(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		repair func(*firm)
		state  string
	}{
		"an approved change sets another value": {func(f *firm) {
			m := f.material(grow(9))
			m.Effects = []change.Effect{{Target: "web-1", Path: "firewall.ssh", Op: "update", After: "10.0.0.0/9"}}
			c, err := f.changes.File(f.t.Context(), f.as("ann"), m)
			f.must(err)
			p := f.open(f.approve(c, m))
			f.set("cloud", 1, "firewall.ssh", text("10.0.0.0/9"))
			f.later(time.Minute)
			f.done(p)
			f.observe(time.Minute)
		}, reconcile.Settled},
		"somebody takes it back": {func(f *firm) {
			f.set("cloud", 1, "firewall.ssh", text("10.0.0.0/8"))
			f.observe(time.Minute)
		}, reconcile.Reverted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, old := opened(t)
			x.repair(f)
			got, err := f.Show(t.Context(), old.ID)
			f.must(err)
			if got.State != x.state || got.Closed == 0 || len(f.findings()) != 0 {
				t.Fatalf("the waived finding is %s, and %d wait; want it %s and none", got.State, len(f.findings()), x.state)
			}
			f.observe(24 * time.Hour)
			f.set("cloud", 1, "firewall.ssh", text("0.0.0.0/0")) // nobody approved this
			f.observe(time.Hour)
			if list := f.findings(); len(list) != 1 || list[0].ID == old.ID {
				t.Errorf("findings %+v, want a new one about the door that was opened again", list)
			}
			f.whole()
		})
	}
}
