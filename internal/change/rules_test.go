package change

import (
	"slices"
	"testing"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// waiting is a submitted change in memory, for rules that need no database.
func waiting(t *testing.T) *Snapshot {
	t.Helper()
	m := newMachine(t)
	w := m.start(t)
	if !submit().try(m, w) {
		t.Fatal("the change could not be submitted")
	}
	m.refresh(w)
	return &w.snap
}

func TestOnlyAPersonInTheirOwnSessionDecides(t *testing.T) {
	t.Parallel()
	s := waiting(t)
	digest := s.Change.RevDigest
	good := session(bob)
	for name, edit := range map[string]func(*fault.Actor){
		"a token":                    func(a *fault.Actor) { a.Authn = fault.Token },
		"the setup code":             func(a *fault.Actor) { a.Authn = fault.Setup },
		"nobody's authentication":    func(a *fault.Actor) { a.Authn = fault.NoAuthn },
		"a service account":          func(a *fault.Actor) { a.Kind = fault.Service },
		"the server itself":          func(a *fault.Actor) { a.Kind, a.Authn = fault.System, fault.Own },
		"nobody":                     func(a *fault.Actor) { a.Kind = fault.Nobody },
		"a session of an unknown":    func(a *fault.Actor) { a.Person = "per_unknown" },
		"a session without a person": func(a *fault.Actor) { a.Person = "" },
	} {
		a := good
		edit(&a)
		if s.approve(a, digest, "", modelNow) == nil {
			t.Errorf("%s approved", name)
		}
		if s.reject(a, digest, "no") == nil {
			t.Errorf("%s rejected", name)
		}
		if s.withdraw(a, "") == nil {
			t.Errorf("%s withdrew", name)
		}
	}
	if err := s.approve(good, digest, "", modelNow); err != nil {
		t.Errorf("the security lead was refused: %v", err)
	}
	s.Decisions = []Decision{{Person: bob, RevDigest: digest, Verb: Approval, At: modelNow, Roles: []string{"security-lead"}}}
	token := good
	token.Authn = fault.Token
	if s.withdraw(token, "") == nil {
		t.Error("a token withdrew")
	}
	if err := s.withdraw(good, ""); err != nil {
		t.Errorf("the approver could not withdraw: %v", err)
	}
}

func TestARoleThatWasLostTookItsDecisionsWithIt(t *testing.T) {
	t.Parallel()
	s := waiting(t)
	counts := func(since int64, then ...string) bool {
		s.Roster = directory.RosterOf([]directory.Person{{ID: bob, Name: bob}}, nil,
			[]directory.RoleGrant{{Role: "security-lead", Holder: bob, Since: since}}, modelNow+10)
		s.Decisions = []Decision{{Person: bob, RevDigest: s.Change.RevDigest, Verb: Approval, At: modelNow, Roles: then}}
		return len(s.votes()) == 1
	}
	if !counts(modelNow-5, "security-lead") || !counts(modelNow, "security-lead") {
		t.Error("a role held ever since the decision does not count")
	}
	if counts(modelNow+5, "security-lead") {
		t.Error("a role that was granted anew after the decision counts")
	}
	if counts(modelNow-5, "engineering-lead") || counts(modelNow-5) {
		t.Error("a role that was not held at the decision counts")
	}
}

func TestTheGateAdmitsOnlyKnownCallersAndKinds(t *testing.T) {
	t.Parallel()
	s := waiting(t)
	s.Change.State = Authorized
	s.Revision.Material.Implementers = append(s.Revision.Material.Implementers, Executor{Account: "acc_ci", Repo: "r", Pipe: "p"}, Executor{Account: "acc_free"})
	has := func(a fault.Actor, code string) bool {
		v := s.verdict(a, wire.GateRequest{Kind: wire.KindApply}, modelNow)
		for _, d := range v.Denials {
			if d.Code == code {
				return true
			}
		}
		return false
	}
	ci := fault.Actor{Kind: fault.Service, Authn: fault.Token, Person: eve, Account: "acc_ci", Repo: "r", Pipe: "p"}
	if has(ci, "executor_not_named") {
		t.Error("the named pipeline is not admitted")
	}
	for name, edit := range map[string]func(*fault.Actor){
		"another repository":        func(a *fault.Actor) { a.Repo = "other" },
		"an unbound repository":     func(a *fault.Actor) { a.Repo = "" },
		"another pipeline":          func(a *fault.Actor) { a.Pipe = "other" },
		"another account":           func(a *fault.Actor) { a.Account = "acc_other" },
		"no account":                func(a *fault.Actor) { a.Account = "" },
		"a person with its account": func(a *fault.Actor) { a.Kind, a.Person = fault.Human, "per_x" },
	} {
		a := ci
		edit(&a)
		if !has(a, "executor_not_named") {
			t.Errorf("%s is admitted", name)
		}
	}
	if a := session(eve); has(a, "executor_not_named") {
		t.Error("the named person is not admitted")
	}
	service := session(eve)
	service.Kind, service.Account = fault.Service, "acc_evil"
	if !has(service, "executor_not_named") {
		t.Error("a service account passes for the person who owns it")
	}
	if !has(fault.SystemActor("x"), "unknown_executor") {
		t.Error("the server itself is admitted")
	}
	if !has(session(ann), "executor_role") {
		t.Error("a person without the implementer's role is admitted")
	}
	s.SetUp = false
	if !has(session(eve), "not_set_up") {
		t.Error("the gate answers before the set-up")
	}
}

func TestEvidenceOfAnotherThingIsNone(t *testing.T) {
	t.Parallel()
	s := waiting(t)
	if n := len(s.missingChecks(modelNow)); n != 0 {
		t.Fatalf("%d checks missing, want none", n)
	}
	for name, edit := range map[string]func(*CheckResult){
		"about another digest": func(c *CheckResult) { c.Subject = otherBytes },
		"without a subject":    func(c *CheckResult) { c.Subject = "" },
		"failing":              func(c *CheckResult) { c.Status = "fail" },
		"without a status":     func(c *CheckResult) { c.Status = "" },
		"from the future":      func(c *CheckResult) { c.At = modelNow + 2_000_000 },
		"too old":              func(c *CheckResult) { c.At = modelNow - 31*24*3600*1_000_000 },
		"of another kind":      func(c *CheckResult) { c.Kind = "sbom" },
	} {
		with := *s
		c := s.Checks[0]
		edit(&c)
		with.Checks = []CheckResult{c}
		if len(with.missingChecks(modelNow)) == 0 {
			t.Errorf("evidence %s counts", name)
		}
	}
	with := *s
	newer := s.Checks[0]
	newer.N, newer.Status = 2, "fail"
	with.Checks = []CheckResult{newer, s.Checks[0]}
	if len(with.missingChecks(modelNow)) == 0 {
		t.Error("an older pass outweighs a newer failure")
	}
	if len(checkFacts(s.Revision.Material, s.independent(), modelNow, s.own())) != 0 {
		t.Error("what a person uploaded counts for an automatic approval")
	}
}

func TestAPlanMustShowTheApprovedNormalizedDigest(t *testing.T) {
	t.Parallel()
	plan := Binding{Kind: "tf-plan", Digest: goodBytes, Normalized: otherBytes, Base: "lineage/3"}
	for name, x := range map[string]struct {
		seen wire.Observed
		same bool
	}{
		"the same plan":                       {wire.Observed{Digest: goodBytes, Normalized: otherBytes, Base: "lineage/3"}, true},
		"a re-plan with the same effect":      {wire.Observed{Digest: otherBytes, Normalized: otherBytes, Base: "lineage/4"}, true},
		"the same, of a twin":                 {wire.Observed{Digest: goodBytes, Normalized: otherBytes, Base: "twin/3"}, false},
		"the same, of no state that is shown": {wire.Observed{Digest: goodBytes, Normalized: otherBytes}, false},
		"the same bytes, another effect":      {wire.Observed{Digest: goodBytes, Normalized: goodBytes}, false},
		"the same bytes, no normalized shown": {wire.Observed{Digest: goodBytes}, false},
		"another plan":                        {wire.Observed{Digest: otherBytes, Normalized: goodBytes}, false},
	} {
		if got := len(mismatches(plan, x.seen)) == 0; got != x.same {
			t.Errorf("%s: same = %v, want %v", name, got, x.same)
		}
	}
	raw := Binding{Kind: "tf-plan", Digest: goodBytes, Base: "lineage/3"}
	if len(mismatches(raw, wire.Observed{Digest: goodBytes, Base: "lineage/4"})) == 0 {
		t.Error("a state that moved on is not noticed")
	}
	if len(mismatches(raw, wire.Observed{Digest: otherBytes})) == 0 {
		t.Error("other bytes pass")
	}
	bare := Binding{Kind: "tf-plan", Digest: goodBytes, Shown: otherBytes}
	for name, x := range map[string]struct {
		seen wire.Observed
		same bool
	}{
		"the file that was shown":          {wire.Observed{Digest: goodBytes, Normalized: goodBytes, Shown: otherBytes}, true},
		"the same bytes, nothing shown":    {wire.Observed{Digest: goodBytes, Normalized: goodBytes}, false},
		"the same bytes show another plan": {wire.Observed{Digest: goodBytes, Shown: goodBytes}, false},
		"other bytes that show the same":   {wire.Observed{Digest: otherBytes, Shown: otherBytes}, false},
	} {
		if got := len(mismatches(bare, x.seen)) == 0; got != x.same {
			t.Errorf("%s: same = %v, want %v", name, got, x.same)
		}
	}
}

func TestEveryMaterialFieldIsUnderTheDigest(t *testing.T) {
	t.Parallel()
	base := newMachine(t).start(t).snap.Revision.Material
	_, digest, err := base.Digest()
	if err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(*Material){
		"type": func(m *Material) { m.Type = "standard" }, "category": func(m *Material) { m.Category = "network" },
		"model": func(m *Material) { m.Model = "x" }, "summary": func(m *Material) { m.Summary += "." },
		"justification": func(m *Material) { m.Justification += "." }, "components": func(m *Material) { m.Components = []string{"api"} },
		"targets": func(m *Material) { m.Targets = []string{"web-prod", "api-prod"} }, "bindings": func(m *Material) { m.Bindings = nil },
		"effects": func(m *Material) { m.Effects = []Effect{{Target: "x"}} }, "rollback": func(m *Material) { m.Rollback.Text += "." },
		"rollback binding": func(m *Material) { m.Rollback.Binding = nil }, "checks": func(m *Material) { m.Checks = []string{"sbom"} },
		"window": func(m *Material) { m.Window.Until = instant(modelNow) }, "implementers": func(m *Material) { m.Implementers = nil },
		"data flags": func(m *Material) { m.DataFlags = []string{"pii"} }, "deploy": func(m *Material) { m.Deploy.Branch = "main" },
		"risk floor": func(m *Material) { m.RiskFloor = "high" }, "attachments": func(m *Material) { m.Attachments = []Attachment{{Name: "a"}} },
		"critical role": func(m *Material) { m.CriticalRole = "dns" }, "emergency": func(m *Material) { m.EmergencyNotes = "x" },
	} {
		m := base
		edit(&m)
		if _, other, _ := m.Digest(); other == digest {
			t.Errorf("%s can change under the same digest", name)
		}
		before, _ := base.sameRun()
		if after, _ := m.sameRun(); after == before {
			t.Errorf("%s can change while decisions carry over", name)
		}
	}
}

// A plan made again keeps the decisions, if it does the same to the same state: the serial moves on, the lineage does not. Else its
// author would get the twin of a state that people approved released, by an edit that nobody looks at.
func TestAPlanOfATwinCarriesNoDecisionOver(t *testing.T) {
	t.Parallel()
	planned := func(base string) Material {
		m := newMachine(t).start(t).snap.Revision.Material
		b := Binding{Kind: "tf-plan", Digest: goodBytes, Normalized: otherBytes, Base: base}
		m.Bindings, m.Rollback.Binding = []Binding{b}, &b
		return m
	}
	was := planned("lineage/3")
	again := planned("lineage/4")
	again.Bindings[0].Digest, again.Bindings[0].Document = otherBytes, goodBytes
	if same, err := SameRun(was, again); err != nil || !same {
		t.Errorf("the same plan, made again: same %v, %v", same, err)
	}
	for name, base := range map[string]string{"of a twin": "twin/3", "of no state that is named": ""} {
		for place, edit := range map[string]func(*Material){"what is run": func(m *Material) { m.Bindings[0].Base = base },
			"the way back": func(m *Material) { m.Rollback.Binding.Base = base }} {
			m := planned("lineage/3")
			way := *m.Rollback.Binding
			m.Rollback.Binding = &way
			edit(&m)
			if same, err := SameRun(was, m); err != nil || same {
				t.Errorf("%s %s keeps the decisions (%v)", place, name, err)
			}
		}
	}
}

func TestAChangeIsNamedOneWay(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]ID{"CHG-7": "CHG-000007", "chg-000007": "CHG-000007", " CHG-1234567 ": "CHG-1234567",
		"": "", "7": "", "CHG-": "", "CHG-0": "", "CHG--7": "", "prod-7": "PROD-000007", "P-7": "", "PRODUCTION-7": "", "PR0D-7": "", "ſſ-7": "", "CHG-7x": "", "CHG-9999999999999999": ""} {
		got, err := ParseID(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("ParseID(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
}

func FuzzParseID(f *testing.F) {
	for _, s := range []string{"CHG-7", "chg-000007", "prod-7", "", "CHG-0", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseID(s)
		if err != nil {
			return
		}
		if again, err := ParseID(string(id)); err != nil || again != id {
			t.Errorf("ParseID(%q) = %q, read again %q, %v", s, id, again, err)
		}
	})
}

// What is read back is what was filed: an empty list is an absent one, also where it stands alone in a
// member. Else an evidence pack could not show that its wording is the one that was approved.
func TestAWordingReadBackHasTheDigestThatItWasFiledWith(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*Material){
		"as it is": func(*Material) {}, "an empty deploy": func(m *Material) { m.Deploy = Deploy{Links: []string{}, Scans: []string{}} },
		"empty lists":   func(m *Material) { m.Components, m.Checks, m.DataFlags = []string{}, []string{}, []string{} },
		"no window":     func(m *Material) { m.Window = Envelope{} },
		"half a window": func(m *Material) { m.Window = Envelope{From: instant(modelNow)} },
		"an empty plan": func(m *Material) { m.Bindings[0].Plan = PlanSum{Types: []string{}, Touches: []Touch{}} },
	} {
		m := newMachine(t).start(t).snap.Revision.Material
		m.Bindings = slices.Clone(m.Bindings)
		edit(&m)
		if err := m.clean(); err != nil {
			t.Fatal(err)
		}
		canonical, digest, err := m.Digest()
		if err != nil {
			t.Fatal(err)
		}
		var back Material
		if err := seal.Decode(canonical, &back); err != nil {
			t.Fatal(err)
		}
		if _, again, err := back.Digest(); err != nil || again != digest {
			t.Errorf("%s: %s is read back as something else (%v)", name, canonical, err)
		}
	}
}

// What a plan of an unknown state does to what is there explains nothing afterwards, so criteria let none through: people look at it. What
// only creates has no state yet.
func TestCriteriaLetNoPlanThroughThatNamesNoState(t *testing.T) {
	t.Parallel()
	whole := PlanSum{Create: 1, Touches: []Touch{{Address: "a.b", Op: "create"}}}
	for name, x := range map[string]struct {
		kind, base string
		sum        PlanSum
		want       bool
	}{
		"updates, of a state":          {"tf-plan", "5c1a/7", PlanSum{Update: 1}, true},
		"creates, of none":             {"tf-plan", "", whole, true},
		"is no plan":                   {"config-file", "", PlanSum{}, true},
		"updates, of none":             {"tf-plan", "", PlanSum{Create: 1, Update: 1}, false},
		"deletes, of none":             {"tf-plan", "", PlanSum{Delete: 1}, false},
		"replaces, of none":            {"tf-plan", "", PlanSum{Replace: 1}, false},
		"lets go of something":         {"tf-plan", "", PlanSum{Create: 1, Touches: append(whole.Touches, Touch{Address: "a.c", Op: "forget"})}, false},
		"takes over something":         {"tf-plan", "", PlanSum{Create: 1, Touches: append(whole.Touches, Touch{Address: "a.c", Op: "import"})}, false},
		"does more than anybody lists": {"tf-plan", "", PlanSum{Create: 1, Whole: true}, false},
		"names a serial of nothing":    {"tf-plan", "/7", PlanSum{Update: 1}, false},
	} {
		b := Binding{Kind: x.kind, Base: x.base, Plan: x.sum}
		for where, m := range map[string]Material{"runs": {Bindings: []Binding{b}}, "goes back": {Rollback: Rollback{Binding: &b}}} {
			c, err := m.statesKnown()
			if err != nil || c.ID != "bound/plan-state" || c.Passed != x.want || len(c.Inputs) == 0 {
				t.Errorf("a plan that %s, and %s: %+v, %v, want %v with its inputs", where, name, c, err, x.want)
			}
		}
	}
}
