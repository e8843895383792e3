package inventory

import (
	"plumbline.dev/plumb/internal/db"
)

// Originate notes which approved change brought an asset about, so that nobody has to ask later who wanted it. The first one counts; the
// event that answers for it is the caller's.
func Originate(tx *db.Tx, id AssetID, change string) error {
	a, _, err := Holder(tx, id)
	if err != nil {
		return err
	}
	if a.Origin != "" || change == "" {
		return nil
	}
	a.Origin = change
	a.Version++
	return saveAsset(tx, a)
}
