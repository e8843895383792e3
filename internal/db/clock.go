package db

import (
	"sync"
	"time"

	"plumbline.dev/plumb/internal/fault"
)

// guardedClock is the one clock that decisions use. It never runs backwards: a small step back
// repeats the last instant, a large one refuses, because windows and expiries could be reopened.
type guardedClock struct {
	source func() time.Time

	mu   sync.Mutex
	last time.Time // guarded by mu: the newest instant given out or known to have passed
}

// maxStepBack is how far the machine's clock may step back before writes are refused; trust model F11.
const maxStepBack = time.Minute

func newClock(source func() time.Time) *guardedClock {
	if source == nil {
		source = time.Now
	}
	return &guardedClock{source: source}
}

func (c *guardedClock) read() time.Time { return c.source().UTC().Truncate(time.Microsecond) }

func (c *guardedClock) floor(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.After(c.last) {
		c.last = t
	}
}

// decide gives the instant of the next transaction.
func (c *guardedClock) decide() (time.Time, error) {
	now := c.read()
	c.mu.Lock()
	defer c.mu.Unlock()
	back := c.last.Sub(now)
	switch {
	case back > maxStepBack:
		return time.Time{}, clockMovedBack(back)
	case back > 0:
		return c.last, nil
	}
	c.last = now
	return now, nil
}

// seen gives the instant for reading: never earlier than the newest decision. It does not move that
// mark, so that a clock which ran ahead for a moment leaves no trace where nothing was decided.
func (c *guardedClock) seen() time.Time {
	now := c.read()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last.After(now) {
		return c.last
	}
	return now
}

// steady refuses what decide would refuse.
func (c *guardedClock) steady() error {
	now := c.read()
	c.mu.Lock()
	defer c.mu.Unlock()
	if back := c.last.Sub(now); back > maxStepBack {
		return clockMovedBack(back)
	}
	return nil
}

// Steady refuses while the clock stands too far before the newest decision: then nothing is decided.
func (d *DB) Steady() error { return d.clock.steady() }

func clockMovedBack(by time.Duration) error {
	return fault.New(fault.Unavailable, "clock_moved_back",
		"The server's clock is %s behind the newest recorded event; nothing is decided until it is right.",
		by.Round(time.Second)).FixedBy("the operator of the server").Then("check time synchronisation on the server")
}
