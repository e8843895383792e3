package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/sheet"
)

func assetCommand(a *app) *cobra.Command {
	return a.group("asset", "What production is: assets, their history, who is who", a.assetList(), a.assetExport(), a.assetShow(), a.assetHistory(), a.assetLabel(),
		a.assetRetire(), a.assetMerge(), a.assetSplit(), a.assetIdentity(), a.assetUndo(), a.assetQuestions(), a.assetAnswer())
}

// asks runs one call of the client and shows its answer.
func asks[T any](a *app, cmd *cobra.Command, do func(context.Context, *client.Client) (client.Reply[T], error), human func(io.Writer, T) error) error {
	c, err := a.client(cmd.Context())
	if err != nil {
		return err
	}
	r, err := do(cmd.Context(), c)
	if err != nil {
		return err
	}
	return a.emit(r.Raw, func(w io.Writer) error { return human(w, r.Value) })
}

// assetSlice is which assets a command is about.
type assetSlice struct {
	words                  map[string]*string
	unlabelled, unanswered bool
}

func sliceOf(cmd *cobra.Command) *assetSlice {
	s := &assetSlice{words: map[string]*string{}}
	for k, help := range map[string]string{"class": "only this class, such as Host", "environment": "prod, test or dev", "classification": "data class",
		"owner": "only this owner's", "role": "only this role", "state": "present, silent, missing, retired, merged, or all; without it all but merged", "name": "how the name begins"} {
		s.words[k] = cmd.Flags().String(k, "", help)
	}
	cmd.Flags().BoolVar(&s.unlabelled, "unlabelled", false, "only those that lack environment, classification or owner")
	cmd.Flags().BoolVar(&s.unanswered, "unanswered", false, "only production whose owner left or is unknown")
	return s
}

func (s *assetSlice) query() url.Values {
	v := url.Values{}
	for k, word := range s.words {
		if *word != "" {
			v.Set(k, *word)
		}
	}
	if s.unlabelled {
		v.Set("unlabelled", "true")
	}
	if s.unanswered {
		v.Set("unanswered", "true")
	}
	return v
}

func (a *app) assetList() *cobra.Command {
	var slice *assetSlice
	var most int
	cmd := a.leaf("list", "List assets", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		v := slice.query()
		c, err := a.client(cmd.Context())
		if err != nil {
			return err
		}
		list, raw, err := client.All(cmd.Context(), most, func(ctx ctxt, cursor string) (client.Reply[client.Page[client.Asset]], error) {
			v.Set("limit", number(int64(min(max(most, 1), 200))))
			v.Set("cursor", cursor)
			if cursor == "" {
				v.Del("cursor")
			}
			return c.Assets(ctx, v)
		})
		if err != nil {
			return err
		}
		return a.emitList(raw, func(w io.Writer) error {
			t, owners := table{head: []string{"ID", "CLASS", "NAME", "ENV", "DATA", "OWNER", "STATE"}}, a.ownersOf(cmd.Context(), c, list)
			for _, x := range list {
				t.add(x.ID, x.Class, clean(x.Name), x.Label("environment"), x.Label("classification"), nameIn(owners, x.Labels["owner"].Value), x.State)
			}
			return t.write(w, a.paint(w), "No assets.")
		})
	})
	slice = sliceOf(cmd)
	cmd.Flags().IntVar(&most, "most", 100, "how many at most")
	return cmd
}

// ownersOf gives what the people and groups that own assets are called; empty for who may not list them.
func (a *app) ownersOf(ctx context.Context, c *client.Client, list []client.Asset) map[string]string {
	owned := func(prefix string) bool {
		return slices.ContainsFunc(list, func(x client.Asset) bool { return strings.HasPrefix(x.Labels["owner"].Value, prefix) })
	}
	out := map[string]string{}
	if owned("per_") {
		out = a.namesOf(ctx, c)
	}
	if !owned("grp_") {
		return out
	}
	groups, _, err := client.All(ctx, 0, c.Groups)
	if err != nil {
		return out
	}
	for _, g := range groups {
		out[g.ID] = g.Name
	}
	return out
}

func (a *app) assetExport() *cobra.Command {
	var slice *assetSlice
	var format string
	cmd := a.leaf("export FILE", "Write every asset that the filters leave to a file, as the page does; - is standard output", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		format := either(format, strings.TrimPrefix(strings.ToLower(filepath.Ext(args[0])), "."), "csv")
		if !slices.Contains(assetFormats(), format) {
			return fault.New(fault.Invalid, "usage", "Assets are written as %s.", strings.Join(assetFormats(), ", ")).FixedBy("you").Then("%s assets.csv", cmd.CommandPath())
		}
		c, err := a.client(cmd.Context())
		if err != nil {
			return err
		}
		write := func(w io.Writer) (int64, error) { return c.AssetFile(cmd.Context(), format, slice.query(), w) }
		if args[0] == "-" {
			_, err := write(a.out)
			return err
		}
		n, err := exportTo(args[0], write)
		if err != nil {
			return err
		}
		return a.emitValue(struct {
			File  string `json:"file"`
			Bytes int64  `json:"bytes"`
		}{args[0], n}, sentence("Wrote %s, %s KiB.", args[0], number((n+1023)/1024)))
	})
	slice = sliceOf(cmd)
	cmd.Flags().StringVar(&format, "format", "", "csv, xlsx, json or jupiterone, which has properties and relationships, too; else by the file's ending, else csv")
	completeWords(cmd, "format", assetFormats()...)
	return cmd
}

// assetFormats are the forms in which assets are written: those of lists, and the entities and relationships of JupiterOne.
func assetFormats() []string { return append(sheet.Formats(), "jupiterone") }

func (a *app) assetShow() *cobra.Command {
	var when string
	cmd := a.leaf("show ASSET", "Show an asset, now or as of a time", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		if when != "" {
			t, err := a.instant(when)
			if err != nil {
				return err
			}
			when = t.UTC().Format(time.RFC3339)
		}
		c, err := a.client(cmd.Context())
		if err != nil {
			return err
		}
		r, err := c.Asset(cmd.Context(), args[0], when)
		if err != nil {
			return err
		}
		return a.emit(r.Raw, func(w io.Writer) error { return a.writeAsset(w, r.Value) })
	})
	cmd.Flags().StringVar(&when, "at", "", "as of this time, such as 2026-11-23T14:00:00Z, or -1h for an hour ago")
	return cmd
}

// propertyText gives a property's value as people read it.
func propertyText(v string) string {
	var s string
	if json.Unmarshal([]byte(v), &s) == nil {
		return clean(s)
	}
	var set []string
	if json.Unmarshal([]byte(v), &set) == nil {
		return clean(join(set))
	}
	return clean(v)
}

// gapText says in a table why an owner does not answer.
func gapText(gap string) string {
	return map[string]string{"departed": "(left)", "nobody": "(a group of nobody)", "unknown": "(unknown)"}[gap]
}

func (a *app) writeAsset(w io.Writer, x client.WholeAsset) error {
	p := a.page(w)
	p.folded("", fmt.Sprintf("%s %s %s, %s", x.ID, x.Class, x.Name, x.State))
	called := func(id string) string { return clean(either(x.Called[id], id)) }
	t := table{head: []string{"PROPERTY", "VALUE", "BY"}}
	for _, k := range slices.Sorted(maps.Keys(x.Labels)) {
		l := x.Labels[k]
		value := called(l.Value)
		if k == "owner" {
			value = strings.TrimSpace(value + " " + gapText(x.Gap))
		}
		t.add("label "+k, value, called(either(l.Change, l.By, l.Source))+" ("+l.Confidence+")")
	}
	if f := x.Floor; f.Value != "" {
		t.add("counts as", "classification "+f.Value, called(f.From)+" has that data ("+strings.ToLower(f.Verb)+")")
	}
	for _, u := range x.Unheard {
		t.add("not counted", u.Label+" "+u.Value, called(u.Source)+"; "+u.Stands+" stands")
	}
	for _, k := range slices.Sorted(maps.Keys(x.Properties)) {
		p := x.Properties[k]
		by, word := called(p.Source), ", disputed by "
		for _, o := range x.Disputed[k] {
			by, word = by+word+called(o), ", "
		}
		t.add(clean(k), propertyText(p.Value), by)
	}
	for _, e := range x.Edges {
		if e.Until == 0 {
			arrow := map[bool]string{false: "→ ", true: "← "}[e.Inward]
			t.add(arrow+e.Verb, clean(either(strings.TrimSpace(e.Asset+" "+e.Name), e.To.Kind+" "+e.To.Value)), "")
		}
	}
	for _, r := range x.Records {
		t.add("record "+r.ID, clean(r.Type+" "+r.Native), called(r.Source)+", seen "+a.ago(r.Confirmed))
	}
	if p.err == nil {
		p.err = t.write(w, p.paint, "Nothing is known of it.")
	}
	return p.err
}

func (a *app) assetHistory() *cobra.Command {
	var most int
	cmd := a.remote("history ASSET", "List every difference of an asset, newest first", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string, c *client.Client) error {
		list, raw, err := client.All(cmd.Context(), most, func(ctx ctxt, cursor string) (client.Reply[client.Page[client.AssetDifference]], error) {
			return c.AssetHistory(ctx, args[0], min(max(most, 1), 200), cursor)
		})
		if err != nil {
			return err
		}
		return a.emitList(raw, func(w io.Writer) error {
			t := table{head: []string{"SEEN", "WHAT", "PROPERTY", "BEFORE", "AFTER", "NOTE"}}
			for _, d := range list {
				note := d.Settled
				if d.First {
					note = "of the first reading"
				}
				t.add(at(d.Latest), d.Op, clean(d.Path), propertyText(d.Before), propertyText(d.After), clean(note))
			}
			return t.write(w, a.paint(w), "No differences.")
		})
	})
	cmd.Flags().IntVar(&most, "most", 50, "how many at most")
	return cmd
}

func (a *app) assetLabel() *cobra.Command {
	var reason, change string
	cmd := a.leaf("label ASSET KEY=VALUE…", "Assert governed labels: environment, classification, owner, role, tier, criticality, lifecycle", cobra.MinimumNArgs(2), func(cmd *cobra.Command, args []string) error {
		labels := map[string]string{}
		for _, pair := range args[1:] {
			k, v, ok := strings.Cut(pair, "=")
			if !ok || k == "" {
				return fault.New(fault.Invalid, "usage", "A label is KEY=VALUE.").FixedBy("you").Then("%s AST-000001 environment=test --reason \"…\"", cmd.CommandPath())
			}
			labels[k] = v
		}
		return asks(a, cmd, func(ctx context.Context, c *client.Client) (client.Reply[client.Asset], error) {
			return c.LabelAsset(ctx, args[0], labels, reason, change)
		}, func(w io.Writer, x client.Asset) error {
			_, err := fmt.Fprintf(w, "Labelled %s %s.\n", x.ID, clean(x.Name))
			return err
		})
	})
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	cmd.Flags().StringVar(&change, "change", "", "the approved change that allows it: to loosen what stands, or to promote to production")
	return cmd
}

func (a *app) assetRetire() *cobra.Command {
	var reason, change string
	cmd := a.leaf("retire ASSET", "Retire an asset that is gone, by the approved change that says so; its history stays", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		return asks(a, cmd, func(ctx context.Context, c *client.Client) (client.Reply[client.Asset], error) {
			return c.LabelAsset(ctx, args[0], map[string]string{"lifecycle": "retired"}, reason, change)
		}, func(w io.Writer, x client.Asset) error {
			_, err := fmt.Fprintf(w, "Retired %s %s. Its history stays: plumb asset history %s\n", x.ID, clean(x.Name), x.ID)
			return err
		})
	})
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	cmd.Flags().StringVar(&change, "change", "", "the approved change with the effect label.lifecycle = retired of this asset")
	return cmd
}

func toldIdentity(w io.Writer, x client.IdentityWord) error {
	if x.Named != "" {
		fmt.Fprintf(w, "%s is called %s from now on.\n", x.Asset, clean(x.Named))
	}
	_, err := fmt.Fprintf(w, "%s %s: %s between %s and %s.\n", x.ID, map[string]string{"merge": "merged", "split": "split"}[x.Verb], counted(int64(len(x.Records)), "record"), x.Asset, x.Other)
	return err
}

func (a *app) assetMerge() *cobra.Command {
	var reason string
	cmd := a.leaf("merge ASSET OTHER", "Say that another asset is this one", cobra.ExactArgs(2), func(cmd *cobra.Command, args []string) error {
		return asks(a, cmd, func(ctx context.Context, c *client.Client) (client.Reply[client.IdentityWord], error) {
			return c.MergeAsset(ctx, args[0], args[1], reason)
		}, toldIdentity)
	})
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	return cmd
}

func (a *app) assetSplit() *cobra.Command {
	var reason string
	cmd := a.leaf("split ASSET RECORD…", "Say that records are another thing than this asset", cobra.MinimumNArgs(2), func(cmd *cobra.Command, args []string) error {
		return asks(a, cmd, func(ctx context.Context, c *client.Client) (client.Reply[client.IdentityWord], error) {
			return c.SplitAsset(ctx, args[0], args[1:], reason)
		}, toldIdentity)
	})
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	return cmd
}

func (a *app) assetIdentity() *cobra.Command {
	return a.leaf("identity ASSET", "List who said what is one thing", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		return asks(a, cmd, func(ctx context.Context, c *client.Client) (client.Reply[client.Page[client.IdentityWord]], error) {
			return c.AssetIdentity(ctx, args[0])
		}, func(w io.Writer, p client.Page[client.IdentityWord]) error {
			t := table{head: []string{"ID", "WHEN", "WHAT", "ASSET", "OTHER", "REASON", "UNDONE"}}
			for _, x := range p.Items {
				t.add(x.ID, at(x.At), x.Verb, x.Asset, x.Other, clean(x.Reason), at(x.Undone))
			}
			return t.write(w, a.paint(w), "Nobody said anything of its identity.")
		})
	})
}

func (a *app) assetUndo() *cobra.Command {
	return a.leaf("undo WORD", "Take a merge or split back, by its id", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		return asks(a, cmd, func(ctx context.Context, c *client.Client) (client.Reply[client.IdentityWord], error) {
			return c.UndoIdentity(ctx, args[0])
		}, func(w io.Writer, x client.IdentityWord) error {
			_, err := fmt.Fprintf(w, "%s, a %s of %s and %s, is taken back: %s returned.\n", x.ID, x.Verb, x.Asset, x.Other, counted(int64(len(x.Records)), "record"))
			return err
		})
	})
}

func (a *app) assetQuestions() *cobra.Command {
	return a.remote("questions", "List what about the inventory a person has to answer", cobra.NoArgs, func(cmd *cobra.Command, _ []string, c *client.Client) error {
		var behind map[string]int64
		list, raw, err := client.All(cmd.Context(), 0, func(ctx ctxt, cursor string) (client.Reply[client.Page[client.Question]], error) {
			r, err := c.Questions(ctx, cursor)
			behind = r.Value.Behind
			return client.Reply[client.Page[client.Question]]{Value: client.Page[client.Question]{Items: r.Value.Items, Next: r.Value.Next}, Raw: r.Raw}, err
		})
		if err != nil {
			return err
		}
		out := struct {
			Items  []jsontext.Value `json:"items"`
			Behind map[string]int64 `json:"behind"`
		}{raw, behind}
		return a.emitValue(out, func(w io.Writer) error {
			t := table{head: []string{"ID", "SINCE", "KIND", "ASSET", "OTHER", "WHY"}}
			for _, x := range list {
				t.add(x.ID, at(x.Since), x.Kind, x.Asset, x.Other, clean(x.Detail))
			}
			if slices.ContainsFunc(list, func(q client.Question) bool { return q.Kind == "source_conflict" }) {
				a.note("Where a source's label does not count, mend it there, or say what is so: plumb asset label ASSET LABEL=VALUE --reason \"…\"")
			}
			if slices.ContainsFunc(list, func(q client.Question) bool { return q.Kind == "attribute_conflict" }) {
				a.note("Where sources disagree in a property, say whose word counts: plumb asset answer QUESTION --source SOURCE --reason \"…\"")
			}
			for _, kind := range slices.Sorted(maps.Keys(behind)) {
				a.note("%d more of the kind %s are open; they come up as these are answered.", behind[kind], kind)
			}
			return t.write(w, a.paint(w), "No questions.")
		})
	})
}

func (a *app) assetAnswer() *cobra.Command {
	var source, reason string
	cmd := a.leaf("answer QUESTION", "Close a question as it stands, or say whose word counts for a property", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		return asks(a, cmd, func(ctx context.Context, c *client.Client) (client.Reply[client.Question], error) {
			if source != "" || reason != "" {
				return c.DecideQuestion(ctx, args[0], source, reason)
			}
			return c.AnswerQuestion(ctx, args[0])
		},
			func(w io.Writer, q client.Question) error {
				_, err := fmt.Fprintf(w, "Closed %s.\n", q.ID)
				return err
			})
	})
	cmd.Flags().StringVar(&source, "source", "", "of an attribute_conflict: the source whose word counts from now on")
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	return cmd
}
