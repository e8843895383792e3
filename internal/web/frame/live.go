package frame

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
)

// Live tells open pages what changed. One loop reads the ledger on from where it was, whoever wrote
// there, while anybody listens; a page gets the names of what changed and fetches it itself, so that
// nothing is sent to somebody who may not read it.
type Live struct {
	db   *db.DB
	wake chan struct{}
	stop chan struct{}

	stopOnce  sync.Once
	mu        sync.Mutex
	listeners map[chan string]string // guarded by mu; the account of each
	next      int64                  // guarded by mu: the first event that was not told yet, while anybody listens
}

// NewLive makes a teller; Run is its loop.
func NewLive(d *db.DB) *Live {
	l := &Live{db: d, wake: make(chan struct{}, 1), stop: make(chan struct{}), listeners: map[chan string]string{}}
	d.OnCommit(func() {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	})
	return l
}

// Limits of live updates. A tab that is not looked at holds no connection.
const (
	maxListeners  = 2000
	maxOfAccount  = 20
	otherReplicas = 2 * time.Second // how often other servers' commits are looked for
	settle        = 100 * time.Millisecond
	heartbeat     = 25 * time.Second
	longestLive   = 30 * time.Minute // then the browser comes back, and its session is looked at again
	burst         = 500
)

// Stop lets all listeners go; call it when the server begins to stop.
func (l *Live) Stop() { l.stopOnce.Do(func() { close(l.stop) }) }

// Run reads what is new until the context ends.
func (l *Live) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
		case <-time.After(otherReplicas):
		}
		l.look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-time.After(settle):
		}
	}
}

// look tells what is new. What cannot be read now is told the next time.
func (l *Live) look(ctx context.Context) {
	l.mu.Lock()
	idle, next := len(l.listeners) == 0, l.next
	l.mu.Unlock()
	if idle {
		return
	}
	var list []ledger.Entry
	err := l.db.View(ctx, func(tx *db.Tx) (err error) {
		list, err = ledger.ReadIn(tx, next, burst)
		return err
	})
	if err != nil || len(list) == 0 {
		return
	}
	names := []string{}
	for _, e := range list {
		names = append(names, e.Leaf.Object.Type, e.Leaf.Object.ID)
	}
	slices.Sort(names)
	l.tell(slices.Compact(names), list[len(list)-1].Seq+1)
}

func (l *Live) tell(names []string, next int64) {
	text := strings.Join(names, " ")
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next = max(l.next, next)
	for c := range l.listeners {
		select {
		case c <- text:
		default: // who does not keep up fetches with the next one
		}
	}
}

// join adds a listener. The first one begins with the event that comes next: what was there before is on
// its page already.
func (l *Live) join(ctx context.Context, account string) (chan string, error) {
	var next int64
	err := l.db.View(ctx, func(tx *db.Tx) error {
		return tx.QueryRow("SELECT COALESCE(MAX(seq), -1) + 1 FROM ledger_event").Scan(&next)
	})
	if err != nil {
		return nil, fmt.Errorf("find the newest event: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.listeners) == 0 {
		l.next = next
	}
	own := 0
	for _, a := range l.listeners {
		if a == account {
			own++
		}
	}
	if len(l.listeners) >= maxListeners || own >= maxOfAccount {
		return nil, fault.New(fault.Limited, "too_many_listeners", "Too many pages are open at once; this one does not update itself.").
			FixedBy("you").Then("close some tabs and reload this one")
	}
	c := make(chan string, 8)
	l.listeners[c] = account
	return c, nil
}

func (l *Live) leave(c chan string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.listeners, c)
}

// Serve holds one connection and sends the names of what changed (server-sent events).
func (l *Live) Serve(v *Visit) error {
	c, err := l.join(v.Ctx(), v.Actor.Account)
	if err != nil {
		return err
	}
	defer l.leave(c)
	h := v.W.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	control := http.NewResponseController(v.W)
	send := func(text string) error {
		if err := control.SetWriteDeadline(time.Now().Add(heartbeat)); err != nil {
			return err
		}
		if _, err := fmt.Fprint(v.W, text); err != nil {
			return err
		}
		return control.Flush()
	}
	if err := send("retry: 3000\n: listening\n\n"); err != nil {
		return nil //nolint:nilerr // nobody listens any more
	}
	over, beat := time.After(longestLive), time.NewTicker(heartbeat/2)
	defer beat.Stop()
	for {
		text := ": still here\n\n"
		select {
		case <-v.Ctx().Done():
			return nil
		case <-l.stop:
			return nil
		case <-over:
			return nil
		case names := <-c:
			text = "event: changed\ndata: " + names + "\n\n"
		case <-beat.C:
			if _, err := v.frame.People.Glance(v.Ctx(), v.frame.bearer(v.R)); err != nil {
				return send("event: end\ndata: \n\n")
			}
		}
		if err := send(text); err != nil {
			return nil //nolint:nilerr // nobody listens any more
		}
	}
}
