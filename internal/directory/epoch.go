package directory

import (
	"context"
	"fmt"
	"sync"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/seal"
)

// epoch names a state of the directory. The values are random, never counted: a state that was rolled
// back shares its name with none that comes after, so nothing kept under it can come true by accident.
type epoch struct {
	people  string // changes with people, accounts, groups and grants
	bearers string // changes with these, and when a session or token ends
}

// How long this process may go without reading the epoch row while other replicas write the same
// database. Sessions and tokens that end elsewhere stay recognised for that long at most; decisions
// and the gate read the rows themselves, inside their transaction.
const maxBehind = time.Second

// live is what this process keeps in memory of the directory.
type live struct {
	mu      sync.RWMutex
	epoch   epoch                    // guarded by mu: the newest committed one that is known here
	known   bool                     // guarded by mu: epoch was read or set
	sets    uint64                   // guarded by mu: how often a commit set epoch
	checked time.Time                // guarded by mu: when the row was last read
	roster  *Roster                  // guarded by mu
	bearers map[[32]byte]*recognised // guarded by mu; only bearers that were good
	via     map[string]*recognised   // guarded by mu; the same by the id of the session or token
	marks   map[string]*mark         // guarded by mu: when sessions and tokens were last used
}

func newLive() live {
	return live{bearers: map[[32]byte]*recognised{}, via: map[string]*recognised{}, marks: map[string]*mark{}}
}

func (l *live) kept() *Roster  { l.mu.RLock(); defer l.mu.RUnlock(); return l.roster }
func (l *live) keep(r *Roster) { l.mu.Lock(); defer l.mu.Unlock(); l.roster = r }
func (l *live) newest() epoch  { l.mu.RLock(); defer l.mu.RUnlock(); return l.epoch }

// committed takes over the epoch of a transaction that became durable.
func (l *live) committed(e epoch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.epoch, l.known = e, true
	l.sets++
}

// behind reports whether the epoch row must be read before anything kept may be used.
func (d *Desk) behind(now time.Time) (behind bool, sets uint64) {
	d.live.mu.RLock()
	defer d.live.mu.RUnlock()
	late := now.Sub(d.live.checked)
	return !d.live.known || d.shared && (late > maxBehind || late < 0), d.live.sets
}

// catchUp reads the epoch row where that is due. A commit of this process that overtakes the read wins.
func (d *Desk) catchUp(ctx context.Context, now time.Time) error {
	behind, sets := d.behind(now)
	if !behind {
		return nil
	}
	var e epoch
	err := d.db.View(ctx, func(tx *db.Tx) (err error) {
		e, err = loadEpoch(tx)
		return err
	})
	if err != nil {
		return fmt.Errorf("load epoch: %w", err)
	}
	d.live.mu.Lock()
	defer d.live.mu.Unlock()
	if d.live.sets == sets {
		d.live.epoch, d.live.known, d.live.checked = e, true, now
	}
	return nil
}

// touchPeople gives the directory a new epoch: every use-case that changed people, accounts, groups or
// grants ends with it, before its event.
func (d *Desk) touchPeople(tx *db.Tx) error {
	return d.touch(tx, epoch{people: seal.NewID("e"), bearers: seal.NewID("e")})
}

// touchBearers is touchPeople for a use-case that only ended sessions or tokens.
func (d *Desk) touchBearers(tx *db.Tx) error {
	e, err := loadEpoch(tx)
	if err != nil {
		return err
	}
	return d.touch(tx, epoch{people: e.people, bearers: seal.NewID("e")})
}

func (d *Desk) touch(tx *db.Tx, e epoch) error {
	if err := saveEpoch(tx, e); err != nil {
		return fmt.Errorf("save epoch: %w", err)
	}
	tx.AfterCommit(func() { d.live.committed(e) })
	return nil
}
