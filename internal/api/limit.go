package api

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"plumbline.dev/plumb/internal/fault"
)

// Limits are requests per second; a burst is four times that. 0 sets no limit.
type Limits struct {
	Principal int // of one account, whatever its sessions and tokens
	Stranger  int // of one address, for what nobody known asks
}

// limiter keeps token buckets in memory. Counters that must survive a restart, such as of wrong
// passwords, are the directory's.
type limiter struct {
	principals buckets
	strangers  buckets
}

func newLimiter(l Limits) *limiter {
	return &limiter{principals: buckets{perSecond: l.Principal}, strangers: buckets{perSecond: l.Stranger}}
}

// principal takes one request of an account.
func (l *limiter) principal(account string) error {
	return l.principals.take("a|"+account, "Too many requests by this account; slow down.")
}

// stranger takes one request that nobody known makes.
func (l *limiter) stranger(from netip.Addr) error {
	return l.strangers.take(source(from), "Too many requests from this address; slow down.")
}

// known refuses an address that has failed to be recognised too often, before the next try costs more.
func (l *limiter) known(from netip.Addr) error {
	return l.strangers.left(source(from), "Too many failed requests from this address; slow down.")
}

// failed counts a request whose bearer was not recognised.
func (l *limiter) failed(from netip.Addr) { _ = l.strangers.take(source(from), "") }

// source is an IPv4 address or an IPv6 /64, which is what one customer gets.
func source(from netip.Addr) string {
	bits := 32
	if from.Is6() {
		bits = 64
	}
	p, err := from.Prefix(bits)
	if err != nil {
		return "unknown"
	}
	return p.String()
}

// maxBuckets bounds the memory; beyond it all begin anew.
const maxBuckets = 1 << 16

type buckets struct {
	perSecond int

	mu   sync.Mutex
	byID map[string]*rate.Limiter // guarded by mu
}

func (b *buckets) of(id string) *rate.Limiter {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.byID[id]
	if l == nil {
		if b.byID == nil || len(b.byID) >= maxBuckets {
			b.byID = map[string]*rate.Limiter{}
		}
		l = rate.NewLimiter(rate.Limit(b.perSecond), 4*b.perSecond)
		b.byID[id] = l
	}
	return l
}

func (b *buckets) take(id, sentence string) error {
	if b.perSecond == 0 || b.of(id).Allow() {
		return nil
	}
	return fault.New(fault.Limited, "too_many_requests", "%s", sentence).Then("try again in a second").FixedBy("you")
}

func (b *buckets) left(id, sentence string) error {
	if b.perSecond == 0 || b.of(id).Tokens() >= 1 {
		return nil
	}
	return fault.New(fault.Limited, "too_many_requests", "%s", sentence).Then("try again in a second").FixedBy("you")
}

// How many denials of one principal become events in a minute: of the same kind, and in all. The rest is
// summed up once a minute, so that a stolen token cannot grow the ledger at will.
const (
	sameDenials = 5
	allDenials  = 60
)

// denials bounds what refusals write.
type denials struct {
	mu    sync.Mutex
	since time.Time      // guarded by mu: begin of the running minute
	count map[string]int // guarded by mu
}

func newDenials() *denials { return &denials{count: map[string]int{}} }

// room reports whether a denial would still become an event.
func (d *denials) room(who fault.Actor, f *fault.Error, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.turn(now)
	return d.count[who.Account] < allDenials && d.count[denialKey(who, f)] < sameDenials
}

// take counts a denial and reports whether it becomes an event.
func (d *denials) take(who fault.Actor, f *fault.Error, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.turn(now)
	same := denialKey(who, f)
	if d.count[who.Account] >= allDenials || d.count[same] >= sameDenials {
		return false
	}
	d.count[who.Account]++
	d.count[same]++
	return true
}

func denialKey(who fault.Actor, f *fault.Error) string {
	return who.Account + "|" + f.Code + "|" + f.Rule + "|" + f.Object
}

// turn begins another minute; it needs mu.
func (d *denials) turn(now time.Time) {
	if since := now.Sub(d.since); since >= time.Minute || since < 0 {
		d.since = now
		clear(d.count)
	}
}
