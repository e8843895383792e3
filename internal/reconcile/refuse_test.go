package reconcile_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/reconcile"
)

// lent has an officer issue a new code for another one's account, which is redeemed: the officer may be who did.
func (f *firm) lent(officer, to string) fault.Actor {
	f.t.Helper()
	code, err := f.dir.Reset(f.t.Context(), f.as(officer), directory.AccountID(f.as(to).Account))
	f.must(err)
	in, err := f.dir.Redeem(f.t.Context(), directory.Credentials{Username: to, Code: code, Password: "seven brass kettles sing", Address: netip.MustParseAddr("192.0.2.9")})
	f.must(err)
	a, err := f.dir.Recognise(f.t.Context(), in.Bearer.Reveal())
	f.must(err)
	return a
}

func TestAFindingIsAnsweredByItsOwnerOrAnOfficerWhoHadNoPartInIt(t *testing.T) {
	t.Parallel()
	f := found(t)
	olga, otto, sam, ann := f.as("olga"), f.as("otto"), f.as("sam"), f.as("ann")
	token := olga
	token.Authn = fault.Token
	run := func(a fault.Actor) []reconcile.Run {
		return []reconcile.Run{{Executors: []string{"ci"}}, {Executors: []string{strings.ToLower(a.Person)}, Started: f.clock.Now().UnixMicro()}}
	}
	type look struct {
		by    fault.Actor
		state string
		actor string
		owner string
		runs  []reconcile.Run
		want  string
	}
	ask := func(cases map[string]look) {
		t.Helper()
		roster, err := f.dir.Roster(t.Context())
		f.must(err)
		for name, x := range cases {
			if x.state == "" {
				x.state = reconcile.Open
			}
			one := reconcile.Finding{ID: "FND-000001", State: x.state, Owner: x.owner, FindingBody: reconcile.FindingBody{Actor: x.actor, Latest: f.clock.Now().UnixMicro()}}
			if err := one.MayDecide(x.by, roster, x.runs); x.want == "" && err != nil || x.want != "" && !fault.Is(err, x.want) {
				t.Errorf("%s: %v (%s), want %q", name, err, fault.Of(err).Code, x.want)
			}
		}
	}
	ask(map[string]look{
		"an officer":                          {by: olga},
		"the owner":                           {by: sam, owner: "sam"},
		"the owner, by their id":              {by: sam, owner: sam.Person},
		"an officer, of a waived one":         {by: olga, state: reconcile.Waived},
		"an officer, beside another's run":    {by: olga, runs: run(otto)},
		"an officer, of another's doing":      {by: olga, actor: "uid=ivo,ou=people"},
		"anybody":                             {by: ann, want: "not_finding_owner"},
		"anybody, of another's thing":         {by: ann, owner: "sam", want: "not_finding_owner"},
		"an officer's token":                  {by: token, want: "not_a_person"},
		"the program itself":                  {by: fault.SystemActor("reconcile"), want: "not_a_person"},
		"an adopted one":                      {by: olga, state: reconcile.Adopted, want: "finding_closed"},
		"a reverted one":                      {by: olga, state: reconcile.Reverted, want: "finding_closed"},
		"an explained one":                    {by: olga, state: reconcile.Settled, want: "finding_closed"},
		"their own doing":                     {by: olga, actor: "olga", want: "own_finding"},
		"their own doing, by a DN":            {by: olga, actor: "CN=Olga,dc=example", want: "own_finding"},
		"their own doing, by a domain":        {by: olga, actor: `EXAMPLE\olga`, want: "own_finding"},
		"their own doing, by an address":      {by: olga, actor: "Olga@example.com", want: "own_finding"},
		"the owner's own doing":               {by: sam, owner: "sam", actor: "sam", want: "own_finding"},
		"beside their own run":                {by: olga, runs: run(olga), want: "executor_finding"},
		"the owner, beside their own run":     {by: sam, owner: "sam", runs: run(sam), want: "executor_finding"},
		"another officer, of olga's doing":    {by: otto, actor: "olga"},
		"another officer, beside olga's run":  {by: otto, runs: run(olga)},
		"olga, of another officer's doing":    {by: olga, actor: "otto"},
		"olga, beside another officer's run":  {by: olga, runs: run(otto)},
		"an officer, of nobody's known doing": {by: otto, actor: "root"},
	})
	otto = f.lent("olga", "otto")
	ask(map[string]look{
		"olga's doing, through the account that she lent":     {by: otto, actor: "uid=olga,dc=example", want: "lent_account"},
		"olga's run, through the account that she lent":       {by: otto, runs: run(olga), want: "lent_account"},
		"done through the lent account, answered by its loan": {by: olga, actor: "otto", want: "lent_account"},
		"a run through the lent account":                      {by: olga, runs: run(otto), want: "lent_account"},
		"somebody else's doing, through the lent account":     {by: otto, actor: "ivo"},
		"somebody else's run, through the lent account":       {by: otto, runs: run(ann)},
	})
}

// Whose account an officer lent may be disabled since: what was done with it may still be that officer's doing.
func TestWhoLentAnAccountDoesNotJudgeWhatItDidBeforeItsPersonLeft(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.lent("olga", "ivo")
	x := reconcile.Finding{ID: "FND-000001", State: reconcile.Open, FindingBody: reconcile.FindingBody{Actor: "ivo", Latest: f.clock.Now().UnixMicro()}}
	f.clock.Add(time.Minute)
	f.must(f.dir.Disable(t.Context(), f.as("otto"), f.people["ivo"], "left the company"))
	roster, err := f.dir.Roster(t.Context())
	f.must(err)
	err = x.MayDecide(f.as("olga"), roster, nil)
	f.refused(err, "lent_account")
	if got, want := fault.Of(err).Next, "plumb reconcile show FND-000001"; got != want {
		t.Errorf("the next step is %q, want %q: nobody vouches for who left", got, want)
	}
	f.must(x.MayDecide(f.as("otto"), roster, nil))
}

func TestAMuteIsDecidedOnceAndEndedByItsProposerOrAnOfficer(t *testing.T) {
	t.Parallel()
	f := found(t)
	sam, olga, ann := f.as("sam"), f.as("olga"), f.as("ann")
	roster, err := f.dir.Roster(t.Context())
	f.must(err)
	for _, x := range []struct {
		by          fault.Actor
		state       string
		review, end string
	}{
		{olga, reconcile.Proposed, "", ""},
		{olga, reconcile.Active, "mute_decided", ""},
		{olga, reconcile.Disabled, "mute_decided", "mute_decided"},
		{olga, reconcile.Lapsed, "mute_decided", "mute_decided"},
		{sam, reconcile.Proposed, "own_mute", ""},
		{sam, reconcile.Active, "mute_decided", ""},
		{sam, reconcile.Lapsed, "mute_decided", "mute_decided"},
		{ann, reconcile.Proposed, "not_officer", "not_officer"},
		{ann, reconcile.Active, "mute_decided", "not_officer"},
		{ann, reconcile.Disabled, "mute_decided", "not_officer"},
	} {
		m := reconcile.Mute{ID: "MUT-000001", State: x.state, Proposer: sam.Person}
		for what, got := range map[string]error{x.review: m.MayReview(x.by, roster), x.end + " ": m.MayEnd(x.by, roster)} {
			if want := strings.TrimSuffix(what, " "); want == "" && got != nil || want != "" && !fault.Is(got, want) {
				t.Errorf("%s, a mute that is %s: %v, want %q", x.by.Person, x.state, got, what)
			}
		}
	}
}

// Who signed out decides nothing, and neither does a program.
func TestOnlyWhoIsSignedInAnswers(t *testing.T) {
	t.Parallel()
	f, x := edited(t)
	m := reconcile.Mute{Kind: reconcile.Automation, Reason: "the autoscaler changes sizes", Type: "hcloud_server", Path: "server_type", Expires: f.clock.Now().Add(72 * time.Hour).UnixMicro()}
	proposed, err := f.Propose(t.Context(), f.as("sam"), m)
	f.must(err)
	c, err := f.changes.File(t.Context(), f.as("ann"), f.adopting(x))
	f.must(err)
	_, err = f.Unmute(t.Context(), fault.SystemActor("reconcile"), proposed.ID, why)
	f.refused(err, "not_a_person")
	_, err = f.Unmute(t.Context(), f.as("ann"), proposed.ID, why)
	f.refused(err, "not_officer")
	olga := f.as("olga")
	f.must(f.dir.EndSession(t.Context(), olga, directory.SessionID(olga.Via)))
	for name, decide := range map[string]func() error{
		"waive": func() error {
			_, err := f.Waive(t.Context(), olga, x.ID, f.clock.Now().Add(time.Hour), why)
			return err
		},
		"revert":  func() error { _, err := f.Revert(t.Context(), olga, x.ID, why); return err },
		"adopt":   func() error { _, err := f.Adopt(t.Context(), olga, x.ID, c.ID, why); return err },
		"propose": func() error { _, err := f.Propose(t.Context(), olga, m); return err },
		"review":  func() error { _, err := f.Review(t.Context(), olga, proposed.ID, true, ""); return err },
		"unmute":  func() error { _, err := f.Unmute(t.Context(), olga, proposed.ID, why); return err },
	} {
		if err := decide(); !fault.Is(err, "session_over") {
			t.Errorf("%s by who signed out: %v, want session_over", name, err)
		}
	}
	if list := f.findings(); len(list) != 1 || list[0].State != reconcile.Open {
		t.Errorf("findings %+v, want the one, unanswered", list)
	}
	f.whole()
}

// adopting is the wording of a change that asks for a finding after the fact.
func (f *firm) adopting(x reconcile.Finding) change.Material {
	m := f.material(planned{1, "update", `{"server_type":"cx22"}`, `{"server_type":"cx52"}`})
	m.Justification = "Adopts " + x.ID + ": the load grew over night"
	m.Targets = []string{string(x.Asset)}
	return m
}

func TestAnAnswerSaysWhyForHowLongAndByWhichChange(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	for _, asset := range []string{"AST-000001", "AST-000002"} {
		_, err := f.things.SetLabels(t.Context(), f.as("olga"), asset, map[string]string{"owner": "vera"}, "vera looks after it", "")
		f.must(err)
	}
	early, err := f.changes.File(t.Context(), f.as("ann"), f.adopting(reconcile.Finding{ID: "FND-000001"}))
	f.must(err)
	f.observe(time.Hour)
	f.set("cloud", 1, "server_type", text("cx52"))
	f.observe(time.Hour)
	x := f.findings()[0]
	over, err := f.changes.File(t.Context(), f.as("ann"), f.adopting(x))
	f.must(err)
	_, err = f.changes.Cancel(t.Context(), f.as("ann"), over.ID, "not needed after all")
	f.must(err)
	good, err := f.changes.File(t.Context(), f.as("ann"), f.adopting(x))
	f.must(err)
	olga, now := f.as("olga"), f.clock.Now()
	for name, x := range map[string]struct {
		answer func() error
		want   string
	}{
		"until now":       {func() error { _, err := f.Waive(t.Context(), olga, x.ID, now, why); return err }, "bad_waiver"},
		"until yesterday": {func() error { _, err := f.Waive(t.Context(), olga, x.ID, now.Add(-24*time.Hour), why); return err }, "bad_waiver"},
		"for an endless reason": {func() error {
			_, err := f.Waive(t.Context(), olga, x.ID, now.Add(time.Hour), strings.Repeat("x", 2001))
			return err
		}, "reason_missing"},
		"a revert for no reason":  {func() error { _, err := f.Revert(t.Context(), olga, x.ID, "  ok             "); return err }, "reason_missing"},
		"adopted for no reason":   {func() error { _, err := f.Adopt(t.Context(), olga, x.ID, good.ID, "ok"); return err }, "reason_missing"},
		"adopted by an older one": {func() error { _, err := f.Adopt(t.Context(), olga, x.ID, early.ID, why); return err }, "not_retroactive"},
		"adopted by a dead one":   {func() error { _, err := f.Adopt(t.Context(), olga, x.ID, over.ID, why); return err }, "adopting_change_over"},
		"a finding that is none":  {func() error { _, err := f.Revert(t.Context(), olga, "FND-9", why); return err }, "no_finding"},
		"shown, and is none":      {func() error { _, err := f.Show(t.Context(), "FND-9"); return err }, "no_finding"},
		"a verdict on nothing":    {func() error { _, err := f.MatchOf(t.Context(), "no-difference"); return err }, "not_judged"},
		"a state that is none":    {func() error { _, err := f.Findings(t.Context(), reconcile.Filter{State: "lost"}); return err }, "bad_filter"},
		"a severity that is none": {func() error { _, err := f.Findings(t.Context(), reconcile.Filter{Severity: "mild"}); return err }, "bad_filter"},
		"an unknown environment":  {func() error { _, err := f.Findings(t.Context(), reconcile.Filter{Environment: "moon"}); return err }, "bad_filter"},
		"a mute's unknown state":  {func() error { _, err := f.MutesOf(t.Context(), "lost", 0, 10); return err }, "bad_filter"},
	} {
		if err := x.answer(); !fault.Is(err, x.want) {
			t.Errorf("%s: %v, want %s", name, err, x.want)
		}
	}
	for who, want := range map[string]int{"olga": 1, "ann": 0, "vera": 0} {
		if list, n, err := f.Asks(t.Context(), f.as(who), 10); err != nil || n != want || len(list) != want {
			t.Errorf("%s is asked about %d, %+v, %v; want %d", who, n, list, err, want)
		}
	}
	r, err := f.Read(t.Context(), f.as("vera"), x.ID)
	f.must(err)
	f.refused(r.Refused, "not_allowed") // the owner, who audits
	m := reconcile.Mute{Kind: reconcile.Automation, Reason: "the autoscaler changes sizes", Type: "hcloud_server", Path: "image", Expires: now.Add(time.Hour).UnixMicro()}
	if got, err := f.Propose(t.Context(), olga, m); err != nil || got.Back.Differences != 1 || got.Back.Matched != 0 {
		t.Errorf("a mute of another attribute would have matched %+v, %v; want nothing", got.Back, err)
	}
}

// What is adopted is what the approvers read. A change that is reworded so that it does not name the finding adopts nothing.
func TestAChangeThatNamesTheFindingNoMoreAdoptsNothing(t *testing.T) {
	t.Parallel()
	f, x := edited(t)
	m := f.adopting(x)
	c, err := f.changes.File(t.Context(), f.as("ann"), m)
	f.must(err)
	_, err = f.Adopt(t.Context(), f.as("olga"), x.ID, c.ID, why)
	f.must(err)
	m.Justification = "The load grew over night"
	c, err = f.changes.Edit(t.Context(), f.as("ann"), c.ID, c.RevDigest, m)
	f.must(err)
	f.approve(c, m)
	f.must(f.Tick(t.Context()))
	got, err := f.Show(t.Context(), x.ID)
	f.must(err)
	if got.State != reconcile.Open || got.Adopts != "" || !strings.Contains(got.Reason, string(c.ID)) {
		t.Errorf("finding %s, adopts %q because %q; want it open again, for the change does not name it", got.State, got.Adopts, got.Reason)
	}
	f.whole()
}

// A person's effect is about the asset that is called so when it is approved. A plan's is about its address, whatever is called like that.
func TestOnlyATypedEffectMeansAnAssetByItsName(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	list := []reconcile.Claim{{Address: "web-1", Planned: true}, {Address: "web-1"}, {Address: "nobody"}}
	f.must(f.db.View(t.Context(), func(tx *db.Tx) error { return reconcile.Means(tx, list) }))
	if list[0].Asset != "" || list[1].Asset == "" || list[2].Asset != "" {
		t.Errorf("claims mean %q, %q and %q, want only the second to mean an asset", list[0].Asset, list[1].Asset, list[2].Asset)
	}
}

// Whoever answers only for what was found last is asked about it, however much waits for others before it.
func TestWhoAnswersForTheNewestFindingIsAsked(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.must(f.db.Update(t.Context(), fault.SystemActor("test"), func(tx *db.Tx) error {
		for n, owner := range []string{"sam", "sam", "sam", "Erin"} {
			x := reconcile.Finding{ID: fmt.Sprintf("FND-%06d", n+1), N: int64(n + 1), State: reconcile.Open, Owner: owner}
			if err := reconcile.SaveFinding(tx, &x); err != nil {
				return err
			}
		}
		_, err := ledger.Append(tx, ledger.Event{Verb: "test.written", Type: "test", Object: "1"})
		return err
	}))
	for who, want := range map[string]int{"sam": 3, "erin": 1, "olga": 4, "ivo": 0} {
		list, n, err := f.AsksBy(t.Context(), f.as(who), 2, 2)
		if err != nil || n != want || len(list) != min(want, 2) {
			t.Errorf("%s is asked about %d, %+v, %v; want %d", who, n, list, err, want)
		}
	}
	if list, _, err := f.AsksBy(t.Context(), f.as("erin"), 2, 1); err != nil || len(list) != 1 || list[0].N != 4 {
		t.Errorf("erin is asked about %+v, %v; want FND-000004", list, err)
	}
}

// A change adopts the findings that say so, among those that any of its wordings names, whatever it is worded like by now.
func TestAChangeShowsWhatItAdoptsAndNothingElse(t *testing.T) {
	t.Parallel()
	f := found(t)
	m := f.material(grow(1))
	m.Justification = "Adopts FND-000001, FND-000002, FND-000003 and FND-000004"
	c, err := f.changes.File(t.Context(), f.as("ann"), m)
	f.must(err)
	f.must(f.db.Update(t.Context(), fault.SystemActor("test"), func(tx *db.Tx) error {
		for n, x := range []reconcile.Finding{
			{State: reconcile.Adopted, FindingBody: reconcile.FindingBody{Adopts: string(c.ID)}},
			{State: reconcile.Adopting, FindingBody: reconcile.FindingBody{Adopts: "CHG-000099"}}, // named by this one, adopted by another
			{State: reconcile.Waived, FindingBody: reconcile.FindingBody{Adopts: string(c.ID)}},
			{State: reconcile.Adopting, FindingBody: reconcile.FindingBody{Adopts: string(c.ID)}},
		} {
			x.ID, x.N = fmt.Sprintf("FND-%06d", n+1), int64(n+1)
			if err := reconcile.SaveFinding(tx, &x); err != nil {
				return err
			}
		}
		_, err := ledger.Append(tx, ledger.Event{Verb: "test.written", Type: "test", Object: "1"})
		return err
	}))
	shown := func() (ids []string) {
		list, err := f.AdoptedBy(t.Context(), c.ID)
		f.must(err)
		for _, x := range list {
			ids = append(ids, x.ID)
		}
		return ids
	}
	want := []string{"FND-000001", "FND-000004"}
	if got := shown(); !slices.Equal(got, want) {
		t.Errorf("it adopts %v, want %v", got, want)
	}
	m.Justification = "The load grew over night"
	_, err = f.changes.Edit(t.Context(), f.as("ann"), c.ID, c.RevDigest, m)
	f.must(err)
	if got := shown(); !slices.Equal(got, want) {
		t.Errorf("after another wording it adopts %v, want %v still", got, want)
	}
}
