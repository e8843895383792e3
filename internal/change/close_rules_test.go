package change

import (
	"testing"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// looking is a change that ran well and waits for people: the engineering lead for the owner, Security
// for a scan that no tool feeds.
func looking(t *testing.T) *Snapshot {
	t.Helper()
	s := cleared(t)
	s.Demand.Verify = []policy.Slot{{ID: "owner", Role: "engineering-lead", Min: 1}}
	s.Demand.After = []policy.CheckDemand{{Kind: "scan"}}
	s.Change.State, s.Change.Body.Proposed = Verifying, Successful
	s.Permits = []Permit{{ID: "prm_1", Kind: wire.KindApply, Attempt: 1, Person: eve, Outcome: Success, Issued: modelNow}}
	return s
}

func TestTheResultIsVerifiedByWhoAnswersForIt(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		code string
		edit func(*Snapshot, *fault.Actor, *Verification)
	}{
		"":                       {"", func(*Snapshot, *fault.Actor, *Verification) {}},
		"before it ran":          {"not_verifying", func(s *Snapshot, _ *fault.Actor, _ *Verification) { s.Change.State = Authorized }},
		"by a token":             {"not_a_person", func(_ *Snapshot, a *fault.Actor, _ *Verification) { a.Authn = fault.Token }},
		"of nothing":             {"no_verification", func(_ *Snapshot, _ *fault.Actor, v *Verification) { v.Slot = "" }},
		"of something else":      {"no_verification", func(_ *Snapshot, _ *fault.Actor, v *Verification) { v.Slot = "check:sbom" }},
		"by another role":        {"not_owner", func(_ *Snapshot, a *fault.Actor, _ *Verification) { *a = session(bob) }},
		"of a scan by Engineers": {"not_security", func(_ *Snapshot, _ *fault.Actor, v *Verification) { v.Slot = "check:scan" }},
		"by who executed it":     {"executor_verification", func(s *Snapshot, _ *fault.Actor, _ *Verification) { s.Permits[0].Person = cat }},
		"by who wrote it":        {"own_check", func(s *Snapshot, _ *fault.Actor, _ *Verification) { s.Change.Body.Authors = []string{cat} }},
		"by who asked for it":    {"own_check", func(s *Snapshot, _ *fault.Actor, _ *Verification) { s.Change.Requester = cat }},
		"by who may be the author": {"own_check", func(s *Snapshot, _ *fault.Actor, _ *Verification) {
			s.Roster, s.Change.Body.Authors = lentBy(cat), []string{off}
		}},
		"by Security, while its owner may": {"not_owner", func(_ *Snapshot, a *fault.Actor, _ *Verification) { *a = session(bob) }},
		"by Security, where its owner wrote it": {"", func(s *Snapshot, a *fault.Actor, _ *Verification) {
			s.Change.Body.Authors = []string{ann, cat, lou, kim}
			*a = session(bob)
		}},
		"with controls": {"bad_comment", func(_ *Snapshot, _ *fault.Actor, v *Verification) { v.Comment = "a\x1b[2J" }},
	} {
		s, a, v := looking(t), session(cat), Verification{Slot: "owner", Passed: true, At: modelNow}
		x.edit(s, &a, &v)
		if err := s.verify(a, v); (err != nil) != (x.code != "") || err != nil && !fault.Is(err, x.code) {
			t.Errorf("verified %s: %v, want %q", name, err, x.code)
		}
	}
	s := looking(t)
	if err := s.verify(session(bob), Verification{Slot: "check:scan", Passed: true, At: modelNow}); err != nil {
		t.Errorf("a scan that Security signs: %v", err)
	}
}

func TestAChangeIsClosedByAPersonAfterItsRuns(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		code string
		edit func(*Snapshot, *fault.Actor)
	}{
		"":              {"", func(*Snapshot, *fault.Actor) {}},
		"by a token":    {"not_a_person", func(_ *Snapshot, a *fault.Actor) { a.Authn = fault.Token }},
		"before it ran": {"not_in_review", func(s *Snapshot, _ *fault.Actor) { s.Change.State = Authorized }},
		"while its way back is": {"still_running", func(s *Snapshot, _ *fault.Actor) {
			s.Permits = append(s.Permits, Permit{Kind: wire.KindRollback, Outcome: Running})
		}},
		"unverified":          {"not_verified", func(s *Snapshot, _ *fault.Actor) { s.Change.Body.Verified = nil }},
		"as something better": {"dishonest_closure", func(s *Snapshot, _ *fault.Actor) { s.Change.Body.Proposed = Failed }},
		"at high risk by who executed it": {"own_review", func(s *Snapshot, a *fault.Actor) {
			s.Demand.Risk = policy.High
			*a = session(eve)
		}},
	} {
		s, a := looking(t), session(ann)
		s.Change.State, s.Change.Body.Verified = InReview, []Verification{{Slot: "owner", Passed: true}, {Slot: "check:scan", Passed: true}}
		x.edit(s, &a)
		if err := s.close(a, Successful, nil, modelNow); (err != nil) != (x.code != "") || err != nil && !fault.Is(err, x.code) {
			t.Errorf("closed %s: %v, want %q", name, err, x.code)
		}
	}
}

// A retry gets the permit that it got while there is still something to start with it, and else nothing.
func TestAPermitIsGivenAgainOnlyWhileItLives(t *testing.T) {
	t.Parallel()
	s, d := cleared(t), &Desk{}
	p := Permit{ID: "prm_1", Kind: wire.KindApply, Attempt: 1, Outcome: Running, Expires: modelNow + 1, Envelope: "{}"}
	give := func(p Permit, now int64) (string, *seal.Envelope) {
		v, err := d.same(s, p, now)
		if err != nil {
			t.Fatal(err)
		}
		return v.Verdict, v.Permit
	}
	if verdict, permit := give(p, modelNow); verdict != wire.Allow || permit == nil {
		t.Errorf("%s, %v while it lives, want allow and the permit", verdict, permit)
	}
	if verdict, permit := give(p, p.Expires); verdict != wire.Deny || permit != nil {
		t.Errorf("%s, %v at its end, want deny and none", verdict, permit)
	}
	p.Outcome = Success
	if verdict, permit := give(p, modelNow); verdict != wire.Deny || permit != nil {
		t.Errorf("%s, %v after the run, want deny and none", verdict, permit)
	}
}

// lentBy is the roster of the model in which off issued the code of these people's accounts.
func lentBy(people ...string) *directory.Roster {
	var persons []directory.Person
	var grants []directory.RoleGrant
	for id, roles := range modelRoles {
		persons = append(persons, directory.Person{ID: directory.PersonID(id), Name: id})
		for _, r := range roles {
			grants = append(grants, directory.RoleGrant{Role: directory.RoleName(r), Holder: id, Since: 1})
		}
	}
	var lent []directory.Lending
	for _, p := range people {
		lent = append(lent, directory.Lending{Person: directory.PersonID(p), By: off, At: modelNow - 10})
	}
	return directory.RosterOf(persons, nil, grants, modelNow, lent...)
}

func TestLentAccountsAddNoWordAndNoReason(t *testing.T) {
	t.Parallel()
	s := waiting(t)
	s.Roster = lentBy(bob, cat, ann)
	s.Change.Body.Authors = []string{ann, off}
	if got := s.everyExcluded()[ann].Code; got != "self_approval" {
		t.Errorf("the author is excluded as %q, want for what they did", got)
	}
	s = waiting(t)
	s.Roster = lentBy(bob, cat)
	s.said(Approval, bob, cat)
	if n := len(s.votes()); n != 1 {
		t.Errorf("%d votes of two accounts that one officer could use, want 1", n)
	}
	if doubles := s.doubles(); doubles[bob] != "" || doubles[cat] != "" || doubles[off] == "" {
		t.Errorf("doubles = %v, want the officer and none of those who decided", doubles)
	}
}
