package change

import (
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/wire"
)

// effectKey is what two changes can collide in: a target, and a path on it.
type effectKey struct{ target, path string }

// maxReserved bounds the index rows of one change; beyond it conflicts are found by target alone.
const maxReserved = 500

// keys gives what the change touches: its targets as a whole, and in them its effects.
func (m Material) keys() []effectKey {
	seen := map[effectKey]bool{}
	var out []effectKey
	add := func(k effectKey) {
		if !seen[k] && len(out) < maxReserved {
			seen[k] = true
			out = append(out, k)
		}
	}
	for _, k := range m.stateKeys() {
		add(k)
	}
	for _, t := range m.Targets {
		add(effectKey{target: t})
	}
	for _, e := range m.Effects {
		add(effectKey{e.Target, e.Path})
	}
	for _, k := range m.planKeys() {
		add(k)
	}
	return out
}

// onDuty marks that a person is to carry something out in a span of time.
const onDuty = "*person"

// keys gives what the change holds while it is in flight: what it touches, and whose time.
func (s *Snapshot) keys() []effectKey {
	return append(s.Revision.Material.keys(), s.duty()...)
}

// duty gives the people who are to carry the change out, where it says from when until when: without that
// nobody knows that they are needed in two places at once. Pipelines run side by side.
func (s *Snapshot) duty() []effectKey {
	if starts, ends := s.planned(); starts == 0 || ends == 0 {
		return nil
	}
	var out []effectKey
	for _, x := range s.Revision.Material.Implementers {
		if k := (effectKey{x.Person, onDuty}); x.Person != "" && !slices.Contains(out, k) && len(out) < maxOnDuty {
			out = append(out, k)
		}
	}
	return out
}

// maxOnDuty bounds the people of one change whose time is looked at.
const maxOnDuty = 20

// inFlight are the states in which a change holds its effects.
var inFlight = []State{Authorized, Scheduled, Implementing, Verifying}

// loadRivals finds other changes in flight that touch the same targets: by index, whatever the number
// of changes.
func loadRivals(tx *db.Tx, s *Snapshot) ([]Rival, error) {
	var out []Rival
	rivals := map[ID]*Rival{}
	for _, k := range append(s.Revision.Material.sought(), s.duty()...) {
		rows, err := rivalsOf(tx, s.Change.ID, k)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			if rivals[r.id] == nil {
				rivals[r.id] = &Rival{ID: r.id, Path: k.target}
			}
			rivals[r.id].meet(k, r.path)
		}
	}
	for id, r := range rivals {
		c, err := loadChange(tx, id)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(inFlight, c.State) {
			continue
		}
		rev, err := loadRevision(tx, id, c.Rev)
		if err != nil {
			return nil, err
		}
		other := Snapshot{Change: c, Revision: rev}
		r.State, r.Summary = c.State, c.Summary
		r.judge(s, other)
		r.From, r.Until, _, _ = other.start(0)
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b Rival) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return out, nil
}

// meet notes one key that both hold. The same resource outweighs the same module, and that the same target.
func (r *Rival) meet(k effectKey, path string) {
	if path == onDuty {
		r.Booked = k.target
		return
	}
	r.touches = true
	near := strings.HasPrefix(path, inModule)
	switch {
	case path == "" || near && r.Same:
		return
	case near:
		r.Near, r.Path = true, k.target+" "+strings.TrimPrefix(path, inModule+" ")
	default:
		r.Same, r.Path = true, k.target+" "+strings.TrimPrefix(strings.TrimPrefix(path, wholeState), anyOfState)
	}
	r.met = append(r.met, path)
}

// judge says whether one of the two destroys what both touch, and which was authorized first.
func (r *Rival) judge(s *Snapshot, other Snapshot) {
	a, b := s.Change, other.Change
	for _, path := range r.met {
		r.Destroys = r.Destroys || s.Revision.Material.destroys(path) || other.Revision.Material.destroys(path)
	}
	r.Slotted = b.Body.End > 0
	mine, theirs := a.Body.Decided, b.Body.Decided
	r.First = mine == 0 || theirs < mine || theirs == mine && b.Number < a.Number
}

// conflicts says what stands in the way at this instant. What is running and makes the same change blocks,
// and so does what deletes or replaces the same, for whichever of the two was authorized later. Who touches
// the same in overlapping time, the same module where something is destroyed, or runs on the same target is
// acknowledged by a slot holder. A freeze blocks, but for people whom it exempts; executor is "" where nobody
// starts anything yet.
func (s *Snapshot) conflicts(executor string, now int64) []wire.Conflict {
	var out []wire.Conflict
	for _, w := range s.frozen(now) {
		out = append(out, wire.Conflict{With: w.ID, Severity: w.severity(s, executor), Text: w.text()})
	}
	from, until, _, _ := s.start(now)
	for _, r := range s.Rivals {
		overlap := (until == 0 || r.From < until) && (r.Until == 0 || from < r.Until)
		if r.touches {
			severity, text := r.severity(overlap, s.acknowledged(string(r.ID)))
			out = append(out, wire.Conflict{With: string(r.ID), Severity: severity, Text: text + ": " + r.Path})
		}
		if r.Booked != "" && overlap {
			out = append(out, wire.Conflict{With: string(r.ID), Severity: s.booking(r),
				Text: s.Roster.Name(directory.PersonID(r.Booked)) + " is to carry out both at the same time"})
		}
	}
	return out
}

// booking says how much it matters that one person is to carry out two changes: windows may be wide enough
// for both, one after the other; slots that were picked and overlap are acknowledged by a slot holder.
func (s *Snapshot) booking(r Rival) string {
	if s.Change.Body.End > 0 && r.Slotted && !s.acknowledged(string(r.ID)) {
		return "ack"
	}
	return "info"
}

func (w Window) severity(s *Snapshot, executor string) string {
	switch {
	case w.exempt(s, executor):
		return "info"
	case w.Hard:
		return "block"
	}
	return "ack"
}

func (w Window) text() string {
	text := "A freeze is in force: " + w.Reason
	if len(w.Scope.ExemptRoles) > 0 {
		text += " (" + strings.Join(w.Scope.ExemptRoles, ", ") + " exempt)"
	}
	return text
}

func (r Rival) severity(overlap, acknowledged bool) (severity, text string) {
	running := r.State == Implementing
	switch {
	case r.Same && r.Destroys && overlap && r.First:
		return "block", "It was authorized first, and one of the two deletes or replaces the same"
	case acknowledged:
		return "info", "It touches the same target"
	case r.Same && running && overlap:
		return "block", "It is running and makes the same change"
	case r.Same && overlap || running:
		return "ack", "It touches the same in overlapping time"
	case r.Near && r.Destroys && overlap:
		return "ack", "One of the two deletes or replaces something beside what the other touches"
	case r.Near:
		return "info", "It touches something beside"
	}
	return "info", "It touches the same target"
}

// blocking keeps the conflicts that keep a permit from opening.
func blocking(list []wire.Conflict) []wire.Conflict {
	return slices.DeleteFunc(slices.Clone(list), func(c wire.Conflict) bool { return c.Severity == "info" })
}
