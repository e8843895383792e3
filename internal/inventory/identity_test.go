package inventory_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// mergedAndSplit says that servers 1 and 2 are one, and splits one of them off again.
func mergedAndSplit(f *firm, native string) (merge, split inventory.IdentityWord) {
	f.t.Helper()
	f.read("cloud", server(1), server(2))
	merge, err := f.MergeAssets(f.t.Context(), olga, "AST-1", "AST-2", "one machine")
	f.must(err)
	f.clock.Add(time.Minute)
	split, err = f.Split(f.t.Context(), olga, "AST-1", []string{f.recordOf("AST-1", native)}, "two after all")
	f.must(err)
	f.clock.Add(time.Minute)
	return merge, split
}

func (f *firm) recordOf(asset, native string) string {
	f.t.Helper()
	w := f.show(asset)
	i := slices.IndexFunc(w.Records, func(k inventory.Witness) bool { return k.Native == native })
	if i < 0 {
		f.t.Fatalf("%s has no record of %s", asset, native)
	}
	return w.Records[i].ID
}

// standing is an asset as people see it: where its records are, and what it was merged into.
func standing(w inventory.Whole) string {
	var natives []string
	for _, k := range w.Records {
		natives = append(natives, k.Native)
	}
	slices.Sort(natives)
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", w.State, strings.Join(natives, "+"), w.Merged))
}

func (f *firm) stands(asset, want, when string) {
	f.t.Helper()
	if got := standing(f.show(asset)); got != want {
		f.t.Errorf("%s %s is %q, want %q", when, asset, got, want)
	}
}

func (f *firm) undo(words ...inventory.IdentityWord) {
	f.t.Helper()
	for _, w := range words {
		_, err := f.Undo(f.t.Context(), olga, w.ID)
		f.must(err)
		f.clock.Add(time.Minute)
	}
}

func TestAMergeAndASplitAreTakenBackInAnyOrder(t *testing.T) {
	t.Parallel()
	for _, native := range []string{"1", "2"} {
		f := found(t)
		merge, split := mergedAndSplit(f, native)
		f.undo(merge, split)
		f.stands("AST-1", "present 1", "the merge first:")
		f.stands("AST-2", "present 2", "the merge first:")
		f.stands("AST-3", "merged  AST-00000"+native, "the merge first:")
		f.whole()

		f = found(t)
		merge, split = mergedAndSplit(f, native)
		f.undo(split, merge)
		f.stands("AST-1", "present 1", "the split first:")
		f.stands("AST-2", "present 2", "the split first:")
		f.whole()
	}
}

// What a split says stands while nobody takes the split back, whatever becomes of the merge before it.
func TestTakingAMergeBackLeavesASplitAsItIs(t *testing.T) {
	t.Parallel()
	f := found(t)
	merge, _ := mergedAndSplit(f, "2")
	_, err := f.SetLabels(t.Context(), olga, "AST-3", map[string]string{"environment": "prod"}, "it is", "")
	f.must(err)
	f.undo(merge)
	f.stands("AST-1", "present 1", "after the merge was taken back")
	f.stands("AST-2", "silent", "after the merge was taken back")
	f.stands("AST-3", "present 2", "after the merge was taken back")
	f.whole()
}

func TestTakingBackTheFirstOfTwoMergesTakesItsRecordsOutOfBoth(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.read("cloud", server(1), server(2), server(3))
	first, err := f.MergeAssets(t.Context(), olga, "AST-1", "AST-2", "one machine")
	f.must(err)
	_, err = f.MergeAssets(t.Context(), olga, "AST-3", "AST-1", "and a third")
	f.must(err)
	f.undo(first)
	f.stands("AST-1", "merged  AST-000003", "after the first merge was taken back")
	f.stands("AST-2", "present 2", "after the first merge was taken back")
	f.stands("AST-3", "present 1+3", "after the first merge was taken back")
	f.whole()
}

// The environment that somebody gave to what was split off counts where its records return to.
func TestNoLabelIsLoosenedByTakingBackAMergeBeforeASplit(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.read("cloud", server(1), server(2))
	_, err := f.SetLabels(t.Context(), olga, "AST-2", map[string]string{"environment": "dev"}, "it was", "")
	f.must(err)
	merge, err := f.MergeAssets(t.Context(), olga, "AST-1", "AST-2", "one machine")
	f.must(err)
	split, err := f.Split(t.Context(), olga, "AST-1", []string{f.recordOf("AST-1", "2")}, "two after all")
	f.must(err)
	_, err = f.SetLabels(t.Context(), olga, "AST-3", map[string]string{"classification": "critical"}, "it holds keys", "")
	f.must(err)
	f.undo(merge, split)
	if got := f.show("AST-2").Label(inventory.LabelClassification); got != "critical" {
		t.Errorf("its classification is %q, want critical", got)
	}
	f.whole()
}

func TestWhatWasMergedThenIsShownMergedAfterTheMergeWasTakenBack(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.read("cloud", server(1), server(2))
	merge, err := f.MergeAssets(t.Context(), olga, "AST-1", "AST-2", "one machine")
	f.must(err)
	f.clock.Add(time.Minute)
	then := f.clock.Now()
	f.clock.Add(time.Minute)
	f.undo(merge)
	w, err := f.AsOf(t.Context(), "AST-2", then)
	f.must(err)
	if got := standing(w); got != "merged  AST-000001" {
		t.Errorf("it was %q then, want merged into AST-000001", got)
	}
	f.whole()
}

// Whatever people say and take back: at the end all is as it began, and every moment in between is shown as it was.
func TestAnyMergesAndSplitsAreTakenBackAndTheirPastIsKept(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		f := found(t)
		dice := rand.New(rand.NewPCG(seed, 1))
		f.read("cloud", server(1), server(2), server(3))
		var story []string
		var open []inventory.IdentityWord
		type moment struct {
			at   time.Time
			seen map[inventory.AssetID]string
		}
		var past []moment
		look := func() {
			f.clock.Add(time.Minute)
			m := moment{f.clock.Now(), map[inventory.AssetID]string{}}
			for _, a := range f.every() {
				m.seen[a.ID] = standing(f.show(string(a.ID)))
			}
			past = append(past, m)
			f.clock.Add(time.Minute)
		}
		takeBack := func() {
			i := dice.IntN(len(open))
			_, err := f.Undo(t.Context(), olga, open[i].ID)
			f.must(err)
			story, open = append(story, "undo "+open[i].Verb+" "+string(open[i].Asset)), slices.Delete(open, i, i+1)
			look()
		}
		look()
		for range 10 {
			all := f.every()
			a, b := all[dice.IntN(len(all))], all[dice.IntN(len(all))]
			var word inventory.IdentityWord
			var err error
			switch own := f.show(string(a.ID)).Records; {
			case dice.IntN(3) == 0 && len(open) > 0:
				takeBack()
				continue
			case len(own) > 1 && dice.IntN(2) == 0:
				word, err = f.Split(t.Context(), olga, string(a.ID), []string{own[dice.IntN(len(own))].ID}, "apart")
			default:
				word, err = f.MergeAssets(t.Context(), olga, string(a.ID), string(b.ID), "together")
			}
			if fault.Is(err, "not_one_thing") {
				continue
			}
			f.must(err)
			story, open = append(story, fmt.Sprintf("%s %s %s", word.Verb, word.Asset, word.Other)), append(open, word)
			look()
		}
		for len(open) > 0 {
			takeBack()
		}
		for n := 1; n <= 3; n++ {
			f.stands(fmt.Sprintf("AST-%d", n), fmt.Sprintf("present %d", n), fmt.Sprintf("after %q", story))
		}
		for i, m := range past {
			for id, want := range m.seen {
				w, err := f.AsOf(t.Context(), string(id), m.at)
				f.must(err)
				if got := standing(w); got != want {
					t.Errorf("after step %d of %q %s was %q, and is shown as %q", i, story, id, want, got)
				}
			}
		}
		f.whole()
	}
}

// every lists the assets, also those that were merged into others.
func (f *firm) every() []inventory.Asset {
	f.t.Helper()
	list, err := f.Assets(f.t.Context(), inventory.Filter{State: "all", Limit: 500})
	f.must(err)
	return list
}

// Who merges the two has said what they are.
func TestAMergeAnswersWhetherTwoThingsAreOne(t *testing.T) {
	t.Parallel()
	for name, merges := range map[string][][2]string{
		"the one into the other":  {{"AST-1", "AST-2"}},
		"the other into the one":  {{"AST-2", "AST-1"}},
		"both into a third thing": {{"AST-3", "AST-1"}, {"AST-3", "AST-2"}},
	} {
		f := found(t)
		f.read("cloud", cloudServer(1, "web"))
		f.read("hosts", onServer("agt_1", 1, "web", "aaa"))
		f.read("hosts", onServer("agt_1", 1, "web", "aaa"), onServer("agt_2", 1, "web", "bbb"))
		f.read("cloud", cloudServer(1, "web"), cloudServer(9, "other"))
		if q := f.asked(); len(q) != 1 {
			t.Fatalf("asked %q", q)
		}
		for _, m := range merges {
			_, err := f.MergeAssets(t.Context(), olga, m[0], m[1], "one machine")
			f.must(err)
		}
		if q := f.asked(); len(q) != 0 {
			t.Errorf("%s: still asked %q", name, q)
		}
		f.whole()
	}
}

// An agent that was ended has no key that anybody shares, whatever its host was merged into since.
func TestTheEndOfAnAgentAnswersWhoHasItsKey(t *testing.T) {
	t.Parallel()
	for _, merged := range []bool{false, true} {
		f := found(t)
		f.read("hosts", host("agt_1", "agent-key", "k1"), host("agt_2", "agent-key", "k2"))
		doubt := []inventory.Doubt{{Source: "hosts", Scope: "agent/agt_1", Type: "plumb_host", Native: "agt_1", Kind: "key_shared", Detail: "two machines"}}
		f.must(f.Raise(t.Context(), olga, doubt))
		if merged {
			_, err := f.MergeAssets(t.Context(), olga, "AST-2", "AST-1", "one machine")
			f.must(err)
			f.must(f.Raise(t.Context(), olga, doubt))
		}
		if q := f.asked(); len(q) != 1 {
			t.Fatalf("asked %q", q)
		}
		f.see["hosts"].scopes = []string{"agent/agt_1"}
		f.read("hosts")
		f.read("hosts")
		if q := f.asked(); len(q) != 0 {
			t.Errorf("still asked %q", q)
		}
		f.whole()
	}
}

func TestALabelOfWhatIsMergedAwayIsRefusedAndNamesWhereItIs(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.read("cloud", server(1), server(2), server(3))
	for _, m := range [][2]string{{"AST-2", "AST-1"}, {"AST-3", "AST-2"}} {
		_, err := f.MergeAssets(t.Context(), olga, m[0], m[1], "one machine")
		f.must(err)
	}
	_, err := f.SetLabels(t.Context(), olga, "AST-1", map[string]string{"environment": "dev"}, "a test system", "")
	if !fault.Is(err, "merged_away") || !strings.Contains(fault.Of(err).Message, "AST-000003") {
		t.Errorf("a label of what is merged away: %v", err)
	}
	f.whole()
}
