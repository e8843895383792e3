package cli

import (
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/client"
)

// waitingCommand shows everything that waits for whoever asks: what `plumb change waiting` says, and what production asks.
func waitingCommand(a *app) *cobra.Command {
	return a.leaf("waiting", "Everything that waits for you: decisions, findings, exceptions, campaigns, owners", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
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
		mutes, err := c.MutesWaiting(cmd.Context())
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
		w.Changes, w.Findings, w.Mutes, w.Campaigns, w.Owners = changes.Value.Items, findings.Value.Items, mutes.Value.Items, campaigns.Value.Items, owners.Value.Items
		raw := map[string]jsontext.Value{"changes": changes.Raw, "findings": findings.Raw, "exceptions": mutes.Raw, "campaigns": campaigns.Raw, "owners": owners.Raw}
		return a.emitValue(raw, func(out io.Writer) error { return a.writeWaiting(out, width(out), w) })
	})
}

// waiting is what waits for one person.
type waiting struct {
	Changes   []client.Change
	Findings  []client.Finding
	Mutes     []client.Mute
	Campaigns []client.Asking
	Owners    []client.Unanswered
}

func (a *app) writeWaiting(w io.Writer, cols int, x waiting) error {
	p := &page{w: w, paint: a.paint(w), cols: cols}
	if len(x.Changes)+len(x.Findings)+len(x.Mutes)+len(x.Campaigns)+len(x.Owners) == 0 {
		p.printf("Nothing waits for you.\n")
	}
	for _, c := range x.Changes {
		p.asks(c.ID, fmt.Sprintf("%s, since %s", c.Summary, a.ago(c.Created)), "plumb change show "+c.ID)
	}
	for _, f := range x.Findings {
		p.asks(f.ID, fmt.Sprintf("%s, %s, due %s", f.What(), f.Severity, at(f.Due)), "plumb reconcile show "+f.ID)
	}
	for _, m := range x.Mutes {
		what, when := "exception to review", "until"
		if m.State == "active" {
			what, when = "exception that ends soon", "ends"
		}
		p.asks(m.ID, fmt.Sprintf("%s: %s, %s, %s %s", what, m.Kind, m.Scope(), when, at(m.Expires)), "plumb reconcile show "+m.ID)
	}
	for _, c := range x.Campaigns {
		p.asking(c)
	}
	for _, o := range x.Owners {
		first := o.First[0]
		p.asks(first.Asset, fmt.Sprintf("owner %s %s of %s of production", o.Called, gapText(o.Gap), counted(o.Assets, "asset")),
			"plumb asset list --unanswered", fmt.Sprintf("plumb asset label %s owner=… --reason …", first.Asset))
	}
	return p.err
}

// asking says what of one campaign waits, and how it is answered.
func (p *page) asking(c client.Asking) {
	if c.Sign {
		p.asks(c.ID, fmt.Sprintf("%s, to sign, due %s", c.Name, at(c.Due)), "plumb campaign sign "+c.ID)
	}
	for _, i := range c.First {
		again := map[bool]string{true: ", changed since it was answered for"}[i.Standing == "reopened"]
		p.asks(c.ID, fmt.Sprintf("%s asks about %s%s, due %s", c.Name, i.Name, again, at(c.Due)), fmt.Sprintf("plumb campaign answer %s %s …", c.ID, i.Asset))
	}
	if more := c.Open - len(c.First); more > 0 {
		p.asks(c.ID, fmt.Sprintf("%s asks about %d more", c.Name, more), "plumb campaign show "+c.ID)
	}
}

// asks writes what waits, by its id, and the commands that go on with it: on one line, or each on its own where a terminal is too narrow.
func (p *page) asks(id, text string, commands ...string) {
	text = clean(text) + ":"
	line := id + "  " + text
	for i, c := range commands {
		line += map[bool]string{false: " ", true: "; "}[i > 0] + c
	}
	if p.cols == 0 || utf8.RuneCountInString(line) <= p.cols {
		p.printf("%s\n", line)
		return
	}
	p.flow(id+"  ", text)
	for _, c := range commands {
		p.folded(more, c)
	}
}
