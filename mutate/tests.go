package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// suite is the compiled tests of one package.
type suite struct {
	pkg    string
	binary string
	tests  []test // quick ones first
	cpu    *meter
}

// test is one test alone.
type test struct {
	name  string
	took  time.Duration
	fired map[int]bool // guards that said no in it
}

// meter adds up the processor time of the runs.
type meter struct {
	mu  sync.Mutex
	sum time.Duration // guarded by mu
}

func (m *meter) add(p *os.ProcessState) {
	if p == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sum += p.UserTime() + p.SystemTime()
}

var (
	testName = regexp.MustCompile(`^(Test|Fuzz|Example)`)
	passed   = regexp.MustCompile(`(?m)^--- PASS: \S+ \(([0-9.]+)s\)`)
	broke    = regexp.MustCompile(`(?m)^\s*--- FAIL: ([^\s/]+)`)
)

// profile runs each test of the suite alone: it must pass, takes its time, and meets its guards.
func (s *suite) profile(ctx context.Context, jobs int, skip *regexp.Regexp) error {
	out, err := s.command(ctx, "-test.list", ".").Output()
	if err != nil {
		return fmt.Errorf("list tests of %s: %w", s.pkg, err)
	}
	for _, name := range strings.Fields(string(out)) {
		if testName.MatchString(name) && (skip == nil || !skip.MatchString(name)) {
			s.tests = append(s.tests, test{name: name, fired: map[int]bool{}})
		}
	}
	err = each(jobs, len(s.tests), func(i int) error { return s.alone(ctx, &s.tests[i], true) })
	slices.SortStableFunc(s.tests, func(a, b test) int { return int(a.took - b.took) })
	return err
}

// alone runs one test; one that fails may try once more, for the machine can be busy.
func (s *suite) alone(ctx context.Context, t *test, again bool) error {
	notes := filepath.Join(filepath.Dir(s.binary), "fired_"+strings.ReplaceAll(s.pkg, "/", "_")+"_"+t.name)
	cmd := s.command(ctx, "-test.v", "-test.run", "^"+t.name+"$")
	cmd.Env = append(cmd.Env, firedVar+"="+notes)
	out, err := cmd.CombinedOutput()
	s.cpu.add(cmd.ProcessState)
	if err != nil && again && ctx.Err() == nil {
		return s.alone(ctx, t, false)
	}
	if err != nil {
		return fmt.Errorf("%s: %s fails with every guard in place: %w\n%s", s.pkg, t.name, err, tail(out))
	}
	if m := passed.FindSubmatch(out); m != nil {
		seconds, _ := strconv.ParseFloat(string(m[1]), 64)
		t.took = time.Duration(seconds * float64(time.Second))
	}
	fired, err := os.ReadFile(notes)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, line := range strings.Fields(string(fired)) {
		n, err := strconv.Atoi(line)
		if err != nil {
			return err
		}
		t.fired[n] = true
	}
	return nil
}

func (s *suite) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.binary, args...)
	cmd.Dir, cmd.Env = s.pkg, os.Environ()
	cmd.WaitDelay = time.Second
	return cmd
}

// meeting gives the tests in which one of the guards said no, quick ones first.
func (s *suite) meeting(off []int) []test {
	var out []test
	for _, t := range s.tests {
		if slices.ContainsFunc(off, func(n int) bool { return t.fired[n] }) {
			out = append(out, t)
		}
	}
	return out
}

// batches cuts tests into runs: the quickest alone, then more at once, the slow ones alone again.
func batches(tests []test) [][]test {
	var out [][]test
	var now []test
	var sum time.Duration
	room := 50 * time.Millisecond
	for _, t := range tests {
		if len(now) > 0 && sum+t.took > room {
			out, now, sum = append(out, now), nil, 0
			room = min(4*room, 2*time.Second)
		}
		now, sum = append(now, t), sum+t.took
	}
	if len(now) > 0 {
		out = append(out, now)
	}
	return out
}

// killer runs tests without some guards and gives the first that notices; "" if none does.
func (s *suite) killer(ctx context.Context, tests []test, off []int) (string, error) {
	for _, batch := range batches(tests) {
		var names []string
		limit := 20 * time.Second
		for _, t := range batch {
			names = append(names, t.name)
			limit += 10 * t.took
		}
		by, err := s.run(ctx, names, off, limit)
		if strings.HasSuffix(by, endless) { // the machine can be busy: that alone shows nothing
			by, err = s.run(ctx, names, off, 6*limit)
		}
		if by != "" || err != nil {
			return by, err
		}
	}
	return "", nil
}

// endless is said of a test that was still running at its limit.
const endless = " does not end"

func (s *suite) run(ctx context.Context, names []string, off []int, limit time.Duration) (string, error) {
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := s.command(bounded, "-test.failfast", "-test.v", "-test.run", "^("+strings.Join(names, "|")+")$")
	list := make([]string, len(off))
	for i, n := range off {
		list[i] = strconv.Itoa(n)
	}
	cmd.Env = append(cmd.Env, offVar+"="+strings.Join(list, ","))
	out, err := cmd.CombinedOutput()
	s.cpu.add(cmd.ProcessState)
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err == nil:
		return "", nil
	case bounded.Err() != nil:
		return names[0] + endless, nil
	case !errors.As(err, &exit):
		return "", fmt.Errorf("run tests of %s: %w", s.pkg, err)
	}
	if m := broke.FindSubmatch(out); m != nil {
		return string(m[1]), nil
	}
	return names[0] + " breaks off", nil
}

// each calls f for 0 … n-1, some side by side, and gives the first error.
func each(jobs, n int, f func(i int) error) error {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failed error
	next := make(chan int)
	for range jobs {
		wg.Go(func() {
			for i := range next {
				err := f(i)
				mu.Lock()
				if failed == nil {
					failed = err
				}
				mu.Unlock()
			}
		})
	}
	for i := range n {
		mu.Lock()
		stop := failed != nil
		mu.Unlock()
		if stop {
			break
		}
		next <- i
	}
	close(next)
	wg.Wait()
	return failed
}

func tail(out []byte) string {
	return string(out[max(0, len(out)-2000):])
}
