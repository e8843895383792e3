package reconcile

import (
	"testing"

	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/plan"
)

// A plan that names no state could be of any. It speaks of what its run made, where it does nothing but make things, and of nothing that was there.
func TestAPlanThatNamesNoStateSpeaksOfWhatItMade(t *testing.T) {
	t.Parallel()
	create := func(_ *Charter, k *Claim, d *inventory.Difference, p *Place) {
		k.Verb, k.Path, d.Op, d.Path, d.After, p.First = plan.ClassCreate, "", inventory.Created, "", "", 20
	}
	claimCases(t, []claimCase{
		{"an update", func(_ *Charter, k *Claim, _ *inventory.Difference, _ *Place) { k.Lineage = "" }, OutOfScope},
		{"an update of what came just now", func(_ *Charter, k *Claim, _ *inventory.Difference, p *Place) { k.Lineage, p.First = "", 20 }, OutOfScope},
		{"a creation", func(c *Charter, k *Claim, d *inventory.Difference, p *Place) {
			create(c, k, d, p)
			k.Lineage = ""
		}, Exact},
		{"a creation of what was there before", func(c *Charter, k *Claim, d *inventory.Difference, p *Place) {
			create(c, k, d, p)
			k.Lineage, p.First = "", 5
		}, OutOfScope},
		{"a creation beside an update", func(c *Charter, k *Claim, d *inventory.Difference, p *Place) {
			create(c, k, d, p)
			k.Lineage = ""
			other := *k
			other.ID, other.Verb, other.Address, other.Path = "c2", plan.ClassUpdate, "hcloud_server.db", "image"
			c.Claims = append(c.Claims, other)
		}, OutOfScope},
		{"a creation in a state that is named", create, Exact},
		{"of a thing that no record of a state manages", func(_ *Charter, _ *Claim, _ *inventory.Difference, p *Place) { p.Managers[0].Scope = "" }, Unauthorized},
		{"of a thing that a table says it manages", func(_ *Charter, _ *Claim, _ *inventory.Difference, p *Place) { p.Managers[0].Scope = "entities" }, Unauthorized},
	})
}

// No person looks at what criteria let through, so it opens no door and gives no label.
func TestWhatCriteriaLetThroughOpensNoDoor(t *testing.T) {
	t.Parallel()
	typed := func(edit func(d *inventory.Difference)) func(*Charter, *Claim, *inventory.Difference, *Place) {
		return func(c *Charter, k *Claim, d *inventory.Difference, _ *Place) {
			c.Criteria = true
			*k = Claim{ID: "c", Change: "CHG-1", Rev: "r", Address: "web-1", Verb: plan.ClassUpdate, Path: "*", Open: true}
			edit(d)
		}
	}
	claimCases(t, []claimCase{
		{"a toggle", typed(func(*inventory.Difference) {}), Scoped},
		{"a door", typed(func(d *inventory.Difference) { d.Kind = inventory.Security }), OutOfScope},
		{"a label", typed(func(d *inventory.Difference) { d.Path = "label.owner" }), OutOfScope},
	})
}

// A report that was taken before reports were held to one thing at an address explains none of those that it names.
func TestAReportOfSeveralThingsExplainsNone(t *testing.T) {
	t.Parallel()
	made := func(more ...Receipt) func(*Charter, *Claim, *inventory.Difference, *Place) {
		return func(c *Charter, k *Claim, d *inventory.Difference, p *Place) {
			k.Verb, k.Path, d.Op, d.Path, d.After, p.Managers = plan.ClassCreate, "", inventory.Created, "", "", nil
			c.Runs[0].Receipts = append(c.Runs[0].Receipts, more...)
		}
	}
	at := "hcloud_server.web"
	claimCases(t, []claimCase{
		{"one thing", made(), Derived},
		{"one thing twice", made(Receipt{Address: at, Done: true, ID: "42"}), Derived},
		{"another at another address", made(Receipt{Address: "hcloud_server.db", Done: true, ID: "43"}), Derived},
		{"one thing, and what it replaced", made(Receipt{Address: at, Action: "delete", Done: true, ID: "41"}), Derived},
		{"several things", made(Receipt{Address: at, Done: true, ID: "43"}), Unauthorized},
	})
}
