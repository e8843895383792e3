// Command mutate shows that the tests hold every guard: it takes the guards of some packages away one
// by one and asks that some test fails each time. A guard is a condition behind which a function
// refuses, denies, notes a fault, or leaves something out of what counts, and each place where a rule is
// asked and its no handed on. A guard whose removal no test notices is named, and the command fails.
//
// All guards are compiled into one test binary per package, each behind a switch that the environment
// turns off; the tree is not touched. First each test runs alone, and notes which guards said no in it:
// only those tests can notice that a guard is gone. Then each guard is taken away, and those tests run,
// quick ones first, until one fails.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"sync"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	ok, err := mutate(ctx, os.Args[1:])
	stop()
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(2)
	case !ok:
		os.Exit(1)
	}
}

// runner is one run over everything.
type runner struct {
	o      *overlay
	claims map[string]claim
	jobs   int
	limit  time.Duration
	skip   *regexp.Regexp
	cpu    meter

	mu     sync.Mutex
	suites map[string]*suite // by package; guarded by mu while claims are tried
}

func mutate(ctx context.Context, args []string) (ok bool, err error) {
	flags := flag.NewFlagSet("mutate", flag.ExitOnError)
	jobs := flags.Int("jobs", 2, "test runs side by side")
	limit := flags.Duration("limit", 3*time.Minute, "longest run of a test of another package")
	held := flags.String("held", "", "file with the guards that are held elsewhere")
	only := flags.String("only", "", "take away only guards whose file, function and condition match")
	revision := flags.String("since", "", "take away only guards on lines that git says changed since this revision")
	skip := flags.String("skip", "", "tests to leave out")
	form := flags.String("o", "text", "text or json")
	if err := flags.Parse(args); err != nil {
		return false, err
	}
	if flags.NArg() == 0 || *form != "text" && *form != "json" {
		return false, fmt.Errorf("usage: mutate [flags] PACKAGE-FOLDER-OR-FILE…")
	}
	dir, err := os.MkdirTemp("", "mutate-*")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	r := &runner{jobs: *jobs, limit: *limit, suites: map[string]*suite{}}
	if *skip != "" {
		if r.skip, err = regexp.Compile(*skip); err != nil {
			return false, err
		}
	}
	chosen, err := regexp.Compile(*only)
	if err != nil {
		return false, err
	}
	if r.claims, err = readClaims(*held); err != nil {
		return false, err
	}
	if r.o, err = instrument(flags.Args(), dir); err != nil {
		return false, err
	}
	meant := func(g guard) bool { return chosen.MatchString(g.key()) }
	if *revision != "" {
		c, err := since(ctx, *revision)
		if err != nil {
			return false, err
		}
		meant = func(g guard) bool { return c.has(g) && chosen.MatchString(g.key()) }
	}
	rows, err := r.all(ctx, meant)
	if err != nil {
		return false, err
	}
	rep := r.report(rows, *only == "" && *revision == "")
	return rep.OK, rep.write(os.Stdout, *form)
}

// all profiles the tests of each package, then takes its guards away.
func (r *runner) all(ctx context.Context, meant func(guard) bool) ([]row, error) {
	var rows []row
	for _, g := range r.o.guards {
		if meant(g) {
			rows = append(rows, row{guard: g})
		}
	}
	for _, x := range rows {
		if r.suites[x.pkg] != nil {
			continue
		}
		s, err := r.suite(ctx, x.pkg)
		if err != nil {
			return nil, err
		}
		if err := s.profile(ctx, r.jobs, r.skip); err != nil {
			return nil, err
		}
		fmt.Fprintf(os.Stderr, "mutate: %s: %d tests\n", s.pkg, len(s.tests))
	}
	err := each(r.jobs, len(rows), func(i int) error {
		err := r.judge(ctx, &rows[i])
		if i%100 == 99 || rows[i].State == survived {
			fmt.Fprintf(os.Stderr, "mutate: guard %d of %d: %s %s\n", i+1, len(rows), rows[i].key(), rows[i].State)
		}
		return err
	})
	return rows, err
}

// suite builds the tests of a package once.
func (r *runner) suite(ctx context.Context, pkg string) (*suite, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.suites[pkg]; s != nil {
		return s, nil
	}
	if strings.HasPrefix(pkg, "-") {
		return nil, fmt.Errorf("%q is no package", pkg)
	}
	binary, err := r.o.build(ctx, pkg)
	if err != nil {
		return nil, err
	}
	r.suites[pkg] = &suite{pkg: pkg, binary: binary, cpu: &r.cpu}
	return r.suites[pkg], nil
}

// judge takes one guard away.
func (r *runner) judge(ctx context.Context, x *row) (err error) {
	s, err := r.suite(ctx, x.pkg)
	if err != nil {
		return err
	}
	tests := s.meeting([]int{x.n})
	x.Met = len(tests)
	off := []int{x.n}
	if x.By, err = s.killer(ctx, tests, off); err != nil {
		return err
	}
	c, claimed := r.claims[x.key()]
	switch {
	case x.By != "" && claimed:
		x.State, x.Why = killed, "is on the list of guards held elsewhere, and need not be"
	case x.By != "":
		x.State = killed
	case claimed:
		if x.By, err = r.shown(ctx, x.guard, c); err != nil {
			return fmt.Errorf("%s: %w", x.key(), err)
		}
		switch x.State, x.Why = elsewhere, c.why; x.By {
		case "":
			x.State, x.Why = survived, "not held by "+c.by
		case "nothing":
			x.State = excused
		}
	default:
		x.State = survived
		if x.Met == 0 {
			x.Why = "no test meets it"
		}
	}
	return nil
}
