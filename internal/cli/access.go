package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/wire"
)

func accessCommand(a *app) *cobra.Command {
	return a.group("access", "Who may approve: granted and revoked by approved changes only", a.accessRequest())
}

// accessRequest files the change that grants an approving role.
func (a *app) accessRequest() *cobra.Command {
	var role, person, until, why, back string
	var implementers []string
	var revoke, submit bool
	cmd := a.leaf("request", "File the change that grants or revokes a role", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		if role == "" || person == "" {
			return fault.New(fault.Invalid, "usage", "Say which role and whose.").FixedBy("you").Then("%s --role security-lead --person eva --justification \"…\"", cmd.CommandPath())
		}
		c, err := a.client(cmd.Context())
		if err != nil {
			return err
		}
		n := &names{c: c}
		id, err := n.person(cmd.Context(), person)
		if err != nil {
			return err
		}
		g := wire.Grant{Op: "grant", Role: role, Person: id}
		verb, undo := "Grant %s to %s", "Revoke the role again by the same kind of change."
		if revoke {
			g.Op, verb, undo = "revoke", "Revoke %s from %s", "Grant the role again by the same kind of change."
		}
		if until != "" {
			t, err := a.instant(until)
			if err != nil {
				return err
			}
			g.Until = t.UTC().Truncate(time.Second).UnixMicro()
		}
		digest, err := g.Digest()
		if err != nil {
			return err
		}
		m := wire.Material{Type: "normal", Category: "access", Summary: fmt.Sprintf(verb, role, person), Justification: why,
			Components: []string{"change-control"}, Targets: []string{"change-control"},
			Bindings: []wire.Binding{{Kind: "access-grant", Name: role, Digest: digest, Grant: &g}}, Rollback: wire.Rollback{Text: either(back, undo)}}
		for _, word := range implementers {
			x, err := n.executor(cmd.Context(), word)
			if err != nil {
				return err
			}
			m.Implementers = append(m.Implementers, x)
		}
		return a.file(cmd, c, m, submit)
	})
	f := cmd.Flags()
	f.StringVar(&role, "role", "", "role of the policy pack")
	f.StringVar(&person, "person", "", "who gets it")
	f.BoolVar(&revoke, "revoke", false, "take it instead")
	f.StringVar(&until, "until", "", "end of the grant: a time, or from now such as 30d")
	f.StringVar(&why, "justification", "", "why")
	f.StringVar(&back, "rollback", "", "how it is backed out, else by the same kind of change")
	f.StringSliceVar(&implementers, "implementer", nil, "who carries it out with plumb change apply")
	f.BoolVar(&submit, "submit", false, "submit it at once")
	return cmd
}

// file files a change that was made here, and submits it where asked.
func (a *app) file(cmd *cobra.Command, c *client.Client, m wire.Material, submit bool) error {
	r, err := c.NewChange(cmd.Context(), m, "")
	if err != nil {
		return err
	}
	verb := "filed"
	if submit {
		if r, err = c.Decide(cmd.Context(), r.Value.ID, "submit", r.Value.RevDigest, ""); err != nil {
			return err
		}
		verb = "filed and submitted"
	}
	return a.changed(r, verb)
}
