package reconcile

import (
	"cmp"
	"context"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// longestWaiver bounds a waiver; what must last longer is a change.
const longestWaiver = 90 * 24 * time.Hour

// answer is the frame of what somebody decides about a finding: open, load, decide, save, record.
func (d *Desk) answer(ctx context.Context, actor fault.Actor, id, verb string, decide func(*db.Tx, *Finding) (map[string]any, error)) (f Finding, err error) {
	err = d.db.Update(ctx, actor, func(tx *db.Tx) error {
		if err := d.people.ConfirmIn(tx, actor); err != nil {
			return err
		}
		if f, err = loadFinding(tx, id); err != nil {
			return err
		}
		roster, err := d.people.RosterIn(tx)
		if err != nil {
			return err
		}
		if _, err := d.inherited(tx, &f, roster); err != nil {
			return err
		}
		if err := f.mayDecide(actor, roster, near{}); err != nil { // nobody has all that it holds read who may not decide
			return err
		}
		if err := f.asSeen(id); err != nil {
			return err
		}
		by, err := d.nearTo(tx, f)
		if err != nil {
			return err
		}
		if err := f.mayDecide(actor, roster, by); err != nil {
			return err
		}
		detail, err := decide(tx, &f)
		if err != nil {
			return err
		}
		f.Decider, f.Decided = actor.Person, tx.Now().UnixMicro()
		if err := saveFinding(tx, &f); err != nil {
			return err
		}
		return record(tx, verb, "finding", f.ID, detail)
	})
	return f, err
}

func changesOf(hits []Hit) (out []string) {
	for _, h := range hits {
		out = append(out, h.Change)
	}
	return out
}

// mayDecide is who may answer for a finding: a person who answers for the asset or for security, and is neither who did it nor who
// executed the change that ran (policy statement e: nobody clears their own work).
func (f *Finding) mayDecide(actor fault.Actor, roster *directory.Roster, by near) error {
	deny := func(code, text, who string) *fault.Error {
		return fault.New(fault.Denied, code, "%s", text).About(f.ID).Because("separate", "policy statement (e)").FixedBy(who).Then("plumb reconcile show %s", f.ID)
	}
	self, doers := personNames(actor, roster), by.doers(f)
	officer := roster.Holds(directory.PersonID(actor.Person), directory.Officer)
	switch {
	case !actor.IsPerson():
		return deny("not_a_person", "Only a person in their own session answers for a finding.", "a person, in their own session")
	case !f.Waits() && f.State != Waived:
		return fault.New(fault.Conflict, "finding_closed", "The finding is %s.", f.State).About(f.ID).FixedBy("nobody").Then("plumb reconcile show %s", f.ID)
	case slices.ContainsFunc(doers, func(n string) bool { return slices.Contains(self, n) }):
		return deny("own_finding", "Who made a difference does not judge it.", "the owner of the asset or a Security Officer")
	case slices.ContainsFunc(by.runs, func(r Run) bool { return slices.Contains(r.Executors, strings.ToLower(actor.Person)) }):
		return deny("executor_finding", "Who executed the change that ran at the time does not judge what else happened.", "the owner of the asset or a Security Officer")
	case !officer && !f.ownedBy(actor, self, roster):
		return deny("not_finding_owner", "A finding is answered by the owner of its asset or a Security Officer.", "the owner of the asset or a Security Officer")
	}
	if p, ok := f.lent(actor, roster, by.runs, doers); ok {
		next := "plumb people vouch " + string(p)
		switch {
		case len(roster.Lenders(directory.PersonID(actor.Person), math.MaxInt64)) > 0:
			next = "plumb people vouch " + actor.Person
		case !roster.Active(p): // nobody vouches for who left
			next = "plumb reconcile show " + f.ID
		}
		return deny("lent_account", "You count as one person with "+roster.Name(p)+", whose doing this may be, because of a one-time code that nobody vouched for.",
			"a security officer who did not issue the code").Then("%s", next)
	}
	return nil
}

// lent finds who made the difference or executed what ran, and counts as one person with who answers now, for one could sign in as the other.
func (f *Finding) lent(actor fault.Actor, roster *directory.Roster, runs []Run, doers []string) (who directory.PersonID, ok bool) {
	self := directory.PersonID(actor.Person)
	if len(doers) == 0 && len(runs) == 0 {
		return "", false
	}
	for _, p := range append(roster.Lenders(self, math.MaxInt64), roster.EverLent()...) { // who was disabled since is found here, too
		did := roster.Same(self, p, f.Latest) && slices.ContainsFunc(personNames(fault.Actor{Person: string(p)}, roster), func(n string) bool { return slices.Contains(doers, n) })
		ran := slices.ContainsFunc(runs, func(r Run) bool {
			return slices.Contains(r.Executors, strings.ToLower(string(p))) && roster.Same(self, p, r.Started)
		})
		if did || ran {
			return p, true
		}
	}
	return "", false
}

// ownedBy reports whether a person owns the asset, alone or as one of the group that does, and not by their own word of after the finding.
func (f *Finding) ownedBy(actor fault.Actor, self []string, roster *directory.Roster) bool {
	who := directory.PersonID(actor.Person)
	if f.Owner == "" || f.NamedBy != "" && roster.Same(who, directory.PersonID(f.NamedBy), math.MaxInt64) {
		return false
	}
	if slices.Contains(self, strings.ToLower(f.Owner)) {
		return true
	}
	group, ok := roster.GroupOf(f.Owner)
	return ok && slices.Contains(roster.PeopleIn(group), who)
}

// personNames lists the names of a person that a source or a label may use.
func personNames(actor fault.Actor, roster *directory.Roster) []string {
	return executorNames(change.Permit{Person: actor.Person, Account: actor.Account}, roster)
}

func reasonGiven(reason string) error {
	if n := len(strings.TrimSpace(reason)); n < 10 || len(reason) > 2000 {
		return fault.New(fault.Invalid, "reason_missing", "A decision about a finding needs its reason.").At("reason", "says in 10 to 2000 characters why").
			FixedBy("you").Then("the same again, with --reason and ten characters at least")
	}
	return nil
}

// Waive takes a finding as it is until an instant; then it is open again.
func (d *Desk) Waive(ctx context.Context, actor fault.Actor, id string, until time.Time, reason string) (Finding, error) {
	return d.answer(ctx, actor, id, "finding.waived", func(tx *db.Tx, f *Finding) (map[string]any, error) {
		if err := reasonGiven(reason); err != nil {
			return nil, err
		}
		if now := tx.Now(); !until.After(now) || until.Sub(now) > longestWaiver {
			return nil, fault.New(fault.Invalid, "bad_waiver", "A waiver ends within 90 days.").At("until", "is in the future and within 90 days").
				FixedBy("you").Then("plumb reconcile waive %s --until 7d --reason \"…\"", f.ID)
		}
		f.State, f.Due, f.Reason, f.Adopts = Waived, until.UnixMicro(), reason, ""
		return map[string]any{"until": f.Due, "reason": reason}, nil
	})
}

// Revert undertakes to take a finding back. It is closed when the reverse difference is observed, not before; it may have been already.
func (d *Desk) Revert(ctx context.Context, actor fault.Actor, id, reason string) (Finding, error) {
	return d.answer(ctx, actor, id, "finding.reverting", func(tx *db.Tx, f *Finding) (map[string]any, error) {
		if err := reasonGiven(reason); err != nil {
			return nil, err
		}
		f.State, f.Reason, f.Adopts = Reverting, reason, ""
		if f.Restored != "" {
			f.State, f.Closed = Reverted, tx.Now().UnixMicro()
		}
		return map[string]any{"reason": reason, "restored": f.Restored}, nil
	})
}

// Adopt names the change that asks for the difference after the fact. When that change is approved, by its own rules, the finding is closed.
func (d *Desk) Adopt(ctx context.Context, actor fault.Actor, id string, by change.ID, reason string) (f Finding, err error) {
	f, err = d.answer(ctx, actor, id, "finding.adopting", func(tx *db.Tx, f *Finding) (map[string]any, error) {
		if err := reasonGiven(reason); err != nil {
			return nil, err
		}
		if f.Disposition == Unseparated {
			return nil, fault.New(fault.Conflict, "tiers_not_adopted", "No change makes frontend and backend on one server a rule of their own.").About(f.ID).
				Because("separation", "config/separation").FixedBy("who runs them").Then("set them apart, or for 90 days at most: plumb reconcile waive %s --until 14d --reason \"…\"", f.ID)
		}
		p, err := d.changes.PermittedIn(tx, by)
		if err != nil {
			return nil, err
		}
		if p.Change.State.Over() {
			return nil, fault.New(fault.Conflict, "adopting_change_over", "The change is %s.", p.Change.State).About(string(by)).FixedBy("you").Then("plumb change new")
		}
		if err := adopts(tx, f, p); err != nil {
			return nil, err
		}
		f.State, f.Adopts, f.Reason = Adopting, string(by), reason
		return map[string]any{"change": string(by), "reason": reason}, nil
	})
	if err != nil {
		return f, err
	}
	err = d.db.Update(ctx, follower(), func(tx *db.Tx) error { return d.adopted(tx, &f) })
	if err != nil {
		return f, err
	}
	err = d.db.View(ctx, func(tx *db.Tx) error { return d.waitsFor(tx, &f) })
	return f, err
}

// waitsFor says what an adopted finding waits for: a draft asks nobody for an approval.
func (d *Desk) waitsFor(tx *db.Tx, f *Finding) error {
	if f.State != Adopting {
		return nil
	}
	p, err := d.changes.PermittedIn(tx, change.ID(f.Adopts))
	if err != nil {
		return err
	}
	f.Next = "the approval of " + f.Adopts + ": plumb change show " + f.Adopts
	if p.Change.State == change.Draft {
		f.Next = f.Adopts + " is still a draft, which nobody is asked to approve: plumb change submit " + f.Adopts
	}
	return nil
}

// adoptedBy gives the findings that a change asks for after the fact. Each is named by the wording in which it was asked for, so only those
// that some wording names are looked at.
func (d *Desk) adoptedBy(tx *db.Tx, id change.ID) (out []Finding, err error) {
	wordings, err := d.changes.WordingsIn(tx, id, "fnd-")
	if err != nil {
		return nil, err
	}
	for part := range slices.Chunk(namedIn(wordings...), db.AtOnce) {
		text, args := adoptedAmong(part)
		list, err := db.Collect(tx, scanFinding, text, args...)
		if err != nil {
			return nil, err
		}
		out = append(out, slices.DeleteFunc(list, func(f Finding) bool { return f.Adopts != string(id) })...)
	}
	slices.SortFunc(out, func(a, b Finding) int { return cmp.Compare(a.N, b.N) })
	return out[:min(len(out), maxShown)], nil
}

func adoptedAmong(ids []string) (text string, args []any) {
	return findingColumns + " WHERE id " + db.Among(&args, ids) + " AND state IN ('adopting', 'adopted')", args
}

// findingName is an id of a finding in a text, in any form that fullID reads.
var findingName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)FND-[0-9]{1,19}`) })

// namedIn lists the ids of findings that texts name, sorted, each once.
func namedIn(texts ...string) (ids []string) {
	for _, text := range texts {
		for _, name := range findingName().FindAllString(text, -1) {
			ids = append(ids, fullID(name))
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// adopted closes a finding whose change was approved, and opens it again where that change came to nothing.
func (d *Desk) adopted(tx *db.Tx, f *Finding) error {
	p, err := d.changes.PermittedIn(tx, change.ID(f.Adopts))
	if err != nil {
		return err
	}
	verb := "finding.adopted"
	unfit := adopts(tx, f, p) // as it is worded by now: its approvers would not know what they adopt
	if unfit != nil && fault.Of(unfit).Kind != fault.Conflict {
		return unfit
	}
	switch {
	case slices.Contains([]change.State{change.Cancelled, change.Rejected, change.Expired}, p.Change.State):
		f.State, f.Reason, f.Adopts, verb = Open, "the change "+f.Adopts+" came to nothing", "", "finding.reopened"
	case fault.Is(unfit, "not_retroactive"):
		f.State, f.Reason, f.Adopts, verb = Open, "the change "+f.Adopts+" does not name it any more", "", "finding.reopened"
	case unfit != nil:
		f.State, f.Reason, f.Adopts, verb = Open, "the change "+f.Adopts+" cannot adopt it any more", "", "finding.reopened"
	case len(p.Revisions) == 0 || p.Change.Body.Decided == 0 || p.Revisions[len(p.Revisions)-1].N != p.Change.Rev:
		return nil
	default:
		f.State, f.Closed = Adopted, tx.Now().UnixMicro()
		if f.Op == inventory.Created {
			if err := inventory.Originate(tx, f.Asset, f.Adopts); err != nil {
				return err
			}
			if err := admitFound(tx, f); err != nil {
				return err
			}
		}
	}
	if err := saveFinding(tx, f); err != nil {
		return err
	}
	return record(tx, verb, "finding", f.ID, map[string]any{"change": string(p.Change.ID)})
}
