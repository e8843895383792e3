package agent_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/agent"
	"plumbline.dev/plumb/internal/probe"
	"plumbline.dev/plumb/internal/server/servertest"
)

// What docs/agent.md promises a host.
const (
	mostMemory = 60 << 10 // KiB, the most that was ever resident
	mostCPU    = 2 * time.Second
)

// beAnAgent is the program of a child: the whole host is read, and 3,000 packages more than it has, so that it is a large one.
func beAnAgent(dir string) {
	many := probe.Collector{Name: "more", Collect: func(context.Context) ([]probe.Fact, error) {
		out := make([]probe.Fact, 3000)
		for i := range out {
			out[i] = probe.Fact{Path: fmt.Sprintf("more.libexample%d-perl", i), Value: fmt.Sprintf(`"%d.36.0-7+deb12u%d amd64"`, i%9, i%4)}
		}
		return out, nil
	}}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	a, err := agent.Open(agent.Config{Dir: dir, Collectors: append(probe.Collectors(), many), Boot: "boot-1", Version: "test", Now: time.Now,
		Log: slog.New(slog.DiscardHandler)})
	if err == nil && os.Getenv("PLUMB_TEST_WHOLE_HOST") == "once" {
		_, err = a.Once(ctx)
	} else if err == nil {
		err = a.Run(ctx, time.Millisecond)
	}
	b, unread := os.ReadFile("/proc/self/status")
	if err := errors.Join(err, unread); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(string(b))
}

// child starts an agent of its own on this host. The test program holds the server as well, as the plumb of a host does.
func child(t testing.TB, dir, how string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PLUMB_TEST_AGENT="+dir, "PLUMB_TEST_WHOLE_HOST="+how)
	cmd.Stdout, cmd.Stderr = new(strings.Builder), os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd
}

// used gives what a child cost the host, by the kernel's count: its memory at the highest is in the status that it leaves. (The count
// that wait gives begins with that of the test that started it.)
func used(t testing.TB, cmd *exec.Cmd) (kib int64, cpu time.Duration) {
	t.Helper()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	out, ok := cmd.Stdout.(*strings.Builder)
	if !ok {
		t.Fatal("the child says nothing")
	}
	_, rest, _ := strings.Cut(out.String(), "VmHWM:")
	if _, err := fmt.Sscan(rest, &kib); err != nil || kib < 5<<10 {
		t.Fatalf("the kernel counted %d KiB: %v", kib, err)
	}
	return kib, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// The first report of a host is the dearest: everything is read, signed and sent.
func TestAFullCollectionOfALargeHostStaysWithinItsBounds(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	cfg := config(t, nil)
	enrolled(t, s, cfg)
	kib, cpu := used(t, child(t, cfg.Dir, "once"))
	if kib > mostMemory || cpu > mostCPU {
		t.Errorf("it kept %d KiB and took %s of processor time", kib, cpu)
	}
	if x := standing(t, s); x.Presence.Root == "" {
		t.Errorf("nothing was reported: %+v", x)
	}
	t.Logf("%d KiB, %s", kib, cpu)
}

// An agent that goes on stays as small as it was.
func TestAnAgentThatGoesOnStaysWithinItsBounds(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	cfg := config(t, nil)
	enrolled(t, s, cfg)
	cmd := child(t, cfg.Dir, "run")
	looks, last := 0, int64(0)
	for end := time.Now().Add(time.Minute); looks < 8 && time.Now().Before(end); <-time.After(20 * time.Millisecond) {
		if p := standing(t, s).Presence; p.Root != "" && p.Seen != last {
			last = p.Seen
			looks++
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	kib, cpu := used(t, cmd)
	if looks < 8 || kib > mostMemory || cpu > mostCPU*time.Duration(looks) {
		t.Errorf("after %d looks it kept %d KiB and took %s of processor time", looks, kib, cpu)
	}
	t.Logf("%d looks: %d KiB, %s", looks, kib, cpu)
}
