package policy

import (
	"fmt"
	"slices"
)

// Staffing says how the people at hand fill the roles of a pack, and which rules they leave open.
type Staffing struct {
	Roles []Staffed  // in the order of the pack
	Rules []Question // every rule that asks for approvals, in the order of the pack
	Open  []Finding  // why the pack could not come into force with these people; empty when it can
	Tight []Finding  // what works, but with nobody to spare
}

// Staffed is one role of a pack with the people who hold it.
type Staffed struct {
	Role
	Held  []string // ids of the holders, sorted
	Need  int      // the most that one rule asks of the role at once
	Rules []string // ids of the rules that ask for the role
}

// Question is one rule that asks for approvals, and whether these people can give them.
type Question struct {
	Rule Rule
	Gap  *Gap // what is missing; nil when the rule can be satisfied together with those that always hold
}

// Staff tells how people fill the roles of the pack. It judges as activation does: what Open holds would
// keep the pack from coming into force.
func (p *Pack) Staff(people []Person) Staffing {
	people = onePerID(people)
	l := &linter{scan: scan{p: p}, opts: LintOptions{People: people}}
	l.people()
	var out Staffing
	for _, f := range sortFindings(l.findings) {
		if f.Severity == Error {
			out.Open = append(out.Open, f)
		} else {
			out.Tight = append(out.Tight, f)
		}
	}
	for _, r := range p.Roles {
		out.Roles = append(out.Roles, p.staffed(r, people))
	}
	people = deciding(l.together(func(Rule) bool { return true }), people)
	for _, r := range p.Rules {
		if len(r.Require) == 0 {
			continue
		}
		_, gap := Satisfiable(l.together(func(x Rule) bool { return x.always() || x.ID == r.ID }), people, nil)
		out.Rules = append(out.Rules, Question{r, gap})
	}
	return out
}

func (p *Pack) staffed(r Role, people []Person) Staffed {
	out := Staffed{Role: r}
	for _, x := range people {
		if slices.Contains(x.Roles, r.Name) {
			out.Held = append(out.Held, x.ID)
		}
	}
	slices.Sort(out.Held)
	asked := func(rule Rule, role string, n int) {
		if role == r.Name {
			out.Need = max(out.Need, n)
			out.Rules = append(out.Rules, rule.ID)
		}
	}
	for _, rule := range p.Rules {
		for _, q := range rule.Require {
			asked(rule, q.Role, q.Min)
		}
		for _, v := range rule.Verify {
			asked(rule, v.Role, v.Min)
			asked(rule, v.Fallback, v.Min)
		}
	}
	slices.Sort(out.Rules)
	out.Rules = slices.Compact(out.Rules)
	return out
}

// Missing says in words what a role lacks; "" when it lacks nothing.
func (s Staffed) Missing() string {
	switch n := len(s.Held); {
	case n < s.Need:
		return fmt.Sprintf("%d more needed", s.Need-n)
	case n < s.Holders:
		return fmt.Sprintf("%d more advised, so that somebody can be away or ask", s.Holders-n)
	}
	return ""
}
