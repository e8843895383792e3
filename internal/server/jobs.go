package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/web/office"
	"plumbline.dev/plumb/internal/web/personal"
	"plumbline.dev/plumb/internal/web/rulebook"
)

// job is one thing that the server does again and again while it runs.
type job struct {
	name, what string
	interval   time.Duration
	do         func(context.Context) error
}

// jobs lists them. The ledger's, the webhooks' and the live pages' own loops are beside it, in Run.
func (s *Server) jobs() []job {
	return []job{
		{"timers", "does what time alone makes due: expired approvals, lost executors", tickEvery, func(ctx context.Context) error {
			_, err := s.changes.Tick(ctx)
			return err
		}},
		{"sources", "reads the sources of the inventory that are due", sourcesEvery, s.readSources},
		{"agents", "takes what agents said into the inventory", agentsEvery, s.hearAgents},
		{"campaigns", "reminds of campaigns of the inventory that are due", campaignsEvery, func(ctx context.Context) error {
			_, err := s.things.RemindCampaigns(ctx)
			return err
		}},
		{"reconcile", "says of every difference which approved change explains it, and raises what none does", reconcileEvery, s.match.Tick},
		{"diagrams", "notes which diagrams of record production has moved away from", diagramsEvery, s.things.WatchDiagrams},
		{"index", "keeps searches and weekly figures close behind the changes", indexEvery, s.index},
		{"disk", "looks after the room on the disk", diskEvery, func(context.Context) error { return s.disk.look() }},
		{"flush", "writes down sums of refusals and last uses of sessions", flushEvery, s.flushOnce},
		{"sweep", "forgets what was kept long enough: idempotency keys, deliveries, drafts, half-written documents", sweepEvery, s.sweep},
	}
}

// work runs one job until ctx ends, and notes how each round went. A round that failed is tried again
// with the next one.
func (s *Server) work(j job) func(context.Context) {
	return func(ctx context.Context) {
		every(ctx, j.interval, func(ctx context.Context) {
			began := s.db.Now()
			err := j.do(ctx)
			if ctx.Err() != nil {
				return
			}
			s.rounds.note(j.name, began, s.db.Now(), err)
			if err != nil {
				s.log.Warn("a job of the server failed; trying again", "job", j.name, "err", err)
			}
		})
	}
}

// rounds is how each job's last round went, for those who look after the server.
type rounds struct {
	mu   sync.Mutex
	last map[string]round // guarded by mu
}

type round struct {
	at, took int64
	failed   int64 // instant of the last failure
	problem  string
}

func (r *rounds) note(name string, began, ended time.Time, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == nil {
		r.last = map[string]round{}
	}
	x := round{at: ended.UnixMicro(), took: ended.Sub(began).Microseconds(), failed: r.last[name].failed}
	if err != nil {
		x.failed, x.problem = x.at, "The last round failed; the server's log says why."
	}
	r.last[name] = x
}

func (r *rounds) of(name string) round {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last[name]
}

// index takes up what changed since the last round, in small steps.
func (s *Server) index(ctx context.Context) error {
	for _, step := range []func(context.Context) (bool, error){s.changes.Index, s.changes.Count} {
		for more := true; more && ctx.Err() == nil; {
			var err error
			if more, err = step(ctx); err != nil {
				return fmt.Errorf("index changes: %w", err)
			}
		}
	}
	return s.changes.CountUses(ctx, rulebook.UsualDays)
}

func (s *Server) sweep(ctx context.Context) error {
	_, err := s.blobs.Sweep(s.db.Now().Add(-sweepEvery))
	return errors.Join(err, s.api.Sweep(ctx), personal.New(s.db).Sweep(ctx))
}

// state tells what the server's jobs last did and how far behind they are.
func (s *Server) state(ctx context.Context) ([]office.Job, error) {
	events, signed, err := s.lag(ctx)
	if err != nil {
		return nil, err
	}
	behind, err := s.api.Webhooks().Behind(ctx)
	if err != nil {
		return nil, err
	}
	out := []office.Job{
		{Name: "ledger", What: "signs checkpoints over what was recorded", Backlog: events - signed,
			State: fmt.Sprintf("%d events, %d of them under a signed checkpoint", events, signed)},
		{Name: "webhooks", What: "delivers events to webhooks", Backlog: behind, State: fmt.Sprintf("the slowest webhook is %d events behind", behind)},
	}
	for _, j := range s.jobs() {
		x := s.rounds.of(j.name)
		out = append(out, office.Job{Name: j.name, What: j.what, Every: j.interval, At: x.at, Took: time.Duration(x.took) * time.Microsecond,
			Failed: x.failed, Problem: x.problem})
	}
	return out, nil
}

// lag counts the events and those under a signed checkpoint.
func (s *Server) lag(ctx context.Context) (events, signed int64, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		return tx.QueryRow("SELECT (SELECT COALESCE(MAX(seq), -1) + 1 FROM ledger_event), (SELECT COALESCE(MAX(size), 0) FROM ledger_checkpoint)").
			Scan(&events, &signed)
	})
	return events, signed, err
}

// sampleFile is in a data folder that plumb demo filled; it names the folder of the whole demo.
const sampleFile = "sample"

// sample is the folder of the demo that this server belongs to; "" for a real server.
func (s *Server) sample() string {
	dir, err := os.ReadFile(filepath.Join(s.cfg.Data, sampleFile))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(dir))
}
