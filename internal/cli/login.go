package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/fault"
)

func loginCommand(a *app) *cobra.Command {
	var user, codeFile string
	var stdin, trust bool
	cmd := a.leaf("login [USERNAME]", "Sign in; the session is kept in a file that only you can read", cobra.MaximumNArgs(1), func(cmd *cobra.Command, args []string) error {
		c, err := a.anonymous()
		if err != nil {
			return err
		}
		user = either(user, strings.Join(args, ""))
		p := a.prompter()
		if user == "" {
			if user, err = p.line("Username: "); err != nil {
				return err
			}
		}
		r, err := a.signIn(cmd, c, p, user, codeFile, stdin)
		if err != nil {
			return err
		}
		return a.remember(cmd, c, r.Value, trust)
	})
	f := cmd.Flags()
	f.StringVarP(&user, "username", "u", "", "who you are")
	f.BoolVar(&stdin, "password-stdin", false, "read the password from standard input; with --code-file the new password")
	f.StringVar(&codeFile, "code-file", "", "file with the one-time code that you choose your password with; - reads standard input")
	f.BoolVar(&trust, "trust", false, "accept that the server shows other keys than before; ask whoever runs it first")
	return cmd
}

// signIn opens a session with a password, or with a one-time code and the password chosen now.
func (a *app) signIn(cmd *cobra.Command, c *client.Client, p *prompter, user, codeFile string, stdin bool) (client.Reply[client.LoginAnswer], error) {
	var none client.Reply[client.LoginAnswer]
	host, _ := os.Hostname() // only a label
	label := strings.TrimSpace("plumb on " + host)
	if codeFile != "" {
		code, err := p.secretFile(codeFile)
		if err != nil {
			return none, err
		}
		next, err := p.newPassword(stdin)
		if err != nil {
			return none, err
		}
		return c.Login(cmd.Context(), user, code, next, label)
	}
	password, err := p.secret("Password: ", stdin)
	if err != nil {
		return none, err
	}
	r, err := c.Login(cmd.Context(), user, password, "", label)
	if fault.Is(err, "password_needed") && p.terminal() && !stdin {
		a.note("That is your one-time code; choose a password now.")
		next, err := p.newPassword(false)
		if err != nil {
			return none, err
		}
		return c.Login(cmd.Context(), user, password, next, label)
	}
	return r, err
}

// remember keeps the session and pins the server's keys.
func (a *app) remember(cmd *cobra.Command, c *client.Client, l client.LoginAnswer, trust bool) error {
	inside, err := a.clientFor(c.URL(), secretOf(l.Token))
	if err != nil {
		return err
	}
	if _, err := a.pin(cmd.Context(), inside, trust); err != nil {
		return err
	}
	path, err := a.sessionFile()
	if err != nil {
		return err
	}
	b, err := marshal(session{URL: c.URL(), Token: l.Token, Expires: l.Expires, Person: l.Person.ID, Name: l.Person.Name})
	if err != nil {
		return err
	}
	if err := writePrivate(path, b); err != nil {
		return fmt.Errorf("keep session: %w", err)
	}
	return a.emitValue(struct {
		Person  string `json:"person"`
		Name    string `json:"name"`
		URL     string `json:"url"`
		Expires string `json:"expires"`
	}{l.Person.ID, l.Person.Name, c.URL(), l.Expires}, func(w io.Writer) error {
		until := l.Expires
		if t, err := time.Parse(time.RFC3339, l.Expires); err == nil {
			until = at(t.UnixMicro())
		}
		_, err := fmt.Fprintf(w, "Signed in to %s as %s until %s.\n", c.URL(), clean(l.Person.Name), clean(until))
		return err
	})
}

func logoutCommand(a *app) *cobra.Command {
	return a.leaf("logout", "End the session here and on the server", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		s, err := a.session()
		if err != nil {
			return err
		}
		if s == nil {
			return a.done("You are not signed in.")
		}
		c, err := a.clientFor(s.URL, secretOf(s.Token))
		if err != nil {
			return err
		}
		err = c.Logout(cmd.Context())
		if f := fault.Of(err); err != nil && f.Kind != fault.Unauthenticated {
			return err // it still lives on the server, so it is kept here
		}
		path, err := a.sessionFile()
		if err != nil {
			return err
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return a.done("Signed out of %s.", s.URL)
	})
}

func whoamiCommand(a *app) *cobra.Command {
	return a.remote("whoami", "Say who you are to the server, and what you hold", cobra.NoArgs, func(cmd *cobra.Command, _ []string, c *client.Client) error {
		r, err := c.Me(cmd.Context())
		if err != nil {
			return err
		}
		return a.emit(r.Raw, func(w io.Writer) error {
			m := r.Value
			p := a.page(w)
			p.printf("%s  %s\n", p.paint(bold, clean(m.Person.Name)), c.URL())
			p.item("person", m.Person.ID)
			p.item("signed in", m.Kind+" by "+m.Authn)
			p.item("roles", either(join(m.Roles), "none"))
			p.item("scopes", join(m.Scopes))
			p.item("repository", m.Repo)
			p.item("pipeline", m.Pipe)
			return p.err
		})
	})
}

func passwordCommand(a *app) *cobra.Command {
	var stdin bool
	cmd := a.remote("password", "Change your password", cobra.NoArgs, func(cmd *cobra.Command, _ []string, c *client.Client) error {
		p := a.prompter()
		old, err := p.secret("Old password: ", stdin)
		if err != nil {
			return err
		}
		next, err := p.newPassword(stdin)
		if err != nil {
			return err
		}
		if err := c.Password(cmd.Context(), old, next); err != nil {
			return err
		}
		return a.done("Your password is changed.")
	})
	cmd.Flags().BoolVar(&stdin, "password-stdin", false, "read the old and the new password from standard input, one line each")
	return cmd
}

// prompter asks a person, or reads lines where nobody is at the terminal.
type prompter struct {
	a     *app
	lines *bufio.Reader
}

func (a *app) prompter() *prompter { return &prompter{a: a, lines: bufio.NewReader(a.in)} }

func (p *prompter) terminal() bool { return isTerminal(p.a.in) }

// line asks for one line.
func (p *prompter) line(prompt string) (string, error) {
	if !p.terminal() {
		return "", fault.New(fault.Invalid, "no_terminal", "There is no terminal to ask at: %s", strings.TrimSuffix(prompt, ": ")+" is missing.").
			FixedBy("you").Then("pass it as a flag; see --help")
	}
	fmt.Fprint(p.a.err, prompt)
	s, err := p.lines.ReadString('\n')
	if err != nil && s == "" {
		return "", errEnded
	}
	return strings.TrimSpace(s), nil
}

var errEnded = fault.New(fault.Invalid, "input_ended", "The input ended before everything was said.").FixedBy("you").Then("run it again")

// secret asks for something that is not shown.
func (p *prompter) secret(prompt string, stdin bool) (string, error) {
	if stdin {
		s, err := p.lines.ReadString('\n')
		if err != nil && s == "" {
			return "", errEnded
		}
		return strings.TrimRight(s, "\r\n"), nil
	}
	f, ok := p.a.in.(*os.File)
	if !ok || !p.terminal() {
		return "", fault.New(fault.Invalid, "no_terminal", "There is no terminal to ask for a password at.").FixedBy("you").
			Then("pass --password-stdin, and the password on standard input")
	}
	fmt.Fprint(p.a.err, prompt)
	b, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(p.a.err)
	if err != nil {
		return "", errEnded
	}
	return string(b), nil
}

// newPassword asks twice at a terminal.
func (p *prompter) newPassword(stdin bool) (string, error) {
	first, err := p.secret("New password: ", stdin)
	if err != nil || stdin {
		return first, err
	}
	second, err := p.secret("Once more: ", false)
	if err != nil {
		return "", err
	}
	if first != second {
		return "", fault.New(fault.Invalid, "not_the_same", "The two are not the same.").FixedBy("you").Then("run it again")
	}
	return first, nil
}

// secretFile reads a one-line secret out of a file.
func (p *prompter) secretFile(file string) (string, error) {
	if file == "-" {
		return p.secret("", true)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fileFault(file, err)
	}
	s := strings.TrimSpace(string(b))
	if s == "" || strings.Contains(s, "\n") {
		return "", fault.New(fault.Invalid, "bad_code_file", "%s does not hold one line with a code.", file).FixedBy("you").Then("cat %s", file)
	}
	return s, nil
}
