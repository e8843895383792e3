package server

import (
	"fmt"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// targets lets the change engine find a target among the assets.
type targets struct{}

// TargetIn is change.Inventory.
func (targets) TargetIn(tx *db.Tx, name string) (r change.Resolved, found bool, err error) {
	a, err := inventory.FindIn(tx, name)
	if fault.Is(err, "no_asset") || fault.Is(err, "asset_name_shared") {
		return r, false, nil
	}
	return change.Resolved{Asset: string(a.ID), Environment: a.Label(inventory.LabelEnvironment), Classification: a.Label(inventory.LabelClassification),
		Kind: kindOf(a.Class), Owner: a.NamedOwner(), Role: a.Label(inventory.LabelRole)}, err == nil, err
}

// kindOf gives the word by which a policy's rules know what networks are made of, so that a rule about firewalls holds for one that
// only the inventory knows. Other things are called by their class, which no bound of a standard model names.
func kindOf(c inventory.Class) string {
	switch c {
	case inventory.Firewall:
		return "firewall"
	case inventory.Zone, inventory.DomainRecord:
		return "dns-zone"
	case inventory.Network, inventory.LoadBalancer, inventory.NetworkService:
		return "network-device"
	}
	return string(c)
}

// OwnerIn is part of change.Inventory.
func (targets) OwnerIn(tx *db.Tx, asset string) (string, error) {
	a, err := inventory.FindIn(tx, asset)
	if fault.Is(err, "no_asset") {
		return "", nil
	}
	return a.NamedOwner(), err
}

// approvals lets the inventory ask whether an approved change allows a label.
type approvals struct{ changes *change.Desk }

// LabelApproved is inventory.Approval. To become production is the promotion step of a provisioning change: only after it was
// carried out and verified.
func (a approvals) LabelApproved(tx *db.Tx, id string, asset inventory.Asset, label, value string) error {
	return a.changes.EffectApproved(tx, tx.Actor(), id, sought(asset, label, value))
}

// sought is the effect that a change must have been approved for, so that a label of an asset becomes a value.
func sought(asset inventory.Asset, label, value string) change.Sought {
	want := change.Sought{Asset: string(asset.ID), Targets: []string{fmt.Sprintf("AST-%d", asset.N)}, Name: asset.Name, Known: asset.First,
		Path: "label." + label, After: value}
	if label == inventory.LabelEnvironment && value == "prod" {
		want.Category, want.Verified = "provisioning", true
	} else { // what was said after the approval is not undone by it; a promotion only makes an asset stricter
		want.Since = asset.Labels[label].At
		if label == inventory.LabelClassification { // nor what the data in it has made of it since
			want.Since = max(want.Since, asset.Floor.At)
		}
	}
	return want
}

// DraftRetirement is part of inventory.Approval.
func (a approvals) DraftRetirement(tx *db.Tx, asset inventory.AssetID, seen inventory.Seen, why string, former []string) (string, error) {
	drafts := make([]change.ID, len(former))
	for i, id := range former {
		drafts[i] = change.ID(id)
	}
	id, err := a.changes.DraftRetirement(tx, change.Unneeded{Asset: string(asset), Name: seen.Name, There: seen.State == inventory.Present,
		Why: why, Former: drafts})
	return string(id), err
}
