package policy_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	refusal "plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
)

func TestLoadRefusesWithFileAndLine(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ file, old, new, want string }{
		"unknown key":           {"rules.yaml", "    risk: low", "    riks: low", "unknown field \"riks\""},
		"duplicate key":         {"rules.yaml", "    risk: low", "    risk: low\n    risk: high", "already defined"},
		"unknown role":          {"rules.yaml", "role: it-manager", "role: it-boss", `the role "it-boss" is not in roles.yaml`},
		"role without power":    {"rules.yaml", "role: it-manager", "role: implementer", "does not approve"},
		"asset owner as slot":   {"rules.yaml", "role: it-manager", "role: asset-owner", "not in roles.yaml"},
		"unknown clause":        {"rules.yaml", "clause: deploy/it-network", "clause: deploy/it", "not in clauses.yaml"},
		"duplicate rule":        {"rules.yaml", "id: it-network", "id: two-approvals", "there twice"},
		"empty id":              {"rules.yaml", "id: it-network", `id: ""`, "is no id"},
		"no count":              {"rules.yaml", "role: it-manager, min: 1", "role: it-manager", "min must be"},
		"unknown fact":          {"rules.yaml", "c.repo.endsWith", "c.rep.endsWith", "undefined field 'rep'"},
		"unknown variable":      {"rules.yaml", `when: size(roles) > 0`, `when: size(requester) > 0`, "undeclared reference to 'requester'"},
		"not a yes or no":       {"rules.yaml", `when: size(roles) > 0`, `when: size(roles)`, "gives a int"},
		"a dyn is no yes or no": {"rules.yaml", `when: size(roles) > 0`, `when: dyn(size(roles) > 0)`, "gives a dyn"},
		"empty condition":       {"rules.yaml", `when: size(roles) > 0`, `when: ""`, "is empty"},
		"has misleads":          {"rules.yaml", `when: size(roles) > 0`, `when: has(plan.delete)`, "uses has()"},
		"made-up facts":         {"rules.yaml", `when: size(roles) > 0`, `when: plan == policy.Plan{}`, "only reads facts"},
		"broken condition":      {"rules.yaml", `when: size(roles) > 0`, `when: size(roles`, "does not compile"},
		"bad age":               {"rules.yaml", "max_age: 30d", "max_age: 30", "no length of time"},
		"unknown evidence":      {"rules.yaml", "kind: tests", "kind: vibes", `"vibes" is not known`},
		"unknown field":         {"rules.yaml", "fields: [summary,", "fields: [sumary,", "no field of a change"},
		"waits for nothing":     {"rules.yaml", "role: it-manager, min: 1", "role: it-manager, min: 1, after: [devops-lead]", "is no other slot"},
		"waits for itself":      {"rules.yaml", "role: it-manager, min: 1", "role: it-manager, min: 1, after: [it-manager]", "is no other slot"},
		"empty rule":            {"rules.yaml", "    risk: low\n", "", "demands nothing"},
		"author may approve":    {"pack.yaml", "  - requester\n", "", `must hold "requester"`},
		"executor may approve":  {"pack.yaml", "  - executor\n", "", `must hold "executor"`},
		"unknown format":        {"pack.yaml", "plumb.pack/1", "plumb.pack/2", "format is not"},
		"approvals for ever":    {"pack.yaml", "normal: 14d", "normal: 14y", "no length of time"},
		"anchor":                {"roles.yaml", "roles:", "roles: &x", "anchor"},
		"tag":                   {"roles.yaml", "title: Security Lead", "title: !!str Security Lead", "may not use"},
		"second document":       {"calendar.yaml", "freezes: []", "freezes: []\n---\nfreezes: []", "more than one"},
		"hidden character":      {"rules.yaml", "Two different", "Two\u202edifferent", "cannot see"},
		"unknown owner":         {"catalogue.yaml", "owner: it-manager", "owner: nobody", "not in roles.yaml"},
		"model for ever":        {"models.yaml", "valid_for: 180d", "valid_for: 400d", "a year at most"},
		"model without bound":   {"models.yaml", "ops: [create, update]", "ops: []", "allows nothing"},
		"criterion in disguise": {"models.yaml", "id: only-toggles", "id: bound/effects", "program's own"},
		"weak sign-off":         {"emergency.yaml", "signoff: standard", "signoff: lighter", "must be \"standard\""},
		"nobody notified":       {"emergency.yaml", "at_least: 1", "at_least: 0", "at_least must be"},
		"clause of no rule":     {"clauses.yaml", "rules: [it-network]", "rules: [it-networks]", "is no rule"},
		"unknown guard":         {"clauses.yaml", "built_in: [gate]", "built_in: [luck]", "no guard of the program"},
	} {
		text := textOf(t, tc.file)
		if !strings.Contains(text, tc.old) {
			t.Errorf("%s: %s does not hold %q", name, tc.file, tc.old)
			continue
		}
		_, err := load(t, tc.file, strings.Replace(text, tc.old, tc.new, 1))
		if err == nil || !strings.Contains(fault(err), tc.want) || !strings.Contains(fault(err), tc.file+":") {
			t.Errorf("%s: got %s, want %q in %s", name, fault(err), tc.want, tc.file)
		}
	}
}

func TestAMistakeIsShownAtItsLine(t *testing.T) {
	t.Parallel()
	text := textOf(t, "rules.yaml")
	want := 1 + strings.Count(text[:strings.Index(text, "when: size(roles) > 0")], "\n")
	_, err := load(t, "rules.yaml", strings.Replace(text, "when: size(roles) > 0", "when: size(rules) > 0", 1))
	if e := refusal.Of(err); e.Code != "bad_pack" || len(e.Fields) != 1 || e.Fields[0].Path != fmt.Sprintf("rules.yaml:%d", want) {
		t.Errorf("got %s, want line %d", fault(err), want)
	}
}

func TestAllMistakesAreShownAtOnce(t *testing.T) {
	t.Parallel()
	text := strings.NewReplacer("role: it-manager", "role: x", "when: size(roles) > 0", "when: y", "max_age: 7d", "max_age: z").Replace(textOf(t, "rules.yaml"))
	_, err := load(t, "rules.yaml", text)
	if n := len(refusal.Of(err).Fields); n != 3 {
		t.Errorf("got %d mistakes, want 3: %s", n, fault(err))
	}
}

func TestAPackIsItsFilesAndNoOthers(t *testing.T) {
	t.Parallel()
	m := folder(t, "rules.yml", "rules: []\n")
	if _, err := policy.Load(m); !refusal.Is(err, "unknown_pack_file") {
		t.Errorf("a misspelt file: got %v", err)
	}
	for _, name := range policy.PackFiles {
		m := folder(t, name, "")
		delete(m, name)
		if _, err := policy.Load(m); !refusal.Is(err, "missing_pack_file") {
			t.Errorf("without %s: got %v", name, err)
		}
		if _, err := load(t, name, ""); err == nil {
			t.Errorf("an empty %s loads", name)
		}
	}
	if _, err := policy.Load(fstest.MapFS{}); err == nil {
		t.Error("an empty folder loads")
	}
	m = folder(t, "README.md", "hello")
	m["stories/x.txt"] = &fstest.MapFile{Data: []byte("anything")}
	p, err := policy.Load(m)
	if err != nil || p.Digest() != shipped(t).Digest() {
		t.Errorf("stories and a README change the pack: %v", err)
	}
}

func TestDeepAndLongFilesAreRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"brackets":   "roles: " + strings.Repeat("[", 100_000),
		"braces":     "roles: " + strings.Repeat("{a: ", 1000),
		"dashes":     strings.Repeat("- ", 900) + "x",
		"long line":  "# " + strings.Repeat("x", 3000),
		"large file": strings.Repeat("# x\n", 100_000),
		"not UTF-8":  "roles: \xff",
		"aliases":    "a: &a [1]\nroles: [*a, *a]\n",
	} {
		if _, err := load(t, "roles.yaml", text); err == nil {
			t.Errorf("%s: loads", name)
		}
	}
}

func TestArchiveKeepsThePack(t *testing.T) {
	t.Parallel()
	p := shipped(t)
	b, err := p.Archive()
	if err != nil {
		t.Fatal(err)
	}
	q, err := policy.LoadArchive(b)
	if err != nil {
		t.Fatal(fault(err))
	}
	again, err := q.Archive()
	if err != nil || string(again) != string(b) || q.Digest() != p.Digest() {
		t.Errorf("got digest %s, want %s (%v)", q.Digest(), p.Digest(), err)
	}
	if r, err := policy.LoadArchive([]byte(strings.Replace(string(b), "Two different people", "One person or two", 1))); err != nil || r.Digest() == p.Digest() {
		t.Errorf("another text has the same digest (%v)", err)
	}
	for name, text := range map[string]string{"empty": "", "no files": `{"files":[]}`, "unknown member": `{"files":[],"x":1}`,
		"twice": strings.Replace(string(b), `{"files":[`, `{"files":[{"path":"pack.yaml","text":"x"},`, 1),
		"other": strings.Replace(string(b), `{"files":[`, `{"files":[{"path":"../x.yaml","text":"x"},`, 1)} {
		if _, err := policy.LoadArchive([]byte(text)); err == nil {
			t.Errorf("%s: loads", name)
		}
	}
}

func FuzzLoad(f *testing.F) {
	p := shipped(f)
	for i, file := range p.Files() {
		f.Add(i, file.Text)
	}
	f.Add(0, "windows: []\nfreezes: [*x]\n")
	f.Add(6, "? [a]\n: b\n")
	f.Fuzz(func(t *testing.T, n int, text string) {
		files := p.Files()
		if n < 0 || n >= len(files) {
			return
		}
		m := fstest.MapFS{}
		for _, x := range files {
			m[x.Path] = &fstest.MapFile{Data: []byte(x.Text)}
		}
		m[files[n].Path] = &fstest.MapFile{Data: []byte(text)}
		q, err := policy.Load(m)
		if err != nil {
			return
		}
		d, err := q.Demand(change(q))
		humans := 0
		for _, s := range d.Slots {
			humans += s.Min
		}
		if err == nil && humans < policy.MinHumans {
			t.Errorf("a pack asks for %d approvals", humans)
		}
		b, err := q.Archive()
		if err != nil {
			t.Fatal(err)
		}
		if r, err := policy.LoadArchive(b); err != nil || r.Digest() != q.Digest() {
			t.Errorf("the archive is another pack: %v", err)
		}
	})
}

// condition puts one condition into the shipped pack.
func condition(t testing.TB, when string) fstest.MapFS {
	return folder(t, "rules.yaml", strings.Replace(textOf(t, "rules.yaml"), "when: size(roles) > 0", fmt.Sprintf("when: %q", when), 1))
}

func FuzzCondition(f *testing.F) {
	for _, when := range []string{"true", "size(roles) > 0", `targets.all(a, targets.all(b, targets.all(c, a == b || b == c)))`,
		`effects.map(e, effects.map(f, e.path + f.path)).size() > 3`, `summary.matches("(a+)+$")`, "components[9].key == type", "1/0 == 1"} {
		f.Add(when)
	}
	f.Fuzz(func(t *testing.T, when string) {
		if strings.ContainsAny(when, "\n\r") || len(when) > 500 {
			return
		}
		p, err := policy.Load(condition(t, when))
		if err != nil {
			return
		}
		d, err := p.Demand(large(p))
		if err == nil && len(d.Slots) == 0 {
			t.Error("a demand without slots")
		}
	})
}

// large is a change that is as big as a change can be.
func large(p *policy.Pack) policy.Facts {
	f := change(p)
	for i := range 2000 {
		f.Effects = append(f.Effects, policy.Effect{Target: fmt.Sprint(i), Path: strings.Repeat("a", 40), Op: "update"})
	}
	for i := range 1000 {
		f.Targets = append(f.Targets[:min(i, len(f.Targets))], policy.Target{Name: fmt.Sprint(i), Environment: "prod", Classification: "internal", Kind: "host", Owner: "devops-lead"})
	}
	f.Summary = strings.Repeat("a", 300)
	return f
}
