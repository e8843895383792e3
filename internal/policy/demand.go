package policy

import (
	"cmp"
	"fmt"
	"slices"

	"plumbline.dev/plumb/internal/fault"
)

// MinHumans is the fewest people who must approve any change, whatever a pack says (at least two
// approvals).
const MinHumans = 2

// Demand says what the policy asks of one revision. It is an error, and so a refusal, when the facts
// name something unknown (type, category, model, component, kind of binding), when a rule forbids
// the change, when any condition cannot be evaluated, and when fewer than MinHumans people would
// have to approve. The error is a *fault.Error that names rule and clause.
func (p *Pack) Demand(f Facts) (Demand, error) {
	f, err := p.admit(f)
	if err != nil {
		return Demand{}, err
	}
	held, err := p.held(&f)
	if err != nil {
		return Demand{}, err
	}
	if err := forbidden(held); err != nil {
		return Demand{}, err
	}
	return p.sum(&f, held)
}

// sum adds up what the rules that hold ask.
func (p *Pack) sum(f *Facts, held []*Rule) (Demand, error) {
	b := builder{facts: f, out: Demand{Policy: p.digest, Exclude: slices.Sorted(slices.Values(p.Exclude))}}
	if c, ok := p.Category(f.Category); ok {
		b.fields(c.Fields, Reason{Rule: "category:" + c.Name, Clause: c.Clause, Text: c.Title})
	}
	for _, r := range held {
		b.add(r)
	}
	b.risk(f.RiskFloor)
	b.out.ExpireSecs = p.expireSecs(b.out.Risk)
	b.out.sort()
	return b.out, b.out.sound()
}

// held gives the rules whose condition holds. Every rule is evaluated: one that errors denies.
func (p *Pack) held(f *Facts) ([]*Rule, error) {
	var held []*Rule
	for i := range p.Rules {
		r := &p.Rules[i]
		yes, err := r.cond.eval(f)
		if err != nil {
			return nil, fault.New(fault.Denied, "rule_error", "The policy rule %s could not be evaluated, so the change is refused.", r.ID).
				Because(r.ID, r.Clause).FixedBy("whoever keeps the policy pack").Then("plumb policy explain").From(err)
		}
		if yes {
			held = append(held, r)
		}
	}
	return held, nil
}

// forbidden refuses where a rule forbids; all that do are listed.
func forbidden(held []*Rule) error {
	var e *fault.Error
	for _, r := range held {
		if r.Forbid == nil {
			continue
		}
		if e == nil {
			e = fault.New(fault.Denied, r.Forbid.Code, "%s", r.Forbid.Reason).Because(r.ID, r.Clause).FixedBy("the requester").
				Then("plumb change edit CHANGE")
			if r.Forbid.Next != "" {
				e.Then("%s", r.Forbid.Next)
			}
		}
		e.At(r.ID, r.Forbid.Reason)
	}
	if e == nil {
		return nil
	}
	return e
}

func (p *Pack) expireSecs(r Risk) int64 {
	span := p.Expire.Normal
	if r.rank() == High.rank() {
		span = p.Expire.High
	}
	secs, _ := span.Secs()
	return secs
}

// builder puts the demands of several rules together; the stricter of two always wins.
type builder struct {
	facts *Facts
	out   Demand
	risks []Reason
	exec  bool // some rule named executors
}

func (b *builder) add(r *Rule) {
	why := Reason{Rule: r.ID, Clause: r.Clause, Text: r.Text}
	for _, q := range r.Require {
		b.out.Slots = joinSlot(b.out.Slots, Slot{ID: q.slotID(), Role: q.Role, Min: q.Min,
			After: slices.Clone(q.After), Distinct: q.Distinct == nil || *q.Distinct, Reasons: []Reason{why}})
	}
	b.fields(r.Fields, why)
	for _, c := range r.Checks {
		b.out.Checks = joinCheck(b.out.Checks, c.demand(why))
	}
	for _, c := range r.After {
		b.out.After = joinCheck(b.out.After, c.demand(why))
	}
	for _, v := range r.Verify {
		for _, s := range v.slots(b.facts, why) {
			b.out.Verify = joinSlot(b.out.Verify, s)
		}
	}
	if r.Risk != "" {
		switch {
		case b.out.Risk == "" || r.Risk.rank() > b.out.Risk.rank():
			b.out.Risk, b.risks = r.Risk, []Reason{why}
		case r.Risk == b.out.Risk:
			b.risks = append(b.risks, why)
		}
	}
	if len(r.Executor) > 0 {
		b.executor(r.Executor)
	}
}

func (b *builder) fields(paths []string, why Reason) {
	for _, path := range paths {
		b.out.Fields = joinField(b.out.Fields, FieldDemand{Path: path, Reasons: []Reason{why}})
	}
}

// executor intersects: who executes must be allowed by every rule that says who.
func (b *builder) executor(roles []string) {
	roles = slices.Compact(slices.Sorted(slices.Values(roles)))
	if !b.exec {
		b.out.Executor, b.exec = roles, true
		return
	}
	b.out.Executor = intersect(b.out.Executor, roles)
}

// risk settles the risk: high where no rule said anything, and never below the requester's floor.
func (b *builder) risk(floor Risk) {
	if b.out.Risk == "" {
		b.out.Risk = High
		b.risks = []Reason{{Rule: "risk-default", Text: "No rule says how risky this is, so it counts as high."}}
	}
	if floor != "" && floor.rank() > b.out.Risk.rank() {
		b.out.Risk = floor
		b.risks = []Reason{{Rule: "risk-floor", Text: "The requester holds the risk for higher than the rules do."}}
	}
	b.out.Why = b.risks
}

// sort makes the demand the same whatever the order of rules and packs was.
func (d *Demand) sort() {
	slices.SortFunc(d.Slots, func(a, b Slot) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(d.Verify, func(a, b Slot) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(d.Checks, func(a, b CheckDemand) int { return cmp.Compare(a.Kind, b.Kind) })
	slices.SortFunc(d.After, func(a, b CheckDemand) int { return cmp.Compare(a.Kind, b.Kind) })
	slices.SortFunc(d.Fields, func(a, b FieldDemand) int { return cmp.Compare(a.Path, b.Path) })
	slices.SortFunc(d.Why, compareReasons)
}

// sound refuses a demand that nobody should act on.
func (d Demand) sound() error {
	humans := 0
	for _, s := range d.Slots {
		humans += s.Min
	}
	if humans < MinHumans {
		return fault.New(fault.Denied, "too_few_approvals", "The policy pack asks for %d approvals here; every change needs at least %d.", humans, MinHumans).
			Because("floor", "").FixedBy("whoever keeps the policy pack").Then("plumb policy lint")
	}
	if loop := orderLoop(d.Slots); loop != "" {
		return fault.New(fault.Denied, "slot_order", "The policy pack makes approvals wait for each other, or for one that is not asked for: %s.", loop).
			Because("floor", "").FixedBy("whoever keeps the policy pack").Then("plumb policy lint")
	}
	return nil
}

// orderLoop names a slot that can never open: it waits for itself, or for a slot that is not there.
func orderLoop(slots []Slot) string {
	ids, open := map[string]bool{}, map[string]bool{}
	for _, s := range slots {
		ids[s.ID] = true
	}
	for range slots {
		for _, s := range slots {
			if !slices.ContainsFunc(s.After, func(a string) bool { return !ids[a] || !open[a] }) {
				open[s.ID] = true
			}
		}
	}
	for _, s := range slots {
		if !open[s.ID] {
			return s.ID
		}
	}
	return ""
}

func (c CheckRule) demand(why Reason) CheckDemand {
	secs, _ := c.MaxAge.Secs()
	return CheckDemand{Kind: c.Kind, MaxAgeSecs: secs, Reasons: []Reason{why}}
}

// slots gives who verifies: for asset-owner one slot per owning role of the targets.
func (v VerifyRule) slots(f *Facts, why Reason) []Slot {
	if v.Role != AssetOwner {
		return []Slot{{ID: "verify/" + v.Role, Role: v.Role, Min: v.Min, Distinct: true, Reasons: []Reason{why}}}
	}
	var out []Slot
	for _, t := range f.Targets {
		owner := t.Owner
		if owner == "" {
			owner = v.Fallback
		}
		out = joinSlot(out, Slot{ID: "verify/" + AssetOwner + "/" + owner, Role: owner, Min: v.Min, Distinct: true, Reasons: []Reason{why}})
	}
	if len(out) == 0 {
		out = []Slot{{ID: "verify/" + AssetOwner + "/" + v.Fallback, Role: v.Fallback, Min: v.Min, Distinct: true, Reasons: []Reason{why}}}
	}
	return out
}

// Met reports whether the newest evidence of the demanded kind passes and is young enough. A kind
// that is missing, failed, in the future or unknown is not met.
func (c CheckDemand) Met(checks []Check) bool {
	met := false
	for _, have := range checks {
		if have.Kind != c.Kind {
			continue
		}
		if have.Status != "pass" || have.AgeSecs < 0 || c.MaxAgeSecs > 0 && have.AgeSecs > c.MaxAgeSecs {
			return false
		}
		met = true
	}
	return met
}

// MissingFields gives the demanded fields that the facts do not hold.
func (d Demand) MissingFields(f Facts) []FieldDemand {
	return slices.DeleteFunc(slices.Clone(d.Fields), func(x FieldDemand) bool { return slices.Contains(f.Fields, x.Path) })
}

// MissingChecks gives the checks before approval that the facts do not show.
func (d Demand) MissingChecks(f Facts) []CheckDemand {
	return slices.DeleteFunc(slices.Clone(d.Checks), func(x CheckDemand) bool { return x.Met(f.Checks) })
}

// String names the slot as a person would: "1 security-lead".
func (s Slot) String() string { return fmt.Sprintf("%d %s", s.Min, s.ID) }
