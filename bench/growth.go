package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// benchGrowth: the same flow on a server with few changes and on one with a hundred thousand, in turn;
// then a restart of the large one, and its pages once its ledger holds a million events.
func benchGrowth(ctx context.Context, e *env) ([]goal, error) {
	many := 100_000
	if e.quick {
		many = 5_000
	}
	small, err := startServer(ctx, e, filepath.Join(e.dir, "small"))
	if err != nil {
		return nil, err
	}
	defer small.stop()
	large, err := startServer(ctx, e, filepath.Join(e.dir, "large"))
	if err != nil {
		return nil, err
	}
	defer func() { large.stop() }()
	for _, o := range []*office{small, large} {
		if err := o.setUp(ctx); err != nil {
			return nil, err
		}
	}
	if err := large.grow(ctx, many); err != nil {
		return nil, err
	}
	var ratios []float64
	for range e.rounds {
		few, err := small.flows(ctx, e.span)
		if err != nil {
			return nil, err
		}
		lots, err := large.flows(ctx, e.span)
		if err != nil {
			return nil, err
		}
		ratios = append(ratios, few/lots)
	}
	g := goal{ID: "growth", What: fmt.Sprintf("cost of a change after %d of them, of the first ones'", many), Unit: "×", Bound: 1.3}
	large.stop()
	if large, err = startServer(ctx, e, filepath.Join(e.dir, "large")); err != nil {
		return nil, err
	}
	wait := time.NewTimer(idleAfter)
	<-wait.C
	memory, err := large.rss()
	if err != nil {
		return nil, err
	}
	ready := goal{ID: "P15a", What: fmt.Sprintf("seconds until ready with %d changes", many), Unit: "s", Bound: 1}
	idle := goal{ID: "P15b", What: "MiB resident when idle", Unit: "MiB", Bound: 100}
	large.stop()
	pages, err := e.pages(ctx, large, many)
	if err != nil {
		return nil, err
	}
	return []goal{g.over(ratios), ready.over([]float64{large.ready.Seconds()}), idle.over([]float64{memory}), pages}, nil
}

// idleAfter is when a server that was started counts as idle: it has read what its figures need, and given
// back what that took.
const idleAfter = 25 * time.Second

// flows runs whole flows by a few clients for the span and gives their rate.
func (o *office) flows(ctx context.Context, span time.Duration) (float64, error) {
	couriers, hangUp, err := o.couriers(ctx, 8)
	if err != nil {
		return 0, err
	}
	defer hangUp()
	return closed(ctx, len(couriers), span, func(_ context.Context, client int) error { _, err := couriers[client].flow(); return err })
}

// grow files changes until there are so many.
func (o *office) grow(ctx context.Context, many int) error {
	couriers, hangUp, err := o.couriers(ctx, 64)
	if err != nil {
		return err
	}
	defer hangUp()
	var left atomic.Int64
	left.Store(int64(many))
	_, err = closed(ctx, len(couriers), time.Hour, func(_ context.Context, client int) error {
		n := left.Add(-1)
		if n < 0 {
			return errEnough
		}
		if n%10_000 == 0 {
			fmt.Fprintf(os.Stderr, "  %d changes to go\n", n)
		}
		_, _, err := couriers[client].file()
		return err
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

var errEnough = errors.New("enough")
