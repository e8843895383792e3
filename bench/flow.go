package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	boundFile = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	junit     = `<testsuite name="unit" tests="1"><testcase name="a"/></testsuite>`
)

type changed struct {
	ID    string         `json:"id"`
	Rev   string         `json:"rev_digest"`
	State string         `json:"state"`
	Rest  jsontext.Value `json:",inline"`
}

var filed atomic.Int64 // numbers the targets, so that no two changes collide

// file files one change.
func (o *office) file(ctx context.Context) (c changed, err error) {
	err = o.call(ctx, "ann", "POST", "/changes", nil, map[string]any{"type": "normal", "category": "configuration", "summary": "Shorter idle timeout",
		"justification": "The policy asks for it", "components": []string{"web"}, "targets": []string{fmt.Sprintf("host-%d", filed.Add(1))},
		"bindings": []any{map[string]any{"kind": "config-file", "name": "app.conf", "digest": boundFile}},
		"rollback": map[string]any{"text": "Put the old file back"}, "implementers": []any{map[string]any{"person": o.people["ivo"]}}}, &c)
	return c, err
}

// transitions is how many durable steps one flow takes.
const transitions = 5

// flow files a change, brings its tests, submits it and approves it twice: five durable transitions.
func (o *office) flow(ctx context.Context) (c changed, err error) {
	if c, err = o.file(ctx); err != nil {
		return c, err
	}
	if err = o.call(ctx, "ann", "POST", "/changes/"+c.ID+"/evidence?format=junit&subject="+boundFile, map[string]string{"Content-Type": "application/xml"}, []byte(junit), nil); err != nil {
		return c, err
	}
	match := map[string]string{"If-Match": `"` + c.Rev + `"`}
	for _, step := range [][2]string{{"ann", "submit"}, {"sam", "approve"}, {"erin", "approve"}} {
		if err = o.call(ctx, step[0], "POST", "/changes/"+c.ID+"/"+step[1], match, map[string]any{}, &c); err != nil {
			return c, err
		}
	}
	if c.State != "authorized" {
		return c, fmt.Errorf("%s is %s after the flow", c.ID, c.State)
	}
	return c, nil
}

// benchFlow: create, test, submit and two approvals at 32 clients against single-connection commits.
func benchFlow(ctx context.Context, e *env) ([]goal, error) {
	o, err := startServer(ctx, e, filepath.Join(e.dir, "flow"))
	if err != nil {
		return nil, err
	}
	defer o.stop()
	if err := o.setUp(ctx); err != nil {
		return nil, err
	}
	var ratios []float64
	rates := map[string]float64{}
	for range e.rounds {
		twin, err := commitTwin(e.dir, e.span)
		if err != nil {
			return nil, err
		}
		flows, err := closed(ctx, 32, e.span, func(ctx context.Context, _ int) error {
			_, err := o.flow(ctx)
			return err
		})
		if err != nil {
			return nil, err
		}
		ratios = append(ratios, flows*transitions/twin)
		rates["transitions/s"], rates["twin commits/s"] = flows*transitions, twin
	}
	g := goal{ID: "P2", What: "durable transitions at 32 clients, of one connection's SQLite FULL commits", Unit: "×", Bound: 3, AtLeast: true, Rates: rates}
	return []goal{g.over(ratios)}, nil
}

// benchGate: the read-only verdict against a bare JSON echo.
func benchGate(ctx context.Context, e *env) ([]goal, error) {
	o, err := startServer(ctx, e, filepath.Join(e.dir, "gate"))
	if err != nil {
		return nil, err
	}
	defer o.stop()
	if err := o.setUp(ctx); err != nil {
		return nil, err
	}
	ask, err := o.readyToRun(ctx)
	if err != nil {
		return nil, err
	}
	echo, stop, err := echoTwin()
	if err != nil {
		return nil, err
	}
	defer stop()
	side := func(url, bearer string) func(context.Context, int) error {
		return func(ctx context.Context, _ int) error {
			status, err := post(ctx, o.http, url, bearer, ask, nil)
			if err == nil && status != http.StatusOK {
				err = fmt.Errorf("%s answered %d", url, status)
			}
			return err
		}
	}
	ours, twin := side(o.url+"/gate/check", o.bearers["ivo"]), side(echo, "")
	return compare(ctx, e, ours, twin)
}

// readyToRun gives a gate request that is allowed.
func (o *office) readyToRun(ctx context.Context) ([]byte, error) {
	c, err := o.flow(ctx)
	if err != nil {
		return nil, err
	}
	ask, err := json.Marshal(map[string]any{"schema": "plumb.gate-request/v1", "change": c.ID, "kind": "apply",
		"observed": []any{map[string]any{"kind": "config-file", "name": "app.conf", "digest": boundFile}}})
	if err != nil {
		return nil, err
	}
	var v struct {
		Code int            `json:"code"`
		Rest jsontext.Value `json:",inline"`
	}
	if err := o.call(ctx, "ivo", "POST", "/gate/check", nil, jsontext.Value(ask), &v); err != nil {
		return nil, err
	}
	return ask, nil
}

func compare(ctx context.Context, e *env, ours, twin func(context.Context, int) error) ([]goal, error) {
	var rate, late []float64
	rates := map[string]float64{}
	for range e.rounds {
		base, err := closed(ctx, 32, e.span, twin)
		if err != nil {
			return nil, err
		}
		gate, err := closed(ctx, 32, e.span, ours)
		if err != nil {
			return nil, err
		}
		baseP99, err := open(ctx, 500, e.span, func(ctx context.Context) error { return twin(ctx, 0) })
		if err != nil {
			return nil, err
		}
		gateP99, err := open(ctx, 500, e.span, func(ctx context.Context) error { return ours(ctx, 0) })
		if err != nil {
			return nil, err
		}
		rate, late = append(rate, gate/base), append(late, float64(gateP99)/float64(baseP99))
		rates["gate/s"], rates["echo/s"] = gate, base
		rates["gate p99 ms"], rates["echo p99 ms"] = gateP99.Seconds()*1000, baseP99.Seconds()*1000
	}
	t := goal{ID: "P3a", What: "gate check throughput at 32 clients, of a bare JSON echo", Unit: "×", Bound: 0.5, AtLeast: true, Rates: rates}
	l := goal{ID: "P3b", What: "gate check p99 at 500/s open load, of the echo's", Unit: "×", Bound: 2.5, Rates: rates}
	return []goal{t.over(rate), l.over(late)}, nil
}

// benchGrowth: the same flow on a server with few changes and on one with a hundred thousand, in turn;
// then a restart of the large one.
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
		few, err := closed(ctx, 8, e.span, func(ctx context.Context, _ int) error { _, err := small.flow(ctx); return err })
		if err != nil {
			return nil, err
		}
		lots, err := closed(ctx, 8, e.span, func(ctx context.Context, _ int) error { _, err := large.flow(ctx); return err })
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
	wait := time.NewTimer(3 * time.Second) // idle: what the start left is collected
	<-wait.C
	memory, err := large.rss()
	if err != nil {
		return nil, err
	}
	ready := goal{ID: "P15a", What: fmt.Sprintf("seconds until ready with %d changes", many), Unit: "s", Bound: 1}
	idle := goal{ID: "P15b", What: "MiB resident when idle", Unit: "MiB", Bound: 100}
	return []goal{g.over(ratios), ready.over([]float64{large.ready.Seconds()}), idle.over([]float64{memory})}, nil
}

// grow files changes until there are so many.
func (o *office) grow(ctx context.Context, many int) error {
	var left atomic.Int64
	left.Store(int64(many))
	_, err := closed(ctx, 64, time.Hour, func(ctx context.Context, _ int) error {
		n := left.Add(-1)
		if n < 0 {
			return errEnough
		}
		if n%10_000 == 0 {
			fmt.Fprintf(os.Stderr, "  %d changes to go\n", n)
		}
		_, err := o.file(ctx)
		return err
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

var errEnough = errors.New("enough")
