package prove

import (
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// verbs says which event brings which decision.
var verbs = map[change.Verb][]string{change.Approval: {"change.approved"}, change.Rejection: {"change.rejected"},
	change.Withdrawal: {"change.approval_withdrawn"}}

// automatic are the events that can bring the decision of a standard model.
var automatic = []string{"change.submitted", "evidence.added"}

// readDecision verifies one decision: the signature, that the row says the same, that the event which
// brought it was the deed of that very person in their own session, and that the person was neither
// author nor executor then (policy statement e).
func (v *verifier) readDecision(r *record, row rowLine) error {
	text := row.Envelope
	if row.Cells != nil {
		text = row.text("statement")
	}
	st, err := openText[change.ApprovalPredicate](text, change.ApprovalType, v.permit)
	if err != nil {
		return err
	}
	p := st.Predicate
	by := r.carrier(row.Table, row.ID)
	if len(by) != 1 {
		return errors.New("not exactly one event brought the decision")
	}
	d := decision{ApprovalPredicate: p, event: by[0]}
	if p.ID != row.ID || p.Change != r.id || p.Install != v.m.Install || row.Cells != nil && !sameDecision(p, row) {
		return errors.New("the signed statement is of another decision than the row")
	}
	m, ok := r.wording(p.Rev)
	if !ok || len(st.Subject) == 0 || "sha256:"+st.Subject[0].Digest["sha256"] != p.Rev || d.leaf.Object.Rev != p.Rev {
		return errors.New("the decision is on a wording that the change never had")
	}
	if p.Policy == "" || d.leaf.Policy != p.Policy || d.leaf.TS != p.At {
		return errors.New("the decision names another policy or instant than its event")
	}
	v.told.decisions++
	r.decisions = append(r.decisions, d)
	if p.Person == "" {
		return d.byModel()
	}
	a := d.leaf.Actor
	switch {
	case !slices.Contains(verbs[change.Verb(p.Decision)], d.leaf.Verb):
		return errors.New("the event is of another kind than the decision")
	case a.Person != p.Person || a.Account != p.Account || a.Kind != string(fault.Human) || a.Authn != string(fault.Session):
		return errors.New("the decision is not the deed of that person in their own session")
	case change.Verb(p.Decision) == change.Approval && r.barred(d.seq, m)[p.Person]:
		return errors.New("an author or executor of the change decided on it")
	}
	return nil
}

func (d decision) byModel() error {
	if !slices.Contains(automatic, d.leaf.Verb) || change.Verb(d.Decision) != change.Approval || len(d.Roles) != 0 {
		return errors.New("a decision without a person is not one of a standard model")
	}
	return nil
}

func sameDecision(p change.ApprovalPredicate, row rowLine) bool {
	var roles []string
	err := json.Unmarshal([]byte(row.text("roles")), &roles)
	return err == nil && slices.Equal(roles, p.Roles) && row.text("rev_digest") == p.Rev && row.text("policy") == p.Policy &&
		row.text("person") == p.Person && row.text("verb") == p.Decision && row.number("at") == p.At
}

func openText[P any](text, predicateType string, key *seal.Key) (seal.Statement[P], error) {
	var env seal.Envelope
	if err := seal.Decode([]byte(text), &env); err != nil {
		return seal.Statement[P]{}, err
	}
	return open[P](&env, predicateType, key)
}

// readPermit verifies one permit: the signature, that the row says the same, and that it was opened by
// the executor whom it names. Whether it was allowed is judged by replay.
func (v *verifier) readPermit(r *record, row rowLine) error {
	text := row.Envelope
	if row.Cells != nil {
		text = row.text("envelope")
	}
	st, err := openText[change.PermitPredicate](text, change.PermitType, v.permit)
	if err != nil {
		return err
	}
	p := st.Predicate
	if err := soundPermit(p); err != nil {
		return err
	}
	by := r.carrier(row.Table, row.ID)
	if len(by) == 0 || by[0].leaf.Verb != "gate.opened" {
		return errors.New("no opening of the gate brought the permit")
	}
	a := by[0].leaf.Actor
	switch {
	case p.ID != row.ID || p.Change != r.id || p.Install != v.m.Install || row.Cells != nil && !samePermit(p, row):
		return errors.New("the signed permit is another one than the row")
	case a.Account != p.Executor || row.Cells != nil && a.Person != row.text("person"):
		return errors.New("the permit was opened by somebody else than it names")
	case by[0].leaf.TS != p.NotBefore || by[0].leaf.Object.Rev != p.Rev:
		return errors.New("the permit is of another instant or wording than the opening of the gate")
	}
	x := permit{PermitPredicate: p, event: by[0], outcome: outcomeOf(by)}
	if row.Cells != nil && row.text("outcome") != x.outcome {
		return fmt.Errorf("the outcome %q is not what the newest event says", row.text("outcome"))
	}
	v.told.permits++
	if x.Kind != wire.KindPlan {
		v.told.runs++
		if v.told.outcomes == nil {
			v.told.outcomes = map[string]int64{}
		}
		v.told.outcomes[x.outcome]++
	}
	r.permits = append(r.permits, x)
	return nil
}

func samePermit(p change.PermitPredicate, row rowLine) bool {
	return row.text("kind") == p.Kind && row.text("stage") == p.Stage && row.number("attempt") == p.Attempt && row.number("fence") == p.Fence &&
		row.text("account") == p.Executor && row.text("rev") == p.Rev && row.number("issued") == p.NotBefore && row.number("expires") == p.Expires
}

// outcomeOf reads how an execution ended out of the events that wrote its permit.
func outcomeOf(by []event) string {
	outcome := change.Running
	for _, e := range by {
		switch {
		case e.leaf.Verb == "gate.outcome_unknown":
			outcome = change.Unknown
		case e.leaf.Verb == "gate.closed" && e.leaf.Outcome == "ok":
			outcome = change.Success
		case e.leaf.Verb == "gate.closed":
			outcome = change.Failure
		}
	}
	return outcome
}

// ranWhat checks that a permit releases what its wording says, and that what the gate observed was it.
func (r *record) ranWhat(p permit) error {
	m, ok := r.wording(p.Rev)
	if !ok {
		return errors.New("the permit is for a wording that the change never had")
	}
	want := m.Bindings
	if p.Kind == wire.KindRollback {
		if m.Rollback.Binding == nil {
			return errors.New("the permit is for a rollback that was never bound")
		}
		want = []change.Binding{*m.Rollback.Binding}
	}
	a, err := seal.Canonical(want)
	if err != nil {
		return err
	}
	b, err := seal.Canonical(p.Bindings)
	if err != nil {
		return err
	}
	if p.Kind == wire.KindPlan && len(p.Bindings) == 0 {
		a = b // as it should be; plans of older servers repeat what the wording binds
	}
	targets, err := change.TargetsDigest(m)
	if err != nil {
		return err
	}
	if string(a) != string(b) || targets != p.Targets {
		return errors.New("the permit releases something else than the wording binds")
	}
	var seen []wire.Observed
	if p.Kind == wire.KindPlan || !p.says("observed", &seen) {
		return nil
	}
	for _, o := range seen {
		if !slices.ContainsFunc(want, func(b change.Binding) bool { return stands(b, o) }) {
			return fmt.Errorf("the gate saw %s, which was not approved", o.Digest)
		}
	}
	if len(seen) != len(want) {
		return errors.New("the gate did not see all that was approved")
	}
	return nil
}

// stands reports whether what the gate saw is what was approved: the bytes and what they show, or for a
// plan what a re-plan keeps.
func stands(b change.Binding, o wire.Observed) bool {
	if b.Normalized != "" {
		return b.Kind == o.Kind && o.Normalized == b.Normalized
	}
	return b.Kind == o.Kind && o.Digest == b.Digest && (b.Shown == "" || o.Shown == b.Shown)
}

// named reports whether a wording names the actor of an opening as its executor.
func named(m change.Material, e event) bool {
	a := e.leaf.Actor
	return slices.ContainsFunc(m.Implementers, func(x change.Executor) bool {
		if x.Person != "" {
			return a.Kind == string(fault.Human) && a.Person == x.Person
		}
		return a.Kind == string(fault.Service) && a.Account == x.Account && a.Account != ""
	})
}
