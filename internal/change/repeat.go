package change

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
)

// A pipeline in a loop asks for the same thing for hours. Its first answer in a minute is an event; equal
// ones are counted, and the count is one more event a minute. So a token adds what it finds out to the
// ledger, not how often it asks.

// maxVerdicts is how many different verdicts of one account become events of their own in a minute; the
// rest are counted together.
const maxVerdicts = 600

// alike names verdicts that say the same: to whom, about which wording of what, and why.
type alike struct {
	account, verb, object, rev, kind, why string
}

// counted is an event, and how often it happened again since.
type counted struct {
	actor fault.Actor
	event ledger.Event
	at    int64 // when it last became an event of its own, in microseconds; 0 for never
	more  int64 // since then, not written down yet
}

// repeats counts what is asked again and again. It lives in memory: at most one minute's count is lost with
// a server that is killed.
type repeats struct {
	mu   sync.Mutex
	seen map[alike]*counted // guarded by mu
	own  map[string]int     // guarded by mu: entries of each account
}

// first reports whether an event is to be written; if not, it was counted.
func (r *repeats) first(k alike, actor fault.Actor, e ledger.Event, now int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen == nil {
		r.seen, r.own = map[alike]*counted{}, map[string]int{}
	}
	x := r.seen[k]
	if x == nil && r.own[k.account] >= maxVerdicts {
		k = alike{account: k.account, verb: k.verb}
		e = ledger.Event{Verb: e.Verb, Type: "account", Object: k.account, Outcome: e.Outcome,
			Detail: map[string]any{"why": fmt.Sprintf("more than %d different verdicts", maxVerdicts)}}
		if x = r.seen[k]; x == nil {
			r.seen[k] = &counted{actor: actor, event: e, at: now, more: 1}
			return false
		}
	}
	switch {
	case x == nil:
		r.seen[k] = &counted{actor: actor, event: e, at: now}
		r.own[k.account]++
		return true
	case k.object != "" && (now-x.at >= time.Minute.Microseconds() || now < x.at):
		x.at = now
		return true
	}
	x.more++
	return false
}

// undo makes the next verdicts about an object events again, because the one just taken was not committed.
func (r *repeats) undo(account, object string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, x := range r.seen {
		if k.account == account && k.object == object {
			x.at = 0
		}
	}
}

// due takes out what is to be written down, and forgets what did not happen again for a minute.
func (r *repeats) due(now int64) map[alike]counted {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[alike]counted{}
	for k, x := range r.seen {
		if x.more > 0 {
			out[k] = *x
			x.more = 0
		}
		if now-x.at >= time.Minute.Microseconds() || now < x.at {
			delete(r.seen, k)
			if k.object != "" {
				r.own[k.account]--
			}
		}
	}
	maps.DeleteFunc(r.own, func(_ string, n int) bool { return n <= 0 })
	return out
}

// putBack keeps a count that could not be written.
func (r *repeats) putBack(k alike, c counted) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if x := r.seen[k]; x != nil {
		x.more += c.more
		return
	}
	r.seen[k] = &c
	if k.object != "" {
		r.own[k.account]++
	}
}

// FlushVerdicts writes down how often the gate gave the same answers again. A server calls it once a minute,
// and when it stops.
func (d *Desk) FlushVerdicts(ctx context.Context) error {
	var errs []error
	for k, c := range d.repeats.due(d.db.Now().UnixMicro()) {
		err := d.db.Update(ctx, c.actor, func(tx *db.Tx) error {
			e := c.event
			e.Detail = maps.Clone(e.Detail)
			e.Detail["repeated"] = c.more
			_, err := ledger.Append(tx, e)
			return err
		})
		if err != nil {
			d.repeats.putBack(k, c)
			errs = append(errs, fmt.Errorf("write down repeated verdicts: %w", err))
		}
	}
	return errors.Join(errs...)
}
