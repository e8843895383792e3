package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/fault"
)

func number(n int64) string { return strconv.FormatInt(n, 10) }

func freezeCommand(a *app) *cobra.Command {
	return a.group("freeze", "Times in which nothing in scope may start", a.windowSet("freeze"), a.windowList("freeze"), a.windowLift("freeze"))
}

func windowCommand(a *app) *cobra.Command {
	return a.group("window", "Times in which changes in scope must start", a.windowSet("window"), a.windowList("window"), a.windowLift("window"))
}

func (a *app) windowSet(kind string) *cobra.Command {
	var from, until string
	var soft, dry bool
	w := client.NewWindow{Kind: kind}
	cmd := a.leaf("set", "Declare a one-off "+kind, cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		if until == "" || strings.TrimSpace(w.Reason) == "" {
			return fault.New(fault.Invalid, "usage", "A %s needs an end and a reason.", kind).FixedBy("you").Then("%s --until 4h --reason \"…\"", cmd.CommandPath())
		}
		for text, into := range map[*string]*string{&from: &w.Starts, &until: &w.Ends} {
			t, err := a.instant(*text)
			if err != nil {
				return err
			}
			*into = t.UTC().Format(time.RFC3339)
		}
		w.Hard = kind == "freeze" && !soft
		c, err := a.client(cmd.Context())
		if err != nil {
			return err
		}
		if dry {
			return a.windowPreview(cmd.Context(), c, w)
		}
		r, err := c.SetWindow(cmd.Context(), w)
		if err != nil {
			return err
		}
		return a.emit(r.Raw, func(out io.Writer) error {
			_, err := fmt.Fprintf(out, "%s %s from %s until %s.\n", capital(kind), r.Value.ID, at(r.Value.Starts), at(r.Value.Ends))
			return err
		})
	})
	f := cmd.Flags()
	f.StringVar(&from, "from", "now", "begin: a time, or from now such as 2h")
	f.StringVar(&until, "until", "", "end, likewise")
	f.StringVar(&w.Reason, "reason", "", "why")
	f.StringSliceVar(&w.Scope.Environments, "env", nil, "only these environments; everything when no scope is given")
	f.StringSliceVar(&w.Scope.Categories, "category", nil, "only these categories")
	f.StringSliceVar(&w.Scope.Components, "component", nil, "only these components")
	f.StringSliceVar(&w.Scope.Targets, "target", nil, "only these targets")
	f.StringSliceVar(&w.Scope.ExemptTypes, "exempt-type", nil, "types of change that may start all the same")
	f.BoolVar(&dry, "dry-run", false, "list the changes that it would reach, and set nothing")
	if kind == "freeze" {
		f.BoolVar(&soft, "soft", false, "a slot holder can accept it for one change")
		f.StringSliceVar(&w.Scope.ExemptRoles, "exempt-role", nil, "people who hold one of these roles start all the same")
		f.BoolVar(&w.Scope.Running, "running", false, "runs under way end with their lease; else they may finish")
	}
	return cmd
}

// windowPreview shows what a window would reach before anybody is held up by it.
func (a *app) windowPreview(ctx context.Context, c *client.Client, w client.NewWindow) error {
	r, err := c.PreviewWindow(ctx, w)
	if err != nil {
		return err
	}
	return a.emit(r.Raw, func(out io.Writer) error {
		t := table{head: []string{"CHANGE", "STATE", "FROM", "UNTIL", "SUMMARY"}}
		for _, x := range r.Value.Items {
			t.add(x.Change, stateWords(x.State), at(x.Starts), at(x.Ends), x.Summary)
		}
		if r.Value.More {
			a.note("There may be others: %d are listed, of the oldest in flight. Narrow the scope to see the rest.", len(r.Value.Items))
		}
		return t.write(out, a.paint(out), "It would reach no change.")
	})
}

func (a *app) windowList(kind string) *cobra.Command {
	return a.remote("list", "List windows and freezes that are not over", cobra.NoArgs, func(cmd *cobra.Command, _ []string, c *client.Client) error {
		r, err := c.Windows(cmd.Context())
		if err != nil {
			return err
		}
		return a.emit(r.Raw, func(out io.Writer) error {
			t := table{head: []string{"ID", "KIND", "FROM", "UNTIL", "SCOPE", "REASON"}}
			for _, w := range r.Value.Items {
				if w.Kind != kind {
					continue
				}
				what := w.Kind
				if w.Kind == "freeze" && !w.Hard {
					what = "soft freeze"
				}
				t.add(w.ID, what, at(w.Starts), at(w.Ends), scopeText(w.Scope), w.Reason)
			}
			return t.write(out, a.paint(out), "None.")
		})
	})
}

func scopeText(s client.Scope) string {
	var parts []string
	for _, l := range [][]string{s.Environments, s.Categories, s.Components, s.Targets} {
		parts = append(parts, l...)
	}
	text := either(join(parts), "everything")
	if but := append(s.ExemptTypes[:len(s.ExemptTypes):len(s.ExemptTypes)], s.ExemptRoles...); len(but) > 0 {
		text += " but " + join(but)
	}
	if s.Running {
		text += ", runs too"
	}
	return text
}

func (a *app) windowLift(kind string) *cobra.Command {
	var reason string
	cmd := a.remote("lift ID", "End a "+kind+" before its time", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string, c *client.Client) error {
		if err := c.LiftWindow(cmd.Context(), args[0], reason); err != nil {
			return err
		}
		return a.done("Lifted %s.", clean(args[0]))
	})
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	return cmd
}
