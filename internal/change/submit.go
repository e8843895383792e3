package change

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/policy"
)

// Submit hands a draft to the policy: the demand is frozen with the revision, and the change waits for
// checks, then for people; a standard change whose criteria all hold is authorized at once. An expired
// change is submitted again this way, with no decision left.
func (d *Desk) Submit(ctx context.Context, actor fault.Actor, id ID, seen string) (c Change, err error) {
	err = d.db.Update(ctx, actor, func(tx *db.Tx) error {
		s, err := d.load(tx, id)
		if err != nil {
			return err
		}
		now := tx.Now().UnixMicro()
		if s.Change.Body.History, err = past(tx, s.Revision.Material); err != nil {
			return err
		}
		if err := s.submit(actor, seen, now); err != nil {
			return reread(tx, s, seen, err)
		}
		if err := d.keepsIn(tx, s); err != nil {
			return err
		}
		if s.Change.Body.PackN, err = d.newestPack(tx); err != nil {
			return err
		}
		if err := d.freeze(tx, s); err != nil {
			return err
		}
		if err := d.advance(tx, s); err != nil {
			return err
		}
		c = s.Change
		defer func() { c = s.Change }() // with the version that save gives it
		return d.save(tx, s, ledger.Event{Verb: "change.submitted", Policy: s.Frozen.Policy,
			Detail: map[string]any{"state": string(c.State), "risk": string(s.Frozen.Risk), "slots": slotIDs(s.Frozen.Slots)}})
	})
	return c, err
}

// save writes the shell and records what happened to it.
func (d *Desk) save(tx *db.Tx, s *Snapshot, ev ledger.Event) error {
	body, err := saveChange(tx, &s.Change)
	if err != nil {
		return fmt.Errorf("save change: %w", err)
	}
	tx.AfterCommit(func() { d.shelf.put(s, body) })
	ev.Type, ev.Object, ev.Rev = "change", string(s.Change.ID), s.Change.RevDigest
	if ev.Policy == "" {
		ev.Policy = s.Demand.Policy
	}
	_, err = ledger.Append(tx, ev)
	return err
}

func slotIDs(slots []policy.Slot) []string {
	out := []string{}
	for _, s := range slots {
		out = append(out, fmt.Sprintf("%s×%d", s.ID, s.Min))
	}
	return out
}

// submit is the rule: who may, from where, with everything filled in, under a policy that people can
// satisfy.
func (s *Snapshot) submit(actor fault.Actor, seen string, now int64) error {
	c := &s.Change
	switch {
	case !s.SetUp:
		return notSetUp()
	case actor.Person == "" || !slices.Contains(c.Body.Authors, actor.Person):
		return fault.New(fault.Denied, "not_author", "A change is submitted by one of its authors.").About(string(c.ID)).
			FixedBy("its author").Then("plumb change submit %s", c.ID)
	case seen != c.RevDigest:
		return stale(*c)
	case c.State == Rejected:
		return fault.New(fault.Conflict, "needs_new_revision", "A rejected change goes on only as a new revision.").
			About(string(c.ID)).Because("reject", "").FixedBy("its author").Then("plumb change edit %s", c.ID)
	case c.State != Draft && c.State != Expired:
		return fault.New(fault.Conflict, "not_draft", "The change is %s already.", c.State).
			About(string(c.ID)).FixedBy("you").Then("plumb change show %s", c.ID)
	}
	demand, err := s.demanded()
	if err != nil {
		return err
	}
	if ok, gap := policy.Satisfiable(demand.Slots, s.Roster.People(), slices.Collect(maps.Keys(s.excluded()))); !ok {
		return unsatisfiable(*c, gap)
	}
	s.Frozen, s.Demand = demand, demand
	s.Change.Body.Risk = string(demand.Risk)
	c.Body.Round++
	c.Body.Since, c.Body.Before = now, int64(len(s.Decisions))
	if c.Body.Submitted == 0 {
		c.Body.Submitted = now
	}
	c.Body.Carried, c.Body.Auto, c.Body.Expires, c.Body.Decided = nil, nil, 0, 0
	c.State = Submitted
	return nil
}

// demanded asks the pack and refuses what is incomplete, field by field (requirements A10, A11).
func (s *Snapshot) demanded() (policy.Demand, error) {
	m := s.Revision.Material
	f := s.facts(0)
	demand, err := s.Pack.Demand(f)
	if err != nil {
		return demand, about(err, s.Change.ID)
	}
	if missing := demand.MissingFields(f); len(missing) > 0 {
		e := fault.New(fault.Invalid, "incomplete", "The change lacks what the policy asks for: %s.", fieldNames(missing)).
			FixedBy("the requester").Then("plumb change edit %s%s", s.Change.ID, saying(missing))
		for _, x := range missing {
			e.At(x.Path, "is missing; "+because(x.Reasons))
		}
		if r := missing[0].Reasons; len(r) > 0 {
			e.Because(r[0].Rule, r[0].Clause)
		}
		return demand, e
	}
	if len(m.Bindings) == 0 {
		return demand, fault.New(fault.Invalid, "nothing_bound", "The change says nothing that will be run; zero bindings are refused.").
			At("bindings", "is empty").FixedBy("the requester").Then("plumb change edit %s%s", s.Change.ID, sayings["bindings"])
	}
	return m.withOwnChecks(demand), nil
}

// sayings are how each field that a rule can demand is said on the command line.
var sayings = map[string]string{
	"summary": " --summary TEXT", "components": " --component NAME", "justification": " --justification TEXT", "rollback": " --rollback TEXT",
	"targets": " --target NAME", "bindings": " --config-file FILE (or --tf-plan, --image, --runbook …: what will be run)",
	"critical_role": " --critical-role ROLE", "emergency": " --emergency-notes TEXT",
}

// saying gives the flags that fill in what is missing; a field that is not known here is left to the help of the command.
func saying(missing []policy.FieldDemand) (flags string) {
	for _, x := range missing {
		flags += sayings[x.Path]
	}
	return flags
}

func about(err error, id ID) error {
	if f := fault.Of(err); f.Kind != fault.Internal {
		return f.About(string(id))
	}
	return err
}

func fieldNames(list []policy.FieldDemand) string {
	names := []string{}
	for _, f := range list {
		names = append(names, f.Path)
	}
	return strings.Join(names, ", ")
}

func because(reasons []policy.Reason) string {
	if len(reasons) == 0 {
		return "the policy demands it"
	}
	return fmt.Sprintf("rule %s (%s)", reasons[0].Rule, reasons[0].Clause)
}

// unsatisfiable names the blocking rule and the smallest mend; an empty role is never passed over.
func unsatisfiable(c Change, g *policy.Gap) error {
	what := "more people with an approving role"
	if g.Role != "" {
		what = "another active holder of the role " + g.Role
	}
	e := fault.New(fault.Denied, "unsatisfiable", "Nobody could approve this: it needs %d %s who is not an author or executor.", g.Need, what).
		About(string(c.ID)).FixedBy("a security officer").Then("plumb access request --role %s", g.Role)
	if len(g.Reasons) > 0 {
		e.Because(g.Reasons[0].Rule, g.Reasons[0].Clause)
	}
	return e
}

// advance moves a submitted change on as far as the system may: by a standard model, to the checks, or
// to the people. It runs again when evidence comes in.
func (d *Desk) advance(tx *db.Tx, s *Snapshot) error {
	c := &s.Change
	if c.State != Submitted && c.State != Assessing {
		return nil
	}
	if c.Type == "standard" {
		done, err := d.autoApprove(tx, s)
		if err != nil || done {
			return err
		}
	}
	s.assess(tx.Now().UnixMicro())
	return nil
}

// assess: approval counts only on tested things (policy statement c), so the people are asked when the
// demanded checks pass.
func (s *Snapshot) assess(now int64) {
	s.Change.State = AwaitingApproval
	if len(s.missingChecks(now)) > 0 {
		s.Change.State = Assessing
	}
	s.Change.Body.Expires = now + s.Demand.ExpireSecs*1_000_000
	s.Change.Due = s.Change.Body.Expires
}

func (s *Snapshot) missingChecks(now int64) []policy.CheckDemand {
	f := policy.Facts{Checks: checkFacts(s.Revision.Material, s.Checks, now, s.own())}
	return s.Demand.MissingChecks(f)
}

// authorize is the end of deciding: the approval set is stamped, then the effects are reserved.
func (d *Desk) authorize(tx *db.Tx, s *Snapshot) error {
	s.authorize(tx.Now().UnixMicro())
	return reserve(tx, s.Change.ID, s.keys(), false)
}

func (s *Snapshot) authorize(now int64) {
	c := &s.Change
	c.State = Authorized
	c.Body.Decided = now
	c.Body.Approvals = s.approvalsDigest()
	c.Due = c.Body.Expires
	if end := s.Revision.Material.Window.Until; !end.IsZero() {
		c.Due = min(c.Due, end.UnixMicro())
	}
}
