package main

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// closed runs work on n clients for the span, each starting again as soon as it is done, and returns
// how many were done a second. The first error ends it.
func closed(ctx context.Context, n int, span time.Duration, work func(ctx context.Context, client int) error) (rate float64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var done atomic.Int64
	var once sync.Once
	var wg sync.WaitGroup
	start := time.Now()
	for i := range n {
		wg.Go(func() {
			for time.Since(start) < span && ctx.Err() == nil {
				if e := work(ctx, i); e != nil {
					once.Do(func() { err = e; cancel() })
					return
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(done.Load()) / time.Since(start).Seconds(), err
}

// open sends work at a fixed rate, whatever the answers do, and returns the 99th percentile of the
// latency counted from when each was due: a stall is not hidden by waiting for it.
func open(ctx context.Context, perSecond int, span time.Duration, work func(context.Context) error) (p99 time.Duration, err error) {
	n := int(span.Seconds() * float64(perSecond))
	took := make([]time.Duration, n)
	errs := make([]error, n)
	var wg sync.WaitGroup
	start := time.Now()
	for i := range n {
		due := start.Add(time.Duration(i) * time.Second / time.Duration(perSecond))
		if wait := time.Until(due); wait > 0 {
			timer := time.NewTimer(wait)
			<-timer.C
		}
		wg.Go(func() {
			errs[i] = work(ctx)
			took[i] = time.Since(due)
		})
	}
	wg.Wait()
	for _, e := range errs {
		if e != nil {
			return 0, e
		}
	}
	slices.Sort(took)
	return took[n*99/100], nil
}
