package change

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/wire"
)

// Snapshot is everything that a decision about one change rests on, read in one transaction. All rules
// are functions of a Snapshot, the actor and the instant; none reads a clock or a table.
type Snapshot struct {
	Change    Change
	Revision  Revision
	Decisions []Decision
	Checks    []CheckResult
	Permits   []Permit
	Rivals    []Rival
	Windows   []Window
	Model     Model // standing of the standard model that authorized it, if one did
	Roster    *directory.Roster
	Pack      *policy.Pack
	SetUp     bool                // the first-start ceremony is done and its pack is active
	Frozen    policy.Demand       // what was demanded at the newest submission
	Demand    policy.Demand       // Frozen, made stricter by packs that came later
	PackNo    *fault.Error        // why the active pack refuses this revision now, if it does
	Authors   map[string]bool     // persons found behind commit authors
	Moved     []wire.Mismatch     // targets that the inventory knows otherwise now
	Heirs     map[string][]string // owners that people named since, by the one that is frozen

	memo *memo // set once nobody changes this snapshot any more
}

// Rival is another change that touches the same thing.
type Rival struct {
	ID      ID
	State   State
	Summary string
	Path    string // what both touch
	Same    bool   // the same effect, not just the same target
	From    int64
	Until   int64

	Near     bool     // something in the same module of the same state
	Destroys bool     // one of the two deletes or replaces what both touch
	First    bool     // the other was authorized before this one
	Booked   string   // person who is to carry out both, where both say when
	Slotted  bool     // the other has picked its slot
	touches  bool     // the two touch something in common; false where only a person is
	met      []string // the paths that both hold
}

// load reads the snapshot of one change; rivals are loaded only where they matter, by loadWithRivals.
func (d *Desk) load(tx *db.Tx, id ID) (*Snapshot, error) {
	if a := tx.Actor(); a.Kind == fault.Human || a.Kind == fault.Service {
		if err := d.people.ConfirmIn(tx, a); err != nil { // signed out or disabled since the request came in
			return nil, err
		}
	}
	s, err := d.loadRecord(tx, id)
	if err != nil {
		return nil, err
	}
	if s.Roster, err = d.people.RosterIn(tx); err != nil {
		return nil, fmt.Errorf("load people: %w", err)
	}
	if err := d.loadPolicy(tx, s); err != nil {
		return nil, err
	}
	if s.Windows, err = d.windowsIn(tx); err != nil {
		return nil, fmt.Errorf("load windows: %w", err)
	}
	if a := s.Change.Body.Auto; a != nil && a.Passed {
		if s.Model, _, err = loadModel(tx, a.Model); err != nil {
			return nil, fmt.Errorf("load standard model: %w", err)
		}
	}
	s.findAuthors()
	if s.Moved, err = d.moved(tx, s.Revision.Material); err != nil {
		return nil, fmt.Errorf("find targets: %w", err)
	}
	if s.Change.State == Verifying {
		if s.Heirs, err = d.heirs(tx, s.Revision.Material); err != nil {
			return nil, fmt.Errorf("find owners: %w", err)
		}
	}
	return s, nil
}

// loadRecord reads what is recorded of a change itself; a change that this server wrote a moment ago is
// taken from the shelf, but for its shell.
func (d *Desk) loadRecord(tx *db.Tx, id ID) (*Snapshot, error) {
	row, err := loadShell(tx, id)
	if err != nil {
		return nil, err
	}
	if e := d.shelf.get(row.Change, row.body); e != nil {
		s := &Snapshot{Change: row.Change, Revision: e.revision, Decisions: e.decisions, Checks: e.checks}
		s.Change.Body = e.change.Body
		s.Frozen, err = d.loadFrozen(tx, s.Change)
		return s, err
	}
	s := &Snapshot{}
	if s.Change, err = row.parsed(); err != nil {
		return nil, err
	}
	if s.Revision, err = loadRevision(tx, id, s.Change.Rev); err != nil {
		return nil, err
	}
	if s.Frozen, err = d.loadFrozen(tx, s.Change); err != nil {
		return nil, err
	}
	if s.Decisions, err = listDecisions(tx, id); err != nil {
		return nil, fmt.Errorf("load decisions: %w", err)
	}
	if s.Checks, err = listChecks(tx, id); err != nil {
		return nil, fmt.Errorf("load checks: %w", err)
	}
	if s.Permits, err = listPermits(tx, id); err != nil {
		return nil, fmt.Errorf("load permits: %w", err)
	}
	return s, nil
}

// loadWithRivals is load for the gate and for showing.
func (d *Desk) loadWithRivals(tx *db.Tx, id ID) (*Snapshot, error) {
	s, err := d.load(tx, id)
	if err != nil {
		return nil, err
	}
	if s.Rivals, err = loadRivals(tx, s); err != nil {
		return nil, fmt.Errorf("load conflicts: %w", err)
	}
	return s, nil
}

// loadPolicy reads the pack in force, and those that were in force since the change was submitted.
func (d *Desk) loadPolicy(tx *db.Tx, s *Snapshot) error {
	pack, err := d.packIn(tx)
	if err != nil {
		return err
	}
	s.Pack, s.SetUp = pack, pack != nil
	var later []*policy.Pack
	if b := s.Change.Body; pack != nil && b.Since > 0 {
		if later, err = d.packsSince(tx, b.PackN); err != nil {
			return err
		}
	}
	s.holdTo(later)
	return nil
}

// holdTo holds the change to the strictest of the pack that it was submitted under and all that came
// into force since: tightening reaches changes in flight, loosening never frees one, not even by way of
// a pack that was tighter for a while. The pack in force can refuse the change altogether.
func (s *Snapshot) holdTo(later []*policy.Pack) {
	s.Demand, s.PackNo = s.Frozen, nil
	if s.Demand.Policy == "" {
		return
	}
	for _, p := range later {
		at := *s
		at.Pack = p
		now, err := p.Demand(at.facts(0))
		switch {
		case err == nil:
			s.Demand = policy.Merge(s.Demand, s.Revision.Material.withOwnChecks(now))
		case p == s.Pack:
			s.PackNo = fault.Of(err)
		}
	}
}

// executorRoles are the roles of which an executor holds one. Where nothing is frozen yet the pack in force
// is asked all the same, for plan permits.
func (s *Snapshot) executorRoles() []string {
	if s.Demand.Policy != "" || s.Pack == nil {
		return s.Demand.Executor
	}
	now, err := s.Pack.Demand(s.facts(0))
	if err != nil {
		return nil
	}
	return now.Executor
}

// facts are what rules may read of this change at this instant.
func (s *Snapshot) facts(now int64) policy.Facts {
	f := s.Revision.Material.facts(s.Pack)
	f.History = s.Change.Body.History
	f.Checks = checkFacts(s.Revision.Material, s.Checks, now, nobodys) // a demand is computed anew by who verifies it offline
	return f
}

// findAuthors finds the people behind the authors that bound commits name. The match is by e-mail and
// errs to the strict side: it only ever excludes.
func (s *Snapshot) findAuthors() {
	s.Authors = map[string]bool{}
	for _, b := range s.bindings() {
		for _, a := range b.Authors {
			for _, p := range byEmail(s.Roster, a) {
				s.Authors[string(p)] = true
			}
			if p, ok := s.Roster.Named(a); ok {
				s.Authors[string(p)] = true
			}
		}
	}
}

func (s *Snapshot) bindings() []Binding {
	list := slices.Clone(s.Revision.Material.Bindings)
	if b := s.Revision.Material.Rollback.Binding; b != nil {
		list = append(list, *b)
	}
	return list
}

// byEmail finds people by a mail address; what is no address is nobody's.
func byEmail(r *directory.Roster, author string) []directory.PersonID {
	if a := emailOf(author); strings.Contains(a, "@") {
		return r.WithEmail(a)
	}
	return nil
}

// emailOf takes the address out of "Name <address>".
func emailOf(author string) string {
	if i := strings.LastIndexByte(author, '<'); i >= 0 && strings.HasSuffix(author, ">") {
		return author[i+1 : len(author)-1]
	}
	return author
}

// standing gives each person's newest word on the current revision, withdrawn ones left out.
func (s *Snapshot) standing() map[string]Decision {
	out := map[string]Decision{}
	for i, d := range s.Decisions {
		if int64(i) < s.Change.Body.Before || d.RevDigest != s.Change.RevDigest && !slices.Contains(s.Change.Body.Carried, d.RevDigest) {
			continue
		}
		if d.Verb == Withdrawal {
			delete(out, d.Person)
			continue
		}
		out[d.Person] = d
	}
	return out
}

// votes gives the approvals that count at this instant: by active people who still hold the role, are
// not excluded, approved this revision, and could not have been made by somebody whose word counts
// already, or does not count.
func (s *Snapshot) votes(executors ...string) []policy.Person {
	out := []policy.Person{}
	barred := s.barred(executors...)
	var counted []string
	for _, d := range s.approvals() {
		selves := s.selves(d.Person, d.At)
		if _, no := among(selves, barred); no || meet(selves, counted) {
			continue
		}
		if roles := s.unbroken(d); len(roles) > 0 {
			out = append(out, policy.Person{ID: d.Person, Roles: roles})
			counted = append(counted, selves...)
		}
	}
	slices.SortFunc(out, func(a, b policy.Person) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// unbroken gives the roles that the decider holds now and has held ever since deciding: a role that came
// later did not decide, and one that was lost took the decision with it, even if it came back.
func (s *Snapshot) unbroken(d Decision) []string {
	out := []string{}
	for _, r := range s.Roster.Roles(directory.PersonID(d.Person)) {
		since, held := s.Roster.Since(directory.PersonID(d.Person), directory.RoleName(r))
		if held && slices.Contains(d.Roles, r) && since.UnixMicro() <= d.At {
			out = append(out, r)
		}
	}
	return out
}

// match says which slots are filled and who could still fill the others.
func (s *Snapshot) match(executors ...string) policy.Matching {
	if s.memo != nil {
		return s.memo.match(executors, func() policy.Matching { return s.matchNow(executors) })
	}
	return s.matchNow(executors)
}

func (s *Snapshot) matchNow(executors []string) policy.Matching {
	barred := s.everyExcluded(executors...)
	for p := range s.doubles() {
		barred[p] = Excluded{Person: p, Code: "lent_account"}
	}
	candidates := slices.DeleteFunc(slices.Clone(s.Roster.People()), func(p policy.Person) bool {
		_, no := barred[p.ID]
		return no
	})
	return policy.Match(s.Demand.Slots, s.votes(executors...), candidates...)
}

// rejected gives the standing rejection, if any.
func (s *Snapshot) rejected() (Decision, bool) {
	for _, d := range s.standing() {
		if d.Verb == Rejection {
			return d, true
		}
	}
	return Decision{}, false
}

// auto reports whether a standard model authorized this very revision, and stands behind it still: it is a
// model of the policy in force with the same criteria, and until the change began to run it was neither
// suspended nor activated anew. What no longer has a model behind it is decided by people.
func (s *Snapshot) auto() bool {
	a := s.Change.Body.Auto
	if a == nil || !a.Passed || s.Pack == nil || s.unmodelled() != "" {
		return false
	}
	if now, err := s.Pack.ModelDigest(a.Model); err != nil || now != a.Digest {
		return false
	}
	return slices.ContainsFunc(s.Decisions, func(d Decision) bool {
		return d.Person == "" && d.Verb == Approval && d.RevDigest == s.Change.RevDigest
	})
}

// unmodelled says why the model that authorized the change no longer does; "" while it does. What runs
// already goes on, and can be rolled back: a use that failed suspends its own model.
func (s *Snapshot) unmodelled() string {
	a := s.Change.Body.Auto
	switch {
	case a == nil || !a.Passed || s.Change.Body.FirstRun > 0:
		return ""
	case s.Model.State == ModelSuspended:
		return "The standard model " + a.Model + " that authorized it is suspended: " + s.Model.Reason + "."
	case s.Model.State != ModelActive || s.Model.Digest != a.Digest || s.Model.Since > a.At:
		return "The standard model " + a.Model + " was activated anew since it authorized this."
	}
	return ""
}

// lapsed says what time alone took from the model that authorized the change: its validity, or its
// review date has come.
func (s *Snapshot) lapsed(now int64) string {
	a := s.Change.Body.Auto
	if a == nil || s.Change.Body.FirstRun > 0 || !s.auto() {
		return ""
	}
	def, _ := s.Pack.Model(a.Model) // auto found it
	if err := def.Standing(instant(now), instant(s.Model.Since), time.Time{}, 0); err != nil {
		return fault.Of(err).Message
	}
	return ""
}

// approved reports whether the decisions that count now suffice, for these executors.
func (s *Snapshot) approved(executors ...string) bool {
	if _, no := s.rejected(); no {
		return false
	}
	return s.auto() || s.match(executors...).Done
}
