package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/client"
)

func diagramCommand(a *app) *cobra.Command {
	return a.group("diagram", "Pictures of the inventory: as it is now, and those of record", a.diagramDraw(), a.diagramPropose(), a.diagramList(), a.diagramShow(),
		a.diagramApprove(), a.diagramRefuse(), a.diagramExport())
}

// sliced adds the flags that narrow a diagram.
func sliced(cmd *cobra.Command, s *client.Slice) *cobra.Command {
	f := cmd.Flags()
	f.StringVar(&s.Environment, "environment", "", "prod, shared, test or dev")
	f.StringVar(&s.Classification, "classification", "", "data class")
	f.StringVar(&s.Owner, "owner", "", "only this owner's")
	f.StringVar(&s.Role, "role", "", "only this role")
	return cmd
}

func (a *app) diagramDraw() *cobra.Command {
	var s client.Slice
	var form string
	cmd := a.leaf("draw network|environment|data-flow", "Draw the inventory as it is now", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		s.Kind = args[0]
		c, err := a.client(cmd.Context())
		if err != nil {
			return err
		}
		r, err := c.Drawing(cmd.Context(), s)
		if err != nil {
			return err
		}
		return a.emit(r.Raw, func(w io.Writer) error {
			b, err := c.Draw(cmd.Context(), s, form)
			if err == nil {
				_, err = w.Write(b)
			}
			return err
		})
	})
	cmd.Flags().StringVar(&form, "form", "svg", "svg or dot")
	return sliced(cmd, &s)
}

func (a *app) diagramPropose() *cobra.Command {
	var s client.Slice
	var digest, reason string
	cmd := a.leaf("propose network|environment|data-flow", "Propose a diagram, as it is drawn now, for the diagram of record", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		s.Kind = args[0]
		return asks(a, cmd, func(ctx context.Context, c *client.Client) (client.Reply[client.Diagram], error) {
			if digest == "" {
				r, err := c.Drawing(ctx, s)
				if err != nil {
					return client.Reply[client.Diagram]{}, err
				}
				digest = r.Value.Digest
			}
			return c.ProposeDiagram(ctx, s, digest, reason)
		}, func(w io.Writer, d client.Diagram) error {
			_, err := fmt.Fprintf(w, "Proposed %s: %d things, %d relationships, %s\nAnother person approves it: plumb diagram approve %s\n", d.ID, d.Nodes, d.Edges, d.Digest, d.ID)
			return err
		})
	})
	cmd.Flags().StringVar(&digest, "digest", "", "digest of the drawing that you looked at; that of now when left out")
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	return sliced(cmd, &s)
}

func (a *app) diagramList() *cobra.Command {
	var most int
	cmd := a.remote("list", "List diagrams of record, the newest first, with what turned stale", cobra.NoArgs, func(cmd *cobra.Command, _ []string, c *client.Client) error {
		list, raw, err := client.All(cmd.Context(), most, func(ctx ctxt, cursor string) (client.Reply[client.Page[client.Diagram]], error) {
			return c.Diagrams(ctx, min(max(most, 1), 200), cursor)
		})
		if err != nil {
			return err
		}
		return a.emitList(raw, func(w io.Writer) error {
			t := table{head: []string{"ID", "SHOWS", "STATE", "STALE SINCE", "PROPOSED", "DECIDED"}}
			for _, d := range list {
				stale := ""
				if d.Moved != nil {
					stale = at(d.Moved.Since)
				}
				t.add(d.ID, clean(slicedTo(d.Slice)), d.State, stale, at(d.Proposed), at(d.Decided))
			}
			return t.write(w, a.paint(w), "No diagrams of record.")
		})
	})
	cmd.Flags().IntVar(&most, "most", 50, "how many at most")
	return cmd
}

// slicedTo says what a diagram is drawn of.
func slicedTo(s client.Slice) string {
	return strings.Join(strings.Fields(strings.Join([]string{s.Kind, s.Environment, s.Classification, s.Owner, s.Role}, " ")), " ")
}

func (a *app) diagramShow() *cobra.Command {
	return a.remote("show DIAGRAM", "Show a diagram of record, and what moved since", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string, c *client.Client) error {
		r, err := c.Diagram(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return a.emit(r.Raw, func(w io.Writer) error { return writeDiagram(w, r.Value, a.namesOf(cmd.Context(), c)) })
	})
}

func writeDiagram(w io.Writer, d client.Diagram, people map[string]string) error {
	fmt.Fprintf(w, "%s %s, %s\n%d things, %d relationships, %d fully labelled; inventory head %d\n%s\n", d.ID, clean(slicedTo(d.Slice)), d.State, d.Nodes, d.Edges,
		d.Covered, d.Head, d.Digest)
	fmt.Fprintf(w, "Proposed by %s at %s %s\n", nameIn(people, d.Person), at(d.Proposed), clean(d.Reason))
	if d.Decided > 0 {
		fmt.Fprintf(w, "Decided by %s at %s %s\n", nameIn(people, d.Decider), at(d.Decided), clean(d.Note))
	}
	m := d.Moved
	if m == nil {
		return nil
	}
	if _, err := fmt.Fprintf(w, "STALE since %s: production is not as this shows any more.\n", at(m.Since)); err != nil {
		return err
	}
	for _, part := range []struct {
		how  string
		list []string
	}{{"new", m.Came}, {"gone", m.Left}, {"otherwise", m.Other}, {"joined", m.Joined}, {"parted", m.Parted}} {
		for _, text := range part.list {
			fmt.Fprintf(w, "  %-10s %s\n", part.how, clean(text))
		}
	}
	if m.More > 0 {
		fmt.Fprintf(w, "  and %d more\n", m.More)
	}
	return nil
}

func toldDiagram(w io.Writer, d client.Diagram) error {
	_, err := fmt.Fprintf(w, "%s is %s.\n", d.ID, d.State)
	return err
}

func (a *app) diagramApprove() *cobra.Command {
	var digest, note string
	cmd := a.leaf("approve DIAGRAM", "Make a proposed diagram the diagram of record; not by who proposed it", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		return asks(a, cmd, func(ctx context.Context, c *client.Client) (client.Reply[client.Diagram], error) {
			if digest == "" {
				r, err := c.Diagram(ctx, args[0])
				if err != nil {
					return r, err
				}
				digest = r.Value.Digest
			}
			return c.DecideDiagram(ctx, args[0], "approve", digest, note)
		}, toldDiagram)
	})
	cmd.Flags().StringVar(&digest, "digest", "", "digest of the diagram that you looked at; the proposal's when left out")
	cmd.Flags().StringVar(&note, "note", "", "what you have to say")
	return cmd
}

func (a *app) diagramRefuse() *cobra.Command {
	var note string
	cmd := a.leaf("refuse DIAGRAM", "Refuse a proposed diagram; who proposed it withdraws it so", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		return asks(a, cmd, func(ctx context.Context, c *client.Client) (client.Reply[client.Diagram], error) {
			return c.DecideDiagram(ctx, args[0], "refuse", "", note)
		}, toldDiagram)
	})
	cmd.Flags().StringVar(&note, "note", "", "why")
	return cmd
}

func (a *app) diagramExport() *cobra.Command {
	var form string
	cmd := a.remote("export DIAGRAM", "Write a diagram of record as it was proposed", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string, c *client.Client) error {
		r, err := c.Diagram(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return a.emit(r.Raw, func(w io.Writer) error {
			b, err := c.DiagramFile(cmd.Context(), args[0], form)
			if err == nil {
				_, err = w.Write(b)
			}
			return err
		})
	})
	cmd.Flags().StringVar(&form, "form", "svg", "svg or dot")
	return cmd
}
