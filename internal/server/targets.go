package server

import (
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
		Kind: string(a.Class), Owner: a.Label(inventory.LabelOwner), Role: a.Label(inventory.LabelRole)}, err == nil, err
}
