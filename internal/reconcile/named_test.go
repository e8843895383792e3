package reconcile_test

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/reconcile"
)

// called renames a server where the cloud shows it.
func (f *firm) called(n int, name string) {
	id := "hcloud:server:" + strconv.Itoa(n)
	r := f.see["cloud"].records[id]
	r.Name = name
	f.see["cloud"].records[id] = r
}

// muted is an exception by name that is reviewed: what a tool counts on web servers.
func (f *firm) muted(m reconcile.Mute) reconcile.Mute {
	f.t.Helper()
	m.Kind, m.Reason, m.Share, m.Expires = reconcile.Automation, "a tool counts what it saw", 50, f.clock.Now().Add(200*time.Hour).UnixMicro()
	m, err := f.Propose(f.t.Context(), f.as("olga"), m)
	f.must(err)
	m, err = f.Review(f.t.Context(), f.as("otto"), m.ID, true, "")
	f.must(err)
	return m
}

// tagged counts on some servers and gives those of which that is a finding.
func (f *firm) tagged(servers ...int) (raised []string) {
	f.t.Helper()
	before := len(f.findings())
	for _, n := range servers {
		f.set("cloud", n, "tags.seen", inventory.Text(f.clock.Now().String()))
	}
	f.observe(time.Hour)
	for _, x := range f.findings() {
		if x.Path == "tags.seen" {
			raised = append(raised, x.Name)
		}
	}
	if len(raised) == 0 && len(f.findings()) != before {
		f.t.Errorf("findings %+v, want none besides", f.findings())
	}
	slices.Sort(raised)
	return raised
}

// A name is the word of whoever runs the host: who takes it after the review is not freed by it, and who bore it then stays so.
func TestARenameIntoAnExceptionFreesNobody(t *testing.T) {
	t.Parallel()
	f := found(t)
	for n := 1; n <= 3; n++ {
		f.server(n, "prod", size("cx22"))
	}
	f.called(2, "db-2")
	f.observe(time.Hour)
	m := f.muted(reconcile.Mute{Name: "web-*", Path: "tags.seen"})
	if m.Back.Named != 2 {
		t.Errorf("it is about %d assets, want web-1 and web-3", m.Back.Named)
	}
	f.called(2, "web-2")
	f.called(3, "web-03")
	f.observe(time.Hour)
	if got := f.tagged(1, 2, 3); !slices.Equal(got, []string{"web-2"}) {
		t.Errorf("findings at %v, want only who took the name", got)
	}
	shown, err := f.MuteOf(t.Context(), m.ID)
	f.must(err)
	if shown.Back.Named != 2 || shown.Hits != 2 {
		t.Errorf("exception %+v, want two assets and two hits", shown)
	}
	if again := f.muted(reconcile.Mute{Name: "web-*", Path: "tags.seen"}); again.Back.Named != 3 || again.Back.Unauthorized != 1 {
		t.Errorf("back-test %+v of the next one, want all three and the finding among them", again.Back)
	}
	f.whole()
}

// What an approved change brings about under such a name is known from then on; what nobody asked for is not, until a change adopts it.
func TestAnExceptionByNameKnowsWhatAChangeBroughtAbout(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	f.muted(reconcile.Mute{Name: "web-*", Path: "tags.seen"})
	c := f.approved(planned{2, "create", "null", `{"server_type":"cx22"}`}, planned{4, "create", "null", `{"server_type":"cx22"}`})
	p := f.open(c)
	for n := 2; n <= 4; n++ {
		f.server(n, "prod", size("cx22"))
	}
	delete(f.see["state"].records, "hcloud:server:3") // made by hand, without code
	f.called(4, "db-4")
	f.later(2 * time.Minute)
	f.done(p, 2, 4)
	f.read(3 * time.Minute)
	f.set("cloud", 2, "tags.seen", text("1")) // and counted on before the loop judges that it came
	f.observe(time.Minute)
	list := f.findings()
	if len(list) != 1 || list[0].Name != "web-3" {
		t.Fatalf("findings %+v, want that nobody asked for web-3", list)
	}
	f.called(4, "web-4")
	f.observe(time.Hour)
	if got := f.tagged(1, 2, 3, 4); !slices.Equal(got, []string{"web-3", "web-4"}) {
		t.Errorf("findings at %v, want what nobody asked for and what took the name later", got)
	}
	x := list[0]
	change := f.material(grow(3))
	change.Justification = "Adopts " + x.ID + ", which was made by hand at night"
	change.Targets = []string{string(x.Asset)}
	by, err := f.changes.File(t.Context(), f.as("ann"), change)
	f.must(err)
	_, err = f.Adopt(t.Context(), f.as("olga"), x.ID, by.ID, why)
	f.must(err)
	f.approve(by, change)
	f.must(f.Tick(t.Context()))
	for _, x := range f.findings() {
		_, err := f.Revert(t.Context(), f.as("olga"), x.ID, why)
		f.must(err)
	}
	before := len(f.verdicts())
	f.tagged(3)
	if got := f.verdicts(); len(got) != before+1 || !slices.ContainsFunc(got, func(s string) bool {
		return strings.Contains(s, " 3 update tags.seen") && strings.Contains(s, ": standing")
	}) {
		t.Errorf("verdicts %v, want what counts on the adopted one explained", got)
	}
	f.whole()
}

// An exception about what appears is reviewed for what is new: it covers such names, and the others by name know what came so.
func TestAnExceptionAboutWhatAppears(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.server(2, "prod", size("cx22"))
	f.called(2, "db-2")
	f.observe(time.Hour)
	f.muted(reconcile.Mute{Name: "web-*", Op: "create"})
	f.muted(reconcile.Mute{Name: "web-*", Path: "tags.seen"})
	f.server(3, "prod", size("cx22"))
	delete(f.see["state"].records, "hcloud:server:3")
	f.observe(time.Hour)
	if got := f.tagged(1, 3); len(got) > 0 || len(f.findings()) > 0 {
		t.Errorf("findings at %v, %+v, want none: both were reviewed", got, f.findings())
	}
	gone := f.see["cloud"].records["hcloud:server:2"]
	delete(f.see["cloud"].records, "hcloud:server:2")
	f.observe(time.Hour)
	f.observe(time.Hour)
	gone.Name = "web-2"
	f.see["cloud"].records["hcloud:server:2"] = gone
	f.observe(time.Hour)
	if !slices.ContainsFunc(f.verdicts(), func(s string) bool {
		return strings.Contains(s, " 2 create") && !strings.Contains(s, ": standing")
	}) {
		t.Errorf("verdicts %v: what comes back under another name is let through as new", f.verdicts())
	}
	if got := f.tagged(2); !slices.Equal(got, []string{"web-2"}) {
		t.Errorf("findings at %v, want it", got)
	}
}

// A finding that is adopted has those exceptions know its asset that name it, and no others.
func TestOnlyExceptionsThatNameWhatIsAdoptedKnowIt(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	m := f.muted(reconcile.Mute{Name: "web-*", Path: "tags.seen"})
	f.server(2, "prod", size("cx22"))
	f.server(3, "prod", size("cx22"))
	f.called(2, "db-2")
	f.observe(time.Hour)
	list := f.findings()
	names, known := map[inventory.AssetID]string{}, []string{}
	f.must(f.db.Update(t.Context(), fault.SystemActor("test"), func(tx *db.Tx) error {
		for _, x := range list {
			if x.Op != inventory.Created {
				continue
			}
			names[x.Asset] = x.Name
			if err := reconcile.AdmitFound(tx, &x); err != nil {
				return err
			}
		}
		ids, err := reconcile.KnownTo(tx, m.ID)
		if err != nil {
			return err
		}
		for id := range ids {
			known = append(known, names[id])
		}
		_, err = ledger.Append(tx, ledger.Event{Verb: "test.written", Type: "test", Object: "1"})
		return err
	}))
	slices.Sort(known)
	if !slices.Contains(slices.Collect(maps.Values(names)), "db-2") || !slices.Equal(known, []string{"", "web-3"}) {
		t.Errorf("of %v it knows %q, want what it was reviewed with and web-3", names, known)
	}
}

// The characters that a pattern of the database means otherwise are letters in a name.
func TestAPatternOfNamesIsOneForTheDatabaseToo(t *testing.T) {
	t.Parallel()
	f := found(t)
	names := []string{`a_b`, `axb`, `a%b`, `a\b`, `A_b`, `ab`, `a__b`}
	for n, name := range names {
		f.server(n+1, "prod", size("cx22"))
		f.called(n+1, name)
	}
	f.observe(time.Hour)
	for pattern, want := range map[string]int64{`a_b`: 1, `a%b`: 1, `a\b`: 1, `a*b`: 6, `a_*b`: 2, `*_b`: 3} {
		m, err := f.Propose(t.Context(), f.as("olga"), reconcile.Mute{Kind: reconcile.Automation, Reason: "a tool counts what it saw", Name: pattern, Path: "tags.seen",
			Share: 50, Expires: f.clock.Now().Add(time.Hour).UnixMicro()})
		f.must(err)
		if m.Back.Named != want {
			t.Errorf("%s means %d assets, want %d", pattern, m.Back.Named, want)
		}
	}
}

// An exception is about what its reviewer looked at. What somebody merges into its asset later is another thing, which nobody looked at; what was
// looked at stays free, and what is merged before the review is looked at, too.
func TestWhatIsMergedIntoAnExceptionIsNotFreedByIt(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]reconcile.Mute{"by name": {Name: "web-*", Path: "tags.*"}, "by asset": {Path: "tags.*"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := found(t)
			for n := 1; n <= 3; n++ {
				f.server(n, "prod", size("cx22"))
			}
			f.called(2, "db-2")
			f.observe(time.Hour)
			ids := map[string]string{}
			for _, name := range []string{"web-1", "db-2", "web-3"} {
				a, err := f.things.Show(t.Context(), name)
				f.must(err)
				ids[name] = string(a.ID)
			}
			merge := func(other string) inventory.IdentityWord {
				w, err := f.things.MergeAssets(t.Context(), f.as("olga"), ids["web-1"], ids[other], "one thing under two names")
				f.must(err)
				return w
			}
			merge("web-3")
			if m.Name == "" {
				m.Asset = ids["web-1"]
			}
			f.muted(m)
			f.called(2, "web-2")
			if got := f.tagged(1, 3); len(got) != 0 {
				t.Errorf("findings at %v, want none at what was looked at", got)
			}
			w := merge("db-2")
			f.set("cloud", 2, "tags.two", text("2")) // of records that say the same attribute one speaks for the asset
			f.observe(time.Hour)
			if got := f.findings(); len(got) != 1 || got[0].Path != "tags.two" {
				t.Errorf("findings %+v, want one, at what was merged in since", got)
			}
			_, err := f.things.Undo(t.Context(), f.as("olga"), w.ID)
			f.must(err)
			f.set("cloud", 3, "tags.three", text("3"))
			f.observe(time.Hour)
			if got := f.findings(); len(got) != 1 {
				t.Errorf("findings %+v, want the one from before", got)
			}
			f.whole()
		})
	}
}
