package agent_test

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/agent"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/fleet"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/server/servertest"
)

// eventually waits until the server has taken in what it was told.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); <-time.After(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

func questions(t testing.TB, s *servertest.Server) []inventory.Question {
	t.Helper()
	var list struct {
		Items []inventory.Question `json:"items"`
	}
	s.As("olga").Want(http.StatusOK, "GET", "/questions", nil).Into(&list)
	return list.Items
}

// board is a machine with a disk whose machine-id others may have as well.
func board(serial string) world {
	return world{"system.hostname": `"host-1"`, "system.machine-id": `"c0ffee"`, "hardware.dmi.product-serial": `"` + serial + `"`}
}

// allTaken reports whether the inventory has what every agent said that is believed, and nothing of the others.
func allTaken(t testing.TB, s *servertest.Server) bool {
	t.Helper()
	var list struct {
		Items []fleet.Standing `json:"items"`
	}
	s.As("olga").Want(http.StatusOK, "GET", "/agents", nil).Into(&list)
	for _, x := range list.Items {
		if x.Agent.Revoked != 0 && x.Presence.Taken != "" || x.Agent.Revoked == 0 && x.Presence.Root != x.Presence.Taken {
			return false
		}
	}
	return true
}

// Agents that a timer starts are each a new start: it is the kernel's boot that comes back after another one.
func TestAKeyOnTwoMachinesThatReportFromTimersIsFound(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	cfg := config(t, board("S1").collectors())
	enrolled(t, s, cfg)
	once(t, cfg)
	once(t, cfg)
	clone := config(t, board("S1").collectors())
	if err := os.CopyFS(clone.Dir, os.DirFS(cfg.Dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(clone.Dir+"/agent.key", 0o600); err != nil {
		t.Fatal(err)
	}
	clone.Boot = "boot-2"
	once(t, clone)
	first, err := agent.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	_, err = first.Once(t.Context())
	refused(t, err, "key_shared")
}

// A copied disk brings the agent's key along. Somebody is asked, ends the key, and each machine enrols: the one whose board is known
// is the asset that it was, the other one is new.
func TestAKeyOnTwoMachinesIsAskedAboutAndMendedByEnrollingBoth(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	cfg := config(t, board("S1").collectors())
	id := enrolled(t, s, cfg)
	first, err := agent.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if _, err := first.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	taken(t, s)
	was := assets(t, s)
	clone := config(t, board("S1").collectors())
	if err := os.CopyFS(clone.Dir, os.DirFS(cfg.Dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(clone.Dir+"/agent.key", 0o600); err != nil {
		t.Fatal(err)
	}
	once(t, clone)
	_, err = first.Once(t.Context())
	refused(t, err, "key_shared")
	eventually(t, "nobody is asked about the key", func() bool { return len(questions(t, s)) == 1 })
	if q := questions(t, s)[0]; q.Kind != "key_shared" || q.Asset != was[0].ID || !strings.Contains(q.Detail, "plumb agent revoke "+id) {
		t.Errorf("asked %+v", q)
	}
	var h inventory.Health
	s.As("olga").Want(http.StatusOK, "GET", "/sources/agents", nil).Into(&h)
	if len(h.Questions) != 1 || h.Questions[0].Kind != "key_shared" {
		t.Errorf("the health of the agents' source says %+v", h.Questions)
	}

	s.As("olga").Want(http.StatusNoContent, "POST", "/agents/"+id+"/revoke", map[string]any{"reason": "its disk was copied"})
	_, err = first.Once(t.Context())
	refused(t, err, "agent_revoked")
	if next := fault.Of(err).Next; !strings.Contains(next, "plumb agent enrol") {
		t.Errorf("the next step is %q", next)
	}
	eventually(t, "the agent that was ended is believed", func() bool { return allTaken(t, s) })
	if a := assets(t, s); len(a) != 1 || a[0].State != inventory.Silent {
		t.Errorf("without an agent the host is %+v", a)
	}

	again := config(t, board("S1").collectors())
	enrolled(t, s, again)
	once(t, again)
	eventually(t, "the host is not taken", func() bool { return allTaken(t, s) })
	if a := assets(t, s); len(a) != 1 || a[0].ID != was[0].ID || a[0].State != inventory.Present {
		t.Errorf("enrolled again it is %+v", a)
	}
	other := config(t, board("S2").collectors())
	enrolled(t, s, other)
	once(t, other)
	eventually(t, "the copy is not taken", func() bool { return allTaken(t, s) })
	if a := assets(t, s); len(a) != 2 {
		t.Errorf("the copy is %+v", a)
	}
	if q := questions(t, s); len(q) != 1 || q[0].Kind != "identity_conflict" { // whose key it was is answered
		t.Errorf("asked %+v", q)
	}
}
