package inventory_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// then gives an asset as it was at an instant.
func (f *firm) then(id inventory.AssetID, at time.Time) inventory.Whole {
	f.t.Helper()
	w, err := f.AsOf(f.t.Context(), string(id), at)
	f.must(err)
	return w
}

// A merge and a split are words of today. What they joined is shown of an earlier time as it stood then, on both sides.
func TestThePastIsShownAsItStoodBeforeAMergeAndASplit(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.read("cloud", server(1, "size", "cx22"))
	h := host("a", "machine-id", "c0ffee")
	h.Attrs["role"] = inventory.Text("old")
	f.read("hosts", h)
	first := f.clock.Now()
	h.Attrs["role"] = inventory.Text("new")
	f.read("hosts", h)
	list := f.assets()
	cloud, agent := list[0].ID, list[1].ID
	apart := f.clock.Now()
	f.clock.Add(time.Hour)
	word, err := f.MergeAssets(t.Context(), olga, string(cloud), string(agent), "one machine")
	f.must(err)
	f.clock.Add(time.Hour)
	joined := f.clock.Now()
	f.read("cloud", server(1, "size", "cx32"))

	if w := f.then(cloud, apart); len(w.Records) != 1 || w.Properties["role"].Value != "" || w.Properties["size"].Value.Plain() != "cx22" {
		t.Errorf("before the merge it had %d records and %v", len(w.Records), w.Properties)
	}
	if w := f.then(agent, apart); w.State != inventory.Present || w.Merged != "" || len(w.Records) != 1 || w.Properties["role"].Value.Plain() != "new" {
		t.Errorf("before the merge the other was %s, %q, with %v", w.State, w.Merged, w.Properties)
	}
	if w := f.then(agent, first); w.Properties["role"].Value.Plain() != "old" {
		t.Errorf("at first the other had %v", w.Properties)
	}
	if w := f.then(cloud, joined); len(w.Records) != 2 || w.Properties["role"].Value.Plain() != "new" || w.Properties["size"].Value.Plain() != "cx22" {
		t.Errorf("after the merge it had %d records and %v", len(w.Records), w.Properties)
	}
	if w := f.then(agent, joined); w.State != inventory.Folded || w.Merged != cloud || len(w.Records) != 0 {
		t.Errorf("after the merge the other was %s into %q with %d records", w.State, w.Merged, len(w.Records))
	}
	f.clock.Add(time.Hour)
	_, err = f.Undo(t.Context(), olga, word.ID)
	f.must(err)
	if w := f.then(cloud, joined); len(w.Records) != 2 || w.Properties["role"].Value.Plain() != "new" {
		t.Errorf("taken back since, it had %d records and %v while they were one", len(w.Records), w.Properties)
	}
	if w := f.then(cloud, f.clock.Now()); len(w.Records) != 1 || w.Properties["size"].Value.Plain() != "cx32" {
		t.Errorf("now it has %d records and %v", len(w.Records), w.Properties)
	}
}

// What the history of an asset says of a label is what the past shows, with whose word it was.
func TestThePastShowsItsLabelsAndWhoseWordTheyWere(t *testing.T) {
	t.Parallel()
	f := found(t)
	tagged := server(1)
	tagged.Labels = map[string]string{"environment": "test", "classification": "internal"}
	f.read("cloud", tagged)
	id, tagTime := f.assets()[0].ID, f.clock.Now()
	f.clock.Add(time.Hour)
	_, err := f.SetLabels(t.Context(), olga, string(id), map[string]string{"classification": "confidential", "owner": "per_olga"}, "holds names", "")
	f.must(err)
	saidTime := f.clock.Now()
	f.clock.Add(time.Hour)
	_, err = f.SetLabels(t.Context(), olga, string(id), map[string]string{"classification": "critical"}, "holds keys", "")
	f.must(err)

	w := f.then(id, tagTime)
	if l := w.Labels["classification"]; l.Value != "internal" || l.Confidence != inventory.Derived || l.By != "" {
		t.Errorf("as tagged it was %+v", l)
	}
	if _, has := w.Labels["owner"]; has {
		t.Errorf("it had an owner before somebody gave it one: %+v", w.Labels)
	}
	w = f.then(id, saidTime)
	if l := w.Labels["classification"]; l.Value != "confidential" || l.Confidence != inventory.Asserted || l.By != olga.Person || l.At != saidTime.UnixMicro() {
		t.Errorf("as first said it was %+v", l)
	}
	if w.Labels["owner"].Value != "per_olga" || w.Labels["environment"].Value != "test" {
		t.Errorf("the others were %+v", w.Labels)
	}
}

// What a thing is, what it is called and what it is known by are no properties; an agent's silence declares nothing missing.
func TestThePastShowsWhatAThingWas(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.read("cloud", server(1))
	f.read("hosts", host("a", "machine-id", "c0ffee"))
	then := f.clock.Now()
	is := server(1)
	is.Class, is.Name, is.IDs = inventory.Device, "box", append(is.IDs, inventory.Identifier{Kind: "mac", Value: "02:00:00:00:00:01"})
	is.Edges = []inventory.Link{{Verb: "CONNECTS", To: inventory.Identifier{Kind: "machine-id", Value: "c0ffee"}}}
	f.read("cloud", is)
	list := f.assets()
	w := f.then(list[0].ID, then)
	if w.Class != inventory.Host || w.Name != "web-1" || len(w.Edges) != 0 || len(w.Records[0].IDs) != 1 {
		t.Errorf("it was a %s called %s with %d edges and %v", w.Class, w.Name, len(w.Edges), w.Records[0].IDs)
	}
	for path := range w.Properties {
		if slices.Contains([]string{"class", "name", "identifiers", "edges.CONNECTS"}, path) {
			t.Errorf("%s is shown as a property", path)
		}
	}
	if w := f.then(list[0].ID, f.clock.Now()); len(w.Edges) != 1 || w.Edges[0].Asset != list[1].ID {
		t.Errorf("now its edges are %+v", w.Edges)
	}
	if w := f.then(list[1].ID, f.clock.Now()); len(w.Edges) != 1 || !w.Edges[0].Inward {
		t.Errorf("now the other's edges are %+v", w.Edges)
	}
	if w := f.then(list[1].ID, then); len(w.Edges) != 0 {
		t.Errorf("the other's edges were %+v", w.Edges)
	}
}

// Whose word counted then is a question of which readings were fresh then, not of which are now.
func TestThePastIsTheWordThatCountedThen(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.read("cloud", server(1))
	h := host("web-1", "cloud-id", "hcloud:server:1")
	h.Attrs["size"] = inventory.Text("what the host believes")
	f.read("hosts", h)
	f.read("cloud", server(1))
	then := f.clock.Now()
	f.clock.Add(24 * time.Hour)
	f.read("hosts", h)
	id := f.assets()[0].ID
	now, err := f.Show(t.Context(), string(id))
	f.must(err)
	if got := now.Properties["size"].Value.Plain(); got != "what the host believes" {
		t.Errorf("now its size is %q", got)
	}
	if got := f.then(id, then).Properties["size"].Value.Plain(); got != "cx22" {
		t.Errorf("then its size was %q", got)
	}
}

// What was gone for a while is shown as gone in that while, also after it came back.
func TestThePastShowsThatAThingWasGone(t *testing.T) {
	t.Parallel()
	f := found(t)
	is := server(1)
	is.Volatile = map[string]inventory.Value{"uptime": inventory.Text("5")} // only that of now is kept
	f.read("cloud", is, server(2))
	id, there := f.assets()[0].ID, f.clock.Now()
	f.clock.Add(time.Hour)
	f.read("cloud", server(2))
	f.clock.Add(time.Hour)
	f.read("cloud", server(2))
	f.clock.Add(time.Minute)
	gone := f.clock.Now()
	f.clock.Add(time.Hour)
	f.read("cloud", server(2))
	f.clock.Add(time.Hour)
	f.read("cloud", is, server(2))
	for at, want := range map[time.Time]inventory.Presence{there: inventory.Present, gone: inventory.Missing, f.clock.Now(): inventory.Present} {
		if w := f.then(id, at); w.State != want || len(w.Records[0].Volatile) != 0 {
			t.Errorf("at %s it was %s with %v, want %s without it", at, w.State, w.Records[0].Volatile, want)
		}
	}
	if w := f.then("AST-2", there); w.State != inventory.Present {
		t.Errorf("the other was %s", w.State)
	}
}

// allowing is an approval that names what it allows.
type allowing map[string]string

func (a allowing) LabelApproved(_ *db.Tx, change string, _ inventory.Asset, label, value string) error {
	if a[label] == value && change == "CHG-1" {
		return nil
	}
	return fault.New(fault.Denied, "effect_missing", "Not approved.")
}

func (allowing) DraftRetirement(*db.Tx, inventory.AssetID, inventory.Seen, string, []string) (string, error) {
	return "", nil
}

// Retired is not deleted: it takes an approved change and a thing that nobody sees any more, keeps its history, and ends when it is seen again.
func TestAnAssetIsRetiredByAChangeAfterItIsGone(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.Wire(allowing{"lifecycle": inventory.Retired})
	f.read("cloud", server(1), server(2))
	id := string(f.assets()[0].ID)
	retire := func(change string) error {
		_, err := f.SetLabels(t.Context(), olga, id, map[string]string{"lifecycle": "retired"}, "decommissioned", change)
		return err
	}
	if err := retire("CHG-1"); !fault.Is(err, "still_there") {
		t.Errorf("retired while it is seen: %v", err)
	}
	f.read("cloud", server(2))
	f.read("cloud", server(2))
	gone := f.clock.Now()
	f.clock.Add(time.Hour)
	if err := retire(""); !fault.Is(err, "lifecycle_by_change") {
		t.Errorf("retired without a change: %v", err)
	}
	if err := retire("CHG-2"); !fault.Is(err, "effect_missing") {
		t.Errorf("retired by another change: %v", err)
	}
	f.must(retire("CHG-1"))
	list, err := f.Assets(context.Background(), inventory.Filter{State: "retired"})
	f.must(err)
	if len(list) != 1 || list[0].Labels["lifecycle"].Change != "CHG-1" {
		t.Fatalf("the retired ones are %+v", list)
	}
	if _, err := f.SetLabels(t.Context(), olga, id, map[string]string{"lifecycle": "in_service"}, "no", ""); !fault.Is(err, "lifecycle_by_change") {
		t.Errorf("put into service again without a change: %v", err)
	}
	if w := f.then(list[0].ID, gone); w.State != inventory.Missing {
		t.Errorf("before it was retired it was %s", w.State)
	}
	if w := f.then(list[0].ID, f.clock.Now()); w.State != inventory.Gone {
		t.Errorf("since it was retired it is %s", w.State)
	}
	history, err := f.History(t.Context(), list[0].ID, 0, 50)
	f.must(err)
	if len(history) != 3 {
		t.Errorf("its history is %+v", history)
	}
	f.read("cloud", server(1), server(2))
	if w, err := f.Show(t.Context(), id); err != nil || w.State != inventory.Present {
		t.Errorf("seen again it is %s, %v", w.State, err)
	}
	f.whole()
}

// A source that calls production development frees nothing, and is not passed over without a word.
func TestALabelThatDoesNotCountIsSaid(t *testing.T) {
	t.Parallel()
	f := found(t)
	tagged := func(env string) inventory.Record {
		r := server(1)
		r.Labels = map[string]string{"environment": env}
		return r
	}
	questions := func() []inventory.Question {
		q, err := f.Questions(t.Context())
		f.must(err)
		return q
	}
	f.read("cloud", tagged("prod"))
	f.read("cloud", tagged("dev"))
	q := questions()
	if len(q) != 1 || q[0].Kind != "source_conflict" || q[0].Detail != "environment: prod counts, cloud says dev" {
		t.Fatalf("questions %+v", q)
	}
	a := f.assets()[0]
	if len(a.Unheard) != 1 || a.Unheard[0].Label != "environment" || a.Unheard[0].Value != "dev" || a.Unheard[0].Stands != "prod" {
		t.Errorf("the asset says %+v", a.Unheard)
	}
	c, err := f.SourceOf(t.Context(), "cloud")
	f.must(err)
	h, err := f.HealthOf(t.Context(), c)
	f.must(err)
	if len(h.Questions) != 1 || h.Questions[0].ID != q[0].ID {
		t.Errorf("the source's health says %+v", h.Questions)
	}
	_, err = f.Answer(t.Context(), olga, q[0].ID)
	f.must(err)
	f.read("cloud", tagged("dev"))
	if q := questions(); len(q) != 0 {
		t.Errorf("what somebody answered was asked again: %+v", q)
	}
	f.read("cloud", tagged("test"))
	if q := questions(); len(q) != 1 || q[0].Detail != "environment: prod counts, cloud says test" {
		t.Errorf("another word was not asked about: %+v", q)
	}
	say := func(labels map[string]string) {
		_, err := f.SetLabels(t.Context(), olga, string(a.ID), labels, "as it is", "")
		f.must(err)
	}
	say(map[string]string{"owner": "ops"})
	if q := questions(); len(q) != 1 {
		t.Errorf("who owns it answers what it is: %+v", q)
	}
	say(map[string]string{"environment": "prod"})
	f.read("cloud", tagged("test"))
	if q := questions(); len(q) != 0 || len(f.assets()[0].Unheard) != 1 {
		t.Errorf("somebody said what is so, and it is still asked: %+v", q)
	}
	f.read("cloud", tagged("dev"))
	f.read("cloud", tagged("production"))
	if q := questions(); len(q) != 0 || len(f.assets()[0].Unheard) != 0 {
		t.Errorf("it was mended, and is still asked: %+v", q)
	}
	f.whole()
}

// The classes and verbs are those of the model, and a record of any other is refused.
func TestEveryClassAndVerbOfTheModelIsKnownAndNoOther(t *testing.T) {
	t.Parallel()
	const classes = "Account Organization Network Host Device HostAgent Workload Container Cluster Deployment Function Image Disk Backup Database DataStore Queue " +
		"Firewall Ruleset Gateway NetworkInterface IpAddress NetworkEndpoint Domain DomainZone DomainRecord Certificate Key Secret Vault CodeRepo CodeModule CodeDeploy " +
		"Application ApplicationEndpoint Service Configuration User UserGroup Person Team AccessRole AccessPolicy Directory PasswordPolicy Product Vendor Site Process " +
		"Finding Vulnerability Control Procedure Repository Package Snapshot GroupPolicy TimeSource Baseline PackageMirror IaCResource ChangeRequest CollectorRun"
	const verbs = "HAS CONTAINS RUNS USES CONNECTS ALLOWS DENIES PROTECTS MANAGES MONITORS SCANS OWNS ASSIGNED TRUSTS HOSTS DEFINES DEPLOYED PUBLISHED IMPLEMENTS ENFORCES " +
		"EVALUATES VIOLATES APPROVED REVIEWED PERFORMED LOGS IS INSTALLED DEPENDS_ON STORES PROCESSES SYNCS_TIME_FROM RESOLVES_TO BUILT_FROM SNAPSHOT_OF OBSERVED_AS " +
		"SAME_AS NOT_SAME_AS REPLACED_BY AUTHORIZES EXPLAINS"
	f := found(t)
	var all []inventory.Record
	for i, class := range strings.Fields(classes) {
		r := server(i + 1)
		r.Class = inventory.Class(class)
		all = append(all, r)
	}
	for _, verb := range strings.Fields(verbs) {
		all[0].Edges = append(all[0].Edges, inventory.Link{Verb: verb, To: inventory.ByRecord("hcloud_server", "2")})
	}
	f.read("cloud", all...)
	if got := len(f.assets()); got != len(all) || len(inventory.Classes()) != len(all) {
		t.Errorf("of %d classes %d are assets; %d are known", len(all), got, len(inventory.Classes()))
	}
	w, err := f.Show(t.Context(), string(f.assets()[0].ID))
	f.must(err)
	if n := len(strings.Fields(verbs)); len(w.Edges) != n || len(inventory.Verbs()) != n {
		t.Errorf("of %d verbs %d are relationships; %d are known", n, len(w.Edges), len(inventory.Verbs()))
	}
	for what, broken := range map[string]func(*inventory.Record){
		"a class":  func(r *inventory.Record) { r.Class = "Toaster" },
		"no class": func(r *inventory.Record) { r.Class = "" },
		"a verb": func(r *inventory.Record) {
			r.Edges = []inventory.Link{{Verb: "LIKES", To: inventory.ByRecord("hcloud_server", "2")}}
		},
	} {
		r := server(1)
		broken(&r)
		f.see["cloud"].records = []inventory.Record{r}
		run, err := f.Read(t.Context(), fault.SystemActor("discovery"), "cloud", nil, "")
		if !fault.Is(err, "bad_record") || run.Complete {
			t.Errorf("%s that the model does not have: %v, complete %v", what, err, run.Complete)
		}
	}
	if got := len(f.assets()); got != len(all) {
		t.Errorf("there are %d assets", got)
	}
}

// What a merge, and taking it back, does to labels is the word of who merged: it raises no question about production. No label becomes
// less strict by it.
func TestAMergeMovesLabelsByAPersonsWord(t *testing.T) {
	t.Parallel()
	f := found(t)
	one, two := server(1), server(2)
	one.Labels = map[string]string{"role": "queue", "environment": "prod"}
	two.Labels = map[string]string{"role": "ci", "environment": "test"}
	f.read("cloud", one, two)
	list := f.assets()
	_, n := f.differences(0)
	f.clock.Add(time.Hour)
	word, err := f.MergeAssets(t.Context(), olga, string(list[1].ID), string(list[0].ID), "one machine")
	f.must(err)
	f.clock.Add(time.Hour)
	_, err = f.Undo(t.Context(), olga, word.ID)
	f.must(err)
	moved := 0
	f.must(f.db.View(t.Context(), func(tx *db.Tx) error {
		later, err := inventory.Differences(tx, n, 100)
		for _, d := range later {
			if d.Path == "label.environment" {
				moved++
			}
			if d.Settled != "a person said what is one thing" {
				t.Errorf("%s %s: %s became %s, which nobody settled", d.Op, d.Path, d.Before, d.After)
			}
		}
		return err
	}))
	if moved != 1 {
		t.Errorf("the environment moved %d times in the history, want once: when the merge made it stricter", moved)
	}
	if w, err := f.Show(t.Context(), string(list[1].ID)); err != nil || w.Label("environment") != "prod" {
		t.Errorf("what was one with production is %s, %v", w.Label("environment"), err)
	}
	f.whole()
}
