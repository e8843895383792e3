package agent_test

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/agent"
	"plumbline.dev/plumb/internal/fleet"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/probe"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/server/servertest"
)

// world is what a pretended host says; tests change it. It belongs to the test's goroutine.
type world map[string]string

func (w world) collectors() []probe.Collector {
	return []probe.Collector{{Name: "system", Collect: func(context.Context) ([]probe.Fact, error) {
		out := []probe.Fact{{Path: "system.uptime", Value: "5", Volatile: true}}
		for path, v := range w {
			out = append(out, probe.Fact{Path: path, Value: v})
		}
		return out, nil
	}}}
}

// machine is what the machine that the test runs on is at this moment; other tests change it all the time.
func machine(t testing.TB) world {
	t.Helper()
	w := world{}
	for path, v := range agent.Collect(t.Context(), agent.Config{Collectors: probe.Collectors(), Now: time.Now}, nil).Facts {
		w[path] = string(v)
	}
	delete(w, "agent.version")
	return w
}

func config(t testing.TB, list []probe.Collector) agent.Config {
	t.Helper()
	return agent.Config{Dir: t.TempDir(), Collectors: list, Boot: "boot-1", Version: "test", Now: time.Now, Log: slog.New(slog.DiscardHandler)}
}

func token(t testing.TB, s *servertest.Server) seal.Secret {
	t.Helper()
	var made struct {
		Secret string `json:"secret"`
	}
	s.As("olga").Want(http.StatusCreated, "POST", "/agent/tokens", map[string]any{"note": "a host"}).Into(&made)
	return seal.Secret(made.Secret)
}

func enrolled(t testing.TB, s *servertest.Server, cfg agent.Config) string {
	t.Helper()
	id, err := agent.Enrol(t.Context(), cfg, s.URL, "", token(t, s), "host-1")
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func once(t testing.TB, cfg agent.Config) agent.Sent {
	t.Helper()
	a, err := agent.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	s, err := a.Once(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// standing gives what the server knows of its one agent.
func standing(t testing.TB, s *servertest.Server) fleet.Standing {
	t.Helper()
	var list struct {
		Items []fleet.Standing `json:"items"`
	}
	s.As("olga").Want(http.StatusOK, "GET", "/agents", nil).Into(&list)
	if len(list.Items) != 1 {
		t.Fatalf("%d agents", len(list.Items))
	}
	return list.Items[0]
}

// taken waits until what the agent reported is in the inventory.
func taken(t testing.TB, s *servertest.Server) fleet.Standing {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		if x := standing(t, s); x.Presence.Root != "" && x.Presence.Root == x.Presence.Taken {
			return x
		}
		<-time.After(50 * time.Millisecond)
	}
	t.Fatal("what the agent reported does not come into the inventory")
	return fleet.Standing{}
}

func assets(t testing.TB, s *servertest.Server) []inventory.Asset {
	t.Helper()
	var list struct {
		Items []inventory.Asset `json:"items"`
	}
	s.As("olga").Want(http.StatusOK, "GET", "/assets", nil).Into(&list)
	return list.Items
}

func TestAHostThatEnrolsBecomesAnAssetAndThenSaysOnlyThatNothingChanged(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	cfg := config(t, machine(t).collectors())
	enrolled(t, s, cfg)
	first := once(t, cfg)
	if first.State != "accepted" || first.Messages != 2 {
		t.Errorf("the first report: %+v", first)
	}
	taken(t, s)
	list := assets(t, s)
	if len(list) != 1 || list[0].Class != inventory.Host || list[0].Name != probe.Hostname() {
		t.Fatalf("the inventory holds %+v", list)
	}
	second := once(t, cfg)
	if second.State != "unchanged" || second.Messages != 1 {
		t.Errorf("the second report: %+v", second)
	}
}
