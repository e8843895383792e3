package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
)

// benchCold: `plumb version` against a Go program that does nothing. What lies between is what every
// command pays before its own work; docs/adr/0010 says why the goal is not met.
func benchCold(ctx context.Context, e *env) ([]goal, error) {
	source, twin := filepath.Join(e.dir, "empty.go"), filepath.Join(e.dir, "empty")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		return nil, err
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", twin, source)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return nil, err
	}
	var ratios []float64
	rates := map[string]float64{}
	for range e.rounds * 6 {
		empty, _, err := timed(ctx, nil, twin)
		if err != nil {
			return nil, err
		}
		ours, _, err := timed(ctx, nil, e.plumb, "version")
		if err != nil {
			return nil, err
		}
		ratios = append(ratios, ours.Seconds()/empty.Seconds())
		rates["ours ms"], rates["twin ms"] = ours.Seconds()*1000, empty.Seconds()*1000
	}
	g := goal{ID: "P6c", What: "cold start: plumb version, of an empty Go program", Unit: "×", Bound: 2.5, Rates: rates}
	return []goal{g.over(ratios)}, nil
}
