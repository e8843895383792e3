package cli

import (
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/client"
)

// waitingCommand shows everything that waits for whoever asks: what `plumb change waiting` says, and what production asks.
func waitingCommand(a *app) *cobra.Command {
	return a.leaf("waiting", "Everything that waits for you: decisions, findings, campaigns, production without an owner", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		c, err := a.client(cmd.Context())
		if err != nil {
			return err
		}
		var w waiting
		changes, err := c.Waiting(cmd.Context())
		if err != nil {
			return err
		}
		findings, err := c.FindingsWaiting(cmd.Context())
		if err != nil {
			return err
		}
		campaigns, err := c.CampaignsWaiting(cmd.Context())
		if err != nil {
			return err
		}
		owners, err := c.OwnersWaiting(cmd.Context())
		if err != nil {
			return err
		}
		w.Changes, w.Findings, w.Campaigns, w.Owners = changes.Value.Items, findings.Value.Items, campaigns.Value.Items, owners.Value.Items
		raw := map[string]jsontext.Value{"changes": changes.Raw, "findings": findings.Raw, "campaigns": campaigns.Raw, "owners": owners.Raw}
		return a.emitValue(raw, func(out io.Writer) error { return a.writeWaiting(out, w) })
	})
}

// waiting is what waits for one person.
type waiting struct {
	Changes   []client.Change
	Findings  []client.Finding
	Campaigns []client.Asking
	Owners    []client.Unanswered
}

func (a *app) writeWaiting(w io.Writer, x waiting) error {
	if len(x.Changes)+len(x.Findings)+len(x.Campaigns)+len(x.Owners) == 0 {
		_, err := fmt.Fprintln(w, "Nothing waits for you.")
		return err
	}
	for _, c := range x.Changes {
		if _, err := fmt.Fprintf(w, "%s  %s, since %s: plumb change show %s\n", c.ID, clean(c.Summary), a.ago(c.Created), c.ID); err != nil {
			return err
		}
	}
	for _, f := range x.Findings {
		if _, err := fmt.Fprintf(w, "%s  %s, %s, due %s: plumb reconcile show %s\n", f.ID, clean(f.What()), f.Severity, at(f.Due), f.ID); err != nil {
			return err
		}
	}
	for _, c := range x.Campaigns {
		if err := writeAsking(w, c); err != nil {
			return err
		}
	}
	for _, o := range x.Owners {
		first := o.First[0]
		if _, err := fmt.Fprintf(w, "%s  owner %s %s of %s of production: plumb asset list --unanswered; plumb asset label %s owner=… --reason …\n", first.Asset,
			clean(o.Called), gapText(o.Gap), counted(o.Assets, "asset"), first.Asset); err != nil {
			return err
		}
	}
	return nil
}

// writeAsking says what of one campaign waits, and how it is answered.
func writeAsking(w io.Writer, c client.Asking) error {
	if c.Sign {
		if _, err := fmt.Fprintf(w, "%s  %s, to sign, due %s: plumb campaign sign %s\n", c.ID, clean(c.Name), at(c.Due), c.ID); err != nil {
			return err
		}
	}
	for _, i := range c.First {
		again := map[bool]string{true: ", changed since it was answered for"}[i.Standing == "reopened"]
		if _, err := fmt.Fprintf(w, "%s  %s asks about %s%s, due %s: plumb campaign answer %s %s …\n", c.ID, clean(c.Name), clean(i.Name), again, at(c.Due), c.ID,
			i.Asset); err != nil {
			return err
		}
	}
	if more := c.Open - len(c.First); more > 0 {
		_, err := fmt.Fprintf(w, "%s  %s asks about %d more: plumb campaign show %s\n", c.ID, clean(c.Name), more, c.ID)
		return err
	}
	return nil
}
