package agent

import (
	"context"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"plumbline.dev/plumb/internal/fault"
)

// backoff gives how long to wait after n failures: from two seconds to five minutes, with so much chance in it that a fleet does not
// come back at once.
func backoff(n int) time.Duration {
	d := min(2*time.Second<<min(n, 8), 5*time.Minute)
	return d/2 + rand.N(d)
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// refusedWait is how long an agent that is not believed waits before it asks again: only people can mend that.
const refusedWait = time.Hour

// Run looks at the host and tells the server, until ctx ends or the agent costs more than it may. every is the time between two looks;
// 0 for what the server wishes.
func (a *Agent) Run(ctx context.Context, every time.Duration) error {
	debug.SetMemoryLimit(softMemory)
	debug.SetGCPercent(50)
	if every == 0 {
		every = max(time.Duration(a.home.Every)*time.Second, time.Minute)
	}
	for ctx.Err() == nil {
		next := a.cfg.Now().Add(every - every/10 + rand.N(every/5+1))
		l := Collect(ctx, a.cfg, a.state.latest())
		for name, why := range l.Failed {
			a.cfg.Log.WarnContext(ctx, "a part of the host could not be read", "part", name, "why", why)
		}
		if a.state.add(l) {
			if err := a.save(); err != nil {
				a.cfg.Log.ErrorContext(ctx, "what was read cannot be kept on the disk", "err", err)
			}
		}
		a.deliver(ctx, l, next)
		if err := withinMemory(memory()); err != nil {
			return err
		}
		if err := wait(ctx, max(next.Sub(a.cfg.Now()), time.Second)); err != nil {
			return nil
		}
	}
	return nil
}

// deliver tries to bring the server up to date until it is time for the next look.
func (a *Agent) deliver(ctx context.Context, l Look, until time.Time) {
	for n := 0; ctx.Err() == nil; n++ {
		s, err := a.send(ctx, l.Last)
		if err == nil {
			a.cfg.Log.InfoContext(ctx, "reported", "states", s.States, "messages", s.Messages, "bytes", s.Bytes, "answer", s.State)
			return
		}
		if s.States > 0 {
			n = 0 // it goes on
		}
		pause := backoff(n)
		if f := fault.Of(err); f.Kind == fault.Denied || f.Kind == fault.Conflict || f.Kind == fault.Unauthenticated {
			pause = refusedWait
		}
		a.cfg.Log.WarnContext(ctx, "the report was not taken; it is kept and tried again", "waiting", len(a.state.Queue), "err", err)
		if a.cfg.Now().Add(pause).After(until) || wait(ctx, pause) != nil {
			return
		}
	}
}
