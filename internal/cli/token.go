package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/seal"
)

func writeSecretFile(path, secret string) error {
	if err := seal.WriteFile(path, []byte(secret+"\n"), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func serviceCommand(a *app) *cobra.Command {
	return a.group("service-account", "Programs that act with tokens, and who answers for them",
		a.serviceList(), a.serviceCreate(), a.serviceEdit(), a.serviceOwner(), a.serviceDisable())
}

func (a *app) serviceList() *cobra.Command {
	return a.remote("list", "List the service accounts", cobra.NoArgs, func(cmd *cobra.Command, _ []string, c *client.Client) error {
		list, raw, err := client.All(cmd.Context(), 0, c.ServiceAccounts)
		if err != nil {
			return err
		}
		n := &names{c: c}
		if err := n.load(cmd.Context()); err != nil {
			return err
		}
		return a.emitList(raw, func(w io.Writer) error {
			t := table{head: []string{"NAME", "OWNER", "REPOSITORIES", "STATE", "ID"}}
			for _, x := range list {
				state := "live"
				if x.Ended > 0 {
					state = "ended"
				}
				t.add(x.Username, n.name(x.Person), either(join(x.Repos), "-"), state, x.ID)
			}
			return t.write(w, a.paint(w), "No service accounts.")
		})
	})
}

func (a *app) serviceCreate() *cobra.Command {
	var s client.NewService
	cmd := a.leaf("create NAME", "Make a service account; its owner answers for what it does", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		c, err := a.client(cmd.Context())
		if err != nil {
			return err
		}
		s.Username = args[0]
		if s.Owner, err = (&names{c: c}).person(cmd.Context(), s.Owner); err != nil {
			return err
		}
		r, err := c.AddService(cmd.Context(), s)
		if err != nil {
			return err
		}
		return a.emit(r.Raw, sentence("Made the service account %s (%s).", r.Value.Username, r.Value.ID))
	})
	f := cmd.Flags()
	f.StringVar(&s.Owner, "owner", "me", "who answers for it")
	f.StringVar(&s.Note, "note", "", "what it is for")
	f.StringSliceVar(&s.Repos, "repo", nil, "repository that its tokens may be bound to")
	return cmd
}

func (a *app) serviceArg(cmd *cobra.Command, word string) (*client.Client, string, error) {
	c, err := a.client(cmd.Context())
	if err != nil {
		return nil, "", err
	}
	id, err := (&names{c: c}).service(cmd.Context(), word)
	return c, id, err
}

func (a *app) serviceEdit() *cobra.Command {
	var note string
	var repos []string
	cmd := a.leaf("edit NAME", "Say what a service account is for, and which repositories its tokens may be bound to", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		c, id, err := a.serviceArg(cmd, args[0])
		if err != nil {
			return err
		}
		list, _, err := client.All(cmd.Context(), 0, c.ServiceAccounts)
		if err != nil {
			return err
		}
		for _, x := range list {
			if x.ID == id && !cmd.Flags().Changed("note") {
				note = x.Note
			}
			if x.ID == id && !cmd.Flags().Changed("repo") {
				repos = x.Repos
			}
		}
		if err := c.EditService(cmd.Context(), id, note, repos); err != nil {
			return err
		}
		return a.done("Changed %s.", clean(args[0]))
	})
	cmd.Flags().StringVar(&note, "note", "", "what it is for")
	cmd.Flags().StringSliceVar(&repos, "repo", nil, "repositories, all of them")
	return cmd
}

func (a *app) serviceOwner() *cobra.Command {
	return a.leaf("owner NAME PERSON", "Give a service account another owner; its tokens end", cobra.ExactArgs(2), func(cmd *cobra.Command, args []string) error {
		c, id, err := a.serviceArg(cmd, args[0])
		if err != nil {
			return err
		}
		owner, err := (&names{c: c}).person(cmd.Context(), args[1])
		if err != nil {
			return err
		}
		if err := c.MoveService(cmd.Context(), id, owner); err != nil {
			return err
		}
		return a.done("%s answers for %s now; its tokens ended.", clean(args[1]), clean(args[0]))
	})
}

func (a *app) serviceDisable() *cobra.Command {
	var reason string
	cmd := a.leaf("disable NAME", "End a service account and its tokens", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		c, id, err := a.serviceArg(cmd, args[0])
		if err != nil {
			return err
		}
		if err := c.DisableService(cmd.Context(), id, reason); err != nil {
			return err
		}
		return a.done("Ended %s.", clean(args[0]))
	})
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the record")
	return cmd
}

func tokenCommand(a *app) *cobra.Command {
	return a.group("token", "API tokens for programs; a token never decides", a.tokenList(), a.tokenCreate(), a.tokenRevoke())
}

func (a *app) tokenList() *cobra.Command {
	var who string
	cmd := a.leaf("list", "List tokens", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		c, err := a.client(cmd.Context())
		if err != nil {
			return err
		}
		if who != "" {
			if who, err = (&names{c: c}).person(cmd.Context(), who); err != nil {
				return err
			}
		}
		list, raw, err := client.All(cmd.Context(), 0, func(ctx ctxt, cursor string) (client.Reply[client.Page[client.Token]], error) {
			return c.Tokens(ctx, who, cursor)
		})
		if err != nil {
			return err
		}
		return a.emitList(raw, func(w io.Writer) error {
			t := table{head: []string{"NAME", "SCOPES", "REPOSITORY", "EXPIRES", "USED", "ID"}}
			for _, x := range list {
				expires := a.ago(x.Expires)
				if x.Revoked > 0 {
					expires = "revoked"
				}
				t.add(x.Name, join(x.Scopes), either(x.Repo, "-"), expires, a.ago(x.Used), x.ID)
			}
			return t.write(w, a.paint(w), "No tokens.")
		})
	})
	cmd.Flags().StringVar(&who, "person", "", "of this person, else your own")
	return cmd
}

func (a *app) tokenCreate() *cobra.Command {
	var n client.NewToken
	var out string
	cmd := a.leaf("create", "Make a token; its secret is shown this once", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		c, err := a.client(cmd.Context())
		if err != nil {
			return err
		}
		if n.Account != "" {
			if n.Account, err = (&names{c: c}).service(cmd.Context(), n.Account); err != nil {
				return err
			}
		}
		r, err := c.MakeToken(cmd.Context(), n)
		if err != nil {
			return err
		}
		if out == "" {
			return a.emit(r.Raw, func(w io.Writer) error {
				_, err := fmt.Fprintln(w, r.Value.Secret)
				a.note("Token %s, until %s. It is shown this once.", r.Value.Token.ID, at(r.Value.Token.Expires))
				return err
			})
		}
		if err := writeSecretFile(out, r.Value.Secret); err != nil {
			return err
		}
		return a.emitValue(r.Value.Token, sentence("Token %s is in %s, until "+at(r.Value.Token.Expires)+".", r.Value.Token.ID, out))
	})
	f := cmd.Flags()
	f.StringVar(&n.Name, "name", "", "what it is for")
	f.StringVar(&n.Account, "account", "", "service account that it is for, else your own")
	f.StringSliceVar(&n.Scopes, "scope", []string{"read"}, "read, file, evidence, gate, admin-read, observe")
	f.StringVar(&n.Repo, "repo", "", "the only repository that it speaks for")
	f.StringVar(&n.Pipe, "pipeline", "", "the only pipeline that it speaks for")
	f.StringSliceVar(&n.Sources, "source", nil, "source that it may send documents to, with the scope observe; none without")
	f.IntVar(&n.Days, "days", 0, "days that it lives; 90 when left out")
	f.StringVar(&out, "out", "", "write the secret to this file (mode 0600) instead of the terminal")
	completeWords(cmd, "scope", "read", "file", "evidence", "gate", "admin-read", "observe")
	return cmd
}

func (a *app) tokenRevoke() *cobra.Command {
	return a.remote("revoke TOKEN", "End a token", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string, c *client.Client) error {
		if err := c.RevokeToken(cmd.Context(), args[0]); err != nil {
			return err
		}
		return a.done("Ended the token %s.", clean(args[0]))
	})
}

func sessionCommand(a *app) *cobra.Command {
	return a.group("session", "Where you are signed in", a.sessionList(), a.sessionEnd())
}

func (a *app) sessionList() *cobra.Command {
	var who string
	cmd := a.leaf("list", "List sessions", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		c, err := a.client(cmd.Context())
		if err != nil {
			return err
		}
		if who != "" {
			if who, err = (&names{c: c}).person(cmd.Context(), who); err != nil {
				return err
			}
		}
		r, err := c.Sessions(cmd.Context(), who)
		if err != nil {
			return err
		}
		return a.emit(r.Raw, func(w io.Writer) error {
			t := table{head: []string{"FROM", "AS", "OPENED", "USED", "UNTIL", "ID"}}
			for _, x := range r.Value.Items {
				t.add(either(x.Source, "-"), either(x.Label, "-"), a.ago(x.Created), a.ago(x.Used), at(x.Expires), x.ID)
			}
			return t.write(w, a.paint(w), "No sessions.")
		})
	})
	cmd.Flags().StringVar(&who, "person", "", "of this person, else your own")
	return cmd
}

func (a *app) sessionEnd() *cobra.Command {
	return a.remote("end SESSION", "End a session", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string, c *client.Client) error {
		if err := c.EndSession(cmd.Context(), args[0]); err != nil {
			return err
		}
		return a.done("Ended the session %s.", clean(args[0]))
	})
}
