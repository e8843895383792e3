package directory

import (
	"context"
	"fmt"
	"hash/fnv"
	"net/netip"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
)

// limit is how many attempts are free and how long the delay after the others grows. There is no lock
// for good: that would let a stranger shut people out.
type limit struct {
	free    int64
	longest time.Duration
}

// Counters are kept for the account and for where the attempt comes from; trust model 71.
var (
	accountLimit = limit{free: 10, longest: 15 * time.Minute}
	sourceLimit  = limit{free: 100, longest: 5 * time.Minute}
)

const (
	firstDelay = 30 * time.Second
	forgotten  = 24 * time.Hour // a counter untouched for so long begins anew
)

// delay is how long no further attempt is taken after this many in a row.
func (l limit) delay(failures int64) time.Duration {
	if failures < l.free {
		return 0
	}
	steps := min(failures-l.free, 10)
	return min(firstDelay<<steps, l.longest)
}

// attempt is one counter.
type attempt struct {
	id       string
	failures int64
	last     int64
	until    int64
}

// next counts one more attempt at the instant now, or refuses it.
func (a attempt) next(l limit, now int64) (attempt, error) {
	if now < a.until {
		wait := time.Duration(a.until-now) * time.Microsecond
		return a, fault.New(fault.Limited, "too_many_attempts", "Too many wrong passwords; the next attempt is taken in %s.",
			wait.Round(time.Second)).Then("wait, then plumb login; or ask a security officer for a new code").
			FixedBy("you")
	}
	if now-a.last > forgotten.Microseconds() {
		a.failures = 0
	}
	a.failures++
	a.last = now
	a.until = 0
	if d := l.delay(a.failures); d > 0 {
		a.until = now + d.Microseconds()
	}
	return a, nil
}

// sourceKey names where an attempt comes from: an IPv4 address, or an IPv6 /64, which is what one
// customer gets.
func sourceKey(source netip.Addr) string {
	source = source.Unmap().WithZone("")
	if !source.IsValid() {
		return "source|unknown"
	}
	bits := 32
	if source.Is6() {
		bits = 64
	}
	p, err := source.Prefix(bits)
	if err != nil {
		return "source|unknown"
	}
	return "source|" + p.String()
}

// nameBuckets bounds how many counters a stranger can make with names that nobody has. They are counted
// all the same: or else a lock would tell which names are real.
const nameBuckets = 4096

func nameKey(fold string) string {
	h := fnv.New32a()
	h.Write([]byte(fold))
	return fmt.Sprintf("name|%d", h.Sum32()%nameBuckets)
}

// begin counts an attempt before it is tried, in a transaction of its own: it stays counted whatever
// becomes of it, so many at once get no more tries than one after another, and a crash forgives none.
// The account is found in the same transaction; without one the zero Account is returned.
func (d *Desk) begin(ctx context.Context, fold string, source netip.Addr) (a Account, keys [2]string, err error) {
	err = d.db.Update(bare{ctx}, fault.Actor{}, func(tx *db.Tx) error {
		var found bool
		if fold != "" {
			if a, found, err = accountByFold(tx, fold); err != nil {
				return fmt.Errorf("load account: %w", err)
			}
		}
		keys = [2]string{nameKey(fold), sourceKey(source)}
		if found {
			keys[0] = "account|" + string(a.ID)
		}
		if err := count(tx, keys[0], accountLimit); err != nil {
			return err
		}
		if err := count(tx, keys[1], sourceLimit); err != nil {
			return err
		}
		return forgetAttempts(tx, tx.Now().Add(-forgotten).UnixMicro())
	})
	return a, keys, err
}

// bare is a context without values: whatever a surface puts around a use-case (db.Around), a retry with
// the same idempotency key is still an attempt and is counted.
type bare struct{ context.Context }

// Value gives nothing.
func (bare) Value(any) any { return nil }

func count(tx *db.Tx, id string, l limit) error {
	now := tx.Now().UnixMicro()
	c, err := loadAttempt(tx, id)
	if err != nil {
		return fmt.Errorf("load attempts: %w", err)
	}
	if c, err = c.next(l, now); err != nil {
		return err
	}
	return saveAttempt(tx, c)
}

// forgive takes a good attempt off the counters: the account's begins anew; of the source only this one
// is taken off, so that a thief with one good account gains no tries at others.
func forgive(tx *db.Tx, keys [2]string) error {
	if err := deleteAttempt(tx, keys[0]); err != nil {
		return err
	}
	c, err := loadAttempt(tx, keys[1])
	if err != nil {
		return err
	}
	c.failures = max(c.failures-1, 0)
	if sourceLimit.delay(c.failures) == 0 {
		c.until = 0
	}
	return saveAttempt(tx, c)
}
