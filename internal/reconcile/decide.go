package reconcile

import (
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/inventory"
)

// Rules are the numbers of matching.
type Rules struct {
	// Settle is how long after its end a run may still show: systems converge, and a source reads them afterwards.
	Settle time.Duration
	Now    int64
}

// usualSettle is a quarter of an hour: a converging host or a zone transfer takes minutes.
const usualSettle = 15 * time.Minute

// spot is one name under which a place is claimed.
type spot struct {
	spotKey
	scope   string
	managed bool // by way of the Terraform resource that manages it
}

func (p *Place) spots() []spot {
	out := []spot{{spotKey{false, string(p.Asset)}, "", false}, {spotKey{false, p.Type + "/" + p.Native}, "", false}}
	if !p.Borrowed {
		out = append(out, spot{spotKey{false, p.Name}, "", false})
	}
	if p.Class == inventory.IaCResource {
		if out = append(out, spot{spotKey{true, p.Native}, p.Scope, false}); !p.Borrowed {
			out = append(out, spot{spotKey{false, p.Native}, p.Scope, false})
		}
		return out
	}
	for _, m := range p.Managers {
		out = append(out, spot{spotKey{true, m.Address}, m.Scope, true})
	}
	return out
}

// asks is one difference being judged.
type asks struct {
	d     inventory.Difference
	p     *Place
	x     *Index
	rules Rules
	hits  []Hit
	at    []spot // names of the place; made once
}

// Decide says what a difference is: the first disposition that holds, with every hit and its reason. It changes nothing; what it
// explained is told to the index by Note.
func Decide(d inventory.Difference, p Place, x *Index, rules Rules) Verdict {
	a := &asks{d: d, p: &p, x: x, rules: rules}
	a.claimed()
	a.derived()
	a.standing()
	a.underWay()
	slices.SortStableFunc(a.hits, func(m, n Hit) int { return m.Disposition.order() - n.Disposition.order() })
	v := Verdict{Disposition: Unauthorized, Hits: a.hits}
	if len(v.Hits) > 0 {
		v.Disposition = v.Hits[0].Disposition
	}
	return v
}

func (a *asks) hit(d Disposition, l lane, c *Claim, rule, reason string, weak bool) {
	h := Hit{Disposition: d, Rule: rule, Reason: reason, Weak: weak}
	if l.charter != nil {
		h.Change = l.charter.Change
	}
	if l.run != nil {
		h.Permit = l.run.Permit
	}
	if c != nil {
		h.Claim = c.ID
	}
	if len(a.hits) < maxHits {
		a.hits = append(a.hits, h)
	}
}

// maxHits bounds what is kept of one difference; the rest says nothing new.
const maxHits = 50

// claimed asks every claim of this place and path.
func (a *asks) claimed() {
	path := fold(a.d.Path)
	for _, s := range a.spots() {
		for r := range a.x.claimed(s.spotKey, path) {
			a.claim(r, s)
		}
		if path == "" {
			continue
		}
		for at := path; ; { // what is not known until the apply is claimed as a whole, with all that is in it
			at, _, _ = cutLast(at)
			if at == "" {
				break
			}
			for r := range a.x.claimed(s.spotKey, at) {
				if r.claim.Open {
					a.claim(r, s)
				}
			}
		}
		for _, r := range a.x.wide[s.spotKey] {
			if glob(r.claim.Path, path) {
				a.claim(r, s)
			}
		}
	}
}

// claim asks one claim: each run of its change in whose time the difference arose.
func (a *asks) claim(r ref, s spot) {
	c := r.claim
	if !s.within(c) || c.Asset != "" && c.Asset != a.p.Asset {
		return
	}
	ran := false
	for i := range r.charter.Runs {
		run := &r.charter.Runs[i]
		if run.Rollback != c.Rollback || run.Rev != c.Rev || !a.meets(run) {
			continue
		}
		ran = true
		disposition, reason, weak := a.weigh(r, s, run)
		a.hit(disposition, lane{r.charter, run}, c, "", reason, weak)
	}
	if !ran && !c.Rollback && len(r.charter.Runs) == 0 && fits(c.Verb, a.d.Op, a.d.Path) && (a.d.Op != inventory.Updated || c.holds(a.d.After)) && a.inWindow(r.charter) {
		a.hit(OutOfScope, lane{charter: r.charter}, c, "", "approved for this time, but no permit was opened", false)
	}
}

// weigh says how far a claim and a run explain the difference.
func (a *asks) weigh(r ref, s spot, run *Run) (Disposition, string, bool) {
	c := r.claim
	receipt := run.receipt(c.Address)
	switch {
	case ofCode(c.Verb) && a.p.Class != inventory.IaCResource:
		return OutOfScope, "approved was to " + c.Verb + " its code, not to touch the thing itself", false
	case !fits(c.Verb, a.d.Op, a.d.Path):
		return OutOfScope, "approved was " + c.Verb + ", seen was " + string(a.d.Op), false
	case a.d.Op == inventory.Updated && !c.holds(a.d.After):
		return OutOfScope, "another value than the approved one", false
	case a.d.Op == inventory.Updated && c.Includes && !c.Open && !c.alone(a.d.Before, a.d.After):
		return OutOfScope, "another item than the approved one came or went, too", false
	case !a.anew(r):
		return OutOfScope, "the plan names no state, and this was there before, or the plan does more than create", false
	case !a.environment(r.charter):
		return OutOfScope, "approved for another environment", false
	case !a.byExecutor(run):
		return OutOfScope, "the source names another actor than the executor", false
	case c.Open && a.x.spent[c.ID+" "+a.d.Record] != "" && a.x.spent[c.ID+" "+a.d.Record] != a.d.ID:
		return OutOfScope, "the approved change of an unknown value was seen already", false
	case !c.Planned && c.Open && c.Rollback && a.d.Op == inventory.Updated:
		return OutOfScope, "the way back of a typed effect names no value", false
	case !c.Planned && r.charter.Criteria && (a.d.Kind == inventory.Security || strings.HasPrefix(a.d.Path, labelPath)):
		return OutOfScope, "no person approves what a standard model lets through, and this is a door or a label", false
	case !c.Planned:
		return Scoped, "within a typed effect while the change ran", true
	case len(run.Receipts) == 0:
		return Scoped, "planned; the run reported no resources", true
	case receipt == nil && ofCode(c.Verb):
		return Scoped, "planned; a tool reports no receipt of a move, an import or a forget", true
	case receipt == nil:
		return OutOfScope, "planned, but the run did not report this resource", false
	case receipt.Action == deleteAction && a.d.Op != inventory.Deleted:
		return OutOfScope, "planned, but the run reported only that it took this away", false
	case s.managed && !a.is(receipt.ID):
		return OutOfScope, "the run reported another thing at that address", false
	case !receipt.Done || run.Lost || c.Includes:
		return Scoped, "planned; the run did not report it as done whole", true
	}
	return Exact, "executed as approved, with the approved value", false
}

// meets reports whether production can have changed while a run went on: the two intervals have an instant in common. Both are the
// server's time, so no clock of a source or an executor enters.
func (a *asks) meets(run *Run) bool {
	return a.d.Latest > run.Started && a.d.Earliest <= a.until(run)
}

func (a *asks) until(run *Run) int64 {
	end := run.Ended
	switch {
	case end == 0 && run.closed > 0:
		end = run.closed // nobody reported its end, and the change is over
	case end == 0:
		end = max(a.rules.Now, a.d.Latest)
	}
	return end + a.rules.Settle.Microseconds()
}

func (a *asks) inWindow(c *Charter) bool {
	return c.Until > 0 && c.Closed == 0 && a.d.Latest >= c.From && a.d.Earliest <= c.Until
}

func (a *asks) environment(c *Charter) bool {
	return counted(a.p.Labels[inventory.LabelEnvironment]) == counted(c.Environment)
}

// counted gives the environment that counts: what nobody labelled, and what several share, is production.
func counted(environment string) string {
	if environment == "" || environment == "shared" {
		return "prod"
	}
	return environment
}

// by reports whether what explains another difference was run in this environment, by whom the source names here, if it names anybody.
func (a *asks) by(e Explained) bool {
	return slices.ContainsFunc(a.x.permits[e.Permit], func(l lane) bool { return a.environment(l.charter) && a.byExecutor(l.run) })
}

// within reports whether a claim is about the state that a spot is in. Where its plan names none, anew asks more. What a record manages counts by
// the state that the record is of, so no record of anything else lends a thing an approved address.
func (s spot) within(c *Claim) bool {
	return !c.Planned || c.Lineage == "" || inState(s.scope, c.Lineage)
}

// anew reports whether a claim of a plan that names no state may speak of a place. It could be of any state, so it speaks of nothing that was
// there before its change ran, and only where that plan does nothing but create: the first one of a state that does not exist yet.
func (a *asks) anew(r ref) bool {
	if !r.claim.Planned || r.claim.Lineage != "" {
		return true
	}
	return r.charter.creates && slices.ContainsFunc(r.charter.Runs, func(run Run) bool { return run.Rev == r.claim.Rev && a.p.First > run.Started })
}

// inState reports whether a scope is of the state with a lineage, whatever the workspace.
func inState(scope, lineage string) bool {
	rest, ok := strings.CutPrefix(scope, lineage)
	return ok && lineage != "" && (rest == "" || rest[0] == '/')
}

// is reports whether the place is the thing that a provider gave this id.
func (a *asks) is(id string) bool {
	return id != "" && slices.ContainsFunc(a.p.IDs, func(have string) bool {
		return have == id || strings.HasSuffix(have, ":"+id) || strings.HasSuffix(have, "/"+id)
	})
}

// underWay links a difference with what ran at that time near it, which does not explain it.
func (a *asks) underWay() {
	if len(a.hits) > 0 {
		return
	}
	for l := range a.x.during(a.d, a.rules) {
		switch {
		case a.d.Actor != "" && a.byExecutor(l.run):
			a.hit(OutOfScope, l, nil, "", "by the executor of a change that ran, which does not name this", false)
		case a.near(l.charter):
			a.hit(OutOfScope, l, nil, "", "a change of this thing ran, which does not name this", false)
		}
	}
}

// near reports whether a charter claims anything else of this place.
func (a *asks) near(c *Charter) bool {
	for _, s := range a.spots() {
		if slices.ContainsFunc(a.x.places[s.spotKey], func(r ref) bool { return r.charter == c }) {
			return true
		}
	}
	return slices.ContainsFunc(c.Claims, func(k Claim) bool {
		return !k.Planned && (k.Address == a.p.Name || k.Address == string(a.p.Asset)) || k.Planned && inState(a.p.Scope, k.Lineage)
	})
}

// standing asks the reviewed authorizations.
func (a *asks) standing() {
	for _, m := range a.x.mutes {
		if !m.matches(a.d, a.p, a.rules.Now) {
			continue
		}
		d := Standing
		if m.Kind == SideEffect {
			d = Derived
		}
		a.hit(d, lane{}, nil, m.ID, m.Reason, false)
	}
}

// Note tells the index what a difference was found to be, so that what follows from it is derived and an unknown value is
// used once.
func (x *Index) Note(d inventory.Difference, p Place, v Verdict) {
	h := v.First()
	if v.Disposition == Exact || v.Disposition == Scoped {
		x.spend(h.Claim, d.Record, d.ID)
	}
	if !v.Disposition.Explains() || h.Permit == "" {
		return
	}
	e := Explained{Difference: d, Class: p.Class, Scope: p.Scope, Change: h.Change, Permit: h.Permit, passing: v.Disposition != Exact && v.Disposition != Scoped}
	if list := x.permits[h.Permit]; len(list) > 0 {
		e.run = list[len(list)-1].run
	}
	x.explain(e)
}

// spend notes which difference of a record used a claim up: the first.
func (x *Index) spend(claim, record, difference string) {
	if key := claim + " " + record; x.spent[key] == "" {
		x.spent[key] = difference
	}
}

// explain keeps what is explained in the order of the differences, whenever it is told of them.
func (x *Index) explain(e Explained) {
	put := func(list []Explained) []Explained {
		at := len(list)
		for at > 0 && list[at-1].Difference.N > e.Difference.N {
			at--
		}
		return slices.Insert(list, at, e)
	}
	x.explained[e.Difference.Asset] = put(x.explained[e.Difference.Asset])
	x.scopes[e.Scope] = put(x.scopes[e.Scope])
	if x.noted++; e.passing {
		x.passing = append(x.passing, e)
	}
}

// settle ends a step: from what was a side effect nothing follows in the next one, as if the index were made anew.
func (x *Index) settle() {
	passing := func(e Explained) bool { return e.passing }
	for _, e := range x.passing {
		x.explained[e.Difference.Asset] = slices.DeleteFunc(x.explained[e.Difference.Asset], passing)
		x.scopes[e.Scope] = slices.DeleteFunc(x.scopes[e.Scope], passing)
	}
	x.noted -= len(x.passing)
	x.passing = nil
}
