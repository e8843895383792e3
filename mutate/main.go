// Command mutate shows that the tests hold every guard: it takes the guards of a package away one by
// one and asks that some test fails each time. A guard is a condition behind which a function refuses,
// denies, or leaves something out of what counts. A guard whose removal no test notices is reported,
// and the command fails.
//
// All guards are compiled into one test binary, each behind a switch; a run of that binary per guard
// takes that guard away.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

func main() {
	only := flag.String("only", "", "number of the one guard to take away")
	jobs := flag.Int("jobs", 2, "test runs side by side")
	limit := flag.Duration("limit", 4*time.Minute, "longest run; a guard without which a test never ends is held too")
	skip := flag.String("skip", "", "file with the guards that are held elsewhere, a line each: place, then why")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: mutate [flags] PACKAGE-FOLDER…")
		os.Exit(2)
	}
	ok := true
	for _, dir := range flag.Args() {
		held, err := mutate(context.Background(), dir, *only, *skip, *jobs, *limit)
		if err != nil {
			fmt.Fprintln(os.Stderr, "mutate:", err)
			os.Exit(2)
		}
		ok = ok && held
	}
	if !ok {
		os.Exit(1)
	}
}

// mutate tries every guard of one package folder.
func mutate(ctx context.Context, dir, only, skipFile string, jobs int, limit time.Duration) (bool, error) {
	work, err := os.MkdirTemp("", "mutate-*")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(work)
	guards, overlay, err := instrument(dir, work)
	if err != nil {
		return false, err
	}
	excused, err := readSkips(skipFile)
	if err != nil {
		return false, err
	}
	binary := filepath.Join(work, "guards.test")
	if err := build(ctx, dir, work, binary, overlay); err != nil {
		return false, err
	}
	if survived, err := survives(ctx, binary, dir, "none", limit); err != nil || !survived {
		return false, fmt.Errorf("%s: the tests fail with every guard in place: %w", dir, errors.Join(err, errors.New("mend them first")))
	}
	return try(ctx, binary, dir, guards, excused, only, jobs, limit)
}

func try(ctx context.Context, binary, dir string, guards []guard, excused map[string]string, only string, jobs int, limit time.Duration) (bool, error) {
	var mu sync.Mutex
	var open []guard
	var failed error
	var tried, left int
	var wg sync.WaitGroup
	slots := make(chan struct{}, jobs)
	for _, g := range guards {
		if only != "" && only != strconv.Itoa(g.n) {
			continue
		}
		if _, ok := excused[g.key()]; ok {
			left++
			continue
		}
		tried++
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			survived, err := survives(ctx, binary, dir, strconv.Itoa(g.n), limit)
			mu.Lock()
			defer mu.Unlock()
			failed = errors.Join(failed, err)
			if survived {
				open = append(open, g)
				fmt.Printf("OPEN %d %s: %s\n", g.n, g.place, g.text)
			}
		})
	}
	wg.Wait()
	fmt.Printf("%s: %d guards taken away one by one, %d held by a test, %d not, %d held elsewhere\n", dir, tried, tried-len(open), len(open), left)
	return len(open) == 0, failed
}

// survives runs the tests without one guard; true means that no test noticed.
func survives(ctx context.Context, binary, dir, n string, limit time.Duration) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "-test.failfast")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PLUMB_GUARD_OFF="+n)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return true, nil
	case errors.As(err, &exit) || ctx.Err() != nil:
		return false, nil
	}
	return false, fmt.Errorf("run tests: %w: %s", err, out)
}

func build(ctx context.Context, dir, work, binary string, overlay map[string]string) error {
	plan, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		return err
	}
	file := filepath.Join(work, "overlay.json")
	if err := os.WriteFile(file, plan, 0o600); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-overlay", file, "-o", binary, "./"+filepath.ToSlash(filepath.Clean(dir)))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build tests with switches: %w\n%s", err, out)
	}
	return nil
}

// readSkips reads the guards that another package's tests or another guard holds, with the reason.
func readSkips(file string) (map[string]string, error) {
	out := map[string]string{}
	if file == "" {
		return out, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		place, why, ok := strings.Cut(line, " | ")
		if !ok || strings.TrimSpace(why) == "" {
			return nil, fmt.Errorf("%s: %q gives no reason behind ' | '", file, line)
		}
		out[strings.TrimSpace(place)] = why
	}
	return out, nil
}
