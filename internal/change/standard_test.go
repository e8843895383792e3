package change_test

import (
	"slices"
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

const toggle = "toggle-in-app"

// activate brings the toggle model into force by a change of its own.
func (o *office) activate(t *testing.T) {
	t.Helper()
	digest, err := o.pack.ModelDigest(toggle)
	must(t, err)
	m := change.Material{Type: "normal", Category: "configuration", Summary: "Toggles by criteria", Justification: "they are many",
		Components: []string{"change-control"}, Targets: []string{"change-control"}, Rollback: change.Rollback{Text: "suspend it"},
		Bindings: []change.Binding{{Kind: change.StandardModel, Name: toggle, Digest: digest}}, Implementers: []change.Executor{{Person: "ivo"}}}
	c, err := o.File(t.Context(), o.as("ann"), m)
	must(t, err)
	_, err = o.AddEvidence(t.Context(), o.as("ann"), c.ID, change.Evidence{Format: "junit", Subject: digest}, strings.NewReader(passing))
	must(t, err)
	c, err = o.Submit(t.Context(), o.as("ann"), c.ID, c.RevDigest)
	must(t, err)
	o.approve(t, c, "sam", "erin", "olga")
	v, err := o.Apply(t.Context(), o.as("ivo"), c.ID, "key")
	must(t, err)
	if v.Code != wire.ExitAllowed {
		t.Fatalf("verdict %+v, want allow", v)
	}
}

// pipeline is the service account's token.
func (o *office) pipeline(t *testing.T) fault.Actor {
	t.Helper()
	return o.program(t, "ci", "pia")
}

// program is the token of a service account that somebody owns.
func (o *office) program(t *testing.T, name, owner string) fault.Actor {
	t.Helper()
	a, err := o.dir.AddService(t.Context(), o.as("olga"), directory.NewService{Username: name, Owner: o.people[owner], Note: "pipeline"})
	must(t, err)
	_, secret, err := o.dir.MakeToken(t.Context(), o.as(owner), directory.NewToken{Account: a.ID, Name: name,
		Scopes: []directory.Scope{directory.ScopeRead, directory.ScopeEvidence, directory.ScopeGate, directory.ScopeFile}})
	must(t, err)
	actor, err := o.dir.Recognise(t.Context(), secret.Reveal())
	must(t, err)
	return actor
}

var flag = seal.Raw([]byte("dark-mode=on"))

// toggled files a use of the toggle model with the tests that the pipeline brings, or ann.
func (o *office) toggled(t *testing.T, by fault.Actor, edit ...func(*change.Material)) change.Change {
	t.Helper()
	host := "web-test"
	m := change.Material{Type: "standard", Model: toggle, Category: "feature-toggle", Summary: "Dark mode on", Justification: "it is done",
		Components: []string{"web"}, Targets: []string{host}, Effects: []change.Effect{{Target: host, Path: seal.NewID("flag"), Op: "update", After: "on"}},
		Bindings:     []change.Binding{{Kind: "feature-flag", Name: "dark-mode", Digest: flag}},
		Rollback:     change.Rollback{Text: "switch back", Binding: &change.Binding{Kind: "feature-flag", Name: "dark-mode", Digest: seal.Raw([]byte("off"))}},
		Implementers: []change.Executor{{Person: "ivo"}}}
	for _, e := range edit {
		e(&m)
	}
	c, err := o.File(t.Context(), o.as("ann"), m)
	must(t, err)
	_, err = o.AddEvidence(t.Context(), by, c.ID, change.Evidence{Format: "junit", Subject: flag}, strings.NewReader(passing))
	must(t, err)
	c, err = o.Submit(t.Context(), o.as("ann"), c.ID, c.RevDigest)
	must(t, err)
	return c
}

func toggleRequest(id change.ID) wire.GateRequest {
	q := request(id)
	q.Observed = []wire.Observed{{Kind: "feature-flag", Name: "dark-mode", Digest: flag}}
	return q
}

func TestCriteriaAuthorizeOnlyAfterTheOfficerActivatedThem(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	ci := o.pipeline(t)
	c := o.toggled(t, ci)
	if c.State != change.AwaitingApproval || c.Body.Auto == nil || c.Body.Auto.Passed || c.Body.Auto.Why == "" {
		t.Fatalf("state %s auto %+v before the activation, want people and a reason", c.State, c.Body.Auto)
	}
	o.activate(t)
	c = o.toggled(t, o.as("ann"))
	if c.State != change.AwaitingApproval {
		t.Fatalf("state %s on the requester's own evidence, want people", c.State)
	}
	c = o.toggled(t, ci)
	if c.State != change.Authorized || !c.Body.Auto.Passed || len(c.Body.Auto.Criteria) < 3 {
		t.Fatalf("state %s auto %+v, want authorized with every criterion recorded", c.State, c.Body.Auto)
	}
	for _, x := range c.Body.Auto.Criteria {
		if !x.Passed || len(x.Inputs) == 0 {
			t.Errorf("criterion %+v, want passed with its inputs", x)
		}
	}
	p := o.opened(t, "ivo", toggleRequest(c.ID))
	_, err := o.Finish(t.Context(), o.as("ivo"), report(p, 0))
	must(t, err)
	o.whole(t)
}

// Typed effects explain what is observed afterwards. Criteria looked at the targets of the change and at nothing else, so an effect on
// another thing, on a whole thing, on a door or on a label is for people.
func TestCriteriaLetNoEffectBesideTheTargetsThrough(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	ci := o.pipeline(t)
	o.activate(t)
	if c := o.toggled(t, ci); c.State != change.Authorized { // first: a requester has five a day
		t.Errorf("state %s with an effect on the target, want authorized", c.State)
	}
	for _, e := range []change.Effect{{Target: "web-1", Path: "*", Op: "update"}, {Target: "web-1", Path: "firewall.ssh", Op: "update", After: "0.0.0.0/0"},
		{Target: "AST-000002", Path: "label.environment", Op: "update", After: "dev"}, {Target: "web-test", Path: "label.classification", Op: "update", After: "public"},
		{Target: "web-test", Path: "*", Op: "update"}, {Target: "web-test", Path: "firewall.ssh", Op: "update", After: "0.0.0.0/0"}} {
		c := o.toggled(t, ci, func(m *change.Material) { m.Effects = []change.Effect{e} })
		no := slices.IndexFunc(c.Body.Auto.Criteria, func(x policy.Criterion) bool { return x.ID == "bound/effect-targets" && !x.Passed })
		if c.State != change.AwaitingApproval || no < 0 {
			t.Errorf("%+v: state %s, criteria %+v; want people, by bound/effect-targets", e, c.State, c.Body.Auto.Criteria)
		}
	}
}

// Who owns a service account can make a token of it and say by it whatever they like. So what it says of
// their own change is their own word, with which no criterion is met.
func TestTheAuthorsOwnProgramMeetsNoCriterion(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	ci := o.pipeline(t)
	o.activate(t)
	if c := o.toggled(t, o.program(t, "anns-bot", "ann")); c.State != change.AwaitingApproval {
		t.Errorf("state %s on evidence by a program of the requester's, want people", c.State)
	}
	if c := o.toggled(t, ci); c.State != change.Authorized {
		t.Errorf("state %s on a pipeline's evidence, want authorized", c.State)
	}
}

func TestAModelSuspendsItselfWhenAUseFails(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	ci := o.pipeline(t)
	o.activate(t)
	c := o.toggled(t, ci)
	p := o.opened(t, "ivo", toggleRequest(c.ID))
	_, err := o.Finish(t.Context(), o.as("ivo"), report(p, 2))
	must(t, err)
	models, err := o.Models(t.Context())
	must(t, err)
	if len(models) != 1 || models[0].State != change.ModelSuspended || !strings.Contains(models[0].Reason, string(c.ID)) {
		t.Fatalf("models %+v, want suspended because of %s", models, c.ID)
	}
	if c := o.toggled(t, ci); c.State != change.AwaitingApproval {
		t.Errorf("state %s under a suspended model, want people", c.State)
	}
	if again := o.submitted(t); again.Body.History.Failures != 1 {
		t.Errorf("history %+v of the next change to the component, want one failure", again.Body.History)
	}
	o.whole(t)
}

// The officer's approval beforehand was for criteria that work. A failed use takes it from whatever the
// model authorized and that has not begun; people can decide on it as on any other change.
func TestASuspendedModelReleasesNothingThatItAuthorizedBefore(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	ci := o.pipeline(t)
	o.activate(t)
	on := func(target string) func(*change.Material) {
		return func(m *change.Material) { m.Targets, m.Effects[0].Target = []string{target}, target }
	}
	bad, waits, runs := o.toggled(t, ci, on("web-dev")), o.toggled(t, ci, on("web-test")), o.toggled(t, ci, on("api-test"))
	running := o.opened(t, "ivo", toggleRequest(runs.ID))
	p := o.opened(t, "ivo", toggleRequest(bad.ID))
	_, err := o.Finish(t.Context(), o.as("ivo"), report(p, 2))
	must(t, err)
	v, err := o.Open(t.Context(), o.as("ivo"), toggleRequest(waits.ID))
	must(t, err)
	i := slices.IndexFunc(v.Missing, func(m wire.Missing) bool { return m.Slot == "model" })
	if v.Code != wire.ExitPending || i < 0 || !strings.Contains(v.Missing[i].Why, "suspended") || !strings.Contains(v.Missing[i].Why, string(bad.ID)) {
		t.Fatalf("verdict %+v, want denied because the model is suspended by %s", v, bad.ID)
	}
	_, err = o.Renew(t.Context(), o.as("ivo"), running.ID, running.Fence) // what runs goes on
	must(t, err)
	q := toggleRequest(bad.ID)
	q.Kind, q.Observed[0].Digest = wire.KindRollback, seal.Raw([]byte("off"))
	o.opened(t, "ivo", q) // and what failed is backed out
	o.clock.Add(time.Second)
	o.activate(t)
	if got := o.code(t, "ivo", toggleRequest(waits.ID)); got != wire.ExitPending {
		t.Errorf("code %d after the model was activated anew, want 4: that was for what comes", got)
	}
	o.approve(t, waits, "sam", "erin")
	if got := o.code(t, "ivo", toggleRequest(waits.ID)); got != wire.ExitAllowed {
		t.Errorf("code %d after people approved, want 0", got)
	}
	o.whole(t)
}

// A model's validity ends for what it authorized as well.
func TestAnAuthorizationByCriteriaEndsWithTheModelsReview(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	o.activate(t)
	o.as("pia") // redeems the code while it can be
	o.clock.Add(89*day + 20*time.Hour)
	o.again()
	c := o.toggled(t, o.pipeline(t))
	if c.State != change.Authorized {
		t.Fatalf("state %s, auto %+v", c.State, c.Body.Auto)
	}
	if got := o.code(t, "ivo", toggleRequest(c.ID)); got != wire.ExitAllowed {
		t.Errorf("code %d before the review is due, want 0", got)
	}
	o.clock.Add(5 * time.Hour)
	o.again()
	if got := o.code(t, "ivo", toggleRequest(c.ID)); got != wire.ExitPending {
		t.Errorf("code %d after the review was due, want 4", got)
	}
}

func TestARiskyChangeCannotBeSplitIntoManySmallOnes(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	ci := o.pipeline(t)
	o.activate(t)
	for i := range 5 {
		if c := o.toggled(t, ci); c.State != change.Authorized {
			t.Fatalf("use %d: state %s why %q, want authorized", i+1, c.State, c.Body.Auto.Why)
		}
	}
	if c := o.toggled(t, ci); c.State != change.AwaitingApproval {
		t.Errorf("state %s for the sixth use in a day, want people", c.State)
	}
}
