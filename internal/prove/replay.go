package prove

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// replay puts a change together from its rows and computes again what the engine decided: what the
// policy demanded, whether the decisions filled it, whether each permit was allowed, whether the
// closure is honest.
func (v *verifier) replay(s *story) {
	r, err := v.record(s)
	if err != nil {
		v.fault("record", s.id, "%v.", err)
		return
	}
	for _, judge := range []func(*record) error{v.judgeDemand, v.judgeApproval, v.judgePermits, v.judgeClosure} {
		if err := judge(r); err != nil {
			v.fault("replay", s.id, "%v.", err)
			return
		}
	}
	if v.asked != nil {
		*v.asked = append(*v.asked, request{s.id, r.current})
	}
}

// inForce is one policy pack in the history, with the event that put it in force.
type inForce struct {
	digest string
	n      int64 // packs are numbered in the order in which they came into force
	seq    int64
}

// policies reads the history of policy packs. Each row is answered for by an event in the signed tree,
// and so is every byte of the archive, which is one of its cells.
func (v *verifier) policies(b []byte) {
	var by []event
	v.eachLine(background, b, func(x line) bool {
		switch {
		case x.Event != nil:
			e, _, ok := v.proven(*x.Event)
			if !ok || !x.Event.bare() {
				v.fault("policy", background, "An event of the policy's history is not proved.")
				return false
			}
			by = append(by, e)
			return true
		case x.Row == nil || x.Row.Table != "change_pack" || x.Row.Cells == nil || x.Row.Digest != "" || x.Row.Envelope != "":
			v.fault("policy", background, "The policy's history holds something else.")
			return false
		}
		err := v.policyRow(*x.Row, by)
		if err != nil {
			v.fault("policy", x.Row.ID, "%v.", err)
		}
		by = nil
		return err == nil
	})
}

func (v *verifier) policyRow(row rowLine, by []event) error {
	e, ok := v.archives[row.text("digest")]
	if !ok || row.File != e.name {
		return errors.New("the policy pack is not in the evidence pack")
	}
	if _, twice := row.Cells["archive"]; twice || len(by) != 1 || !mentions(by[0].leaf, row.Table, row.ID) {
		return errors.New("not exactly one event put the policy pack in force")
	}
	text, ok := v.load(e, maxLines)
	if !ok {
		return errors.New("the policy pack cannot be read")
	}
	row.Cells["archive"] = "s" + string(text)
	i := slices.IndexFunc(by[0].leaf.Rows, func(r [3]string) bool { return r[0] == row.Table && r[1] == row.ID })
	if row.digest() != by[0].leaf.Rows[i][2] || row.text("id") != row.ID {
		return errors.New("the policy pack is not the one that was put in force")
	}
	last := inForce{seq: -1}
	if n := len(v.history); n > 0 {
		last = v.history[n-1]
	}
	if row.number("n") != last.n+1 || by[0].seq <= last.seq {
		return errors.New("the policy's history is not in its order, or not whole")
	}
	v.history = append(v.history, inForce{digest: row.text("digest"), n: row.number("n"), seq: by[0].seq})
	return nil
}

// maxPacks is how many compiled policy packs are kept at once.
const maxPacks = 8

// pack loads a policy pack by its digest.
func (v *verifier) pack(digest string) (*policy.Pack, error) {
	if p := v.packs[digest]; p != nil {
		return p, nil
	}
	e, ok := v.archives[digest]
	if !ok {
		return nil, fmt.Errorf("the policy pack %s is not in the evidence pack", digest)
	}
	if e.size > maxLines {
		return nil, fmt.Errorf("the policy pack %s is too large", digest)
	}
	text := make([]byte, e.size)
	if n, _ := v.r.ReadAt(text, e.at); int64(n) < e.size {
		return nil, fmt.Errorf("the policy pack %s cannot be read", digest)
	}
	p, err := policy.LoadArchive(text)
	if err != nil {
		return nil, fmt.Errorf("the policy pack %s cannot be used: %w", digest, err)
	}
	if p.Digest() != digest {
		return nil, fmt.Errorf("the policy pack called %s is another one", digest)
	}
	if len(v.packs) >= maxPacks {
		clear(v.packs)
	}
	v.packs[digest] = p
	return p, nil
}

// submitted finds the event that began this round.
func (r *record) submitted() (event, bool) {
	for _, e := range slices.Backward(r.events) {
		if e.leaf.Verb == "change.submitted" && e.leaf.TS == r.shell.Body.Since {
			return e, true
		}
	}
	return event{}, false
}

// judgeDemand computes again what the policy asked of the wording when it was submitted.
func (v *verifier) judgeDemand(r *record) error {
	frozen := r.frozen
	if r.shell.Body.Since == 0 || frozen.Policy == "" {
		return nil // never submitted
	}
	begin, ok := r.submitted()
	if !ok || begin.leaf.Policy != frozen.Policy {
		return errors.New("no submission under that policy is recorded")
	}
	if !slices.Contains(r.equal, begin.leaf.Object.Rev) {
		return nil // reworded since; the demand is of an older wording
	}
	p, err := v.pack(frozen.Policy)
	if err != nil {
		return err
	}
	again, err := change.Demanded(p, r.current, r.checksBefore(begin.seq), r.shell.Body.History)
	if err != nil {
		return fmt.Errorf("the policy refuses the wording: %w", err)
	}
	a, err := seal.Canonical(again)
	if err != nil {
		return err
	}
	b, err := seal.Canonical(frozen)
	if err != nil {
		return err
	}
	if !bytes.Equal(a, b) {
		return errors.New("the policy demands something else of the wording than was recorded")
	}
	return nil
}

// demandAt gives the demand that held at an event: the frozen one, made stricter by packs that came
// into force since.
func (v *verifier) demandAt(r *record, e event) (policy.Demand, error) {
	frozen := r.frozen
	var later []*policy.Pack
	for _, h := range v.history {
		if h.n <= r.shell.Body.PackN || h.seq >= e.seq {
			continue
		}
		p, err := v.pack(h.digest)
		if err != nil {
			return frozen, err
		}
		later = append(later, p)
	}
	d := change.Tightened(frozen, later, r.current, r.checksBefore(e.seq), r.shell.Body.History)
	if e.leaf.Policy != d.Policy {
		return d, fmt.Errorf("event %d was decided by another policy than the one in force", e.seq)
	}
	return d, nil
}

// authorized reports whether the change was authorized in this round, and says by which event.
func (r *record) authorized() (event, bool) {
	if r.shell.Body.Approvals == "" || r.shell.Body.Decided == 0 {
		return event{}, false
	}
	for i, d := range slices.Backward(r.decisions) {
		if change.Verb(d.Decision) == change.Approval && int64(i) >= r.shell.Body.Before && slices.Contains(r.equal, d.Rev) {
			return d.event, true
		}
	}
	return event{}, false
}

// cleared are the states that a change reaches only when it is authorized.
var cleared = []change.State{change.Authorized, change.Scheduled, change.Implementing, change.Verifying, change.InReview, change.Closed}

// judgeApproval matches the decisions with the slots again: at the event that authorized the change,
// those recorded by then fill every slot, with two different people at least, none of them author or
// executor; or a standard model authorized it, with every criterion on record.
func (v *verifier) judgeApproval(r *record) error {
	e, ok := r.authorized()
	if !ok {
		if slices.Contains(cleared, r.shell.State) {
			return fmt.Errorf("the change is %s, and no decisions that authorize it are recorded", r.shell.State)
		}
		return nil
	}
	var ids []string
	by := r.standing(e.seq)
	for _, d := range by {
		ids = append(ids, d.ID)
	}
	if r.shell.Body.Decided != e.leaf.TS || change.ApprovalsDigest(ids) != r.shell.Body.Approvals {
		return errors.New("the recorded approvals are not the decisions that stood when the change was authorized")
	}
	if d, auto := by[""]; auto {
		v.told.automatic++
		return v.judgeModel(r, d)
	}
	demand, err := v.demandAt(r, e)
	if err != nil {
		return err
	}
	m := v.fill(r, demand.Slots, e.seq)
	if !m.Done {
		return errors.New("the decisions did not fill every slot that the policy demanded when the change was authorized")
	}
	v.told.approved++
	v.countPeople(r, m, e.seq)
	return nil
}

// countPeople notes the fewest people behind an authorization, and the roles in which they decided.
func (v *verifier) countPeople(r *record, m policy.Matching, seq int64) {
	different := map[string]bool{}
	by := r.standing(seq)
	for _, a := range m.Filled {
		for _, p := range a.People {
			different[p] = true
			k := [2]string{a.Role, p}
			v.used[k] = append(v.used[k], by[p].seq)
		}
	}
	if v.told.fewest == 0 || len(different) < v.told.fewest {
		v.told.fewest = len(different)
	}
}

// judgeModel checks an automatic approval: the model is one of the policy's, of the recorded content,
// and each of its criteria is on record as passed.
func (v *verifier) judgeModel(r *record, d decision) error {
	a := r.shell.Body.Auto
	if a == nil || !a.Passed || !policy.Passed(a.Criteria) || r.current.Type != "standard" || a.Model != r.current.Model {
		return errors.New("the automatic approval has no record of passed criteria")
	}
	p, err := v.pack(r.frozen.Policy)
	if err != nil {
		return err
	}
	digest, err := p.ModelDigest(a.Model)
	if err != nil || digest != a.Digest || d.Inputs["model_digest"] != digest {
		return errors.New("the automatic approval is by a model that the policy does not have")
	}
	m, _ := p.Model(a.Model)
	for _, c := range m.Criteria {
		if !slices.ContainsFunc(a.Criteria, func(x policy.Criterion) bool { return x.ID == c.ID && x.Passed }) {
			return fmt.Errorf("the criterion %s of the automatic approval is not on record", c.ID)
		}
	}
	return nil
}

// judgePermits checks each permit against what was decided before it.
func (v *verifier) judgePermits(r *record) error {
	seen, fence := map[string]bool{}, int64(0)
	for _, p := range r.permits {
		once := fmt.Sprintf("%s/%d", p.Kind, p.Attempt)
		switch {
		case seen[once]:
			return fmt.Errorf("the attempt %s was released twice", once)
		case p.Fence <= fence:
			return errors.New("the fencing numbers of the permits do not grow")
		}
		seen[once], fence = true, p.Fence
		if err := r.ranWhat(p); err != nil {
			return err
		}
		if p.Kind == wire.KindPlan {
			continue
		}
		if err := v.judgePermit(r, p); err != nil {
			return fmt.Errorf("permit %s: %w", p.ID, err)
		}
	}
	return nil
}

// judgePermit checks a permit that could change something.
func (v *verifier) judgePermit(r *record, p permit) error {
	e, ok := r.authorized()
	b := r.shell.Body
	switch {
	case !ok || e.seq >= p.seq || p.Approvals != b.Approvals:
		return errors.New("it was opened without the decisions that authorize it")
	case !slices.Contains(r.equal, p.Rev):
		return errors.New("it is for a wording that was not approved")
	case p.Kind == wire.KindApply && (p.NotBefore < b.Decided || p.NotBefore >= b.Expires):
		return errors.New("it was opened outside the life of the approvals")
	case !named(r.current, p.event):
		return errors.New("the change does not name who opened it")
	}
	demand, err := v.demandAt(r, p.event)
	if err != nil {
		return err
	}
	if demand.Policy != p.Policy {
		return errors.New("it names another policy than the one in force")
	}
	by := r.standing(p.seq)
	for _, d := range by {
		if change.Verb(d.Decision) == change.Rejection {
			return errors.New("it was opened though the change was rejected")
		}
	}
	if _, auto := by[""]; !auto && !v.fill(r, demand.Slots, p.seq, p.leaf.Actor.Person).Done {
		return errors.New("the decisions without the executor's own did not fill every slot when it was opened")
	}
	if missing := change.MissingChecks(demand, r.current, r.checksBefore(p.seq), p.NotBefore); p.Kind == wire.KindApply && len(missing) > 0 {
		return fmt.Errorf("evidence was missing when it was opened: %v", missing)
	}
	return nil
}

// judgeClosure holds the recorded outcomes and the closure code against the executions.
func (v *verifier) judgeClosure(r *record) error {
	last := map[string]string{}
	for _, p := range r.permits {
		if p.outcome != change.Running {
			last[p.Kind] = p.outcome
		}
	}
	applied, back, b := last[wire.KindApply], last[wire.KindRollback], r.shell.Body
	if applied != b.Applied || back != b.RolledBack {
		return errors.New("the recorded outcome is not that of the executions")
	}
	if r.shell.State != change.Closed {
		return nil
	}
	v.told.closed++
	if !slices.Contains(change.HonestClosures(applied, back, b.Overtaken), b.Closure) {
		return fmt.Errorf("the outcomes do not allow the closure code %s", b.Closure)
	}
	end := r.carrier("change_change", r.id)
	e := end[len(end)-1]
	demand, err := v.demandAt(r, e)
	if err != nil {
		return err
	}
	open := change.Unverified(demand, r.current, r.checksBefore(e.seq), b.Verified, b.ClosedAt)
	if applied == change.Success && back == "" && len(open) > 0 {
		return fmt.Errorf("it was closed before it was verified: %v", open)
	}
	return nil
}
