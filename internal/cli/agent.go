package cli

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/agent"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/probe"
	"plumbline.dev/plumb/internal/seal"
)

func agentCommand(a *app) *cobra.Command {
	return a.group("agent", "Report what a host is; and which hosts may",
		a.agentEnrol(), a.agentRun(), a.agentOnce(), a.agentStatus(), a.agentFacts(),
		a.agentToken(), a.agentTokens(), a.agentRevokeToken(), a.agentList(), a.agentRevoke())
}

// agentDir is where the agent keeps its own when no folder is named.
func agentDir() string {
	if runtime.GOOS == "windows" {
		return filepath.Join(os.Getenv("ProgramData"), "plumb-agent")
	}
	return "/var/lib/plumb-agent"
}

// agentFlags are those of every command that works on a host.
func (a *app) agentFlags(cmd *cobra.Command, dir *string) *cobra.Command {
	cmd.Flags().StringVar(dir, "dir", agentDir(), "folder with the agent's key and what the server does not have yet")
	return cmd
}

func (a *app) agentConfig(dir string) agent.Config {
	return agent.Config{Dir: dir, Collectors: probe.Collectors(), Boot: probe.BootID(), Version: version(), Now: a.now,
		Log: slog.New(slog.NewTextHandler(a.err, nil))}
}

func (a *app) agentEnrol() *cobra.Command {
	var dir, from, ca, name string
	cmd := a.leaf("enrol", "Make this host's key and enrol it with a one-time token", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		url, err := a.address()
		if err != nil {
			return err
		}
		secret, err := a.enrolmentToken(from)
		if err != nil {
			return err
		}
		if name == "" {
			name = probe.Hostname()
		}
		if ca != "" {
			if ca, err = filepath.Abs(ca); err != nil {
				return err
			}
		}
		id, err := agent.Enrol(cmd.Context(), a.agentConfig(dir), url, ca, secret, name)
		if err != nil {
			return err
		}
		return a.emitValue(map[string]string{"agent": id}, sentence("This host is enrolled as %s. It reports with: plumb agent run.", id))
	})
	f := cmd.Flags()
	f.StringVar(&from, "enrolment", "", "file with the enrolment token; - for standard input")
	f.StringVar(&ca, "ca", "", "file with the certificates that the server's may be signed by; the system's when left out")
	f.StringVar(&name, "name", "", "what to call the host until it has reported; its host name when left out")
	return a.agentFlags(cmd, &dir)
}

// enrolmentToken reads the token from a file or standard input, never from the command line, which everybody on the host can read.
func (a *app) enrolmentToken(from string) (seal.Secret, error) {
	var b []byte
	var err error
	switch from {
	case "":
		return "", fault.New(fault.Invalid, "usage", "An enrolment needs the file with its token.").FixedBy("a security officer").
			Then("plumb agent token --out FILE; then plumb agent enrol --enrolment FILE")
	case "-":
		b, err = io.ReadAll(io.LimitReader(a.in, 1<<10))
	default:
		b, err = os.ReadFile(from)
	}
	if err != nil {
		return "", fmt.Errorf("read enrolment token: %w", err)
	}
	return seal.Secret(strings.TrimSpace(string(b))), nil
}

func (a *app) agentRun() *cobra.Command {
	var dir string
	var every time.Duration
	cmd := a.leaf("run", "Report what this host is, again and again, until stopped", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		g, err := agent.Open(a.agentConfig(dir))
		if err != nil {
			return err
		}
		defer g.Close()
		return g.Run(cmd.Context(), every)
	})
	cmd.Flags().DurationVar(&every, "every", 0, "time between two looks at the host; what the server wishes when left out")
	return a.agentFlags(cmd, &dir)
}

func (a *app) agentOnce() *cobra.Command {
	var dir string
	cmd := a.leaf("once", "Report what this host is, once", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		g, err := agent.Open(a.agentConfig(dir))
		if err != nil {
			return err
		}
		defer g.Close()
		s, err := g.Once(cmd.Context())
		if err != nil {
			return err
		}
		return a.emitValue(s, sentence("The server has what this host is (%s; %s bytes in %s messages).", s.State, strconv.Itoa(s.Bytes), strconv.Itoa(s.Messages)))
	})
	return a.agentFlags(cmd, &dir)
}

func (a *app) agentStatus() *cobra.Command {
	var dir string
	cmd := a.leaf("status", "Say what this host's agent has told the server", cobra.NoArgs, func(*cobra.Command, []string) error {
		s, err := agent.StatusOf(a.agentConfig(dir))
		if err != nil {
			return err
		}
		works := "no"
		if s.Runs {
			works = "yes"
		}
		return a.emitValue(s, func(w io.Writer) error {
			t := table{head: []string{"AGENT", "SERVER", "FACTS", "WAITING", "DROPPED", "AT WORK"}}
			t.add(s.Agent, s.URL, strconv.Itoa(s.Facts), strconv.Itoa(s.Waiting), strconv.FormatInt(s.Lost, 10), works)
			return t.write(w, a.paint(w), "No agent.")
		})
	})
	return a.agentFlags(cmd, &dir)
}

func (a *app) agentFacts() *cobra.Command {
	return a.leaf("facts", "Show what would be reported of this host; nothing is sent", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		l := agent.Collect(cmd.Context(), a.agentConfig(""), nil)
		for _, name := range slices.Sorted(maps.Keys(l.Failed)) {
			a.note("Not read: %s (%s).", clean(name), clean(l.Failed[name]))
		}
		return a.emitValue(map[string]any{"facts": l.Facts, "last": l.Last}, func(w io.Writer) error {
			t := table{head: []string{"PROPERTY", "VALUE"}}
			for _, path := range slices.Sorted(maps.Keys(l.Facts)) {
				t.add(path, string(l.Facts[path]))
			}
			return t.write(w, a.paint(w), "No facts.")
		})
	})
}
