package reconcile_test

import (
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// lenient lets every label be set under every change, as an inventory does that takes the id of a change for its approval.
type lenient struct{}

func (lenient) LabelApproved(*db.Tx, string, inventory.Asset, string, string) error { return nil }

func (lenient) DraftRetirement(*db.Tx, inventory.AssetID, inventory.Seen, string, []string) (string, error) {
	return "", nil
}

// Who names themself the owner and says that a change did answers for nothing that waits, unless that change was approved for it.
func TestAnOwnerByAChangeIsWhoThatChangeApproved(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		effect string // that the change is approved for; "" for no change at all
		want   string
	}{
		"for this owner":         {"dana", ""},
		"for another owner":      {"ian", "not_finding_owner"},
		"by a change of no kind": {"", "not_finding_owner"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, one := edited(t)
			f.things.Wire(lenient{})
			id := "CHG-000099"
			if x.effect != "" {
				m := f.material(grow(9))
				m.Targets = []string{string(one.Asset)}
				m.Effects = []change.Effect{{Target: string(one.Asset), Path: "label.owner", Op: "update", After: x.effect}}
				c, err := f.changes.File(t.Context(), f.as("ann"), m)
				f.must(err)
				id = string(f.approve(c, m).ID)
			}
			_, err := f.things.SetLabels(t.Context(), f.as("dana"), string(one.Asset), map[string]string{"owner": "dana"}, "by the change", id)
			f.must(err)
			f.must(f.Tick(t.Context()))
			if _, err = f.Waive(t.Context(), f.as("dana"), one.ID, f.clock.Now().Add(24*time.Hour), why); x.want != "" {
				f.refused(err, x.want)
			} else if err != nil {
				t.Errorf("the approved owner is refused: %v", fault.Of(err))
			}
		})
	}
}
