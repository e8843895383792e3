package change

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/wire"
)

// Forecast is what would become of a wording if this person filed and submitted it now. It decides
// nothing: Submit asks everything again.
type Forecast struct {
	Explained
	Slots     []policy.Missing     // every slot, with who could fill it
	Gap       *policy.Gap          // why nobody could approve it; nil where people can
	Unfilled  []policy.FieldDemand // fields that the policy asks for and the wording lacks
	Unbound   bool                 // it names nothing that will be run
	Window    wire.Window          // when it may start
	Conflicts []wire.Conflict      // freezes and other changes in the way, at the begin of its window
	Auto      *AutoApproval        // of a standard change: what its model's criteria say so far
	Names     map[string]string    // person id → name, for every id above
}

// Complete reports whether Submit would take the wording as far as can be told now.
func (f Forecast) Complete() bool {
	return f.Demand != nil && f.Gap == nil && len(f.Unfilled) == 0 && !f.Unbound
}

// Foresee asks the policy in force about a wording that the actor is about to file, or about a new
// wording of a change: the demand, who could fill each slot beside those whom the wording itself excludes,
// and what is missing. It writes nothing.
func (d *Desk) Foresee(ctx context.Context, actor fault.Actor, id ID, m Material) (f Forecast, err error) {
	if err := m.clean(); err != nil {
		return f, err
	}
	if err := d.fromDocuments(ctx, &m); err != nil {
		return f, err
	}
	err = d.db.View(ctx, func(tx *db.Tx) error {
		s, err := d.imagine(tx, actor, id, m)
		if err != nil {
			return err
		}
		f, err = s.foresee(tx)
		return err
	})
	return f, err
}

// imagine makes the snapshot that the change would have.
func (d *Desk) imagine(tx *db.Tx, actor fault.Actor, id ID, m Material) (s *Snapshot, err error) {
	s = &Snapshot{Change: Change{State: Draft, Requester: actor.Person}}
	if id != "" {
		if s.Change, err = loadChange(tx, id); err != nil {
			return nil, err
		}
	}
	if !slices.Contains(s.Change.Body.Authors, actor.Person) {
		s.Change.Body.Authors = append(slices.Clone(s.Change.Body.Authors), actor.Person)
	}
	if s.Roster, err = d.people.RosterIn(tx); err != nil {
		return nil, fmt.Errorf("load people: %w", err)
	}
	if _, err = m.resolve(s.Roster); err != nil {
		return nil, err
	}
	if _, err = d.locate(tx, &m); err != nil {
		return nil, err
	}
	s.Revision = Revision{Change: id, Material: m}
	s.Change.Type, s.Change.Category = m.Type, m.Category
	if s.Pack, err = d.packIn(tx); err != nil {
		return nil, err
	}
	if s.Pack == nil {
		return nil, notSetUp()
	}
	s.SetUp = true
	if s.Windows, err = currentWindows(tx); err != nil {
		return nil, fmt.Errorf("load windows: %w", err)
	}
	if s.Rivals, err = loadRivals(tx, s); err != nil {
		return nil, fmt.Errorf("load conflicts: %w", err)
	}
	if s.Change.Body.History, err = past(tx, m); err != nil {
		return nil, err
	}
	s.findAuthors()
	return s, nil
}

func (s *Snapshot) foresee(tx *db.Tx) (f Forecast, err error) {
	m := s.Revision.Material
	facts := s.facts(tx.Now().UnixMicro())
	if f.Explained, err = explain(s.Pack, facts); err != nil {
		return f, err
	}
	f.Advice = s.advice()
	f.Names, f.Unbound = map[string]string{}, len(m.Bindings) == 0
	if f.Demand != nil {
		s.Demand = m.withOwnChecks(*f.Demand)
		f.Demand = &s.Demand
		f.Slots, f.Unfilled, f.Excluded = s.match().Missing, s.Demand.MissingFields(facts), s.excludedNamed()
		if ok, gap := policy.Satisfiable(s.Demand.Slots, s.Roster.People(), slices.Collect(maps.Keys(s.excluded()))); !ok {
			f.Gap = gap
		}
	}
	at := tx.Now().UnixMicro()
	if !m.Window.From.IsZero() {
		at = max(at, m.Window.From.UnixMicro())
	}
	from, until, open, why := s.start(at)
	f.Window, f.Conflicts = wire.Window{From: instant(from), Until: instant(until), Open: open, Text: why}, s.conflicts("", at)
	if m.Type == "standard" && f.Demand != nil {
		if f.Auto, err = s.criteria(tx); err != nil {
			return f, err
		}
	}
	v := View{Names: f.Names}
	for _, slot := range f.Slots {
		for _, c := range slot.Could {
			v.name(s.Roster, c.Person)
		}
	}
	for _, x := range f.Excluded {
		v.name(s.Roster, x.Person)
	}
	return f, nil
}
