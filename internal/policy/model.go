package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

// Criteria evaluates every condition under which the model authorizes a change by itself, its bounds
// included, and records with each what it read: the documented validation that the policy asks of
// each request. All must have passed; a condition that errors has not. The error is for an unknown
// model or facts that the pack refuses; then nothing was evaluated and the answer is no.
func (p *Pack) Criteria(model string, f Facts) ([]Criterion, error) {
	m, ok := p.Model(model)
	if !ok {
		return nil, unknown("unknown_model", "model", "The change names no standard model of this policy.")
	}
	f, err := p.admit(f)
	if err != nil {
		return nil, err
	}
	out := append(m.bounds(&f), p.shown(m, f))
	for _, c := range m.Criteria {
		r := Criterion{ID: c.ID, Text: c.Text, Clause: c.Clause}
		r.Passed, err = c.cond.eval(&f)
		if err != nil {
			r.Passed, r.Error = false, err.Error()
		}
		if r.Inputs, err = c.cond.reads.inputs(&f); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	for i := range out {
		if out[i].Inputs == nil {
			out[i].Inputs = map[string]string{}
		}
	}
	return out, nil
}

// shown is the criterion that every model has: what the rules demand as evidence is there. Criteria
// replace approvals, never evidence.
func (p *Pack) shown(m Model, f Facts) Criterion {
	c := Criterion{ID: "bound/evidence", Text: "All evidence that the rules demand is shown and passes.", Clause: m.Clause}
	d, err := p.Demand(f)
	if err != nil {
		c.Error = err.Error()
	} else {
		c.Passed = len(d.MissingChecks(f)) == 0
	}
	tree := &pathTree{}
	tree.at([]string{"checks"}).whole = true
	if c.Inputs, err = tree.inputs(&f); err != nil {
		c.Passed, c.Error = false, "record the inputs: "+err.Error()
	}
	return c
}

// Passed reports whether every criterion passed. None at all is a no.
func Passed(criteria []Criterion) bool {
	return len(criteria) > 0 && !slices.ContainsFunc(criteria, func(c Criterion) bool { return !c.Passed })
}

// bounds evaluates the limits of the model as criteria of their own.
func (m Model) bounds(f *Facts) []Criterion {
	b := m.Bounds
	list := []struct {
		id, text string
		passed   bool
		reads    []string
	}{
		{"bound/category", "The change is of the model's type and category.", f.Type == "standard" && f.Category == m.Category && f.Model == m.ID, []string{"type", "category", "model"}},
		{"bound/targets", fmt.Sprintf("It lands on 1 to %d targets, in %s, of kind %s.", b.Targets, strings.Join(b.Environments, ", "), strings.Join(b.TargetKinds, ", ")),
			within(len(f.Targets), b.Targets) && all(f.Targets, func(t Target) bool {
				return slices.Contains(b.Environments, t.Environment) && slices.Contains(b.TargetKinds, t.Kind)
			}), []string{"targets.[].name", "targets.[].environment", "targets.[].kind"}},
		{"bound/components", "It touches only " + strings.Join(b.Components, ", ") + ".", len(f.Components) > 0 &&
			all(f.Components, func(c Component) bool { return slices.Contains(b.Components, c.Key) }), []string{"components.[].key"}},
		{"bound/effects", fmt.Sprintf("It has 1 to %d effects, those of its plan counted, each to %s.", b.Effects, strings.Join(b.Ops, " or ")),
			b.effects(f), []string{"effects.[].target", "effects.[].path", "effects.[].op", "plan.create", "plan.update", "plan.delete", "plan.replace"}},
		{"bound/plan-complete", "A bound Terraform plan is complete.", !f.Plan.Present || f.Plan.Complete, []string{"plan.present", "plan.complete"}},
		{"bound/rollback", "A runnable rollback procedure is bound.", !m.Rollback || f.Rollback.Present && f.Rollback.Bound && f.Rollback.Reversible, []string{"rollback"}},
		{"bound/per-day", fmt.Sprintf("The requester used it fewer than %d times in 24 hours.", m.MaxPerDay), f.History.SameDay >= 0 && f.History.SameDay < m.MaxPerDay, []string{"history.same_day"}},
	}
	out := make([]Criterion, len(list))
	for i, c := range list {
		tree := &pathTree{}
		for _, path := range c.reads {
			tree.at(strings.Split(path, ".")).whole = true
		}
		out[i] = Criterion{ID: c.id, Text: c.text, Clause: m.Clause, Passed: c.passed}
		if in, err := tree.inputs(f); err == nil {
			out[i].Inputs = in
		} else {
			out[i].Passed, out[i].Error = false, "record the inputs: "+err.Error()
		}
	}
	return out
}

// effects reports whether what the change will do, by hand-typed effects and by its plan, stays
// within the bounds. No effect at all is not within them.
func (b Bounds) effects(f *Facts) bool {
	total := len(f.Effects)
	for op, n := range map[string]int{"create": f.Plan.Create, "update": f.Plan.Update, "delete": f.Plan.Delete, "replace": f.Plan.Replace} {
		if n < 0 || n > 0 && !slices.Contains(b.Ops, op) {
			return false
		}
		total += n
	}
	return within(total, b.Effects) && all(f.Effects, func(e Effect) bool { return slices.Contains(b.Ops, e.Op) })
}

func within(n, most int) bool { return n >= 1 && n <= most }

func all[T any](list []T, holds func(T) bool) bool {
	return !slices.ContainsFunc(list, func(x T) bool { return !holds(x) })
}

// ModelDigest names one version of a model by content. Activating a model activates this digest, so
// that a pack with other criteria needs another activation.
func (p *Pack) ModelDigest(id string) (string, error) {
	m, ok := p.Model(id)
	if !ok {
		return "", unknown("unknown_model", "model", "The policy has no such standard model.")
	}
	b, err := seal.Canonical(m)
	if err != nil {
		return "", err
	}
	return seal.Digest("plumb.model.v1", b), nil
}

// Standing refuses a model that may not authorize at this instant: before its activation, past its
// validity, past its review date, or used as often as it may be between reviews. activated is when
// the owner's office approved it, reviewed when it was last looked at (the zero time means never),
// uses how often it authorized since.
func (m Model) Standing(now, activated, reviewed time.Time, uses int) error {
	no := func(code, text string) error {
		return fault.New(fault.Denied, code, "The standard model %s %s; the change needs the usual approvals.", m.ID, text).
			Because("model:"+m.ID, m.Clause).FixedBy(m.Owner).Then("plumb change edit CHANGE --type normal")
	}
	if reviewed.Before(activated) {
		reviewed = activated
	}
	last, err := time.Parse(time.DateOnly, m.ValidTo)
	switch {
	case activated.IsZero() || now.Before(activated):
		return no("model_inactive", "is not activated")
	case m.ValidFor.Duration() <= 0 || !now.Before(activated.Add(m.ValidFor.Duration())):
		return no("model_expired", "is no longer valid")
	case m.ValidTo != "" && (err != nil || !now.Before(last.AddDate(0, 0, 1))):
		return no("model_expired", "is no longer valid")
	case !now.Before(reviewed.Add(m.Review.After.Duration())):
		return no("model_unreviewed", "is past its review date")
	case uses < 0 || uses >= m.Review.Uses:
		return no("model_unreviewed", "was used as often as it may be before a review")
	}
	return nil
}
