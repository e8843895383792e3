package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/go-json-experiment/json"
)

// syntheticPlan writes a plan document with so many resources, each with attributes of the given size.
func syntheticPlan(path string, resources, attribute int) error {
	var b bytes.Buffer
	b.WriteString(`{"format_version":"1.2","terraform_version":"1.11.4","complete":true,"applyable":true,"errored":false,"resource_changes":[`)
	for i := range resources {
		if i > 0 {
			b.WriteByte(',')
		}
		text := strings.Repeat("lorem ipsum ", attribute/12+1)[:attribute]
		fmt.Fprintf(&b, `{"address":"null_resource.r[%d]","mode":"managed","type":"null_resource","name":"r","index":%d,"provider_name":"registry.terraform.io/hashicorp/null","change":{"actions":["update"],"before":{"id":"%d","note":"%s","size":%d,"tags":{"env":"prod","team":"web"}},"after":{"id":"%d","note":"%s","size":%d,"tags":{"env":"prod","team":"web"}},"after_unknown":{},"before_sensitive":{"tags":{}},"after_sensitive":{"tags":{}}}}`,
			i, i, i, text, i, i, text, i+1)
	}
	b.WriteString(`],"output_changes":{}}`)
	return os.WriteFile(path, b.Bytes(), 0o600)
}

// benchPlan: `plumb plan digest` on a plan document against a program that reads, parses and hashes it,
// both as processes of their own; and the memory that a 40 MB document takes.
func benchPlan(ctx context.Context, e *env) ([]goal, error) {
	small, large := filepath.Join(e.dir, "plan500.json"), filepath.Join(e.dir, "plan40m.json")
	if err := errors.Join(syntheticPlan(small, 500, 200), syntheticPlan(large, 40_000, 300)); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	var ratios []float64
	rates := map[string]float64{}
	for range e.rounds * 3 {
		twin, _, err := timed(ctx, nil, self, "-plan-twin", small)
		if err != nil {
			return nil, err
		}
		ours, _, err := timed(ctx, nil, e.plumb, "plan", "digest", "--shown", small, "-o", "json")
		if err != nil {
			return nil, err
		}
		ratios = append(ratios, ours.Seconds()/twin.Seconds())
		rates["ours ms"], rates["twin ms"] = ours.Seconds()*1000, twin.Seconds()*1000
	}
	_, peak, err := timed(ctx, nil, e.plumb, "plan", "digest", "--shown", large, "-o", "json")
	if err != nil {
		return nil, err
	}
	p := goal{ID: "P6", What: "a 500-resource plan, of a program that reads, parses and hashes it", Unit: "×", Bound: 2, Rates: rates}
	m := goal{ID: "P6m", What: "MiB for a 40 MB plan", Unit: "MiB", Bound: 300}
	return []goal{p.over(ratios), m.over([]float64{peak})}, nil
}

// taken is what a process took.
type taken struct {
	Nanos int64   `json:"nanos"`
	MiB   float64 `json:"mib"` // the most of its memory
}

// peakOf runs a command and writes what it took to a file. The kernel counts the memory of who starts a process as its own, so the one who starts it
// has to be small: this program just after its start, not in the middle of its measurements.
func peakOf(file string, command []string) error {
	if len(command) == 0 {
		return errors.New("there is no command to run")
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return err
	}
	t := taken{Nanos: time.Since(start).Nanoseconds()}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		t.MiB = float64(usage.Maxrss) / 1024
	}
	out, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return os.WriteFile(file, out, 0o600)
}

// timed runs a process and gives its time and its peak memory in MiB.
func timed(ctx context.Context, env []string, command ...string) (time.Duration, float64, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, 0, err
	}
	dir, err := os.MkdirTemp("", "plumb-bench-peak-*")
	if err != nil {
		return 0, 0, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "taken")
	cmd := exec.CommandContext(ctx, self, append([]string{"-peak", file, "--"}, command...)...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, 0, fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, out)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, 0, err
	}
	var t taken
	err = json.Unmarshal(text, &t)
	return time.Duration(t.Nanos), t.MiB, err
}
