package policy_test

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	refusal "plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/policies"
)

// examplePeople reads the people file that the shipped pack carries as an example.
func examplePeople(t testing.TB) []policy.Person {
	t.Helper()
	fsys, err := policies.Pack(policies.Default)
	if err != nil {
		t.Fatal(err)
	}
	b, err := fs.ReadFile(fsys, "stories/people.yaml")
	if err != nil {
		t.Fatal(err)
	}
	people, err := policy.ParsePeople(b)
	if err != nil {
		t.Fatal(fault(err))
	}
	return people
}

func codes(findings []policy.Finding, sev policy.Severity) (out []string) {
	for _, f := range findings {
		if f.Severity == sev && !slices.Contains(out, f.Code) {
			out = append(out, f.Code)
		}
	}
	return out
}

func TestShippedPackIsClean(t *testing.T) {
	t.Parallel()
	fsys, err := policies.Pack(policies.Default)
	if err != nil {
		t.Fatal(err)
	}
	findings, err := policy.Lint(fsys, policy.LintOptions{People: examplePeople(t), Now: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		if f.Severity != policy.Note || f.Code != "clause_later" {
			t.Errorf("got %+v", f)
		}
	}
	if err := policy.Ready(findings); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestLintFindsWhatWeakensThePolicy(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		edits []string // file, old, new …
		sev   policy.Severity
		code  string
	}{
		"one approval": {[]string{"rules.yaml", "      - {role: engineering-lead, min: 1}\n", "",
			"rules.yaml", "category == \"network\" || components.exists(c, c.kind in [\"network\", \"it\"]) ||", "components.exists(c, c.kind == \"it\") ||"}, policy.Error, "too_few_approvals"},
		"no security review": {[]string{"rules.yaml", "      - {role: security-lead, min: 1}\n      - {role: engineering-lead, min: 1}", "      - {role: engineering-lead, min: 2}",
			"rules.yaml", "    require:\n      - {role: security-lead, min: 1}\n\n  - id: it-network", "    risk: low\n\n  - id: it-network"}, policy.Warning, "security_review_weakened"},
		"security only by word": {[]string{"rules.yaml", "      - {role: security-lead, min: 1}\n      - {role: engineering-lead, min: 1}", "      - {role: engineering-lead, min: 2}",
			"rules.yaml", `when: environment == "prod" || targets.exists(t, t.kind in ["network-device", "firewall"])`,
			`when: "!justification.contains(\"hotfix\")"`}, policy.Warning, "security_review_weakened"},
		"no rollback":          {[]string{"rules.yaml", "    fields: [rollback]", "    fields: [summary]"}, policy.Warning, "rollback_not_demanded"},
		"no test":              {[]string{"rules.yaml", `when: category != "access"`, `when: category == "deploy"`}, policy.Warning, "test_not_demanded"},
		"cost bomb":            {[]string{"rules.yaml", "when: size(roles) > 0", "when: targets.all(a, targets.all(b, a.name != b.name))"}, policy.Error, "cost_bound"},
		"never holds":          {[]string{"rules.yaml", "when: size(roles) > 0", "when: size(roles) > 0 && size(roles) < 0"}, policy.Warning, "rule_unreached"},
		"fails":                {[]string{"rules.yaml", "when: size(roles) > 0", `when: components[3].key == "x"`}, policy.Error, "rule_error"},
		"nothing keeps it":     {[]string{"clauses.yaml", "    rules: [it-network]\n", ""}, policy.Warning, "clause_unenforced"},
		"clause forgets":       {[]string{"clauses.yaml", "rules: [rollback-plan, irreversible]", "rules: [rollback-plan]"}, policy.Warning, "clause_mismatch"},
		"criteria unapproved":  {[]string{"rules.yaml", `when: bindings.exists(b, b.kind in ["policy-pack", "standard-model"])`, `when: bindings.exists(b, b.kind == "policy-pack")`}, policy.Error, "criteria_unapproved"},
		"criteria of outsider": {[]string{"models.yaml", "owner: security-officer", "owner: security-lead", "roles.yaml", "    speaks_for: security\n    holders: 2\n  - name: engineering-lead", "    holders: 2\n  - name: engineering-lead"}, policy.Warning, "criteria_owner"},
		"expired model":        {[]string{"models.yaml", "valid_for: 180d", "valid_for: 180d\n    valid_until: 2026-11-22"}, policy.Warning, "model_expired"},
		"window nobody keeps":  {[]string{"calendar.yaml", "windows: []", "windows: [{id: night, text: At night, zone: Europe/Vienna, days: [mon], from: \"22:00\", to: \"23:00\"}]"}, policy.Error, "not_enforced"},
		"freeze nobody keeps":  {[]string{"calendar.yaml", "freezes: []", "freezes: [{id: end, text: At the end, zone: Europe/Vienna, from: \"2026-12-20\", to: \"2027-01-02\"}]"}, policy.Error, "not_enforced"},
		"waits in a circle": {[]string{"rules.yaml", "{role: security-lead, min: 1}\n      - {role: engineering-lead, min: 1}",
			"{role: security-lead, min: 1, after: [engineering-lead]}\n      - {role: engineering-lead, min: 1, after: [security-lead]}"}, policy.Error, "slot_order"},
	} {
		m := folder(t, "README.md", "")
		for i := 0; i < len(tc.edits); i += 3 {
			text := string(m[tc.edits[i]].Data)
			if !strings.Contains(text, tc.edits[i+1]) {
				t.Fatalf("%s: %s does not hold %q", name, tc.edits[i], tc.edits[i+1])
			}
			m[tc.edits[i]].Data = []byte(strings.Replace(text, tc.edits[i+1], tc.edits[i+2], 1))
		}
		findings, err := policy.Lint(m, policy.LintOptions{Now: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)})
		if err != nil || !slices.Contains(codes(findings, tc.sev), tc.code) {
			t.Errorf("%s: got %v %+v, want %s", name, err, codes(findings, tc.sev), tc.code)
		}
		if got := policy.Ready(findings) == nil; got != (tc.sev != policy.Error) {
			t.Errorf("%s: got ready %v", name, got)
		}
	}
}

func TestLintShowsMistakesThatLoadRefuses(t *testing.T) {
	t.Parallel()
	findings, err := policy.Lint(condition(t, "size(rules) > 0"), policy.LintOptions{})
	if err != nil || len(findings) != 1 || findings[0].Code != "bad_condition" || findings[0].Rule != "approving-roles" || findings[0].Line < 100 {
		t.Errorf("got %v %+v", err, findings)
	}
}

func TestACostBombStaysBounded(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"targets.all(a, targets.all(b, targets.all(c, a.name != b.name || c.name != a.name || true)))",
		"effects.exists(a, effects.exists(b, a.path + b.path == summary))"} {
		p, err := policy.Load(condition(t, when))
		if err != nil {
			t.Fatal(fault(err))
		}
		if _, err := p.Demand(large(p)); !refusal.Is(err, "rule_error") {
			t.Errorf("%s: got %v, want the cost limit to refuse", when, err)
		}
	}
}

func TestLintTellsWhoIsMissing(t *testing.T) {
	t.Parallel()
	p := shipped(t)
	without := func(role string) (out []policy.Person) {
		for _, x := range examplePeople(t) {
			out = append(out, policy.Person{ID: x.ID, Roles: slices.DeleteFunc(slices.Clone(x.Roles), func(r string) bool { return r == role })})
		}
		return out
	}
	for role, rule := range map[string]string{"security-lead": "", "it-manager": "it-network", "devops-lead": "infra-repository", "security-officer": "irreversible"} {
		findings := p.Lint(policy.LintOptions{People: without(role)})
		i := slices.IndexFunc(findings, func(f policy.Finding) bool { return f.Code == "unsatisfiable" })
		if i < 0 || findings[i].Severity != policy.Error || !strings.Contains(findings[i].Text, role) || rule != "" && findings[i].Rule != rule {
			t.Errorf("%s: got %+v", role, findings)
		}
	}
	for code, people := range map[string][]policy.Person{"unsatisfiable": {}, "no_executor": without("implementer"),
		"unknown_role": append(examplePeople(t), person("x", "emperor"))} {
		findings := p.Lint(policy.LintOptions{People: people})
		if !slices.ContainsFunc(findings, func(f policy.Finding) bool { return f.Code == code }) {
			t.Errorf("%s: got %+v", code, findings)
		}
	}
	for role, x := range map[string]struct{ code, text string }{
		"security-lead":    {"unsatisfiable", "any change cannot be approved"},
		"engineering-lead": {"unsatisfiable", "any change cannot be approved"},
		"it-manager":       {"few_holders", "0 of at least 2"},
		"devops-lead":      {"no_verifier", "devops-lead"},
	} {
		if !slices.ContainsFunc(p.Lint(policy.LintOptions{People: without(role)}), func(f policy.Finding) bool { return f.Code == x.code && strings.Contains(f.Text, x.text) }) {
			t.Errorf("nobody as %s: no %s that says %q", role, x.code, x.text)
		}
	}
	one := without("it-manager")
	one = append(one, person("iris2", "it-manager"))
	if findings := p.Lint(policy.LintOptions{People: one}); !slices.ContainsFunc(findings, func(f policy.Finding) bool { return f.Code == "no_deputy" && strings.Contains(f.Text, "iris2") }) {
		t.Errorf("a role without a deputy: got %+v", findings)
	}
}

func TestThreePeopleCanSatisfyEachBaseRule(t *testing.T) {
	t.Parallel()
	people := []policy.Person{person("a", "security-officer", "security-lead", "it-manager", "devops-lead", "implementer"),
		person("b", "security-officer", "engineering-lead", "it-manager", "devops-lead", "implementer"),
		person("c", "security-officer", "security-lead", "engineering-lead", "it-manager", "devops-lead", "implementer")}
	all := false
	for _, f := range shipped(t).Lint(policy.LintOptions{People: people}) {
		if f.Severity == policy.Error {
			t.Errorf("got %+v", f)
		}
		all = all || f.Severity == policy.Warning && strings.Contains(f.Text, "a change that meets every rule cannot be approved")
	}
	if !all {
		t.Error("no warning that three people cannot satisfy every rule at once")
	}
}

func TestAFolderWithSomethingElseIsNoPack(t *testing.T) {
	t.Parallel()
	if _, err := policy.Lint(folder(t, "rules.yml", "rules: []"), policy.LintOptions{}); !refusal.Is(err, "unknown_pack_file") {
		t.Errorf("got %v, want unknown_pack_file", err)
	}
}

// What a pack forbids needs nothing more: lint does not ask approvals for what cannot be.
func TestWhatIsForbiddenNeedsNothingElse(t *testing.T) {
	t.Parallel()
	m := folder(t, "rules.yaml", strings.NewReplacer("    fields: [rollback]", "    fields: [summary]",
		`type == "standard" && (size(roles) > 0 ||`, `true || (size(roles) > 0 ||`).Replace(textOf(t, "rules.yaml")))
	findings, err := policy.Lint(m, policy.LintOptions{})
	if err != nil || slices.Contains(codes(findings, policy.Warning), "rollback_not_demanded") {
		t.Errorf("got %v %+v, want no demand missed where everything is forbidden", err, codes(findings, policy.Warning))
	}
}

func TestPeopleFilesAreStrict(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "people: []\nmore: 1\n", "people:\n  - {id: a, role: x}\n", "people:\n  - {id: a}\n  - {id: a}\n", "people:\n  - {roles: [x]}\n", "people: &a []\n"} {
		if _, err := policy.ParsePeople([]byte(text)); err == nil {
			t.Errorf("%q: reads", text)
		}
	}
}

// oneModel is a small standard model.
const oneModel = `  - {id: ID, title: t, clause: statement/e-auto, category: patch, owner: security-officer, rationale: r,
     criteria: [{id: never, clause: statement/e-auto, text: t, when: "false"}], rollback: true, review: {after: 9d, uses: 1},
     bounds: {targets: 1, environments: [dev], target_kinds: [host], components: [infra], effects: 1, ops: [update]}, valid_for: 9d, max_per_day: 1}
`

func TestNoPackIsWeakerThanItself(t *testing.T) {
	t.Parallel()
	if got := policy.Weaker(shipped(t), shipped(t)); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestWeakerTellsWhatIsNoLongerAsked(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ file, old, new, code string }{
		"smaller slot":          {"rules.yaml", "{role: it-manager, min: 1}", "{role: devops-lead, min: 1}", "slot_dropped"},
		"rule for fewer":        {"rules.yaml", `when: size(roles) > 0`, `when: size(roles) > 1`, "slot_dropped"},
		"way out by a word":     {"rules.yaml", `when: category != "access"`, `when: category != "access" && !summary.startsWith("minor")`, "check_dropped"},
		"older evidence":        {"rules.yaml", "max_age: 7d", "max_age: 8d", "check_older"},
		"any age":               {"rules.yaml", "{kind: security-scan, max_age: 7d}", "{kind: security-scan}", "check_older"},
		"field":                 {"rules.yaml", "fields: [rollback]", "fields: [summary]", "field_dropped"},
		"category field":        {"categories.yaml", "deploy.links, ", "", "field_dropped"},
		"risk":                  {"rules.yaml", "    risk: medium", "    risk: low", "risk_lower"},
		"executor":              {"rules.yaml", "executor: [implementer]", "executor: [implementer, devops-lead]", "executor_added"},
		"forbidden now allowed": {"rules.yaml", `type == "standard" && (size(roles)`, `type == "emergency" && category == "access" && (size(roles)`, "now_allowed"},
		"shared slot":           {"rules.yaml", "{role: it-manager, min: 1}", "{role: it-manager, min: 1, distinct: false}", "slot_shared"},
		"verification":          {"rules.yaml", "when: environment == \"prod\"\n    verify", "when: environment == \"test\"\n    verify", "slot_dropped"},
		"check afterwards":      {"rules.yaml", "      - {kind: volume-encrypted}\n", "", "check_dropped"},
		"exclusion":             {"pack.yaml", "  - commit_authors\n", "", "exclusion_dropped"},
		"longer life":           {"pack.yaml", "high: 72h", "high: 73h", "approval_lives_longer"},
		"model":                 {"models.yaml", "max_per_day: 5", "max_per_day: 6", "model_changed"},
		"new model":             {"models.yaml", "models:\n", "models:\n" + strings.Replace(oneModel, "ID", "another", 1), "model_new"},
		"label":                 {"catalogue.yaml", "{name: web-prod, environment: prod", "{name: web-prod, environment: test", "target_relabelled"},
		"new target in test":    {"catalogue.yaml", "targets:\n", "targets:\n  - {name: new, environment: test, classification: internal, kind: host, owner: devops-lead}\n", "target_relabelled"},
		"component":             {"catalogue.yaml", "{key: network, kind: network", "{key: network, kind: app", "component_relabelled"},
		"office":                {"roles.yaml", "speaks_for: it", "speaks_for: security", "office_changed"},
		"holders":               {"roles.yaml", "holders: 2", "holders: 1", "fewer_holders"},
		"emergency clock":       {"emergency.yaml", "within: 24h", "within: 25h", "emergency_lax"},
		"emergency leads":       {"emergency.yaml", "roles: [engineering-lead, security-lead, it-manager]", "roles: [engineering-lead, security-lead]", "emergency_lax"},
		"emergency access":      {"emergency.yaml", "within: 2h", "within: 9h", "emergency_lax"},
		"clause":                {"clauses.yaml", "rules: [it-network]", "built_in: [gate]", "clause_dropped"},
	} {
		findings := policy.Weaker(shipped(t), edited(t, tc.file, tc.old, tc.new))
		if !slices.ContainsFunc(findings, func(f policy.Finding) bool { return f.Code == tc.code }) {
			t.Errorf("%s: got %v, want %s", name, codes(findings, policy.Warning), tc.code)
		}
	}
}

func TestAStricterPackIsNotWeaker(t *testing.T) {
	t.Parallel()
	for _, tc := range [][3]string{{"rules.yaml", "{role: it-manager, min: 1}", "{role: it-manager, min: 2}"},
		{"rules.yaml", "max_age: 7d", "max_age: 6d"}, {"rules.yaml", "    risk: medium", "    risk: high"}, {"pack.yaml", "high: 72h", "high: 1h"}} {
		if got := policy.Weaker(shipped(t), edited(t, tc[0], tc[1], tc[2])); len(got) != 0 {
			t.Errorf("%v: got %+v", tc, got)
		}
	}
}
