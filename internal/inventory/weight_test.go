package inventory_test

import (
	"slices"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// weighs checks what a label of an asset counts as.
func (f *firm) weighs(asset, key, want, when string) {
	f.t.Helper()
	w, err := f.Show(f.t.Context(), asset)
	f.must(err)
	if got := w.Label(key); got != want {
		f.t.Errorf("%s %s of %s counts as %q, want %q", when, key, asset, got, want)
	}
}

func (f *firm) label(asset, key, value, change string) error {
	_, err := f.SetLabels(f.t.Context(), olga, asset, map[string]string{key: value}, "as it is", change)
	return err
}

// A change that is named beside a label is shown as where the label comes from: it must have been approved for just that, also where no
// change is needed at all.
func TestAChangeThatIsNamedWasApprovedForTheLabel(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.Wire(allowing{"owner": "ops"})
	f.read("cloud", server(1))
	for _, c := range []struct{ key, value, change, code string }{
		{"owner", "adam", "CHG-1", "effect_missing"},
		{"owner", "ops", "CHG-999999", "effect_missing"},
		{"environment", "test", "CHG-1", "effect_missing"},
		{"lifecycle", "in_service", "CHG-1", "effect_missing"},
		{"tier", "frontend", "CHG-1", "effect_missing"},
		{"owner", "ops", "CHG-1", ""},
		{"owner", "ops", "CHG-1", ""}, // said again
		{"owner", "adam", "", ""},
		{"lifecycle", "in_service", "", ""},
	} {
		if err := f.label("AST-1", c.key, c.value, c.change); c.code == "" && err != nil || c.code != "" && !fault.Is(err, c.code) {
			t.Errorf("%s=%s by %q: %v, want %q", c.key, c.value, c.change, err, c.code)
		}
	}
	f.whole()
}

// What nobody labelled counts as production; made one with a thing of development it still does, and so it does when what was split off comes back.
func TestWhatNobodyLabelledCountsNoLessAfterAMerge(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.read("cloud", server(1), server(2), server(3))
	f.read("hosts", host("web-3", "cloud-id", "hcloud:server:3"))
	for _, id := range []string{"AST-1", "AST-3"} {
		f.must(f.label(id, "environment", "dev", ""))
		f.must(f.label(id, "classification", "public", ""))
	}
	_, n := f.differences(0)
	word, err := f.MergeAssets(t.Context(), olga, "AST-1", "AST-2", "one machine with two records")
	f.must(err)
	f.weighs("AST-1", "environment", "prod", "after the merge")
	f.weighs("AST-1", "classification", "confidential", "after the merge")
	list, _ := f.differences(n)
	if !slices.ContainsFunc(list, func(s string) bool { return strings.Contains(s, "label.environment dev>") }) {
		t.Errorf("the history does not say that the label ended: %q", list)
	}
	_, err = f.Undo(t.Context(), olga, word.ID)
	f.must(err)
	f.weighs("AST-1", "environment", "prod", "after the merge was taken back")
	f.weighs("AST-2", "environment", "prod", "after the merge was taken back")

	word, err = f.MergeAssets(t.Context(), olga, "AST-2", "AST-3", "one machine")
	f.must(err)
	_, err = f.Undo(t.Context(), olga, word.ID)
	f.must(err)
	f.weighs("AST-3", "environment", "dev", "after it was merged and taken back")
	f.whole()
}

// What is split off production counts as production until an approved change says otherwise, whatever its own source says.
func TestWhatIsSplitOffCountsNoLess(t *testing.T) {
	t.Parallel()
	for _, labelled := range []bool{true, false} {
		f := found(t)
		thing := server(1)
		if labelled {
			thing.Labels = map[string]string{"environment": "prod", "classification": "critical"}
		}
		f.read("cloud", thing)
		said := host("web-1", "cloud-id", "hcloud:server:1")
		said.Labels = map[string]string{"environment": "dev", "classification": "public", "owner": "ops"}
		f.read("hosts", said)
		w, err := f.Show(t.Context(), "AST-1")
		f.must(err)
		i := slices.IndexFunc(w.Records, func(r inventory.Witness) bool { return r.Kind == "agent" })
		word, err := f.Split(t.Context(), olga, "AST-1", []string{w.Records[i].ID}, "another machine")
		f.must(err)
		class := map[bool]string{true: "critical", false: "confidential"}[labelled]
		f.weighs(string(word.Asset), "environment", "prod", "after the split")
		f.weighs(string(word.Asset), "classification", class, "after the split")
		f.weighs(string(word.Asset), "owner", "ops", "after the split")
		said.Attrs["os.name"] = inventory.Text("Ubuntu")
		f.read("hosts", said)
		f.weighs(string(word.Asset), "environment", "prod", "at the next reading")
		f.whole()
	}
}

// The tier keeps frontend and backend apart: where it stands in production it moves only by an approved change, also that of a part which is
// itself called development.
func TestATierInProductionMovesOnlyByAChange(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.Wire(allowing{"tier": "backend"})
	part, spare := server(2), server(3)
	part.Labels = map[string]string{"environment": "dev", "tier": "frontend"}
	spare.Labels = map[string]string{"environment": "dev", "tier": "frontend"}
	runs := server(1)
	runs.Edges = []inventory.Link{{Verb: "RUNS", To: inventory.Identifier{Kind: "cloud-id", Value: "hcloud:server:2"}}}
	f.read("cloud", runs, part, spare)
	f.must(f.label("AST-1", "tier", "frontend", "")) // nobody had said one
	for _, id := range []string{"AST-1", "AST-2"} {
		if err := f.label(id, "tier", "backend", ""); !fault.Is(err, "tier_by_change") {
			t.Errorf("the tier of %s moved: %v", id, err)
		}
		if err := f.label(id, "tier", "mgmt", "CHG-1"); !fault.Is(err, "effect_missing") {
			t.Errorf("the tier of %s moved by a change that is not about it: %v", id, err)
		}
		f.must(f.label(id, "tier", "frontend", ""))
		f.must(f.label(id, "tier", "backend", "CHG-1"))
	}
	f.must(f.label("AST-3", "tier", "backend", ""))
	f.whole()
}

// The class says which rules hold for a thing: that a source calls a firewall a team is judged as what it may be, somebody's way around them.
// A word that does not count raises nothing.
func TestAnotherClassIsADifferenceThatIsJudged(t *testing.T) {
	t.Parallel()
	f := found(t)
	thing := server(1)
	thing.Class = inventory.Firewall
	f.read("cloud", thing)
	said := host("web-1", "cloud-id", "hcloud:server:1")
	f.read("hosts", said)
	_, n := f.changed(0)
	thing.Class = "Team"
	f.read("cloud", thing)
	list, n := f.changed(n)
	if len(list) != 1 || list[0].Path != "class" || list[0].Kind != inventory.Security || list[0].Settled != "" {
		t.Errorf("another class is %+v", list)
	}
	said.Class = inventory.Device
	f.read("hosts", said)
	if list, _ := f.changed(n); len(list) != 1 || list[0].Settled == "" {
		t.Errorf("a class that does not count is %+v", list)
	}
}

// changed gives the differences since number n, and the last one's number.
func (f *firm) changed(after int64) (list []inventory.Difference, last int64) {
	f.t.Helper()
	f.must(f.db.View(f.t.Context(), func(tx *db.Tx) (err error) {
		list, err = inventory.Differences(tx, after, 1000)
		return err
	}))
	if last = after; len(list) > 0 {
		last = list[len(list)-1].N
	}
	return list, last
}
