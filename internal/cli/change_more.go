package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/fault"
)

// ctxt keeps signatures short.
type ctxt = context.Context

func (a *app) changeSchedule() *cobra.Command {
	var from, until string
	cmd := a.remote("schedule CHANGE", "Set the slot inside the approved window", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string, c *client.Client) error {
		var slot [2]string
		for i, s := range []string{from, until} {
			if s == "" {
				continue
			}
			t, err := a.instant(s)
			if err != nil {
				return err
			}
			slot[i] = t.UTC().Format(time.RFC3339)
		}
		r, err := c.Schedule(cmd.Context(), args[0], slot[0], slot[1])
		if err != nil {
			return err
		}
		return a.changed(r, "scheduled")
	})
	cmd.Flags().StringVar(&from, "from", "", "start: RFC 3339, or from now such as 2h")
	cmd.Flags().StringVar(&until, "until", "", "end, likewise")
	return cmd
}

func (a *app) changeAck() *cobra.Command {
	var with, comment string
	cmd := a.leaf("ack CHANGE", "Accept a conflict with another change or a soft freeze", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		if with == "" || strings.TrimSpace(comment) == "" {
			return fault.New(fault.Invalid, "usage", "Accepting a conflict names it and says why.").FixedBy("you").Then("%s %s --with CHG-9 --comment \"…\"", cmd.CommandPath(), args[0])
		}
		c, err := a.client(cmd.Context())
		if err != nil {
			return err
		}
		r, err := c.Acknowledge(cmd.Context(), args[0], with, comment)
		if err != nil {
			return err
		}
		return a.changed(r, "conflict accepted")
	})
	cmd.Flags().StringVar(&with, "with", "", "the change or freeze in the way")
	cmd.Flags().StringVarP(&comment, "comment", "m", "", "why")
	return cmd
}

func (a *app) changeVerify() *cobra.Command {
	var slot, comment string
	var failed bool
	cmd := a.leaf("verify CHANGE", "Say that the result is as it should be, as the owner of the target", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		c, v, err := a.seen(cmd, args[0], "")
		if err != nil {
			return err
		}
		if slot == "" && len(v.Verify) == 1 {
			slot = v.Verify[0]
		}
		if slot == "" {
			return fault.New(fault.Invalid, "usage", "Say what you verify: %s.", either(join(v.Verify), "nothing is open")).FixedBy("you").
				Then("%s %s --slot …", cmd.CommandPath(), args[0])
		}
		r, err := c.Verify(cmd.Context(), v.Change.ID, slot, !failed, comment)
		if err != nil {
			return err
		}
		return a.changed(r, "verified")
	})
	cmd.Flags().StringVar(&slot, "slot", "", "what is verified, where several things are open")
	cmd.Flags().BoolVar(&failed, "failed", false, "it is not as it should be")
	cmd.Flags().StringVarP(&comment, "comment", "m", "", "what you looked at")
	return cmd
}

func (a *app) changeClose() *cobra.Command {
	var code string
	var review client.Review
	var actions []string
	cmd := a.leaf("close CHANGE", "Close a change after its review", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		c, v, err := a.seen(cmd, args[0], "")
		if err != nil {
			return err
		}
		code = either(code, v.Change.Body.Proposed)
		n := &names{c: c}
		for _, text := range actions {
			x, err := a.reviewAction(cmd.Context(), n, text)
			if err != nil {
				return err
			}
			review.Actions = append(review.Actions, x)
		}
		for i, who := range review.Attendees {
			if review.Attendees[i], err = n.person(cmd.Context(), who); err != nil {
				return err
			}
		}
		var held *client.Review
		if review.Outcome != "" || len(review.Actions) > 0 {
			held = &review
		}
		r, err := c.CloseChange(cmd.Context(), v.Change.ID, code, held)
		if err != nil {
			return err
		}
		return a.changed(r, "closed as "+stateWords(code))
	})
	f := cmd.Flags()
	f.StringVar(&code, "as", "", "closure code, else the one that the record proposes")
	f.StringVar(&review.Outcome, "outcome", "", "review: what came of it")
	f.StringVar(&review.Causes, "causes", "", "review: why")
	f.StringSliceVar(&review.Attendees, "attendee", nil, "review: who took part")
	f.StringArrayVar(&actions, "action", nil, `review: "OWNER DATE what is to be done"`)
	completeWords(cmd, "as", "successful", "successful_with_issues", "backed_out", "failed", "partially_implemented", "not_implemented", "unauthorized")
	return cmd
}

func (a *app) reviewAction(ctx ctxt, n *names, text string) (client.Action, error) {
	f := strings.Fields(text)
	if len(f) < 3 {
		return client.Action{}, fault.New(fault.Invalid, "usage", "--action takes \"OWNER DATE what is to be done\".").FixedBy("you").Then("--action \"eva 14d add a test\"")
	}
	owner, err := n.person(ctx, f[0])
	if err != nil {
		return client.Action{}, err
	}
	due, err := a.instant(f[1])
	if err != nil {
		return client.Action{}, err
	}
	return client.Action{Owner: owner, Due: due.UTC().Format(time.RFC3339), Text: strings.Join(f[2:], " ")}, nil
}

func (a *app) changeComment() *cobra.Command {
	return a.remote("comment CHANGE TEXT", "Add a remark; it changes nothing", cobra.ExactArgs(2), func(cmd *cobra.Command, args []string, c *client.Client) error {
		r, err := c.Remark(cmd.Context(), args[0], args[1])
		if err != nil {
			return err
		}
		return a.emit(r.Raw, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "Remark added to %s.\n", clean(args[0]))
			return err
		})
	})
}

func (a *app) changeTimeline() *cobra.Command {
	return a.remote("timeline CHANGE", "Tell a change's story out of the ledger", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string, c *client.Client) error {
		view, err := c.Change(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		list, raw, err := client.All(cmd.Context(), 0, func(ctx ctxt, cursor string) (client.Reply[client.Page[client.Entry]], error) {
			return c.Timeline(ctx, args[0], cursor)
		})
		if err != nil {
			return err
		}
		return a.emitList(raw, func(w io.Writer) error { return a.writeEntries(w, list, view.Value.Names) })
	})
}

func (a *app) changePermits() *cobra.Command {
	return a.leaf("permits CHANGE", "List the permits of a change and what came of them", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		c, v, err := a.seen(cmd, args[0], "")
		if err != nil {
			return err
		}
		r, err := c.Permits(cmd.Context(), v.Change.ID)
		if err != nil {
			return err
		}
		return a.emit(r.Raw, func(w io.Writer) error {
			t := table{head: []string{"PERMIT", "KIND", "ATTEMPT", "FENCE", "BY", "OPENED", "OUTCOME", "EXIT"}}
			for _, p := range r.Value.Items {
				t.add(p.ID, p.Kind, fmt.Sprint(p.Attempt), fmt.Sprint(p.Fence), nameOf(v.Names, p.Person), at(p.Issued), p.Outcome, fmt.Sprint(p.Exit))
			}
			return t.write(w, a.paint(w), "No permit was opened.")
		})
	})
}

func nameOf(names map[string]string, id string) string { return either(names[id], id, "the system") }

// writeEntries lists ledger events, one line each.
func (a *app) writeEntries(w io.Writer, list []client.Entry, names map[string]string) error {
	t := table{head: []string{"SEQ", "WHEN", "WHO", "WHAT", "OBJECT", "OUTCOME"}, colour: func(i int, cell string) string {
		if i == 5 && cell != "ok" {
			return red
		}
		return ""
	}}
	for _, e := range list {
		who := either(names[e.Leaf.Actor.Person], e.Leaf.Actor.Person, e.Leaf.Actor.Kind+":"+e.Leaf.Actor.Via)
		if e.Leaf.Actor.Kind == "service" {
			who = e.Leaf.Actor.Account + " for " + who
		}
		t.add(fmt.Sprint(e.Seq), at(e.Leaf.TS), who, strings.ReplaceAll(e.Leaf.Verb, "_", " "), e.Leaf.Object.ID, e.Leaf.Outcome)
	}
	return t.write(w, a.paint(w), "No events.")
}
