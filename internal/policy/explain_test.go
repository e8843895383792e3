package policy_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
)

func TestExplainSaysWhyAndWhyNot(t *testing.T) {
	t.Parallel()
	p := shipped(t)
	f := change(p)
	got, err := p.Explain(f)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(p.Rules) {
		t.Errorf("got %d rules, want all %d", len(got), len(p.Rules))
	}
	find := func(id string) policy.Explanation {
		return got[slices.IndexFunc(got, func(x policy.Explanation) bool { return x.Rule == id })]
	}
	if x := find("security-review"); !x.Holds || x.Clause != "config/security-review" || x.Title == "" || !slices.Contains(x.Demands, "1 approval by security-lead") ||
		!reflect.DeepEqual(x.Reads, map[string]string{"environment": `"prod"`, "targets": `[{"kind":"service"}]`}) {
		t.Errorf("got %+v", x)
	}
	if x := find("infra-repository"); x.Holds || !reflect.DeepEqual(x.Reads, map[string]string{"bindings": `[{"repo":"example-web"}]`, "components": `[{"repo":"example-web"}]`}) {
		t.Errorf("got %+v", x)
	}
	if x := find("two-approvals"); !x.Holds || len(x.Reads) != 0 {
		t.Errorf("got %+v", x)
	}
	if x := find("approving-roles"); x.Reads["roles"] != "[]" {
		t.Errorf("got %+v", x)
	}
	f.Type = "?"
	if _, err := p.Explain(f); err == nil {
		t.Error("an unknown change is explained")
	}
}

func TestComputedPartsOfAConditionAreRecordedWhole(t *testing.T) {
	t.Parallel()
	p := edited(t, "rules.yaml", "when: size(roles) > 0", `when: targets.filter(t, t.kind == "host").map(t, t.name).exists(n, n == summary) || components[0].key == "x"`)
	got, err := p.Explain(change(p))
	if err != nil {
		t.Fatal(err)
	}
	x := got[slices.IndexFunc(got, func(x policy.Explanation) bool { return x.Rule == "approving-roles" })]
	for path, part := range map[string]string{"targets": `"classification":"confidential"`, "summary": `"s"`, "components": `"key":"web"`} {
		if !strings.Contains(x.Reads[path], part) {
			t.Errorf("%s: got %v, want %s in it", path, x.Reads, part)
		}
	}
}

func TestSimulateAnswersEachCase(t *testing.T) {
	t.Parallel()
	p := shipped(t)
	good, bad := change(p), change(p)
	good.Targets = []policy.Target{{Name: "web-test", Environment: "moon"}} // the catalogue knows better
	bad.Category = "magic"
	var lines []string
	for i, f := range []policy.Facts{good, bad} {
		b, err := seal.Canonical(policy.Case{ID: []string{"CHG-1", "CHG-2"}[i], Facts: f})
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(b))
	}
	cases, err := policy.ParseCases([]byte(strings.Join(lines, "\n\n")))
	if err != nil {
		t.Fatal(fault(err))
	}
	rows := p.Simulate(cases)
	if len(rows) != 2 || rows[0].ID != "CHG-1" || rows[0].Refused != "" || rows[0].Demand.Risk != policy.Low ||
		rows[1].Refused != "unknown_category" || len(rows[1].Demand.Slots) > 0 {
		t.Errorf("got %+v", rows)
	}
	for _, text := range []string{"{}x", `{"id":"1","facts":{},"more":1}`, `{"id":"1","ID":"2"}`, `{"id":"1","id":"2"}`} {
		if _, err := policy.ParseCases([]byte("\n" + text)); err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%s: got %v, want a refusal of line 2", text, err)
		}
	}
}
