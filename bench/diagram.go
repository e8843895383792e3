package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/go-json-experiment/json"
)

// benchDiagram: a drawing of 2,000 things and their relationships, from the request to the last byte of its picture.
func benchDiagram(ctx context.Context, e *env) ([]goal, error) {
	o, err := startServer(ctx, e, filepath.Join(e.dir, "diagram"))
	if err != nil {
		return nil, err
	}
	defer o.stop()
	if err := o.setUp(ctx); err != nil {
		return nil, err
	}
	const hosts, networks = 1_900, 100
	var doc struct {
		Entities      []map[string]any `json:"entities"`
		Relationships []map[string]any `json:"relationships"`
	}
	for n := range networks {
		doc.Entities = append(doc.Entities, map[string]any{"_key": fmt.Sprintf("bench-network-%04d", n), "_type": "bench_network", "_class": "Network",
			"displayName": fmt.Sprintf("net-%d", n), "environment": "prod"})
	}
	for n := range hosts {
		key := fmt.Sprintf("bench-host-%06d", n)
		doc.Entities = append(doc.Entities, map[string]any{"_key": key, "_type": "bench_host", "_class": "Host", "displayName": fmt.Sprintf("host-%d", n), "environment": "prod"})
		doc.Relationships = append(doc.Relationships,
			map[string]any{"_key": "has-" + key, "_class": "HAS", "_fromEntityKey": fmt.Sprintf("bench-network-%04d", n%networks), "_toEntityKey": key},
			map[string]any{"_key": "connects-" + key, "_class": "CONNECTS", "_fromEntityKey": key, "_toEntityKey": fmt.Sprintf("bench-host-%06d", (n+7)%hosts)})
	}
	body, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	if err := o.call(ctx, "olga", "POST", "/sources", nil, map[string]any{"name": "graph", "kind": "jupiterone"}, nil); err != nil {
		return nil, err
	}
	if err := o.call(ctx, "olga", "POST", "/sources/graph/documents", map[string]string{"Content-Type": "application/json"}, body, io.Discard); err != nil {
		return nil, err
	}
	var took []float64
	for range e.rounds {
		began := time.Now()
		if err := fetch(ctx, o.http, o.url+"/drawings/network/svg?environment=prod", o.bearers["sam"]); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began).Seconds())
	}
	g := goal{ID: "drawing", What: fmt.Sprintf("seconds for a diagram of %d things", hosts+networks), Unit: "s", Bound: 2}
	return []goal{g.over(took)}, nil
}
