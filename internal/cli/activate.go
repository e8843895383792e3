package cli

import (
	"io"

	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/wire"
)

// activation is what the flags of the two activations say: the rules are changed by changes.
type activation struct {
	why, back    string
	implementers []string
	submit       bool
}

func (x *activation) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&x.why, "justification", "", "why")
	f.StringVar(&x.back, "rollback", "", "how it is backed out, else by the same kind of change")
	f.StringSliceVar(&x.implementers, "implementer", nil, "who carries it out with plumb change apply")
	f.BoolVar(&x.submit, "submit", false, "submit it at once")
}

func (x *activation) file(a *app, cmd *cobra.Command, c *client.Client, summary string, b wire.Binding) error {
	m := wire.Material{Type: "normal", Category: "configuration", Summary: summary, Justification: x.why,
		Components: []string{"change-control"}, Targets: []string{"change-control"}, Bindings: []wire.Binding{b},
		Rollback: wire.Rollback{Text: either(x.back, "Activate the version before it by the same kind of change.")}}
	n := &names{c: c}
	for _, word := range x.implementers {
		who, err := n.executor(cmd.Context(), word)
		if err != nil {
			return err
		}
		m.Implementers = append(m.Implementers, who)
	}
	return a.file(cmd, c, m, x.submit)
}

func (a *app) policyActivate() *cobra.Command {
	var x activation
	cmd := a.leaf("activate PACK", "File the change that puts a pack in force; the pack before it decides", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		files, err := packFolder(args[0])
		if err != nil {
			return err
		}
		pack, err := policy.Load(files)
		if err != nil {
			return err
		}
		if err := policy.Ready(pack.Lint(policy.LintOptions{Now: a.now()})); err != nil {
			return err
		}
		c, err := a.client(cmd.Context())
		if err != nil {
			return err
		}
		if err := a.warnWeaker(cmd, c, pack); err != nil {
			return err
		}
		archive, err := pack.Archive()
		if err != nil {
			return err
		}
		r, err := c.AddDocument(cmd.Context(), "policy-pack", archive)
		if err != nil {
			return err
		}
		return x.file(a, cmd, c, "Put the policy "+pack.Name+" "+pack.Version+" in force",
			wire.Binding{Kind: "policy-pack", Name: pack.Name + " " + pack.Version, Digest: pack.Digest(), Document: r.Value.Document})
	})
	x.addFlags(cmd)
	return cmd
}

// warnWeaker says in what the new pack asks less than the one in force, before anybody is asked.
func (a *app) warnWeaker(cmd *cobra.Command, c *client.Client, pack *policy.Pack) error {
	raw, err := c.PolicyArchive(cmd.Context())
	if err != nil {
		return err
	}
	old, err := policy.LoadArchive(raw)
	if err != nil {
		return err
	}
	for _, f := range policy.Weaker(old, pack) {
		a.note("%s %s", a.paint(a.err)(yellow, "weaker:"), clean(f.Text))
	}
	return nil
}

func modelCommand(a *app) *cobra.Command {
	return a.group("model", "Standard models: changes that criteria may authorize", a.modelList(), a.modelActivate())
}

func (a *app) modelList() *cobra.Command {
	return a.remote("list", "List the standard models and how they stand", cobra.NoArgs, func(cmd *cobra.Command, _ []string, c *client.Client) error {
		r, err := c.Models(cmd.Context())
		if err != nil {
			return err
		}
		return a.emit(r.Raw, func(w io.Writer) error {
			standing := map[string]client.Model{}
			for _, s := range r.Value.Standing {
				standing[s.ID] = s
			}
			t := table{head: []string{"MODEL", "STATE", "BY", "USES", "OWNER", "TITLE"}, colour: func(i int, cell string) string {
				return map[string]string{"active": green, "suspended": red}[cell]
			}}
			for _, m := range r.Value.Models {
				s := standing[m.ID]
				t.add(m.ID, either(s.State, "not active"), either(s.Change, "-"), number(s.Uses), m.Owner, m.Title)
			}
			return t.write(w, a.paint(w), "The policy has no standard models.")
		})
	})
}

func (a *app) modelActivate() *cobra.Command {
	var x activation
	cmd := a.remote("activate MODEL", "File the change that lets a standard model authorize", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string, c *client.Client) error {
		raw, err := c.PolicyArchive(cmd.Context())
		if err != nil {
			return err
		}
		pack, err := policy.LoadArchive(raw)
		if err != nil {
			return err
		}
		m, known := pack.Model(args[0])
		if !known {
			return fault.New(fault.NotFound, "no_model", "The policy in force has no model %s.", clean(args[0])).FixedBy("you").Then("plumb model list")
		}
		digest, err := pack.ModelDigest(m.ID)
		if err != nil {
			return err
		}
		return x.file(a, cmd, c, "Let the standard model "+m.ID+" authorize", wire.Binding{Kind: "standard-model", Name: m.ID, Digest: digest})
	})
	x.addFlags(cmd)
	return cmd
}
