package change

import (
	"context"
	"fmt"
	"slices"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
)

// maxWaiting bounds the list of what waits for one person.
const maxWaiting = 200

// Waiting lists the changes in which this person could fill an open slot, oldest first, 200 at most.
func (d *Desk) Waiting(ctx context.Context, person string) (out []Change, err error) {
	for after := int64(0); len(out) < maxWaiting; {
		list, next, err := d.WaitingFrom(ctx, person, after, maxWaiting-len(out))
		if err != nil {
			return nil, err
		}
		if out = append(out, list...); next == 0 {
			break
		}
		after = next
	}
	return out, nil
}

// maxLooked bounds the changes that one page looks at: a page can hold fewer than asked for, or none, and
// still not be the last.
const maxLooked = 1_000

// WaitingFrom is one page of what waits for a person, of changes with a number above after. next is where
// to go on; 0 after the last.
func (d *Desk) WaitingFrom(ctx context.Context, person string, after int64, limit int) (out []Change, next int64, err error) {
	const page = 100
	err = d.db.View(ctx, func(tx *db.Tx) error {
		w, err := d.waiterIn(tx, person)
		if err != nil {
			return err
		}
		for looked := 0; looked < maxLooked; {
			list, err := undecided(tx, after, page)
			if err != nil {
				return err
			}
			for _, c := range list {
				after = c.Number
				looked++
				if yes, err := w.awaited(c); err != nil {
					return err
				} else if yes {
					out = append(out, c)
				}
				if len(out) == limit {
					next = after
					return nil
				}
			}
			if len(list) < page {
				return nil
			}
		}
		next = after
		return nil
	})
	return out, next, err
}

// undecided lists the changes that may lack a decision, by number: those that wait, and authorized ones that
// may have lost what authorized them, by a policy that came later or a model that no longer stands.
func undecided(tx *db.Tx, after int64, limit int) ([]Change, error) {
	list, err := db.Collect(tx, scanChange, changeColumns+" WHERE number > $1 AND (state = 'awaiting_approval' OR state IN ('authorized', 'scheduled')"+
		" AND (type = 'standard' OR updated <= (SELECT COALESCE(MAX(since), 0) FROM change_pack))) ORDER BY number LIMIT $2", after, limit)
	if err != nil {
		return nil, fmt.Errorf("list changes that wait: %w", err)
	}
	return list, nil
}

// waiter is one person for whom changes may wait.
type waiter struct {
	desk   *Desk
	tx     *db.Tx
	person string
	roles  []string
	pack   int64 // number of the pack in force
}

func (d *Desk) waiterIn(tx *db.Tx, person string) (w waiter, err error) {
	roster, err := d.people.RosterIn(tx)
	if err != nil {
		return w, fmt.Errorf("load people: %w", err)
	}
	w = waiter{desk: d, tx: tx, person: person, roles: roster.Roles(directory.PersonID(person))}
	w.pack, err = d.newestPack(tx)
	return w, err
}

// awaited reports whether a change waits for this person. What they cannot fill by their roles is not even
// read: only a pack that came since can ask for a role that the frozen demand does not name.
func (w waiter) awaited(c Change) (bool, error) {
	if len(w.roles) == 0 || slices.Contains(c.Body.Authors, w.person) {
		return false, nil
	}
	frozen, err := w.desk.loadFrozen(w.tx, c)
	if err != nil {
		return false, err
	}
	fits := w.pack > c.Body.PackN
	for _, slot := range frozen.Slots {
		fits = fits || slices.Contains(w.roles, slot.Role)
	}
	if !fits {
		return false, nil
	}
	s, err := w.desk.load(w.tx, c.ID)
	if err != nil {
		return false, err
	}
	if _, did := s.standing()[w.person]; did || s.auto() {
		return false, nil
	}
	_, twice := s.doubles()[w.person]
	return !twice && s.excluded()[w.person] == "" && s.seatFor(fault.Actor{Person: w.person}) == nil, nil
}
