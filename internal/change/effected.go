package change

import (
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
)

// Sought is one effect that somebody wants to bring about under a change.
type Sought struct {
	Targets  []string // names that the thing answers to
	Path     string
	After    string
	Category string // that the change must have; "" for any
	Verified bool   // only after the change was carried out and verified
}

// EffectApproved reports whether an approved change has exactly this effect among those that were approved. It is the rule for what
// is done on the server itself under a change: deny by default, for a change that is not approved, was cancelled or backed out.
func (d *Desk) EffectApproved(tx *db.Tx, change string, want Sought) error {
	id, err := ParseID(change)
	if err != nil {
		return err
	}
	s, err := d.load(tx, id)
	if err != nil {
		return err
	}
	return s.effectApproved(want)
}

func (s *Snapshot) effectApproved(want Sought) error {
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
	case c.Body.Hold != nil:
		return no("on_hold", "The change is on hold.")
	case !slices.ContainsFunc(m.Effects, func(e Effect) bool {
		return slices.ContainsFunc(want.Targets, func(t string) bool { return strings.EqualFold(t, e.Target) }) && e.Path == want.Path && e.After == want.After
	}):
		return no("effect_missing", "The change was not approved for this effect: "+want.Path+" = "+want.After+".")
	}
	return nil
}
