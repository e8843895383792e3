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
	tickEvery      = 2 * time.Second  // what time alone makes due
	campaignsEvery = 10 * time.Minute // reminders are of days
	diskEvery      = 2 * time.Second
	flushEvery     = time.Minute // sums of refused requests, last uses of sessions
	sweepEvery     = time.Hour   // what was kept long enough
	indexEvery     = time.Second // words of summaries and weekly figures
	restEvery      = 10 * time.Second
)

// gcPercent is how much the heap may grow between collections, in percent of what lives. What lives is small
// (most of the memory is SQLite's own cache), so collecting at the usual 100 would be done many times a
// second under load; the rest loop gives back what is left over. GOGC in the environment has precedence.
const gcPercent = 300

// memoryGoal is what Go's memory stays below while what lives lets it: beyond it, collections come as often as they must, so that a
// state of 40 MB is read in less than 300 MB with all else. It refuses nothing. GOMEMLIMIT in the environment has precedence.
const memoryGoal = 192 << 20

// maxStop bounds how long a stopping server waits for running requests.
const maxStop = 10 * time.Second

// Run serves until ctx ends, then stops: running requests end, loops end, the last checkpoint is signed,
// and everything is closed. All goroutines of the server begin here, and each is waited for.
func (s *Server) Run(ctx context.Context) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryGoal)
	}
	loops, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var all sync.WaitGroup
	running := []func(context.Context){s.ledger.Run, s.live.Run, s.api.Webhooks().Run, s.rest}
	for _, j := range s.jobs() {
		running = append(running, s.work(j))
	}
	for _, loop := range running {
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
	if err := s.flushOnce(last); err != nil {
		s.log.Warn("sums and last uses could not be written", "err", err)
	}
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

// flushOnce writes down what is kept in memory for a while.
func (s *Server) flushOnce(ctx context.Context) error {
	return errors.Join(s.refused.Flush(ctx), s.people.Flush(ctx), s.changes.FlushVerdicts(ctx))
}

// rest gives memory back while nobody asks: hashing a password takes 64 MiB, a start on a large database
// reads a year of it, and the collector alone would keep what that needed until the next busy time. After
// some quiet rounds there is nothing left to give.
func (s *Server) rest(ctx context.Context) {
	before, left := s.asked.Load(), quietRounds
	every(ctx, restEvery, func(context.Context) {
		now := s.asked.Load()
		switch {
		case now != before:
			before, left = now, quietRounds
		case left > 0:
			debug.FreeOSMemory()
			left--
		}
	})
}

// quietRounds is how often memory is given back before a resting server is left alone.
const quietRounds = 6
