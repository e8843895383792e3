package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
)

// benchToken: the processor time of recognising a bearer, of that of a whole gate request. The request is
// asked of the server; the check is then done here, on the same database, as the server does it.
func benchToken(ctx context.Context, e *env) ([]goal, error) {
	o, err := startServer(ctx, e, filepath.Join(e.dir, "token"))
	if err != nil {
		return nil, err
	}
	defer func() { o.stop() }()
	if err := o.setUp(ctx); err != nil {
		return nil, err
	}
	ask, err := o.readyToRun(ctx)
	if err != nil {
		return nil, err
	}
	var ratios []float64
	var requests []time.Duration
	for range e.rounds {
		cost, err := o.gateCost(ctx, e.span, ask)
		if err != nil {
			return nil, err
		}
		requests = append(requests, cost)
	}
	o.stop()
	d, err := db.Open(ctx, db.Config{Dir: o.dir})
	if err != nil {
		return nil, err
	}
	defer d.Close()
	rates := map[string]float64{}
	people := directory.New(d, nil)
	for _, request := range requests {
		check, err := checkCost(ctx, people, o.bearers["ivo"])
		if err != nil {
			return nil, err
		}
		ratios = append(ratios, float64(check)/float64(request))
		rates["gate request µs"], rates["check µs"] = request.Seconds()*1e6, check.Seconds()*1e6
	}
	g := goal{ID: "P16", What: "processor time of recognising a bearer, of a gate request's", Unit: "×", Bound: 0.05, Rates: rates}
	return []goal{g.over(ratios)}, nil
}

// gateCost is the server's processor time for one gate request.
func (o *office) gateCost(ctx context.Context, span time.Duration, ask []byte) (time.Duration, error) {
	before, err := o.processor()
	if err != nil {
		return 0, err
	}
	var done atomic.Int64
	_, err = closed(ctx, 8, span, func(ctx context.Context, _ int) error {
		status, err := post(ctx, o.http, o.url+"/gate/check", o.bearers["ivo"], ask, nil)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("the gate answered %d", status)
		}
		done.Add(1)
		return err
	})
	if err != nil {
		return 0, err
	}
	after, err := o.processor()
	return (after - before) / time.Duration(max(done.Load(), 1)), err
}

// checks is how often a bearer is recognised for one figure.
const checks = 100_000

func checkCost(ctx context.Context, people *directory.Desk, bearer string) (time.Duration, error) {
	if _, err := people.Recognise(ctx, bearer); err != nil {
		return 0, err
	}
	var before, after syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &before); err != nil {
		return 0, err
	}
	for range checks {
		if _, err := people.Recognise(ctx, bearer); err != nil {
			return 0, err
		}
	}
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	spent := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
	return time.Duration(spent / checks), err
}
