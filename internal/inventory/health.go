package inventory

import (
	"context"
	"slices"
	"time"

	"plumbline.dev/plumb/internal/db"
)

// Health says how a source is doing.
type Health struct {
	Configured
	Newest  Run          `json:"newest,omitzero"` // the newest reading
	Scopes  []ScopeState `json:"scopes"`
	Records int64        `json:"records"` // living ones
	State   string       `json:"state"`   // fresh, late, failing, never, paused, removed
	Late    int64        `json:"late"`    // seconds past the time of its next reading
	// Questions are the open ones about what it shows, the oldest first, 20 at most: a label that it gives and that does not count, two
	// things that may be one, a key that two machines have. Only HealthOf reads them.
	Questions []Question `json:"questions,omitempty"`
}

// Healths gives the health of every source that was not removed, by name.
func (d *Desk) Healths(ctx context.Context) (list []Health, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		all, err := listSources(tx)
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(c Configured) bool { return c.Removed > 0 })
		list = make([]Health, len(all))
		for i, c := range all {
			if list[i], err = healthOf(tx, c); err != nil {
				return err
			}
		}
		return nil
	})
	return list, err
}

// HealthOf gives the health of one source.
func (d *Desk) HealthOf(ctx context.Context, c Configured) (h Health, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		if h, err = healthOf(tx, c); err != nil {
			return err
		}
		h.Questions, err = questionsOf(tx, c.ID)
		return err
	})
	return h, err
}

func healthOf(tx *db.Tx, c Configured) (h Health, err error) {
	h.Configured = c
	if h.Scopes, err = scopesOf(tx, c.ID); err != nil {
		return h, err
	}
	if h.Scopes == nil {
		h.Scopes = []ScopeState{}
	}
	if h.Newest, _, err = db.One(tx, scanRun, runColumns+" WHERE source = $1 ORDER BY n DESC LIMIT 1", c.ID); err != nil {
		return h, err
	}
	h.Records, _, err = db.One(tx, scanInt, "SELECT COUNT(*) FROM inventory_record WHERE source = $1 AND gone = 0", c.ID)
	h.State, h.Late = c.state(h.Newest, tx.Now())
	return h, err
}

// state is the rule: a source is late when twice its interval has passed since its newest complete reading began.
func (c Configured) state(newest Run, now time.Time) (string, int64) {
	every := time.Duration(c.Every) * time.Second
	age := now.Sub(time.UnixMicro(newest.Started))
	switch {
	case c.Removed > 0:
		return "removed", 0
	case c.Paused:
		return "paused", 0
	case newest.ID == "":
		return "never", 0
	case !newest.Complete:
		return "failing", 0
	case every > 0 && age > 2*every:
		return "late", int64((age - every) / time.Second)
	}
	return "fresh", 0
}
