package inventory_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// Who removes a source frees nothing and makes nothing missing: what only it knew is silent, labels fall to their strictest, and the past
// stays as it was.
func TestARemovedSourceSpeaksNoMoreAndFreesNothing(t *testing.T) {
	t.Parallel()
	f := found(t)
	labelled := func(r inventory.Record, labels map[string]string) inventory.Record { r.Labels = labels; return r }
	f.read("cloud", labelled(server(1), map[string]string{"environment": "dev", "classification": "critical", "owner": "ops", "role": "web"}),
		labelled(server(2), map[string]string{"environment": "dev"}), labelled(server(3), map[string]string{"environment": "dev"}))
	f.read("hosts", labelled(host("web-2", "cloud-id", "hcloud:server:2"), map[string]string{"environment": "dev"}))
	before := f.clock.Now()
	f.clock.Add(time.Hour)
	_, n := f.differences(0)
	c, err := f.RemoveSource(t.Context(), olga, "cloud")
	f.must(err)
	if c.Removed == 0 {
		t.Errorf("it is %+v", c)
	}
	of := func(name string) inventory.Whole {
		w, err := f.Show(t.Context(), name)
		f.must(err)
		return w
	}
	one, two := of("web-1"), of("web-2")
	if one.State != inventory.Silent || two.State != inventory.Present || of("web-3").State != inventory.Silent {
		t.Errorf("they are %s, %s, %s", one.State, two.State, of("web-3").State)
	}
	if one.Label("environment") != "prod" || one.Label("classification") != "critical" || one.Label("owner") != "ops" || one.Label("role") != "web" {
		t.Errorf("what only it labelled is %+v", one.Labels)
	}
	if two.Label("environment") != "dev" {
		t.Errorf("what another source says too is %+v", two.Labels)
	}
	list, _ := f.differences(n)
	for _, d := range list {
		if !strings.HasPrefix(d, "update ") || !strings.Contains(d, "label.environment dev>") || !strings.Contains(d, "removed by a person") {
			t.Errorf("it raised %q", d)
		}
	}
	if len(list) != 2 {
		t.Errorf("it raised %q", list)
	}
	was, err := f.AsOf(t.Context(), "web-1", before)
	f.must(err)
	if was.State != inventory.Present || was.Label("environment") != "dev" || was.Properties["size"].Value.Plain() != "cx22" {
		t.Errorf("the past is %s %+v %+v", was.State, was.Labels, was.Properties)
	}
	if now, err := f.AsOf(t.Context(), "web-1", f.clock.Now()); err != nil || now.State != inventory.Silent {
		t.Errorf("now is %s, %v", now.State, err)
	}
	f.whole()
}

// A removed source is read, edited and named no more; its history answers by its name.
func TestARemovedSourceKeepsItsNameAndItsHistory(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.read("cloud", server(1))
	c, err := f.RemoveSource(t.Context(), olga, "cloud")
	f.must(err)
	refused := func(code string, err error) {
		t.Helper()
		if !fault.Is(err, code) {
			t.Errorf("want %s, got %v", code, err)
		}
	}
	_, err = f.Read(t.Context(), olga, "cloud", nil, "")
	refused("source_removed", err)
	_, err = f.EditSource(t.Context(), olga, c)
	refused("source_removed", err)
	_, err = f.RemoveSource(t.Context(), olga, "cloud")
	refused("source_removed", err)
	_, err = f.RemoveSource(t.Context(), olga, "nothing")
	refused("no_source", err)
	_, err = f.AddSource(t.Context(), olga, inventory.Configured{Name: "cloud", Kind: "hetzner", Settings: map[string]string{"world": "cloud"}})
	refused("source_name_taken", err)
	f.clock.Add(48 * time.Hour)
	due, err := f.Due(t.Context())
	f.must(err)
	healths, err := f.Healths(t.Context())
	f.must(err)
	if strings.Join(due, " ") != "hosts" || len(healths) != 1 {
		t.Errorf("due are %v, listed %d", due, len(healths))
	}
	kept, err := f.SourceOf(t.Context(), "cloud")
	f.must(err)
	runs, err := f.Runs(t.Context(), kept.ID, 10)
	f.must(err)
	if len(runs) != 1 || kept.Removed == 0 {
		t.Errorf("its history is %v", runs)
	}
	f.source("cloud2", "hetzner")
	f.read("cloud2", server(1))
	if w, err := f.Show(t.Context(), "web-1"); err != nil || w.State != inventory.Present || len(w.Records) != 2 || len(f.assets()) != 1 {
		t.Errorf("seen by another source it is %s, %d records, %v", w.State, len(w.Records), err)
	}
	f.whole()
}

// A large source is removed in steps, and where they are broken off, they go on later: nothing of it keeps speaking.
func TestARemovalThatIsBrokenOffGoesOn(t *testing.T) {
	t.Parallel()
	f := found(t)
	var many []inventory.Record
	for n := 1; n <= 450; n++ {
		many = append(many, server(n))
	}
	f.read("cloud", many...)
	speaking := func() (n int) {
		for _, a := range f.assets() {
			if a.State == inventory.Present {
				n++
			}
		}
		return n
	}
	ctx, cancel := context.WithCancel(t.Context())
	commits := 0
	f.db.OnCommit(func() {
		if commits++; commits == 2 { // it is removed, and silenced by one step
			cancel()
		}
	})
	if _, err := f.RemoveSource(ctx, olga, "cloud"); !errors.Is(err, context.Canceled) {
		t.Fatalf("it was not broken off: %v", err)
	}
	if n := speaking(); n != 250 {
		t.Errorf("after one step %d of 450 speak, want 250", n)
	}
	c, err := f.SourceOf(t.Context(), "cloud")
	f.must(err)
	if c.Removed == 0 {
		t.Error("a removal that was broken off is not one")
	}
	f.must(f.FinishRemovals(t.Context()))
	if n := speaking(); n != 0 {
		t.Errorf("%d assets still speak", n)
	}
	f.must(f.FinishRemovals(t.Context()))
	f.whole()
}

// A failed reading keeps the places that its source named.
func TestAFailedReadingSaysWhere(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.see["cloud"].broken = fault.New(fault.Invalid, "bad_record", "The table cannot be taken.").At("line 7", "has no name")
	run, err := f.Read(t.Context(), olga, "cloud", nil, "")
	if err == nil || run.Error != "The table cannot be taken. line 7: has no name." {
		t.Errorf("it says %q, %v", run.Error, err)
	}
}

// Who merges is told when the survivor is called otherwise from then on.
func TestAMergeSaysWhatTheSurvivorIsCalled(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.read("hosts", host("belief"))
	f.read("cloud", server(1))
	word, err := f.MergeAssets(t.Context(), olga, "belief", "web-1", "one machine")
	f.must(err)
	if w, err := f.Show(t.Context(), string(word.Asset)); err != nil || w.Name != "web-1" || word.Named != w.Name {
		t.Errorf("it is called %q, and the word says %q, %v", w.Name, word.Named, err)
	}
	f.whole()
}

// Whatever surface takes it: a token's document is read into the sources that the token names, and into no other.
func TestATokensDocumentIsReadOnlyWhereTheTokenIsBound(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.read("cloud", server(1))
	c, err := f.SourceOf(t.Context(), "cloud")
	f.must(err)
	robot := fault.Actor{Kind: fault.Service, Authn: fault.Token, Account: "acc_robot", Person: olga.Person, Sources: []string{"src_other"}}
	_, err = f.Read(t.Context(), robot, "cloud", strings.NewReader("a table"), "")
	f.refused(err, "source_not_bound")
	robot.Sources = append(robot.Sources, c.ID)
	_, err = f.Read(t.Context(), robot, "cloud", strings.NewReader("a table"), "")
	f.must(err)
}
