// Package cli is the plumb command: it reads arguments and files, asks the server through the client,
// and says the answer so that a person or a pipeline can act on it. It decides nothing: every rule is
// the server's, and what the server did not allow is not done here.
//
// Read cli.go (how a command runs), exit.go (what its status means), connect.go (which server, as
// whom), then one command, say change_decide.go.
package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/fault"
)

// app is one run of the program.
type app struct {
	in       io.Reader
	out, err io.Writer
	env      func(string) (string, bool)
	now      func() time.Time
	opts     options
	began    bool // a command was found, its arguments fit, and it was started
}

// options are the flags that every command takes.
type options struct {
	url, tokenFile, output string
	retryFor               time.Duration
	noColor                bool
}

// Main runs the command that args name (without the program's own name) and gives its exit code, as
// exit.go lists them.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a := &app{in: stdin, out: stdout, err: stderr, env: os.LookupEnv, now: time.Now}
	return a.main(ctx, args)
}

func (a *app) main(ctx context.Context, args []string) int {
	root := a.root(called(args))
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	cmd, err := root.ExecuteContextC(ctx)
	if err != nil && !a.began {
		err = usage(err, cmd)
	}
	return a.end(err)
}

// usage turns what the argument parser says into a refusal. Its words name flags, never their values.
func usage(err error, cmd *cobra.Command) error {
	if f := new(fault.Error); errors.As(err, &f) {
		return f
	}
	text := strings.TrimSuffix(strings.Split(err.Error(), "\n")[0], ".")
	return fault.New(fault.Invalid, "usage", "%s.", capital(text)).
		FixedBy("you").Then("%s --help", cmd.CommandPath())
}

// root makes the program's command with those of the given groups beneath it.
func (a *app) root(groups []commandGroup) *cobra.Command {
	root := a.group("plumb", "Changes to production: declared, approved, released once, proven")
	root.Long = `Plumbline makes a written change policy executable: declare, approve, execute,
observe, reconcile, prove.

The server is named by PLUMB_URL or --url. People sign in with plumb login;
pipelines set PLUMB_TOKEN_FILE. A token is never taken from a flag.`
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpFunc(help)
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fault.New(fault.Invalid, "usage", "%s.", capital(strings.Split(err.Error(), "\n")[0])).FixedBy("you").Then("%s --help", cmd.CommandPath())
	})
	f := root.PersistentFlags()
	f.StringVar(&a.opts.url, "url", "", "server, else PLUMB_URL, else where you signed in")
	f.StringVar(&a.opts.tokenFile, "token-file", "", "file with an API token, else PLUMB_TOKEN_FILE, else your session")
	f.StringVarP(&a.opts.output, "output", "o", "table", "table, json or yaml")
	f.DurationVar(&a.opts.retryFor, "retry-for", 10*time.Second, "how long an unreachable server is tried again")
	f.BoolVar(&a.opts.noColor, "no-color", false, "no colours, as with NO_COLOR")
	completeWords(root, "output", "table", "json", "yaml")
	for _, g := range groups {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, c := range g.commands {
			cmd := c.make(a)
			cmd.GroupID = g.id
			root.AddCommand(cmd)
		}
	}
	return root
}

// group makes a command that only holds others. Called without one of them it is a usage error, not a
// success: in a pipeline an empty variable must not look like an allowed gate.
func (a *app) group(use, short string, subs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, SuggestionsMinimumDistance: 2}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		a.began = true
		if len(args) == 0 {
			cmd.SetOut(a.err)
			if err := cmd.Help(); err != nil {
				return err
			}
			return fault.New(fault.Invalid, "usage", "%s needs a subcommand.", cmd.CommandPath()).FixedBy("you").Then("%s --help", cmd.CommandPath())
		}
		e := fault.New(fault.Invalid, "usage", "There is no command %q.", cmd.CommandPath()+" "+clean(args[0])).FixedBy("you").Then("%s --help", cmd.CommandPath())
		if s := cmd.SuggestionsFor(args[0]); len(s) > 0 {
			e.Then("%s %s", cmd.CommandPath(), s[0])
		}
		return e
	}
	cmd.Args = cobra.ArbitraryArgs
	cmd.AddCommand(subs...)
	return cmd
}

// action is what a command does once its arguments fit.
type action func(cmd *cobra.Command, args []string) error

// leaf makes a command that does something. The formats are those that -o takes here beside table,
// json and yaml.
func (a *app) leaf(use, short string, args cobra.PositionalArgs, do action, formats ...string) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: args, RunE: func(cmd *cobra.Command, args []string) error {
		a.began = true
		if known := append([]string{"table", "json", "yaml"}, formats...); !slices.Contains(known, a.opts.output) {
			bad := a.opts.output
			a.opts.output = "table"
			return fault.New(fault.Invalid, "usage", "-o %s is not known here; it takes %s.", clean(bad), strings.Join(known, ", ")).
				FixedBy("you").Then("%s --help", cmd.CommandPath())
		}
		return do(cmd, args)
	}}
}

// remote makes a command that asks the server something.
func (a *app) remote(use, short string, args cobra.PositionalArgs, do func(*cobra.Command, []string, *client.Client) error, formats ...string) *cobra.Command {
	return a.leaf(use, short, args, func(cmd *cobra.Command, args []string) error {
		c, err := a.client(cmd.Context())
		if err != nil {
			return err
		}
		return do(cmd, args, c)
	}, formats...)
}

// getenv is the value of a variable of the environment, "" when it is unset.
func (a *app) getenv(name string) string {
	v, _ := a.env(name)
	return v
}

func completeWords(cmd *cobra.Command, flag string, words ...string) {
	// The only error is a flag that does not exist or has a completion already; a test asks for each.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
