package inventory

import (
	"context"
	"maps"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
)

// SetLabels asserts governed labels of an asset. What nobody had labelled may get any value; what stood may be made stricter.
// To make it looser, and to make something production, change names the approved change that allows it; "" for none. Whoever names one is held to
// it: each label must be what that change was approved for.
func (d *Desk) SetLabels(ctx context.Context, actor fault.Actor, asset string, labels map[string]string, reason, change string) (a Asset, err error) {
	err = d.update(ctx, actor, func(tx *db.Tx) error {
		if err := d.people.ConfirmIn(tx, actor); err != nil {
			return err
		}
		if strings.TrimSpace(reason) == "" || len(reason) > maxName {
			return noReason()
		}
		if a, err = FindIn(tx, asset); err != nil {
			return err
		}
		if a.State == Folded {
			return mergedAway(tx, a)
		}
		set, err := cleanLabels(labels)
		if err != nil {
			return err
		}
		was := a
		a.Labels = maps.Clone(was.Labels)
		if a.Labels == nil {
			a.Labels = map[string]Label{}
		}
		for _, key := range slices.Sorted(maps.Keys(set)) {
			if err := d.mayLabel(tx, a, key, set[key], change); err != nil {
				return err
			}
			a.Labels[key] = Label{Value: set[key], Confidence: Asserted, By: actor.Person, Change: change, Reason: reason, At: tx.Now().UnixMicro()}
		}
		if _, anew := set[LabelClassification]; anew { // it is not below the data in it: mayLabel
			a.Floor = Floor{}
		}
		if err := d.reweigh(tx, &a, set); err != nil {
			return err
		}
		a.Version++
		a.Changed = tx.Now().UnixMicro()
		if err := saveAsset(tx, a); err != nil {
			return err
		}
		if err := d.labelled(tx, a, was, change); err != nil {
			return err
		}
		return record(tx, "asset.labelled", "asset", string(a.ID), map[string]any{"labels": strings.Join(slices.Sorted(maps.Keys(set)), " "),
			"reason": reason, "change": change})
	})
	return a, err
}

// reweigh works out what follows from labels that were set: whose word they silence, and whether the asset is retired. Whoever sets a
// label answers with it what the sources say of it, so nothing is asked of these, and a question that was open is closed.
func (d *Desk) reweigh(tx *db.Tx, a *Asset, set map[string]string) error {
	list, err := witnessesOf(tx, a.ID)
	if err != nil {
		return err
	}
	a.Unheard = unheard(a.Labels, list)
	open := func(u Unheard) bool { _, answered := set[u.Label]; return !answered }
	if !slices.ContainsFunc(a.Unheard, open) {
		if err := closeConflict(tx, a.ID, tx.Now().UnixMicro()); err != nil {
			return err
		}
	}
	if a.State != Folded {
		a.State = a.stays(presence(list, d.declares))
	}
	return nil
}

// How the history says that somebody's word set a label: a person's alone, or by the change that allowed it.
const (
	assertedBy = "asserted by "
	aPerson    = "a person"
)

// labelled keeps what people assert in the asset's history. It is their word, not a difference of production.
func (d *Desk) labelled(tx *db.Tx, a, was Asset, change string) error {
	list, err := recordsOf(tx, a.ID)
	if err != nil {
		return err
	}
	k := Kept{Record: Record{Type: a.Type}, Asset: a.ID} // people moved all its records elsewhere
	if len(list) > 0 {
		k = list[0]
	}
	w, err := d.observes(tx, Configured{})
	if err != nil {
		return err
	}
	settled := assertedBy + aPerson
	if change != "" {
		settled = assertedBy + change
	}
	for _, key := range relabelled(was.Labels, a.Labels) {
		if err := w.differ(k, Difference{Type: k.Type, Native: k.Native, Op: Updated, Path: labelPath(key), Kind: Security,
			Before: some(was.Labels[key].Value), After: some(a.Labels[key].Value), Settled: settled, Actor: a.Labels[key].By}); err != nil {
			return err
		}
	}
	if a.Floor != was.Floor {
		if err := w.differ(k, Difference{Type: k.Type, Native: k.Native, Op: Updated, Path: floorPath, Kind: Security,
			Before: some(was.Floor.Value), Settled: settled, Actor: a.Labels[LabelClassification].By}); err != nil {
			return err
		}
	}
	return w.gives(a, holds("HAS", was))
}

// mergedAway refuses a word about an asset that is only a name of another one: it would count for nothing, and come back with an undone merge.
func mergedAway(tx *db.Tx, a Asset) (err error) {
	into := a
	for into.State == Folded && err == nil {
		into, err = loadAsset(tx, into.Merged)
	}
	if err != nil {
		return err
	}
	return fault.New(fault.Conflict, "merged_away", "%s was merged into %s %s, and has no labels of its own.", a.ID, into.ID, into.Name).
		About(string(a.ID)).Because("labels", "inventory labels: environment and classification").FixedBy("you").Then("plumb asset label %s …", into.ID)
}

func cleanLabels(labels map[string]string) (map[string]string, error) {
	e := fault.New(fault.Invalid, "bad_labels", "The labels cannot be set like that.").FixedBy("you").Then("plumb asset label ASSET environment=test")
	out := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		v, ok := ReadLabel(key, labels[key])
		if !ok || len(v) > 300 {
			e.At("labels", labelsTaken())
			continue
		}
		out[key] = v
	}
	if len(out) == 0 && len(e.Fields) == 0 {
		e.At("labels", "holds none")
	}
	if len(e.Fields) > 0 {
		return nil, e
	}
	return out, nil
}

// labelsTaken says which labels there are, and what each may hold.
func labelsTaken() string {
	out := []string{"a key is one of " + strings.Join(Labels(), ", ")}
	for _, l := range labels {
		if l.values != nil {
			out = append(out, l.key+" is one of "+strings.Join(l.values, ", "))
		}
	}
	return strings.Join(out, "; ")
}

// mayLabel is the rule for one label.
func (d *Desk) mayLabel(tx *db.Tx, a Asset, key, value, change string) error {
	old, had := a.Labels[key]
	stood := had && old.Confidence != Defaulted
	if key == LabelLifecycle {
		return d.mayMove(tx, a, stood, value, change)
	}
	if key == LabelClassification {
		f, err := floorOf(tx, a, tx.Now().UnixMicro())
		if err == nil {
			err = mayClassify(a, f, value)
		}
		if err != nil {
			return err
		}
		if a.Floor.Value != "" { // what it no longer has counts until this says otherwise
			stood, old.Value = true, a.Label(key)
		}
	}
	promotes := key == LabelEnvironment && value == "prod" && stood && old.Value != "prod"
	loosens := stood && looser(key, old.Value, value)
	if key == LabelTier && stood && old.Value != value {
		return d.mayMoveTier(tx, a, value, change)
	}
	if !promotes && !loosens {
		return d.named(tx, a, key, value, change)
	}
	if d.allowed == nil || change == "" {
		if promotes {
			return fault.New(fault.Denied, "promotion_needed", "An asset becomes production only by the promotion step of an approved provisioning change.").
				About(string(a.ID)).Because("promotion", "provisioning: promotion upon verification and approval").FixedBy("whoever asked for the asset").
				Then("plumb change new --category provisioning")
		}
		return fault.New(fault.Denied, "label_loosened", "A label that stands is made less strict only by an approved change.").
			About(string(a.ID)).Because("labels", "inventory labels: environment and classification").FixedBy("whoever looks after the asset").
			Then("plumb change new --category configuration")
	}
	return d.allowed.LabelApproved(tx, change, a, key, value)
}

// named is the rule for a change that nothing would need: its number stands beside the label as where it comes from, and so it must have been
// approved for it. What the label says already, by that change, is only said again.
func (d *Desk) named(tx *db.Tx, a Asset, key, value, change string) error {
	if l := a.Labels[key]; change == "" || l.Confidence == Asserted && l.Value == value && l.Change == change {
		return nil
	}
	if d.allowed == nil {
		return fault.New(fault.Denied, "effect_missing", "Nothing is known here of changes that were approved.").About(string(a.ID)).
			FixedBy("you").Then("name no change")
	}
	return d.allowed.LabelApproved(tx, change, a, key, value)
}
