package record

import (
	"slices"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/policy"
)

// shared are the reasons that every slot has: they are said once, below all of them.
func (x *view) shared() (out []policy.Reason) {
	slots := x.R.Demand.Slots
	if len(slots) < 2 {
		return nil
	}
	for _, r := range slots[0].Reasons {
		if !slices.ContainsFunc(slots[1:], func(s policy.Slot) bool { return !slices.Contains(s.Reasons, r) }) {
			out = append(out, r)
		}
	}
	return out
}

// own leaves the reasons that a slot does not share with all others.
func own(list, shared []policy.Reason) []policy.Reason {
	return slices.DeleteFunc(slices.Clone(list), func(r policy.Reason) bool { return slices.Contains(shared, r) })
}

// deciders is what the card of the slots is called.
func (x *view) deciders() string {
	switch x.R.Change.State {
	case change.Draft, change.Assessing, change.AwaitingApproval:
		return "Who decides"
	}
	return "Who decided"
}
