//go:build unix

// Package connecttest drives one source in tests, without the database: it opens a kind, collects its records and
// holds each to what the inventory takes. It also runs the real daemons that sources are tried against.
package connecttest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/inventory"
)

// patience is how long a test waits for a daemon or a reading; it is only reached when something is broken.
const patience = 2 * time.Minute

// Input makes the input of one reading, with the defaults of the kind.
func Input(k inventory.Kind, settings map[string]string, document io.Reader) inventory.Input {
	full := map[string]string{}
	for _, s := range k.Settings {
		if s.Default != "" {
			full[s.Key] = s.Default
		}
	}
	for key, v := range settings {
		full[key] = v
	}
	return inventory.Input{Settings: full, Document: document, Name: "document", Log: slog.New(slog.DiscardHandler), Mask: mask, Digest: mask}
}

// mask is what the server does with a secret, under a key of its own.
func mask(secret string) inventory.Value {
	m := hmac.New(sha256.New, []byte("test"))
	m.Write([]byte(secret))
	return inventory.Text("hmac:" + hex.EncodeToString(m.Sum(nil)))
}

// Collect reads a source once, to its end. Whatever it gives must be what the inventory takes.
func Collect(t *testing.T, k inventory.Kind, settings map[string]string, document io.Reader) []inventory.Record {
	t.Helper()
	records, err := Try(t, k, settings, document)
	if err != nil {
		t.Fatalf("%s: %v", k.Name, err)
	}
	return records
}

// Try reads a source once, and gives what it emitted before it failed.
func Try(t *testing.T, k inventory.Kind, settings map[string]string, document io.Reader) ([]inventory.Record, error) {
	t.Helper()
	source, err := connect.Guard(k).Open(Input(k, settings, document))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var out []inventory.Record
	seen := map[string]bool{}
	err = source.Collect(ctx, func(r inventory.Record) error {
		key := r.Scope + "\x00" + r.Type + "\x00" + r.Native
		if seen[key] {
			t.Errorf("%s: %s %q was given twice", k.Name, r.Type, r.Native)
		}
		seen[key] = true
		hold(t, r)
		out = append(out, r)
		return nil
	})
	return out, err
}

// hold fails the test for a record that the inventory would not take.
func hold(t *testing.T, r inventory.Record) {
	t.Helper()
	if r.Scope == "" || r.Type == "" || r.Native == "" || r.Name == "" || !slices.Contains(inventory.Classes(), r.Class) {
		t.Errorf("record %q %q %q of class %q is not whole", r.Scope, r.Type, r.Native, r.Class)
	}
	if n := len(r.Attrs) + len(r.Volatile); n > inventory.MaxAttrs {
		t.Errorf("%s %s has %d properties, more than the inventory takes", r.Type, r.Native, n)
	}
	for _, id := range r.IDs {
		if !slices.Contains(inventory.IdentifierKinds(), id.Kind) || id.Value == "" {
			t.Errorf("%s %s: identifier %v", r.Type, r.Native, id)
		}
	}
	for _, e := range r.Edges {
		if !slices.Contains(inventory.Verbs(), e.Verb) || e.To.Value == "" {
			t.Errorf("%s %s: edge %v", r.Type, r.Native, e)
		}
	}
	for key, v := range r.Labels {
		if got, ok := inventory.ReadLabel(key, v); !ok || got != v {
			t.Errorf("%s %s: label %s=%q is no governed value", r.Type, r.Native, key, v)
		}
	}
	for _, attrs := range []map[string]inventory.Value{r.Attrs, r.Volatile} {
		for path, v := range attrs {
			var any any
			if path == "" || json.Unmarshal([]byte(v), &any) != nil {
				t.Errorf("%s %s: %q = %q is no canonical value", r.Type, r.Native, path, v)
			}
		}
	}
}

// Find gives the one record of a type and a name.
func Find(t *testing.T, records []inventory.Record, recordType, name string) inventory.Record {
	t.Helper()
	var hits []inventory.Record
	for _, r := range records {
		if r.Type == recordType && r.Name == name {
			hits = append(hits, r)
		}
	}
	if len(hits) != 1 {
		t.Fatalf("%d records of type %s are named %q; there are %v", len(hits), recordType, name, Names(records))
	}
	return hits[0]
}

// Names gives each record as type/name, sorted.
func Names(records []inventory.Record) []string {
	var out []string
	for _, r := range records {
		out = append(out, r.Type+"/"+r.Name)
	}
	slices.Sort(out)
	return out
}

// Bears reports whether a record answers to an identifier.
func Bears(r inventory.Record, kind, value string) bool {
	return slices.Contains(r.IDs, inventory.Identifier{Kind: kind, Value: value})
}

// Linked reports whether a record has an edge.
func Linked(r inventory.Record, verb string, to inventory.Identifier) bool {
	return slices.Contains(r.Edges, inventory.Link{Verb: verb, To: to})
}

// NoCanary fails the test when one of the secrets stands anywhere in the records, plain, as hexadecimal or as JSON text.
func NoCanary(t *testing.T, records []inventory.Record, secrets ...string) {
	t.Helper()
	b, err := json.Marshal(records)
	if err != nil {
		t.Fatal(err)
	}
	if len(records) == 0 {
		t.Fatal("no records: nothing was looked at")
	}
	for _, s := range secrets {
		if bytes.Contains(b, []byte(s)) || bytes.Contains(b, []byte(hex.EncodeToString([]byte(s)))) {
			t.Errorf("a secret that begins with %q was emitted", s[:min(4, len(s))])
		}
	}
}

// Port gives a port of loopback that nothing listened on a moment ago, on TCP and on UDP.
func Port(t *testing.T) int {
	t.Helper()
	for range 50 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		u, err := net.ListenPacket("udp", "127.0.0.1:"+strconv.Itoa(port))
		l.Close()
		if err == nil {
			u.Close()
			return port
		}
	}
	t.Fatal("no port is free on TCP and UDP")
	return 0
}

// Tool gives the path of a program that scripts/setup installs; /usr/sbin is looked into as well.
func Tool(t *testing.T, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	path := filepath.Join("/usr/sbin", name)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%s is not installed: run scripts/setup", name)
	}
	return path
}

// Start runs a daemon until the test ends, and waits until it is ready.
func Start(t *testing.T, ready func() bool, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(Tool(t, name), args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-ended
		log.Close()
	})
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(patience); !ready(); {
		select {
		case <-tick.C:
			continue
		case <-ended:
		case <-late:
		}
		said, _ := os.ReadFile(log.Name())
		t.Fatalf("%s did not come up: %s", name, said)
	}
	return cmd
}

// Run runs a program to its end and gives what it printed.
func Run(t *testing.T, stdin, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(Tool(t, name), args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Answers is a readiness check: something accepts connections there.
func Answers(address string) func() bool {
	return func() bool {
		c, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			return false
		}
		c.Close()
		return true
	}
}

// Write puts a file into a folder and gives its path.
func Write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
