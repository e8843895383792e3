package reconcile_test

import (
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/wire"
)

// A run that was lost explains what was done while its lease held. A report that comes days later does not make it longer, and once the change
// is over it is not taken.
func TestALateReportExplainsNothingThatWasDoneAfterTheLease(t *testing.T) {
	t.Parallel()
	for _, over := range []bool{false, true} {
		f := found(t)
		f.server(1, "prod", map[string]inventory.Value{"server_type": text("cx22"), "firewall.ssh": text("10.0.0.0/8")})
		f.observe(time.Hour)
		m := f.material(grow(9))
		m.Effects = []change.Effect{{Target: "web-1", Path: "firewall.*", Op: "update"}}
		c, err := f.changes.File(t.Context(), f.as("ann"), m)
		f.must(err)
		c = f.approve(c, m)
		p := f.open(c)
		for range 3 {
			f.observe(12 * time.Hour)
			_, err := f.changes.Tick(t.Context())
			f.must(err)
		}
		if over {
			_, err = f.changes.Close(t.Context(), f.as("ann"), c.ID, change.Failed, &change.Review{Outcome: "nobody knows what it did", Causes: "the executor went away"})
			f.must(err)
		}
		f.set("cloud", 1, "firewall.ssh", text("0.0.0.0/0"))
		f.observe(12 * time.Hour)
		_, err = f.changes.Finish(t.Context(), f.as("ivo"), wire.GateClose{Permit: p.ID, Fence: p.Fence, Outcome: "success"})
		if over {
			f.refused(err, "report_too_late")
		} else {
			f.must(err)
		}
		f.must(f.Tick(t.Context()))
		if !waiting(f, "firewall.ssh") {
			t.Errorf("a door that was opened after the lease is explained by the late report (change over: %v)", over)
		}
		f.whole()
	}
}
