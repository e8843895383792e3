// Command bench measures Plumbline against twins: small programs that do only the unavoidable physical
// work of the same task, run alternately with it on the same machine. It prints one table: goal, ratio,
// bound. A ratio survives a slow or busy machine; a rate does not.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/go-json-experiment/json"
)

// goal is one line of the table.
type goal struct {
	ID      string             `json:"id"`
	What    string             `json:"what"`
	Ratio   float64            `json:"ratio"` // median of the rounds' ratios, or the figure itself
	Low     float64            `json:"low"`
	High    float64            `json:"high"`
	Bound   float64            `json:"bound"`
	AtLeast bool               `json:"at_least"` // the bound is a floor; else a ceiling
	Unit    string             `json:"unit"`     // "×" for ratios
	Held    bool               `json:"held"`
	Rates   map[string]float64 `json:"rates"` // what each side did, for the curious
}

// measure is one benchmark: it fills in the ratios of its goals.
type measure struct {
	name  string
	goals []string // ids of the goals that it gives
	run   func(context.Context, *env) ([]goal, error)
}

// env is what all benchmarks share.
type env struct {
	rounds int
	span   time.Duration // length of one side of one round
	plumb  string        // the built binary
	dir    string
	quick  bool
}

func main() {
	var e env
	asJSON := flag.Bool("json", false, "print one JSON document")
	only := flag.String("only", "", "run only these benchmarks or goals, with commas between: flow, P2, growth, …")
	slack := flag.Float64("slack", 1, "widen every bound by this factor; CI uses 1.5")
	flag.IntVar(&e.rounds, "rounds", 5, "rounds of each alternation")
	flag.DurationVar(&e.span, "span", 3*time.Second, "length of one side of one round")
	flag.StringVar(&e.plumb, "plumb", "build/plumb", "the built program")
	flag.BoolVar(&e.quick, "quick", false, "smaller growth steps, for a first look")
	part := parts{}
	flag.StringVar(&part.plan, "plan-twin", "", "be the plan twin: read, parse and hash this file")
	flag.StringVar(&part.commits, "commit-twin", "", "be the commit twin in this folder, and print commits a second")
	flag.StringVar(&part.peak, "peak", "", "run the command that follows, and write what it took to this file")
	flag.Parse()
	if done, err := part.play(&e); done {
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(2)
		}
		return
	}
	held, err := runAll(context.Background(), &e, *only, *slack, *asJSON)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	if !held {
		os.Exit(1)
	}
}

// parts are what this program is when it starts itself.
type parts struct{ plan, commits, peak string }

func (p parts) play(e *env) (done bool, err error) {
	switch {
	case p.plan != "":
		return true, planTwin(p.plan)
	case p.commits != "":
		rate, err := commitTwin(p.commits, e.span)
		fmt.Println(rate)
		return true, err
	case p.peak != "":
		return true, peakOf(p.peak, flag.Args())
	}
	return false, nil
}

func runAll(ctx context.Context, e *env, only string, slack float64, asJSON bool) (held bool, err error) {
	chosen, err := choose(only)
	if err != nil {
		return false, err
	}
	if e.dir, err = os.MkdirTemp("", "plumb-bench-*"); err != nil {
		return false, err
	}
	defer os.RemoveAll(e.dir)
	var all []goal
	held = true
	for _, m := range chosen {
		fmt.Fprintln(os.Stderr, "measuring", m.name, "…")
		goals, err := m.run(ctx, e)
		if err != nil {
			return false, fmt.Errorf("%s: %w", m.name, err)
		}
		for i := range goals {
			goals[i].judge(slack)
			held = held && goals[i].Held
		}
		all = append(all, goals...)
	}
	if asJSON {
		return held, json.MarshalWrite(os.Stdout, all)
	}
	printTable(all)
	return held, nil
}

// choose finds the benchmarks that are asked for by their names or by goals of theirs; all for none.
func choose(only string) ([]measure, error) {
	if only == "" {
		return measures, nil
	}
	wanted := map[string]bool{}
	for _, word := range strings.Split(only, ",") {
		wanted[strings.ToLower(strings.TrimSpace(word))] = true
	}
	var out []measure
	for _, m := range measures {
		hit := false
		for _, name := range append([]string{m.name}, m.goals...) {
			name = strings.ToLower(name)
			hit = hit || wanted[name]
			delete(wanted, name)
		}
		if hit {
			out = append(out, m)
		}
	}
	for word := range wanted {
		return nil, fmt.Errorf("no benchmark has the name or goal %q", word)
	}
	return out, nil
}

func (g *goal) judge(slack float64) {
	if g.AtLeast {
		g.Held = g.Ratio >= g.Bound/slack
		return
	}
	g.Held = g.Ratio <= g.Bound*slack
}

// over fills a goal from the ratios of its rounds.
func (g goal) over(ratios []float64) goal {
	slices.Sort(ratios)
	g.Ratio, g.Low, g.High = ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1]
	return g
}

func printTable(all []goal) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "GOAL\tMEASURED\tRANGE\tBOUND\tHELD\tWHAT")
	for _, g := range all {
		sign := "≤"
		if g.AtLeast {
			sign = "≥"
		}
		held := "yes"
		if !g.Held {
			held = "NO"
		}
		fmt.Fprintf(w, "%s\t%.2f %s\t%.2f…%.2f\t%s %.2f\t%s\t%s\n", g.ID, g.Ratio, g.Unit, g.Low, g.High, sign, g.Bound, held, g.What)
	}
	w.Flush()
}
