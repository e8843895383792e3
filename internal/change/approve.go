package change

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
)

// Approve records one person's yes to exactly the revision they saw. When the decisions that count
// fill every slot, the change is authorized in the same transaction.
func (d *Desk) Approve(ctx context.Context, actor fault.Actor, id ID, seen, comment string) (Change, error) {
	return d.ApproveViewed(ctx, actor, id, seen, comment, Viewed{})
}

// ApproveViewed is Approve by somebody to whom a page was shown; what was shown enters the statement.
func (d *Desk) ApproveViewed(ctx context.Context, actor fault.Actor, id ID, seen, comment string, v Viewed) (c Change, err error) {
	err = d.db.Update(ctx, actor, func(tx *db.Tx) error {
		s, err := d.load(tx, id)
		if err != nil {
			return err
		}
		s.reopen() // a policy that was tightened since asks for more people; the decisions so far stay
		if err := s.approve(actor, seen, comment, tx.Now().UnixMicro()); err != nil {
			return reread(tx, s, seen, err)
		}
		if err := d.decide(tx, s, Approval, comment, v); err != nil {
			return err
		}
		if s.approved() {
			if err := d.authorize(tx, s); err != nil {
				return err
			}
		}
		c = s.Change
		defer func() { c = s.Change }() // with the version that save gives it
		return d.save(tx, s, ledger.Event{Verb: "change.approved", Detail: map[string]any{
			"comment": comment, "state": string(c.State), "approvals": c.Body.Approvals}})
	})
	return c, err
}

// approve says who may approve and when. The first sentence of the policy that this keeps is
// statement (e): approvers are somebody other than the author and the executor.
func (s *Snapshot) approve(actor fault.Actor, seen, comment string, now int64) error {
	c := s.Change
	if err := s.mayDecide(actor, seen); err != nil {
		return err
	}
	if c.State != AwaitingApproval {
		return s.notAwaiting(now)
	}
	if err := remark(comment); err != nil {
		return err
	}
	if d, ok := s.standing()[actor.Person]; ok {
		return fault.New(fault.Conflict, "decided_already", "You have decided on this revision already (%s).", d.Verb).
			About(string(c.ID)).Because("matching", "policy statement (e)").FixedBy("you").Then("plumb change withdraw %s", c.ID)
	}
	if name, twice := s.doubles()[actor.Person]; twice {
		return s.lentAccount(actor.Person, name)
	}
	return s.seatFor(actor)
}

// mayDecide holds for every decision: a person in their own session, on the revision they saw, neither
// author nor executor.
func (s *Snapshot) mayDecide(actor fault.Actor, seen string) error {
	c := s.Change
	deny := func(code, text string) *fault.Error {
		return fault.New(fault.Denied, code, "%s", text).About(string(c.ID)).
			Because("exclude", "policy statement (e)").FixedBy("another holder of the role").Then("plumb change show %s", c.ID)
	}
	switch {
	case actor.Kind != fault.Human || actor.Authn != fault.Session:
		return notAPerson(c.ID, "Only a person in their own session decides; a token or service account never can.")
	case !s.Roster.Active(directory.PersonID(actor.Person)):
		return deny("not_active", "This person is not active.").FixedBy("a security officer").Then("plumb people enable PERSON")
	case seen != c.RevDigest:
		return stale(c)
	}
	switch x := s.everyExcluded()[actor.Person]; x.Code {
	case "":
	case "lent_account":
		return s.lentAccount(actor.Person, x.Because)
	case "self_approval":
		return deny("self_approval", "The author of a change cannot decide on it.")
	case "commit_author":
		return deny("self_approval", "Who wrote a commit in the change cannot decide on it.")
	default:
		return deny("executor_approval", "Who executes a change cannot decide on it.")
	}
	return nil
}

func (s *Snapshot) notAwaiting(now int64) error {
	c := s.Change
	e := fault.New(fault.Conflict, "not_awaiting", "The change is %s; it is not waiting for approval.", c.State).
		FixedBy("its author").Then("plumb change show %s", c.ID)
	if c.State == Assessing {
		names := []string{}
		for _, m := range s.missingChecks(now) {
			names = append(names, m.Kind)
		}
		e = fault.New(fault.Conflict, "checks_missing", "Evidence is missing or failing, so no approval counts yet: %s.", strings.Join(names, ", ")).
			Because("tested", "policy statement (c)").FixedBy("the requester").Then("plumb evidence add %s --kind %s FILE", c.ID, first(names))
	}
	return e.About(string(c.ID))
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// seatFor asks that the person's yes would help: that they hold a role which an open slot can use, in
// its turn.
func (s *Snapshot) seatFor(actor fault.Actor) error {
	for _, m := range s.match().Missing {
		could := slices.ContainsFunc(m.Could, func(x policy.Candidate) bool { return x.Person == actor.Person })
		if could && len(m.Waits) == 0 {
			return nil
		}
	}
	return fault.New(fault.Denied, "no_slot", "No open slot of this change can be filled by you.").About(string(s.Change.ID)).
		Because("matching", "policy statement (e)").FixedBy(holders(s.openRoles())).Then("plumb change show %s", s.Change.ID)
}

// notAPerson refuses a token, a service account, and whoever is nobody.
func notAPerson(id ID, sentence string) *fault.Error {
	return fault.New(fault.Denied, "not_a_person", "%s", sentence).About(string(id)).
		Because("exclude", "policy statement (e)").FixedBy("a person, in their own session").Then("plumb login")
}

// holders names who can mend what a role decides.
func holders(roles []string) string {
	roles = slices.Compact(slices.Sorted(slices.Values(roles)))
	if len(roles) == 0 {
		return "nobody yet: no role is asked to decide"
	}
	return "a holder of " + strings.Join(roles, " or ")
}

// demandedRoles are the roles of all slots, filled or open.
func (s *Snapshot) demandedRoles() []string {
	out := []string{}
	for _, x := range s.Demand.Slots {
		out = append(out, x.Role)
	}
	return out
}

func (s *Snapshot) openRoles() []string {
	out := []string{}
	for _, m := range s.match().Missing {
		out = append(out, m.Role)
	}
	return out
}

// reasoned asks for a reason and for one that can be taken.
func reasoned(comment, without string) error {
	if blank(comment) {
		return fault.New(fault.Invalid, "no_reason", "%s", without).At("comment", "is missing")
	}
	return remark(comment)
}

func remark(comment string) error {
	e := fault.New(fault.Invalid, "bad_comment", "The comment cannot be taken.")
	if text(e, "comment", comment); len(e.Fields) > 0 {
		return e
	}
	return nil
}

// decide appends the decision, with its signed statement, to the snapshot and the table.
func (d *Desk) decide(tx *db.Tx, s *Snapshot, verb Verb, comment string, v Viewed) error {
	a := tx.Actor()
	dec := Decision{ID: seal.NewID("dec"), Change: s.Change.ID, RevDigest: s.Change.RevDigest, Policy: s.Demand.Policy,
		Person: a.Person, Verb: verb, Roles: s.Roster.Roles(directory.PersonID(a.Person)), Comment: comment, At: tx.Now().UnixMicro(), N: int64(len(s.Decisions)) + 1}
	statement, err := d.approvalStatement(dec, s, a, v)
	if err != nil {
		return err
	}
	dec.Statement = statement
	if err := insertDecision(tx, dec); err != nil {
		return fmt.Errorf("save decision: %w", err)
	}
	s.Decisions = append(s.Decisions, dec)
	return nil
}

// ApprovalType is the predicate type of a decision's statement.
const ApprovalType = "https://plumbline.dev/attestation/change-approval/v1"

// ApprovalPredicate is what a decision's signed statement says. The signature is the server's: it
// asserts that this person decided in this session.
type ApprovalPredicate struct {
	Install  string            `json:"install"`
	ID       string            `json:"id"`
	Change   string            `json:"change"`
	Rev      string            `json:"rev_digest"`
	Policy   string            `json:"policy_digest"`
	Decision string            `json:"decision"`
	Roles    []string          `json:"roles"`
	Person   string            `json:"person"`
	Account  string            `json:"account"`
	Authn    string            `json:"authn"` // how the person was recognised; "server-asserted" strength
	At       int64             `json:"at"`
	Expires  int64             `json:"expires"`
	Inputs   map[string]string `json:"inputs,omitempty"` // automatic approval: digest of the criteria record
	Viewed   Viewed            `json:"viewed,omitzero"`  // absent for a decision over the API or the command line
}

// Viewed says what the server had shown to the person who decided: the zero value where nothing is known
// of it, because the decision came over the API. docs/formats.md, 4.2.
type Viewed struct {
	Render string   `json:"render_digest"`   // of the part of the page that is decided upon, over the bytes sent
	Pages  []string `json:"pages,omitempty"` // of the pages of a long plan that this person acknowledged, in their order
	Full   bool     `json:"full"`            // nothing of the revision was left unshown
}

func (d *Desk) approvalStatement(dec Decision, s *Snapshot, a fault.Actor, v Viewed) (string, error) {
	p := ApprovalPredicate{Install: d.install, ID: dec.ID, Change: string(dec.Change), Rev: dec.RevDigest, Policy: dec.Policy,
		Decision: string(dec.Verb), Roles: dec.Roles, Person: dec.Person, Account: a.Account, Authn: string(a.Authn),
		At: dec.At, Expires: s.Change.Body.Expires, Viewed: v}
	if auto := s.Change.Body.Auto; auto != nil && dec.Person == "" {
		p.Inputs = map[string]string{"model": auto.Model, "model_digest": auto.Digest}
	}
	env, err := seal.Sign(d.key, seal.Statement[ApprovalPredicate]{PredicateType: ApprovalType,
		Subject: s.subjects(), Predicate: p})
	if err != nil {
		return "", fmt.Errorf("sign decision: %w", err)
	}
	b, err := json.Marshal(env)
	return string(b), err
}

// subjects are the digests a statement is about: the revision and what it would run.
func (s *Snapshot) subjects() []seal.Subject {
	sha := func(d string) map[string]string { return map[string]string{"sha256": strings.TrimPrefix(d, "sha256:")} }
	out := []seal.Subject{{Name: string(s.Change.ID), Digest: sha(s.Change.RevDigest)}}
	for _, b := range s.Revision.Material.Bindings {
		out = append(out, seal.Subject{Name: b.Kind + ":" + b.Name, Digest: sha(b.Digest)})
	}
	return out
}

// approvalsDigest names the set of decisions that authorized the change.
func (s *Snapshot) approvalsDigest() string {
	var ids []string
	for _, d := range s.standing() {
		ids = append(ids, d.ID)
	}
	for _, d := range s.Decisions {
		if d.Person == "" && d.RevDigest == s.Change.RevDigest && !slices.Contains(ids, d.ID) {
			ids = append(ids, d.ID)
		}
	}
	slices.Sort(ids)
	return seal.Digest("plumb.approvals.v1", []byte(strings.Join(ids, "\n")))
}

// Reject records a slot holder's no. A reason is mandatory; the change goes on only as a new revision.
func (d *Desk) Reject(ctx context.Context, actor fault.Actor, id ID, seen, comment string) (Change, error) {
	return d.RejectViewed(ctx, actor, id, seen, comment, Viewed{})
}

// RejectViewed is Reject by somebody to whom a page was shown; what was shown enters the statement.
func (d *Desk) RejectViewed(ctx context.Context, actor fault.Actor, id ID, seen, comment string, v Viewed) (c Change, err error) {
	err = d.db.Update(ctx, actor, func(tx *db.Tx) error {
		s, err := d.load(tx, id)
		if err != nil {
			return err
		}
		if err := s.reject(actor, seen, comment); err != nil {
			return reread(tx, s, seen, err)
		}
		if err := d.decide(tx, s, Rejection, comment, v); err != nil {
			return err
		}
		if err := reserve(tx, id, nil, false); err != nil {
			return err
		}
		s.Change.State, s.Change.Due = Rejected, 0
		c = s.Change
		defer func() { c = s.Change }() // with the version that save gives it
		return d.save(tx, s, ledger.Event{Verb: "change.rejected", Detail: map[string]any{"comment": comment}})
	})
	return c, err
}

func (s *Snapshot) reject(actor fault.Actor, seen, comment string) error {
	if err := s.mayDecide(actor, seen); err != nil {
		return err
	}
	roles := s.Roster.Roles(directory.PersonID(actor.Person))
	holder := slices.ContainsFunc(s.Demand.Slots, func(x policy.Slot) bool { return slices.Contains(roles, x.Role) })
	switch {
	case !slices.Contains([]State{Submitted, Assessing, AwaitingApproval, Authorized, Scheduled}, s.Change.State):
		return fault.New(fault.Conflict, "not_pending", "A change that is %s cannot be rejected.", s.Change.State).
			About(string(s.Change.ID)).FixedBy("its author").Then("plumb change cancel %s", s.Change.ID)
	case !holder:
		return fault.New(fault.Denied, "no_slot", "Only a holder of one of the demanded roles rejects a change.").About(string(s.Change.ID)).
			Because("matching", "policy statement (e)").FixedBy(holders(s.demandedRoles())).Then("plumb change hold %s", s.Change.ID)
	case blank(comment):
		return fault.New(fault.Invalid, "no_reason", "A rejection needs a reason.").At("comment", "is missing")
	}
	return remark(comment)
}

// Withdraw takes one's own decision back, until a permit is used. The slot opens again.
func (d *Desk) Withdraw(ctx context.Context, actor fault.Actor, id ID, comment string) (c Change, err error) {
	err = d.db.Update(ctx, actor, func(tx *db.Tx) error {
		s, err := d.load(tx, id)
		if err != nil {
			return err
		}
		if err := s.withdraw(actor, comment); err != nil {
			return err
		}
		if err := d.decide(tx, s, Withdrawal, comment, Viewed{}); err != nil {
			return err
		}
		if err := d.reopen(tx, s); err != nil {
			return err
		}
		c = s.Change
		defer func() { c = s.Change }() // with the version that save gives it
		return d.save(tx, s, ledger.Event{Verb: "change.approval_withdrawn", Detail: map[string]any{"comment": comment}})
	})
	return c, err
}

func (s *Snapshot) withdraw(actor fault.Actor, comment string) error {
	dec := s.standing()[actor.Person]
	switch {
	case !actor.IsPerson():
		return notAPerson(s.Change.ID, "Only a person in their own session decides.")
	case dec.Verb != Approval:
		return fault.New(fault.Conflict, "nothing_to_withdraw", "You have no standing approval on this revision.").
			About(string(s.Change.ID)).FixedBy("you").Then("plumb change show %s", s.Change.ID)
	case len(s.runs()) > 0:
		return fault.New(fault.Conflict, "permit_used", "The permit is used; an approval cannot be withdrawn any more.").
			About(string(s.Change.ID)).Because("single-use", "policy statement (a)").FixedBy("an author, or a holder of an approving role").Then("plumb change hold %s", s.Change.ID)
	}
	return remark(comment)
}

// reopen takes an authorized change back to the people when its decisions no longer suffice.
func (d *Desk) reopen(tx *db.Tx, s *Snapshot) error {
	if !s.reopen() {
		return nil
	}
	return reserve(tx, s.Change.ID, nil, false)
}

func (s *Snapshot) reopen() bool {
	c := &s.Change
	if (c.State != Authorized && c.State != Scheduled) || s.approved() {
		return false
	}
	c.State, c.Due = AwaitingApproval, c.Body.Expires
	c.Body.Decided, c.Body.Approvals = 0, ""
	return true
}
