package change

import (
	"context"
	"fmt"
	"slices"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/plan"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// Finish records how an execution ended, once. What failed is recorded as failed; a change whose run
// failed waits in verifying, where its rollback can be opened.
func (d *Desk) Finish(ctx context.Context, actor fault.Actor, r wire.GateClose) (c Change, err error) {
	if err := cleanClose(r); err != nil {
		return c, err
	}
	err = d.db.Update(ctx, actor, func(tx *db.Tx) error {
		p, err := loadPermit(tx, r.Permit)
		if err != nil {
			return err
		}
		s, err := d.load(tx, p.Change)
		if err != nil {
			return err
		}
		from := p.Outcome
		if err := s.finish(&p, actor, r, tx.Now().UnixMicro()); err != nil {
			return err
		}
		report, err := seal.Canonical(r)
		if err != nil {
			return err
		}
		p.Report = string(report)
		if err := endPermit(tx, p, from); err != nil {
			return err
		}
		if err := d.ended(tx, s, p); err != nil {
			return err
		}
		c = s.Change
		defer func() { c = s.Change }() // with the version that save gives it
		return d.save(tx, s, ledger.Event{Verb: "gate.closed", Outcome: outcomeWord(p.Outcome), Detail: map[string]any{
			"permit": p.ID, "kind": p.Kind, "outcome": p.Outcome, "exit": p.Exit, "receipts": len(r.Receipts), "log": r.Log, "note": r.Note}})
	})
	return c, err
}

func outcomeWord(outcome string) string {
	if outcome == Success {
		return "ok"
	}
	return "failed"
}

// maxReceipts bounds one report; a larger run is summed up by the gate.
const maxReceipts = 5_000

func cleanClose(r wire.GateClose) error {
	e := fault.New(fault.Invalid, "bad_report", "The execution report cannot be taken.")
	if r.Outcome != Success && r.Outcome != Failure {
		e.At("outcome", "is success or failure")
	}
	if (r.Outcome == Success) != (r.Exit == 0) {
		e.At("exit", "does not fit the outcome: success is exit 0, and only that")
	}
	if len(r.Receipts) > maxReceipts || len(r.After) > maxItems {
		e.At("receipts", "has too many items")
	}
	if r.Log != "" {
		digest(e, "log", r.Log)
	}
	line(e, "note", r.Note)
	line(e, "permit", r.Permit)
	for i, o := range r.After {
		for _, s := range []string{o.Kind, o.Name, o.Digest, o.Normalized, o.Shown, o.Base} {
			line(e, fmt.Sprintf("after[%d]", i), s)
		}
	}
	for i, x := range r.Receipts {
		for _, s := range []string{x.Address, x.Action, x.Outcome, x.ID} {
			line(e, fmt.Sprintf("receipts[%d]", i), s)
		}
	}
	if len(e.Fields) > 0 {
		return e
	}
	return nil
}

// holds reports whether the actor is who opened the permit: the same account, and for a run a token that
// the change still names, because other pipelines can have tokens of that account. A plan can outlive the
// wording that named its executor.
func (s *Snapshot) holds(p Permit, actor fault.Actor) bool {
	return actor.Account == p.Account && (p.Kind == wire.KindPlan || s.named(actor))
}

// finish is the rule: only the holder closes, with the fence it was given, and only once. A report
// that comes after the lease ran out still says more than "unknown".
func (s *Snapshot) finish(p *Permit, actor fault.Actor, r wire.GateClose, now int64) error {
	switch {
	case !s.holds(*p, actor):
		return fault.New(fault.Denied, "not_holder", "Only the executor that opened the permit reports its end.").
			About(string(p.Change)).Because("executor", "authorized personnel").FixedBy("the executor that opened it").
			Then("plumb change permits %s", p.Change)
	case r.Fence != p.Fence:
		return fault.New(fault.Denied, "fenced_off", "The fencing number is not this permit's.").
			About(string(p.Change)).Because("single-use", "").FixedBy("the executor, by the newest permit").
			Then("plumb change permits %s", p.Change)
	case p.Outcome != Running && p.Outcome != Unknown:
		return fault.New(fault.Conflict, "closed_already", "This execution was reported already: %s.", p.Outcome).
			About(string(p.Change)).FixedBy("its author").Then("plumb change permits %s", p.Change)
	case p.Kind != wire.KindPlan && (s.Change.State == Closed || s.Change.State == Cancelled):
		return fault.New(fault.Conflict, "report_too_late", "The change is over, and the end of this execution counts as %s in it; a report does not change that any more.", p.Outcome).
			About(string(p.Change)).Because("lease", "").FixedBy("its author").
			Then("write down what is known: plumb change comment %s TEXT; what was done since needs a change of its own", p.Change)
	}
	if err := once(r.Receipts); err != nil {
		return err
	}
	p.Outcome, p.Exit, p.Ended = r.Outcome, r.Exit, p.lived(now)
	return nil
}

// lived gives the last moment at which a run is known to have lived: now, or the end of its lease where that is past with its grace. Nobody
// vouched for what was done after that, so a late report says how the run ended and not that it went on.
func (p Permit) lived(now int64) int64 {
	if p.Outcome == Unknown || now >= p.Lease+LeaseGrace.Microseconds() {
		return min(now, p.Lease)
	}
	return now
}

// once refuses a report that names two things at one address: what one approved creation brought about is one thing. Removals stand beside
// it, for a replacement removes what was there before, and Terraform names objects that it deposed earlier by the same address.
func once(list []wire.Receipt) error {
	e := fault.New(fault.Invalid, "receipt_twice", "The execution report names more than one thing at an address; nothing of it is taken.").
		Because("receipts", "").FixedBy("the executor").Then("send the report again with one receipt for each address: plumb gate close --report FILE")
	ids := map[string]string{}
	for i, x := range list {
		switch id := ids[x.Address]; {
		case x.ID == "" || id == x.ID || x.Action == plan.ClassDelete:
		case id != "":
			e.At(fmt.Sprintf("receipts[%d].id", i), "is another thing at "+x.Address+" than a receipt before it names")
		default:
			ids[x.Address] = x.ID
		}
	}
	if len(e.Fields) > 0 {
		return e
	}
	return nil
}

// ended moves the change on after an execution.
func (d *Desk) ended(tx *db.Tx, s *Snapshot, p Permit) error {
	s.ended(p, tx.Now().UnixMicro())
	if p.Kind == wire.KindPlan {
		return nil
	}
	if err := noteFailure(tx, s, p); err != nil {
		return err
	}
	if err := notePut(tx, s, p); err != nil {
		return err
	}
	if err := d.modelUsed(tx, s); err != nil {
		return err
	}
	return reserve(tx, s.Change.ID, s.keys(), false)
}

func (s *Snapshot) ended(p Permit, now int64) {
	c := &s.Change
	s.Permits = slices.Clone(s.Permits)
	for i := range s.Permits {
		if s.Permits[i].ID == p.ID {
			s.Permits[i] = p
		}
	}
	switch p.Kind {
	case wire.KindPlan:
		c.Due = c.Body.Expires
		return
	case wire.KindRollback:
		c.Body.RolledBack = p.Outcome
	default:
		c.Body.Applied = p.Outcome
		c.Body.Overtaken = slices.Contains([]string{Success, Failure, Unknown}, c.Body.RolledBack) // nobody knows what it did after the way back
	}
	c.Body.Proposed = s.proposed()
	if i := slices.IndexFunc(s.Permits, func(x Permit) bool { return x.Outcome == Running && x.Kind != wire.KindPlan }); i >= 0 {
		c.State, c.Due = Implementing, s.Permits[i].Lease+LeaseGrace.Microseconds() // the other one still runs
		return
	}
	c.State, c.Due = Verifying, 0
	s.toReview(now)
}

// proposed is the closure code that the recorded outcomes allow.
func (s *Snapshot) proposed() Closure {
	b := s.Change.Body
	switch {
	case b.RolledBack == Success && !b.Overtaken:
		return BackedOut
	case b.RolledBack != "":
		return Failed
	case b.Applied == Success:
		return Successful
	case b.Applied == "":
		return NotImplemented
	}
	return Failed
}

// toReview moves on when nothing is left to verify: demanded checks after the change and the target
// owners' words. A failed run waits for its rollback or for a person.
func (s *Snapshot) toReview(now int64) {
	if s.Change.State == Verifying && s.Change.Body.Proposed == Successful && len(s.openVerifications(now)) == 0 {
		s.Change.State = InReview
	}
}

// openVerifications lists what the policy wants to see after the change and has not.
func (s *Snapshot) openVerifications(now int64) []string {
	out := []string{}
	said := func(slot string) bool {
		return slices.ContainsFunc(s.Change.Body.Verified, func(v Verification) bool { return v.Slot == slot && v.Passed })
	}
	checks := checkFacts(s.Revision.Material, s.Checks, now, s.own())
	for _, c := range s.Demand.After {
		if !c.Met(checks) && !said("check:"+c.Kind) {
			out = append(out, "check:"+c.Kind)
		}
	}
	for _, v := range s.Demand.Verify {
		if !said(v.ID) {
			out = append(out, v.ID)
		}
	}
	return out
}

// Renew prolongs a run's lease. Each renewal checks again what can have changed: a hold, a freeze that
// stops runs, a withdrawn or voided approval.
func (d *Desk) Renew(ctx context.Context, actor fault.Actor, permit string, fence int64) (lease int64, err error) {
	err = d.db.Update(ctx, actor, func(tx *db.Tx) error {
		p, err := loadPermit(tx, permit)
		if err != nil {
			return err
		}
		s, err := d.load(tx, p.Change)
		if err != nil {
			return err
		}
		if err := s.renew(p, actor, fence, tx.Now().UnixMicro()); err != nil {
			return err
		}
		p.Lease = tx.Now().Add(LeaseLife).UnixMicro()
		lease = p.Lease
		if err := leasePermit(tx, p); err != nil {
			return err
		}
		s.Change.Due = p.Lease + LeaseGrace.Microseconds()
		return d.save(tx, s, ledger.Event{Verb: "gate.renewed", Detail: map[string]any{"permit": p.ID, "lease": p.Lease}})
	})
	return lease, err
}

// human gives who runs something themselves; "" for a pipeline.
func human(a fault.Actor) string {
	if a.Kind != fault.Human {
		return ""
	}
	return a.Person
}

func (s *Snapshot) renew(p Permit, actor fault.Actor, fence, now int64) error {
	deny := func(code, text string) error {
		return fault.New(fault.Denied, code, "%s", text).About(string(p.Change)).Because("lease", "").FixedBy("the change's owner").
			Then("stop the run, then: plumb gate close --outcome failure")
	}
	switch {
	case !s.holds(p, actor) || fence != p.Fence:
		return deny("not_holder", "Only the executor that opened the permit renews it.")
	case p.Outcome != Running:
		return deny("closed_already", "This execution has ended: "+p.Outcome+".")
	case now >= p.Lease+LeaseGrace.Microseconds():
		return deny("lease_over", "The lease ended without a renewal; the run counts as lost.")
	case now >= s.goesOn(p):
		return deny("run_over", "The time in which this run may go on has ended.")
	case s.Change.Body.Hold != nil:
		return deny("on_hold", "The change is on hold: "+s.Change.Body.Hold.Reason)
	case p.Kind == wire.KindApply && s.stopped(human(actor), true, now):
		return deny("frozen", "A hard freeze is in force that stops runs under way.")
	case p.Kind == wire.KindApply && !s.approved(p.Person):
		return deny("approval_gone", "The approvals no longer suffice.")
	}
	return nil
}

// RunLimit is how long a run is renewed that no window ends: a way back, a plan, and one that was opened shortly before its approvals expired.
const RunLimit = 24 * time.Hour

// goesOn gives until when a run is renewed: the end of the window that was approved or scheduled, and without one the end of the approvals.
// The lease that it has by then it keeps, for what is stopped half-way is worse than what is done. A way back waits for no window and is
// ended by none.
func (s *Snapshot) goesOn(p Permit) int64 {
	limit := p.Issued + RunLimit.Microseconds()
	if p.Kind != wire.KindApply {
		return limit
	}
	b, until := s.Change.Body, int64(0)
	if w := s.Revision.Material.Window.Until; !w.IsZero() {
		until = w.UnixMicro()
	}
	if b.End > 0 && (until == 0 || b.End < until) {
		until = b.End
	}
	if until > 0 {
		return until
	}
	return max(limit, b.Expires)
}

// Tick does what time alone makes due: approvals that expire, runs whose lease ended. It is called by
// the server every few seconds and looks only at what is due.
func (d *Desk) Tick(ctx context.Context) (done int, err error) {
	for {
		var ids []string
		err := d.db.View(ctx, func(tx *db.Tx) (err error) {
			ids, err = db.Collect(tx, scanString, "SELECT id FROM change_change WHERE due > 0 AND due <= $1 ORDER BY due LIMIT 100", d.db.Now().UnixMicro())
			return err
		})
		if err != nil || len(ids) == 0 {
			return done, err
		}
		for _, id := range ids {
			if err := d.tickOne(ctx, ID(id)); err != nil {
				return done, fmt.Errorf("timer of %s: %w", id, err)
			}
			done++
		}
	}
}

func (d *Desk) tickOne(ctx context.Context, id ID) error {
	return d.db.Update(ctx, fault.SystemActor("timer"), func(tx *db.Tx) error {
		s, err := d.load(tx, id)
		if err != nil {
			return err
		}
		c, now := &s.Change, tx.Now().UnixMicro()
		if c.Due == 0 || c.Due > now {
			return nil
		}
		for _, p := range s.Permits {
			if p.Outcome == Running && p.Lease+LeaseGrace.Microseconds() <= now {
				return d.lost(tx, s, p)
			}
		}
		c.Due = 0
		if !slices.Contains([]State{Assessing, AwaitingApproval, Authorized, Scheduled}, c.State) {
			return d.save(tx, s, ledger.Event{Verb: "change.timer_cleared"})
		}
		c.State = Expired
		if err := reserve(tx, id, nil, false); err != nil {
			return err
		}
		return d.save(tx, s, ledger.Event{Verb: "change.expired", Detail: map[string]any{"approvals_until": c.Body.Expires}})
	})
}

// lost records that nobody reported the end of a run: the outcome is unknown, which is not success.
func (d *Desk) lost(tx *db.Tx, s *Snapshot, p Permit) error {
	p.Outcome, p.Ended = Unknown, p.lived(tx.Now().UnixMicro())
	if err := endPermit(tx, p, Running); err != nil {
		return err
	}
	if err := d.ended(tx, s, p); err != nil {
		return err
	}
	return d.save(tx, s, ledger.Event{Verb: "gate.outcome_unknown", Outcome: "failed", Detail: map[string]any{"permit": p.ID, "lease": p.Lease}})
}
