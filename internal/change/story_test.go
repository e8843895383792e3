package change_test

import (
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

func TestAChangeGoesFromRequestToProof(t *testing.T) {
	t.Parallel()
	o := company(t)
	c := o.authorized(t, func(m *change.Material) { m.Targets = []string{"api-prod"} })
	c = o.ran(t, c.ID, 0)
	if c.State != change.Verifying || c.Body.Proposed != change.Successful {
		t.Fatalf("state %s, proposed %s, want verifying and successful", c.State, c.Body.Proposed)
	}
	v, err := o.Show(t.Context(), c.ID)
	must(t, err)
	if len(v.Verify) != 1 {
		t.Fatalf("open verifications = %v, want the target owner's", v.Verify)
	}
	_, err = o.Verify(t.Context(), o.as("sam"), c.ID, change.Verification{Slot: v.Verify[0], Passed: true})
	refused(t, err, "not_owner")
	_, err = o.Close(t.Context(), o.as("ann"), c.ID, change.Successful, nil)
	refused(t, err, "not_verified")
	c, err = o.Verify(t.Context(), o.as("emil"), c.ID, change.Verification{Slot: v.Verify[0], Passed: true, Comment: "looked"})
	must(t, err)
	if c.State != change.InReview {
		t.Fatalf("state %s after the owner's word, want in_review", c.State)
	}
	_, err = o.Close(t.Context(), o.as("ann"), c.ID, change.BackedOut, nil)
	refused(t, err, "dishonest_closure")
	c, err = o.Close(t.Context(), o.as("ann"), c.ID, change.Successful, nil)
	must(t, err)
	events, err := o.Timeline(t.Context(), c.ID, 0, 100)
	must(t, err)
	var verbs []string
	for _, e := range events {
		verbs = append(verbs, e.Leaf.Verb)
	}
	want := "change.filed evidence.added change.submitted change.approved change.approved gate.opened gate.closed request.denied change.verified change.closed"
	if got := strings.Join(verbs, " "); got != want {
		t.Errorf("timeline:\n got %s\nwant %s", got, want)
	}
	o.whole(t)
}

func TestWhatIsMissingIsNamedFieldByField(t *testing.T) {
	t.Parallel()
	o := company(t)
	m := configChange(o)
	m.Justification, m.Rollback, m.Components = " ", change.Rollback{}, nil
	c, err := o.File(t.Context(), o.as("ann"), m)
	must(t, err)
	_, err = o.Submit(t.Context(), o.as("ann"), c.ID, c.RevDigest)
	refused(t, err, "incomplete")
	var paths []string
	for _, f := range fault.Of(err).Fields {
		paths = append(paths, f.Path)
	}
	if got := strings.Join(paths, " "); got != "components justification rollback" {
		t.Errorf("missing = %q, want components justification rollback", got)
	}
	m = configChange(o)
	m.Bindings = nil
	c, err = o.File(t.Context(), o.as("ann"), m)
	must(t, err)
	_, err = o.Submit(t.Context(), o.as("ann"), c.ID, c.RevDigest)
	refused(t, err, "incomplete")
	if next := fault.Of(err).Next; !strings.Contains(next, "--config-file FILE") {
		t.Errorf("next is %q, want the flag that fills it in", next)
	}
}

func TestOnlyAnAuthorSubmitsWhatTheySaw(t *testing.T) {
	t.Parallel()
	o := company(t)
	c, err := o.File(t.Context(), o.as("ann"), configChange(o))
	must(t, err)
	_, err = o.Submit(t.Context(), o.as("sam"), c.ID, c.RevDigest)
	refused(t, err, "not_author")
	_, err = o.Submit(t.Context(), o.as("ann"), c.ID, seal.Raw(nil))
	refused(t, err, "stale")
	_, err = o.Submit(t.Context(), o.as("ann"), c.ID, c.RevDigest)
	must(t, err)
	_, err = o.Submit(t.Context(), o.as("ann"), c.ID, c.RevDigest)
	refused(t, err, "not_draft")
}

func TestApprovalCountsOnlyOnTestedThings(t *testing.T) {
	t.Parallel()
	o := company(t)
	c, err := o.File(t.Context(), o.as("ann"), configChange(o))
	must(t, err)
	c, err = o.Submit(t.Context(), o.as("ann"), c.ID, c.RevDigest)
	must(t, err)
	if c.State != change.Assessing {
		t.Fatalf("state %s without tests, want assessing", c.State)
	}
	_, err = o.Approve(t.Context(), o.as("sam"), c.ID, c.RevDigest, "")
	refused(t, err, "checks_missing")
	_, err = o.AddEvidence(t.Context(), o.as("ann"), c.ID, change.Evidence{Format: "junit", Subject: seal.Raw([]byte("another"))}, strings.NewReader(passing))
	refused(t, err, "wrong_subject")
	_, err = o.AddEvidence(t.Context(), o.as("ann"), c.ID, change.Evidence{Format: "attached", Kind: "tests", Subject: seal.Raw([]byte(file))}, strings.NewReader("we tested it"))
	refused(t, err, "unsigned_evidence")
	o.evidence(t, c.ID, failing)
	_, err = o.Approve(t.Context(), o.as("sam"), c.ID, c.RevDigest, "")
	refused(t, err, "checks_missing")
	o.evidence(t, c.ID, passing)
	_, err = o.Approve(t.Context(), o.as("sam"), c.ID, c.RevDigest, "")
	must(t, err)
	o.evidence(t, c.ID, failing) // turns red later: the approval stays, the gate closes
	_, err = o.Approve(t.Context(), o.as("erin"), c.ID, c.RevDigest, "")
	must(t, err)
	v, err := o.Check(t.Context(), o.as("ivo"), request(c.ID))
	must(t, err)
	if v.Code != wire.ExitPending || len(v.Missing) != 1 || v.Missing[0].Slot != "tests" {
		t.Errorf("verdict %+v, want pending for tests", v)
	}
}

func TestNeitherAuthorNorExecutorNorStrangerApproves(t *testing.T) {
	t.Parallel()
	o := company(t)
	c := o.submitted(t, func(m *change.Material) { m.Implementers = append(m.Implementers, change.Executor{Person: "steve"}) })
	for who, code := range map[string]string{"ann": "self_approval", "ivo": "executor_approval", "steve": "executor_approval", "pia": "no_slot", "dana": "no_slot"} {
		_, err := o.Approve(t.Context(), o.as(who), c.ID, c.RevDigest, "")
		refused(t, err, code)
		_, err = o.Reject(t.Context(), o.as(who), c.ID, c.RevDigest, "no")
		refused(t, err, code)
	}
	token := o.as("sam")
	token.Authn = fault.Token
	_, err := o.Approve(t.Context(), token, c.ID, c.RevDigest, "")
	if err == nil {
		t.Fatal("a token approved")
	}
	_, err = o.Approve(t.Context(), o.as("sam"), c.ID, seal.Raw(nil), "")
	refused(t, err, "stale")
	_, err = o.Approve(t.Context(), o.as("sam"), c.ID, c.RevDigest, "")
	must(t, err)
	_, err = o.Approve(t.Context(), o.as("sam"), c.ID, c.RevDigest, "")
	refused(t, err, "decided_already")
	_, err = o.Approve(t.Context(), o.as("steve"), c.ID, c.RevDigest, "")
	refused(t, err, "executor_approval")
	_, err = o.Approve(t.Context(), o.as("otto"), c.ID, c.RevDigest, "")
	refused(t, err, "no_slot")
}

func TestRejectingWhatNobodyIsAskedAboutSaysWhatToDo(t *testing.T) {
	t.Parallel()
	o := company(t)
	c, err := o.File(t.Context(), o.as("ann"), configChange(o))
	must(t, err)
	_, err = o.Reject(t.Context(), o.as("sam"), c.ID, c.RevDigest, "no")
	refused(t, err, "not_pending")
	if f := fault.Of(err); f.Who != "its author" || f.Next != "plumb change cancel "+string(c.ID) {
		t.Errorf("who %q, next %q", f.Who, f.Next)
	}
	c = o.authorized(t)
	_, err = o.Reject(t.Context(), o.as("otto"), c.ID, c.RevDigest, "no")
	refused(t, err, "no_slot")
	if f := fault.Of(err); f.Who != "a holder of engineering-lead or security-lead" {
		t.Errorf("who %q", f.Who)
	}
}

func TestWhoWroteTheCommitCannotApproveIt(t *testing.T) {
	t.Parallel()
	o := company(t)
	c := o.submitted(t, func(m *change.Material) { m.Bindings[0].Authors = []string{"Sam <SAM@example.com>", "nobody"} })
	_, err := o.Approve(t.Context(), o.as("sam"), c.ID, c.RevDigest, "")
	refused(t, err, "self_approval")
}

func TestAnEditVoidsAndARejectionNeedsAReason(t *testing.T) {
	t.Parallel()
	o := company(t)
	c := o.authorized(t)
	m := configChange(o)
	v0, err := o.Show(t.Context(), c.ID)
	must(t, err)
	m.Summary, m.Targets = "Another wording", v0.Material.Targets
	_, err = o.Edit(t.Context(), o.as("ann"), c.ID, seal.Raw(nil), m)
	refused(t, err, "stale")
	edited, err := o.Edit(t.Context(), o.as("ann"), c.ID, c.RevDigest, m)
	must(t, err)
	if edited.State != change.Draft || edited.Rev != 2 {
		t.Fatalf("state %s rev %d after the edit, want draft and 2", edited.State, edited.Rev)
	}
	_, err = o.Edit(t.Context(), o.as("ann"), c.ID, edited.RevDigest, m)
	refused(t, err, "no_difference")
	v, err := o.Check(t.Context(), o.as("ivo"), request(c.ID))
	must(t, err)
	if v.Code == wire.ExitAllowed {
		t.Fatal("the gate opens on an edited change")
	}
	c, err = o.Submit(t.Context(), o.as("ann"), c.ID, edited.RevDigest)
	must(t, err)
	_, err = o.Reject(t.Context(), o.as("sam"), c.ID, c.RevDigest, " ")
	refused(t, err, "no_reason")
	c, err = o.Reject(t.Context(), o.as("sam"), c.ID, c.RevDigest, "too short")
	must(t, err)
	_, err = o.Withdraw(t.Context(), o.as("sam"), c.ID, "on second thought")
	refused(t, err, "nothing_to_withdraw")
	_, err = o.Reject(t.Context(), o.as("erin"), c.ID, c.RevDigest, "me too")
	refused(t, err, "not_pending")
	_, err = o.Submit(t.Context(), o.as("ann"), c.ID, c.RevDigest)
	refused(t, err, "needs_new_revision")
	_, err = o.Approve(t.Context(), o.as("erin"), c.ID, c.RevDigest, "")
	refused(t, err, "not_awaiting")
	v, err = o.Check(t.Context(), o.as("ivo"), request(c.ID))
	must(t, err)
	if v.Code != wire.ExitDenied {
		t.Errorf("code %d on a rejected change, want 3", v.Code)
	}
	diff, err := o.Diff(t.Context(), c.ID, 1, 2)
	must(t, err)
	if len(diff) != 1 || diff[0].Path != "summary" {
		t.Errorf("diff = %+v, want the summary", diff)
	}
}

func TestAWithdrawnApprovalReopensTheSlotUntilThePermitIsUsed(t *testing.T) {
	t.Parallel()
	o := company(t)
	c := o.authorized(t)
	_, err := o.Withdraw(t.Context(), o.as("steve"), c.ID, "")
	refused(t, err, "nothing_to_withdraw")
	c, err = o.Withdraw(t.Context(), o.as("sam"), c.ID, "on second thought")
	must(t, err)
	if c.State != change.AwaitingApproval {
		t.Fatalf("state %s, want awaiting_approval", c.State)
	}
	_, err = o.Approve(t.Context(), o.as("steve"), c.ID, c.RevDigest, "")
	must(t, err)
	o.opened(t, "ivo", request(c.ID))
	_, err = o.Withdraw(t.Context(), o.as("steve"), c.ID, "late")
	refused(t, err, "permit_used")
	_, err = o.Edit(t.Context(), o.as("ann"), c.ID, c.RevDigest, configChange(o))
	refused(t, err, "not_editable")
	_, err = o.Cancel(t.Context(), o.as("ann"), c.ID, "late")
	refused(t, err, "permit_used")
}

func TestApprovalsExpireAndNothingOfThemIsLeft(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	c := o.authorized(t)
	q := request(c.ID)
	q.Kind = wire.KindPlan
	o.opened(t, "ivo", q) // a plan changes nothing, and keeps no approval alive
	o.clock.Add(15 * day)
	o.again()
	v, err := o.Check(t.Context(), o.as("ivo"), request(c.ID))
	must(t, err)
	if v.Code != wire.ExitPending {
		t.Errorf("code %d after the approvals' life, before any timer ran, want 4", v.Code)
	}
	if _, err := o.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	shown, err := o.Show(t.Context(), c.ID)
	must(t, err)
	if shown.Change.State != change.Expired {
		t.Fatalf("state %s, want expired", shown.Change.State)
	}
	c, err = o.Submit(t.Context(), o.as("ann"), c.ID, c.RevDigest)
	must(t, err)
	if c.State != change.AwaitingApproval {
		t.Fatalf("state %s, want awaiting_approval", c.State)
	}
	v, err = o.Check(t.Context(), o.as("ivo"), request(c.ID))
	must(t, err)
	if v.Code != wire.ExitPending || len(v.Missing) != 2 {
		t.Errorf("verdict %+v, want both approvals missing again", v)
	}
	o.whole(t)
}

func TestADisabledPersonsApprovalReopensTheChange(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	c := o.authorized(t)
	must(t, o.dir.Disable(t.Context(), o.as("olga"), o.people["sam"], "left"))
	shown, err := o.Show(t.Context(), c.ID)
	must(t, err)
	if shown.Change.State != change.AwaitingApproval {
		t.Errorf("state %s after an approver left, want awaiting_approval", shown.Change.State)
	}
	v, err := o.Check(t.Context(), o.as("ivo"), request(c.ID))
	must(t, err)
	if v.Code != wire.ExitPending {
		t.Errorf("code %d, want 4", v.Code)
	}
	_, err = o.Approve(t.Context(), o.as("sam"), c.ID, c.RevDigest, "")
	if err == nil {
		t.Error("a disabled person approved")
	}
	withdrawn := o.submitted(t)
	o.approve(t, withdrawn, "erin")
	_, err = o.Withdraw(t.Context(), o.as("erin"), withdrawn.ID, "")
	must(t, err)
	o.approve(t, withdrawn, "steve", "emil")
	must(t, o.dir.Disable(t.Context(), o.as("olga"), o.people["erin"], "left"))
	shown, err = o.Show(t.Context(), withdrawn.ID)
	must(t, err)
	if shown.Change.State != change.Authorized {
		t.Errorf("state %s after somebody left whose word did not count, want authorized", shown.Change.State)
	}
	refused(t, o.db.Update(t.Context(), fault.SystemActor("test"), func(tx *db.Tx) error { return o.SetUp(tx, o.pack) }), "set_up_already")
	o.whole(t)
}

func TestTheGateReleasesExactlyTheApprovedThingOnceToTheNamedExecutor(t *testing.T) {
	t.Parallel()
	o := company(t)
	c := o.authorized(t)
	deny := func(who string, code int, edit func(*wire.GateRequest)) {
		t.Helper()
		q := request(c.ID)
		edit(&q)
		v, err := o.Open(t.Context(), o.as(who), q)
		must(t, err)
		if v.Code != code || v.Permit != nil {
			t.Errorf("verdict %+v, want code %d and no permit", v, code)
		}
	}
	other := seal.Raw([]byte("other"))
	deny("ivo", wire.ExitMismatch, func(q *wire.GateRequest) { q.Observed[0].Digest = other })
	deny("ivo", wire.ExitMismatch, func(q *wire.GateRequest) { q.Observed = nil })
	deny("ivo", wire.ExitMismatch, func(q *wire.GateRequest) {
		q.Observed = append(q.Observed, wire.Observed{Kind: "db-script", Digest: other})
	})
	deny("ivo", wire.ExitMismatch, func(q *wire.GateRequest) { q.Environment = "test" })
	deny("ivo", wire.ExitMismatch, func(q *wire.GateRequest) { q.Targets = []string{"web-prod", "vault-prod"} })
	deny("pia", wire.ExitDenied, func(*wire.GateRequest) {})
	deny("ann", wire.ExitDenied, func(*wire.GateRequest) {})
	deny("sam", wire.ExitDenied, func(*wire.GateRequest) {})
	deny("ivo", wire.ExitDenied, func(q *wire.GateRequest) { q.Kind = wire.KindRollback })
	deny("ivo", wire.ExitDenied, func(q *wire.GateRequest) { q.Kind = "anything" })
	deny("ivo", wire.ExitDenied, func(q *wire.GateRequest) { q.Attempt = 2 })
	deny("ivo", wire.ExitPending, func(q *wire.GateRequest) { q.CI.Actor = "erin" }) // erin triggered the build and approved it
	q := request(c.ID)
	p := o.opened(t, "ivo", q)
	if again := o.opened(t, "ivo", q); again.ID != p.ID {
		t.Errorf("the same key got permit %s, want %s again", again.ID, p.ID)
	}
	deny("ivo", wire.ExitDenied, func(*wire.GateRequest) {})
	_, err := o.Finish(t.Context(), o.as("pia"), report(p, 0))
	refused(t, err, "not_holder")
	wrong := report(p, 0)
	wrong.Fence++
	_, err = o.Finish(t.Context(), o.as("ivo"), wrong)
	refused(t, err, "fenced_off")
	lie := report(p, 0)
	lie.Exit = 1
	_, err = o.Finish(t.Context(), o.as("ivo"), lie)
	refused(t, err, "bad_report")
	_, err = o.Finish(t.Context(), o.as("ivo"), report(p, 0))
	must(t, err)
	_, err = o.Finish(t.Context(), o.as("ivo"), report(p, 0))
	refused(t, err, "closed_already")
	v, err := o.Open(t.Context(), o.as("ivo"), q)
	must(t, err)
	if v.Code != wire.ExitDenied {
		t.Errorf("code %d when the ended permit's key is used again, want 3", v.Code)
	}
}

func TestAFailedRunIsRolledBackAndClosedHonestly(t *testing.T) {
	t.Parallel()
	o := company(t)
	c := o.authorized(t)
	c = o.ran(t, c.ID, 1)
	if c.State != change.Verifying || c.Body.Proposed != change.Failed {
		t.Fatalf("state %s, proposed %s, want verifying and failed", c.State, c.Body.Proposed)
	}
	_, err := o.Close(t.Context(), o.as("ann"), c.ID, change.Successful, nil)
	refused(t, err, "dishonest_closure")
	p := o.opened(t, "ivo", back(c.ID))
	_, err = o.Close(t.Context(), o.as("ann"), c.ID, change.Failed, nil)
	refused(t, err, "not_in_review")
	_, err = o.Finish(t.Context(), o.as("ivo"), report(p, 0))
	must(t, err)
	_, err = o.Close(t.Context(), o.as("ann"), c.ID, change.BackedOut, nil)
	refused(t, err, "review_missing")
	review := &change.Review{Outcome: "put back", Causes: "a typing error", Actions: []change.Action{{Text: "lint it", Owner: "ann"}}}
	_, err = o.Close(t.Context(), o.as("ann"), c.ID, change.BackedOut, review)
	refused(t, err, "bad_review")
	review.Actions[0].Due = time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	_, err = o.Close(t.Context(), o.as("ivo"), c.ID, change.BackedOut, review)
	refused(t, err, "own_review")
	c, err = o.Close(t.Context(), o.as("ann"), c.ID, change.BackedOut, review)
	must(t, err)
	if c.State != change.Closed || c.Body.Closure != change.BackedOut {
		t.Errorf("state %s closure %s, want closed and backed_out", c.State, c.Body.Closure)
	}
}
