package inventory_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/blob"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/seal"
)

// world is what a made-up source sees: the test writes it, the inventory reads it.
type world struct {
	records []inventory.Record
	scopes  []string
	broken  error                                           // after the records
	cracked bool                                            // it panics there
	look    func(inventory.Record) (inventory.Sight, error) // nil: it can be asked for nothing by itself
	asks    int                                             // how often it was asked
	asking  func(raw []byte) bool                           // Input.Known
	skips   bool                                            // it asks, and leaves out what is known
	skipped int                                             // how much that was
	newer   func(scope string, edition int64) error         // Input.Newer
	edition int64                                           // of its document, in its first scope; 0 for none
}

func (w *world) Scopes() []string { return w.scopes }

func (w *world) Collect(_ context.Context, emit func(inventory.Record) error) error {
	if w.edition > 0 {
		if err := w.newer("project", w.edition); err != nil {
			return err
		}
	}
	for _, r := range w.records {
		if raw := fmt.Append(nil, r.Native, r.Attrs); w.skips {
			if w.asking(raw) {
				w.skipped++
				continue
			}
			r.Raw = inventory.RawDigest(inventory.Kind{Mapper: 1}, raw)
		}
		if err := emit(r); err != nil {
			return err
		}
	}
	if w.cracked {
		panic("an index out of range, say")
	}
	return w.broken
}

type everybody struct{}

func (everybody) ConfirmIn(*db.Tx, fault.Actor) error { return nil }

type noSecrets struct{}

func (noSecrets) Secret(string) (string, error) { return "", errors.New("none") }

// firm is a real database with an inventory and sources of two kinds.
type firm struct {
	*inventory.Desk
	t     testing.TB
	cfg   db.Config
	db    *db.DB
	log   *ledger.Log
	clock *dbtest.Clock
	see   map[string]*world
}

var olga = fault.Actor{Person: "per_olga", Account: "acc_olga", Kind: fault.Human, Authn: fault.Session, Source: "api"}

func found(t testing.TB) *firm {
	t.Helper()
	f := &firm{t: t, clock: dbtest.NewClock(), see: map[string]*world{}}
	f.cfg = dbtest.Config(t)
	f.cfg.Clock = f.clock.Now
	f.db = dbtest.OpenConfig(t, f.cfg)
	key, err := seal.NewKey()
	f.must(err)
	f.log, err = ledger.Open(t.Context(), f.db, key, "plumbline.example/test", nil)
	f.must(err)
	blobs, err := blob.Open(t.TempDir())
	f.must(err)
	t.Cleanup(func() { _ = blobs.Close() })
	kind := func(name string, absence bool) inventory.Kind {
		return inventory.Kind{Name: name, Title: name, Mapper: 1, Absence: absence, Every: time.Hour,
			Settings: []inventory.Setting{{Key: "world", Help: "which world"}},
			Rules: []inventory.AttrRule{{Type: "*", Path: "firewall.*", Kind: inventory.Security},
				{Type: "*", Path: "status", Kind: inventory.State}},
			Open: func(in inventory.Input) (inventory.Source, error) {
				w := f.see[in.Settings["world"]]
				w.asking, w.newer = in.Known, in.Newer
				return w, nil
			}}
	}
	f.Desk = inventory.New(inventory.Deps{DB: f.db, People: everybody{}, Roster: directory.New(f.db, bytes.Repeat([]byte{7}, 32)), Blobs: blobs, Secrets: noSecrets{},
		Mask:  func(s string) inventory.Value { return inventory.Text("hmac:" + seal.Keyed([]byte("k"), s)) },
		Kinds: []inventory.Kind{kind("hetzner", true), kind("agent", false), kind("csv", true)}})
	f.source("cloud", "hetzner")
	f.source("hosts", "agent")
	return f
}

func (f *firm) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *firm) source(name, kind string) {
	f.t.Helper()
	f.see[name] = &world{}
	_, err := f.AddSource(f.t.Context(), olga, inventory.Configured{Name: name, Kind: kind, Settings: map[string]string{"world": name}})
	f.must(err)
}

// read reads a source an hour later.
func (f *firm) read(name string, records ...inventory.Record) inventory.Run {
	f.t.Helper()
	f.clock.Add(time.Hour)
	f.see[name].records = records
	run, err := f.Read(f.t.Context(), fault.SystemActor("discovery"), name, nil, "")
	f.must(err)
	return run
}

func server(n int, attrs ...string) inventory.Record {
	r := inventory.Record{Scope: "project", Type: "hcloud_server", Class: inventory.Host, Native: fmt.Sprint(n), Name: fmt.Sprintf("web-%d", n),
		Attrs: map[string]inventory.Value{"size": inventory.Text("cx22"), "cores": inventory.Number(2)},
		IDs:   []inventory.Identifier{{Kind: "cloud-id", Value: fmt.Sprintf("hcloud:server:%d", n)}}}
	for i := 0; i+1 < len(attrs); i += 2 {
		r.Attrs[attrs[i]] = inventory.Text(attrs[i+1])
	}
	return r
}

func host(name string, ids ...string) inventory.Record {
	r := inventory.Record{Scope: "agent/" + name, Type: "plumb_host", Class: inventory.Host, Native: name, Name: name,
		Attrs: map[string]inventory.Value{"os.name": inventory.Text("Debian")}}
	for i := 0; i+1 < len(ids); i += 2 {
		r.IDs = append(r.IDs, inventory.Identifier{Kind: ids[i], Value: ids[i+1]})
	}
	return r
}

// differences gives what was found since number n, as words.
func (f *firm) differences(after int64) (out []string, last int64) {
	f.t.Helper()
	f.must(f.db.View(f.t.Context(), func(tx *db.Tx) error {
		list, err := inventory.Differences(tx, after, 1000)
		for _, d := range list {
			out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s %s>%s %s", d.Op, d.Native, d.Path, d.Before.Plain(), d.After.Plain(), d.Settled)))
			last = d.N
		}
		return err
	}))
	return out, max(last, after)
}

func (f *firm) whole() {
	f.t.Helper()
	_, err := f.log.Integrate(f.t.Context())
	f.must(err)
	report, err := ledger.Verify(f.t.Context(), f.db, f.log.VerifierKey())
	f.must(err)
	if len(report.Faults) > 0 {
		f.t.Errorf("the ledger is not whole: %v", report.Faults)
	}
}

func TestAThingThatIsSeenAgainUnchangedLeavesNoTrace(t *testing.T) {
	t.Parallel()
	f := found(t)
	first := f.read("cloud", server(1), server(2))
	if first.Records != 2 || first.Added != 2 || first.Differences != 2 || !first.Complete {
		t.Errorf("the first reading is %+v", first)
	}
	_, n := f.differences(0)
	for range 5 {
		run := f.read("cloud", server(2), server(1))
		if run.Changed+run.Added+run.Differences+run.Absent != 0 || run.Root != first.Root || run.Document != "" {
			t.Errorf("a reading of the same is %+v", run)
		}
	}
	if list, _ := f.differences(n); len(list) > 0 {
		t.Errorf("differences of nothing: %q", list)
	}
	f.whole()
}

func TestEveryDifferenceIsKeptWithTheTimeInWhichItHappened(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.read("cloud", server(1), server(2))
	confirmed := f.clock.Now()
	f.read("cloud", server(1), server(2, "size", "cx52", "status", "off"))
	var got []inventory.Difference
	f.must(f.db.View(t.Context(), func(tx *db.Tx) (err error) {
		got, err = inventory.Differences(tx, 2, 10)
		return err
	}))
	if len(got) != 2 || got[0].Path != "size" || got[0].Kind != inventory.Config || got[1].Kind != inventory.State {
		t.Fatalf("differences %+v", got)
	}
	if got[0].Earliest != confirmed.UnixMicro() || got[0].Latest != f.clock.Now().UnixMicro() {
		t.Errorf("it happened between %d and %d", got[0].Earliest, got[0].Latest)
	}
	was, err := f.AsOf(t.Context(), "web-2", confirmed)
	f.must(err)
	is, err := f.Show(t.Context(), "web-2")
	f.must(err)
	if was.Properties["size"].Value.Plain() != "cx22" || is.Properties["size"].Value.Plain() != "cx52" || was.Properties["status"].Value != "" {
		t.Errorf("it was %v and is %v", was.Properties, is.Properties)
	}
	if _, err := f.AsOf(t.Context(), "web-2", f.clock.Now().Add(time.Hour)); !fault.Is(err, "time_to_come") {
		t.Errorf("as of a time to come: %v, want a refusal", err)
	}
	if _, err := f.AsOf(t.Context(), "web-2", confirmed.Add(-time.Minute)); !fault.Is(err, "not_seen_yet") {
		t.Errorf("before it was seen: %v", err)
	}
	f.whole()
}

func TestASourceThatStopsHalfWayDeletesNothing(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.read("cloud", server(1), server(2), server(3))
	f.see["cloud"].broken = errors.New("connection reset")
	for range 4 {
		f.clock.Add(time.Hour)
		f.see["cloud"].records = []inventory.Record{server(1)}
		run, err := f.Read(t.Context(), fault.SystemActor("discovery"), "cloud", nil, "")
		if err == nil || run.Complete || run.Absent != 0 {
			t.Fatalf("a torn reading is %+v, %v", run, err)
		}
	}
	for _, a := range f.assets() {
		if a.State != inventory.Present {
			t.Errorf("%s is %s", a.Name, a.State)
		}
	}
	f.whole()
}

func TestOnlyCompleteReadingsMakeAThingMissing(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.see["cloud"].scopes = []string{"project"}
	f.read("cloud", server(1), server(2))
	_, n := f.differences(0)
	f.read("cloud", server(1))
	if list, _ := f.differences(n); len(list) != 0 {
		t.Errorf("missed once: %q", list)
	}
	f.read("cloud", server(1))
	list, n := f.differences(n)
	if len(list) != 1 || list[0] != "delete 2  web-2>" {
		t.Errorf("missed twice: %q", list)
	}
	w, err := f.Show(t.Context(), "web-2")
	f.must(err)
	if w.State != inventory.Missing {
		t.Errorf("it is %s", w.State)
	}
	f.read("cloud", server(1), server(2))
	if list, _ := f.differences(n); len(list) != 1 || list[0] != "create 2  >web-2" {
		t.Errorf("it came back: %q", list)
	}
	f.whole()
}

func TestAHostThatReportsNoMoreIsSilentAndNotGone(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.see["hosts"].scopes = []string{"agent/a"}
	f.read("hosts", host("a"))
	_, n := f.differences(0)
	f.read("hosts")
	f.read("hosts")
	f.read("hosts")
	w, err := f.Show(t.Context(), "a")
	f.must(err)
	if list, _ := f.differences(n); w.State != inventory.Silent || len(list) != 0 {
		t.Errorf("it is %s, %q", w.State, list)
	}
}

func TestOneMachineSeenByTwoSourcesIsOneAsset(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.read("cloud", server(1))
	h := host("web-1", "cloud-id", "hcloud:server:1")
	h.Attrs["size"] = inventory.Text("what the host believes")
	f.read("hosts", h)
	if list := f.assets(); len(list) != 1 {
		t.Fatalf("assets %+v", list)
	}
	w, err := f.Show(t.Context(), "web-1")
	f.must(err)
	if len(w.Records) != 2 || w.Properties["size"].Value.Plain() != "cx22" || w.Properties["os.name"].Value.Plain() != "Debian" || len(w.Disputed["size"]) != 1 {
		t.Errorf("it is %+v", w)
	}
	_, n := f.differences(0)
	h.Attrs["size"] = inventory.Text("another belief")
	f.read("hosts", h)
	if list, _ := f.differences(n); len(list) != 1 || !strings.Contains(list[0], "the word of another source counts") {
		t.Errorf("whose word counts: %q", list)
	}
	f.whole()
}

func TestTwoHostsWithOneHardwareAreTwoAndAreAskedAbout(t *testing.T) {
	t.Parallel()
	f := found(t)
	a, b := host("a", "machine-id", "c0ffee"), host("b", "machine-id", "c0ffee")
	f.read("hosts", a)
	f.read("hosts", a, b)
	f.read("hosts", a, b)
	if list := f.assets(); len(list) != 2 {
		t.Errorf("assets %+v", list)
	}
	q, err := f.Questions(t.Context())
	f.must(err)
	if len(q) != 1 || q[0].Kind != "identity_conflict" {
		t.Errorf("questions %+v", q)
	}
	f.whole()
}

func TestLabelsAreReadTightenedAndNeverLoosenedByASource(t *testing.T) {
	t.Parallel()
	f := found(t)
	tagged := func(n int, env string) inventory.Record {
		r := server(n)
		r.Labels = map[string]string{"environment": env}
		return r
	}
	env := func(name string) string {
		w, err := f.Show(t.Context(), name)
		f.must(err)
		return w.Label(inventory.LabelEnvironment)
	}
	f.read("cloud", server(1), tagged(2, "staging"))
	if a := f.assets()[0]; env("web-1") != "prod" || len(a.Unlabelled()) != 3 || env("web-2") != "test" {
		t.Errorf("unlabelled is %q, lacking %v; staging is %q", env("web-1"), a.Unlabelled(), env("web-2"))
	}
	_, n := f.differences(0)
	f.read("cloud", tagged(1, "dev"), tagged(2, "production"))
	if list, _ := f.differences(n); env("web-1") != "prod" || env("web-2") != "prod" || len(list) != 1 || list[0] != "update 2 label.environment test>prod" {
		t.Errorf("a tag freed what nobody had labelled: %q; production is %q, %q", env("web-1"), env("web-2"), list)
	}
	f.read("cloud", tagged(1, "dev"), tagged(2, "dev"))
	if env("web-1") != "prod" || env("web-2") != "prod" {
		t.Errorf("a tag freed them: %q, %q", env("web-1"), env("web-2"))
	}
	f.whole()
}

func TestWhatASourceGivesTwiceOrBadlyStopsTheReading(t *testing.T) {
	t.Parallel()
	f := found(t)
	bad := server(1)
	bad.Class = "Toaster"
	for code, records := range map[string][]inventory.Record{"seen_twice": {server(1), server(1)}, "bad_record": {bad}} {
		f.see["cloud"].records = records
		if run, err := f.Read(t.Context(), fault.SystemActor("discovery"), "cloud", nil, ""); !fault.Is(err, code) || run.Complete {
			t.Errorf("%s: %v", code, err)
		}
	}
}

// What the first reading of a source shows was there before anybody looked. What comes later under a name of its own, a region or a
// project that was not read before, was not: it asks for an explanation.
func TestANewScopeOfAKnownSourceIsNoBeginning(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.read("cloud", server(1))
	elsewhere := server(7)
	elsewhere.Scope = "another project"
	f.read("cloud", server(1), elsewhere)
	var got []inventory.Difference
	f.must(f.db.View(t.Context(), func(tx *db.Tx) (err error) {
		got, err = inventory.Differences(tx, 0, 10)
		return err
	}))
	if len(got) != 2 || !got[0].First || got[1].First {
		t.Errorf("differences %+v", got)
	}
}

// An older document of a source is refused before anything of it is taken: it would show what was as what is. What a reading that broke off saw
// does not count as the newest.
func TestAnOlderDocumentIsRefusedWhole(t *testing.T) {
	t.Parallel()
	f := found(t)
	read := func(edition int64, broken error, list ...inventory.Record) error {
		w := f.see["cloud"]
		w.edition, w.broken, w.records = edition, broken, list
		f.clock.Add(time.Minute)
		_, err := f.Read(t.Context(), fault.SystemActor("discovery"), "cloud", nil, "")
		return err
	}
	count := func() (n int) {
		f.must(f.db.View(t.Context(), func(tx *db.Tx) error {
			list, err := inventory.Differences(tx, 0, 100)
			n = len(list)
			return err
		}))
		return n
	}
	f.must(read(12, nil, server(1), server(2)))
	f.must(read(12, nil, server(1), server(2)))
	f.must(read(14, nil, server(1)))
	if err := read(20, errors.New("it broke off"), server(1)); err == nil {
		t.Error("a reading that broke off ended well")
	}
	before := count()
	for _, list := range [][]inventory.Record{{server(1), server(2)}, {}} {
		if err := read(13, nil, list...); !fault.Is(err, "document_older") {
			t.Errorf("an older document is %v, want document_older", err)
		}
	}
	if n := count(); n != before {
		t.Errorf("%d differences of what was refused", n-before)
	}
	f.must(read(14, nil, server(1)))
	f.must(read(15, nil, server(1), server(2)))
	f.must(read(0, nil, server(1), server(2))) // one that says no edition
	if err := read(14, nil, server(1)); !fault.Is(err, "document_older") {
		t.Errorf("an older document is %v, want document_older", err)
	}
	f.must(read(3_000_000_000, nil, server(1), server(2)))
}

// A person says what is one thing and what is two; it can be taken back, and is never joined again by a rule.
func TestMergesAndSplitsAreWordsThatCanBeTakenBack(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.read("cloud", server(1))
	f.read("hosts", host("a", "machine-id", "c0ffee"))
	list := f.assets()
	word, err := f.MergeAssets(t.Context(), olga, string(list[0].ID), string(list[1].ID), "seen in the rack")
	f.must(err)
	if got := f.assets(); len(got) != 1 || got[0].ID != list[0].ID {
		t.Errorf("after the merge there are %+v", got)
	}
	w, err := f.Show(t.Context(), string(list[0].ID))
	f.must(err)
	if len(w.Records) != 2 || w.Properties["os.name"].Value == "" {
		t.Errorf("the one is %+v", w)
	}
	if _, err := f.MergeAssets(t.Context(), olga, string(list[0].ID), string(list[1].ID), "again"); !fault.Is(err, "not_one_thing") {
		t.Errorf("merged twice: %v", err)
	}
	_, err = f.Undo(t.Context(), olga, word.ID)
	f.must(err)
	if got := f.assets(); len(got) != 2 {
		t.Errorf("after taking it back there are %+v", got)
	}
	if _, err := f.Undo(t.Context(), olga, word.ID); !fault.Is(err, "no_identity") {
		t.Errorf("taken back twice: %v", err)
	}
	f.read("hosts", host("a", "machine-id", "c0ffee", "cloud-id", "hcloud:server:1"))
	f.whole()
}

func TestWhatOneRecordIsToldApartFromStaysApart(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.read("cloud", server(1))
	f.read("hosts", host("web-1", "cloud-id", "hcloud:server:1"))
	w, err := f.Show(t.Context(), "web-1")
	f.must(err)
	record := w.Records[0].ID
	if w.Records[0].Kind != "agent" {
		record = w.Records[1].ID
	}
	for _, bad := range [][]string{nil, {"rec_x"}, {w.Records[0].ID, w.Records[1].ID}} {
		if _, err := f.Split(t.Context(), olga, string(w.ID), bad, "wrong"); !fault.Is(err, "bad_split") {
			t.Errorf("split %v: %v", bad, err)
		}
	}
	_, err = f.Split(t.Context(), olga, string(w.ID), []string{record}, "another machine")
	f.must(err)
	for range 3 {
		f.read("hosts", host("web-1", "cloud-id", "hcloud:server:1"))
		f.read("cloud", server(1))
	}
	if got := f.assets(); len(got) != 2 {
		t.Errorf("there are %+v", got)
	}
	f.whole()
}

// A source that was not read for long has no word against one that was.
func TestTheWordOfASourceThatIsNoLongerReadDoesNotCount(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.read("cloud", server(1))
	h := host("web-1", "cloud-id", "hcloud:server:1")
	h.Attrs["size"] = inventory.Text("first")
	f.read("hosts", h)
	f.clock.Add(24 * time.Hour)
	_, n := f.differences(0)
	h.Attrs["size"] = inventory.Text("second")
	f.read("hosts", h)
	if list, _ := f.differences(n); len(list) != 1 || list[0] != "update web-1 size first>second" {
		t.Errorf("differences %q", list)
	}
	w, err := f.Show(t.Context(), "web-1")
	f.must(err)
	if got := w.Properties["size"].Value.Plain(); got != "second" {
		t.Errorf("its size is %q", got)
	}
}

// A host that reports in another's name is joined with it at worst; it silences nobody who looks from outside.
func TestWhatAHostSaysOfItselfHidesNothing(t *testing.T) {
	t.Parallel()
	f := found(t)
	seen := func(system string) inventory.Record {
		s := server(1, "os.name", system)
		s.IDs = append(s.IDs, inventory.Identifier{Kind: "machine-id", Value: "abc123"})
		return s
	}
	f.read("cloud", seen("Debian 12"))
	f.read("hosts", host("rogue", "machine-id", "abc123"))
	_, n := f.differences(0)
	f.read("cloud", seen("Another"))
	if list, _ := f.differences(n); len(list) != 1 || list[0] != "update 1 os.name Debian 12>Another" {
		t.Errorf("differences %q", list)
	}
}

// A filter that nothing can have reads like "there are none": it is refused. Words are read as sources give them.
func TestAFilterThatNothingCanHaveIsRefused(t *testing.T) {
	t.Parallel()
	f := found(t)
	s := server(1)
	s.Labels = map[string]string{"environment": "staging"}
	f.read("cloud", s)
	for _, bad := range []inventory.Filter{{Class: "host"}, {State: "nonsense"}, {Environment: "moon"}, {Classification: "top"}} {
		if _, err := f.Assets(t.Context(), bad); !fault.Is(err, "bad_filter") {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	for _, good := range []inventory.Filter{{Environment: "staging"}, {Environment: "test"}, {Class: "Host"}, {State: "present"}} {
		if list, err := f.Assets(t.Context(), good); err != nil || len(list) != 1 {
			t.Errorf("%+v: %d, %v", good, len(list), err)
		}
	}
	if w, err := f.Show(t.Context(), "ast-1"); err != nil || w.ID != "AST-000001" {
		t.Errorf("without its zeros: %v, %v", w.ID, err)
	}
}
