package policy

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/fault"
)

// LintOptions are what lint may know besides the pack.
type LintOptions struct {
	People []Person  // who holds which role; nil leaves satisfiability out
	Now    time.Time // the day to judge dates by; the zero time leaves dates out
}

// Lint tells what is wrong with the pack in a folder, also where Load would refuse it: all mistakes
// at once, each with file and line. An error among the findings means that the pack must not be
// activated. The error return is for a folder that holds no pack at all.
func Lint(fsys fs.FS, o LintOptions) ([]Finding, error) {
	files, err := readFiles(fsys)
	if err != nil {
		return nil, err
	}
	p, findings, err := read(files)
	if err != nil {
		return nil, err
	}
	if refusal(findings) == nil {
		findings = append(findings, p.Lint(o)...)
	}
	return sortFindings(findings), nil
}

// Lint tells what is wrong with a loaded pack.
func (p *Pack) Lint(o LintOptions) []Finding {
	l := &linter{scan: scan{p: p}, opts: o}
	l.cost()
	l.calendar()
	l.modelTerms()
	l.clauseCover()
	l.tryOut()
	l.criteriaOwners()
	if o.People != nil {
		l.people()
	}
	return sortFindings(l.findings)
}

// Ready refuses findings that hold an error; the refusal names them.
func Ready(findings []Finding) error { return refusal(findings) }

func sortFindings(f []Finding) []Finding {
	f = slices.Clone(f)
	slices.SortStableFunc(f, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(severityRank(a.Severity), severityRank(b.Severity)), cmp.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Text, b.Text))
	})
	return slices.Compact(f)
}

func severityRank(s Severity) int { return slices.Index([]Severity{Error, Warning, Note}, s) }

type linter struct {
	scan
	opts LintOptions
}

func (l *linter) say(sev Severity, file, path, code, rule, format string, args ...any) {
	l.bad(file, path, code, rule, format, args...)
	l.findings[len(l.findings)-1].Severity = sev
}

// cost refuses a condition that could cost more than it may when it runs.
func (l *linter) cost() {
	check := func(file, path, rule string, c *condition) {
		if c.maxCost > CostLimit {
			l.say(Error, file, path, "cost_bound", rule, "the condition may cost %d, more than %d; read fewer lists inside each other", c.maxCost, CostLimit)
		}
	}
	for i, r := range l.p.Rules {
		check("rules.yaml", fmt.Sprintf("rules[%d].when", i), r.ID, r.cond)
	}
	for i, m := range l.p.Models {
		for j, c := range m.Criteria {
			check("models.yaml", fmt.Sprintf("models[%d].criteria[%d].when", i, j), m.ID, c.cond)
		}
	}
}

// calendar refuses recurring windows and freezes: nothing keeps them yet, and a rule that nothing
// keeps must not look like one.
func (l *linter) calendar() {
	if len(l.p.Windows) > 0 {
		l.say(Error, "calendar.yaml", "windows", "not_enforced", "", "recurring windows are not kept by this version; leave the list empty")
	}
	if len(l.p.Freezes) > 0 {
		l.say(Error, "calendar.yaml", "freezes", "not_enforced", "", "freezes of a pack are not kept by this version; leave the list empty")
	}
}

func (l *linter) modelTerms() {
	for i, m := range l.p.Models {
		last, err := time.Parse(time.DateOnly, m.ValidTo)
		if err == nil && !l.opts.Now.IsZero() && !l.opts.Now.Before(last.AddDate(0, 0, 1)) {
			l.say(Warning, "models.yaml", fmt.Sprintf("models[%d].valid_until", i), "model_expired", m.ID, "the model is no longer valid since %s", m.ValidTo)
		}
	}
}

// clauseCover tells which clauses nothing keeps, and where rule and clause do not name each other.
func (l *linter) clauseCover() {
	for i, c := range l.p.Clauses {
		path := fmt.Sprintf("clauses[%d]", i)
		switch {
		case len(c.Rules)+len(c.BuiltIn) > 0 || c.Outside != "":
		case c.Later != "":
			l.say(Note, "clauses.yaml", path, "clause_later", c.ID, "nothing keeps this clause yet; it waits for %s", c.Later)
		default:
			l.say(Warning, "clauses.yaml", path, "clause_unenforced", c.ID, "nothing keeps this clause: %s", c.Title)
		}
	}
	for i, r := range l.p.Rules {
		if c, ok := l.p.Clause(r.Clause); ok && !slices.Contains(c.Rules, r.ID) {
			l.say(Warning, "rules.yaml", fmt.Sprintf("rules[%d].clause", i), "clause_mismatch", r.ID, "the clause %s does not name this rule", r.Clause)
		}
	}
}

// tryOut puts the sample changes to the pack and tells what it would let through.
func (l *linter) tryOut() {
	held := map[string]bool{}
	worst := map[string]string{} // code → first sample
	counts := map[string]int{}
	note := func(code, name string) {
		if counts[code]++; worst[code] == "" {
			worst[code] = name
		}
	}
	for _, s := range samples(l.p) {
		f, err := l.p.admit(l.p.Resolve(s.facts))
		if err != nil {
			continue
		}
		rules, err := l.p.held(&f)
		for _, r := range rules {
			held[r.ID] = true
		}
		if err == nil && forbidden(rules) != nil {
			continue
		}
		var d Demand
		if err == nil {
			d, err = l.p.sum(&f, rules)
		}
		if err != nil {
			note(fault.Of(err).Code, s.name)
			continue
		}
		for _, code := range l.lax(f, d) {
			note(code, s.name)
		}
	}
	for _, code := range sortedKeys(counts) {
		sev, text := laxText(code)
		l.say(sev, "rules.yaml", "rules", code, "", "%s, as in: %s (%d samples)", text, worst[code], counts[code])
	}
	for i, r := range l.p.Rules {
		if !held[r.ID] {
			l.say(Warning, "rules.yaml", fmt.Sprintf("rules[%d].when", i), "rule_unreached", r.ID, "no sample change meets this rule; it may never hold")
		}
	}
}

// lax gives what a demand should hold by the written policy and does not.
func (l *linter) lax(f Facts, d Demand) (codes []string) {
	network := slices.ContainsFunc(f.Targets, func(t Target) bool { return t.Kind == "network-device" || t.Kind == "firewall" })
	if (f.Environment == "prod" || network) && !l.p.security(d) {
		codes = append(codes, "security_review_weakened")
	}
	if !slices.ContainsFunc(d.Fields, func(x FieldDemand) bool { return strings.HasPrefix(x.Path, "rollback") }) {
		codes = append(codes, "rollback_not_demanded")
	}
	if f.Environment == "prod" && len(d.Checks) == 0 {
		codes = append(codes, "test_not_demanded")
	}
	return codes
}

// security reports whether somebody who speaks for security must approve.
func (p *Pack) security(d Demand) bool {
	return slices.ContainsFunc(d.Slots, func(s Slot) bool {
		r, ok := p.Role(s.Role)
		return ok && r.SpeaksFor == "security" && s.Min > 0
	})
}

func laxText(code string) (Severity, string) {
	switch code {
	case "security_review_weakened":
		return Warning, "a change to production, a network device or a firewall needs no approval of security"
	case "rollback_not_demanded":
		return Warning, "a change needs no rollback plan"
	case "test_not_demanded":
		return Warning, "a production change needs no evidence of a test"
	case "too_few_approvals":
		return Error, fmt.Sprintf("a change needs fewer than %d approvals", MinHumans)
	case "slot_order":
		return Error, "approvals wait for each other"
	}
	return Error, "a condition fails"
}

// criteriaOwners tells where a model could become active without the office that answers for it.
func (l *linter) criteriaOwners() {
	f := Facts{Type: "normal", Environment: "prod", Bindings: []Binding{{Kind: "standard-model", Name: "model"}},
		Rollback: Rollback{Present: true, Reversible: true}}
	for _, c := range l.p.Categories {
		if !slices.Contains(c.Bindings, "standard-model") {
			continue
		}
		f.Category = c.Name
		d, err := l.p.Demand(f)
		for i, m := range l.p.Models {
			path := fmt.Sprintf("models[%d].owner", i)
			owner, _ := l.p.Role(m.Owner)
			if err != nil || !slices.ContainsFunc(d.Slots, func(s Slot) bool { return s.Role == m.Owner }) {
				l.say(Error, "models.yaml", path, "criteria_unapproved", m.ID, "a %s change activates the model without the %s", c.Name, m.Owner)
			}
			if owner.SpeaksFor != "security" {
				l.say(Warning, "models.yaml", path, "criteria_owner", m.ID, "criteria belong to an office that speaks for security")
			}
		}
	}
}
