package policy

import (
	"bytes"
	"fmt"
	"strings"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

// Explanation is what one rule said about one change.
type Explanation struct {
	Rule    string            `json:"rule"`
	Clause  string            `json:"clause"`
	Title   string            `json:"title"` // the clause's
	Text    string            `json:"text"`
	When    string            `json:"when"`
	Holds   bool              `json:"holds"`
	Reads   map[string]string `json:"reads"`   // each fact that the condition read, as canonical JSON
	Demands []string          `json:"demands"` // in words
	Error   string            `json:"error,omitempty"`
}

// Explain gives every rule's answer about one change in the order of the pack, those that do not
// hold too: "why these approvers" is as much a question as "why not that one".
func (p *Pack) Explain(f Facts) ([]Explanation, error) {
	f, err := p.admit(f)
	if err != nil {
		return nil, err
	}
	var out []Explanation
	for i := range p.Rules {
		r := &p.Rules[i]
		c, _ := p.Clause(r.Clause)
		x := Explanation{Rule: r.ID, Clause: r.Clause, Title: c.Title, Text: r.Text, When: r.When, Demands: r.demands()}
		x.Holds, err = r.cond.eval(&f)
		if err != nil {
			x.Error = err.Error()
		}
		if x.Reads, err = r.cond.reads.inputs(&f); err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

// demands says in words what the rule asks.
func (r *Rule) demands() []string {
	out := []string{}
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for _, q := range r.Require {
		say("%d approval by %s", q.Min, q.slotID())
	}
	for _, f := range r.Fields {
		say("the field %s", f)
	}
	for _, c := range r.Checks {
		say("evidence of %s%s", c.Kind, aged(c.MaxAge))
	}
	for _, c := range r.After {
		say("the check %s before it closes", c.Kind)
	}
	for _, v := range r.Verify {
		say("verification by %s", v.Role)
	}
	if r.Risk != "" {
		say("risk at least %s", r.Risk)
	}
	if len(r.Executor) > 0 {
		say("executed by %s", strings.Join(r.Executor, " or "))
	}
	if r.Forbid != nil {
		say("refused: %s", r.Forbid.Reason)
	}
	return out
}

func aged(age Span) string {
	if age == "" {
		return ""
	}
	return ", at most " + string(age) + " old"
}

// Case is one change for Simulate, as an export holds it: one JSON object per line.
type Case struct {
	ID    string `json:"id"`
	Facts Facts  `json:"facts"`
}

// Row is what a pack would have demanded of one case. Refused is empty where Demand holds.
type Row struct {
	ID      string `json:"id"`
	Demand  Demand `json:"demand"`
	Refused string `json:"refused,omitempty"` // the code of the refusal
	Rule    string `json:"rule,omitempty"`    // the rule behind it
	Message string `json:"message,omitempty"`
}

// Simulate gives what the pack would have demanded of each case, in their order. Components and
// targets are taken as the pack's own catalogue knows them.
func (p *Pack) Simulate(cases []Case) []Row {
	rows := make([]Row, len(cases))
	for i, c := range cases {
		rows[i] = Row{ID: c.ID}
		d, err := p.Demand(p.Resolve(c.Facts))
		if err != nil {
			e := fault.Of(err)
			rows[i].Refused, rows[i].Rule, rows[i].Message = e.Code, e.Rule, e.Message
			continue
		}
		rows[i].Demand = d
	}
	return rows
}

// ParseCases reads exported facts, one strict JSON object per line; empty lines are skipped. The
// error names the line.
func ParseCases(jsonl []byte) ([]Case, error) {
	var cases []Case
	for n, line := range bytes.Split(jsonl, []byte("\n")) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var c Case
		if err := seal.Decode(line, &c); err != nil {
			return nil, fmt.Errorf("read case on line %d: %w", n+1, err)
		}
		cases = append(cases, c)
	}
	return cases, nil
}
