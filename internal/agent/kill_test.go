package agent_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/agent"
	"plumbline.dev/plumb/internal/server/servertest"
)

// TestMain lets the test binary be the agent that is killed.
func TestMain(m *testing.M) {
	dir := os.Getenv("PLUMB_TEST_AGENT")
	switch {
	case dir != "" && os.Getenv("PLUMB_TEST_WHOLE_HOST") != "":
		beAnAgent(dir)
		return
	case dir == "":
		os.Exit(m.Run())
	}
	w := world{"system.hostname": `"host-1"`, "system.kernel": os.Getenv("PLUMB_TEST_KERNEL")}
	a, err := agent.Open(agent.Config{Dir: dir, Collectors: w.collectors(), Boot: "boot-1", Version: "test", Now: time.Now})
	if err == nil {
		_, err = a.Once(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func TestAnAgentKilledWhileItReportsGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	w := world{"system.hostname": `"host-1"`, "system.kernel": `"0"`}
	cfg := config(t, w.collectors())
	enrolled(t, s, cfg)
	once(t, cfg)
	killed := 0
	for i := range 12 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "PLUMB_TEST_AGENT="+cfg.Dir, fmt.Sprintf(`PLUMB_TEST_KERNEL="%d"`, i%5))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(rand.N(120*time.Millisecond), func() { _ = cmd.Process.Kill() })
		if err := cmd.Wait(); err != nil {
			killed++
		}
		timer.Stop()
	}
	if killed == 0 {
		t.Error("no agent was killed")
	}
	w["system.kernel"] = `"last"`
	taken(t, s)
	for { // what the killed ones left goes first, one state after the inventory has the one before
		if sent := once(t, cfg); sent.State == "unchanged" {
			break
		}
	}
	x := taken(t, s)
	want := agent.Collect(t.Context(), cfg, nil).Facts.Root()
	if st, err := agent.StatusOf(cfg); err != nil || st.Waiting != 0 || st.Lost != 0 || x.Presence.Root != want || x.Agent.Conflict != 0 {
		t.Errorf("after %d kills: %+v %v, server %+v, want root %s", killed, st, err, x, want)
	}
}
