package ledger

import (
	"context"
	"fmt"
	"sync"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
)

// Counter counts requests that nobody known made or that could not be read. A stranger must not be
// able to grow the ledger: only the sums become an event, at most one per Flush, and the server calls
// Flush once a minute.
type Counter struct {
	db *db.DB

	mu     sync.Mutex
	counts map[string]int64 // guarded by mu: code → requests since the last summary
}

// maxCodes bounds the distinct codes of one summary; what comes after them is counted as otherCode.
const maxCodes = 64

// maxCode is the longest code, in bytes; codes are constants of this program, so a longer one is a
// mistake and is counted as otherCode.
const maxCode = 64

const otherCode = "other"

// NewCounter makes a counter that writes its summaries to d.
func NewCounter(d *db.DB) *Counter { return &Counter{db: d, counts: map[string]int64{}} }

// Count notes one refused request under the code of its refusal. It takes no I/O and never fails.
func (c *Counter) Count(code string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(code, 1)
}

// add needs mu.
func (c *Counter) add(code string, n int64) {
	_, known := c.counts[code]
	if code == "" || len(code) > maxCode || !known && len(c.counts) >= maxCodes {
		code = otherCode
	}
	c.counts[code] += n
}

// Flush writes the sums since the last Flush as one requests.refused event, none if there was nothing.
// If the event is not confirmed the sums are kept for the next try, so that a summary may count twice
// what a broken connection left unanswered, but never loses it.
func (c *Counter) Flush(ctx context.Context) error {
	c.mu.Lock()
	taken := c.counts
	c.counts = map[string]int64{}
	c.mu.Unlock()
	if len(taken) == 0 {
		return nil
	}
	var total int64
	for _, n := range taken {
		total += n
	}
	err := c.db.Update(ctx, fault.SystemActor("requests"), func(tx *db.Tx) error {
		_, err := Append(tx, Event{Verb: "requests.refused", Type: "server", Object: "requests", Outcome: "denied",
			Detail: map[string]any{"counts": taken, "total": total}})
		return err
	})
	if err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		for code, n := range taken {
			c.add(code, n)
		}
		return fmt.Errorf("sum up refused requests: %w", err)
	}
	return nil
}
