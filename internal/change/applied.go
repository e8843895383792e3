package change

import (
	"context"
	"fmt"
	"sync"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/policy"
)

// Use is how often a rule, a category or a model of the policy was met in a period.
type Use struct {
	Count int
	Last  ID // the newest change that it was met in
}

// Uses is what the policy was met with.
type Uses struct {
	Changes int // looked at
	At      time.Time
	Whole   bool // all changes of the period were looked at, not only the newest
	By      map[string]Use
}

// Bounds of what is looked at, and how long a count is shown before it is made anew.
const (
	maxUses   = 2000
	quickUses = 200 // so few are counted whenever somebody asks
	usesKept  = 5 * time.Minute
	usesAhead = time.Minute // CountUses makes a new one so long before the old is over
)

// usesCache keeps the newest count.
type usesCache struct {
	mu   sync.Mutex
	days int       // guarded by mu
	at   time.Time // guarded by mu; zero before the first
	uses Uses      // guarded by mu; not changed after it was made
}

// CountUses keeps the count of the last days ready, so that nobody waits for it. There is never more to do.
func (d *Desk) CountUses(ctx context.Context, days int) error {
	now, c := d.db.Now(), &d.uses
	c.mu.Lock()
	fresh := c.days == days && !c.at.IsZero() && now.Sub(c.at) < usesKept-usesAhead
	c.mu.Unlock()
	if fresh {
		return nil
	}
	u, err := d.countUses(ctx, now.AddDate(0, 0, -days), now)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.days, c.at, c.uses = days, now, u
	return nil
}

// Uses counts the rules behind what was demanded of the changes filed in the last days, the newest first,
// as of At. A category counts as "category:x", a standard model that authorized as "model:x".
func (d *Desk) Uses(ctx context.Context, days int) (Uses, error) {
	c := &d.uses
	c.mu.Lock()
	u, fresh := c.uses, c.days == days && !c.at.IsZero() && d.db.Now().Sub(c.at) < usesKept && c.uses.Changes > quickUses
	c.mu.Unlock()
	if fresh {
		return u, nil
	}
	now := d.db.Now()
	return d.countUses(ctx, now.AddDate(0, 0, -days), now)
}

func (d *Desk) countUses(ctx context.Context, from, to time.Time) (u Uses, err error) {
	u.At = to
	u.By = map[string]Use{}
	err = d.db.View(ctx, func(tx *db.Tx) error {
		list, err := db.Collect(tx, scanChange, changeColumns+" WHERE created >= $1 AND created < $2 ORDER BY number DESC LIMIT $3",
			from.UnixMicro(), to.UnixMicro(), maxUses+1)
		if err != nil {
			return fmt.Errorf("list changes: %w", err)
		}
		u.Whole = len(list) <= maxUses
		for _, c := range list[:min(len(list), maxUses)] {
			demand, err := d.loadFrozen(tx, c)
			if err != nil {
				return err
			}
			u.add(c, demand)
		}
		return nil
	})
	return u, err
}

func (u *Uses) add(c Change, demand policy.Demand) {
	u.Changes++
	seen := map[string]bool{"category:" + c.Category: true}
	if a := c.Body.Auto; a != nil && a.Passed {
		seen["model:"+a.Model] = true
	}
	see := func(reasons []policy.Reason) {
		for _, r := range reasons {
			seen[r.Rule] = true
		}
	}
	see(demand.Why)
	for _, s := range append(demand.Slots[:len(demand.Slots):len(demand.Slots)], demand.Verify...) {
		see(s.Reasons)
	}
	for _, f := range demand.Fields {
		see(f.Reasons)
	}
	for _, x := range append(demand.Checks[:len(demand.Checks):len(demand.Checks)], demand.After...) {
		see(x.Reasons)
	}
	for id := range seen {
		use := u.By[id]
		if use.Count++; use.Last == "" {
			use.Last = c.ID
		}
		u.By[id] = use
	}
}

// PackOf gives a pack that was ever in force, by its digest.
func (d *Desk) PackOf(ctx context.Context, digest string) (p *policy.Pack, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		p, err = d.packOf(tx, digest)
		return err
	})
	return p, err
}
