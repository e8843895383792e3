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
			planned = append(planned, Planned{Change: c, Starts: starts, Ends: ends, Conflicts: s.conflicts(max(starts, from))})
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
