package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/fault"
)

func sourceCommand(a *app) *cobra.Command {
	return a.group("source", "Where production is read from", a.sourceKinds(), a.sourceList(), a.sourceAdd(), a.sourceEdit(), a.sourceRemove(), a.sourceShow(), a.sourceRead(), a.sourcePush())
}

func (a *app) sourceKinds() *cobra.Command {
	return a.leaf("kinds", "List what can be a source, with its settings", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		return asks(a, cmd, func(ctx context.Context, c *client.Client) (client.Reply[client.Page[client.SourceKind]], error) {
			return c.SourceKinds(ctx)
		},
			func(w io.Writer, p client.Page[client.SourceKind]) error {
				t := table{head: []string{"KIND", "SETTING", "MEANS"}}
				for _, k := range p.Items {
					how := "read every " + span(time.Duration(k.Every)*time.Second)
					if k.Push {
						how = "documents are sent to it"
					}
					t.add(k.Name, "", k.Title+"; "+how)
					for _, s := range k.Settings {
						means := s.Help
						if s.Secret {
							means += " (name of a file in the server's secrets folder)"
						}
						if s.Required {
							means += ", needed"
						}
						t.add("", s.Key, means)
					}
				}
				return t.write(w, a.paint(w), "No kinds.")
			})
	})
}

func (a *app) sourceList() *cobra.Command {
	return a.leaf("list", "List the sources with their health", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		return asks(a, cmd, func(ctx context.Context, c *client.Client) (client.Reply[client.Page[client.Source]], error) {
			return c.Sources(ctx)
		},
			func(w io.Writer, p client.Page[client.Source]) error {
				t := table{head: []string{"NAME", "KIND", "HEALTH", "RECORDS", "LAST READ", "PROBLEM"}}
				for _, s := range p.Items {
					t.add(s.Name, s.Kind, s.State, number(s.Records), at(s.Newest.Ended), clean(s.Newest.Error))
				}
				return t.write(w, a.paint(w), "No sources: plumb source add")
			})
	})
}

// settings reads KEY=VALUE pairs.
func settings(pairs []string) (map[string]string, error) {
	out := map[string]string{}
	for _, p := range pairs {
		k, v, ok := strings.Cut(p, "=")
		if !ok || k == "" {
			return nil, fault.New(fault.Invalid, "usage", "A setting is KEY=VALUE.").FixedBy("you").Then("plumb source kinds")
		}
		out[k] = v
	}
	return out, nil
}

func interval(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fault.New(fault.Invalid, "usage", "The interval cannot be read.").FixedBy("you").Then("--every 15m")
	}
	return int64(d / time.Second), nil
}

func (a *app) sourceAdd() *cobra.Command {
	var pairs []string
	var every string
	cmd := a.leaf("add NAME KIND", "Add a source", cobra.ExactArgs(2), func(cmd *cobra.Command, args []string) error {
		set, err := settings(pairs)
		if err != nil {
			return err
		}
		n, err := interval(every)
		if err != nil {
			return err
		}
		return asks(a, cmd, func(ctx context.Context, c *client.Client) (client.Reply[client.Source], error) {
			return c.AddSource(ctx, client.NewSource{Name: args[0], Kind: args[1], Settings: set, Every: n})
		}, func(w io.Writer, s client.Source) error {
			_, err := fmt.Fprintf(w, "Added %s (%s).\n", s.Name, s.Kind)
			return err
		})
	})
	cmd.Flags().StringArrayVar(&pairs, "set", nil, "KEY=VALUE of a setting; may be repeated")
	cmd.Flags().StringVar(&every, "every", "", "time between readings, such as 15m")
	return cmd
}

func (a *app) sourceEdit() *cobra.Command {
	var pairs []string
	var every string
	var pause, resume bool
	cmd := a.leaf("edit NAME", "Change a source's settings or interval, pause it, resume it", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		set, err := settings(pairs)
		if err != nil {
			return err
		}
		if len(pairs) == 0 && every == "" && !pause && !resume {
			return fault.New(fault.Invalid, "usage", "Say what of the source changes.").FixedBy("you").Then("%s --help", cmd.CommandPath())
		}
		e := client.SourceEdit{}
		if len(pairs) > 0 {
			c, err := a.client(cmd.Context())
			if err != nil {
				return err
			}
			was, err := c.Source(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			e.Settings = maps.Clone(was.Value.Settings)
			if e.Settings == nil {
				e.Settings = map[string]string{}
			}
			maps.Copy(e.Settings, set)
		}
		if every != "" {
			n, err := interval(every)
			if err != nil {
				return err
			}
			e.Every = &n
		}
		if pause || resume {
			e.Paused = &pause
		}
		return asks(a, cmd, func(ctx context.Context, c *client.Client) (client.Reply[client.Source], error) {
			return c.EditSource(ctx, args[0], e)
		},
			func(w io.Writer, s client.Source) error {
				_, err := fmt.Fprintf(w, "Changed %s.\n", s.Name)
				return err
			})
	})
	f := cmd.Flags()
	f.StringArrayVar(&pairs, "set", nil, "KEY=VALUE of a setting; an empty value takes it away; may be repeated")
	f.StringVar(&every, "every", "", "time between readings")
	f.BoolVar(&pause, "pause", false, "read it no more")
	f.BoolVar(&resume, "resume", false, "read it again")
	cmd.MarkFlagsMutuallyExclusive("pause", "resume")
	return cmd
}

func (a *app) sourceRemove() *cobra.Command {
	return a.leaf("remove NAME", "Retire a source for good: what only it knew becomes silent, its history stays", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		return asks(a, cmd, func(ctx context.Context, c *client.Client) (client.Reply[client.Source], error) {
			return c.RemoveSource(ctx, args[0])
		}, func(w io.Writer, s client.Source) error {
			_, err := fmt.Fprintf(w, "Removed %s (%s). Nothing of it is missing; what only it knew is silent: plumb asset list --state silent\n", s.Name, s.Kind)
			return err
		})
	})
}

func (a *app) sourceShow() *cobra.Command {
	return a.leaf("show NAME", "Show a source with its newest readings", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		return asks(a, cmd, func(ctx context.Context, c *client.Client) (client.Reply[client.Source], error) {
			return c.Source(ctx, args[0])
		},
			func(w io.Writer, s client.Source) error {
				return a.writeSource(a.page(w), s)
			})
	})
}

// writeSource shows a source. What was wrong with a reading stands below the table of them: it is as long as its source is talkative.
func (a *app) writeSource(p *page, s client.Source) error {
	p.folded("", fmt.Sprintf("%s (%s), %s, %s", s.Name, s.Kind, s.State, counted(s.Records, "record")))
	for _, k := range slices.Sorted(maps.Keys(s.Settings)) {
		p.folded("  ", k+" = "+s.Settings[k])
	}
	for _, x := range s.Scopes {
		p.folded("  ", x.Scope+": read completely "+a.ago(x.Complete))
	}
	for _, q := range s.Questions {
		p.folded("  ", fmt.Sprintf("question of %s, %s: %s (plumb asset questions)", q.Asset, q.Kind, q.Detail))
	}
	t := table{head: []string{"READ", "WHOLE", "SEEN", "NEW", "CHANGED", "ABSENT", "DIFFERENCES"}}
	for _, r := range s.Runs {
		whole := map[bool]string{true: "yes", false: "no"}[r.Complete]
		t.add(at(r.Ended), whole, number(r.Records), number(r.Added), number(r.Changed), number(r.Absent), number(r.Differences))
	}
	if p.err == nil {
		p.err = t.within(p.w, p.cols, p.paint, "Never read.")
	}
	for _, r := range s.Runs {
		for i, line := range strings.Split(cleanText(r.Error), "\n") {
			if i == 0 && line != "" {
				line = "problem of " + at(r.Ended) + ": " + line
			}
			if line != "" {
				p.folded("  ", line)
			}
		}
	}
	return p.err
}

func wrote(w io.Writer, r client.Run) error {
	_, err := fmt.Fprintf(w, "Read %s: %d new, %d changed, %d absent, %s.\n", counted(r.Records, "record"), r.Added, r.Changed, r.Absent, counted(r.Differences, "difference"))
	return err
}

func (a *app) sourceRead() *cobra.Command {
	return a.leaf("read NAME", "Read a source now", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		return asks(a, cmd, func(ctx context.Context, c *client.Client) (client.Reply[client.Run], error) {
			return c.ReadSource(ctx, args[0])
		}, wrote)
	})
}

func (a *app) sourcePush() *cobra.Command {
	return a.leaf("push NAME FILE", "Send a source a document to read; - is standard input", cobra.ExactArgs(2), func(cmd *cobra.Command, args []string) error {
		document := filepath.Base(args[1])
		body, err := a.documentOf(args[1])
		if err != nil {
			return err
		}
		if args[1] == "-" {
			document = "standard input"
		}
		return asks(a, cmd, func(ctx context.Context, c *client.Client) (client.Reply[client.Run], error) {
			return c.PushDocument(ctx, args[0], document, body)
		}, wrote)
	})
}

// documentOf reads what is to be sent to a source: a file, or standard input for -.
func (a *app) documentOf(file string) ([]byte, error) {
	if file != "-" {
		return readWhole(file)
	}
	b, err := io.ReadAll(io.LimitReader(a.in, maxArtifact+1))
	switch {
	case err != nil:
		return nil, fileFault(file, err)
	case len(b) == 0:
		return nil, fault.New(fault.Invalid, "empty_file", "Nothing came on standard input.").FixedBy("you").Then("plumb source push NAME FILE")
	case len(b) > maxArtifact:
		return nil, fault.New(fault.TooLarge, "file_too_large", "Standard input is larger than %d MiB.", maxArtifact>>20).FixedBy("you").Then("send less")
	}
	return b, nil
}
