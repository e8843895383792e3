package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

func secretOf(s string) seal.Secret { return seal.Secret(s) }

func setupCommand(a *app) *cobra.Command {
	var file, codeFile, out string
	cmd := a.leaf("setup", "Hold the first-start ceremony of an empty server", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		c, err := a.anonymous()
		if err != nil {
			return err
		}
		state, err := c.SetupState(cmd.Context())
		if err != nil {
			return err
		}
		if state.Value.Done {
			return fault.New(fault.Conflict, "set_up_already", "%s is set up already, for %s.", c.URL(), clean(state.Value.Company)).
				Because("setup", "").FixedBy("nobody; it happens once").Then("plumb login")
		}
		p := a.prompter()
		var s client.Setup
		if file != "" {
			raw, err := a.readInput(file)
			if err != nil {
				return err
			}
			if err := decodeFile(file, raw, &s); err != nil {
				return err
			}
		} else if s, err = p.setup(); err != nil {
			return err
		}
		if s.Code, err = p.setupCode(codeFile, s.Code); err != nil {
			return err
		}
		r, err := c.Setup(cmd.Context(), s)
		if err != nil {
			return err
		}
		return a.settled(r, out)
	})
	cmd.Long = `Holds the first-start ceremony: names the company, two security officers and at least three people,
and fills the roles that every base rule needs. It ends only if each rule can be satisfied.

The server printed the one-time setup code when it started, and keeps it in a file of mode 0600 in its
data folder. Without -f the ceremony asks. The file is YAML or JSON:

  company: Example
  prefix: PROD            # changes are PROD-000001, …; CHG when left out
  zone: Europe/Berlin     # of windows and pages; UTC when left out
  officers: [olga, oleg]
  people:
    - {username: olga, name: Olga, email: olga@example.com}
    - {username: oleg, name: Oleg, email: oleg@example.com}
    - {username: sam, name: Sam, email: sam@example.com, roles: [security-lead]}
    - {username: erin, name: Erin, email: erin@example.com, roles: [engineering-lead]}
    - {username: dora, name: Dora, email: dora@example.com, roles: [devops-lead, it-manager, implementer]}

The shipped policy needs these five; with fewer some change could be approved by nobody. A person without a password gets a one-time code, which is shown this once.`
	cmd.Flags().StringVarP(&file, "file", "f", "", "YAML or JSON file with company, officers and people")
	cmd.Flags().StringVar(&codeFile, "code-file", "", "file with the setup code; - reads standard input")
	cmd.Flags().StringVar(&out, "out", "", "write the one-time codes to this file (mode 0600) instead of the terminal")
	return cmd
}

// settled shows what came out of the ceremony.
func (a *app) settled(r client.Reply[client.Settled], out string) error {
	if out != "" {
		b, err := marshal(r.Value.Codes)
		if err != nil {
			return err
		}
		if err := seal.WriteFile(out, append(b, '\n'), 0o600); err != nil {
			return fmt.Errorf("write codes: %w", err)
		}
		r.Value.Codes = nil
		if r.Raw, err = marshal(r.Value); err != nil {
			return err
		}
	}
	return a.emit(r.Raw, func(w io.Writer) error {
		v := r.Value
		p := a.page(w)
		p.printf("%s is set up.\n", p.paint(bold, clean(v.Install.Company)))
		p.item("install", v.Install.ID)
		p.item("policy", v.Policy)
		p.item("people", join(slices.Sorted(maps.Keys(v.People))))
		if len(v.Codes) > 0 {
			p.heading("One-time codes, shown this once")
			for _, name := range slices.Sorted(maps.Keys(v.Codes)) {
				p.item(name, v.Codes[name])
			}
		}
		p.printf("\n%s plumb login USERNAME\n", p.paint(dim, "next"))
		return p.err
	})
}

func (p *prompter) setupCode(file, given string) (string, error) {
	switch {
	case file != "":
		return p.secretFile(file)
	case given != "":
		return given, nil
	}
	return p.secret("Setup code, as the server printed it: ", false)
}

// setup asks for everything.
func (p *prompter) setup() (client.Setup, error) {
	var s client.Setup
	var err error
	if s.Company, err = p.line("Company: "); err != nil {
		return s, err
	}
	fmt.Fprintln(p.a.err, "At least three people, two of them security officers. An empty username ends the list.")
	for {
		x := client.SetupPerson{}
		if x.Username, err = p.line("\nUsername: "); err != nil {
			return s, err
		}
		if x.Username == "" {
			return s, nil
		}
		if x.Name, err = p.line("Name: "); err != nil {
			return s, err
		}
		if x.Email, err = p.line("Mail address: "); err != nil {
			return s, err
		}
		roles, err := p.line("Roles, with spaces between (security-officer security-lead engineering-lead it-manager devops-lead implementer): ")
		if err != nil {
			return s, err
		}
		x.Roles = strings.FieldsFunc(roles, func(r rune) bool { return r == ' ' || r == ',' })
		if slices.Contains(x.Roles, "security-officer") {
			s.Officers = append(s.Officers, x.Username)
		}
		s.People = append(s.People, x)
	}
}
