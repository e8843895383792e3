package directory

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"sync/atomic"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
)

// recognised is a bearer that was good, kept so that the next request costs no database. It holds for
// one epoch: anything that ends a session, a token, an account or a person gives the directory another.
type recognised struct {
	epoch   string
	actor   fault.Actor
	expires int64
	idle    int64 // microseconds without use after which it is over; 0 for tokens
	mark    *mark
}

// mark is when a session or token was last used.
type mark struct {
	used  atomic.Int64 // microseconds
	saved int64        // guarded by live.mu: what the database knows
}

// maxRecognised bounds the memory for bearers; beyond it all are looked up anew.
const maxRecognised = 1 << 16

// Recognise gives the actor behind a bearer secret: a person's session or an API token. Anything else,
// and whatever ended, expired or belongs to somebody disabled, is Unauthenticated. A bearer that was
// recognised before costs no database read. An end takes effect at once in this process; where several
// replicas share a PostgreSQL database, within a second (maxBehind) in the others. Whoever decides or
// opens the gate therefore also calls ConfirmIn in the transaction.
//
// The surface adds Source and Request to the actor; the scopes are shared and must not be changed.
func (d *Desk) Recognise(ctx context.Context, bearer string) (fault.Actor, error) {
	r, at, err := d.recognise(ctx, bearer)
	if err != nil {
		return fault.Actor{}, err
	}
	r.mark.used.Store(max(at, r.mark.used.Load()))
	return r.actor, nil
}

// Glance is Recognise for what a page asks by itself: it keeps no session from running out.
func (d *Desk) Glance(ctx context.Context, bearer string) (fault.Actor, error) {
	r, _, err := d.recognise(ctx, bearer)
	if err != nil {
		return fault.Actor{}, err
	}
	return r.actor, nil
}

// recognise finds a bearer that is good now, and says when now is.
func (d *Desk) recognise(ctx context.Context, bearer string) (r *recognised, at int64, err error) {
	prefix, sum, ok := readBearer(bearer)
	if !ok {
		return nil, 0, unknownBearer()
	}
	now := d.db.Now()
	if err := d.catchUp(ctx, now); err != nil {
		return nil, 0, err
	}
	at = now.UnixMicro()
	if r := d.live.find(sum); r.good(at) {
		return r, at, nil
	}
	r, err = d.lookUp(ctx, prefix, sum)
	return r, at, err
}

func unknownBearer() *fault.Error {
	return fault.New(fault.Unauthenticated, "not_signed_in", "That session or token is not known here.").Then("plumb login").
		FixedBy("you")
}

// find gives what is kept of a bearer under the newest epoch.
func (l *live) find(sum [32]byte) *recognised {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if r := l.bearers[sum]; r != nil && r.epoch == l.epoch.bearers && l.known {
		return r
	}
	return nil
}

func (r *recognised) good(now int64) bool {
	return r != nil && now < r.expires && (r.idle == 0 || now-r.mark.used.Load() < r.idle)
}

// keepBearer remembers a bearer with the epoch that it was read under, and gives its mark, which
// outlives epochs. saved is the last use that the database knows.
func (l *live) keepBearer(sum [32]byte, r *recognised, saved int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.bearers) >= maxRecognised {
		clear(l.bearers)
		clear(l.via)
	}
	l.bearers[sum], l.via[r.actor.Via] = r, r
	m := l.marks[r.actor.Via]
	if m == nil {
		m = &mark{}
		l.marks[r.actor.Via] = m
	}
	m.saved = max(m.saved, saved)
	if m.used.Load() < saved {
		m.used.Store(saved)
	}
	r.mark = m
}

// used gives the last use of a session or token, here or by what the database knows.
func (d *Desk) used(id string, saved int64) int64 {
	d.live.mu.RLock()
	defer d.live.mu.RUnlock()
	if m := d.live.marks[id]; m != nil {
		return max(saved, m.used.Load())
	}
	return saved
}

// lookUp asks the database about a bearer.
func (d *Desk) lookUp(ctx context.Context, prefix string, sum [32]byte) (r *recognised, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		e, err := loadEpoch(tx)
		if err != nil {
			return fmt.Errorf("load epoch: %w", err)
		}
		var saved int64
		if prefix == sessionPrefix {
			r, saved, err = d.recogniseSession(tx, hex.EncodeToString(sum[:]))
		} else {
			r, saved, err = d.recogniseToken(tx, hex.EncodeToString(sum[:]))
		}
		if err != nil {
			return err
		}
		r.epoch = e.bearers
		d.live.keepBearer(sum, r, saved)
		return nil
	})
	return r, err
}

func (d *Desk) recogniseSession(tx *db.Tx, hash string) (*recognised, int64, error) {
	s, found, err := sessionByHash(tx, hash)
	if err != nil {
		return nil, 0, fmt.Errorf("load session: %w", err)
	}
	if !found {
		return nil, 0, unknownBearer()
	}
	used := d.used(string(s.ID), max(s.Used, s.Created))
	if err := s.live(tx.Now().UnixMicro(), used); err != nil {
		return nil, 0, err
	}
	a, err := holder(tx, s.Account, Local)
	if err != nil {
		return nil, 0, err
	}
	return &recognised{expires: s.Expires, idle: sessionIdle.Microseconds(), actor: fault.Actor{Person: string(a.Person),
		Account: string(a.ID), Kind: fault.Human, Authn: fault.Session, Via: string(s.ID)}}, s.Used, nil
}

func (d *Desk) recogniseToken(tx *db.Tx, hash string) (*recognised, int64, error) {
	t, found, err := tokenByHash(tx, hash)
	if err != nil {
		return nil, 0, fmt.Errorf("load token: %w", err)
	}
	if !found {
		return nil, 0, unknownBearer()
	}
	if err := t.live(tx.Now().UnixMicro()); err != nil {
		return nil, 0, err
	}
	a, err := holder(tx, t.Account, "")
	if err != nil {
		return nil, 0, err
	}
	actor := fault.Actor{Person: string(a.Person), Account: string(a.ID), Kind: fault.Human, Authn: fault.Token,
		Via: string(t.ID), Repo: t.Repo, Pipe: t.Pipe, Sources: t.Sources}
	if a.Kind == Service {
		actor.Kind = fault.Service
	}
	for _, s := range t.Scopes {
		actor.Scopes = append(actor.Scopes, string(s))
	}
	return &recognised{expires: t.Expires, actor: actor}, t.Used, nil
}

// holder gives the live account of an active person behind a session or token; kind "" is any.
func holder(tx *db.Tx, id AccountID, kind AccountKind) (Account, error) {
	a, found, err := loadAccount(tx, id)
	if err != nil {
		return a, fmt.Errorf("load account: %w", err)
	}
	if !found || a.Ended != 0 || kind != "" && a.Kind != kind {
		return a, unknownBearer()
	}
	p, found, err := db.One(tx, scanPerson, personColumns+" WHERE id = $1", string(a.Person))
	if err != nil {
		return a, fmt.Errorf("load person: %w", err)
	}
	if !found || p.Disabled != 0 {
		return a, unknownBearer()
	}
	return a, nil
}

// ConfirmIn looks an actor up again inside a transaction: the session or token by which they were
// recognised still stands, and so do the account and the person. Everything that decides, opens the gate
// or changes people calls it, so that no cached recognition can outlive an end that was committed
// before. It reads the epoch row, and the rest only where that row says that something ended since the
// actor was recognised. Nobody, and a setup code, are refused; the server's own jobs pass.
func (d *Desk) ConfirmIn(tx *db.Tx, actor fault.Actor) error {
	if actor.Kind == fault.System && actor.Authn == fault.Own {
		return nil
	}
	e, err := d.epochIn(tx)
	if err != nil {
		return fmt.Errorf("load epoch: %w", err)
	}
	now := tx.Now().UnixMicro()
	if r := d.live.under(e.bearers, actor.Via); r.good(now) && r.is(actor) {
		return nil
	}
	var account AccountID
	switch actor.Authn {
	case fault.Session:
		account, err = d.confirmSession(tx, SessionID(actor.Via), now)
	case fault.Token:
		account, err = confirmToken(tx, TokenID(actor.Via), now)
	default:
		return notSignedIn()
	}
	if err != nil {
		return err
	}
	a, err := holder(tx, account, "")
	if err == nil && (string(a.ID) != actor.Account || string(a.Person) != actor.Person) {
		err = notSignedIn()
	}
	return err
}

// under gives what was recognised by a session or token under this epoch.
func (l *live) under(bearers, via string) *recognised {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if r := l.via[via]; r != nil && r.epoch == bearers {
		return r
	}
	return nil
}

// is reports whether the actor is the one that was recognised.
func (r *recognised) is(actor fault.Actor) bool {
	return r.actor.Person == actor.Person && r.actor.Account == actor.Account && r.actor.Kind == actor.Kind && r.actor.Authn == actor.Authn
}

func (d *Desk) confirmSession(tx *db.Tx, id SessionID, now int64) (AccountID, error) {
	s, found, err := sessionByID(tx, id)
	if err != nil {
		return "", fmt.Errorf("load session: %w", err)
	}
	if !found {
		return "", notSignedIn()
	}
	return s.Account, s.live(now, d.used(string(s.ID), s.Used))
}

func confirmToken(tx *db.Tx, id TokenID, now int64) (AccountID, error) {
	t, found, err := tokenByID(tx, id)
	if err != nil {
		return "", fmt.Errorf("load token: %w", err)
	}
	if !found {
		return "", notSignedIn()
	}
	return t.Account, t.live(now)
}

// FlushEvery is how far presence in the database may be behind: Flush is to be called that often.
const FlushEvery = time.Minute

// Flush writes down when sessions and tokens were last used. The server calls it every FlushEvery and
// before it ends; without it a restart would make sessions look idle earlier, never later.
func (d *Desk) Flush(ctx context.Context) error {
	due := d.live.due(d.db.Now().UnixMicro())
	if len(due) == 0 {
		return nil
	}
	err := d.db.Update(ctx, fault.SystemActor("presence"), func(tx *db.Tx) error {
		for id, used := range due {
			if err := savePresence(tx, id, used); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("save presence: %w", err)
	}
	d.live.saved(due)
	return nil
}

// due lists what was used since it was saved, and forgets marks that no session can need any more.
func (l *live) due(now int64) map[string]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	out, gone := map[string]int64{}, map[*mark]bool{}
	for id, m := range l.marks {
		switch used := m.used.Load(); {
		case used > m.saved:
			out[id] = used
		case now-used > 2*sessionIdle.Microseconds():
			delete(l.marks, id)
			gone[m] = true
		}
	}
	maps.DeleteFunc(l.bearers, func(_ [32]byte, r *recognised) bool { return gone[r.mark] })
	maps.DeleteFunc(l.via, func(_ string, r *recognised) bool { return gone[r.mark] })
	return out
}

func (l *live) saved(due map[string]int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, used := range due {
		if m := l.marks[id]; m != nil {
			m.saved = max(m.saved, used)
		}
	}
}
