package change_test

import (
	"slices"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
)

// Production is not as it was before when the run that was backed out goes on after the way back: nobody
// knows what it did last, so "backed out" would be a guess.
func TestARunThatEndsAfterItsRollbackIsNotBackedOut(t *testing.T) {
	t.Parallel()
	o := company(t)
	c := o.authorized(t)
	p := o.opened(t, "ivo", request(c.ID))
	r := o.opened(t, "ivo", back(c.ID))
	_, err := o.Finish(t.Context(), o.as("ivo"), report(r, 0))
	must(t, err)
	c, err = o.Finish(t.Context(), o.as("ivo"), report(p, 0))
	must(t, err)
	if c.Body.Proposed != change.Failed {
		t.Errorf("proposed %s, want failed: the apply ended after the rollback", c.Body.Proposed)
	}
	_, err = o.Close(t.Context(), o.as("sam"), c.ID, change.BackedOut, &change.Review{Outcome: "x", Causes: "y"})
	refused(t, err, "dishonest_closure")

	c = o.authorized(t)
	p = o.opened(t, "ivo", request(c.ID))
	r = o.opened(t, "ivo", back(c.ID))
	_, err = o.Finish(t.Context(), o.as("ivo"), report(p, 1))
	must(t, err)
	c, err = o.Finish(t.Context(), o.as("ivo"), report(r, 0))
	must(t, err)
	if c.Body.Proposed != change.BackedOut {
		t.Errorf("proposed %s, want backed_out: the rollback ended last", c.Body.Proposed)
	}
}

// Whoever wrote a change cannot sign the check of its result, whatever office they hold.
func TestAnAuthorInSecurityCannotSignTheCheckAfterwards(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	o.putInForce(t, checkedAfter(t, o.pack))
	m := configChange(o)
	m.Targets = []string{"web-test"}
	c, err := o.File(t.Context(), o.as("sam"), m)
	must(t, err)
	o.tested(t, c.ID)
	c, err = o.Submit(t.Context(), o.as("sam"), c.ID, c.RevDigest)
	must(t, err)
	o.approve(t, c, "steve", "erin")
	c = o.ran(t, c.ID, 0)
	said := change.Verification{Slot: "check:baseline", Passed: true, Comment: "looked at it"}
	_, err = o.Verify(t.Context(), o.as("sam"), c.ID, said)
	refused(t, err, "own_check")
	_, err = o.Verify(t.Context(), o.as("erin"), c.ID, said)
	refused(t, err, "not_security")
	_, err = o.Verify(t.Context(), o.as("steve"), c.ID, said)
	must(t, err)
}

// checkedAfter is the pack with a check after every change.
func checkedAfter(t *testing.T, p *policy.Pack) *policy.Pack {
	t.Helper()
	archive, err := p.Archive()
	must(t, err)
	next, err := policy.LoadArchive([]byte(strings.Replace(string(archive), `when: category == \"provisioning\"\n    after:\n      - {kind: baseline}`,
		`when: \"true\"\n    after:\n      - {kind: baseline}`, 1)))
	must(t, err)
	if next.Digest() == p.Digest() {
		t.Fatal("the pack did not change")
	}
	return next
}

// What waits is paged by number: nobody's list is read whole, and no page is lost.
func TestWhatWaitsIsReadPageByPage(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	var want []change.ID
	for range 5 {
		want = append(want, o.submitted(t).ID)
	}
	var got []change.ID
	for after := int64(0); ; {
		list, next, err := o.WaitingFrom(t.Context(), o.as("sam").Person, after, 2)
		must(t, err)
		if len(list) > 2 {
			t.Fatalf("a page of %d, want 2 at most", len(list))
		}
		for _, c := range list {
			got = append(got, c.ID)
		}
		if next == 0 {
			break
		}
		after = next
	}
	if !slices.Equal(got, want) {
		t.Errorf("pages hold %v, want %v", got, want)
	}
	for _, who := range []string{"dana", "ivo", "ann"} {
		if list, err := o.Waiting(t.Context(), o.as(who).Person); err != nil || len(list) > 0 {
			t.Errorf("%v, %v wait for %s", list, err, who)
		}
	}
}

// What a suspended model authorized waits for people.
func TestWhatLostItsModelWaitsForPeople(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	ci := o.pipeline(t)
	o.activate(t)
	waits := func() bool {
		list, err := o.Waiting(t.Context(), o.as("sam").Person)
		must(t, err)
		return len(list) > 0
	}
	bad := o.toggled(t, ci)
	p := o.opened(t, "ivo", toggleRequest(bad.ID))
	o.toggled(t, ci)
	if waits() {
		t.Error("what criteria authorized waits for people")
	}
	_, err := o.Finish(t.Context(), o.as("ivo"), report(p, 2))
	must(t, err)
	if !waits() {
		t.Error("what lost its model waits for nobody")
	}
}

// A pipeline's token is bound to a repository, and so should be its place in a change.
func TestAnExecutorWithoutARepositoryIsSaidToBeLoose(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	ci := o.pipeline(t)
	for repo, want := range map[string]int{"": 1, "example-web": 0} {
		c := o.submitted(t, func(m *change.Material) { m.Implementers = []change.Executor{{Account: ci.Account, Repo: repo}} })
		x, err := o.ExplainChange(t.Context(), c.ID)
		must(t, err)
		if len(x.Advice) != want || want > 0 && !strings.Contains(x.Advice[0], "ci is named without a repository") {
			t.Errorf("advice %q for the repository %q", x.Advice, repo)
		}
	}
}

// Whoever is named to carry a retirement out learns before it is approved that being named gives no right to label.
func TestARetirementThatNobodyNamedMayCarryOutIsSaidToBeSo(t *testing.T) {
	t.Parallel()
	o := company(t)
	named := func(names ...string) (out []change.Executor) {
		for _, n := range names {
			out = append(out, change.Executor{Person: n})
		}
		return out
	}
	for _, x := range []struct {
		by   []change.Executor
		path string
		want bool
	}{{named("ivo"), "label.lifecycle", true}, {named("ivo", "olga"), "label.lifecycle", false}, {named("otto"), "label.lifecycle", false}, {named("ivo"), "label.owner", false}} {
		asset := seal.NewID("db") // of one's own
		retiring := func(m *change.Material) {
			m.Implementers, m.Targets = x.by, []string{asset}
			m.Effects = []change.Effect{{Target: asset, Path: x.path, Op: "update", After: "retired"}}
		}
		c := o.submitted(t, retiring)
		e, err := o.ExplainChange(t.Context(), c.ID)
		must(t, err)
		v, err := o.Show(t.Context(), c.ID)
		must(t, err)
		m := configChange(o)
		retiring(&m)
		f, err := o.Foresee(t.Context(), o.as("ann"), "", m)
		must(t, err)
		for where, said := range map[string][]string{"the policy's word": e.Advice, "the change": v.Advice, "the form": f.Advice} {
			if (len(said) == 1 && strings.Contains(said[0], "may set the lifecycle of "+asset)) != x.want || !x.want && len(said) > 0 {
				t.Errorf("%v for %s: %s says %q", x.by, x.path, where, said)
			}
		}
	}
}

// An author's words stand in a command that an officer may copy only as one plain word.
func TestAdviceLeadsNobodyToRunWhatAnAuthorWrote(t *testing.T) {
	t.Parallel()
	o := company(t)
	for target, want := range map[string]string{"AST-000001": "AST-000001", "web-1.example.com": "web-1.example.com", "x; reboot": "ASSET", "$(reboot)": "ASSET",
		"--url=https://evil": "ASSET", "web 1": "ASSET"} {
		for after, becomes := range map[string]string{"retired": "retired", "retired`reboot`": "VALUE"} {
			m := configChange(o)
			m.Implementers = []change.Executor{{Person: "ivo"}}
			m.Effects = []change.Effect{{Target: target, Path: "label.lifecycle", Op: "update", After: after}}
			f, err := o.Foresee(t.Context(), o.as("ann"), "", m)
			must(t, err)
			if command := "plumb asset label " + want + " lifecycle=" + becomes + " --change"; len(f.Advice) != 1 || !strings.Contains(f.Advice[0], command) {
				t.Errorf("%q to %q: %q, want %s", target, after, f.Advice, command)
			}
		}
	}
}

// What was in force before a change was submitted is over for it: a rule that was loosened by then asks
// nobody any more.
func TestAPackThatEndedBeforeTheSubmissionDemandsNothing(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	o.putInForce(t, stricter(t, o.pack))
	o.putInForce(t, o.pack)
	o.authorized(t) // by the two that the looser pack asks for
}
