package reconcile_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/reconcile"
)

// edited is a firm with one finding: somebody made a server larger by hand.
func edited(t *testing.T) (*firm, reconcile.Finding) {
	t.Helper()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	_, err := f.things.SetLabels(t.Context(), f.as("olga"), "AST-000001", map[string]string{"owner": "sam"}, "sam looks after it", "")
	f.must(err)
	_, err = f.things.SetLabels(t.Context(), f.as("olga"), "AST-000002", map[string]string{"owner": "sam"}, "sam looks after it", "")
	f.must(err)
	f.set("cloud", 1, "server_type", text("cx52"))
	f.observe(time.Hour)
	list := f.findings()
	if len(list) != 1 {
		t.Fatalf("findings %+v, want one", list)
	}
	return f, list[0]
}

const why = "seen and looked into with the team"

func TestAWaiverEndsAndTheFindingIsOpenAgain(t *testing.T) {
	t.Parallel()
	f, x := edited(t)
	_, err := f.Waive(t.Context(), f.as("ann"), x.ID, f.clock.Now().Add(24*time.Hour), why)
	f.refused(err, "not_finding_owner")
	_, err = f.Waive(t.Context(), f.as("olga"), x.ID, f.clock.Now().Add(91*24*time.Hour), why)
	f.refused(err, "bad_waiver")
	_, err = f.Waive(t.Context(), f.as("olga"), x.ID, f.clock.Now().Add(24*time.Hour), "ok")
	f.refused(err, "reason_missing")
	got, err := f.Waive(t.Context(), f.as("sam"), x.ID, f.clock.Now().Add(24*time.Hour), why) // the asset's owner
	f.must(err)
	if got.State != reconcile.Waived || len(f.findings()) != 0 {
		t.Fatalf("finding %+v, want it waived", got)
	}
	f.observe(25 * time.Hour)
	if list := f.findings(); len(list) != 1 || list[0].State != reconcile.Open {
		t.Errorf("findings %+v after the waiver, want it open again", list)
	}
	f.whole()
}

// Words do not take an edit back: the reverse difference does.
func TestARevertIsProvedByTheReverseDifference(t *testing.T) {
	t.Parallel()
	f, x := edited(t)
	got, err := f.Revert(t.Context(), f.as("olga"), x.ID, why)
	f.must(err)
	if got.State != reconcile.Reverting {
		t.Fatalf("state %s before anything was observed, want reverting", got.State)
	}
	f.observe(time.Hour)
	f.set("cloud", 1, "server_type", text("cx32"))
	f.observe(time.Hour)
	if list := f.findings(); len(list) != 1 || list[0].Count != 2 || list[0].State != reconcile.Reverting {
		t.Fatalf("findings %+v, want the one, with another value counted", list)
	}
	f.set("cloud", 1, "server_type", text("cx22"))
	f.observe(time.Hour)
	w, err := f.Show(t.Context(), x.ID)
	f.must(err)
	if w.State != reconcile.Reverted || w.Restored == "" || len(w.Differences) != 3 {
		t.Errorf("finding %+v, want it reverted by what was observed", w)
	}
	f.whole()
}

// Opening a door and closing it again leaves the finding: somebody has to say what it was.
func TestWhatWasTakenBackUnaskedStillWaits(t *testing.T) {
	t.Parallel()
	f, x := edited(t)
	f.set("cloud", 1, "server_type", text("cx22"))
	f.observe(time.Hour)
	if list := f.findings(); len(list) != 1 || list[0].Restored == "" || list[0].State != reconcile.Open {
		t.Fatalf("findings %+v, want it open and marked as taken back", list)
	}
	got, err := f.Revert(t.Context(), f.as("olga"), x.ID, why)
	f.must(err)
	if got.State != reconcile.Reverted {
		t.Errorf("state %s, want reverted at once: the proof is there", got.State)
	}
}

func TestARetroactiveChangeClosesAFindingByItsApproval(t *testing.T) {
	t.Parallel()
	f, x := edited(t)
	silent := f.material(planned{1, "update", `{"server_type":"cx22"}`, `{"server_type":"cx52"}`})
	c, err := f.changes.File(t.Context(), f.as("ann"), silent)
	f.must(err)
	_, err = f.Adopt(t.Context(), f.as("olga"), x.ID, c.ID, why)
	f.refused(err, "not_retroactive")
	silent.Justification = "Adopts " + x.ID + ": the load grew over night"
	silent.Targets = []string{string(x.Asset)}
	c, err = f.changes.File(t.Context(), f.as("ann"), silent)
	f.must(err)
	got, err := f.Adopt(t.Context(), f.as("olga"), x.ID, c.ID, why)
	f.must(err)
	if got.State != reconcile.Adopting {
		t.Fatalf("state %s before the approval, want adopting", got.State)
	}
	f.adopts(c.ID, x.ID)
	f.approve(c, silent)
	f.must(f.Tick(t.Context()))
	w, err := f.Show(t.Context(), x.ID)
	f.must(err)
	if w.State != reconcile.Adopted || len(f.findings()) != 0 {
		t.Errorf("finding %+v, want it adopted", w.State)
	}
	f.adopts(c.ID, x.ID)
	_, err = f.Revert(t.Context(), f.as("olga"), x.ID, why)
	f.refused(err, "finding_closed")
	f.whole()
}

// adopts holds what a change asks for after the fact.
func (f *firm) adopts(id change.ID, want ...string) {
	f.t.Helper()
	r, err := f.Of(f.t.Context(), id)
	f.must(err)
	var got []string
	for _, x := range r.Adopted {
		got = append(got, x.ID)
	}
	if !slices.Equal(got, want) {
		f.t.Errorf("%s adopts %v, want %v", id, got, want)
	}
}

// Who takes a finding back, or leaves it for a time, no longer asks for it by a change.
func TestAnotherAnswerTakesTheAdoptionBack(t *testing.T) {
	t.Parallel()
	f, x := edited(t)
	m := f.material(planned{1, "update", `{"server_type":"cx22"}`, `{"server_type":"cx52"}`})
	m.Justification = "Adopts " + x.ID + ": the load grew over night"
	m.Targets = []string{string(x.Asset)}
	c, err := f.changes.File(t.Context(), f.as("ann"), m)
	f.must(err)
	for name, answer := range map[string]func() error{
		"waived": func() error {
			_, err := f.Waive(t.Context(), f.as("olga"), x.ID, f.clock.Now().Add(time.Hour), why)
			return err
		},
		"reverting": func() error { _, err := f.Revert(t.Context(), f.as("olga"), x.ID, why); return err },
	} {
		_, err = f.Adopt(t.Context(), f.as("olga"), x.ID, c.ID, why)
		f.must(err)
		f.adopts(c.ID, x.ID)
		f.must(answer())
		f.adopts(c.ID)
		if w, err := f.Show(t.Context(), x.ID); err != nil || w.State != name || w.Adopts != "" {
			t.Errorf("%s: %+v, %v; want no adoption left", name, w.Finding, err)
		}
	}
}

// Whom the page, the API and a command offer which answers is one rule.
func TestAReaderIsToldWhatTheyMayAnswer(t *testing.T) {
	t.Parallel()
	f, x := edited(t)
	for name, want := range map[string]string{"olga": "", "sam": "", "ann": "not_finding_owner"} {
		r, err := f.Read(t.Context(), f.as(name), x.ID)
		f.must(err)
		if may := len(r.Answers()) == 3; may != (want == "") || want != "" && !fault.Is(r.Refused, want) {
			t.Errorf("%s: %v, %v; want %q", name, r.Answers(), r.Refused, want)
		}
	}
	r, err := f.Read(t.Context(), f.as("olga"), x.ID)
	f.must(err)
	if r.Disposition = reconcile.Unseparated; slices.Contains(r.Answers(), reconcile.Adopt) {
		t.Error("two tiers on one server can be adopted")
	}
}

func TestNeitherWhoDidItNorWhoExecutedAnswersForAFinding(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.server(2, "prod", size("cx22"))
	f.observe(time.Hour)
	r := f.see["cloud"].records["hcloud:server:2"]
	r.Actor = "uid=olga,ou=people,dc=example,dc=com"
	f.see["cloud"].records["hcloud:server:2"] = r
	f.set("cloud", 2, "server_type", text("cx52"))
	f.observe(time.Hour)
	list := f.findings()
	if len(list) != 1 {
		t.Fatalf("findings %+v, want one", list)
	}
	_, err := f.Waive(t.Context(), f.as("olga"), list[0].ID, f.clock.Now().Add(time.Hour), why)
	f.refused(err, "own_finding")
	r = f.see["cloud"].records["hcloud:server:2"]
	r.Actor = "autoscaler"
	f.see["cloud"].records["hcloud:server:2"] = r
	f.set("cloud", 2, "server_type", text("cx22")) // taken back by a program: it stays hers
	f.observe(time.Hour)
	_, err = f.Revert(t.Context(), f.as("olga"), list[0].ID, why)
	f.refused(err, "own_finding")
	_, err = f.Waive(t.Context(), f.as("otto"), list[0].ID, f.clock.Now().Add(time.Hour), why)
	f.must(err)
}

// An exception is narrow, ends, and is somebody else's word.
func TestAMuteWorksAfterItsReviewAndUntilItsEnd(t *testing.T) {
	t.Parallel()
	f, x := edited(t)
	m := reconcile.Mute{Kind: reconcile.Automation, Reason: "the autoscaler changes sizes", Type: "hcloud_server", Name: "web-*", Path: "server_type",
		Values: []string{"cx42"}, Share: 50, Expires: f.clock.Now().Add(72 * time.Hour).UnixMicro()}
	wide := m
	wide.Path = "*"
	_, err := f.Propose(t.Context(), f.as("olga"), wide)
	f.refused(err, "bad_mute")
	got, err := f.Propose(t.Context(), f.as("olga"), m)
	f.must(err)
	if got.Back.Differences != 1 || got.Back.Matched != 0 {
		t.Errorf("back-test %+v, want one difference, not matched", got.Back)
	}
	_, err = f.Review(t.Context(), f.as("olga"), got.ID, true, "")
	f.refused(err, "own_mute")
	_, err = f.Review(t.Context(), f.as("sam"), got.ID, true, "")
	f.refused(err, "not_officer")
	_, err = f.Waive(t.Context(), f.as("otto"), x.ID, f.clock.Now().Add(80*24*time.Hour), why)
	f.must(err)
	f.server(2, "prod", size("cx22"))
	f.server(3, "prod", size("cx22"))
	f.observe(time.Hour)
	before := len(f.findings()) // the two servers themselves
	_, err = f.Review(t.Context(), f.as("otto"), got.ID, true, "")
	f.must(err)
	f.set("cloud", 2, "server_type", text("cx42")) // as authorized
	f.observe(time.Hour)
	if n := len(f.findings()); n != before {
		t.Errorf("%d findings more, want none", n-before)
	}
	f.set("cloud", 3, "firewall.ssh", text("0.0.0.0/0")) // another attribute
	f.observe(time.Hour)
	if n := len(f.findings()); n != before+1 {
		t.Errorf("%d findings more, want the firewall", n-before)
	}
	f.observe(72 * time.Hour)
	f.set("cloud", 3, "server_type", text("cx42")) // after its end
	f.observe(time.Hour)
	if n := len(f.findings()); n != before+2 {
		t.Errorf("%d findings more, want the late one too", n-before)
	}
	list, err := f.Mutes(t.Context())
	f.must(err)
	if list[0].State != reconcile.Lapsed || list[0].Hits != 1 {
		t.Errorf("mute %+v, want it expired after one hit", list[0])
	}
	f.whole()
}

// Whoever issued a one-time code could have redeemed it: an officer who resets another one's password is no second person.
func TestAMuteIsNotReviewedThroughALentAccount(t *testing.T) {
	t.Parallel()
	f, _ := edited(t)
	m, err := f.Propose(t.Context(), f.as("olga"), reconcile.Mute{Kind: reconcile.Automation, Reason: "the autoscaler changes sizes", Type: "hcloud_server",
		Name: "web-*", Path: "server_type", Expires: f.clock.Now().Add(72 * time.Hour).UnixMicro()})
	f.must(err)
	code, err := f.dir.Reset(t.Context(), f.as("olga"), directory.AccountID(f.as("otto").Account))
	f.must(err)
	in, err := f.dir.Redeem(t.Context(), directory.Credentials{Username: "otto", Code: code, Password: "seven brass kettles sing", Address: netip.MustParseAddr("192.0.2.9")})
	f.must(err)
	otto, err := f.dir.Recognise(t.Context(), in.Bearer.Reveal())
	f.must(err)
	_, err = f.Review(t.Context(), otto, m.ID, true, "")
	f.refused(err, "lent_account")
	if got, want := fault.Of(err).Next, "plumb people vouch "+otto.Person; got != want {
		t.Errorf("the next step is %q, want %q", got, want)
	}
	f.whole()
}

// A tag says who looks after a thing, and whoever can edit it could write their own name: it gives nobody the power to judge.
func TestAnOwnerByATagJudgesNothing(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	f.set("cloud", 1, "server_type", text("cx52"))
	f.observe(time.Hour)
	x := f.findings()[0]
	_, err := f.Waive(t.Context(), f.as("sam"), x.ID, f.clock.Now().Add(24*time.Hour), why) // the owner that the cloud's tag names
	f.refused(err, "not_finding_owner")
	_, err = f.Waive(t.Context(), f.as("olga"), x.ID, f.clock.Now().Add(24*time.Hour), why)
	f.must(err)
}

// Who is named the owner of an asset answers what of it waits already, in the place of the owner before.
func TestAnOwnerThatIsNamedLaterAnswersWhatWaits(t *testing.T) {
	t.Parallel()
	f, x := edited(t)
	waiting := func(who string, want int) {
		t.Helper()
		_, n, err := f.Asks(t.Context(), f.as(who), 10)
		f.must(err)
		if n != want {
			t.Errorf("%d findings wait for %s, want %d", n, who, want)
		}
	}
	name := func(by, owner string) {
		t.Helper()
		_, err := f.things.SetLabels(t.Context(), f.as(by), string(x.Asset), map[string]string{"owner": owner}, "they look after it from now on", "")
		f.must(err)
	}
	waive := func(who string) error {
		_, err := f.Waive(t.Context(), f.as(who), x.ID, f.clock.Now().Add(24*time.Hour), why)
		return err
	}
	waiting("sam", 1)
	name("dana", "dana") // nobody takes a finding over by their own word
	f.must(f.Tick(t.Context()))
	f.refused(waive("dana"), "not_finding_owner")
	waiting("sam", 1)

	name("sam", "erin")
	r, err := f.Read(t.Context(), f.as("erin"), x.ID) // at once
	f.must(err)
	if r.Owner != "erin" || r.Refused != nil {
		t.Errorf("erin reads that it is %s's, refused %v", r.Owner, r.Refused)
	}
	f.refused(waive("sam"), "not_finding_owner")
	f.must(f.Tick(t.Context()))
	waiting("erin", 1)
	waiting("sam", 0)
	if list, err := f.Findings(t.Context(), reconcile.Filter{Owner: "erin"}); err != nil || len(list) != 1 {
		t.Errorf("by its owner %d are listed, %v", len(list), err)
	}
	f.must(waive("erin"))

	// A waiver is the new owner's, too; a group is handed a finding, and who named the group does not answer for it.
	group, err := f.dir.AddGroup(t.Context(), f.as("olga"), "keepers", "")
	f.must(err)
	for _, who := range []string{"dana", "ian"} {
		f.must(f.dir.Assign(t.Context(), f.as("olga"), directory.Grant{Op: directory.JoinGroup, Person: f.people[who], Into: group.ID}))
	}
	name("dana", "keepers")
	f.must(f.Tick(t.Context()))
	f.refused(waive("dana"), "not_finding_owner")
	f.must(waive("ian"))

	// Who did it does not answer, whoever owns it.
	f.set("cloud", 1, "server_type", text("cx62"))
	rec := f.see["cloud"].records["hcloud:server:1"]
	rec.Actor = "ann"
	f.see["cloud"].records["hcloud:server:1"] = rec
	f.observe(time.Hour)
	name("olga", "ann")
	f.refused(waive("ann"), "own_finding")
	f.whole()
}
