package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/seal"
)

// measures lists the benchmarks in the order in which they run.
var measures = []measure{
	{"ledger", []string{"P7"}, benchLedger},
	{"flow", []string{"P2", "P2c"}, benchFlow},
	{"disk", []string{"P2d"}, benchFlowDisk},
	{"gate", []string{"P3", "P3a", "P3b"}, benchGate},
	{"token", []string{"P16"}, benchToken},
	{"plan", []string{"P6", "P6m"}, benchPlan},
	{"cold", []string{"P6c"}, benchCold},
	{"rescan", []string{"P9r"}, benchRescan},
	{"reports", []string{"P9", "P9c"}, benchReports},
	{"state", []string{"P6s"}, benchState},
	{"report", []string{"P10", "P10c"}, benchWire},
	{"million", []string{"P13"}, benchMillion},
	{"diagram", []string{"drawing"}, benchDiagram},
	{"judge", []string{"P14"}, benchJudge},
	{"prove", []string{"P8", "P8p"}, benchProve},
	{"growth", []string{"P15", "P15a", "P15b", "pages"}, benchGrowth},
}

// benchLedger: durable ledger appends at 64 clients against a file that only appends and syncs.
func benchLedger(ctx context.Context, e *env) ([]goal, error) {
	dir := filepath.Join(e.dir, "ledger")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	d, err := db.Open(ctx, db.Config{Dir: dir})
	if err != nil {
		return nil, err
	}
	defer d.Close()
	key, err := seal.NewKey()
	if err != nil {
		return nil, err
	}
	log, err := ledger.Open(ctx, d, key, "bench.example/ledger", nil)
	if err != nil {
		return nil, err
	}
	entry := bytes.Repeat([]byte("x"), 600)
	var ratios []float64
	rates := map[string]float64{}
	for range e.rounds {
		twin, err := newLogTwin(dir)
		if err != nil {
			return nil, err
		}
		raw, err := closed(ctx, 64, e.span, func(context.Context, int) error { return twin.append(entry) })
		if err != nil {
			return nil, err
		}
		if err := twin.close(); err != nil {
			return nil, err
		}
		ours, err := closed(ctx, 64, e.span, func(ctx context.Context, _ int) error {
			return d.Update(ctx, fault.SystemActor("bench"), func(tx *db.Tx) error {
				_, err := ledger.Append(tx, ledger.Event{Verb: "bench.noted", Type: "bench", Object: "x"})
				return err
			})
		})
		if err != nil {
			return nil, err
		}
		ratios = append(ratios, ours/raw)
		rates["ours/s"], rates["twin/s"] = ours, raw
	}
	if _, err := log.Integrate(ctx); err != nil {
		return nil, err
	}
	g := goal{ID: "P7", What: "ledger append at 64 clients, of a file that appends and syncs", Unit: "×", Bound: 0.25, AtLeast: true, Rates: rates}
	return []goal{g.over(ratios)}, nil
}
