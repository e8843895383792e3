package dbtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"plumbline.dev/plumb/internal/db"
)

// Server is a PostgreSQL of a test's own, for tests that restart it; the shared one of
// scripts/with-postgres must stay up for the others.
type Server struct {
	URL string

	bin, dir string
}

// StartServer starts one; ok is false when this run is not the one on PostgreSQL (PLUMB_TEST_DSN is
// not set), and then there is nothing to test. It is stopped with the test.
func StartServer(t testing.TB) (s *Server, ok bool) {
	t.Helper()
	if os.Getenv("PLUMB_TEST_DSN") == "" {
		return nil, false
	}
	s = &Server{bin: os.Getenv("PLUMB_PG_BIN")}
	if s.bin == "" {
		t.Fatal("PLUMB_PG_BIN does not name PostgreSQL's programs: run the test by scripts/with-postgres")
	}
	var err error
	// Not t.TempDir: a socket's path must be short, and the server's user must get in.
	if s.dir, err = os.MkdirTemp("", "plumb-pg"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(s.dir) })
	if os.Getuid() == 0 {
		s.must(t, exec.Command("chown", "postgres", s.dir))
	}
	s.URL = fmt.Sprintf("postgres://postgres@/postgres?host=%s&sslmode=disable", s.dir)
	s.must(t, s.command("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"))
	s.Start(t)
	t.Cleanup(func() { s.Stop(t) })
	return s, true
}

// Config is the configuration of a fresh database on this server.
func (s *Server) Config() db.Config { return db.Config{URL: s.URL} }

// Start starts the server and waits until it answers.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	options := "-c listen_addresses='' -c max_connections=200 -c unix_socket_directories=" + strconv.Quote(s.dir)
	s.must(t, s.command("pg_ctl", "-w", "-s", "-l", filepath.Join(s.dir, "log"), "-o", options, "start"))
}

// Stop kills the server's processes the hard way, as a power cut would; what was not committed is lost.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	s.must(t, s.command("pg_ctl", "-m", "immediate", "-s", "stop"))
}

// command runs one of PostgreSQL's programs on the server's folder; never as root, which they refuse.
func (s *Server) command(name string, args ...string) *exec.Cmd {
	args = append([]string{filepath.Join(s.bin, name), "-D", filepath.Join(s.dir, "data")}, args...)
	if os.Getuid() == 0 {
		args = append([]string{"runuser", "-u", "postgres", "--"}, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = "/"
	return cmd
}

func (s *Server) must(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	// Not CombinedOutput: the server would keep the pipe open.
	out, err := os.Create(filepath.Join(s.dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		said, _ := os.ReadFile(out.Name())
		t.Fatalf("%v: %v\n%s", cmd, err, said)
	}
}
