package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"plumbline.dev/plumb/internal/seal"
)

// How often the loops look.
const (
	tickEvery  = 2 * time.Second // what time alone makes due
	diskEvery  = 2 * time.Second
	flushEvery = time.Minute // sums of refused requests, last uses of sessions
	sweepEvery = time.Hour   // what was kept long enough
	indexEvery = time.Second // words of summaries and weekly figures
	restEvery  = 10 * time.Second
)

// gcPercent is how much the heap may grow between collections, in percent of what lives. What lives is small
// (most of the memory is SQLite's own cache), so collecting at the usual 100 would be done many times a
// second under load; the rest loop gives back what is left over. GOGC in the environment has precedence.
const gcPercent = 300

// maxStop bounds how long a stopping server waits for running requests.
const maxStop = 10 * time.Second

// Run serves until ctx ends, then stops: running requests end, loops end, the last checkpoint is signed,
// and everything is closed. All goroutines of the server begin here, and each is waited for.
func (s *Server) Run(ctx context.Context) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	loops, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var all sync.WaitGroup
	for _, loop := range []func(context.Context){s.ledger.Run, s.live.Run, s.index, s.api.Webhooks().Run, s.tick, s.watchDisk, s.flush, s.sweep, s.rest} {
		all.Go(func() { loop(loops) })
	}
	served := make(chan error, 1)
	all.Go(func() { served <- s.http.Serve(s.listener) })
	if err := s.ready(); err != nil {
		s.log.Error("the ready file could not be written", "err", err)
		served <- err
	}
	s.log.Info("serving", "url", s.url, "install", s.keys.install, "engine", s.db.Engine())
	var failed error
	select {
	case <-ctx.Done():
	case failed = <-served:
	}
	return errors.Join(failed, s.shutdown(ctx, stop, &all))
}

func (s *Server) shutdown(ctx context.Context, stop func(), all *sync.WaitGroup) error {
	s.api.Stop()
	s.live.Stop()
	wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxStop)
	defer cancel()
	err := s.http.Shutdown(wait)
	if errors.Is(err, context.DeadlineExceeded) {
		s.log.Warn("requests that still ran were cut off")
		err = s.http.Close()
	}
	stop()
	all.Wait()
	last, cancelLast := context.WithTimeout(context.WithoutCancel(ctx), maxStop)
	defer cancelLast()
	s.flushOnce(last)
	if s.cfg.ReadyFile != "" {
		err = errors.Join(err, os.Remove(s.cfg.ReadyFile))
	}
	return errors.Join(err, s.close())
}

// Close ends a server that was opened and never run.
func (s *Server) Close() error { return s.close() }

// ready writes the ready file: whoever waits for it finds a server that answers.
func (s *Server) ready() error {
	if s.cfg.ReadyFile == "" {
		return nil
	}
	b, err := seal.Canonical(struct {
		URL string `json:"url"`
		PID int    `json:"pid"`
	}{s.url, os.Getpid()})
	if err != nil {
		return err
	}
	if err := seal.WriteFile(s.cfg.ReadyFile, append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("write ready file: %w", err)
	}
	return nil
}

// every calls do at once and then in intervals until ctx ends.
func every(ctx context.Context, interval time.Duration, do func(context.Context)) {
	t := time.NewTicker(interval)
	defer t.Stop()
	for {
		do(ctx)
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
	}
}

func (s *Server) tick(ctx context.Context) {
	every(ctx, tickEvery, func(ctx context.Context) {
		if _, err := s.changes.Tick(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("what became due could not be done; trying again", "err", err)
		}
	})
}

// index keeps what searches and figures are made from close behind the changes, in small steps.
func (s *Server) index(ctx context.Context) {
	every(ctx, indexEvery, func(ctx context.Context) {
		for _, step := range []func(context.Context) (bool, error){s.changes.Index, s.changes.Count} {
			for more := true; more && ctx.Err() == nil; {
				var err error
				if more, err = step(ctx); err != nil && ctx.Err() == nil {
					s.log.Warn("the index of changes is behind; trying again", "err", err)
				}
			}
		}
	})
}

func (s *Server) watchDisk(ctx context.Context) {
	every(ctx, diskEvery, func(context.Context) {
		if err := s.disk.look(); err != nil {
			s.log.Warn("the disk could not be looked after", "err", err)
		}
	})
}

func (s *Server) flush(ctx context.Context) {
	every(ctx, flushEvery, s.flushOnce)
}

// flushOnce writes down what is kept in memory for a while.
func (s *Server) flushOnce(ctx context.Context) {
	if err := errors.Join(s.refused.Flush(ctx), s.people.Flush(ctx), s.changes.FlushVerdicts(ctx)); err != nil && ctx.Err() == nil {
		s.log.Warn("sums and last uses could not be written; trying again", "err", err)
	}
}

// rest gives memory back once nobody has asked for a while: hashing a password takes 64 MiB, and the
// collector alone would keep that until the next busy time.
func (s *Server) rest(ctx context.Context) {
	before, rested := s.asked.Load(), true
	every(ctx, restEvery, func(context.Context) {
		now := s.asked.Load()
		if now != before {
			before, rested = now, false
			return
		}
		if !rested {
			debug.FreeOSMemory()
			rested = true
		}
	})
}

func (s *Server) sweep(ctx context.Context) {
	every(ctx, sweepEvery, func(ctx context.Context) {
		if err := s.api.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("old idempotency keys could not be forgotten", "err", err)
		}
		if _, err := s.blobs.Sweep(s.db.Now().Add(-sweepEvery)); err != nil {
			s.log.Warn("half-written documents could not be removed", "err", err)
		}
	})
}
