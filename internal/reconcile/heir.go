package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// This file hands a finding that waits over to whoever owns its asset by now. It is done where the ledger says that somebody named an owner,
// for the lists, and again where the finding is read or answered, so that nobody waits for that.

// inherit hands a finding over where it is not closed and a person or an approved change named another owner of its asset since;
// alone says that no change approved that. Nobody gets one by their own word: who names themself leaves it where it is, and of a group that somebody names, that one answers for none of it.
func (f *Finding) inherit(l inventory.Label, alone bool, roster *directory.Roster) bool {
	switch {
	case !f.Waits() && f.State != Waived, l.Confidence != inventory.Asserted, l.Value == f.Owner:
		return false
	case alone && slices.Contains(personNames(fault.Actor{Person: l.By}, roster), strings.ToLower(l.Value)):
		return false
	}
	f.Owner, f.NamedBy = l.Value, ""
	if alone {
		f.NamedBy = l.By
	}
	return true
}

// inherited reads who owns the asset of a finding now, or the one that it was merged into, and hands it over; its row is left to the caller.
func (d *Desk) inherited(tx *db.Tx, f *Finding, roster *directory.Roster) (bool, error) {
	a, merger, err := inventory.Holder(tx, f.Asset)
	switch {
	case fault.Is(err, "no_asset"):
		return false, nil
	case err != nil:
		return false, err
	}
	l := a.Labels[inventory.LabelOwner]
	if l.Confidence != inventory.Asserted || l.Value == f.Owner {
		return false, nil
	}
	if merger != "" { // whoever merged it there gave it to that owner, whoever named them before
		l.By = merger
		return f.inherit(l, true, roster), nil
	}
	approved, err := d.approvedOwner(tx, a, l)
	if err != nil {
		return false, err
	}
	return f.inherit(l, !approved, roster), nil
}

// approvedOwner reports whether the change that a label names was approved to make it so. That the label says a change is not enough: it is
// the word of who set it.
func (d *Desk) approvedOwner(tx *db.Tx, a inventory.Asset, l inventory.Label) (bool, error) {
	if l.Change == "" {
		return false, nil
	}
	err := d.changes.EffectApproved(tx, fault.Actor{Person: l.By}, l.Change, change.Sought{Asset: string(a.ID), Targets: []string{fmt.Sprintf("AST-%d", a.N)},
		Name: a.Name, Known: a.First, Path: labelPath + inventory.LabelOwner, After: l.Value})
	if err != nil && fault.Of(err).Kind == fault.Internal {
		return false, err
	}
	return err == nil, nil
}

// namesOwners are the events after which an asset may have another owner.
var namesOwners = []string{"asset.labelled", "asset.merged", "asset.identity_undone"}

const notClosedOf = findingColumns + " WHERE asset = $1 AND state IN ('open', 'adopting', 'reverting', 'waived') ORDER BY n"

// handOver hands over what of an asset is not closed, in one transaction: of each asset so many findings wait at most (ADR 0016).
func (d *Desk) handOver(ctx context.Context, asset string) error {
	return d.db.Update(ctx, follower(), func(tx *db.Tx) error {
		ids, err := inventory.EverMerged(tx, inventory.AssetID(asset))
		if err != nil {
			return err
		}
		var list []Finding
		for _, id := range ids {
			part, err := db.Collect(tx, scanFinding, notClosedOf, string(id))
			if err != nil {
				return err
			}
			list = append(list, part...)
		}
		if len(list) == 0 {
			return nil
		}
		roster, err := d.people.RosterIn(tx)
		if err != nil {
			return err
		}
		for i := range list {
			f := &list[i]
			moved, err := d.inherited(tx, f, roster)
			if err != nil {
				return err
			}
			if !moved {
				continue
			}
			if err := saveFinding(tx, f); err != nil {
				return err
			}
			if err := record(tx, "finding.handed_over", "finding", f.ID, map[string]any{"asset": string(f.Asset), "owner": f.Owner}); err != nil {
				return err
			}
		}
		return nil
	})
}
