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

// A finding of an asset that was merged into another is answered by the owner of that one, and by nobody who merged it to answer it.
func TestAFindingFollowsItsAssetIntoAnother(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		merges, want, left string
	}{
		"merged by an officer":   {"olga", "", "not_finding_owner"},
		"merged by who gets it":  {"dana", "not_finding_owner", ""},
		"merged and taken apart": {"", "not_finding_owner", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, one := edited(t)
			f.server(2, "prod", size("cx22"))
			f.observe(time.Hour)
			into, err := f.things.Show(t.Context(), "web-2")
			f.must(err)
			_, err = f.things.SetLabels(t.Context(), f.as("olga"), string(into.ID), map[string]string{"owner": "dana"}, "dana looks after it", "")
			f.must(err)
			by := x.merges
			if by == "" {
				by = "olga"
			}
			w, err := f.things.MergeAssets(t.Context(), f.as(by), string(into.ID), string(one.Asset), "one thing under two names")
			f.must(err)
			if x.merges == "" {
				_, err = f.things.Undo(t.Context(), f.as("olga"), w.ID)
				f.must(err)
			}
			f.must(f.Tick(t.Context()))
			got, err := f.Show(t.Context(), one.ID)
			f.must(err)
			if owner := map[bool]string{true: "dana", false: "sam"}[x.want == ""]; got.Owner != owner {
				t.Errorf("the finding is %s's, want %s's", got.Owner, owner)
			}
			for who, want := range map[string]string{"dana": x.want, "sam": x.left} {
				r, err := f.Read(t.Context(), f.as(who), one.ID)
				if f.must(err); want != "" && !fault.Is(r.Refused, want) || want == "" && r.Refused != nil {
					t.Errorf("%s answers: %v, want %q", who, r.Refused, want)
				}
			}
			f.whole()
		})
	}
}
