package change

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/wire"
)

// act is the frame of the smaller use-cases: open, load, decide, save, record.
func (d *Desk) act(ctx context.Context, actor fault.Actor, id ID, verb string,
	decide func(*Snapshot, *db.Tx) (map[string]any, error)) (c Change, err error) {
	err = d.db.Update(ctx, actor, func(tx *db.Tx) error {
		s, err := d.load(tx, id)
		if err != nil {
			return err
		}
		detail, err := decide(s, tx)
		if err != nil {
			return err
		}
		c = s.Change
		if err := d.save(tx, s, ledger.Event{Verb: verb, Detail: detail}); err != nil {
			return err
		}
		c = s.Change
		return nil
	})
	return c, err
}

// Verify records the word of somebody who must look at the result: the target's owner for a verify
// slot, Security for a demanded check that no tool feeds (requirements A14, C4).
func (d *Desk) Verify(ctx context.Context, actor fault.Actor, id ID, v Verification) (Change, error) {
	return d.act(ctx, actor, id, "change.verified", func(s *Snapshot, tx *db.Tx) (map[string]any, error) {
		v.By, v.At = actor.Person, tx.Now().UnixMicro()
		if err := s.verify(actor, v); err != nil {
			return nil, err
		}
		s.Change.Body.Verified = append(slices.Clone(s.Change.Body.Verified), v)
		s.toReview(v.At)
		return map[string]any{"slot": v.Slot, "passed": v.Passed, "comment": v.Comment}, nil
	})
}

func (s *Snapshot) verify(actor fault.Actor, v Verification) error {
	if s.Change.State != Verifying {
		return fault.New(fault.Conflict, "not_verifying", "The change is %s; there is nothing to verify now.", s.Change.State).
			About(string(s.Change.ID)).FixedBy("the implementer").Then("plumb change show %s", s.Change.ID)
	}
	if !actor.IsPerson() {
		return notAPerson(s.Change.ID, "Only a person in their own session verifies.")
	}
	if !slices.Contains(s.openVerifications(v.At), v.Slot) {
		return fault.New(fault.Invalid, "no_verification", "Nothing of that name is waiting to be verified.").
			At("slot", "is one of "+strings.Join(s.openVerifications(v.At), ", "))
	}
	role := ""
	for _, x := range s.Demand.Verify {
		if x.ID == v.Slot {
			role = x.Role
		}
	}
	if role == "" { // a check without a source: Security speaks for it
		if !s.speaksForSecurity(actor.Person) {
			return fault.New(fault.Denied, "not_security", "A check that no tool feeds is signed by Security.").About(string(s.Change.ID)).
				Because("verify", "security analysis").FixedBy(holders(s.securityRoles())).
				Then("plumb change verify %s --slot %s", s.Change.ID, v.Slot)
		}
	} else if err := s.answers(actor.Person, role, v.Slot); err != nil {
		return err
	}
	if s.executors()[actor.Person] {
		return fault.New(fault.Denied, "executor_verification", "Who executed a change cannot verify it.").About(string(s.Change.ID)).
			Because("verify", "asset owner verification").FixedBy("another holder of the role").
			Then("plumb change verify %s --slot %s", s.Change.ID, v.Slot)
	}
	if x, no := s.everyExcluded()[actor.Person]; no { // the same exclusion as before the change, the owner's too
		return fault.New(fault.Denied, "own_check", "Who wrote or executed a change, or may be the one who did, cannot verify it or sign a check of it (%s).", x.Code).
			About(string(s.Change.ID)).Because("exclude", "policy statement (e)").FixedBy(holders(s.securityRoles())).
			Then("plumb change verify %s --slot %s", s.Change.ID, v.Slot)
	}
	return remark(v.Comment)
}

func (s *Snapshot) securityRoles() []string {
	out := []string{}
	for _, r := range s.Pack.Roles {
		if r.SpeaksFor == "security" && r.Approves {
			out = append(out, r.Name)
		}
	}
	return out
}

// executors gives who executed the change, and who could have done it in their name.
func (s *Snapshot) executors() map[string]bool {
	out := map[string]bool{}
	for _, p := range s.Permits {
		for _, self := range s.selves(p.Person, p.Issued) {
			out[self] = true
		}
	}
	return out
}

// Close ends a change with the closure code that the records allow, and the review that its outcome
// and risk demand.
func (d *Desk) Close(ctx context.Context, actor fault.Actor, id ID, code Closure, review *Review) (Change, error) {
	return d.act(ctx, actor, id, "change.closed", func(s *Snapshot, tx *db.Tx) (map[string]any, error) {
		now := tx.Now().UnixMicro()
		if review != nil {
			review.By, review.At = actor.Person, now
		}
		if err := s.close(actor, code, review, now); err != nil {
			return nil, err
		}
		if code == Successful && d.seen != nil {
			if err := d.seen(tx, id); err != nil {
				return nil, err
			}
		}
		c := &s.Change
		c.State, c.Due = Closed, 0
		c.Body.Closure, c.Body.ClosedAt, c.Body.Review = code, now, review
		if err := reserve(tx, id, nil, false); err != nil {
			return nil, err
		}
		return map[string]any{"closure": string(code), "review": review}, d.modelClosed(tx, s)
	})
}

// honest lists the closure codes that the recorded outcomes allow: a failure cannot be closed as a
// success.
func (s *Snapshot) honest() []Closure {
	switch s.Change.Body.Proposed {
	case Successful:
		return []Closure{Successful, SuccessfulWithIssues, PartiallyImplemented}
	case BackedOut:
		return []Closure{BackedOut}
	case Failed:
		return []Closure{Failed, PartiallyImplemented}
	}
	return nil
}

func (s *Snapshot) close(actor fault.Actor, code Closure, review *Review, now int64) error {
	c := s.Change
	open := s.openVerifications(now)
	switch {
	case !actor.IsPerson():
		return notAPerson(c.ID, "Only a person in their own session closes a change.")
	case c.State != InReview && c.State != Verifying:
		return fault.New(fault.Conflict, "not_in_review", "The change is %s; it cannot be closed.", c.State).
			About(string(c.ID)).FixedBy("the implementer, or its author").Then("plumb change show %s", c.ID)
	case slices.ContainsFunc(s.Permits, func(p Permit) bool { return p.Outcome == Running && p.Kind != "plan" }):
		return fault.New(fault.Conflict, "still_running", "An execution is still running.").
			About(string(c.ID)).FixedBy("the executor, or the end of its lease").Then("plumb change permits %s", c.ID)
	case c.Body.Proposed == Successful && len(open) > 0:
		return fault.New(fault.Conflict, "not_verified", "Still to verify: %s.", strings.Join(open, ", ")).
			About(string(c.ID)).Because("verify", "asset owner verification").FixedBy("who verifies, as the change names them").Then("plumb change verify %s", c.ID)
	case !slices.Contains(s.honest(), code):
		return fault.New(fault.Invalid, "dishonest_closure", "The recorded outcomes do not allow that closure code.").
			At("closure", fmt.Sprintf("is one of %v", s.honest()))
	case s.needsOther(code) && s.executors()[actor.Person]:
		return fault.New(fault.Denied, "own_review", "A high-risk or failed change is closed by somebody who did not execute it.").
			About(string(c.ID)).Because("review", "").FixedBy("somebody who did not execute it").
			Then("plumb change close %s --as %s --outcome TEXT --causes TEXT", c.ID, code)
	}
	return s.reviewed(code, review)
}

func (s *Snapshot) needsOther(code Closure) bool {
	return s.Demand.Risk == policy.High || code == BackedOut || code == Failed || s.Change.Type == "emergency"
}

// reviewed asks for a post-implementation review where something went wrong.
func (s *Snapshot) reviewed(code Closure, r *Review) error {
	if code == Successful || code == SuccessfulWithIssues {
		return cleanReview(r)
	}
	if r == nil || blank(r.Outcome) || blank(r.Causes) {
		return fault.New(fault.Invalid, "review_missing", "A change that ended %s needs a review with outcome and causes.", code).
			At("review", "is missing").Then("plumb change close %s --outcome TEXT --causes TEXT", s.Change.ID)
	}
	return cleanReview(r)
}

func cleanReview(r *Review) error {
	if r == nil {
		return nil
	}
	e := fault.New(fault.Invalid, "bad_review", "The review cannot be taken.")
	text(e, "review.outcome", r.Outcome)
	text(e, "review.causes", r.Causes)
	for i, a := range r.Actions {
		text(e, "review.actions", a.Text)
		if blank(a.Text) || blank(a.Owner) || a.Due.IsZero() {
			e.At(fmt.Sprintf("review.actions[%d]", i), "needs a text, an owner and a due date")
		}
	}
	if len(e.Fields) > 0 {
		return e
	}
	return nil
}

// Cancel ends a change before it ran.
func (d *Desk) Cancel(ctx context.Context, actor fault.Actor, id ID, reason string) (Change, error) {
	return d.act(ctx, actor, id, "change.cancelled", func(s *Snapshot, tx *db.Tx) (map[string]any, error) {
		if err := s.mayCancel(actor); err != nil {
			return nil, err
		}
		if err := reasoned(reason, "Cancelling needs a reason."); err != nil {
			return nil, err
		}
		s.Change.State, s.Change.Due = Cancelled, 0
		return map[string]any{"reason": reason}, reserve(tx, id, nil, false)
	})
}

func (s *Snapshot) mayCancel(actor fault.Actor) error {
	c := s.Change
	switch {
	case !slices.Contains(c.Body.Authors, actor.Person):
		return fault.New(fault.Denied, "not_author", "A change is cancelled by one of its authors.").About(string(c.ID)).
			FixedBy("its author").Then("plumb change hold %s", c.ID)
	case len(s.runs()) > 0 || slices.Contains([]State{Closed, Cancelled, Implementing, Verifying, InReview}, c.State):
		return fault.New(fault.Conflict, "permit_used", "The change is %s; what has run cannot be cancelled.", c.State).
			About(string(c.ID)).Because("single-use", "policy statement (a)").FixedBy("its author").Then("plumb change close %s", c.ID)
	}
	return nil
}

// runs are the executions that could change something.
func (s *Snapshot) runs() []Permit {
	return slices.DeleteFunc(slices.Clone(s.Permits), func(p Permit) bool { return p.Kind == "plan" })
}

// Hold keeps permits from opening and leases from being renewed. Stopping is easy: an author or
// anybody who may approve something.
func (d *Desk) Hold(ctx context.Context, actor fault.Actor, id ID, reason string) (Change, error) {
	return d.act(ctx, actor, id, "change.held", func(s *Snapshot, tx *db.Tx) (map[string]any, error) {
		if err := s.mayHold(actor); err != nil {
			return nil, err
		}
		if err := reasoned(reason, "A hold needs a reason."); err != nil {
			return nil, err
		}
		s.Change.Body.Hold = &Hold{Reason: reason, By: actor.Person, At: tx.Now().UnixMicro()}
		return map[string]any{"reason": reason}, nil
	})
}

func (s *Snapshot) mayHold(actor fault.Actor) error {
	c := s.Change
	switch {
	case actor.Kind != fault.Human || !slices.Contains(c.Body.Authors, actor.Person) && !mayHold(s.Pack, s.Roster, actor.Person):
		return fault.New(fault.Denied, "not_allowed", "A change is held by an author or a person with an approving role.").About(string(c.ID)).
			Because("hold", "").FixedBy("an author, or a holder of an approving role").Then("plumb change hold %s", c.ID)
	case slices.Contains([]State{Closed, Cancelled}, c.State):
		return fault.New(fault.Conflict, "over", "The change is %s.", c.State).
			About(string(c.ID)).FixedBy("its author").Then("plumb change clone %s", c.ID)
	}
	return nil
}

// Release ends a hold: by who set it, or by a person with an approving role who is no author.
func (d *Desk) Release(ctx context.Context, actor fault.Actor, id ID, reason string) (Change, error) {
	return d.act(ctx, actor, id, "change.released", func(s *Snapshot, tx *db.Tx) (map[string]any, error) {
		if err := s.mayRelease(actor); err != nil {
			return nil, err
		}
		s.Change.Body.Hold = nil
		return map[string]any{"reason": reason}, remark(reason)
	})
}

func (s *Snapshot) mayRelease(actor fault.Actor) error {
	id, h := s.Change.ID, s.Change.Body.Hold
	switch {
	case h == nil:
		return fault.New(fault.Conflict, "not_held", "The change is not on hold.").
			About(string(id)).FixedBy("you").Then("plumb change show %s", id)
	case !actor.IsPerson() || h.By != actor.Person && (!mayHold(s.Pack, s.Roster, actor.Person) || slices.Contains(s.Change.Body.Authors, actor.Person)):
		return fault.New(fault.Denied, "not_allowed", "A hold is lifted by who set it, or by a person with an approving role who is not an author.").About(string(id)).
			Because("hold", "").FixedBy("who set it, or a holder of an approving role who is not an author").Then("plumb change release %s", id)
	}
	return nil
}

// Schedule picks the slot inside the approved envelope; that voids nothing.
func (d *Desk) Schedule(ctx context.Context, actor fault.Actor, id ID, start, end int64) (Change, error) {
	return d.act(ctx, actor, id, "change.scheduled", func(s *Snapshot, tx *db.Tx) (map[string]any, error) {
		if err := s.maySchedule(actor); err != nil {
			return nil, err
		}
		c, e := &s.Change, s.Revision.Material.Window
		switch {
		case end <= start || end <= tx.Now().UnixMicro():
			return nil, fault.New(fault.Invalid, "bad_window", "The slot must end after it starts, and in the future.").At("end", "is too early")
		case !e.From.IsZero() && start < e.From.UnixMicro() || !e.Until.IsZero() && end > e.Until.UnixMicro():
			return nil, fault.New(fault.Conflict, "outside_envelope", "The slot is outside the approved window; moving that needs a new revision.").
				About(string(id)).Because("windows", "").FixedBy("its author").Then("plumb change edit %s", id)
		}
		if err := s.slotted(start, end); err != nil {
			return nil, err
		}
		c.State, c.Body.Start, c.Body.End = Scheduled, start, end
		return map[string]any{"start": start, "end": end}, reserve(tx, id, s.keys(), false)
	})
}

func (s *Snapshot) maySchedule(actor fault.Actor) error {
	c := s.Change
	switch {
	case !slices.Contains(c.Body.Authors, actor.Person):
		return fault.New(fault.Denied, "not_author", "A change is scheduled by one of its authors.").About(string(c.ID)).
			FixedBy("its author").Then("plumb change schedule %s --from TIME --until TIME", c.ID)
	case c.State != Authorized && c.State != Scheduled:
		return fault.New(fault.Conflict, "not_authorized", "Only an authorized change is scheduled; it is %s.", c.State).
			About(string(c.ID)).Because("windows", "").FixedBy("its approvers").Then("plumb change show %s", c.ID)
	}
	return nil
}

// Acknowledge accepts one conflict that a person may accept; blocking ones are not among them.
func (d *Desk) Acknowledge(ctx context.Context, actor fault.Actor, id ID, with, why string) (Change, error) {
	return d.act(ctx, actor, id, "change.conflict_acknowledged", func(s *Snapshot, tx *db.Tx) (map[string]any, error) {
		var err error
		if s.Rivals, err = loadRivals(tx, s); err != nil {
			return nil, err
		}
		if err := s.mayAcknowledge(actor, with, tx.Now().UnixMicro()); err != nil {
			return nil, err
		}
		if err := reasoned(why, "Accepting a conflict needs a reason."); err != nil {
			return nil, err
		}
		s.Change.Body.Acks = append(slices.Clone(s.Change.Body.Acks), Ack{With: with, By: actor.Person, At: tx.Now().UnixMicro(), Why: why})
		return map[string]any{"with": with, "why": why}, nil
	})
}

func (s *Snapshot) mayAcknowledge(actor fault.Actor, with string, now int64) error {
	id := s.Change.ID
	ackable := slices.ContainsFunc(s.conflicts("", now), func(c wire.Conflict) bool { return c.With == with && c.Severity == "ack" })
	roles := s.Roster.Roles(directory.PersonID(actor.Person))
	holder := slices.ContainsFunc(s.Demand.Slots, func(x policy.Slot) bool { return slices.Contains(roles, x.Role) })
	_, barred := s.excluded()[actor.Person]
	switch {
	case !actor.IsPerson() || !holder || barred:
		return fault.New(fault.Denied, "no_slot", "A conflict is accepted by a holder of a demanded role who is not author or executor.").About(string(id)).
			Because("matching", "policy statement (e)").FixedBy(holders(s.demandedRoles())).Then("plumb change ack %s --with %s", id, with)
	case !ackable:
		return fault.New(fault.Conflict, "no_conflict", "There is no such conflict to accept.").
			About(string(id)).FixedBy("you").Then("plumb change show %s", id)
	}
	return nil
}

// mayHold: anybody who may approve something may stop something.
func mayHold(pack *policy.Pack, roster *directory.Roster, person string) bool {
	return pack != nil && slices.ContainsFunc(roster.Roles(directory.PersonID(person)), func(r string) bool {
		return slices.Contains(pack.Approving(), r)
	})
}
