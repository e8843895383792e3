package cli_test

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"plumbline.dev/plumb/internal/cli"
	"plumbline.dev/plumb/internal/server"
	"plumbline.dev/plumb/internal/server/servertest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"plumb": func() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// TestScripts plays testdata/script/*.txt, each on a server of its own. Beside testscript's commands
// there are: as NAME (sign in as that person of servertest's company), pipeline (be the CI's token),
// nobody, code N COMMAND (the command ends with that exit code), junit FILE, stop, restart.
func TestScripts(t *testing.T) {
	t.Parallel()
	tool := terraform(t)
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		Setup:         func(env *testscript.Env) error { return setUp(t, tool, env) },
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"as": as, "pipeline": pipeline, "nobody": nobody, "code": code, "junit": junit, "stop": stop, "restart": restart, "waits": waits,
		},
	})
}

// terraform finds the real tool. Without one these tests fail: skipped, they would look like passing.
func terraform(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"terraform", "tofu"} {
		if _, err := exec.LookPath(name); err == nil {
			return name
		}
	}
	t.Fatal("neither terraform nor tofu is on PATH; run scripts/with-terraform go test ./internal/cli")
	return ""
}

const serverKey = "server"

func setUp(t *testing.T, tool string, env *testscript.Env) error {
	var options []func(*server.Config)
	if strings.Contains(env.WorkDir, "script-offline") {
		l, err := net.Listen("tcp", "127.0.0.1:0") // the server comes back at the same address
		if err != nil {
			return err
		}
		address := l.Addr().String()
		if err := l.Close(); err != nil {
			return err
		}
		options = append(options, func(c *server.Config) { c.Listen = address })
	}
	var s *servertest.Server
	if strings.Contains(env.WorkDir, "script-setup") {
		s = servertest.Empty(t, options...)
	} else {
		s = servertest.Start(t, options...)
	}
	empty := filepath.Join(env.WorkDir, "cli.tfrc")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		return err
	}
	env.Values[serverKey] = s
	env.Vars = append(env.Vars, "PLUMB_URL="+s.URL, "DATA="+s.Dir, "TF="+tool, "TF_CLI_CONFIG_FILE="+empty, "CHECKPOINT_DISABLE=1",
		"PASSWORD="+servertest.Password, "REPO="+servertest.Repo, "GIT_AUTHOR_NAME=Alice", "GIT_AUTHOR_EMAIL=alice@example.com",
		"GIT_COMMITTER_NAME=Alice", "GIT_COMMITTER_EMAIL=alice@example.com", "GIT_CONFIG_NOSYSTEM=1")
	return nil
}

func theServer(ts *testscript.TestScript) *servertest.Server {
	return ts.Value(serverKey).(*servertest.Server)
}

func home(ts *testscript.TestScript, name string) {
	ts.Setenv("XDG_CONFIG_HOME", ts.MkAbs(filepath.Join(".home", name, "config")))
	ts.Setenv("XDG_STATE_HOME", ts.MkAbs(filepath.Join(".home", name, "state")))
	ts.Setenv("PLUMB_TOKEN_FILE", "")
}

// as signs in through plumb login, once per person and script.
func as(ts *testscript.TestScript, _ bool, args []string) {
	theServer(ts).As(args[0]) // chooses the password with the one-time code
	home(ts, args[0])
	if _, err := os.Stat(filepath.Join(ts.Getenv("XDG_CONFIG_HOME"), "plumb", "session")); err == nil {
		return
	}
	ts.Check(ts.Exec("sh", "-c", `printf '%s\n' "$PASSWORD" | plumb login `+args[0]+` --password-stdin`))
}

// pipeline is the service account with a token file, in a CI environment of its own.
func pipeline(ts *testscript.TestScript, _ bool, _ []string) {
	c := theServer(ts).CI()
	home(ts, "ci")
	file := ts.MkAbs("ci.token")
	ts.Check(os.WriteFile(file, []byte(c.Secret+"\n"), 0o600))
	ts.Setenv("PLUMB_TOKEN_FILE", file)
}

func nobody(ts *testscript.TestScript, _ bool, _ []string) { home(ts, "nobody") }

// code runs a command that must end with this very exit code.
func code(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit := new(exec.ExitError)
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("%s: got exit %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// junit writes a test result of some minutes ago.
func junit(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), servertest.JUnit(), 0o600))
}

func stop(ts *testscript.TestScript, _ bool, _ []string) { theServer(ts).Stop() }

func restart(ts *testscript.TestScript, _ bool, _ []string) { theServer(ts).Restart() }

// waits runs a command in the background until it says a line that holds the words, sends it a signal,
// and wants it to end with an exit code: waits CODE SIGNAL WORDS COMMAND…
func waits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	path := ""
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if _, err := os.Stat(filepath.Join(dir, args[3])); err == nil && path == "" {
			path = filepath.Join(dir, args[3])
		}
	}
	cmd := exec.Command(path, args[4:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "PLUMB_URL", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "PLUMB_TOKEN_FILE", "HOME", "TF_CLI_CONFIG_FILE", "WORK"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	out, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	said, buf := "", make([]byte, 4096)
	for !strings.Contains(said, args[2]) {
		n, err := out.Read(buf)
		said += string(buf[:n])
		if err != nil {
			ts.Fatalf("it ended before it said %q: %s", args[2], said)
		}
	}
	signals := map[string]os.Signal{"INT": os.Interrupt, "TERM": terminate}
	ts.Check(cmd.Process.Signal(signals[args[1]]))
	for {
		n, err := out.Read(buf)
		said += string(buf[:n])
		if err != nil {
			break
		}
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != want {
		ts.Fatalf("got exit %d (%v), want %d: %s", cmd.ProcessState.ExitCode(), err, want, said)
	}
}

// TestEveryCommandExplainsItself: each command has a sentence, and each flag says what it does.
func TestEveryCommandExplainsItself(t *testing.T) {
	t.Parallel()
	if err := cli.Undocumented(); err != nil {
		t.Error(err)
	}
}
