package change

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/db"
)

// Week is what became of the changes that were filed in one week, as of now.
type Week struct {
	Begin     time.Time `json:"begin"` // Monday, UTC
	Filed     int64     `json:"filed"`
	Executed  int64     `json:"executed"`
	Failed    int64     `json:"failed"` // of those executed: failed, unknown or rolled back
	Emergency int64     `json:"emergency"`
	Auto      int64     `json:"auto"`   // authorized by a standard model
	Lead      int64     `json:"lead_s"` // median seconds from submission to first execution; 0 for none
}

// maxWeeks is how far back a trend goes.
const maxWeeks = 53

// sample is what one change adds to its week. It is small: one is kept for each change of a year.
type sample struct {
	created, lead             int64
	executed, failed, em, own bool
}

// trend keeps the samples of the last year, so that the figures cost what changed and not all there is.
type trend struct {
	mu    sync.Mutex
	of    map[int64]sample // guarded by mu; by number
	upTo  int64            // guarded by mu: every update before it is in; those of that instant are read again
	whole bool             // guarded by mu: nothing was left to read when it last looked
}

const trendBatch = 500

// Count takes up to 500 updated changes into the weekly figures, and reports whether there may be more.
func (d *Desk) Count(ctx context.Context) (more bool, err error) {
	t := &d.trend
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil {
		t.of = map[int64]sample{}
	}
	since := weekOf(d.db.Now()).AddDate(0, 0, -7*maxWeeks).UnixMicro()
	var list []Change
	err = d.db.View(ctx, func(tx *db.Tx) error {
		list, err = db.Collect(tx, scanSample, "SELECT number, type, created, updated, body FROM change_change"+
			" WHERE updated >= $1 AND created >= $2 ORDER BY updated, number LIMIT 500", t.upTo, since)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("read changes: %w", err)
	}
	before := t.upTo
	for _, c := range list {
		t.of[c.Number], t.upTo = sampled(c), c.Updated
	}
	t.whole = len(list) < trendBatch || t.upTo == before
	return !t.whole, nil
}

func scanSample(row db.Scanner) (c Change, err error) {
	var body string
	if err = row.Scan(&c.Number, &c.Type, &c.Created, &c.Updated, &body); err != nil {
		return c, err
	}
	return c, json.Unmarshal([]byte(body), &c.Body)
}

func sampled(c Change) sample {
	b := c.Body
	s := sample{created: c.Created, executed: b.FirstRun > 0, em: c.Type == "emergency", own: b.Auto != nil && b.Auto.Passed && b.Decided > 0}
	s.failed = s.executed && (b.Applied == Failure || b.Applied == Unknown || b.RolledBack != "")
	if b.FirstRun > 0 && b.Submitted > 0 {
		s.lead = max(1, (b.FirstRun-b.Submitted)/1_000_000)
	}
	return s
}

func weekOf(t time.Time) time.Time {
	t = t.UTC().Truncate(24 * time.Hour)
	return t.AddDate(0, 0, -(int(t.Weekday())+6)%7)
}

// Weeks gives the figures of the last n weeks, the oldest first, and whether all changes are counted yet:
// after a start it takes some seconds to go through a year.
func (d *Desk) Weeks(n int) (out []Week, whole bool) {
	n = min(max(n, 1), maxWeeks)
	first := weekOf(d.db.Now()).AddDate(0, 0, -7*(n-1))
	leads := make([][]int64, n)
	for i := range n {
		out = append(out, Week{Begin: first.AddDate(0, 0, 7*i)})
	}
	t := &d.trend
	t.mu.Lock()
	for _, s := range t.of {
		i := int((s.created - first.UnixMicro()) / (7 * 24 * time.Hour).Microseconds())
		if s.created < first.UnixMicro() || i >= n {
			continue
		}
		out[i].add(s)
		if s.lead > 0 {
			leads[i] = append(leads[i], s.lead)
		}
	}
	whole = t.whole
	t.mu.Unlock()
	for i, l := range leads {
		if len(l) > 0 {
			slices.Sort(l)
			out[i].Lead = l[len(l)/2]
		}
	}
	return out, whole
}

func (w *Week) add(s sample) {
	count := func(n *int64, yes bool) {
		if yes {
			*n++
		}
	}
	w.Filed++
	count(&w.Executed, s.executed)
	count(&w.Failed, s.failed)
	count(&w.Emergency, s.em)
	count(&w.Auto, s.own)
}
