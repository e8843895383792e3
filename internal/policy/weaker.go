package policy

import (
	"fmt"
	"slices"

	"plumbline.dev/plumb/internal/fault"
)

// Weaker tells in what the new pack asks less than the old one: for the officer who is to activate
// it. It compares the words of the packs, and the demands of the same sample changes under both; a
// finding is certain, the absence of one is likely and no proof.
func Weaker(old, new *Pack) []Finding {
	w := &weigher{linter: linter{scan: scan{p: new}}, old: old}
	w.words()
	w.offices()
	w.models()
	w.catalogue()
	w.emergencyRules()
	w.clauseRules()
	w.demands()
	return sortFindings(w.findings)
}

type weigher struct {
	linter
	old *Pack
}

func (w *weigher) tell(file, path, code, rule, format string, args ...any) {
	w.say(Warning, file, path, code, rule, format, args...)
}

func (w *weigher) words() {
	for _, x := range w.old.Exclude {
		if !slices.Contains(w.p.Exclude, x) {
			w.tell("pack.yaml", "exclude", "exclusion_dropped", "", "%s are no longer kept from approving", x)
		}
	}
	for _, s := range []struct {
		path     string
		old, new Span
	}{{"expire.high", w.old.Expire.High, w.p.Expire.High}, {"expire.normal", w.old.Expire.Normal, w.p.Expire.Normal}} {
		if s.new.Duration() > s.old.Duration() {
			w.tell("pack.yaml", s.path, "approval_lives_longer", "", "approvals live %s, before %s", s.new, s.old)
		}
	}
}

func (w *weigher) offices() {
	for i, r := range w.p.Roles {
		path := fmt.Sprintf("roles[%d]", i)
		was, known := w.old.Role(r.Name)
		switch {
		case r.SpeaksFor != was.SpeaksFor && r.SpeaksFor != "":
			w.tell("roles.yaml", path, "office_changed", r.Name, "the role now speaks for %s", r.SpeaksFor)
		case known && was.Approves && !r.Approves:
			w.tell("roles.yaml", path, "office_changed", r.Name, "granting the role no longer counts as granting power to approve")
		case known && r.Holders < was.Holders:
			w.tell("roles.yaml", path, "fewer_holders", r.Name, "%d people should hold the role, before %d", r.Holders, was.Holders)
		}
	}
}

func (w *weigher) models() {
	for i, m := range w.p.Models {
		path := fmt.Sprintf("models[%d]", i)
		if _, known := w.old.Model(m.ID); !known {
			w.tell("models.yaml", path, "model_new", m.ID, "more changes can be authorized by criteria: %s", m.Title)
			continue
		}
		was, errOld := w.old.ModelDigest(m.ID)
		is, errNew := w.p.ModelDigest(m.ID)
		if was != is || errOld != nil || errNew != nil {
			w.tell("models.yaml", path, "model_changed", m.ID, "the criteria, bounds or terms are not those that were approved")
		}
	}
}

func (w *weigher) catalogue() {
	for i, t := range w.p.Targets {
		was, _ := w.old.Target(t.Name)
		laxer := slices.Index(Environments, t.Environment) < slices.Index(Environments, was.Environment) ||
			slices.Index(Classifications, t.Classification) < slices.Index(Classifications, was.Classification)
		switch path := fmt.Sprintf("targets[%d]", i); {
		case laxer:
			w.tell("catalogue.yaml", path, "target_relabelled", t.Name, "is %s and %s, before %s and %s", t.Environment, t.Classification, was.Environment, was.Classification)
		case was.Kind != "" && (was.Kind != t.Kind || was.Owner != t.Owner || was.Role != t.Role):
			w.tell("catalogue.yaml", path, "target_relabelled", t.Name, "its kind, owner or role is another")
		}
	}
	for i, c := range w.p.Components {
		if was, known := w.old.Component(c.Key); !known || was != c {
			w.tell("catalogue.yaml", fmt.Sprintf("components[%d]", i), "component_relabelled", c.Key, "the component is new, or its kind or repository is another")
		}
	}
}

func (w *weigher) emergencyRules() {
	const file = "emergency.yaml"
	was, is := w.old.Emergency, w.p.Emergency
	if is.Document.Within.Duration() > was.Document.Within.Duration() {
		w.tell(file, "emergency.document.within", "emergency_lax", "emergency", "an emergency is documented within %s, before %s", is.Document.Within, was.Document.Within)
	}
	for _, x := range []struct {
		path, what string
		was, is    []string
	}{{"notify.roles", "notified", was.Notify.Roles, is.Notify.Roles}, {"review.roles", "reviewing", was.AfterCare.Roles, is.AfterCare.Roles},
		{"document.fields", "documented", was.Document.Fields, is.Document.Fields}} {
		for _, r := range x.was {
			if !slices.Contains(x.is, r) {
				w.tell(file, "emergency."+x.path, "emergency_lax", "emergency", "%s is no longer %s", r, x.what)
			}
		}
	}
	if is.Notify.AtLeast < was.Notify.AtLeast || is.Notify.MinChans < was.Notify.MinChans || was.Notify.OnCall && !is.Notify.OnCall {
		w.tell(file, "emergency.notify", "emergency_lax", "emergency", "fewer people or channels must be reached before the change")
	}
	for i, m := range is.Methods {
		j := slices.IndexFunc(was.Methods, func(x Method) bool { return x.ID == m.ID })
		if j < 0 || m.Within.Duration() > was.Methods[j].Within.Duration() {
			w.tell(file, fmt.Sprintf("emergency.methods[%d]", i), "emergency_lax", m.ID, "the way of access is new or lasts longer")
		}
	}
}

func (w *weigher) clauseRules() {
	for _, c := range w.old.Clauses {
		now, ok := w.p.Clause(c.ID)
		if !ok {
			w.tell("clauses.yaml", "", "clause_dropped", c.ID, "the clause is gone: %s", c.Title)
			continue
		}
		for _, r := range c.Rules {
			if !slices.Contains(now.Rules, r) {
				w.tell("clauses.yaml", "", "clause_dropped", c.ID, "%s no longer keeps the clause", r)
			}
		}
	}
}

// demands compares what the same changes would need under both packs; where every file that demands
// come from is the same, there is nothing to compare.
func (w *weigher) demands() {
	same := true
	for _, name := range []string{"catalogue.yaml", "categories.yaml", "pack.yaml", "roles.yaml", "rules.yaml"} {
		same = same && w.old.text(name) == w.p.text(name)
	}
	if same {
		return
	}
	first, counts, details := map[string]string{}, map[string]int{}, map[string]loss{}
	for _, s := range samples(w.old, w.p) {
		for _, l := range losses(w.old, w.p, s.facts) {
			key := l.code + " " + l.what
			if counts[key]++; counts[key] == 1 {
				first[key], details[key] = s.name, l
			}
		}
	}
	for _, key := range sortedKeys(counts) {
		l := details[key]
		w.tell("rules.yaml", "rules", l.code, l.rule, "%s, as in: %s (%d samples)", l.what, first[key], counts[key])
	}
}

// loss is one thing that a demand no longer asks.
type loss struct{ code, rule, what string }

// losses gives in what the new pack asks less of one change.
func losses(old, new *Pack, f Facts) []loss {
	a, errOld := old.Demand(old.Resolve(f))
	b, errNew := new.Demand(new.Resolve(f))
	switch {
	case errNew != nil:
		return nil
	case errOld != nil:
		return []loss{{"now_allowed", fault.Of(errOld).Rule, "a change that was refused (" + fault.Of(errOld).Code + ") is allowed"}}
	}
	out := append(slotLosses("slot", a.Slots, b.Slots), slotLosses("verification", a.Verify, b.Verify)...)
	out = append(out, checkLosses("evidence", a.Checks, b.Checks)...)
	out = append(out, checkLosses("check afterwards", a.After, b.After)...)
	out = append(out, otherLosses(a, b)...)
	if old.security(a) && !new.security(b) {
		out = append(out, loss{"security_review_weakened", "", "security no longer approves"})
	}
	return out
}

func slotLosses(what string, was, is []Slot) (out []loss) {
	for _, s := range was {
		i := slices.IndexFunc(is, func(x Slot) bool { return x.ID == s.ID })
		switch {
		case i < 0:
			out = append(out, loss{"slot_dropped", s.Reasons[0].Rule, "the " + what + " " + s.ID + " is gone"})
		case is[i].Min < s.Min:
			out = append(out, loss{"slot_smaller", s.Reasons[0].Rule, fmt.Sprintf("the %s %s needs %d, before %d", what, s.ID, is[i].Min, s.Min)})
		case s.Distinct && !is[i].Distinct:
			out = append(out, loss{"slot_shared", s.Reasons[0].Rule, "the " + what + " " + s.ID + " may be filled by somebody who fills another"})
		case len(intersect(s.After, is[i].After)) < len(s.After):
			out = append(out, loss{"slot_unordered", s.Reasons[0].Rule, "the " + what + " " + s.ID + " no longer waits for others"})
		}
	}
	return out
}

func checkLosses(what string, was, is []CheckDemand) (out []loss) {
	for _, c := range was {
		i := slices.IndexFunc(is, func(x CheckDemand) bool { return x.Kind == c.Kind })
		switch {
		case i < 0:
			out = append(out, loss{"check_dropped", c.Reasons[0].Rule, "the " + what + " " + c.Kind + " is gone"})
		case c.MaxAgeSecs > 0 && (is[i].MaxAgeSecs == 0 || is[i].MaxAgeSecs > c.MaxAgeSecs):
			out = append(out, loss{"check_older", c.Reasons[0].Rule, "the " + what + " " + c.Kind + " may be older"})
		}
	}
	return out
}

func otherLosses(a, b Demand) (out []loss) {
	for _, f := range a.Fields {
		if !slices.ContainsFunc(b.Fields, func(x FieldDemand) bool { return x.Path == f.Path }) {
			out = append(out, loss{"field_dropped", f.Reasons[0].Rule, "the field " + f.Path + " may stay empty"})
		}
	}
	for _, e := range b.Executor {
		if !slices.Contains(a.Executor, e) {
			out = append(out, loss{"executor_added", "", "the role " + e + " may execute"})
		}
	}
	if b.Risk.rank() < a.Risk.rank() {
		out = append(out, loss{"risk_lower", a.Why[0].Rule, fmt.Sprintf("the risk is %s, before %s", b.Risk, a.Risk)})
	}
	return out
}
