package change_test

import (
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// What a pipeline found is not undone by the next upload of whoever wants the change. It is answered by the same account, by
// a program that no author owns, or by Security, who attaches a file that says why.
func TestAFailureIsAnsweredByWhoWeighsAsMuch(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	who := map[string]fault.Actor{"ci": o.program(t, "ci", "pia"), "lab": o.program(t, "lab", "dana"), "anns program": o.program(t, "bot", "ann")}
	for _, name := range []string{"ann", "ivo", "dana", "sam"} {
		who[name] = o.as(name)
	}
	const signs = "sam signs"
	for _, x := range []struct {
		failed   string
		passed   []string
		answered bool
	}{
		{"ci", []string{"ann"}, false}, {"ci", []string{"dana"}, false}, {"ci", []string{"anns program"}, false},
		{"ci", []string{"ann", "dana", "anns program"}, false},
		{"ci", []string{"ci"}, true}, {"ci", []string{"lab"}, true}, {"ci", []string{signs}, true},
		{"anns program", []string{"ann"}, false}, {"anns program", []string{"anns program"}, true}, {"anns program", []string{"ci"}, true},
		{"dana", []string{"ann"}, false}, {"dana", []string{"anns program"}, false},
		{"dana", []string{"dana"}, true}, {"dana", []string{"ivo"}, true}, {"dana", []string{"ci"}, true}, {"dana", []string{signs}, true},
		{"ann", []string{"ann"}, true}, {"ann", []string{"ci"}, true},
	} {
		c := o.authorized(t)
		bring := func(by, document string) {
			t.Helper()
			e, actor := change.Evidence{Format: "junit", Subject: seal.Raw([]byte(file))}, who[by]
			if by == signs {
				e.Format, e.Kind, actor, document = "attached", "tests", who["sam"], "the runner's disk was full; seen by me"
			}
			_, err := o.AddEvidence(t.Context(), actor, c.ID, e, strings.NewReader(document))
			must(t, err)
		}
		bring(x.failed, failing)
		if got := o.code(t, "ivo", request(c.ID)); got != wire.ExitPending {
			t.Errorf("%s says that it failed: code %d, want 4", x.failed, got)
		}
		for _, by := range x.passed {
			bring(by, passing)
		}
		want := wire.ExitPending
		if x.answered {
			want = wire.ExitAllowed
		}
		v, err := o.Check(t.Context(), o.as("ivo"), request(c.ID))
		must(t, err)
		if v.Code != want {
			t.Errorf("%s failed, %v passed: code %d (%+v), want %d", x.failed, x.passed, v.Code, v.Missing, want)
		}
		why := "by the same account, by another program"
		if x.failed == "dana" {
			why = "by the same account, by another person"
		}
		if !x.answered && (len(v.Missing) != 1 || !strings.Contains(v.Missing[0].Why, why)) {
			t.Errorf("%s failed, %v passed: the gate says %+v, want %q", x.failed, x.passed, v.Missing, why)
		}
		if view, err := o.Show(t.Context(), c.ID); err != nil || (view.Failed["tests"] == "") != x.answered {
			t.Errorf("%s failed, %v passed: the change says %v (%v)", x.failed, x.passed, view.Failed, err)
		}
	}
	o.whole(t)
}

// moved gives a program to another owner, and gives the token that they make of it.
func (o *office) moved(t *testing.T, program fault.Actor, owner string) fault.Actor {
	t.Helper()
	must(t, o.dir.MoveService(t.Context(), o.as("olga"), directory.AccountID(program.Account), o.people[owner]))
	_, secret, err := o.dir.MakeToken(t.Context(), o.as(owner), directory.NewToken{Account: directory.AccountID(program.Account), Name: "of " + owner,
		Scopes: []directory.Scope{directory.ScopeEvidence}})
	must(t, err)
	actor, err := o.dir.Recognise(t.Context(), secret.Reveal())
	must(t, err)
	return actor
}

// What an author's own program said stays their own word when an officer gives the program to somebody else afterwards.
func TestEvidenceIsWhoseTheProgramWasWhenItCame(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	o.activate(t)
	bot := o.program(t, "bot", "ann")
	m := change.Material{}
	o.toggled(t, bot, func(x *change.Material) { m = *x })
	for _, x := range []struct {
		from, to string
		want     change.State
	}{{"ann", "pia", change.AwaitingApproval}, {"pia", "dana", change.Authorized}, {"dana", "ann", change.AwaitingApproval}} {
		c, err := o.File(t.Context(), o.as("ann"), m)
		must(t, err)
		_, err = o.AddEvidence(t.Context(), bot, c.ID, change.Evidence{Format: "junit", Subject: flag}, strings.NewReader(passing))
		must(t, err)
		bot = o.moved(t, bot, x.to)
		if c, err = o.Submit(t.Context(), o.as("ann"), c.ID, c.RevDigest); err != nil || c.State != x.want {
			t.Errorf("a program of %s, then of %s: %s (%v), want %s", x.from, x.to, c.State, err, x.want)
		}
	}
	o.whole(t)
}

// The same account answers its own failure while it is in the same hands.
func TestAProgramThatCameToAnAuthorDoesNotAnswerItsFailure(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	ci := o.program(t, "ci", "pia")
	for _, x := range []struct {
		to   string
		want int
	}{{"ann", wire.ExitPending}, {"dana", wire.ExitAllowed}} {
		c := o.authorized(t)
		bring := func(by fault.Actor, document string) {
			t.Helper()
			_, err := o.AddEvidence(t.Context(), by, c.ID, change.Evidence{Format: "junit", Subject: seal.Raw([]byte(file))}, strings.NewReader(document))
			must(t, err)
		}
		bring(ci, failing)
		ci = o.moved(t, ci, x.to)
		bring(ci, passing)
		if got := o.code(t, "ivo", request(c.ID)); got != x.want {
			t.Errorf("it failed, went to %s and passed: code %d, want %d", x.to, got, x.want)
		}
	}
}

// Who failed to talk a failure away with their own upload does not get rid of it by failing themselves.
func TestAWeakerFailureDoesNotCoverAStrongerOne(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	ci, c := o.pipeline(t), o.authorized(t)
	for _, x := range []struct {
		by       fault.Actor
		document string
	}{{ci, failing}, {o.as("ann"), failing}, {o.as("ann"), passing}} {
		_, err := o.AddEvidence(t.Context(), x.by, c.ID, change.Evidence{Format: "junit", Subject: seal.Raw([]byte(file))}, strings.NewReader(x.document))
		must(t, err)
	}
	if got := o.code(t, "ivo", request(c.ID)); got != wire.ExitPending {
		t.Errorf("code %d after ann answered her own failure only, want 4", got)
	}
}

// A test of one thing that passes says nothing about another one that failed.
func TestAFailureIsAnsweredAboutTheSameThing(t *testing.T) {
	t.Parallel()
	o := company(t)
	other := seal.Raw([]byte("idle_timeout = 16\n"))
	c := o.authorized(t, func(m *change.Material) {
		m.Bindings = append(m.Bindings, change.Binding{Kind: "config-file", Name: "other.conf", Digest: other})
	})
	q := request(c.ID)
	q.Observed = append(q.Observed, wire.Observed{Kind: "config-file", Name: "other.conf", Digest: other})
	for _, x := range []struct {
		subject, document string
		want              int
	}{{other, failing, wire.ExitPending}, {seal.Raw([]byte(file)), passing, wire.ExitPending}, {other, passing, wire.ExitAllowed}} {
		_, err := o.AddEvidence(t.Context(), o.as("ann"), c.ID, change.Evidence{Format: "junit", Subject: x.subject}, strings.NewReader(x.document))
		must(t, err)
		if got := o.code(t, "ivo", q); got != x.want {
			t.Errorf("code %d after tests of %s, want %d", got, x.subject, x.want)
		}
	}
}

// Criteria stand for people's look: they hear of a failure from anybody.
func TestCriteriaHearOfAFailureFromAnybody(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	ci := o.pipeline(t)
	o.activate(t)
	m := change.Material{}
	c := o.toggled(t, ci, func(x *change.Material) { m = *x })
	if c.State != change.Authorized {
		t.Fatalf("state %s with the pipeline's tests, want authorized", c.State)
	}
	c, err := o.File(t.Context(), o.as("ann"), m)
	must(t, err)
	for _, x := range []struct {
		by       fault.Actor
		document string
	}{{ci, passing}, {o.as("dana"), failing}} {
		_, err := o.AddEvidence(t.Context(), x.by, c.ID, change.Evidence{Format: "junit", Subject: flag}, strings.NewReader(x.document))
		must(t, err)
	}
	c, err = o.Submit(t.Context(), o.as("ann"), c.ID, c.RevDigest)
	must(t, err)
	if c.State != change.Assessing || c.Body.Auto.Passed {
		t.Errorf("state %s after dana saw it fail, want assessing", c.State)
	}
}
