package policy

import (
	"fmt"
	"io/fs"
	"strings"

	"cel.dev/cel-go/cel"

	"plumbline.dev/plumb/internal/fault"
)

// Load reads, checks and compiles the pack in a folder. It refuses what cannot be read without
// doubt: unknown files and keys, duplicate ids, roles that are not declared, conditions that do not
// compile or give no yes or no. The error is a fault of code bad_pack whose fields are one line per
// mistake, "file:line" and what is wrong. What Load accepts can still be a bad policy: see Lint.
func Load(fsys fs.FS) (*Pack, error) {
	files, err := readFiles(fsys)
	if err != nil {
		return nil, err
	}
	return load(files)
}

func load(files []File) (*Pack, error) {
	p, findings, err := read(files)
	if err != nil {
		return nil, err
	}
	if e := refusal(findings); e != nil {
		return nil, e
	}
	return p, nil
}

// refusal turns the errors among findings into one fault, nil where there is none.
func refusal(findings []Finding) error {
	var e *fault.Error
	for _, f := range findings {
		if f.Severity != Error {
			continue
		}
		if e == nil {
			e = fault.New(fault.Invalid, "bad_pack", "The policy pack cannot be used: %s:%d %s.", f.File, f.Line, f.Text).
				FixedBy("whoever writes the pack").Then("plumb policy lint")
		}
		e.At(fmt.Sprintf("%s:%d", f.File, f.Line), f.Text)
	}
	if e == nil {
		return nil
	}
	return e
}

// The documents of a pack, one per file.
type (
	packDoc struct {
		Format  string   `yaml:"format"`
		Name    string   `yaml:"name"`
		Version string   `yaml:"version"`
		Title   string   `yaml:"title"`
		Expire  Expiry   `yaml:"expire"`
		Exclude []string `yaml:"exclude"`
	}
	rolesDoc struct {
		Roles []Role `yaml:"roles"`
	}
	catalogueDoc struct {
		Components []componentDoc `yaml:"components"`
		Targets    []targetDoc    `yaml:"targets"`
	}
	componentDoc struct {
		Key  string `yaml:"key"`
		Kind string `yaml:"kind"`
		Repo string `yaml:"repo"`
	}
	targetDoc struct {
		Name           string `yaml:"name"`
		Environment    string `yaml:"environment"`
		Classification string `yaml:"classification"`
		Kind           string `yaml:"kind"`
		Owner          string `yaml:"owner"`
		Role           string `yaml:"role"`
	}
	categoriesDoc struct {
		Categories []Category `yaml:"categories"`
	}
	rulesDoc struct {
		Rules []Rule `yaml:"rules"`
	}
	modelsDoc struct {
		Models []Model `yaml:"models"`
	}
	calendarDoc struct {
		Windows []Window `yaml:"windows"`
		Freezes []Freeze `yaml:"freezes"`
	}
	emergencyDoc struct {
		Emergency Emergency `yaml:"emergency"`
	}
	clausesDoc struct {
		Clauses []Clause `yaml:"clauses"`
	}
)

// Format is the format that this version of the program reads.
const Format = "plumb.pack/1"

// read parses and checks a pack. The error is for files that are no pack at all; what is wrong
// inside them comes as findings, so that all of it can be shown at once.
func read(files []File) (*Pack, []Finding, error) {
	if err := checkFiles(files); err != nil {
		return nil, nil, err
	}
	files = sortFiles(files)
	digest, err := digestOf(files)
	if err != nil {
		return nil, nil, err
	}
	p := &Pack{files: files, digest: digest, lines: lineIndex{}}
	findings := p.parse()
	if len(findings) > 0 {
		return p, findings, nil
	}
	env, err := newEnv()
	if err != nil {
		return nil, nil, fmt.Errorf("make the rule environment: %w", err)
	}
	s := &scan{p: p}
	s.pack()
	s.roles()
	s.catalogue()
	s.categories()
	s.clauses()
	s.rules()
	s.models()
	s.emergency()
	s.compileAll(env)
	return p, s.findings, nil
}

// parse reads every file into the pack.
func (p *Pack) parse() (findings []Finding) {
	var (
		head       packDoc
		roles      rolesDoc
		catalogue  catalogueDoc
		categories categoriesDoc
		rules      rulesDoc
		models     modelsDoc
		calendar   calendarDoc
		emergency  emergencyDoc
		clauses    clausesDoc
	)
	docs := map[string]any{"pack.yaml": &head, "roles.yaml": &roles, "catalogue.yaml": &catalogue,
		"categories.yaml": &categories, "rules.yaml": &rules, "models.yaml": &models,
		"calendar.yaml": &calendar, "emergency.yaml": &emergency, "clauses.yaml": &clauses}
	for _, f := range p.files {
		lines, bad := parseYAML(f, docs[f.Path])
		if bad != nil {
			findings = append(findings, *bad)
		}
		p.lines[f.Path] = lines
	}
	if head.Format != Format && len(findings) == 0 {
		findings = append(findings, Finding{Severity: Error, File: "pack.yaml", Line: p.lines.line("pack.yaml", "format"),
			Code: "unknown_format", Text: "the format is not " + Format})
	}
	p.Name, p.Version, p.Title = head.Name, head.Version, head.Title
	p.Expire, p.Exclude = head.Expire, head.Exclude
	p.Roles, p.Categories, p.Rules, p.Models = roles.Roles, categories.Categories, rules.Rules, models.Models
	p.Windows, p.Freezes, p.Emergency, p.Clauses = calendar.Windows, calendar.Freezes, emergency.Emergency, clauses.Clauses
	p.byRole, p.byKey = map[string]*Role{}, map[string]Component{}
	for i := range p.Roles {
		p.byRole[p.Roles[i].Name] = &p.Roles[i]
	}
	for _, c := range catalogue.Components {
		p.Components = append(p.Components, Component(c))
		p.byKey[c.Key] = Component(c)
	}
	for _, t := range catalogue.Targets {
		p.Targets = append(p.Targets, Target(t))
	}
	return findings
}

// compileAll compiles every condition of the pack.
func (s *scan) compileAll(env *cel.Env) {
	for i := range s.p.Rules {
		r := &s.p.Rules[i]
		c, err := compile(env, r.When)
		if err != nil {
			s.bad("rules.yaml", fmt.Sprintf("rules[%d].when", i), "bad_condition", r.ID, "the condition %s", err)
			continue
		}
		r.cond = c
	}
	for i := range s.p.Models {
		m := &s.p.Models[i]
		for j := range m.Criteria {
			c, err := compile(env, m.Criteria[j].When)
			if err != nil {
				s.bad("models.yaml", fmt.Sprintf("models[%d].criteria[%d].when", i, j), "bad_condition", m.ID+"/"+m.Criteria[j].ID, "the condition %s", err)
				continue
			}
			m.Criteria[j].cond = c
		}
	}
}

// always reports whether the rule holds for every change.
func (r Rule) always() bool { return strings.TrimSpace(r.When) == "true" }
