package change_test

import (
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// token is somebody's own token, with every scope that there is.
func (o *office) token(t *testing.T, who string) fault.Actor {
	t.Helper()
	_, secret, err := o.dir.MakeToken(t.Context(), o.as(who), directory.NewToken{Name: seal.NewID("own"), Scopes: directory.Scopes()})
	must(t, err)
	a, err := o.dir.Recognise(t.Context(), secret.Reveal())
	must(t, err)
	return a
}

// Whoever signed out while a request was on its way does nothing any more, whatever the use-case.
func TestWhoSignedOutDoesNothing(t *testing.T) {
	t.Parallel()
	o := company(t)
	c := o.submitted(t)
	o.as("emil")
	s, err := o.dir.Login(t.Context(), directory.Credentials{Username: "emil", Password: password, Address: netip.MustParseAddr("192.0.2.8")})
	must(t, err)
	gone, err := o.dir.Recognise(t.Context(), s.Bearer.Reveal())
	must(t, err)
	must(t, o.dir.EndSession(t.Context(), gone, directory.SessionID(gone.Via)))
	w, err := o.SetWindow(t.Context(), o.as("emil"), change.Window{Kind: change.FreezeKind, Scope: change.Scope{Targets: []string{seal.NewID("host")}},
		Starts: o.clock.Now().UnixMicro(), Ends: o.clock.Now().Add(day).UnixMicro(), Reason: "quiet"})
	must(t, err)
	ctx, id := t.Context(), c.ID
	for name, do := range map[string]func() error{
		"file":    func() error { _, err := o.File(ctx, gone, configChange(o)); return err },
		"edit":    func() error { _, err := o.Edit(ctx, gone, id, c.RevDigest, configChange(o)); return err },
		"approve": func() error { _, err := o.Approve(ctx, gone, id, c.RevDigest, ""); return err },
		"open":    func() error { _, err := o.Open(ctx, gone, request(id)); return err },
		"freeze":  func() error { _, err := o.SetWindow(ctx, gone, w); return err },
		"lift":    func() error { return o.LiftWindow(ctx, gone, w.ID, "") },
		"remark":  func() error { _, err := o.Remark(ctx, gone, id, "I was here"); return err },
		"evidence": func() error {
			_, err := o.AddEvidence(ctx, gone, id, change.Evidence{Format: "junit", Subject: seal.Raw([]byte(file))}, strings.NewReader(passing))
			return err
		},
	} {
		if err := do(); !fault.Is(err, "session_over") {
			t.Errorf("%s: %v, want session_over", name, err)
		}
	}
	must(t, o.LiftWindow(ctx, o.as("emil"), w.ID, ""))
}

// A stolen token stops nothing and lets nothing go: these are words of people.
func TestATokenNeitherHoldsNorReleases(t *testing.T) {
	t.Parallel()
	o := company(t)
	dana, sam := o.token(t, "dana"), o.token(t, "sam")
	host := seal.NewID("host")
	c := o.authorized(t, func(m *change.Material) { m.Targets = []string{host} })
	_, err := o.Hold(t.Context(), o.as("dana"), c.ID, "an incident")
	must(t, err)
	_, err = o.Release(t.Context(), dana, c.ID, "over")
	refused(t, err, "not_allowed")
	_, err = o.Release(t.Context(), o.as("dana"), c.ID, "over")
	must(t, err)
	now := o.clock.Now().UnixMicro()
	freeze := change.Window{Kind: change.FreezeKind, Scope: change.Scope{Targets: []string{host}}, Starts: now, Ends: now + day.Microseconds(), Reason: "quiet"}
	_, err = o.SetWindow(t.Context(), dana, freeze)
	refused(t, err, "not_allowed")
	freeze, err = o.SetWindow(t.Context(), o.as("dana"), freeze)
	must(t, err)
	refused(t, o.LiftWindow(t.Context(), dana, freeze.ID, ""), "not_allowed")
	_, err = o.Acknowledge(t.Context(), sam, c.ID, freeze.ID, "fine")
	refused(t, err, "no_slot")
	refused(t, o.LiftWindow(t.Context(), o.as("dana"), freeze.ID, "a\x1b[2J"), "bad_comment")
	must(t, o.LiftWindow(t.Context(), o.as("dana"), freeze.ID, ""))
}

// A pipeline may file what it owns, and still neither stop nor start anything by a word.
func TestAPipelineHoldsNothing(t *testing.T) {
	t.Parallel()
	o := company(t)
	a, err := o.dir.AddService(t.Context(), o.as("olga"), directory.NewService{Username: seal.NewID("ci"), Owner: o.people["pia"], Note: "pipelines"})
	must(t, err)
	_, secret, err := o.dir.MakeToken(t.Context(), o.as("pia"), directory.NewToken{Account: a.ID, Name: "ci",
		Scopes: []directory.Scope{directory.ScopeRead, directory.ScopeFile}})
	must(t, err)
	ci, err := o.dir.Recognise(t.Context(), secret.Reveal())
	must(t, err)
	c, err := o.File(t.Context(), ci, configChange(o))
	must(t, err)
	_, err = o.Hold(t.Context(), ci, c.ID, "wait")
	refused(t, err, "not_allowed")
}

// A conflict is accepted by somebody who could approve: in a demanded role, and no author.
func TestAConflictIsAcceptedByWhoCouldApprove(t *testing.T) {
	t.Parallel()
	o := company(t)
	host := seal.NewID("host")
	m := configChange(o)
	m.Targets = []string{host}
	c, err := o.File(t.Context(), o.as("erin"), m)
	must(t, err)
	o.tested(t, c.ID)
	c, err = o.Submit(t.Context(), o.as("erin"), c.ID, c.RevDigest)
	must(t, err)
	now := o.clock.Now().UnixMicro()
	w, err := o.SetWindow(t.Context(), o.as("dana"), change.Window{Kind: change.FreezeKind, Scope: change.Scope{Targets: []string{host}},
		Starts: now, Ends: now + day.Microseconds(), Reason: "quiet"})
	must(t, err)
	for _, who := range []string{"erin", "dirk"} { // the author, and a lead whom this change does not need
		_, err = o.Acknowledge(t.Context(), o.as(who), c.ID, w.ID, "fine")
		refused(t, err, "no_slot")
	}
	_, err = o.Acknowledge(t.Context(), o.as("emil"), c.ID, w.ID, "fine")
	must(t, err)
}

func TestOnlyWhatIsAuthorizedIsScheduledAndIntoTheFuture(t *testing.T) {
	t.Parallel()
	o := company(t)
	now := o.clock.Now()
	c := o.submitted(t)
	_, err := o.Schedule(t.Context(), o.as("ann"), c.ID, now.Add(time.Hour).UnixMicro(), now.Add(2*time.Hour).UnixMicro())
	refused(t, err, "not_authorized")
	c = o.authorized(t)
	_, err = o.Schedule(t.Context(), o.as("ann"), c.ID, now.Add(-2*time.Hour).UnixMicro(), now.UnixMicro())
	refused(t, err, "bad_window")
	_, err = o.Cancel(t.Context(), o.as("ann"), c.ID, "not needed")
	must(t, err)
	_, err = o.Cancel(t.Context(), o.as("ann"), c.ID, "not needed")
	refused(t, err, "permit_used")
}

func TestAWindowThatEndedIsNotLifted(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	now := o.clock.Now()
	w, err := o.SetWindow(t.Context(), o.as("dana"), change.Window{Kind: change.FreezeKind, Starts: now.UnixMicro(), Ends: now.Add(time.Minute).UnixMicro(), Reason: "short"})
	must(t, err)
	o.clock.Add(time.Minute)
	refused(t, o.LiftWindow(t.Context(), o.as("dana"), w.ID, ""), "window_over")
}

// People and accounts are named so that they are found, or not at all.
func TestAChangeNamesOnlyPeopleWhoAreThere(t *testing.T) {
	t.Parallel()
	o := company(t)
	for name, x := range map[string]struct {
		path string
		edit func(*change.Material)
	}{
		"an unknown executor": {"implementers[0].person", func(m *change.Material) { m.Implementers = []change.Executor{{Person: "nobody"}} }},
		"an unknown pipeline": {"implementers[0].account", func(m *change.Material) { m.Implementers = []change.Executor{{Account: "no-ci"}} }},
		"a grant to nobody": {"bindings[0].grant.person", func(m *change.Material) {
			m.Bindings = []change.Binding{{Kind: change.AccessGrant, Digest: seal.Raw(nil), Grant: &change.Grant{Op: "grant", Role: "admin", Person: "nobody"}}}
		}},
	} {
		m := configChange(o)
		x.edit(&m)
		_, err := o.File(t.Context(), o.as("ann"), m)
		refused(t, err, "unknown_person")
		if f := fault.Of(err).Fields; len(f) != 1 || f[0].Path != x.path {
			t.Errorf("%s: members %+v, want %s", name, f, x.path)
		}
	}
	m := configChange(o)
	m.Bindings = []change.Binding{{Kind: change.AccessGrant, Digest: seal.Raw(nil), Grant: &change.Grant{Op: "grant", Role: "admin", Group: "grp_ops"}}}
	_, err := o.File(t.Context(), o.as("ann"), m)
	must(t, err) // a group is nobody by name
}

// What is in no form that can be kept is refused before anything is asked or written.
func TestNothingOutOfFormIsFiledEditedExplainedOrAsked(t *testing.T) {
	t.Parallel()
	o := company(t)
	c := o.submitted(t)
	bad := configChange(o)
	bad.Summary = "a\x1b[2J"
	_, err := o.File(t.Context(), o.as("ann"), bad)
	refused(t, err, "bad_change")
	_, err = o.Edit(t.Context(), o.as("ann"), c.ID, c.RevDigest, bad)
	refused(t, err, "bad_change")
	_, err = o.Explain(t.Context(), bad)
	refused(t, err, "bad_change")
	q := request(c.ID)
	q.Schema = ""
	_, err = o.Check(t.Context(), o.as("ivo"), q)
	refused(t, err, "bad_gate_request")
	_, err = o.Open(t.Context(), o.as("ivo"), q)
	refused(t, err, "bad_gate_request")
	_, err = o.Remark(t.Context(), o.as("ann"), c.ID, " ")
	refused(t, err, "no_text")
	_, err = o.Remark(t.Context(), o.as("ann"), c.ID, "a\x1b[2J")
	refused(t, err, "bad_comment")
	_, err = o.Measure(t.Context(), o.clock.Now(), o.clock.Now().AddDate(11, 0, 0))
	refused(t, err, "bad_period")
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	t.Parallel()
	o := company(t)
	m := configChange(o)
	m.Bindings[0].Document = seal.Raw([]byte("never sent"))
	_, err := o.File(t.Context(), o.as("ann"), m)
	refused(t, err, "no_document")
	_, err = o.Document(t.Context(), "../../etc/passwd")
	refused(t, err, "no_document")
	q := request("")
	q.Observed[0].Digest = seal.Raw([]byte("of no change"))
	_, err = o.Check(t.Context(), o.as("ivo"), q)
	refused(t, err, "no_matching_change")
	_, err = o.Finish(t.Context(), o.as("ivo"), wire.GateClose{Permit: "prm_none", Outcome: change.Success})
	refused(t, err, "no_permit")
}

// endless never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestEndlessDocumentsStopAtTheLimit(t *testing.T) { // not beside others: it holds a whole document in memory
	o := company(t)
	_, err := o.AddDocument(t.Context(), "runbook", endless{})
	refused(t, err, "document_too_large")
	_, err = o.AddEvidence(t.Context(), o.as("ann"), "CHG-000001", change.Evidence{Format: "junit"}, io.Reader(endless{}))
	refused(t, err, "document_too_large")
}

// What ran and is read over holds its effects against nobody.
func TestAChangeInReviewIsNobodysRival(t *testing.T) {
	t.Parallel()
	o := company(t)
	host := seal.NewID("host")
	same := func(m *change.Material) {
		m.Targets, m.Effects = []string{host}, []change.Effect{{Target: host, Path: "timeout", Op: "update", After: "15"}}
	}
	a := o.authorized(t, same)
	a = o.ran(t, a.ID, 0)
	v, err := o.Show(t.Context(), a.ID)
	must(t, err)
	for _, slot := range v.Verify {
		a, err = o.Verify(t.Context(), o.as("steve"), a.ID, change.Verification{Slot: slot, Passed: true})
		must(t, err)
	}
	if a.State != change.InReview {
		t.Fatalf("state %s, want in_review", a.State)
	}
	b := o.authorized(t, same)
	verdict, err := o.Check(t.Context(), o.as("ivo"), request(b.ID))
	must(t, err)
	if verdict.Code != wire.ExitAllowed || len(verdict.Conflicts) != 0 {
		t.Errorf("verdict %+v, want allow and no conflict", verdict)
	}
}

// Disabling somebody whose word was not needed changes nothing about a change.
func TestADisabledPersonsSpareWordReopensNothing(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	c := o.submitted(t)
	o.approve(t, c, "steve")
	_, err := o.Withdraw(t.Context(), o.as("steve"), c.ID, "let Sam decide")
	must(t, err)
	o.approve(t, c, "sam", "erin")
	must(t, o.dir.Disable(t.Context(), o.as("olga"), o.people["steve"], "left"))
	events, err := o.Timeline(t.Context(), c.ID, 0, 100)
	must(t, err)
	for _, e := range events {
		if e.Leaf.Verb == "change.approval_void" {
			t.Errorf("event %+v, though enough approvals stand", e.Leaf)
		}
	}
	v, err := o.Show(t.Context(), c.ID)
	must(t, err)
	if v.Change.State != change.Authorized {
		t.Errorf("state %s, want authorized", v.Change.State)
	}
}

// A pack that somebody edited in the database decides nothing.
func TestAPackThatIsNotTheOneActivatedDecidesNothing(t *testing.T) {
	t.Parallel()
	cfg := dbtest.Config(t)
	o := foundOn(t, dbtest.NewClock(), cfg)
	archive, err := o.pack.Archive()
	must(t, err)
	other := strings.Replace(string(archive), "effects: 3", "effects: 300", 1)
	if _, err := policy.LoadArchive([]byte(other)); err != nil || other == string(archive) {
		t.Fatalf("the edited pack is none: %v", err)
	}
	_, err = dbtest.Raw(t, cfg).ExecContext(t.Context(), "UPDATE change_pack SET archive = $1", other)
	must(t, err)
	fresh := change.New(change.Config{DB: o.db, Log: o.log, People: o.dir})
	_, err = fresh.Pack(t.Context())
	refused(t, err, "pack_changed")
}

// What the policy demanded at a submission is what was frozen then, or nothing is decided.
func TestADemandThatIsNotTheOneFrozenDecidesNothing(t *testing.T) {
	t.Parallel()
	cfg := dbtest.Config(t)
	o := foundOn(t, dbtest.NewClock(), cfg)
	c := o.submitted(t)
	raw := dbtest.Raw(t, cfg)
	for _, text := range []string{"UPDATE change_demand SET body = '{}'", "DELETE FROM change_demand"} {
		_, err := raw.ExecContext(t.Context(), text)
		must(t, err)
		fresh := change.New(change.Config{DB: o.db, Log: o.log, People: o.dir})
		if v, err := fresh.Show(t.Context(), c.ID); err == nil {
			t.Errorf("%s: shown with the demand %+v", text, v.Demand)
		}
	}
}

func TestNothingIsDecidedWithoutAPack(t *testing.T) {
	t.Parallel()
	d := dbtest.Open(t, dbtest.NewClock())
	desk := change.New(change.Config{DB: d, People: directory.New(d, make([]byte, 32))})
	_, err := desk.Pack(t.Context())
	refused(t, err, "not_set_up")
	_, _, err = desk.Affected(t.Context(), change.Window{})
	refused(t, err, "not_set_up")
}
