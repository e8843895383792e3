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

func (a *app) muteList() *cobra.Command {
	return a.leaf("mutes", "List standing authorizations, side effects and ignores", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		return asks(a, cmd, func(ctx context.Context, c *client.Client) (client.Reply[client.Page[client.Mute]], error) {
			return c.Mutes(ctx)
		},
			func(w io.Writer, p client.Page[client.Mute]) error {
				return muteTable(p.Items).write(w, a.paint(w), "None.")
			})
	})
}

// muteTable lists exceptions; what one is about and why stand in one column, so that the table fits 80.
func muteTable(list []client.Mute) *table {
	t := &table{head: []string{"ID", "KIND", "STATE", "WHAT AND WHY", "MATCHED", "EXPIRES"}}
	for _, m := range list {
		t.add(m.ID, m.Kind, m.State, m.Scope()+". "+m.Reason, number(m.Hits)+" of "+number(m.Seen), at(m.Expires))
	}
	return t
}

// told says how a mute stands, with its back-test.
func told(w io.Writer, m client.Mute) error {
	p := &page{w: w, cols: width(w)}
	p.flow("", fmt.Sprintf("%s is %s. %s", m.ID, m.State, backTest(m)))
	return p.err
}

// backTest says in a sentence what an exception would have matched.
func backTest(m client.Mute) string {
	b := m.BackTest
	text := fmt.Sprintf("In %d days it would have matched %d of %s, %s.", b.Days, b.Matched, fault.Count(b.Differences, "difference", "differences"),
		fault.Count(b.Unauthorized, "of them a finding", "of them findings"))
	if b.Cut {
		text += " There were more differences; the newest count."
	}
	return text
}

// namedBy says how many assets an exception by name is about.
func namedBy(m client.Mute) string {
	if m.Name == "" {
		return ""
	}
	return fault.Count(m.BackTest.Named, "asset is called so", "assets are called so") + "; who takes the name later is not matched"
}

// showMute is what a reviewer reads: what it is about, why, and what it would have matched, at which assets.
func (a *app) showMute(w io.Writer, m client.Mute, names map[string]string) error {
	who := func(id string, when int64) string {
		if id == "" {
			return ""
		}
		return either(names[id], id) + ", " + at(when)
	}
	p := a.page(w)
	p.printf("%s  %s, %s, until %s\n%s\n", m.ID, m.Kind, m.State, at(m.Expires), clean(m.Scope()))
	over := ""
	if m.BackTest.At > 0 {
		over = fmt.Sprintf("%s, up to difference %d", at(m.BackTest.At), m.BackTest.To)
	}
	for _, line := range [][2]string{{"reason", m.Reason}, {"proposed by", who(m.Proposer, m.At)}, {"reviewed by", who(m.Reviewer, m.Reviewed)},
		{"ended", m.Ended}, {"matched", fmt.Sprintf("%d of %d while it was active; ends itself at %d percent", m.Hits, m.Seen, m.Share)},
		{"by name", namedBy(m)}, {"back-test", backTest(m)}, {"taken", over}, {"at assets", strings.Join(m.BackTest.Assets, ", ")}} {
		p.item(line[0], line[1])
	}
	if m.State == "proposed" {
		var may []string
		for _, id := range m.Reviewers {
			may = append(may, nameOf(names, id))
		}
		p.folded("", fmt.Sprintf("Next: plumb reconcile review %s --accept, by a Security Officer who did not propose it: %s", m.ID, either(strings.Join(may, " or "), "nobody who may")))
	}
	if left := time.UnixMicro(m.Expires).Sub(a.now()); m.State == "active" && left > 0 && left <= 7*24*time.Hour {
		p.folded("", "What it explains becomes findings when it ends. To keep it, propose it anew, which is reviewed anew: plumb reconcile mute")
	}
	return p.err
}

func (a *app) muteNew() *cobra.Command {
	var expires string
	m := client.NewMute{}
	cmd := a.leaf("mute", "Propose an exception; it works after a Security Officer reviewed it", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		t, err := a.instant(expires)
		if err != nil {
			return err
		}
		m.Expires = t.UTC()
		return asks(a, cmd, func(ctx context.Context, c *client.Client) (client.Reply[client.Mute], error) {
			return c.ProposeMute(ctx, m)
		}, told)
	})
	f := cmd.Flags()
	f.StringVar(&m.Kind, "kind", "standing", "standing, side_effect or ignore")
	f.StringVar(&m.Reason, "reason", "", "why")
	f.StringVar(&m.Asset, "asset", "", "only this asset, by its id")
	f.StringVar(&m.Class, "class", "", "only assets of this class")
	f.StringVar(&m.Type, "type", "", "only records of this type, such as hcloud_server")
	f.StringVar(&m.Name, "name", "", "only assets so called; a star stands for any characters")
	f.StringVar(&m.Env, "env", "", "only in this environment")
	f.StringVar(&m.Path, "path", "", "attribute; a star stands for any characters")
	f.StringVar(&m.Op, "op", "", "create, update or delete; update when left out")
	f.StringSliceVar(&m.Values, "value", nil, "only to one of these values")
	f.Int64Var(&m.Min, "min", 0, "only to a number from here")
	f.Int64Var(&m.Max, "max", 0, "only to a number up to here")
	f.StringVar(&m.Actor, "actor", "", "only by whom the source names so")
	f.BoolVar(&m.Security, "security", false, "it may explain security attributes, too")
	f.Int64Var(&m.Share, "share", 20, "percent of all differences at which it ends itself")
	f.StringVar(&expires, "expires", "90d", "end: a time, or from now such as 90d; a year at most")
	return cmd
}

func (a *app) muteReview() *cobra.Command {
	var accept bool
	var reason string
	cmd := a.leaf("review MUTE", "Accept or refuse a proposed exception", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		return asks(a, cmd, func(ctx context.Context, c *client.Client) (client.Reply[client.Mute], error) {
			return c.ReviewMute(ctx, args[0], accept, reason)
		}, told)
	})
	cmd.Flags().BoolVar(&accept, "accept", false, "accept it; without this it is refused")
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	return cmd
}

func (a *app) muteEnd() *cobra.Command {
	var reason string
	cmd := a.leaf("unmute MUTE", "End an exception at once", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		return asks(a, cmd, func(ctx context.Context, c *client.Client) (client.Reply[client.Mute], error) {
			return c.EndMute(ctx, args[0], reason)
		}, told)
	})
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	return cmd
}
