package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/plan"
	"plumbline.dev/plumb/internal/wire"
)

func planCommand(a *app) *cobra.Command {
	return a.group("plan", "Saved plans of terraform and tofu", a.planDigest(), a.planShow())
}

func (a *app) planDigest() *cobra.Command {
	var fromServer, shown bool
	var o planOptions
	cmd := a.leaf("digest FILE", "Print the digest that binds a saved plan", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		if shown {
			return a.shownDigest(args[0])
		}
		v, err := newVault()
		if err != nil {
			return err
		}
		defer v.close()
		copied, digest, err := v.copy(args[0], maxPlanFile)
		if err != nil {
			return err
		}
		d := struct {
			Raw        string `json:"raw"`
			Normalized string `json:"normalized,omitempty"`
			Reason     string `json:"reason,omitempty"`
		}{Raw: digest, Reason: "Without the key of the repository there is only the raw digest; see --key-from-server."}
		if fromServer {
			c, err := a.client(cmd.Context())
			if err != nil {
				return err
			}
			o.repo = either(o.repo, detectCI(a.getenv).Repo)
			p, err := a.showPlan(cmd.Context(), c, copied, args[0], o)
			if err != nil {
				return err
			}
			d.Normalized, d.Reason = p.Normalized()
		}
		return a.emitValue(d, func(w io.Writer) error {
			fmt.Fprintln(w, d.Raw)
			if d.Normalized != "" {
				fmt.Fprintln(w, "normalized", d.Normalized)
			} else if fromServer {
				a.note("%s", d.Reason)
			}
			return nil
		})
	})
	f := cmd.Flags()
	f.BoolVar(&shown, "shown", false, "FILE is what terraform show -json printed of the plan: print its normalized digest, and run no tool")
	f.BoolVar(&fromServer, "key-from-server", false, "also print the normalized digest, under the repository's key; needs a token bound to it")
	f.StringVar(&o.repo, "repo", "", "repository, else as the CI environment claims")
	f.StringVar(&o.tool, "tool", "", "terraform or tofu; else the first on PATH")
	f.StringVar(&o.dir, "tf-dir", "", "folder of the configuration, else the plan's own")
	return cmd
}

// shownDigest reads a plan that was shown already. It says what the plan does, not which file it was.
func (a *app) shownDigest(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return fault.New(fault.Invalid, "no_file", "The file %s cannot be read.", clean(file)).From(err).FixedBy("you").
			Then("check its name")
	}
	defer f.Close()
	p, err := plan.Read(f, plan.Options{})
	if err != nil {
		return err
	}
	d := struct {
		Normalized string `json:"normalized,omitempty"`
		Reason     string `json:"reason,omitempty"`
	}{}
	d.Normalized, d.Reason = p.Normalized()
	return a.emitValue(d, func(w io.Writer) error {
		if d.Normalized == "" {
			a.note("%s", d.Reason)
			return nil
		}
		_, err := fmt.Fprintln(w, "normalized", d.Normalized)
		return err
	})
}

// planShow shows what approvers will read, before anything is sent.
func (a *app) planShow() *cobra.Command {
	var o planOptions
	cmd := a.leaf("show FILE", "Show a saved plan as approvers will read it, redacted; sends nothing", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		v, err := newVault()
		if err != nil {
			return err
		}
		defer v.close()
		copied, _, err := v.copy(args[0], maxPlanFile)
		if err != nil {
			return err
		}
		p, err := a.showPlan(cmd.Context(), nil, copied, args[0], planOptions{tool: o.tool, dir: o.dir}) // no repository, so no key and nobody to ask
		if err != nil {
			return err
		}
		return a.emitValue(p.Summary(), func(w io.Writer) error { return a.writePlan(w, p.Summary()) })
	})
	cmd.Flags().StringVar(&o.tool, "tool", "", "terraform or tofu; else the first on PATH")
	cmd.Flags().StringVar(&o.dir, "tf-dir", "", "folder of the configuration, else the plan's own")
	return cmd
}

var classColours = map[string]string{plan.ClassCreate: green, plan.ClassDelete: red, plan.ClassReplace: red, plan.ClassUpdate: yellow}

func (a *app) writePlan(w io.Writer, s plan.Summary) error {
	p := a.page(w)
	for _, r := range s.Resources {
		if r.Class == plan.ClassNoOp {
			continue
		}
		p.printf("%s %s\n", p.paint(classColours[r.Class], fmt.Sprintf("%-7s", r.Class)), clean(r.Address))
		for _, d := range r.Diffs {
			after := string(d.After)
			switch {
			case d.Unknown:
				after = "(known after apply)"
			case after == "":
				after = "(absent)"
			}
			if len(d.Before) == 0 {
				p.printf("        %s = %s\n", clean(d.Path), clean(after))
				continue
			}
			p.printf("        %s: %s → %s\n", clean(d.Path), clean(string(d.Before)), clean(after))
		}
	}
	n := s.Counts
	p.printf("%s\n", counts(wire.PlanSum{Create: n.Create, Update: n.Update, Delete: n.Delete, Replace: n.Replace}))
	if !s.Complete {
		p.item("incomplete", s.Incomplete)
	}
	return p.err
}
