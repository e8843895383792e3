package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
)

// looked are the pages that people open most, and the filters that find the least, on a server with so
// many changes and events.
func looked(changes, events int) []string {
	return []string{"/", "/changes", "/changes?sort=updated", "/changes?state=waiting", "/changes?state=done&sort=oldest", "/changes?category=network",
		"/changes?q=idle+timeout", "/changes?q=nothing", "/changes?by=ann", "/changes/calendar", "/search?q=idle", "/search?q=ann", "/search?q=4711",
		fmt.Sprintf("/changes/CHG-%06d", changes/2), "/policy", "/policy/coverage", "/ledger", "/ledger?verb=change.approved", "/ledger?verb=gate.denied",
		fmt.Sprintf("/ledger?object=CHG-%06d", changes/2), fmt.Sprintf("/ledger?before=%d", events/2),
		fmt.Sprintf("/ledger?before=%d&verb=change.commented", events/2), fmt.Sprintf("/ledger/%d", events/10), fmt.Sprintf("/ledger/%d", events-1000)}
}

// manyEvents is how long the ledger is when pages are measured.
const manyEvents = 1_000_000

// eachPage is how often each page is asked for.
const eachPage = 40

// pages measures the pages of a server that is stopped, with so many changes, once its ledger is long.
func (e *env) pages(ctx context.Context, was *office, changes int) (goal, error) {
	events := manyEvents
	if e.quick {
		events /= 20
	}
	if err := was.remember(ctx, events, changes); err != nil {
		return goal{}, err
	}
	o, err := startServer(ctx, e, was.dir)
	if err != nil {
		return goal{}, err
	}
	defer o.stop()
	if err := o.settled(ctx); err != nil {
		return goal{}, err
	}
	return o.pages(ctx, was.bearers["sam"], changes, events)
}

// pages gives the slowest page's 95th percentile, and says which it is.
func (o *office) pages(ctx context.Context, bearer string, changes, events int) (goal, error) {
	g := goal{ID: "pages", What: "milliseconds to the last byte of the slowest page, p95", Unit: "ms", Bound: 50, Rates: map[string]float64{}}
	base := o.base()
	worst := 0.0
	for _, path := range looked(changes, events) {
		took := []float64{}
		for range eachPage {
			start := time.Now()
			if err := o.look(ctx, base+path, bearer); err != nil {
				return g, err
			}
			took = append(took, float64(time.Since(start).Microseconds())/1000)
		}
		slices.Sort(took)
		p95 := took[len(took)*95/100]
		if g.Rates[path] = p95; p95 > worst {
			worst = p95
		}
	}
	return g.over([]float64{worst}), nil
}

func (o *office) look(ctx context.Context, url, bearer string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	r.AddCookie(&http.Cookie{Name: "plumb", Value: bearer})
	res, err := o.http.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %d", url, res.StatusCode)
	}
	return nil
}

func (o *office) base() string { return strings.TrimSuffix(o.url, "/api/v1") }

// remember fills the ledger of a server that is stopped with events about its changes, until there are so
// many: remarks, as the server itself would record them, since they need no rows besides.
func (o *office) remember(ctx context.Context, many, changes int) error {
	d, err := db.Open(ctx, db.Config{Dir: o.dir})
	if err != nil {
		return err
	}
	defer d.Close()
	who := fault.Actor{Person: o.people["ann"], Account: o.people["ann"], Kind: fault.Human, Authn: fault.Session, Source: "bench"}
	for there := 0; there < many; {
		err := d.Update(ctx, who, func(tx *db.Tx) error {
			for range 5000 {
				seq, err := ledger.Append(tx, ledger.Event{Verb: "change.commented", Type: "change", Object: fmt.Sprintf("CHG-%06d", 1+there%changes),
					Detail: map[string]any{"text": "Looked at the idle timeout again"}})
				if err != nil {
					return err
				}
				if there = int(seq) + 1; there >= many {
					return nil
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if there%100_000 < 5000 {
			fmt.Fprintf(os.Stderr, "  %d events\n", there)
		}
	}
	return nil
}

// settled waits until all events are under a signed checkpoint.
func (o *office) settled(ctx context.Context) error {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for begin := time.Now(); time.Since(begin) < 10*time.Minute; <-tick.C {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, o.base()+"/metrics", nil)
		if err != nil {
			return err
		}
		res, err := o.http.Do(r)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			return err
		}
		if strings.Contains(string(text), "plumb_ledger_lag_events 0\n") {
			return nil
		}
	}
	return errors.New("events are not under a checkpoint after ten minutes")
}
