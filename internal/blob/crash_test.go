package blob_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"plumbline.dev/plumb/internal/blob"
	"plumbline.dev/plumb/internal/seal"
)

// The environment variable that turns the test binary into a writer to be killed.
const victim = "BLOB_TEST_VICTIM"

func TestMain(m *testing.M) {
	if dir := os.Getenv(victim); dir != "" {
		write(dir)
	}
	os.Exit(m.Run())
}

// write stores documents without end, and prints the digest of each once it is acknowledged.
func write(dir string) {
	f, err := blob.Open(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for i := uint64(0); ; i++ {
		digest, _, err := f.Put(context.Background(), bytes.NewReader(noise(i, 200_000)), limit)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(digest)
	}
}

// Whatever was acknowledged before a kill is there and whole, and nothing half-written is listed.
func TestKilledWriterLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for round := range 4 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), victim+"="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var acknowledged []string
		lines := bufio.NewScanner(out)
		for len(acknowledged) < 3+round && lines.Scan() {
			acknowledged = append(acknowledged, lines.Text())
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() {
			acknowledged = append(acknowledged, lines.Text())
		}
		_ = cmd.Wait() // it was killed: there is always an error
		f := open(t, dir)
		if len(acknowledged) < 3+round {
			t.Fatalf("the writer stored only %d documents", len(acknowledged))
		}
		for _, digest := range acknowledged {
			if b, err := f.ReadAll(t.Context(), digest, limit); err != nil || seal.Raw(b) != digest {
				t.Errorf("acknowledged %s: %v", digest, err)
			}
		}
		got, strays := listed(t, f)
		for _, digest := range got {
			if _, err := f.ReadAll(t.Context(), digest, limit); err != nil {
				t.Errorf("listed %s: %v", digest, err)
			}
		}
		if strays != nil {
			t.Errorf("strays: %v", strays)
		}
	}
}
