package change

import (
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
)

// Sought is one effect that somebody wants to bring about under a change.
type Sought struct {
	Asset    string   // id of the thing in the inventory
	Targets  []string // what means that thing and no other, whatever sources call it
	Name     string   // what sources call it now
	Known    int64    // since when the inventory knows it, in microseconds
	Path     string
	After    string
	Category string // that the change must have; "" for any
	Verified bool   // only after the change was carried out and verified
	Since    int64  // when what stands was said, in microseconds: only by a change that was approved after that; 0 for any
}

// EffectApproved reports whether an approved change has exactly this effect among those that were approved. It is the rule for what
// is done on the server itself under a change: deny by default, for a change that is not approved, was cancelled or backed out, and for
// one whose approvals no longer suffice. actor is who brings it about: none of its approvers.
func (d *Desk) EffectApproved(tx *db.Tx, actor fault.Actor, change string, want Sought) error {
	id, err := ParseID(change)
	if err != nil {
		return err
	}
	s, err := d.load(tx, id)
	if err != nil {
		return err
	}
	return s.effectApproved(actor, want, tx.Now().UnixMicro())
}

func (s *Snapshot) effectApproved(actor fault.Actor, want Sought, now int64) error {
	m, c := s.Revision.Material, s.Change
	no := func(code, text string) error {
		return fault.New(fault.Denied, code, "%s", text).About(string(c.ID)).Because("labels", "provisioning: promotion upon verification and approval").
			FixedBy("the change's author").Then("plumb change show %s", c.ID)
	}
	states := []State{Authorized, Scheduled, Implementing, Verifying, InReview}
	if want.Verified {
		states = []State{InReview}
	}
	ended := c.State == Closed && (c.Body.Closure == Successful || c.Body.Closure == SuccessfulWithIssues)
	switch {
	case want.Category != "" && m.Category != want.Category:
		return no("effect_category", "The change is not of the category that this needs: "+want.Category+".")
	case !slices.Contains(states, c.State) && !ended:
		if want.Verified {
			return no("effect_not_verified", "The change was not carried out and verified yet, or it did not end well.")
		}
		return no("effect_not_authorized", "The change is not approved, or it ended without being carried out.")
	case len(s.runs()) == 0 && (s.PackNo != nil || c.Body.Expires > 0 && now >= c.Body.Expires || !s.approved()):
		return no("effect_not_authorized", "The change was approved, and its approvals no longer suffice.")
	case s.Change.Type == "standard" && c.Body.Auto != nil && c.Body.Auto.Passed:
		return no("effect_by_criteria", "Criteria approved the change, and no person; a label moves by people's approval only.")
	case s.decider(actor.Person):
		return no("executor_approved", "Who approved a change does not bring its effects about.")
	case c.Body.Decided < want.Since:
		return no("effect_overtaken", "What stands now was said after the change was approved, so nobody approved to undo it.")
	case c.Body.Hold != nil:
		return no("on_hold", "The change is on hold.")
	case !slices.ContainsFunc(m.Effects, func(e Effect) bool {
		return s.meant(e.Target, want) && e.Path == want.Path && e.After == want.After
	}):
		return no("effect_missing", "The change was not approved for this effect on this very thing: "+want.Path+" = "+want.After+".")
	case !slices.ContainsFunc(m.Targets, func(t string) bool { return s.meant(t, want) }):
		return no("effect_outside_targets", "The thing is not among the targets of the change.")
	}
	return nil
}

// meant reports whether the approvers of an effect on a target meant the thing that is sought. An id means one thing. A name, which
// sources give and take away, means what the inventory knew by it when the wording was written; where it knew nothing by it, only what
// came to be after the change was filed, or who names a thing anew could have another's approval for it.
func (s *Snapshot) meant(target string, want Sought) bool {
	same := func(t string) bool { return strings.EqualFold(t, target) }
	if slices.ContainsFunc(append([]string{want.Asset}, want.Targets...), same) {
		return true
	}
	if want.Name == "" || !same(want.Name) {
		return false
	}
	m := s.Revision.Material
	if i := slices.IndexFunc(m.Resolved, func(r Resolved) bool { return same(r.Name) }); i >= 0 {
		return m.Resolved[i].Asset == want.Asset
	}
	return want.Known >= s.Change.Created
}

// decider reports whether a person may be one of those whose approval counts.
func (s *Snapshot) decider(person string) bool {
	return slices.ContainsFunc(s.approvals(), func(d Decision) bool {
		return s.Roster.Same(directory.PersonID(person), directory.PersonID(d.Person), d.At)
	})
}
