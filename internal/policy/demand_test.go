package policy_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	refusal "plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
)

func demand(t testing.TB, p *policy.Pack, f policy.Facts) policy.Demand {
	t.Helper()
	d, err := p.Demand(f)
	if err != nil {
		t.Fatal(fault(err))
	}
	return d
}

func TestWhatThePackDoesNotKnowIsRefused(t *testing.T) {
	t.Parallel()
	p := shipped(t)
	for code, edit := range map[string]func(*policy.Facts){
		"unknown_type":      func(f *policy.Facts) { f.Type = "" },
		"unknown_category":  func(f *policy.Facts) { f.Category = "Deploy" },
		"unknown_model":     func(f *policy.Facts) { f.Type = "standard" },
		"unknown_risk":      func(f *policy.Facts) { f.RiskFloor = "none" },
		"unknown_component": func(f *policy.Facts) { f.Components[0].Kind = "harmless" },
		"unknown_binding":   func(f *policy.Facts) { f.Bindings[0].Kind = "access-grant" },
		"unknown_effect":    func(f *policy.Facts) { f.Effects = []policy.Effect{{Op: "destroy"}} },
		"unknown_role":      func(f *policy.Facts) { f.Roles = []string{"emperor"} },
		"too_many":          func(f *policy.Facts) { f.Targets = make([]policy.Target, 1001) },
	} {
		f := change(p)
		edit(&f)
		if d, err := p.Demand(f); !refusal.Is(err, code) || len(d.Slots) > 0 {
			t.Errorf("%s: got %v and %d slots", code, err, len(d.Slots))
		}
	}
	f := change(p)
	f.Components = []policy.Component{{}}
	if _, err := p.Demand(f); !refusal.Is(err, "unknown_component") {
		t.Errorf("a component that is nothing: got %v", err)
	} else if e := refusal.Of(err); len(e.Fields) != 1 || !strings.Contains(e.Fields[0].Problem, "web, api, billing") {
		t.Errorf("it does not say which components there are: %v", e.Fields)
	}
}

func TestMissingLabelsAreReadAtTheirStrictest(t *testing.T) {
	t.Parallel()
	p := shipped(t)
	for name, edit := range map[string]func(*policy.Facts){
		"no target":           func(f *policy.Facts) { f.Targets, f.Environment = nil, "dev" },
		"unlabelled target":   func(f *policy.Facts) { f.Targets = []policy.Target{{Name: "x"}}; f.Environment = "dev" },
		"unknown environment": func(f *policy.Facts) { f.Environment = "staging" },
		"one target of several": func(f *policy.Facts) {
			f.Targets = append(f.Targets, policy.Target{Environment: "dev"})
			f.Environment = "dev"
		},
	} {
		f := change(p)
		edit(&f)
		if d := demand(t, p, f); d.Risk == policy.Low || len(d.Verify) == 0 {
			t.Errorf("%s: got risk %s and %d verifications, want those of production", name, d.Risk, len(d.Verify))
		}
	}
}

func TestAnUnlabelledTargetIsConfidential(t *testing.T) {
	t.Parallel()
	p := shipped(t)
	f := change(p)
	f.Category, f.Bindings, f.Targets = "provisioning", nil, []policy.Target{{Name: "new", Environment: "prod", Kind: "host", Owner: "devops-lead"}}
	if d := demand(t, p, f); !slices.ContainsFunc(d.After, func(c policy.CheckDemand) bool { return c.Kind == "volume-encrypted" }) {
		t.Errorf("got %+v, want the volume encrypted", d.After)
	}
}

func TestAConditionThatFailsRefusesTheChange(t *testing.T) {
	t.Parallel()
	p := edited(t, "rules.yaml", `when: plan.present && !plan.complete`, `when: components[7].key == "x"`)
	if d, err := p.Demand(change(p)); !refusal.Is(err, "rule_error") || refusal.Of(err).Rule != "risk-unknown-plan" || len(d.Slots) > 0 {
		t.Errorf("got %v and %d slots", err, len(d.Slots))
	}
}

func TestFewerThanTwoApprovalsAreRefused(t *testing.T) {
	t.Parallel()
	text := strings.Replace(textOf(t, "rules.yaml"), "      - {role: engineering-lead, min: 1}\n", "", 1)
	p, err := load(t, "rules.yaml", text)
	if err != nil {
		t.Fatal(fault(err))
	}
	if _, err := p.Demand(change(p)); !refusal.Is(err, "too_few_approvals") {
		t.Errorf("got %v", err)
	}
}

func TestSlotsOfOneRoleJoin(t *testing.T) {
	t.Parallel()
	p := edited(t, "rules.yaml", "    require:\n      - {role: security-lead, min: 1}\n\n  - id: it-network", "    require:\n      - {role: security-lead, min: 2}\n\n  - id: it-network")
	for _, s := range demand(t, p, change(p)).Slots {
		if s.Role == "security-lead" && (s.Min != 2 || len(s.Reasons) != 2 || !s.Distinct) {
			t.Errorf("got %+v, want the higher count for both reasons", s)
		}
	}
}

func TestSilenceAboutRiskIsHigh(t *testing.T) {
	t.Parallel()
	p := edited(t, "rules.yaml", "    when: environment == \"prod\"\n    risk: medium", "    when: environment == \"moon\"\n    risk: medium")
	d := demand(t, p, change(p))
	if d.Risk != policy.High || d.Why[0].Rule != "risk-default" || d.ExpireSecs != 72*3600 {
		t.Errorf("got %s because %v for %d s", d.Risk, d.Why, d.ExpireSecs)
	}
}

func TestTheRequesterOnlyRaisesTheRisk(t *testing.T) {
	t.Parallel()
	p := shipped(t)
	for floor, want := range map[policy.Risk]policy.Risk{"": policy.Medium, policy.Low: policy.Medium, policy.Medium: policy.Medium, policy.High: policy.High} {
		f := change(p)
		f.RiskFloor = floor
		if d := demand(t, p, f); d.Risk != want {
			t.Errorf("floor %q: got %s, want %s", floor, d.Risk, want)
		}
	}
}

func TestEvidenceIsMetOnlyByAFreshPass(t *testing.T) {
	t.Parallel()
	want := policy.CheckDemand{Kind: "tests", MaxAgeSecs: 100}
	for name, tc := range map[string]struct {
		have []policy.Check
		met  bool
	}{
		"nothing":       {nil, false},
		"another kind":  {[]policy.Check{{Kind: "sbom", Status: "pass"}}, false},
		"failed":        {[]policy.Check{{Kind: "tests", Status: "fail"}}, false},
		"missing":       {[]policy.Check{{Kind: "tests", Status: "missing"}}, false},
		"empty status":  {[]policy.Check{{Kind: "tests"}}, false},
		"too old":       {[]policy.Check{{Kind: "tests", Status: "pass", AgeSecs: 101}}, false},
		"of tomorrow":   {[]policy.Check{{Kind: "tests", Status: "pass", AgeSecs: -1}}, false},
		"pass and fail": {[]policy.Check{{Kind: "tests", Status: "pass"}, {Kind: "tests", Status: "fail"}}, false},
		"passed":        {[]policy.Check{{Kind: "tests", Status: "pass", AgeSecs: 100}}, true},
	} {
		if got := want.Met(tc.have); got != tc.met {
			t.Errorf("%s: got %v, want %v", name, got, tc.met)
		}
	}
}

func TestExecutorsOfSeveralRulesIntersect(t *testing.T) {
	t.Parallel()
	p := edited(t, "rules.yaml", "    risk: medium\n", "    risk: medium\n    executor: [devops-lead]\n")
	if got := demand(t, p, change(p)).Executor; len(got) != 0 {
		t.Errorf("got %v, want nobody", got)
	}
	p = edited(t, "rules.yaml", "    risk: medium\n", "    risk: medium\n    executor: [devops-lead, implementer]\n")
	if got := demand(t, p, change(p)).Executor; !slices.Equal(got, []string{"implementer"}) {
		t.Errorf("got %v, want the role that both rules name", got)
	}
}

func TestOnlyApprovingRolesCountAsPower(t *testing.T) {
	t.Parallel()
	p := shipped(t)
	f := change(p)
	f.Category, f.Bindings, f.Roles = "access", []policy.Binding{{Kind: "access-grant"}}, []string{"implementer"}
	if d := demand(t, p, f); slices.ContainsFunc(d.Slots, func(s policy.Slot) bool { return s.Role == "security-officer" }) {
		t.Error("granting implementer needs the Security Officer")
	}
	f.Roles = []string{"implementer", "it-manager"}
	if d := demand(t, p, f); !slices.ContainsFunc(d.Slots, func(s policy.Slot) bool { return s.Role == "security-officer" }) {
		t.Error("granting an approving role does not need the Security Officer")
	}
}

// drawFacts draws changes over the shipped pack.
func drawFacts(t *rapid.T, p *policy.Pack) policy.Facts {
	f := change(p)
	f.Category = rapid.SampledFrom(p.Categories).Draw(t, "category").Name
	f.Type = rapid.SampledFrom([]string{"normal", "emergency"}).Draw(t, "type")
	f.Components = rapid.SliceOfN(rapid.SampledFrom(p.Components), 0, 3).Draw(t, "components")
	f.Targets = rapid.SliceOfN(rapid.SampledFrom(p.Targets), 0, 3).Draw(t, "targets")
	f.Environment = rapid.SampledFrom(policy.Environments).Draw(t, "environment")
	f.Bindings = nil
	f.Roles = rapid.SliceOfN(rapid.SampledFrom(p.Approving()), 0, 2).Draw(t, "roles")
	f.Rollback.Reversible = rapid.Bool().Draw(t, "reversible")
	f.Plan = policy.Plan{Present: rapid.Bool().Draw(t, "plan"), Complete: rapid.Bool().Draw(t, "complete"), Delete: rapid.IntRange(0, 2).Draw(t, "delete")}
	f.RiskFloor = rapid.SampledFrom([]policy.Risk{"", policy.Low, policy.Medium, policy.High}).Draw(t, "floor")
	return f
}

// covers reports whether a asks at least what b asks.
func covers(a, b policy.Demand) bool {
	in := func(have, want []string) bool {
		return !slices.ContainsFunc(want, func(x string) bool { return !slices.Contains(have, x) })
	}
	younger := func(x, y int64) bool { return y == 0 || x > 0 && x <= y }
	slots := func(have, want []policy.Slot) bool {
		return !slices.ContainsFunc(want, func(s policy.Slot) bool {
			return !slices.ContainsFunc(have, func(x policy.Slot) bool {
				return x.ID == s.ID && x.Min >= s.Min && (x.Distinct || !s.Distinct) && in(x.After, s.After)
			})
		})
	}
	checks := func(have, want []policy.CheckDemand) bool {
		return !slices.ContainsFunc(want, func(c policy.CheckDemand) bool {
			return !slices.ContainsFunc(have, func(x policy.CheckDemand) bool { return x.Kind == c.Kind && younger(x.MaxAgeSecs, c.MaxAgeSecs) })
		})
	}
	for _, x := range b.Fields {
		if !slices.ContainsFunc(a.Fields, func(y policy.FieldDemand) bool { return x.Path == y.Path }) {
			return false
		}
	}
	return slots(a.Slots, b.Slots) && slots(a.Verify, b.Verify) && checks(a.Checks, b.Checks) && checks(a.After, b.After) &&
		in(b.Executor, a.Executor) && in(a.Exclude, b.Exclude) && younger(a.ExpireSecs, b.ExpireSecs) && a.Risk.Stricter(b.Risk) == a.Risk
}

// drawDemand draws a demand that no pack would make, to hold Merge to its laws.
func drawDemand(t *rapid.T, name string) policy.Demand {
	some := func(what string) []string {
		return rapid.SampledFrom([][]string{nil, {"a"}, {"b"}, {"a", "b"}}).Draw(t, what)
	}
	why := []policy.Reason{{Rule: name}}
	d := policy.Demand{Policy: "sha256:" + name, Executor: some("executor"), Exclude: some("exclude"), Why: why,
		Risk:       rapid.SampledFrom([]policy.Risk{policy.Low, policy.Medium, policy.High}).Draw(t, "risk"),
		ExpireSecs: rapid.SampledFrom([]int64{0, 10, 20}).Draw(t, "expire")}
	draw := func() (slots []policy.Slot, checks []policy.CheckDemand) {
		for _, id := range some("slots") {
			slots = append(slots, policy.Slot{ID: id, Role: id, Min: rapid.SampledFrom([]int{1, 2, 3}).Draw(t, "min"),
				Distinct: rapid.Bool().Draw(t, "distinct"), After: some("order"), Reasons: why})
		}
		for _, kind := range some("checks") {
			checks = append(checks, policy.CheckDemand{Kind: kind, MaxAgeSecs: rapid.SampledFrom([]int64{0, 10, 20}).Draw(t, "age"), Reasons: why})
		}
		return slots, checks
	}
	d.Slots, d.Checks = draw()
	d.Verify, d.After = draw()
	for _, path := range some("fields") {
		d.Fields = append(d.Fields, policy.FieldDemand{Path: path, Reasons: why})
	}
	return d
}

func TestMergeIsTheStricterOfTwo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawDemand(t, "one"), drawDemand(t, "two"), drawDemand(t, "three")
		m := policy.Merge(a, b)
		if !covers(m, a) || !covers(m, b) {
			t.Fatalf("%+v is laxer than\n%+v or\n%+v", m, a, b)
		}
		n := policy.Merge(b, a)
		n.Policy, n.With = m.Policy, m.With
		if !reflect.DeepEqual(m, n) {
			t.Fatalf("the order matters:\n%+v\n%+v", m, n)
		}
		if again := policy.Merge(m, m); !reflect.DeepEqual(again, m) {
			t.Fatalf("merging twice differs:\n%+v\n%+v", again, m)
		}
		x, y := policy.Merge(policy.Merge(a, b), c), policy.Merge(a, policy.Merge(b, c))
		if !reflect.DeepEqual(x, y) || !slices.Equal(x.With, []string{"sha256:one", "sha256:two"}) || x.Policy != "sha256:three" {
			t.Fatalf("the grouping matters:\n%+v\n%+v", x, y)
		}
	})
}

func TestMoreTargetsNeverAskLess(t *testing.T) {
	t.Parallel()
	p := shipped(t)
	rapid.Check(t, func(t *rapid.T) {
		f := drawFacts(t, p)
		g := f
		g.Targets = append(slices.Clone(f.Targets), rapid.SampledFrom(p.Targets).Draw(t, "one more"))
		if len(f.Targets) == 0 {
			return // no target at all is read as production
		}
		a, errA := p.Demand(g)
		b, errB := p.Demand(f)
		if errA != nil || errB != nil {
			t.Fatalf("%v %v", errA, errB)
		}
		if !covers(a, b) {
			t.Fatalf("%+v asks less than %+v", a, b)
		}
	})
}

func TestDemandIsTheSameEachTime(t *testing.T) {
	t.Parallel()
	p := shipped(t)
	f := change(p)
	if a, b := demand(t, p, f), demand(t, p, f); !reflect.DeepEqual(a, b) {
		t.Errorf("got %+v and %+v", a, b)
	}
}

func BenchmarkDemand(b *testing.B) {
	p := shipped(b)
	f := change(p)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Demand(f); err != nil {
			b.Fatal(err)
		}
	}
}
