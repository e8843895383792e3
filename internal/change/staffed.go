package change

import (
	"slices"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
)

// Staffed refuses to take a role or a person away where nobody could approve afterwards that somebody else
// gets a role: no office is exempt from the rules, so the company would stand still for good. It is
// the directory's hook, with who held which roles before and after.
//
// Any other rule that people no longer satisfy refuses the changes that it is about, and says which role is missing:
// a leaver's rights must end even when their place is empty.
func (d *Desk) Staffed(tx *db.Tx, before, after []policy.Person) error {
	p, err := d.packIn(tx)
	if err != nil || p == nil {
		return err
	}
	slots, known := grantSlots(p)
	if !known || !succeeds(slots, before) || succeeds(slots, after) {
		return nil
	}
	role := "an approving role"
	if ok, gap := policy.Satisfiable(slots, after, nil); !ok && gap.Role != "" {
		role = gap.Role
	}
	return fault.New(fault.Denied, "last_approver", "Nobody could approve any grant of a role then, not even that somebody else gets %s.", role).
		Because("approver_remains", "policy statement (e)").
		FixedBy("its approvers, by an access change that names somebody else first; a security officer resets a password to shut somebody out at once").
		Then("plumb access request --role %s --person PERSON", role)
}

// grantSlots are the places that a grant of an approving role asks to be filled. A pack by which no such change can be
// asked for asks for nothing.
func grantSlots(p *policy.Pack) ([]policy.Slot, bool) {
	demand, err := p.Demand(policy.Facts{Type: "normal", Category: "access", Environment: "prod", Bindings: []policy.Binding{{Kind: AccessGrant}},
		Roles: []string{string(directory.Officer)}})
	return demand.Slots, err == nil
}

// succeeds reports whether these people could approve it, if one of them asks for it.
func succeeds(slots []policy.Slot, people []policy.Person) bool {
	return slices.ContainsFunc(people, func(asks policy.Person) bool {
		ok, _ := policy.Satisfiable(slots, people, []string{asks.ID})
		return ok
	})
}
