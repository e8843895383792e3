package ledger_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/seal"
)

// The environment that makes the test binary play the server which is killed.
const (
	childDir    = "PLUMB_KILL_DIR"
	childSchema = "PLUMB_KILL_SCHEMA"
	childRound  = "PLUMB_KILL_ROUND"
	childKey    = "PLUMB_KILL_KEY"
)

func TestMain(m *testing.M) {
	if os.Getenv(childKey) != "" {
		if err := serveUntilKilled(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// kills is how often the server is killed in one run; each kill is at a random moment under load.
const kills = 20

func TestEverythingAcknowledgedSurvivesKill9(t *testing.T) {
	t.Parallel()
	in := installed(t)
	keyFile := t.TempDir() + "/key"
	key, err := seal.OpenKey(keyFile, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := in.d.Close(); err != nil {
		t.Fatal(err)
	}
	acked := map[string]bool{}
	for round := range kills {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childDir+"="+in.cfg.Dir, childSchema+"="+in.cfg.Schema,
			childRound+"="+fmt.Sprint(round), childKey+"="+keyFile)
		killUnderLoad(t, cmd, acked)
		if round%5 == 4 { // an auditor looks before any server has recovered
			r, err := db.OpenReader(t.Context(), in.cfg)
			if err != nil {
				t.Fatal(err)
			}
			checkAcked(t, r, key, acked)
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	d := dbtest.OpenConfig(t, in.cfg)
	if _, err := openLog(t, d, key).Integrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkAcked(t, d, key, acked)
	if len(acked) < kills {
		t.Errorf("only %d events were acknowledged before %d kills", len(acked), kills)
	}
}

// killUnderLoad lets the server acknowledge some more events, then kills it, then takes what it had
// still said.
func killUnderLoad(t *testing.T, cmd *exec.Cmd, acked map[string]bool) {
	t.Helper()
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for left := 1 + rand.IntN(300); lines.Scan(); left-- {
		acked[strings.TrimSpace(lines.Text())] = true
		if left == 0 {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != -1 {
		t.Fatalf("the server ended by itself: %v", err)
	}
}

func checkAcked(t *testing.T, d *db.DB, key *seal.Key, acked map[string]bool) {
	t.Helper()
	vkey, err := ledger.VerifierKey(origin, key.PublicBytes())
	if err != nil {
		t.Fatal(err)
	}
	if r := verify(t, d, vkey); len(r.Faults) != 0 {
		t.Fatalf("faults = %+v, want none", r.Faults)
	}
	there := map[string]bool{}
	err = d.View(t.Context(), func(tx *db.Tx) error {
		list, err := db.Collect(tx, func(row db.Scanner) (s string, err error) { return s, row.Scan(&s) }, "SELECT id FROM test_thing")
		for _, id := range list {
			there[id] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for id := range acked {
		if !there[id] {
			t.Errorf("%s was acknowledged and is gone", id)
		}
	}
}

// serveUntilKilled writes concurrently, with a sequencer beside, and prints each id once its commit
// is acknowledged.
func serveUntilKilled() error {
	ctx := context.Background()
	cfg := db.Config{Dir: os.Getenv(childDir), Schema: os.Getenv(childSchema)}
	if cfg.Schema != "" {
		cfg.URL = os.Getenv("PLUMB_TEST_DSN")
	}
	key, err := seal.OpenKey(os.Getenv(childKey), false)
	if err != nil {
		return err
	}
	d, err := db.Open(ctx, cfg)
	if err != nil {
		return err
	}
	l, err := ledger.Open(ctx, d, key, origin, nil)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := 0; ; j++ {
				id := fmt.Sprintf("%s.%d.%d", os.Getenv(childRound), i, j)
				if write(d, id, j) == nil {
					fmt.Println(id) // one write to the pipe: whole lines
				}
			}
		})
	}
	for {
		if _, err := l.Integrate(ctx); err != nil {
			return err
		}
	}
}
