package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/fault"
)

func peopleCommand(a *app) *cobra.Command {
	return a.group("people", "Who is who", a.peopleList(), a.peopleShow(), a.peopleAdd(), a.peopleEdit(),
		a.bar("disable", "Shut a person out at once, with all sessions and tokens"), a.bar("enable", "Let a person come in again"),
		a.peopleReset(), a.peopleVouch(), a.peopleAccount(), a.peopleEndAccount())
}

func (a *app) peopleList() *cobra.Command {
	return a.remote("list", "List the people", cobra.NoArgs, func(cmd *cobra.Command, _ []string, c *client.Client) error {
		list, raw, err := client.All(cmd.Context(), 0, c.People)
		if err != nil {
			return err
		}
		return a.emitList(raw, func(w io.Writer) error {
			t := table{head: []string{"NAME", "USERNAME", "ROLES", "SINCE", "ID"}}
			for _, h := range list {
				name := h.Person.Name
				if h.Person.Disabled > 0 {
					name += " (disabled)"
				}
				t.add(name, usernames(h), either(join(h.Roles), "-"), at(h.Person.Created)[:10], h.Person.ID)
			}
			return t.write(w, a.paint(w), "Nobody.")
		})
	})
}

func usernames(h client.Human) string {
	var out []string
	for _, x := range h.Accounts {
		if x.Kind != "service" && x.Ended == 0 {
			out = append(out, x.Username)
		}
	}
	return either(join(out), "-")
}

func (a *app) peopleShow() *cobra.Command {
	return a.leaf("show PERSON", "Show a person, what they hold and how they come in", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		c, id, err := a.personArg(cmd, args[0])
		if err != nil {
			return err
		}
		r, err := c.Person(cmd.Context(), id)
		if err != nil {
			return err
		}
		return a.emit(r.Raw, func(w io.Writer) error {
			h := r.Value
			p := a.page(w)
			p.printf("%s\n", p.paint(bold, clean(h.Person.Name)))
			p.item("id", h.Person.ID)
			p.item("mail", h.Person.Email)
			p.item("note", h.Person.Note)
			p.item("roles", either(join(h.Roles), "none"))
			if h.Person.Disabled > 0 {
				p.item("disabled", at(h.Person.Disabled))
			}
			for _, x := range h.Accounts {
				line := fmt.Sprintf("%s %s (%s)", x.Kind, x.Username, x.ID)
				if x.Ended > 0 {
					line += ", ended " + at(x.Ended)
				}
				p.item("account", line)
			}
			return p.err
		})
	})
}

// personArg signs in and finds the person that an argument names.
func (a *app) personArg(cmd *cobra.Command, word string) (*client.Client, string, error) {
	c, err := a.client(cmd.Context())
	if err != nil {
		return nil, "", err
	}
	id, err := (&names{c: c}).person(cmd.Context(), word)
	return c, id, err
}

func (a *app) peopleAdd() *cobra.Command {
	var n client.NewPerson
	var out string
	cmd := a.remote("add", "Add a person without a role; prints the code with which they choose their password", cobra.NoArgs, func(cmd *cobra.Command, _ []string, c *client.Client) error {
		r, err := c.AddPerson(cmd.Context(), n)
		if err != nil {
			return err
		}
		return a.code(r, out, "Added "+n.Name+".")
	})
	f := cmd.Flags()
	f.StringVar(&n.Name, "name", "", "name")
	f.StringVar(&n.Username, "username", "", "username")
	f.StringVar(&n.Email, "email", "", "mail address")
	f.StringVar(&n.Note, "note", "", "note")
	f.StringVar(&out, "out", "", "write the code to this file (mode 0600) instead of the terminal")
	return cmd
}

// code shows a one-time code, or writes it to a file.
func (a *app) code(r client.Reply[client.Coded], out, sentence string) error {
	if out != "" {
		if err := writeSecretFile(out, r.Value.Code); err != nil {
			return err
		}
		r.Value.Code = ""
		return a.done("%s The one-time code is in %s.", sentence, out)
	}
	return a.emit(r.Raw, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s One-time code, shown this once: %s\n", clean(sentence), r.Value.Code)
		return err
	})
}

func (a *app) peopleEdit() *cobra.Command {
	var name, email, note string
	cmd := a.leaf("edit PERSON", "Change name, mail address or note", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		c, id, err := a.personArg(cmd, args[0])
		if err != nil {
			return err
		}
		given := func(flag string, v *string) *string {
			if cmd.Flags().Changed(flag) {
				return v
			}
			return nil
		}
		r, err := c.EditPerson(cmd.Context(), id, given("name", &name), given("email", &email), given("note", &note))
		if err != nil {
			return err
		}
		return a.emit(r.Raw, sentence("Changed %s.", r.Value.Name))
	})
	cmd.Flags().StringVar(&name, "name", "", "name")
	cmd.Flags().StringVar(&email, "email", "", "mail address")
	cmd.Flags().StringVar(&note, "note", "", "note")
	return cmd
}

// sentence writes one line about names that come from elsewhere.
func sentence(format string, args ...string) func(io.Writer) error {
	return func(w io.Writer) error {
		shown := make([]any, len(args))
		for i, s := range args {
			shown[i] = clean(s)
		}
		_, err := fmt.Fprintf(w, format+"\n", shown...)
		return err
	}
}

func (a *app) bar(verb, short string) *cobra.Command {
	var reason string
	cmd := a.leaf(verb+" PERSON", short, cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		if strings.TrimSpace(reason) == "" {
			return fault.New(fault.Invalid, "no_reason", "This needs a reason.").FixedBy("you").Then("%s %s --reason \"…\"", cmd.CommandPath(), args[0])
		}
		c, id, err := a.personArg(cmd, args[0])
		if err != nil {
			return err
		}
		if err := c.Bar(cmd.Context(), id, verb, reason); err != nil {
			return err
		}
		return a.done("%s is %sd.", clean(args[0]), verb)
	})
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the record")
	return cmd
}

func (a *app) peopleReset() *cobra.Command {
	var account, out string
	cmd := a.leaf("reset-password PERSON", "Give a one-time code in place of a password", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		c, id, err := a.personArg(cmd, args[0])
		if err != nil {
			return err
		}
		r, err := c.ResetPassword(cmd.Context(), id, account)
		if err != nil {
			return err
		}
		return a.code(r, out, "The password of "+args[0]+" no longer counts.")
	})
	cmd.Flags().StringVar(&account, "account", "", "id of the account, where the person has several")
	cmd.Flags().StringVar(&out, "out", "", "write the code to this file (mode 0600) instead of the terminal")
	return cmd
}

func (a *app) peopleVouch() *cobra.Command {
	var account, reason string
	cmd := a.leaf("vouch PERSON", "Vouch that somebody else's code is in its person's hands", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		c, id, err := a.personArg(cmd, args[0])
		if err != nil {
			return err
		}
		if err := c.Vouch(cmd.Context(), id, account, reason); err != nil {
			return err
		}
		return a.done("The account of %s counts as theirs alone from now on; they sign in again.", clean(args[0]))
	})
	cmd.Flags().StringVar(&account, "account", "", "id of the account, where the person has several")
	cmd.Flags().StringVar(&reason, "reason", "", "how you know, for the record")
	return cmd
}

func (a *app) peopleAccount() *cobra.Command {
	var out string
	cmd := a.leaf("add-account PERSON USERNAME", "Add a further account to a person; every rule sees the same person", cobra.ExactArgs(2), func(cmd *cobra.Command, args []string) error {
		c, id, err := a.personArg(cmd, args[0])
		if err != nil {
			return err
		}
		r, err := c.AddAccount(cmd.Context(), id, args[1])
		if err != nil {
			return err
		}
		return a.code(r, out, "Added "+args[1]+".")
	})
	cmd.Flags().StringVar(&out, "out", "", "write the code to this file (mode 0600) instead of the terminal")
	return cmd
}

func (a *app) peopleEndAccount() *cobra.Command {
	var reason string
	cmd := a.remote("end-account ACCOUNT", "End one account for good", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string, c *client.Client) error {
		if err := c.EndAccount(cmd.Context(), args[0], reason); err != nil {
			return err
		}
		return a.done("Ended %s.", clean(args[0]))
	})
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the record")
	return cmd
}

func groupsCommand(a *app) *cobra.Command {
	return a.group("groups", "Groups of people", a.groupsList(), a.groupsAdd(), a.groupsDrop(),
		a.place("join", "Give a person a place in a group"), a.place("leave", "Take a person's place in a group"))
}

func (a *app) groupsList() *cobra.Command {
	return a.remote("list", "List the groups with their members", cobra.NoArgs, func(cmd *cobra.Command, _ []string, c *client.Client) error {
		list, raw, err := client.All(cmd.Context(), 0, c.Groups)
		if err != nil {
			return err
		}
		n := &names{c: c}
		if err := n.load(cmd.Context()); err != nil {
			return err
		}
		return a.emitList(raw, func(w io.Writer) error {
			t := table{head: []string{"GROUP", "MEMBERS", "NOTE", "ID"}}
			for _, g := range list {
				var who []string
				for _, m := range g.Members {
					who = append(who, n.name(either(m.Person, m.Group)))
				}
				t.add(g.Name, either(join(who), "-"), either(g.Note, "-"), g.ID)
			}
			return t.write(w, a.paint(w), "No groups.")
		})
	})
}

func (a *app) groupsAdd() *cobra.Command {
	var note string
	cmd := a.remote("add NAME", "Make an empty group", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string, c *client.Client) error {
		r, err := c.AddGroup(cmd.Context(), args[0], note)
		if err != nil {
			return err
		}
		return a.emit(r.Raw, sentence("Made the group %s (%s).", r.Value.Name, r.Value.ID))
	})
	cmd.Flags().StringVar(&note, "note", "", "what it is for")
	return cmd
}

func (a *app) groupsDrop() *cobra.Command {
	return a.leaf("drop GROUP", "Remove an empty group", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		c, id, err := a.groupArg(cmd, args[0])
		if err != nil {
			return err
		}
		if err := c.DropGroup(cmd.Context(), id); err != nil {
			return err
		}
		return a.done("Removed the group %s.", clean(args[0]))
	})
}

func (a *app) groupArg(cmd *cobra.Command, word string) (*client.Client, string, error) {
	c, err := a.client(cmd.Context())
	if err != nil || strings.HasPrefix(word, "grp_") {
		return c, word, err
	}
	list, _, err := client.All(cmd.Context(), 0, c.Groups)
	if err != nil {
		return nil, "", err
	}
	found := map[string]bool{}
	for _, g := range list {
		if strings.EqualFold(g.Name, word) {
			found[g.ID] = true
		}
	}
	id, err := only(found, "group", word, "plumb groups list")
	return c, id, err
}

func (a *app) place(verb, short string) *cobra.Command {
	return a.leaf(verb+" GROUP PERSON", short, cobra.ExactArgs(2), func(cmd *cobra.Command, args []string) error {
		c, group, err := a.groupArg(cmd, args[0])
		if err != nil {
			return err
		}
		member := args[1]
		if !strings.HasPrefix(member, "grp_") {
			if member, err = (&names{c: c}).person(cmd.Context(), member); err != nil {
				return err
			}
		}
		do := map[string]func(ctxt, string, string) error{"join": c.Join, "leave": c.Leave}[verb]
		if err := do(cmd.Context(), group, member); err != nil {
			return err
		}
		return a.done("Done: %s %s %s.", clean(args[1]), verb+"s", clean(args[0]))
	})
}

func rolesCommand(a *app) *cobra.Command {
	return a.group("roles", "Who holds which role", a.rolesList(), a.rolesGrant(), a.rolesRevoke())
}

func (a *app) rolesList() *cobra.Command {
	return a.remote("list", "List the roles, who holds them, and what that lets them do", cobra.NoArgs, func(cmd *cobra.Command, _ []string, c *client.Client) error {
		r, err := c.Roles(cmd.Context())
		if err != nil {
			return err
		}
		n := &names{c: c}
		if err := n.load(cmd.Context()); err != nil {
			return err
		}
		return a.emit(r.Raw, func(w io.Writer) error {
			t := table{head: []string{"ROLE", "APPROVES", "HOLDERS", "WHAT FOR"}}
			for _, x := range r.Value.Roles {
				var who []string
				for _, id := range x.Holders {
					who = append(who, n.name(id))
				}
				t.add(x.Name, map[bool]string{true: "yes", false: "no"}[x.Approves], either(join(who), "-"), strings.TrimSpace(x.Note+" "+x.May))
			}
			return t.write(w, a.paint(w), "No roles.")
		})
	})
}

func (a *app) rolesGrant() *cobra.Command {
	var until string
	cmd := a.leaf("grant ROLE PERSON", "Grant a role that cannot approve; others need: plumb access request", cobra.ExactArgs(2), func(cmd *cobra.Command, args []string) error {
		c, id, err := a.personArg(cmd, args[1])
		if err != nil {
			return err
		}
		if until != "" {
			t, err := a.instant(until)
			if err != nil {
				return err
			}
			until = t.UTC().Format("2006-01-02T15:04:05Z")
		}
		if err := c.Grant(cmd.Context(), args[0], id, until); err != nil {
			return err
		}
		return a.done("%s holds %s now.", clean(args[1]), clean(args[0]))
	})
	cmd.Flags().StringVar(&until, "until", "", "end of the grant: a time, or from now such as 30d")
	return cmd
}

func (a *app) rolesRevoke() *cobra.Command {
	return a.leaf("revoke ROLE PERSON", "Take a role that cannot approve", cobra.ExactArgs(2), func(cmd *cobra.Command, args []string) error {
		c, id, err := a.personArg(cmd, args[1])
		if err != nil {
			return err
		}
		if err := c.Revoke(cmd.Context(), args[0], id); err != nil {
			return err
		}
		return a.done("%s no longer holds %s.", clean(args[1]), clean(args[0]))
	})
}
