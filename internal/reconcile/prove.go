package reconcile

import (
	"context"
	"fmt"
	"slices"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/ledger"
)

// Proof says whether every recorded difference has its verdict. The ledger answers for the differences and the verdicts that
// are there; this answers for those that are not.
type Proof struct {
	Differences int64          `json:"differences"` // that raise the question
	Judged      int64          `json:"judged"`
	Waiting     int64          `json:"waiting"` // observed a moment ago, and next in turn
	Faults      []ledger.Fault `json:"-"`
}

func (p *Proof) add(what, table, id, format string, args ...any) {
	if len(p.Faults) < maxFaults {
		p.Faults = append(p.Faults, ledger.Fault{What: what, Table: table, ID: id, Text: fmt.Sprintf(format, args...)})
	}
}

// maxFaults bounds what is listed; the rest would only repeat it.
const maxFaults = 1000

// How long a difference or the end of a run may wait for the loop before that is a fault: an hour of the ledger's own time, and ten
// minutes in which the ledger went on after that, so that a server that was just started again is not blamed.
const (
	lateAfter = time.Hour
	lateGrace = 10 * time.Minute
)

// Prove compares what was observed with what was judged, and what changes did with what is written down of them, in one snapshot.
// It trusts no cursor: whoever moves one by hand leaves differences without a verdict, and each is named.
func Prove(ctx context.Context, d *db.DB) (p Proof, err error) {
	err = d.View(ctx, func(tx *db.Tx) error {
		clock, err := readClock(tx)
		if err != nil {
			return err
		}
		holes, err := p.differences(ctx, tx, clock)
		if err != nil {
			return err
		}
		for _, x := range holes {
			p.add("unjudged", "inventory_difference", x.ID, "Difference %d (%s %s of %s) was passed over: no verdict says whether a change explains it.", x.N, x.Op, x.Path, x.Native)
		}
		stale, err := staleCharters(tx)
		if err != nil {
			return err
		}
		for _, s := range stale {
			if s.unread && !clock.late(s.at) {
				continue
			}
			p.add("stale_charter", "reconcile_charter", s.id, "What is written down of %s does not know %s: it could explain what came later.", s.change, s.what)
		}
		return nil
	})
	return p, err
}

// differences counts, and gives those that were passed over: a later one has its verdict, or the loop had time enough.
func (p *Proof) differences(ctx context.Context, tx *db.Tx, clock *ledgerClock) (holes []inventory.Difference, err error) {
	from, err := newestMatch(tx)
	if err != nil {
		return nil, err
	}
	at, err := cursor(tx, overDifferences, 0)
	if err != nil {
		return nil, err
	}
	judgedTo := max(from, at)
	err = eachUnjudged(ctx, tx, func(x inventory.Difference) error {
		p.Differences++
		switch {
		case x.N > judgedTo && !clock.late(x.Latest):
			p.Waiting++
		case len(holes) < maxFaults:
			holes = append(holes, x)
		}
		return nil
	}, &p.Judged)
	p.Differences += p.Judged
	return holes, err
}

// pageOfDifferences is how many differences are held in memory at once.
const pageOfDifferences = 1000

// eachUnjudged gives every difference that raises the question and has no verdict, in order, and counts those that have one.
func eachUnjudged(ctx context.Context, tx *db.Tx, give func(inventory.Difference) error, judged *int64) error {
	for from := int64(0); ; {
		list, last, have, err := unjudged(tx, from)
		if err != nil || last == from {
			return err
		}
		*judged += have
		for _, x := range list {
			if err := give(x); err != nil {
				return err
			}
		}
		if from = last; ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// unjudged reads a page of differences on from a number. It gives those that raise the question and have no verdict, the number of the
// last that it read, and how many have one.
func unjudged(tx *db.Tx, from int64) (list []inventory.Difference, last, judged int64, err error) {
	page, err := inventory.Differences(tx, from, pageOfDifferences)
	if err != nil || len(page) == 0 {
		return nil, from, 0, err
	}
	last = page[len(page)-1].N
	have, err := verdicts(tx, from, last)
	for _, x := range page {
		switch {
		case have[x.ID]:
			judged++
		case Judged(x):
			list = append(list, x)
		}
	}
	return list, last, judged, err
}

// verdicts gives the differences after one number and up to another that have their verdict.
func verdicts(tx *db.Tx, after, to int64) (map[string]bool, error) {
	list, err := db.Collect(tx, scanString, "SELECT id FROM reconcile_match WHERE n > $1 AND n <= $2", after, to)
	out := make(map[string]bool, len(list))
	for _, id := range list {
		out[id] = true
	}
	return out, err
}

// stale is a charter that does not know the end of what it describes: it would explain what came after.
type stale struct {
	id     string
	change string
	what   string
	at     int64 // when what it does not know happened
	unread bool  // the event that says so is still to be read
}

// staleCharters compares every charter that may still explain something with the rows of its change.
func staleCharters(tx *db.Tx) (out []stale, err error) {
	rows, err := db.Collect(tx, scanCharter, charterColumns+" WHERE until = $1 ORDER BY n, id", openEnd)
	if err != nil {
		return nil, err
	}
	read, err := cursor(tx, overEvents, -1)
	if err != nil {
		return nil, err
	}
	for _, c := range rows {
		s, found, err := change.StandIn(tx, change.ID(c.Change))
		if err != nil {
			return nil, err
		}
		what := ""
		switch {
		case !found:
			what = "that the change is gone"
		case s.State.Over():
			what = "that the change is " + string(s.State)
		}
		for _, r := range c.Runs {
			if r.Ended == 0 && s.Ended[r.Permit] > 0 {
				what = "that the run of " + r.Permit + " ended"
			}
		}
		if what == "" {
			continue
		}
		x := stale{id: c.id, change: c.Change, what: what}
		x.at, x.unread, err = db.One(tx, scanInt, "SELECT ts FROM ledger_event WHERE object = $1 AND seq > $2 ORDER BY seq LIMIT 1", c.Change, read)
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

// ledgerClock tells how long something waits by the ledger's own events, so that a server that stood still is not late.
type ledgerClock struct {
	tx     *db.Tx
	newest int64
	lateTo int64 // what happened up to here is late
	inTime int64 // what happened from here on is not
}

func readClock(tx *db.Tx) (*ledgerClock, error) {
	newest, _, err := db.One(tx, scanInt, "SELECT COALESCE(MAX(ts), 0) FROM ledger_event")
	return &ledgerClock{tx: tx, newest: newest, lateTo: -1, inTime: newest - lateAfter.Microseconds()}, err
}

// late reports whether the ledger went on for long after what happened at an instant. What cannot be told is late.
func (c *ledgerClock) late(at int64) bool {
	switch {
	case at >= c.inTime:
		return false
	case at <= c.lateTo:
		return true
	}
	next, found, err := db.One(c.tx, scanInt, "SELECT MIN(ts) FROM ledger_event WHERE ts > $1", at+lateAfter.Microseconds())
	if err == nil && found && c.newest-next <= lateGrace.Microseconds() {
		c.inTime = at
		return false
	}
	c.lateTo = at
	return true
}

// mend finds what a cursor that was moved by hand passed over, and reads it again.
func (d *Desk) mend(ctx context.Context) error {
	var again []string
	err := d.db.View(ctx, func(tx *db.Tx) error {
		list, err := staleCharters(tx)
		for _, s := range list {
			if !s.unread && !slices.Contains(again, s.change) {
				again = append(again, s.change)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, id := range again {
		d.log.Error("an event of a change was passed over; its charter is written down anew", "change", id)
		if _, err := d.charter(ctx, change.ID(id)); err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
	}
	first, found, err := d.passedOver(ctx)
	if err != nil || !found {
		return err
	}
	d.log.Error("differences were passed over, as if somebody had moved the cursor; they are judged now", "from", first)
	return d.db.Update(ctx, follower(), func(tx *db.Tx) error { return moveCursor(tx, overDifferences, first-1) })
}

// passedOver finds the first difference that the cursor is past and that has no verdict. It reads page by page, each in a snapshot of its own, so
// that none is held for long, and from where it found everything judged the last time: a verdict is never taken away.
func (d *Desk) passedOver(ctx context.Context) (first int64, found bool, err error) {
	for more := true; more && ctx.Err() == nil; {
		err := d.db.View(ctx, func(tx *db.Tx) error {
			at, err := cursor(tx, overDifferences, 0)
			if err != nil {
				return err
			}
			list, last, _, err := unjudged(tx, d.judged)
			switch {
			case err != nil:
				return err
			case len(list) > 0:
				first, found, more = list[0].N, list[0].N <= at, false
				d.judged = first - 1
			default:
				more, d.judged = last > d.judged && last < at, last
			}
			return nil
		})
		if err != nil {
			return 0, false, err
		}
	}
	return first, found, ctx.Err()
}
