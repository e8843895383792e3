package policy

import (
	"fmt"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/fault"
)

// stage is where a story is played: just enough of a change to see what the pack decides. The change
// engine keeps the same rules with people, digests and a database.
type stage struct {
	p       *Pack
	people  map[string][]string
	facts   Facts
	demand  Demand
	barred  map[string]string // who cannot approve, and the code of the refusal
	votes   []string
	no      string // who rejected
	asked   bool
	since   int64 // seconds since the newest approval's time began
	model   string
	refused string // code of the last event's refusal, "" where it went through
}

// play runs the events and marks each step.
func (s *Story) play(p *Pack) {
	f := p.Resolve(s.facts)
	if f.Fields == nil {
		f.Fields = slices.Clone(FieldPaths)
	}
	if f.Rollback == (Rollback{}) && slices.Contains(f.Fields, "rollback") {
		f.Rollback = Rollback{Present: true, Reversible: true}
	}
	st := &stage{p: p, people: s.people, facts: f, barred: map[string]string{}}
	for _, a := range s.author {
		st.barred[a] = "commit_author"
	}
	expectations := 0
	s.OK = true
	for _, step := range s.plot {
		step.Got = ""
		expect, isExpect := strings.CutPrefix(step.Text, "expect ")
		if isExpect {
			expectations++
			step.Got = st.expect(expect)
		} else {
			step.Got = st.pending()
			if bad := st.event(step.Text); bad != "" {
				step.Got = bad
			}
		}
		step.OK = step.Got == ""
		s.OK = s.OK && step.OK
		s.Steps = append(s.Steps, step)
	}
	if left := st.pending(); left != "" || expectations == 0 {
		s.OK = false
		s.Steps = append(s.Steps, Step{Text: "end of story", Got: strings.TrimSpace(left + " a story expects something")})
	}
}

// pending complains of a refusal that no line expected.
func (st *stage) pending() string {
	if st.refused == "" {
		return ""
	}
	code := st.refused
	st.refused = ""
	return "the event before was refused: " + code
}

// event plays one event; the answer is "" unless the line says nothing that can happen.
func (st *stage) event(text string) string {
	words := strings.Fields(text)
	switch {
	case len(words) == 2 && words[1] == "pass":
		secs, ok := Span(words[0]).Secs()
		if !ok {
			return "no length of time"
		}
		st.since += secs
		for i := range st.facts.Checks {
			st.facts.Checks[i].AgeSecs += secs
		}
		return ""
	case len(words) >= 3 && words[0] == "evidence":
		return st.show(words[1:])
	case len(words) == 4 && words[0] == "model" && words[2] == "is" && words[3] == "active":
		st.model = words[1]
		return ""
	case len(words) == 3 && (words[1] == "loses" || words[1] == "gets"):
		return st.office(words[0], words[1], words[2])
	case len(words) != 2:
		return "nothing of this kind can happen"
	}
	if _, known := st.people[words[0]]; !known {
		return "there is no such person"
	}
	return st.act(words[0], words[1])
}

func (st *stage) act(who, verb string) string {
	switch verb {
	case "asks":
		st.ask(who)
	case "edits":
		st.votes, st.no, st.barred[who] = nil, "", "self_approval"
		st.judge()
	case "approves":
		st.refused = st.approve(who)
	case "rejects":
		if st.refused = st.mayDecide(who); st.refused == "" {
			st.no = who
		}
	case "withdraws":
		st.votes = slices.DeleteFunc(st.votes, func(v string) bool { return v == who })
		if st.no == who {
			st.no = ""
		}
	case "implements":
		st.barred[who] = "executor"
	case "executes":
		st.refused = st.execute(who)
	default:
		return "nobody can do that"
	}
	return ""
}

func (st *stage) ask(who string) {
	st.asked, st.barred[who] = true, "self_approval"
	st.judge()
}

// judge asks the pack anew.
func (st *stage) judge() {
	d, err := st.p.Demand(st.facts)
	if err != nil {
		st.refused, st.asked = fault.Of(err).Code, false
		return
	}
	st.demand = d
	switch {
	case len(d.MissingFields(st.facts)) > 0:
		st.refused = "fields_missing"
	}
}

// show adds evidence: KIND pass, KIND fail, KIND pass 9d old.
func (st *stage) show(words []string) string {
	c := Check{Kind: words[0], Status: words[1]}
	if len(words) == 4 && words[3] == "old" {
		secs, ok := Span(words[2]).Secs()
		if !ok {
			return "no length of time"
		}
		c.AgeSecs = secs
	} else if len(words) != 2 {
		return "evidence is \"KIND pass\", \"KIND fail\" or \"KIND pass 9d old\""
	}
	st.facts.Checks = slices.DeleteFunc(slices.Clone(st.facts.Checks), func(x Check) bool { return x.Kind == c.Kind })
	st.facts.Checks = append(st.facts.Checks, c)
	return ""
}

func (st *stage) office(who, verb, role string) string {
	if _, known := st.people[who]; !known {
		return "there is no such person"
	}
	st.people[who] = slices.DeleteFunc(slices.Clone(st.people[who]), func(r string) bool { return r == role })
	if verb == "gets" {
		st.people[who] = append(st.people[who], role)
	}
	return ""
}

// mayDecide refuses who cannot decide now.
func (st *stage) mayDecide(who string) string {
	switch why, barred := st.barred[who]; {
	case barred:
		return why
	case !st.asked || len(st.demand.MissingFields(st.facts)) > 0:
		return "not_submitted"
	case !slices.ContainsFunc(st.demand.Slots, func(s Slot) bool { return slices.Contains(st.people[who], s.Role) }):
		return "no_slot"
	}
	return ""
}

func (st *stage) approve(who string) string {
	if no := st.mayDecide(who); no != "" {
		return no
	}
	if len(st.demand.MissingChecks(st.facts)) > 0 {
		return "evidence_missing"
	}
	if len(st.votes) == 0 {
		st.since = 0
	}
	if !slices.Contains(st.votes, who) {
		st.votes = append(st.votes, who)
	}
	return ""
}

// match fills the slots with the votes that count now, without the given executor's.
func (st *stage) match(executor string) Matching {
	var votes, others []Person
	for _, who := range sortedKeys(st.people) {
		p := Person{ID: who, Roles: st.people[who]}
		if st.barred[who] != "" || who == executor {
			continue
		}
		if slices.Contains(st.votes, who) {
			votes = append(votes, p)
		}
		others = append(others, p)
	}
	return Match(st.demand.Slots, votes, others...)
}

// authorized gives "" where the change may run, or why not.
func (st *stage) authorized(executor string) string {
	switch {
	case !st.asked || len(st.demand.MissingFields(st.facts)) > 0:
		return "not submitted"
	case st.no != "":
		return st.no + " rejects it"
	case len(st.demand.MissingChecks(st.facts)) > 0:
		return "evidence is missing: " + strings.Join(st.missing("evidence"), ", ")
	case st.automatic() == "":
		return ""
	case st.since > st.demand.ExpireSecs:
		return "the approvals have expired"
	}
	if m := st.match(executor); !m.Done {
		return "it needs " + strings.Join(st.needs(executor), ", ")
	}
	return ""
}

// automatic gives "" where criteria authorize the change, or what fails.
func (st *stage) automatic() string {
	if st.facts.Type != "standard" {
		return "type"
	}
	if st.model == "" || st.model != st.facts.Model {
		return "inactive"
	}
	criteria, err := st.p.Criteria(st.facts.Model, st.facts)
	if err != nil {
		return fault.Of(err).Code
	}
	var failed []string
	for _, c := range criteria {
		if !c.Passed {
			failed = append(failed, c.ID)
		}
	}
	if len(failed) == 0 && Passed(criteria) {
		return ""
	}
	slices.Sort(failed)
	return strings.Join(failed, ", ")
}

func (st *stage) execute(who string) string {
	switch {
	case len(intersect(st.people[who], st.demand.Executor)) == 0:
		return "not_executor"
	case st.authorized(who) != "":
		return "not_authorized"
	}
	return ""
}

// needs gives the slots that are still open, sorted.
func (st *stage) needs(executor string) []string {
	var out []string
	for _, m := range st.match(executor).Missing {
		if m.Humans {
			out = append(out, "different people")
			continue
		}
		out = append(out, m.Slot)
	}
	return union(nil, out)
}

func (st *stage) missing(what string) []string {
	var out []string
	if what == "field" {
		for _, f := range st.demand.MissingFields(st.facts) {
			out = append(out, f.Path)
		}
		return union(nil, out)
	}
	for _, c := range st.demand.MissingChecks(st.facts) {
		out = append(out, c.Kind)
	}
	return union(nil, out)
}

// expect compares; the answer is "" where it holds, else what is the case.
func (st *stage) expect(text string) string {
	same := func(got []string, want string) string {
		if slices.Equal(union(nil, got), union(nil, list(want))) {
			return ""
		}
		return "it is: " + strings.Join(union(nil, got), ", ")
	}
	if want, ok := strings.CutPrefix(text, "refused "); ok {
		got := st.refused
		st.refused = ""
		return same(list(got), want)
	}
	if want, ok := strings.CutPrefix(text, "missing field "); ok {
		if st.refused == "fields_missing" {
			st.refused = ""
		}
		return same(st.missing("field"), want)
	}
	if left := st.pending(); left != "" {
		return left
	}
	for prefix, got := range map[string]func() []string{
		"needs ":            func() []string { return st.needs("") },
		"missing evidence ": func() []string { return st.missing("evidence") },
		"risk ":             func() []string { return []string{string(st.demand.Risk)} },
		"afterwards ":       func() []string { return orElse(kinds(st.demand.After), "nothing") },
		"verified by ":      func() []string { return orElse(slotRoles(st.demand.Verify), "nobody") },
		"not automatic ":    func() []string { return list(st.automatic()) },
		"expires ":          func() []string { return []string{fmt.Sprintf("%dh", st.demand.ExpireSecs/3600)} },
	} {
		if want, ok := strings.CutPrefix(text, prefix); ok {
			return same(got(), want)
		}
	}
	return st.expectState(text)
}

func (st *stage) expectState(text string) string {
	words := strings.Fields(text)
	switch {
	case text == "submitted" && st.asked && len(st.missing("field")) == 0:
		return ""
	case text == "authorized":
		return st.authorized("")
	case text == "not authorized" && st.authorized("") != "":
		return ""
	case text == "automatic":
		if no := st.automatic(); no != "" {
			return "criteria fail: " + no
		}
		return ""
	case len(words) == 4 && words[0] == "slot" && words[2] == "because":
		return st.because(words[1], words[3])
	case len(words) == 3 && words[0] == "nobody" && words[1] == "for":
		return st.nobody(words[2])
	}
	return "it does not hold, or nothing of this kind can be expected"
}

func (st *stage) because(slot, rule string) string {
	for _, s := range append(slices.Clone(st.demand.Slots), st.demand.Verify...) {
		if s.ID == slot && slices.ContainsFunc(s.Reasons, func(r Reason) bool { return r.Rule == rule }) {
			return ""
		}
	}
	return "no such slot for that reason"
}

func (st *stage) nobody(role string) string {
	var people []Person
	for _, who := range sortedKeys(st.people) {
		people = append(people, Person{ID: who, Roles: st.people[who]})
	}
	ok, gap := Satisfiable(st.demand.Slots, people, sortedKeys(st.barred))
	if !ok && gap.Role == role {
		return ""
	}
	if ok {
		return "these people suffice"
	}
	return gap.String()
}

func kinds(checks []CheckDemand) (out []string) {
	for _, c := range checks {
		out = append(out, c.Kind)
	}
	return out
}

func slotRoles(slots []Slot) (out []string) {
	for _, s := range slots {
		out = append(out, s.Role)
	}
	return out
}

func orElse(list []string, none string) []string {
	if len(list) == 0 {
		return []string{none}
	}
	return list
}
