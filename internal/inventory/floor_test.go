package inventory_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// store is a thing that holds data, of the class that its tag says.
func store(name, class string, edges ...inventory.Link) inventory.Record {
	r := inventory.Record{Scope: "project", Type: "database", Class: "Database", Native: name, Name: name, Edges: edges}
	if class != "" {
		r.Labels = map[string]string{"environment": "prod", "owner": "ops", "classification": class}
	}
	return r
}

func to(verb, name string) inventory.Link {
	return inventory.Link{Verb: verb, To: inventory.ByRecord("database", name)}
}

// counts says what the classification of each asset is, with where it comes from: name=value<data.
func (f *firm) counts() string {
	f.t.Helper()
	var out []string
	names := map[inventory.AssetID]string{}
	for _, a := range f.assets() {
		names[a.ID] = a.Name
	}
	for _, a := range f.assets() {
		text := a.Name + "=" + a.Label(inventory.LabelClassification)
		if a.Floor.Value != "" {
			text += "<" + names[a.Floor.From]
		}
		if got := a.Effective()[inventory.LabelClassification]; got != a.Label(inventory.LabelClassification) && a.Given(inventory.LabelClassification) != "" {
			text += " but judged as " + got
		}
		out = append(out, text)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func (f *firm) want(what string) {
	f.t.Helper()
	if got := f.counts(); got != what {
		f.t.Errorf("it counts as\n%s, want\n%s", got, what)
	}
}

// Policy: the classification of a thing is not lower than the highest class of data that it stores or processes.
func TestAThingCountsAtLeastAsTheDataInIt(t *testing.T) {
	t.Parallel()
	f := found(t)
	// The data comes after what has it, and through a thing in between.
	f.read("cloud", store("shop", "public", to("USES", "cards")), store("billing", "internal", to("PROCESSES", "disk")), store("disk", "public", to("HAS", "cards")))
	f.want("billing=internal disk=public shop=public")
	before := f.clock.Now()
	f.read("cloud", store("shop", "public", to("USES", "cards")), store("billing", "internal", to("PROCESSES", "disk")), store("disk", "public", to("HAS", "cards")),
		store("cards", "critical"))
	f.want("billing=critical<disk cards=critical disk=critical<cards shop=public")
	list, err := f.Assets(t.Context(), inventory.Filter{Classification: "critical"})
	f.must(err)
	if len(list) != 3 {
		t.Errorf("a list of what is critical has %d", len(list))
	}
	was, err := f.AsOf(t.Context(), "billing", before)
	f.must(err)
	is, err := f.AsOf(t.Context(), "billing", f.clock.Now())
	f.must(err)
	if got := was.Label(inventory.LabelClassification); got != "internal" || is.Label(inventory.LabelClassification) != "critical" || is.Floor.From != "AST-000003" || is.Floor.Verb != "PROCESSES" {
		t.Errorf("it was %s, and is %+v", got, is.Floor)
	}
	f.whole()
}

// A relationship that begins is as good as data that appears; one that ends frees nothing, and neither does data that is gone.
func TestAFloorRisesByItselfAndNeverFalls(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.see["cloud"].scopes = []string{"project"}
	f.read("cloud", store("app", "internal"), store("cards", "critical"))
	f.want("app=internal cards=critical")
	f.read("cloud", store("app", "internal", to("STORES", "cards")), store("cards", "critical"))
	f.want("app=critical<cards cards=critical")
	for range 3 {
		f.read("cloud", store("app", "internal"))
	}
	f.want("app=critical<cards cards=critical")

	// Who labels it anew answers for it: it has no such data any more, and less takes an approved change.
	set := func(value, change string) error {
		_, err := f.SetLabels(t.Context(), olga, "app", map[string]string{"classification": value}, "as it is", change)
		return err
	}
	if err := set("internal", ""); !fault.Is(err, "label_loosened") {
		t.Errorf("a floor is freed without a change: %v", err)
	}
	f.must(set("critical", ""))
	f.want("app=critical cards=critical")
	was, err := f.AsOf(t.Context(), "app", f.clock.Now().Add(-time.Minute))
	f.must(err)
	if got := was.Label(inventory.LabelClassification); got != "critical" {
		t.Errorf("a minute ago it was %s", got)
	}
	f.whole()
}

func TestAClassificationBelowTheDataIsRefused(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.read("cloud", store("app", "", to("STORES", "cards")), store("cards", "critical"), store("lake", "public", to("STORES", "raw")), store("raw", ""))
	f.want("app=critical<cards cards=critical lake=confidential<raw raw=confidential")
	for asset, value := range map[string]string{"app": "confidential", "lake": "internal"} {
		_, err := f.SetLabels(t.Context(), olga, asset, map[string]string{"classification": value}, "as it is", "")
		if !fault.Is(err, "below_its_data") {
			t.Errorf("%s as %s: %v", asset, value, err)
		}
	}
	_, err := f.SetLabels(t.Context(), olga, "raw", map[string]string{"classification": "critical"}, "it holds cards", "")
	f.must(err)
	f.want("app=critical<cards cards=critical lake=critical<raw raw=critical")
	f.whole()
}

// A part of which nobody says that it holds data, such as an address, lifts nothing; nor does what was found out about a thing.
func TestWhatHoldsNoDataLiftsNothing(t *testing.T) {
	t.Parallel()
	f := found(t)
	hole := store("CVE-1", "critical")
	hole.Class = inventory.Vulnerability
	f.read("cloud", store("app", "public", to("HAS", "port"), to("HAS", "CVE-1"), to("HAS", "app")), store("port", ""), hole)
	f.want("CVE-1=critical app=public port=confidential")
	f.whole()
}

func TestDataThatGoesRoundInACircleEnds(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.read("cloud", store("a", "public", to("HAS", "b")), store("b", "internal", to("STORES", "c")), store("c", "public", to("PROCESSES", "a"), to("HAS", "d")))
	f.want("a=internal<b b=internal c=internal<a")
	f.read("cloud", store("a", "public", to("HAS", "b")), store("b", "internal", to("STORES", "c")), store("c", "public", to("PROCESSES", "a"), to("HAS", "d")),
		store("d", "critical"))
	f.want("a=critical<b b=critical<c c=critical<d d=critical")
	f.whole()
}

// Who says what is one thing does not say by it that it holds less.
func TestAMergeTakesTheFloorAlong(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.read("cloud", store("app", "internal", to("STORES", "cards")), store("cards", "critical"), store("copy", "internal"), store("user", "public", to("PROCESSES", "copy")))
	f.want("app=critical<cards cards=critical copy=internal user=internal<copy")
	word, err := f.MergeAssets(t.Context(), olga, "copy", "app", "one thing")
	f.must(err)
	a, err := f.Show(t.Context(), string(word.Asset))
	f.must(err)
	u, err := f.Show(t.Context(), "user")
	f.must(err)
	if got := a.Label(inventory.LabelClassification) + " " + u.Label(inventory.LabelClassification); got != "critical critical" {
		t.Errorf("after the merge it is %s", got)
	}
	split, err := f.Split(t.Context(), olga, string(word.Asset), []string{word.Records[0]}, "two after all")
	f.must(err)
	for _, id := range []inventory.AssetID{split.Asset, word.Asset} {
		if a, err := f.Show(t.Context(), string(id)); err != nil || a.Label(inventory.LabelClassification) != "critical" {
			t.Errorf("after the split %s is %+v, %v", id, a.Floor, err)
		}
	}
	f.whole()
}

// What is read again unchanged costs nothing, however much hangs together.
func TestNothingIsLiftedTwice(t *testing.T) {
	t.Parallel()
	f := found(t)
	things := []inventory.Record{store("app", "internal", to("STORES", "cards")), store("cards", "critical")}
	f.read("cloud", things...)
	_, n := f.differences(0)
	for range 3 {
		f.read("cloud", things...)
	}
	things[0].Attrs = map[string]inventory.Value{"size": inventory.Text("large")}
	f.read("cloud", things...)
	if list, _ := f.differences(n); len(list) != 1 {
		t.Errorf("differences %q", list)
	}
	f.whole()
}

// What many have is taken on in steps, so that others write in between. A stop in the middle forgets nothing: the next reading goes on, or the
// server when it starts; what rises again meanwhile is gone through anew.
func TestManyHoldersRiseInSteps(t *testing.T) {
	t.Parallel()
	const many = 230
	for name, goOn := range map[string]func(f *firm){
		"a reading": func(f *firm) { f.read("hosts") },
		"a start":   func(f *firm) { f.must(f.FinishRises(f.t.Context())) },
		"another rise": func(f *firm) {
			_, err := f.SetLabels(f.t.Context(), olga, "cards", map[string]string{"classification": "critical"}, "numbers of cards", "")
			f.must(err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := found(t)
			things := []inventory.Record{store("cards", "internal"), store("copy", "public", to("STORES", "app-7"))}
			for i := range many {
				things = append(things, store(fmt.Sprintf("app-%d", i), "internal", to("STORES", "cards")))
			}
			f.read("cloud", things...)
			rose := func() (n int) {
				for _, a := range f.assets() {
					if a.Floor.Value != "" && a.Name != "copy" && a.Name != "cards" {
						n++
					}
				}
				return n
			}
			if n := rose(); n != 0 {
				t.Fatalf("%d rose before anything did", n)
			}
			ctx, cancel := context.WithCancel(t.Context())
			commits := 0
			f.db.OnCommit(func() {
				if commits++; commits == 2 { // the label, and one step
					cancel()
				}
			})
			_, err := f.SetLabels(ctx, olga, "cards", map[string]string{"classification": "confidential"}, "names of customers", "")
			f.must(err)
			if n := rose(); n != 50 {
				t.Errorf("after one step %d of %d rose, want 50", n, many)
			}
			f.whole()
			goOn(f)
			want := map[bool]string{true: "critical", false: "confidential"}[name == "another rise"]
			for _, a := range f.assets() {
				if got := a.Label(inventory.LabelClassification); got != want {
					t.Errorf("%s counts as %s, want %s", a.Name, got, want)
				}
			}
			_, n := f.differences(0)
			f.must(f.FinishRises(t.Context()))
			f.read("cloud", things...)
			if list, _ := f.differences(n); name != "another rise" && len(list) > 0 {
				t.Errorf("it is gone through again: %q", list)
			}
			f.whole()
		})
	}
}
