package api

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/wire"
)

type gateIn struct {
	Key string `header:"Idempotency-Key" maxLength:"200" doc:"taken as the request's key where that is empty"`
	In  JSON[wire.GateRequest]
}

// verdict is the gate's answer: 200 when it allows, 403 when it denies, the same document either way.
type verdict struct {
	Status int
	Body   wire.GateVerdict
}

func (a *API) judged(verb string, v wire.GateVerdict, err error) (*verdict, error) {
	if err != nil {
		return nil, err
	}
	a.Metrics.verdict(verb, v.Code)
	out := &verdict{Status: http.StatusOK, Body: v}
	if v.Verdict != wire.Allow {
		out.Status = http.StatusForbidden
	}
	return out, nil
}

func (a *API) checkGate(ctx context.Context, in *gateIn) (*verdict, error) {
	v, err := a.Changes.Check(ctx, actorOf(ctx), in.In.value)
	return a.judged("check", v, err)
}

func (a *API) openGate(ctx context.Context, in *gateIn) (*verdict, error) {
	q := in.In.value
	if q.Key == "" {
		q.Key = in.Key
	}
	v, err := a.Changes.Open(ctx, actorOf(ctx), q)
	return a.judged("open", v, err)
}

type gateCloseIn struct {
	In JSON[wire.GateClose]
}

func (a *API) closeGate(ctx context.Context, in *gateCloseIn) (*changed, error) {
	return asChanged(a.Changes.Finish(ctx, actorOf(ctx), in.In.value))
}

// Renewal prolongs a run.
type Renewal struct {
	Permit string `json:"permit"`
	Fence  int64  `json:"fence"`
}

// Lease is until when a run may go on, in microseconds since 1970.
type Lease struct {
	Lease int64 `json:"lease"`
}

type renewIn struct {
	In JSON[Renewal]
}

func (a *API) renewLease(ctx context.Context, in *renewIn) (*body[Lease], error) {
	lease, err := a.Changes.Renew(ctx, actorOf(ctx), in.In.value.Permit, in.In.value.Fence)
	return give(Lease{lease}, err)
}

// Empty is a body without members.
type Empty struct{}

type applyIn struct {
	ID  string `path:"id" maxLength:"40"`
	Key string `header:"Idempotency-Key" maxLength:"200" doc:"key of the permit that is opened"`
	In  JSON[Empty]
}

func (a *API) applyChange(ctx context.Context, in *applyIn) (*verdict, error) {
	id, err := change.ParseID(in.ID)
	if err != nil {
		return nil, err
	}
	v, err := a.Changes.Apply(ctx, actorOf(ctx), id, in.Key)
	return a.judged("apply", v, err)
}

type waitIn struct {
	Change  string `query:"change" required:"true" maxLength:"40"`
	Rev     string `query:"rev" maxLength:"80" doc:"revision digest that the asker knows; another one answers at once"`
	Version int64  `query:"version" minimum:"0" doc:"version of the change that the asker knows; another one answers at once"`
	Timeout int64  `query:"timeout" minimum:"0" maximum:"30" default:"30" doc:"seconds"`
}

// Moved says how a change stands after waiting.
type Moved struct {
	Moved     bool         `json:"moved" doc:"false when the time ran out first"`
	Change    change.ID    `json:"change"`
	State     change.State `json:"state"`
	Version   int64        `json:"version"`
	Rev       int64        `json:"rev"`
	RevDigest string       `json:"rev_digest"`
}

// waitGate holds the request until something is written about the change.
func (a *API) waitGate(ctx context.Context, in *waitIn) (*body[Moved], error) {
	id, err := change.ParseID(in.Change)
	if err != nil {
		return nil, err
	}
	late := time.NewTimer(time.Duration(in.Timeout) * time.Second)
	defer late.Stop()
	knows, rev := in.Version, in.Rev
	for {
		rung := a.moved.listen()
		c, err := a.changeNow(ctx, id)
		if err != nil {
			return nil, err
		}
		if knows == 0 {
			knows = c.Version
		}
		out := Moved{Moved: c.Version != knows || rev != "" && rev != c.RevDigest, Change: c.ID, State: c.State,
			Version: c.Version, Rev: c.Rev, RevDigest: c.RevDigest}
		if out.Moved {
			return give(out, nil)
		}
		if over, err := a.pause(ctx, rung, late.C); over || err != nil {
			return give(out, err)
		}
	}
}

// pollEvery is how often a waiting request looks by itself: other replicas ring no bell here.
const pollEvery = time.Second

// pause waits for a commit; over says that the asker's time ran out.
func (a *API) pause(ctx context.Context, rung <-chan struct{}, late <-chan time.Time) (over bool, err error) {
	var tick <-chan time.Time
	if a.DB.Engine() != "sqlite" {
		t := time.NewTimer(pollEvery)
		defer t.Stop()
		tick = t.C
	}
	select {
	case <-rung:
	case <-tick:
	case <-late:
		return true, nil
	case <-a.stop:
		return true, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
	return false, nil
}

func (a *API) changeNow(ctx context.Context, id change.ID) (c change.Change, err error) {
	err = a.DB.View(ctx, func(tx *db.Tx) error {
		c, err = a.Changes.ChangeIn(tx, id)
		return err
	})
	return c, err
}

// bell wakes who waits for a commit. Ringing costs nothing while nobody listens.
type bell struct {
	heard atomic.Bool
	mu    sync.Mutex
	rung  chan struct{} // guarded by mu; closed by the next ring
}

func newBell() *bell { return &bell{rung: make(chan struct{})} }

// listen gives a channel that the next ring closes.
func (b *bell) listen() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.heard.Store(true)
	return b.rung
}

func (b *bell) ring() {
	if !b.heard.Load() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.heard.Store(false)
	close(b.rung)
	b.rung = make(chan struct{})
}
