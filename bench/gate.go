package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

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
	couriers, hangUp, err := o.couriers(ctx, 1)
	if err != nil {
		return nil, err
	}
	defer hangUp()
	id, err := couriers[0].flow()
	if err != nil {
		return nil, err
	}
	ask, err := json.Marshal(map[string]any{"schema": "plumb.gate-request/v1", "change": id, "kind": "apply",
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
