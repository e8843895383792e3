package change

import (
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/db"
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
	for _, t := range m.Targets {
		add(effectKey{target: t})
	}
	for _, e := range m.Effects {
		add(effectKey{e.Target, e.Path})
	}
	return out
}

// inFlight are the states in which a change holds its effects.
var inFlight = []State{Authorized, Scheduled, Implementing, Verifying}

// loadRivals finds other changes in flight that touch the same targets: by index, whatever the number
// of changes.
func loadRivals(tx *db.Tx, s *Snapshot) ([]Rival, error) {
	var out []Rival
	rivals := map[ID]*Rival{}
	for _, k := range s.Revision.Material.keys() {
		rows, err := rivalsOf(tx, s.Change.ID, k)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			if rivals[r.id] == nil {
				rivals[r.id] = &Rival{ID: r.id, Path: k.target}
			}
			if r.path != "" {
				rivals[r.id].Same, rivals[r.id].Path = true, k.target+" "+r.path
			}
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
		r.From, r.Until, _, _ = other.start(0)
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b Rival) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return out, nil
}

// conflicts says what stands in the way at this instant: the same effect in overlapping time blocks,
// the same target must be acknowledged by a slot holder while the other runs, a freeze blocks.
func (s *Snapshot) conflicts(now int64) []wire.Conflict {
	var out []wire.Conflict
	for _, w := range s.frozen(now) {
		severity := "ack"
		if w.Hard {
			severity = "block"
		}
		out = append(out, wire.Conflict{With: w.ID, Severity: severity, Text: "A freeze is in force: " + w.Reason})
	}
	from, until, _, _ := s.start(now)
	for _, r := range s.Rivals {
		overlap := (until == 0 || r.From < until) && (r.Until == 0 || from < r.Until)
		running := r.State == Implementing
		switch {
		case r.Same && running && overlap && !s.acknowledged(string(r.ID)):
			out = append(out, wire.Conflict{With: string(r.ID), Severity: "block", Text: "It is running and makes the same change: " + r.Path})
		case (r.Same && overlap || running) && !s.acknowledged(string(r.ID)):
			out = append(out, wire.Conflict{With: string(r.ID), Severity: "ack", Text: "It touches the same in overlapping time: " + r.Path})
		default:
			out = append(out, wire.Conflict{With: string(r.ID), Severity: "info", Text: "It touches the same target: " + r.Path})
		}
	}
	return out
}

// blocking keeps the conflicts that keep a permit from opening.
func blocking(list []wire.Conflict) []wire.Conflict {
	return slices.DeleteFunc(slices.Clone(list), func(c wire.Conflict) bool { return c.Severity == "info" })
}
