package change

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/wire"
)

// word of a person on the wording as it is, in the order in which they are given.
func (s *Snapshot) said(verb Verb, people ...string) {
	for _, p := range people {
		s.Decisions = append(s.Decisions, Decision{ID: "dec_" + p, RevDigest: s.Change.RevDigest, Person: p, Verb: verb,
			Roles: modelRoles[p], At: modelNow, N: int64(len(s.Decisions)) + 1})
	}
}

// cleared is a change that bob and cat approved.
func cleared(t *testing.T) *Snapshot {
	t.Helper()
	s := waiting(t)
	s.said(Approval, bob, cat)
	if !s.approved() {
		t.Fatal("two leads do not suffice")
	}
	s.authorize(modelNow)
	return s
}

func applying() wire.GateRequest {
	return wire.GateRequest{Schema: wire.GateRequestSchema, Kind: wire.KindApply, Observed: []wire.Observed{{Kind: "config-file", Name: "app.conf", Digest: goodBytes}}}
}

// says gives whether the gate's no to eve has this code, slot or field among its reasons.
func (s *Snapshot) says(q wire.GateRequest, code string) bool {
	v := s.verdict(session(eve), q, modelNow)
	return slices.ContainsFunc(v.Denials, func(d wire.Denial) bool { return d.Code == code }) ||
		slices.ContainsFunc(v.Missing, func(m wire.Missing) bool { return m.Slot == code }) ||
		slices.ContainsFunc(v.Mismatches, func(m wire.Mismatch) bool { return m.Field == code })
}

func TestTheGateNamesEachThingInTheWay(t *testing.T) {
	t.Parallel()
	if v := cleared(t).verdict(session(eve), applying(), modelNow); v.Code != wire.ExitAllowed {
		t.Fatalf("verdict %+v for what was approved, want allow", v)
	}
	for name, x := range map[string]struct {
		code string
		edit func(*Snapshot, *wire.GateRequest)
	}{
		"the policy in force forbids it": {"forbidden", func(s *Snapshot, _ *wire.GateRequest) {
			s.PackNo = fault.New(fault.Denied, "forbidden", "No.")
		}},
		"it ran":              {"attempt_used", func(s *Snapshot, _ *wire.GateRequest) { s.Change.State = Verifying }},
		"it ran and is read":  {"attempt_used", func(s *Snapshot, _ *wire.GateRequest) { s.Change.State = InReview }},
		"it is a draft":       {"submission", func(s *Snapshot, _ *wire.GateRequest) { s.Change.State = Draft }},
		"it has expired":      {"submission", func(s *Snapshot, _ *wire.GateRequest) { s.Change.State = Expired }},
		"it is rejected":      {"rejected", func(s *Snapshot, _ *wire.GateRequest) { s.said(Rejection, lou) }},
		"a second attempt":    {"attempt_not_allowed", func(_ *Snapshot, q *wire.GateRequest) { q.Attempt = 2 }},
		"who runs it decided": {"executor_approved", func(s *Snapshot, _ *wire.GateRequest) { s.said(Approval, eve) }},
		"its way back runs": {"already_running", func(s *Snapshot, _ *wire.GateRequest) {
			s.Change.State = Implementing
			s.Permits = []Permit{{ID: "prm_1", Kind: wire.KindRollback, Attempt: 1, Outcome: Running}}
		}},
		"there is no way back": {"no_rollback_binding", func(s *Snapshot, q *wire.GateRequest) {
			s.Change.State, q.Kind, s.Revision.Material.Rollback.Binding = Verifying, wire.KindRollback, nil
		}},
		"another commit": {"commit", func(s *Snapshot, q *wire.GateRequest) {
			s.Revision.Material.Bindings[0].Commit, q.CI.Commit = "1111", "2222"
		}},
		"another target":      {"target", func(_ *Snapshot, q *wire.GateRequest) { q.Targets = []string{"db-prod"} }},
		"another environment": {"environment", func(_ *Snapshot, q *wire.GateRequest) { q.Environment = "dev" }},
		"something more": {"runbook more", func(_ *Snapshot, q *wire.GateRequest) {
			q.Observed = append(q.Observed, wire.Observed{Kind: "runbook", Name: "more", Digest: otherBytes})
		}},
	} {
		s, q := cleared(t), applying()
		x.edit(s, &q)
		if !s.says(q, x.code) {
			t.Errorf("%s: verdict %+v, want %s in it", name, s.verdict(session(eve), q, modelNow), x.code)
		}
	}
}

func TestOneRejectionOutweighsEnoughApprovals(t *testing.T) {
	t.Parallel()
	s := cleared(t)
	s.said(Rejection, lou)
	if s.approved() {
		t.Error("a rejected change counts as approved")
	}
}

func TestAWordIsAboutOneWordingUntilItIsTakenBack(t *testing.T) {
	t.Parallel()
	s := waiting(t)
	s.Decisions = []Decision{{Person: bob, RevDigest: otherBytes, Verb: Approval, At: modelNow, Roles: modelRoles[bob]}}
	if len(s.standing()) != 0 {
		t.Error("a word on another wording stands")
	}
	s.Change.Body.Carried = []string{otherBytes}
	if len(s.standing()) != 1 {
		t.Error("a word on an equal wording does not stand")
	}
	s.said(Withdrawal, bob)
	if _, ok := s.standing()[bob]; ok {
		t.Error("a word that was taken back stands")
	}
	if err := s.approve(session(bob), s.Change.RevDigest, "", modelNow); err != nil {
		t.Errorf("who took their word back cannot approve anew: %v", err)
	}
}

func TestCriteriaStandForPeopleOnlyWhileTheyHold(t *testing.T) {
	t.Parallel()
	s := waiting(t)
	model := s.Pack.Models[0].ID
	digest, err := s.Pack.ModelDigest(model)
	if err != nil {
		t.Fatal(err)
	}
	s.said(Approval, "")
	s.Change.Body.Auto = &AutoApproval{Model: model, Digest: digest, Passed: true, At: 2}
	s.Model = Model{ID: model, Digest: digest, State: ModelActive, Since: 1}
	if !s.auto() {
		t.Fatal("criteria that hold do not authorize")
	}
	for name, edit := range map[string]func(*Snapshot){
		"no criteria":             func(s *Snapshot) { s.Change.Body.Auto = nil },
		"criteria that failed":    func(s *Snapshot) { s.Change.Body.Auto = &AutoApproval{Model: model, Digest: digest} },
		"criteria of another day": func(s *Snapshot) { s.Change.Body.Auto = &AutoApproval{Model: model, Digest: otherBytes, Passed: true} },
		"no policy in force":      func(s *Snapshot) { s.Pack = nil },
		"no decision":             func(s *Snapshot) { s.Decisions = nil },
		"a suspended model":       func(s *Snapshot) { s.Model.State = ModelSuspended },
		"a model of no state":     func(s *Snapshot) { s.Model.State = "" },
		"another model's version": func(s *Snapshot) { s.Model.Digest = otherBytes },
		"a later activation":      func(s *Snapshot) { s.Model.Since = 3 },
	} {
		with := *s
		edit(&with)
		if with.auto() {
			t.Errorf("%s authorize", name)
		}
	}
}

func TestAWayBackIsTheSameFlagOrPlan(t *testing.T) {
	t.Parallel()
	is := Binding{Kind: "feature-flag", Name: "dark-mode", Repo: "web"}
	if !undoes(is, is) {
		t.Error("the same flag is no way back")
	}
	for name, what := range map[string]Binding{
		"another kind":       {Kind: "config-file", Name: "dark-mode", Repo: "web"},
		"another repository": {Kind: "feature-flag", Name: "dark-mode", Repo: "api"},
		"another flag":       {Kind: "feature-flag", Name: "free", Repo: "web"},
	} {
		if undoes(is, what) {
			t.Errorf("%s passes for a way back", name)
		}
	}
}

func TestASubmissionNeedsAnAuthorAPolicyAndPeople(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	lax := packWith(t, m.base, "fields: [targets, bindings]", "fields: [targets]")
	for name, x := range map[string]struct {
		code string
		edit func(*Snapshot, *fault.Actor)
	}{
		"no policy":    {"not_set_up", func(s *Snapshot, _ *fault.Actor) { s.SetUp = false }},
		"nobody":       {"not_author", func(s *Snapshot, a *fault.Actor) { s.Change.Body.Authors, a.Person = []string{ann, ""}, "" }},
		"another":      {"not_author", func(_ *Snapshot, a *fault.Actor) { a.Person = bob }},
		"the old text": {"stale", func(s *Snapshot, _ *fault.Actor) { s.Change.RevDigest = otherBytes }},
		"rejected":     {"needs_new_revision", func(s *Snapshot, _ *fault.Actor) { s.Change.State = Rejected }},
		"submitted":    {"not_draft", func(s *Snapshot, _ *fault.Actor) { s.Change.State = AwaitingApproval }},
		"nobody there": {"unsatisfiable", func(s *Snapshot, _ *fault.Actor) { s.Roster = directory.RosterOf(nil, nil, nil, modelNow) }},
		"nothing run":  {"nothing_bound", func(s *Snapshot, _ *fault.Actor) { s.Pack, s.Revision.Material.Bindings = lax, nil }},
	} {
		s, a := m.start(t).snap, session(ann)
		seen := s.Change.RevDigest
		x.edit(&s, &a)
		if err := s.submit(a, seen, modelNow); !fault.Is(err, x.code) {
			t.Errorf("%s: %v, want %s", name, err, x.code)
		}
	}
	s := m.start(t).snap
	if err := s.mayEdit(fault.Actor{Kind: fault.Service}, s.Change.RevDigest); !fault.Is(err, "not_allowed") {
		t.Errorf("nobody edits: %v, want not_allowed", err)
	}
}

func TestEachDecisionSaysWhyItIsRefused(t *testing.T) {
	t.Parallel()
	bad := "a\x1b[2J"
	s := cleared(t)
	if err := s.withdraw(session(bob), bad); !fault.Is(err, "bad_comment") {
		t.Errorf("withdrawn with controls: %v", err)
	}
	s = waiting(t)
	if err := s.approve(session(bob), s.Change.RevDigest, bad, modelNow); !fault.Is(err, "bad_comment") {
		t.Errorf("approved with controls: %v", err)
	}
	if err := s.reject(session(bob), s.Change.RevDigest, bad); !fault.Is(err, "bad_comment") {
		t.Errorf("rejected with controls: %v", err)
	}
	s.Roster = directory.RosterOf([]directory.Person{{ID: bob, Name: bob, Disabled: 1}}, nil, []directory.RoleGrant{{Role: "security-lead", Holder: bob, Since: 1}}, modelNow)
	if err := s.approve(session(bob), s.Change.RevDigest, "", modelNow); !fault.Is(err, "not_active") {
		t.Errorf("somebody disabled approved: %v, want not_active", err)
	}
}

// packWith is a pack in which one text stands for another.
func packWith(t *testing.T, p *policy.Pack, was, is string) *policy.Pack {
	t.Helper()
	files := fstest.MapFS{}
	for _, f := range p.Files() {
		files[f.Path] = &fstest.MapFile{Data: []byte(strings.Replace(f.Text, was, is, 1))}
	}
	out, err := policy.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	if out.Digest() == p.Digest() {
		t.Fatalf("the pack says nowhere %q", was)
	}
	return out
}
