package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/client"
)

func webhookCommand(a *app) *cobra.Command {
	return a.group("webhook", "Receivers that hear of events", a.webhookList(), a.webhookAdd(), a.webhookDrop(), a.webhookReplay(), a.webhookDeliveries())
}

func (a *app) webhookList() *cobra.Command {
	return a.remote("list", "List the receivers", cobra.NoArgs, func(cmd *cobra.Command, _ []string, c *client.Client) error {
		r, err := c.Webhooks(cmd.Context())
		if err != nil {
			return err
		}
		return a.emit(r.Raw, func(w io.Writer) error {
			t := table{head: []string{"ID", "STATE", "EVENTS", "URL"}}
			for _, x := range r.Value.Items {
				state := "live"
				if x.Ended > 0 {
					state = "ended"
				}
				t.add(x.ID, state, either(join(x.Verbs), "all"), x.URL)
			}
			return t.write(w, a.paint(w), "No receivers.")
		})
	})
}

func (a *app) webhookAdd() *cobra.Command {
	var verbs []string
	var out string
	cmd := a.remote("add URL", "Add a receiver; the secret that signs is shown this once", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string, c *client.Client) error {
		r, err := c.AddWebhook(cmd.Context(), args[0], verbs)
		if err != nil {
			return err
		}
		if out != "" {
			if err := writeSecretFile(out, r.Value.Secret); err != nil {
				return err
			}
			return a.emitValue(r.Value.Webhook, sentence("Added %s; its secret is in %s.", r.Value.Webhook.ID, out))
		}
		return a.emit(r.Raw, sentence("Added %s. Secret, shown this once: %s", r.Value.Webhook.ID, r.Value.Secret))
	})
	cmd.Flags().StringSliceVar(&verbs, "event", nil, "events to send, such as change.approved; all when none is given")
	cmd.Flags().StringVar(&out, "out", "", "write the secret to this file (mode 0600) instead of the terminal")
	return cmd
}

func (a *app) webhookDrop() *cobra.Command {
	return a.remote("remove ID", "Remove a receiver", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string, c *client.Client) error {
		if err := c.DropWebhook(cmd.Context(), args[0]); err != nil {
			return err
		}
		return a.done("Removed %s.", clean(args[0]))
	})
}

func (a *app) webhookReplay() *cobra.Command {
	var from int64
	cmd := a.remote("replay ID", "Send the events from a number on again", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string, c *client.Client) error {
		if err := c.ReplayWebhook(cmd.Context(), args[0], from); err != nil {
			return err
		}
		return a.done("%s gets everything from event %d on again.", clean(args[0]), from)
	})
	cmd.Flags().Int64Var(&from, "from", 0, "number of the first event")
	return cmd
}

func (a *app) webhookDeliveries() *cobra.Command {
	var most int
	cmd := a.remote("deliveries ID", "List what became of the events, newest first", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string, c *client.Client) error {
		list, raw, err := client.All(cmd.Context(), most, func(ctx ctxt, cursor string) (client.Reply[client.Page[client.Delivery]], error) {
			return c.Deliveries(ctx, args[0], min(max(most, 1), 200), cursor)
		})
		if err != nil {
			return err
		}
		return a.emitList(raw, func(w io.Writer) error {
			t := table{head: []string{"EVENT", "WHEN", "STATE", "TRIES", "STATUS", "PROBLEM"}}
			for _, d := range list {
				t.add(number(d.Seq), at(d.At), stateWords(d.State), number(d.Tries), number(d.Status), either(d.Problem, "-"))
			}
			return t.write(w, a.paint(w), "Nothing was sent yet.")
		})
	})
	cmd.Flags().IntVar(&most, "limit", 50, "most to list")
	return cmd
}

func metricsCommand(a *app) *cobra.Command {
	var from, to string
	cmd := a.remote("metrics", "Show the figures of a period, each with its definition", cobra.NoArgs, func(cmd *cobra.Command, _ []string, c *client.Client) error {
		for _, x := range []*string{&from, &to} {
			if *x == "" {
				continue
			}
			t, err := a.instant(*x)
			if err != nil {
				return err
			}
			*x = t.UTC().Format(time.RFC3339)
		}
		r, err := c.Metrics(cmd.Context(), from, to)
		if err != nil {
			return err
		}
		return a.emit(r.Raw, func(w io.Writer) error {
			a.note("%s to %s, %d changes.", r.Value.From, r.Value.To, r.Value.Changes)
			t := table{head: []string{"FIGURE", "VALUE", "MEANING"}}
			for _, f := range r.Value.Figures {
				t.add(f.Name, figure(f), f.Meaning)
			}
			return t.write(w, a.paint(w), "No figures.")
		})
	})
	cmd.Flags().StringVar(&from, "from", "", "begin of the period, else 30 days ago; -7d counts back from now")
	cmd.Flags().StringVar(&to, "to", "", "end of the period, else now")
	return cmd
}

func figure(f client.Figure) string {
	switch {
	case f.P50 > 0 || f.P90 > 0:
		return fmt.Sprintf("median %s, p90 %s (%d)", span(time.Duration(f.P50)*time.Second), span(time.Duration(f.P90)*time.Second), f.Count)
	case f.Each > 0:
		return fmt.Sprintf("%d.%02d (%d in %d)", f.Each/100, f.Each%100, f.Count, f.Of)
	case f.Of > 0:
		return fmt.Sprintf("%d%% (%d of %d)", f.Percent, f.Count, f.Of)
	}
	return number(f.Count)
}
