package change

import (
	"context"
	"fmt"
	"slices"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/wire"
)

// Planned is one change that is to run in a period, with what stands in its way then.
type Planned struct {
	Change    Change
	Starts    int64 // earliest start; 0 for any time
	Ends      int64 // latest end; 0 for no bound
	Conflicts []wire.Conflict
}

// Agenda lists what is planned between two instants: the changes in flight that have a window or a slot
// there, by start, and the windows and freezes that reach into it.
func (d *Desk) Agenda(ctx context.Context, from, to int64) (planned []Planned, windows []Window, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		if windows, err = db.Collect(tx, scanWindow, windowColumns+" WHERE ends > $1 AND starts < $2 AND lifted = 0 ORDER BY starts, id LIMIT 500", from, to); err != nil {
			return fmt.Errorf("load windows: %w", err)
		}
		list, err := db.Collect(tx, scanChange, changeColumns+
			" WHERE state IN ('awaiting_approval', 'authorized', 'scheduled', 'implementing') ORDER BY number LIMIT 500")
		if err != nil {
			return fmt.Errorf("load changes: %w", err)
		}
		for _, c := range list {
			revision, err := loadRevision(tx, c.ID, c.Rev)
			if err != nil {
				return err
			}
			starts, ends := (&Snapshot{Change: c, Revision: revision}).planned()
			if starts == 0 && ends == 0 || starts >= to || ends > 0 && ends <= from {
				continue
			}
			s, err := d.load(tx, c.ID)
			if err != nil {
				return err
			}
			if s.Rivals, err = loadRivals(tx, s); err != nil {
				return fmt.Errorf("load conflicts: %w", err)
			}
			planned = append(planned, Planned{Change: c, Starts: starts, Ends: ends, Conflicts: s.conflicts("", max(starts, from))})
		}
		return nil
	})
	slices.SortStableFunc(planned, func(a, b Planned) int { return int(min(max(a.Starts-b.Starts, -1), 1)) })
	return planned, windows, err
}

// planned is the span that was asked for: the approved envelope, narrowed by the slot inside it.
func (s *Snapshot) planned() (starts, ends int64) {
	e, b := s.Revision.Material.Window, s.Change.Body
	if !e.From.IsZero() {
		starts = e.From.UnixMicro()
	}
	if !e.Until.IsZero() {
		ends = e.Until.UnixMicro()
	}
	starts = max(starts, b.Start)
	if b.End > 0 && (ends == 0 || b.End < ends) {
		ends = b.End
	}
	return starts, ends
}

// heldStates are those in which a change can be kept from starting.
var heldStates = []State{Submitted, Assessing, AwaitingApproval, Authorized, Scheduled}

// Affected lists the changes that a window or freeze would reach, by number; it sets nothing. Those are the changes
// in its scope that could start in its time, and the runs under way that it would stop. It looks at the 5,000
// oldest in flight, and lists 500; more says that there may be others.
func (d *Desk) Affected(ctx context.Context, w Window) (out []Planned, more bool, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		pack, err := d.packIn(tx)
		if err != nil {
			return err
		}
		if pack == nil {
			return notSetUp()
		}
		if err := w.clean(pack, tx.Now()); err != nil {
			return err
		}
		list, err := db.Collect(tx, scanChange, changeColumns+
			" WHERE state IN ('submitted', 'assessing', 'awaiting_approval', 'authorized', 'scheduled', 'implementing') ORDER BY number LIMIT $1", maxInFlight+1)
		if err != nil {
			return fmt.Errorf("load changes: %w", err)
		}
		if more = len(list) > maxInFlight; more {
			list = list[:maxInFlight]
		}
		for _, c := range list {
			revision, err := loadRevision(tx, c.ID, c.Rev)
			if err != nil {
				return err
			}
			s := &Snapshot{Change: c, Revision: revision, Pack: pack}
			if starts, ends, yes := s.reached(w); yes {
				if len(out) == maxAffected {
					more = true
					break
				}
				out = append(out, Planned{Change: c, Starts: starts, Ends: ends})
			}
		}
		return nil
	})
	return out, more, err
}

// Bounds of what a window would reach: how many changes in flight are looked at, and how many are listed.
const (
	maxInFlight = 5_000
	maxAffected = 500
)

// reached reports whether a window or freeze is about this change, and the span in which the change may start.
func (s *Snapshot) reached(w Window) (starts, ends int64, yes bool) {
	starts, ends = s.planned()
	switch {
	case !w.Scope.covers(s):
		return starts, ends, false
	case s.Change.State == Implementing:
		return starts, ends, w.Kind == FreezeKind && w.Hard && w.Scope.Running
	case w.Kind == AllowWindow: // what is planned outside of it has to move into it
		return starts, ends, slices.Contains(heldStates, s.Change.State)
	}
	return starts, ends, slices.Contains(heldStates, s.Change.State) && starts < w.Ends && (ends == 0 || w.Starts < ends)
}
