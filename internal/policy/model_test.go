package policy_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	refusal "plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
)

// toggle is a change that every criterion of toggle-in-app takes.
func toggle(p *policy.Pack) policy.Facts {
	f := change(p)
	f.Type, f.Category, f.Model = "standard", "feature-toggle", "toggle-in-app"
	f.Bindings = []policy.Binding{{Kind: "feature-flag", Name: "new-nav"}}
	f.Effects = []policy.Effect{{Target: "web-prod", Path: "flags.new-nav", Op: "update"}}
	f.Checks = []policy.Check{{Kind: "tests", Status: "pass", AgeSecs: 60}}
	return f
}

func criterion(t testing.TB, list []policy.Criterion, id string) policy.Criterion {
	t.Helper()
	i := slices.IndexFunc(list, func(c policy.Criterion) bool { return c.ID == id })
	if i < 0 {
		t.Fatalf("there is no criterion %s", id)
	}
	return list[i]
}

func TestEachCriterionRecordsWhatItRead(t *testing.T) {
	t.Parallel()
	p := shipped(t)
	got, err := p.Criteria("toggle-in-app", toggle(p))
	if err != nil || !policy.Passed(got) {
		t.Fatalf("got %v %+v", err, got)
	}
	for id, want := range map[string]map[string]string{
		"tested":            {"checks": `[{"age_secs":60,"kind":"tests","status":"pass"}]`},
		"only-toggles":      {"bindings": `[{"kind":"feature-flag","name":"new-nav","repo":""}]`},
		"no-recent-failure": {"history.failures": "0"},
		"bound/targets":     {"targets": `[{"environment":"prod","kind":"service","name":"web-prod"}]`},
		"bound/per-day":     {"history.same_day": "0"},
	} {
		c := criterion(t, got, id)
		if !reflect.DeepEqual(c.Inputs, want) || c.Text == "" || c.Clause == "" {
			t.Errorf("%s: got %v, want %v", id, c.Inputs, want)
		}
	}
	for _, c := range got {
		if len(c.Inputs) == 0 {
			t.Errorf("%s recorded nothing", c.ID)
		}
	}
}

func TestAnyBoundOrCriterionThatFailsIsANo(t *testing.T) {
	t.Parallel()
	p := shipped(t)
	for id, edit := range map[string]func(*policy.Facts){
		"bound/category":      func(f *policy.Facts) { f.Type = "normal" },
		"bound/targets":       func(f *policy.Facts) { f.Targets = nil },
		"bound/components":    func(f *policy.Facts) { f.Components = nil },
		"bound/effects":       func(f *policy.Facts) { f.Effects = nil },
		"bound/plan-complete": func(f *policy.Facts) { f.Plan.Present = true },
		"bound/rollback":      func(f *policy.Facts) { f.Rollback.Bound = false },
		"bound/per-day":       func(f *policy.Facts) { f.History.SameDay = 5 },
		"tested":              func(f *policy.Facts) { f.Checks = nil },
		"bound/evidence":      func(f *policy.Facts) { f.Checks[0].Status = "fail" },
		"only-toggles":        func(f *policy.Facts) { f.Bindings = nil },
		"no-recent-failure":   func(f *policy.Facts) { f.History.Failures = 1 },
	} {
		f := toggle(p)
		edit(&f)
		got, err := p.Criteria("toggle-in-app", f)
		if err != nil || policy.Passed(got) || criterion(t, got, id).Passed {
			t.Errorf("%s: got %v %+v", id, err, got)
		}
	}
	for name, edit := range map[string]func(*policy.Facts){
		"many targets":     func(f *policy.Facts) { f.Targets = slices.Repeat(f.Targets, 3) },
		"other target":     func(f *policy.Facts) { f.Targets[0].Kind = "host" },
		"other component":  func(f *policy.Facts) { f.Components, _ = append(f.Components, p.Components[2]), 0 },
		"deletion":         func(f *policy.Facts) { f.Effects[0].Op = "delete" },
		"planned deletion": func(f *policy.Facts) { f.Plan.Delete = 1 },
		"negative plan":    func(f *policy.Facts) { f.Effects, f.Plan.Create, f.Plan.Update = slices.Repeat(f.Effects, 4), -2, 1 },
		"irreversible":     func(f *policy.Facts) { f.Rollback.Reversible = false },
		"negative uses":    func(f *policy.Facts) { f.History.SameDay = -1 },
	} {
		f := toggle(p)
		edit(&f)
		if got, err := p.Criteria("toggle-in-app", f); err == nil && policy.Passed(got) {
			t.Errorf("%s: passed", name)
		}
	}
}

func TestNoCriteriaAreNotAYes(t *testing.T) {
	t.Parallel()
	if policy.Passed(nil) {
		t.Error("no criteria passed")
	}
	if got, err := shipped(t).Criteria("nothing", toggle(shipped(t))); !refusal.Is(err, "unknown_model") || got != nil {
		t.Errorf("got %v %v", got, err)
	}
}

func TestACriterionThatFailsToEvaluateSaysSo(t *testing.T) {
	t.Parallel()
	p := edited(t, "models.yaml", "when: history.failures == 0\n    bounds", "when: components[5].key == \"x\"\n    bounds")
	got, err := p.Criteria("toggle-in-app", toggle(p))
	c := criterion(t, got, "no-recent-failure")
	if err != nil || policy.Passed(got) || c.Passed || !strings.Contains(c.Error, "index out of bounds") || c.Inputs["components"] == "" {
		t.Errorf("got %v %+v", err, c)
	}
}

func TestAModelStandsOnlyForItsTime(t *testing.T) {
	t.Parallel()
	p := edited(t, "models.yaml", "valid_for: 180d", "valid_for: 180d\n    valid_until: 2026-06-30")
	m, _ := p.Model("toggle-in-app")
	start := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	day := func(n int) time.Time { return start.Add(time.Duration(n) * 24 * time.Hour) }
	for name, tc := range map[string]struct {
		now, activated, reviewed time.Time
		uses                     int
		want                     string
	}{
		"never activated":         {day(1), time.Time{}, time.Time{}, 0, "model_inactive"},
		"activated tomorrow":      {day(1), day(2), time.Time{}, 0, "model_inactive"},
		"fresh":                   {day(1), day(0), time.Time{}, 0, ""},
		"at its activation":       {day(0), day(0), time.Time{}, 0, ""},
		"unreviewed":              {day(90), day(0), time.Time{}, 0, "model_unreviewed"},
		"reviewed":                {day(90), day(0), day(60), 0, ""},
		"past its life":           {day(180), day(0), day(179), 0, "model_expired"},
		"past its last day":       {time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC), day(100), time.Time{}, 0, "model_expired"},
		"on its last day":         {time.Date(2026, 6, 30, 23, 59, 0, 0, time.UTC), day(100), time.Time{}, 0, ""},
		"used up":                 {day(1), day(0), time.Time{}, 50, "model_unreviewed"},
		"one use left":            {day(1), day(0), time.Time{}, 49, ""},
		"uses that make no sense": {day(1), day(0), time.Time{}, -1, "model_unreviewed"},
	} {
		err := m.Standing(tc.now, tc.activated, tc.reviewed, tc.uses)
		if tc.want == "" && err != nil || tc.want != "" && !refusal.Is(err, tc.want) {
			t.Errorf("%s: got %v, want %q", name, err, tc.want)
		}
	}
	if (policy.Model{}).Standing(day(1), day(0), time.Time{}, 0) == nil {
		t.Error("a model without terms stands")
	}
}

func TestAnotherCriterionIsAnotherModel(t *testing.T) {
	t.Parallel()
	was, err := shipped(t).ModelDigest("toggle-in-app")
	if err != nil {
		t.Fatal(err)
	}
	for _, edit := range [][2]string{{"when: history.failures == 0\n    bounds", "when: history.failures <= 1\n    bounds"}, {"effects: 3", "effects: 4"}, {"rollback: true", "rollback: false"}} {
		if is, err := edited(t, "models.yaml", edit[0], edit[1]).ModelDigest("toggle-in-app"); err != nil || is == was {
			t.Errorf("%v: got the same digest (%v)", edit, err)
		}
	}
	if same, err := edited(t, "models.yaml", "# Standard", "# standard").ModelDigest("toggle-in-app"); err != nil || same != was {
		t.Errorf("a remark makes another model (%v)", err)
	}
	if _, err := shipped(t).ModelDigest("nothing"); err == nil {
		t.Error("an unknown model has a digest")
	}
}
