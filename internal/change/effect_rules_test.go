package change

import (
	"testing"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/wire"
)

// An effect on the server itself is as free as the change that it is of: whatever would keep the gate shut keeps it from happening.
func TestAnEffectIsAsFreeAsItsChange(t *testing.T) {
	t.Parallel()
	want := Sought{Targets: []string{"db-7"}, Path: "label.environment", After: "test", Since: modelNow - 1}
	for name, x := range map[string]struct {
		code string
		edit func(*Snapshot, *fault.Actor)
	}{
		"as it was approved":             {"", func(*Snapshot, *fault.Actor) {}},
		"the policy in force refuses it": {"effect_not_authorized", func(s *Snapshot, _ *fault.Actor) { s.PackNo = fault.New(fault.Denied, "forbidden", "No.") }},
		"its approvals expired":          {"effect_not_authorized", func(s *Snapshot, _ *fault.Actor) { s.Change.Body.Expires = modelNow }},
		"one approval is withdrawn":      {"effect_not_authorized", func(s *Snapshot, _ *fault.Actor) { s.said(Withdrawal, bob) }},
		"it was rejected":                {"effect_not_authorized", func(s *Snapshot, _ *fault.Actor) { s.said(Rejection, lou) }},
		"it ran, and approvals expired": {"", func(s *Snapshot, _ *fault.Actor) {
			s.Change.Body.Expires, s.Permits = modelNow, []Permit{{Kind: wire.KindApply}}
		}},
		"only a plan was made": {"effect_not_authorized", func(s *Snapshot, _ *fault.Actor) {
			s.Change.Body.Expires, s.Permits = modelNow, []Permit{{Kind: wire.KindPlan}}
		}},
		"it closed well": {"", func(s *Snapshot, _ *fault.Actor) { s.Change.State, s.Change.Body.Closure = Closed, Successful }},
		"it closed with issues": {"", func(s *Snapshot, _ *fault.Actor) {
			s.Change.State, s.Change.Body.Closure = Closed, SuccessfulWithIssues
		}},
		"it was backed out":               {"effect_not_authorized", func(s *Snapshot, _ *fault.Actor) { s.Change.State, s.Change.Body.Closure = Closed, BackedOut }},
		"it waits for approval":           {"effect_not_authorized", func(s *Snapshot, _ *fault.Actor) { s.Change.State = AwaitingApproval }},
		"an approver does it":             {"executor_approved", func(_ *Snapshot, by *fault.Actor) { *by = session(bob) }},
		"what stands was said after it":   {"effect_overtaken", func(s *Snapshot, _ *fault.Actor) { s.Change.Body.Decided = modelNow - 2 }},
		"it is on hold":                   {"on_hold", func(s *Snapshot, _ *fault.Actor) { s.Change.Body.Hold = &Hold{Reason: "wait"} }},
		"the effect is of another target": {"effect_missing", func(s *Snapshot, _ *fault.Actor) { s.Revision.Material.Effects[0].Target = "db-8" }},
		"the thing is no target":          {"effect_outside_targets", func(s *Snapshot, _ *fault.Actor) { s.Revision.Material.Targets = []string{"web-test"} }},
		"criteria let it through": {"effect_by_criteria", func(s *Snapshot, _ *fault.Actor) {
			s.Change.Type, s.Change.Body.Auto = "standard", &AutoApproval{Passed: true}
		}},
		"the effect is another label's": {"effect_missing", func(s *Snapshot, _ *fault.Actor) { s.Revision.Material.Effects[0].Path = "label.owner" }},
		"the effect has another value":  {"effect_missing", func(s *Snapshot, _ *fault.Actor) { s.Revision.Material.Effects[0].After = "dev" }},
	} {
		s, by := cleared(t), session(off)
		s.Revision.Material.Targets = []string{"db-7"}
		s.Revision.Material.Effects = []Effect{{Target: "DB-7", Path: "label.environment", After: "test"}}
		x.edit(s, &by)
		err := s.effectApproved(by, want, modelNow)
		if x.code == "" && err != nil || x.code != "" && !fault.Is(err, x.code) {
			t.Errorf("%s: %v, want %q", name, err, x.code)
		}
	}
}

// An approval by name is for the thing that bore the name when it was worded. Sources give names, so whoever takes one must not get the
// approval with it.
func TestAnEffectMeansWhatBoreTheNameWhenItWasWorded(t *testing.T) {
	t.Parallel()
	s, by := cleared(t), session(off)
	s.Change.Created = 100
	s.Revision.Material.Resolved = []Resolved{{Name: "db-7", Asset: "AST-000007"}}
	for name, x := range map[string]struct {
		target, code string
		asset, now   string
		known        int64
	}{
		"the thing itself":                          {"db-7", "", "AST-000007", "db-7", 1},
		"the thing, called otherwise since, by id":  {"ast-000007", "", "AST-000007", "db-old", 1},
		"the thing, by its number":                  {"AST-7", "", "AST-000007", "db-old", 1},
		"another thing that took the name":          {"db-7", "effect_missing", "AST-000008", "db-7", 1},
		"a new thing that took the name":            {"DB-7", "effect_missing", "AST-000009", "db-7", 200},
		"a thing that the change brought":           {"db-9", "", "AST-000009", "db-9", 200},
		"an old thing that is called so only since": {"db-9", "effect_missing", "AST-000008", "db-9", 1},
		"a thing without a name":                    {"", "effect_missing", "AST-000009", "", 200},
	} {
		s.Revision.Material.Targets = []string{x.target}
		s.Revision.Material.Effects = []Effect{{Target: x.target, Path: "label.environment", After: "test"}}
		err := s.effectApproved(by, Sought{Asset: x.asset, Targets: []string{"AST-" + x.asset[len(x.asset)-1:]}, Name: x.now, Known: x.known,
			Path: "label.environment", After: "test"}, modelNow)
		if x.code == "" && err != nil || x.code != "" && !fault.Is(err, x.code) {
			t.Errorf("%s: %v, want %q", name, err, x.code)
		}
	}
}
