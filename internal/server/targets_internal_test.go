package server

import (
	"testing"

	"plumbline.dev/plumb/internal/inventory"
)

// An approval undoes nothing that became so after it: neither what somebody said, nor that data came into the asset. A promotion only
// makes stricter.
func TestAnApprovalIsOlderThanWhatItMayNotUndo(t *testing.T) {
	t.Parallel()
	a := inventory.Asset{ID: "AST-000007", N: 7, Name: "db-7", Labels: map[string]inventory.Label{
		inventory.LabelClassification: {Value: "internal", At: 5}, inventory.LabelEnvironment: {Value: "test", At: 6}}}
	for _, x := range []struct {
		floor              int64
		label, value       string
		since              int64
		category, whatever string
	}{
		{0, inventory.LabelClassification, "public", 5, "", "the label"},
		{9, inventory.LabelClassification, "internal", 9, "", "the data, which came after the label"},
		{3, inventory.LabelClassification, "public", 5, "", "the label, which came after the data"},
		{9, inventory.LabelEnvironment, "dev", 6, "", "the label, whatever data came"},
		{9, inventory.LabelEnvironment, "prod", 0, "provisioning", "nothing"},
	} {
		a.Floor.At = x.floor
		if got := sought(a, x.label, x.value); got.Since != x.since || got.Category != x.category || got.Verified != (x.category != "") {
			t.Errorf("%s=%s: %+v, want that an approval after %s", x.label, x.value, got, x.whatever)
		}
	}
}
