package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/client"
)

func (a *app) muteList() *cobra.Command {
	return a.leaf("mutes", "List standing authorizations, side effects and ignores", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		return asks(a, cmd, func(ctx context.Context, c *client.Client) (client.Reply[client.Page[client.Mute]], error) {
			return c.Mutes(ctx)
		},
			func(w io.Writer, p client.Page[client.Mute]) error {
				t := table{head: []string{"ID", "KIND", "STATE", "PATH", "MATCHED", "EXPIRES", "REASON"}}
				for _, m := range p.Items {
					t.add(m.ID, m.Kind, m.State, clean(m.Path), number(m.Hits)+" of "+number(m.Seen), at(m.Expires), clean(m.Reason))
				}
				return t.write(w, a.paint(w), "None.")
			})
	})
}

// told says how a mute stands, with its back-test.
func told(w io.Writer, m client.Mute) error {
	_, err := fmt.Fprintf(w, "%s is %s. In 30 days it would have matched %d of %d differences, %d of them findings.\n", m.ID, m.State,
		m.BackTest.Matched, m.BackTest.Differences, m.BackTest.Unauthorized)
	return err
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
