package policy

import (
	"fmt"
	"slices"
	"strings"
)

// peopleFile is the name that findings about people carry; they have no line.
const peopleFile = "people"

// people tells which rules the given people cannot satisfy: the rules that always hold, each other
// rule together with them, and all at once, whoever asks.
func (l *linter) people() {
	people := onePerID(l.opts.People)
	for _, p := range people {
		for _, r := range p.Roles {
			if _, ok := l.p.Role(r); !ok {
				l.say(Error, peopleFile, "", "unknown_role", r, "%s holds the role %q, which the pack does not know", clean(p.ID), clean(r))
			}
		}
	}
	l.holders(people)
	everything := l.together(func(Rule) bool { return true })
	people = deciding(everything, people)
	base := l.together(func(r Rule) bool { return r.always() })
	if ok, gap := Satisfiable(base, people, nil); !ok {
		l.gap(Error, "", gap, "any change")
		return
	}
	for i, r := range l.p.Rules {
		if len(r.Require) == 0 || r.always() {
			continue
		}
		slots := l.together(func(x Rule) bool { return x.always() || x.ID == r.ID })
		if ok, gap := Satisfiable(slots, people, nil); !ok {
			l.gap(Error, fmt.Sprintf("rules[%d]", i), gap, "a change that meets "+r.ID)
		}
	}
	if ok, gap := Satisfiable(everything, people, nil); !ok {
		l.gap(Warning, "", gap, "a change that meets every rule")
		return
	}
	l.requesters(everything, people)
}

// deciding leaves out people who hold no role that a slot asks for: with or without them every slot is
// filled the same way, and in a large company they are nearly all.
func deciding(slots []Slot, people []Person) []Person {
	return slices.DeleteFunc(slices.Clone(people), func(p Person) bool {
		return !slices.ContainsFunc(slots, func(s Slot) bool { return slices.Contains(p.Roles, s.Role) })
	})
}

// together joins the slots of all chosen rules.
func (l *linter) together(choose func(Rule) bool) []Slot {
	var slots []Slot
	for _, r := range l.p.Rules {
		for _, q := range r.Require {
			if choose(r) {
				slots = joinSlot(slots, Slot{ID: q.slotID(), Role: q.Role, Min: q.Min, After: q.After,
					Distinct: q.Distinct == nil || *q.Distinct, Reasons: []Reason{{Rule: r.ID, Clause: r.Clause, Text: r.Text}}})
			}
		}
	}
	return slots
}

func (l *linter) gap(sev Severity, path string, g *Gap, what string) {
	rule := ""
	if len(g.Reasons) > 0 {
		rule = g.Reasons[0].Rule
	}
	l.say(sev, "rules.yaml", path, "unsatisfiable", rule, "%s cannot be approved by these people: %s", what, g)
}

// requesters tells who could not get a change of their own approved.
func (l *linter) requesters(slots []Slot, people []Person) {
	for _, p := range people {
		if ok, gap := Satisfiable(slots, people, []string{p.ID}); !ok {
			l.say(Warning, peopleFile, "", "no_deputy", gap.Role, "when %s asks, a change may stay unapproved: %s", clean(p.ID), gap)
		}
	}
}

// holders tells which roles have fewer people than they should.
func (l *linter) holders(people []Person) {
	count := map[string]int{}
	for _, p := range people {
		for _, r := range p.Roles {
			count[r]++
		}
	}
	for i, r := range l.p.Roles {
		if count[r.Name] < r.Holders {
			l.say(Warning, "roles.yaml", fmt.Sprintf("roles[%d].holders", i), "few_holders", r.Name, "%d of at least %d people hold the role", count[r.Name], r.Holders)
		}
	}
	for i, r := range l.p.Rules {
		for j, e := range r.Executor {
			if count[e] == 0 {
				l.say(Warning, "rules.yaml", fmt.Sprintf("rules[%d].executor[%d]", i, j), "no_executor", r.ID, "nobody holds %s, so only pipelines can execute", e)
			}
		}
		for j, v := range r.Verify {
			for _, role := range l.verifiers(v) {
				if count[role] < v.Min {
					l.say(Error, "rules.yaml", fmt.Sprintf("rules[%d].verify[%d]", i, j), "no_verifier", r.ID, "too few people hold %s to verify the result", role)
				}
			}
		}
	}
}

func (l *linter) verifiers(v VerifyRule) []string {
	if v.Role != AssetOwner {
		return []string{v.Role}
	}
	roles := []string{v.Fallback}
	for _, t := range l.p.Targets {
		roles = append(roles, t.Owner)
	}
	return union(nil, slices.DeleteFunc(roles, func(r string) bool { return r == "" }))
}

// String says what is missing and the smallest mend.
func (g *Gap) String() string {
	if g.Role == "" {
		return fmt.Sprintf("at least %d different people must approve", MinHumans)
	}
	text := fmt.Sprintf("the slot %s needs %d more with the role %s", g.Slot, g.Need, g.Role)
	if len(g.Holders) > 0 {
		text += " than " + strings.Join(g.Holders, ", ")
	}
	if len(g.Barred) > 0 {
		text += "; " + strings.Join(g.Barred, ", ") + " may not approve this one"
	}
	return text
}
