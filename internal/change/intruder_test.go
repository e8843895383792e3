package change_test

import (
	"context"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// A way back opens without anybody's further look. Where criteria stand for people it can therefore only
// be what they looked at; else a harmless use would carry anything into production under its rollback.
func TestCriteriaReleaseNoWayBackThatTheyDidNotSee(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	ci := o.pipeline(t)
	o.activate(t)
	for name, way := range map[string]change.Binding{
		"another kind of thing": {Kind: "runbook", Name: "dark-mode", Digest: seal.Raw([]byte("rm -rf /"))},
		"another flag":          {Kind: "feature-flag", Name: "free-of-charge", Digest: flag},
		"a plan that hides":     {Kind: "tf-plan", Name: "dark-mode", Digest: flag},
	} {
		c := o.toggled(t, ci, func(m *change.Material) { m.Rollback.Binding = &way })
		if c.State != change.AwaitingApproval || c.Body.Auto.Passed {
			t.Errorf("%s: state %s by criteria, want people", name, c.State)
		}
	}
	if c := o.toggled(t, ci); c.State != change.Authorized {
		t.Errorf("state %s with the same flag as its way back, want authorized", c.State)
	}
}

// Criteria that the policy in force no longer holds release nothing that waits under them.
func TestCriteriaThatWereTightenedReleaseNothingMore(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	ci := o.pipeline(t)
	o.activate(t)
	c := o.toggled(t, ci)
	if got := o.code(t, "ivo", toggleRequest(c.ID)); got != wire.ExitAllowed {
		t.Fatalf("code %d under the criteria in force, want 0", got)
	}
	archive, err := o.pack.Archive()
	must(t, err)
	next, err := policy.LoadArchive([]byte(strings.Replace(string(archive), "effects: 3", "effects: 2", 1)))
	must(t, err)
	o.putInForce(t, next)
	v, err := o.Open(t.Context(), o.as("ivo"), toggleRequest(c.ID))
	must(t, err)
	if v.Code != wire.ExitPending {
		t.Errorf("code %d after the criteria were tightened, want 4", v.Code)
	}
	o.whole(t)
}

// The key of an open permit answers a retry. What would keep a run from going on keeps it from starting.
func TestARetriedKeyIsNoWayPastAHold(t *testing.T) {
	t.Parallel()
	o := company(t)
	c := o.authorized(t)
	q := request(c.ID)
	o.opened(t, "ivo", q)
	_, err := o.Hold(t.Context(), o.as("dana"), c.ID, "an incident")
	must(t, err)
	v, err := o.Open(t.Context(), o.as("ivo"), q)
	must(t, err)
	if v.Code != wire.ExitDenied || v.Permit != nil {
		t.Errorf("verdict %+v for a retry on hold, want denied and no permit", v)
	}
	_, err = o.Release(t.Context(), o.as("dana"), c.ID, "over")
	must(t, err)
	o.opened(t, "ivo", q)
}

// bound is a token of the service account ci that speaks for one pipeline.
func (o *office) bound(t *testing.T, account directory.AccountID, pipe string) fault.Actor {
	t.Helper()
	_, secret, err := o.dir.MakeToken(t.Context(), o.as("pia"), directory.NewToken{Account: account, Name: pipe, Repo: "example-web",
		Pipe: pipe, Scopes: []directory.Scope{directory.ScopeRead, directory.ScopeGate}})
	must(t, err)
	actor, err := o.dir.Recognise(t.Context(), secret.Reveal())
	must(t, err)
	return actor
}

// A stolen token of another pipeline is not the executor, even though it is of the same service account:
// it gets no permit by a key it read, prolongs no run and reports no end.
func TestAnotherPipelinesTokenHoldsNoPermit(t *testing.T) {
	t.Parallel()
	o := company(t)
	name := seal.NewID("ci")
	a, err := o.dir.AddService(t.Context(), o.as("olga"), directory.NewService{Username: name, Owner: o.people["pia"],
		Note: "pipelines", Repos: []string{"example-web"}})
	must(t, err)
	named, other := o.bound(t, a.ID, "apply"), o.bound(t, a.ID, "lint")
	c := o.authorized(t, func(m *change.Material) {
		m.Implementers = []change.Executor{{Account: name, Repo: "example-web", Pipe: "apply"}}
	})
	q := request(c.ID)
	v, err := o.Open(t.Context(), named, q)
	must(t, err)
	if v.Code != wire.ExitAllowed {
		t.Fatalf("verdict %+v, want allow", v)
	}
	list, err := o.Permits(t.Context(), c.ID)
	must(t, err)
	p := list[0]
	q.Key = p.Key
	v, err = o.Open(t.Context(), other, q)
	must(t, err)
	if v.Code != wire.ExitDenied || v.Permit != nil {
		t.Errorf("verdict %+v for another pipeline's token, want denied and no permit", v)
	}
	_, err = o.Renew(t.Context(), other, p.ID, p.Fence)
	refused(t, err, "not_holder")
	_, err = o.Finish(t.Context(), other, report(p, 0))
	refused(t, err, "not_holder")
	_, err = o.Finish(t.Context(), named, report(p, 0))
	must(t, err)
}

// A plan changes nothing, so it takes from nobody the right to withdraw.
func TestAPlanTakesNoRightToWithdraw(t *testing.T) {
	t.Parallel()
	o := company(t)
	c := o.authorized(t)
	q := request(c.ID)
	q.Kind = wire.KindPlan
	o.opened(t, "ivo", q)
	c, err := o.Withdraw(t.Context(), o.as("sam"), c.ID, "I see now what it does")
	must(t, err)
	if c.State != change.AwaitingApproval {
		t.Errorf("state %s after the withdrawal, want awaiting_approval", c.State)
	}
}

// A permit to plan needs nobody's approval. So it is no word on what the change binds, for whoever checks it
// offline: neither a binding nor a digest of one stands in it.
func TestAPermitToPlanReleasesNothingThatIsBound(t *testing.T) {
	t.Parallel()
	o := company(t)
	c := o.submitted(t)
	q := request(c.ID)
	q.Kind = wire.KindPlan
	p := o.opened(t, "ivo", q)
	var env seal.Envelope
	must(t, json.Unmarshal([]byte(p.Envelope), &env))
	payload, err := env.DecodeB64Payload()
	must(t, err)
	var st seal.Statement[change.PermitPredicate]
	must(t, json.Unmarshal(payload, &st))
	if len(st.Predicate.Bindings) != 0 || len(st.Subject) != 1 || st.Predicate.Kind != wire.KindPlan {
		t.Errorf("a permit to plan says %+v of %+v", st.Predicate, st.Subject)
	}
	if strings.Contains(string(payload), strings.TrimPrefix(request(c.ID).Observed[0].Digest, "sha256:")) {
		t.Error("the digest of what is bound stands in a permit that nobody approved")
	}
	o.whole(t)
}

// What one person writes everybody loads again with the change: a reason has the limits of any text.
func TestAReasonHasTheLimitsOfAnyText(t *testing.T) {
	t.Parallel()
	o := company(t)
	c := o.authorized(t)
	for name, reason := range map[string]string{"long": strings.Repeat("x", 20_001), "controls": "stop\x00\x1b[2J"} {
		for verb, try := range map[string]func(context.Context, fault.Actor, change.ID, string) (change.Change, error){
			"hold": o.Hold, "cancel": o.Cancel} {
			if _, err := try(t.Context(), o.as("ann"), c.ID, reason); !fault.Is(err, "bad_comment") {
				t.Errorf("%s with a reason that is %s: %v, want bad_comment", verb, name, err)
			}
		}
	}
	_, err := o.Hold(t.Context(), o.as("ann"), c.ID, "wait")
	must(t, err)
	_, err = o.Release(t.Context(), o.as("ann"), c.ID, strings.Repeat("x", 20_001))
	refused(t, err, "bad_comment")
}

// A verdict kept in memory ends with the roles that it rests on, though nobody writes anything then.
func TestAVerdictEndsWithARoleThatEnds(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	c := o.grant(t, "grant", "engineering-lead", "pia", func(g *change.Grant) { g.Until = o.clock.Now().Add(day / 24).UnixMicro() })
	o.approve(t, c, "sam", "erin", "olga")
	v, err := o.Apply(t.Context(), o.as("ivo"), c.ID, "key")
	must(t, err)
	if v.Code != wire.ExitAllowed {
		t.Fatalf("verdict %+v, want allow", v)
	}
	c = o.submitted(t)
	o.approve(t, c, "sam", "pia")
	q := request(c.ID)
	if got := o.code(t, "ivo", q); got != wire.ExitAllowed {
		t.Fatalf("code %d while the role is held, want 0", got)
	}
	ivo := o.as("ivo")
	o.clock.Add(day / 24)
	v, err = o.Check(t.Context(), ivo, q)
	must(t, err)
	if v.Code != wire.ExitPending {
		t.Errorf("code %d after the role ended, want 4", v.Code)
	}
}

// A change has no stages of its own, so a name for one that its executor makes up is no second execution:
// not while the first one runs, and not after it failed.
func TestAnInventedStageIsNoSecondExecution(t *testing.T) {
	t.Parallel()
	o := company(t)
	staged := func(q wire.GateRequest, stage string) wire.GateRequest {
		q.Stage = stage
		return q
	}
	c := o.authorized(t)
	p := o.opened(t, "ivo", request(c.ID))
	for _, stage := range []string{"", "two", " "} {
		v, err := o.Open(t.Context(), o.as("ivo"), staged(request(c.ID), stage))
		if err == nil && (v.Code != wire.ExitDenied || v.Permit != nil) {
			t.Errorf("stage %q while the change runs: %+v, want denied", stage, v)
		}
	}
	_, err := o.Finish(t.Context(), o.as("ivo"), wire.GateClose{Permit: p.ID, Fence: p.Fence, Outcome: "failure", Exit: 1})
	must(t, err)
	o.opened(t, "ivo", back(c.ID))
	for _, q := range []wire.GateRequest{staged(request(c.ID), "three"), staged(back(c.ID), "four")} {
		v, err := o.Open(t.Context(), o.as("ivo"), q)
		must(t, err)
		if v.Code != wire.ExitDenied || v.Permit != nil {
			t.Errorf("%s in stage %q after a failure: %+v, want denied", q.Kind, q.Stage, v)
		}
	}
	o.whole(t)
}
