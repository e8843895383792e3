package inventory

import (
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
)

// Retired is the lifecycle of what is no more. An asset is retired by an approved change, when its sources no longer see it; it is never
// deleted.
const Retired = "retired"

// mayMove is the rule for the lifecycle: what stands moves only by an approved change, and to be retired takes one in any case.
func (d *Desk) mayMove(tx *db.Tx, a Asset, stood bool, value, change string) error {
	if stood && a.Labels[LabelLifecycle].Value == value || !stood && value != Retired {
		return d.named(tx, a, LabelLifecycle, value, change)
	}
	if value == Retired {
		list, err := witnessesOf(tx, a.ID)
		if err != nil {
			return err
		}
		if d.seenLately(a, list) == Present {
			return fault.New(fault.Conflict, "still_there", "The asset is there: a source sees it. It is retired when none does any more.").About(string(a.ID)).
				Because("lifecycle", "asset lifecycle: retired after it is gone").FixedBy("whoever looks after the asset").
				Then("remove it by the change that retires it, wait for two readings, then: plumb asset retire %s --change CHANGE", a.ID)
		}
	}
	if d.allowed == nil || change == "" {
		return fault.New(fault.Denied, "lifecycle_by_change", "The lifecycle of an asset moves only by an approved change.").About(string(a.ID)).
			Because("lifecycle", "asset lifecycle: moves only by a change").FixedBy("whoever looks after the asset").
			Then("plumb change new --category configuration --effect \"%[1]s label.lifecycle update %[2]s\" …; once it is approved: plumb asset label %[1]s lifecycle=%[2]s --change CHANGE --reason \"…\"", a.ID, value)
	}
	return d.allowed.LabelApproved(tx, change, a, LabelLifecycle, value)
}

// stays gives the state of an asset by what its sources show: one that was retired stays so, until it is seen again.
func (a Asset) stays(p Presence) Presence {
	if l := a.Labels[LabelLifecycle]; p != Present && l.Confidence == Asserted && l.Value == Retired {
		return Gone
	}
	return p
}

// declares reports whether a kind of source may declare a thing absent.
func (d *Desk) declares(kind string) bool {
	k, _ := d.Kind(kind)
	return k.Absence
}
