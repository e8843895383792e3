package reconcile

import (
	"testing"

	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/plan"
)

// claimCase is one difference near one claim of one run: what it is found to be.
type claimCase struct {
	name string
	edit func(c *Charter, k *Claim, d *inventory.Difference, p *Place)
	want Disposition
}

// claimCases judges each case with an index of its own. Unedited it is the server of a plan that was made larger, and the receipt names it.
func claimCases(t *testing.T, cases []claimCase) {
	t.Helper()
	for _, x := range cases {
		c := &Charter{Change: "CHG-1", Rev: "r", Environment: "prod", Runs: onceRun(Run{Executors: []string{"ivo"}, Receipts: []Receipt{{Address: "hcloud_server.web", Done: true, ID: "42"}}}),
			Claims: []Claim{{ID: "c", Change: "CHG-1", Rev: "r", Address: "hcloud_server.web", Lineage: "lin", Planned: true, Verb: plan.ClassUpdate, Path: "server_type", After: []inventory.Value{`"cx32"`}}}}
		d := inventory.Difference{ID: "d", Asset: "A", Record: "rec", Op: inventory.Updated, Path: "server_type", Kind: inventory.Config, Before: `"cx22"`, After: `"cx32"`, Earliest: 5, Latest: 20}
		p := prodPlace(Place{Asset: "A", Name: "web-1", Class: inventory.Host, Type: "hcloud_server", IDs: []string{"hcloud:server:42"}, Managers: []Managed{{"hcloud_server.web", "lin/default"}}})
		x.edit(c, &c.Claims[0], &d, &p)
		if v := Decide(d, p, NewIndex([]*Charter{c}, nil), Rules{Now: 40}); v.Disposition != x.want {
			t.Errorf("%s: %s, want %s: %+v", x.name, v.Disposition, x.want, v.Hits)
		}
	}
}

func TestAClaimExplainsWhatItsRunDidAndNothingElse(t *testing.T) {
	t.Parallel()
	claimCases(t, []claimCase{
		{"as approved", func(*Charter, *Claim, *inventory.Difference, *Place) {}, Exact},
		{"the run reported nothing", func(c *Charter, _ *Claim, _ *inventory.Difference, _ *Place) { c.Runs[0].Receipts = nil }, Scoped},
		{"the run did not finish it", func(c *Charter, _ *Claim, _ *inventory.Difference, _ *Place) { c.Runs[0].Receipts[0].Done = false }, Scoped},
		{"the run reported others only", func(c *Charter, _ *Claim, _ *inventory.Difference, _ *Place) {
			c.Runs[0].Receipts[0].Address = "hcloud_server.db"
		}, OutOfScope},
		{"the run reported another thing at that address", func(c *Charter, _ *Claim, _ *inventory.Difference, _ *Place) { c.Runs[0].Receipts[0].ID = "43" }, OutOfScope},
		{"the run reported no thing at that address", func(c *Charter, _ *Claim, _ *inventory.Difference, _ *Place) { c.Runs[0].Receipts[0].ID = "" }, OutOfScope},
		{"the run reported only that it took the thing away", func(c *Charter, _ *Claim, _ *inventory.Difference, _ *Place) {
			c.Runs[0].Receipts[0].Action = "delete"
		}, OutOfScope},
		{"the run took away what it replaced, too", func(c *Charter, _ *Claim, _ *inventory.Difference, _ *Place) {
			c.Runs[0].Receipts = append([]Receipt{{Address: "hcloud_server.web", Action: "delete", Done: true, ID: "41"}}, append(c.Runs[0].Receipts,
				Receipt{Address: "hcloud_server.web", Action: "delete", Done: true, ID: "40"})...)
		}, Exact},
		{"the run reported several things at that address", func(c *Charter, _ *Claim, _ *inventory.Difference, _ *Place) {
			c.Runs[0].Receipts = append([]Receipt{{Address: "hcloud_server.web", Done: true, ID: "41"}}, c.Runs[0].Receipts...)
		}, OutOfScope},
		{"another value", func(_ *Charter, _ *Claim, d *inventory.Difference, _ *Place) { d.After = `"cx52"` }, OutOfScope},
		{"another attribute", func(_ *Charter, _ *Claim, d *inventory.Difference, _ *Place) { d.Path = "image" }, Unauthorized},
		{"in another state", func(_ *Charter, _ *Claim, _ *inventory.Difference, p *Place) { p.Managers[0].Scope = "twin/default" }, Unauthorized},
		{"by somebody else", func(_ *Charter, _ *Claim, d *inventory.Difference, _ *Place) { d.Actor = "mallory" }, OutOfScope},
		{"in another environment", func(c *Charter, _ *Claim, _ *inventory.Difference, _ *Place) { c.Environment = "dev" }, OutOfScope},
		{"before the run", func(_ *Charter, _ *Claim, d *inventory.Difference, _ *Place) { d.Earliest, d.Latest = 1, 10 }, Unauthorized},
		{"after the run", func(_ *Charter, _ *Claim, d *inventory.Difference, _ *Place) { d.Earliest, d.Latest = 31, 35 }, Unauthorized},
		{"a run of another revision", func(c *Charter, _ *Claim, _ *inventory.Difference, _ *Place) { c.Runs[0].Rev = "r2" }, Unauthorized},
		{"a run of the way back", func(c *Charter, _ *Claim, _ *inventory.Difference, _ *Place) { c.Runs[0].Rollback = true }, Unauthorized},
		{"the way back, in the run itself", func(_ *Charter, k *Claim, _ *inventory.Difference, _ *Place) { k.Rollback = true }, Unauthorized},
		{"the deletion of what is made larger", func(_ *Charter, k *Claim, d *inventory.Difference, _ *Place) {
			k.Path, d.Op, d.Path, d.After = "", inventory.Deleted, "", ""
		}, OutOfScope},
	})
}

// A typed effect may name attributes by a pattern. The thing itself comes and goes by its name alone.
func TestAPatternOfAttributesIsNotTheWholeThing(t *testing.T) {
	t.Parallel()
	typed := func(c *Charter, k *Claim, verb, path string) {
		*k = Claim{ID: "c", Change: "CHG-1", Rev: "r", Address: "web-1", Verb: verb, Path: path, Open: true}
	}
	claimCases(t, []claimCase{
		{"an attribute of the pattern", func(c *Charter, k *Claim, _ *inventory.Difference, _ *Place) {
			typed(c, k, plan.ClassUpdate, "server_*")
		}, Scoped},
		{"another attribute", func(c *Charter, k *Claim, _ *inventory.Difference, _ *Place) { typed(c, k, plan.ClassUpdate, "image*") }, OutOfScope},
		{"the deletion of the whole", func(c *Charter, k *Claim, d *inventory.Difference, _ *Place) {
			typed(c, k, plan.ClassReplace, "*")
			d.Op, d.Path, d.After = inventory.Deleted, "", ""
		}, OutOfScope},
		{"another thing that took its name", func(c *Charter, k *Claim, _ *inventory.Difference, _ *Place) {
			typed(c, k, plan.ClassUpdate, "server_*")
			k.Asset = "A9"
		}, OutOfScope},
	})
}

// What is replaced settles: in the run of that plan, and where that plan says replace.
func TestOnlyTheRunThatReplacedAThingLetsItSettle(t *testing.T) {
	t.Parallel()
	replaced := func(edit func(c *Charter, k *Claim, d *inventory.Difference)) func(*Charter, *Claim, *inventory.Difference, *Place) {
		return func(c *Charter, k *Claim, d *inventory.Difference, _ *Place) {
			k.Verb, k.Path, d.Path, d.After = plan.ClassReplace, "", "location", `"fsn1"`
			edit(c, k, d)
		}
	}
	claimCases(t, []claimCase{
		{"replaced as planned", replaced(func(*Charter, *Claim, *inventory.Difference) {}), Derived},
		{"updated as planned", replaced(func(_ *Charter, k *Claim, _ *inventory.Difference) { k.Verb = plan.ClassUpdate }), OutOfScope},
		{"replaced on the way back, which did not run", replaced(func(_ *Charter, k *Claim, _ *inventory.Difference) { k.Rollback = true }), OutOfScope},
		{"replaced by the plan; what ran is the way back", replaced(func(c *Charter, _ *Claim, _ *inventory.Difference) { c.Runs[0].Rollback = true }), OutOfScope},
		{"replaced by another revision", replaced(func(c *Charter, _ *Claim, _ *inventory.Difference) { c.Runs[0].Rev = "r2" }), OutOfScope},
		{"a replacement that did not end well", replaced(func(c *Charter, _ *Claim, _ *inventory.Difference) { c.Runs[0].Receipts[0].Done = false }), OutOfScope},
		{"of which the plan says another value", replaced(func(c *Charter, k *Claim, _ *inventory.Difference) {
			other := *k
			other.ID, other.Path, other.After = "c2", "location", []inventory.Value{`"nbg1"`}
			c.Claims = append(c.Claims, other)
		}), OutOfScope},
		{"a door of it", replaced(func(_ *Charter, _ *Claim, d *inventory.Difference) { d.Kind = inventory.Security }), OutOfScope},
		{"its deletion", replaced(func(_ *Charter, k *Claim, d *inventory.Difference) {
			k.Path, d.Op, d.Path, d.After = "other", inventory.Deleted, "", ""
		}), Unauthorized},
	})
}
