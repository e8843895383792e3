package inventory_test

import (
	"slices"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/inventory"
)

// Who says what is one thing and what is two does not say by it that production is a test system: that takes an approved change.
func TestNoLabelIsLoosenedByAMergeOrASplit(t *testing.T) {
	t.Parallel()
	f := found(t)
	label := func(asset, environment string) {
		t.Helper()
		_, err := f.SetLabels(t.Context(), olga, asset, map[string]string{"environment": environment, "owner": "ops"}, "as it is", "")
		f.must(err)
	}
	counts := func(asset, want, when string) {
		t.Helper()
		w, err := f.Show(t.Context(), asset)
		f.must(err)
		if got := w.Label(inventory.LabelEnvironment); got != want {
			t.Errorf("%s the environment of %s is %q, want %q", when, asset, got, want)
		}
	}
	f.read("cloud", server(1), server(2), server(3))
	said := host("web-3", "cloud-id", "hcloud:server:3")
	said.Labels = map[string]string{"environment": "dev"}
	f.read("hosts", said)
	label("AST-000001", "prod")
	label("AST-000002", "dev")
	label("AST-000003", "prod")
	counts("AST-000002", "dev", "before a merge")
	word, err := f.MergeAssets(t.Context(), olga, "AST-000002", "AST-000001", "one machine")
	f.must(err)
	counts("AST-000002", "prod", "after a merge")
	_, err = f.Undo(t.Context(), olga, word.ID)
	f.must(err)
	counts("AST-000001", "prod", "after it was taken back")

	w, err := f.Show(t.Context(), "AST-000003")
	f.must(err)
	i := slices.IndexFunc(w.Records, func(r inventory.Witness) bool { return r.Kind == "agent" })
	split, err := f.Split(t.Context(), olga, "AST-000003", []string{w.Records[i].ID}, "another machine")
	f.must(err)
	counts(string(split.Asset), "prod", "after a split")
	_, err = f.SetLabels(t.Context(), olga, string(split.Asset), map[string]string{"classification": "critical"}, "holds keys", "")
	f.must(err)
	_, err = f.Undo(t.Context(), olga, split.ID)
	f.must(err)
	w, err = f.Show(t.Context(), "AST-000003")
	f.must(err)
	if got := w.Label(inventory.LabelClassification); got != "critical" {
		t.Errorf("the classification is %q after the split was taken back, want critical", got)
	}
	f.whole()
}

func (f *firm) assets() []inventory.Asset {
	f.t.Helper()
	list, err := f.Assets(f.t.Context(), inventory.Filter{Limit: 500})
	f.must(err)
	return list
}

// An asset whose records people moved elsewhere keeps a history: what is said of it later was not so before.
func TestALabelOfAnAssetWithoutRecordsIsInItsHistory(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.read("cloud", server(1), server(2))
	word, err := f.MergeAssets(t.Context(), olga, "AST-1", "AST-2", "one machine")
	f.must(err)
	w, err := f.Show(t.Context(), "AST-1")
	f.must(err)
	own := slices.IndexFunc(w.Records, func(k inventory.Witness) bool { return !slices.Contains(word.Records, k.ID) })
	_, err = f.Split(t.Context(), olga, "AST-1", []string{w.Records[own].ID}, "the name moved")
	f.must(err)
	_, err = f.Undo(t.Context(), olga, word.ID)
	f.must(err)
	if w, err = f.Show(t.Context(), "AST-1"); err != nil || len(w.Records) != 0 || w.State == inventory.Folded {
		t.Fatalf("it has %d records and is %s, %v", len(w.Records), w.State, err)
	}
	before := f.clock.Now()
	f.clock.Add(time.Hour)
	_, err = f.SetLabels(t.Context(), olga, "AST-1", map[string]string{"role": "spare"}, "it stands in the cellar", "")
	f.must(err)
	list, err := f.History(t.Context(), w.ID, 0, 10)
	f.must(err)
	if len(list) == 0 || list[0].Path != "label.role" || list[0].After.Plain() != "spare" || list[0].Settled == "" {
		t.Errorf("its history is %+v", list)
	}
	was, err := f.AsOf(t.Context(), "AST-1", before)
	f.must(err)
	is, err := f.AsOf(t.Context(), "AST-1", f.clock.Now())
	f.must(err)
	if was.Label("role") != "" || is.Label("role") != "spare" {
		t.Errorf("its role was %q and is %q", was.Label("role"), is.Label("role"))
	}
	f.whole()
}
