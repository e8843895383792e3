package inventory_test

import (
	"slices"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// sized is the host of server(1) as it sees itself.
func sized(size string, more ...string) inventory.Record {
	r := host("web-1", "cloud-id", "hcloud:server:1")
	r.Attrs["size"] = inventory.Text(size)
	for i := 0; i+1 < len(more); i += 2 {
		r.Attrs[more[i]] = inventory.Text(more[i+1])
	}
	return r
}

func (f *firm) open() []inventory.Question {
	f.t.Helper()
	q, err := f.Questions(f.t.Context())
	f.must(err)
	return q
}

func (f *firm) value(path string) string {
	f.t.Helper()
	w, err := f.Show(f.t.Context(), "AST-1")
	f.must(err)
	return w.Properties[path].Value.Plain()
}

// Two sources that keep disagreeing are asked about; whoever answers says whose word counts, and nobody is silenced by it.
func TestPeopleSayWhoseWordCounts(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.read("cloud", server(1, "status", "on"))
	f.read("hosts", sized("cx52", "status", "off"))
	f.read("cloud", server(1, "status", "on"))
	f.read("hosts", sized("cx52", "status", "off"))
	if q := f.open(); len(q) != 0 {
		t.Fatalf("asked too early: %+v", q)
	}
	f.read("cloud", server(1, "status", "on"))
	q := f.open()
	if len(q) != 1 || q[0].Kind != "attribute_conflict" || q[0].Asset != "AST-000001" || q[0].Detail != "size: cx22 of cloud counts, hosts says cx52" {
		t.Fatalf("questions %+v", q)
	}
	if got := f.value("size"); got != "cx22" {
		t.Errorf("before anybody said, it is %s", got)
	}
	for source, want := range map[string]string{"hosts": "no_reason", "nobody": "not_a_party"} {
		reason := map[string]string{"nobody": "so it is"}[source]
		if _, err := f.Decide(t.Context(), olga, q[0].ID, inventory.Whose{Source: source, Reason: reason}); !fault.Is(err, want) {
			t.Errorf("by %s: %v, want %s", source, err, want)
		}
	}
	before := f.clock.Now()
	f.clock.Add(time.Minute)
	_, err := f.Decide(t.Context(), olga, q[0].ID, inventory.Whose{Source: "hosts", Reason: "it was resized by hand"})
	f.must(err)
	was, err := f.AsOf(t.Context(), "AST-1", before)
	f.must(err)
	if got := f.value("size") + " " + was.Properties["size"].Value.Plain(); got != "cx52 cx22" {
		t.Errorf("it is and was %s", got)
	}
	_, n := f.differences(0)
	f.read("cloud", server(1, "status", "on", "size", "cx32"))
	f.read("hosts", sized("cx62", "status", "off"))
	list, _ := f.differences(n)
	if want := []string{"update 1 size cx22>cx32", "update web-1 size cx52>cx62"}; !slices.Equal(list, want) {
		t.Errorf("differences %q, want %q", list, want)
	}
	for range 3 {
		f.read("cloud", server(1, "status", "on", "size", "cx32"))
		f.read("hosts", sized("cx62", "status", "off"))
	}
	if q := f.open(); len(q) != 0 || f.value("size") != "cx62" {
		t.Errorf("asked again: %+v; it is %s", q, f.value("size"))
	}
	f.whole()
}

// A disagreement that ends is asked no more, one that somebody left as it is stays so, and a source that is not read lately disagrees with nobody.
func TestWhatSourcesAgreeInIsNotAsked(t *testing.T) {
	t.Parallel()
	f := found(t)
	rounds := func(n int, size string) {
		for range n {
			f.read("cloud", server(1))
			f.read("hosts", sized(size))
		}
	}
	rounds(4, "cx52")
	if q := f.open(); len(q) != 1 {
		t.Fatalf("questions %+v", q)
	}
	rounds(1, "cx22")
	if q := f.open(); len(q) != 0 {
		t.Errorf("they agree, and it is asked: %+v", q)
	}
	rounds(1, "cx52")
	for range 5 { // the host is not heard any more
		f.read("cloud", server(1))
	}
	if q := f.open(); len(q) != 0 {
		t.Errorf("one is not read lately, and it is asked: %+v", q)
	}
	rounds(4, "cx52")
	q := f.open()
	if len(q) != 1 {
		t.Fatalf("they disagree again, and nobody is asked")
	}
	_, err := f.Answer(t.Context(), olga, q[0].ID)
	f.must(err)
	rounds(4, "cx72")
	if q := f.open(); len(q) != 0 || f.value("size") != "cx22" {
		t.Errorf("left as it is, and asked again: %+v; it is %s", q, f.value("size"))
	}
	f.whole()
}

// A reading that is stored as complete succeeded, also where its disagreements could not be asked about: the next one asks.
func TestAReadingStandsWhoseDisagreementsCannotBeAskedAbout(t *testing.T) {
	t.Parallel()
	f := found(t)
	for range 2 {
		f.read("cloud", server(1, "status", "on"))
		f.read("hosts", sized("cx52", "status", "off"))
	}
	raw := dbtest.Raw(t, f.cfg)
	for _, x := range []struct {
		change    string
		questions int
	}{{"ALTER TABLE inventory_dispute RENAME TO away", 0}, {"ALTER TABLE away RENAME TO inventory_dispute", 1}} {
		if _, err := raw.Exec(x.change); err != nil {
			t.Fatal(err)
		}
		if run := f.read("cloud", server(1, "status", "on")); !run.Complete || run.Ended == 0 {
			t.Errorf("run %+v, want it complete", run)
		}
		if q := f.open(); len(q) != x.questions {
			t.Errorf("after %s: questions %+v, want %d", x.change, q, x.questions)
		}
	}
}
