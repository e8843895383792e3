package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

func changeCommand(a *app) *cobra.Command {
	return a.group("change", "File, decide and follow changes",
		a.changeNew(), a.changeEdit(), a.changeClone(), a.changeSubmit(), a.changeShow(), a.changeList(), a.changeWaiting(), a.changeDiff(),
		a.decision("approve", "Approve the revision that is shown", false), a.decision("reject", "Reject it, with a reason", true),
		a.move("withdraw", "Take your approval back", false), a.move("cancel", "Cancel a change that did not run", true),
		a.move("hold", "Keep permits from opening", true), a.move("release", "Lift the hold", false),
		a.changeSchedule(), a.changeAck(), a.changeVerify(), a.changeClose(), a.changeApply(), a.changeComment(), a.changeTimeline(), a.changePermits())
}

func (a *app) changeNew() *cobra.Command {
	var w wording
	var submit, dry bool
	var key string
	cmd := a.leaf("new", "File a change, from flags or a file", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		c, err := a.client(cmd.Context())
		if err != nil {
			return err
		}
		var m wire.Material
		if w.file != "" {
			if m, err = a.readMaterial(w.file); err != nil {
				return err
			}
		}
		if err := w.apply(cmd.Context(), a, c, cmd, &m); err != nil {
			return err
		}
		if dry {
			return a.emitValue(m, func(out io.Writer) error { return a.writeMaterial(out, m, nil) })
		}
		if key == "" {
			if key, err = filingKey(detectCI(a.getenv), m); err != nil {
				return err
			}
		}
		r, err := c.NewChange(cmd.Context(), m, key)
		if err != nil {
			return err
		}
		a.advise(cmd.Context(), c, r.Value.ID, m)
		if !submit {
			return a.changed(r, "filed")
		}
		a.note("Filed %s rev %d.", r.Value.ID, r.Value.Rev)
		if r, err = c.Decide(cmd.Context(), r.Value.ID, "submit", r.Value.RevDigest, ""); err != nil {
			return err
		}
		return a.changed(r, "submitted")
	})
	cmd.Example = `  plumb change new --category deploy --summary "Ship web 1.4" \
      --justification CAP-12 --component web --target web-prod --git-commit \
      --job release --build-id 41 --action deploy --branch main --env prod \
      --link https://git.example.com/web/pull/12 --scan security-scan \
      --rollback "deploy 1.3 again" --implementer ivo --submit
  plumb change new -f change.yaml`
	w.addFlags(cmd)
	cmd.Flags().BoolVar(&submit, "submit", false, "submit it at once")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "show what would be filed, and file nothing (documents are sent)")
	cmd.Flags().StringVar(&key, "idempotency-key", "", "the same key files the same change once")
	return cmd
}

// advise says beside the answer what is better otherwise in a wording that sets labels: the server knows who may. Whoever may not read
// the change is told by who does.
func (a *app) advise(ctx ctxt, c *client.Client, id string, m wire.Material) {
	if !slices.ContainsFunc(m.Effects, func(e wire.Effect) bool { return strings.HasPrefix(e.Path, "label.") }) {
		return
	}
	if r, err := c.Change(ctx, id); err == nil {
		for _, s := range r.Value.Advice {
			a.note("Better: %s", clean(s))
		}
	}
}

// filingKey is the idempotency key of a change that a pipeline files: the same job that runs again with
// the same wording files it once. Outside of pipelines there is none, and each invocation files anew.
func filingKey(ci wire.CI, m wire.Material) (string, error) {
	if ci.BuildID == "" || ci.Repo == "" {
		return "", nil
	}
	wording, err := seal.Canonical(m)
	where := strings.Join([]string{ci.Provider, ci.Repo, ci.BuildID, ci.Job}, "\n")
	return "ci_" + strings.TrimPrefix(seal.Digest("plumb.filing.v1", []byte(where), []byte{'\n'}, wording), "sha256:"), err
}

func (a *app) changeEdit() *cobra.Command {
	var w wording
	var dry bool
	cmd := a.remote("edit CHANGE", "Reword a change: a new revision, for which no approval counts", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string, c *client.Client) error {
		seen, err := c.Change(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		m := seen.Value.Material
		if w.file != "" {
			if m, err = a.readMaterial(w.file); err != nil {
				return err
			}
		}
		if err := w.apply(cmd.Context(), a, c, cmd, &m); err != nil {
			return err
		}
		if dry {
			return a.emitValue(m, func(out io.Writer) error { return a.writeMaterial(out, m, seen.Value.Names) })
		}
		r, err := c.EditChange(cmd.Context(), seen.Value.Change.ID, seen.Value.Change.RevDigest, m)
		if err != nil {
			return err
		}
		a.advise(cmd.Context(), c, r.Value.ID, m)
		return a.changed(r, "reworded")
	})
	w.addFlags(cmd)
	cmd.Flags().BoolVar(&dry, "dry-run", false, "show the new wording, and change nothing (documents are sent)")
	return cmd
}

func (a *app) changeClone() *cobra.Command {
	var w wording
	cmd := a.remote("clone CHANGE", "File a new change worded like another", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string, c *client.Client) error {
		seen, err := c.Change(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		m := seen.Value.Material
		m.Window = wire.Envelope{} // the old one is over, or belongs to the other change
		if err := w.apply(cmd.Context(), a, c, cmd, &m); err != nil {
			return err
		}
		r, err := c.NewChange(cmd.Context(), m, "")
		if err != nil {
			return err
		}
		a.advise(cmd.Context(), c, r.Value.ID, m)
		return a.changed(r, "filed")
	})
	w.addFlags(cmd)
	return cmd
}

func (a *app) changeSubmit() *cobra.Command {
	return a.leaf("submit CHANGE", "Hand a draft to the policy", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		c, v, err := a.seen(cmd, args[0], "")
		if err != nil {
			return err
		}
		r, err := c.Decide(cmd.Context(), v.Change.ID, "submit", v.Change.RevDigest, "")
		if err != nil {
			return err
		}
		return a.changed(r, "submitted")
	})
}

// seen loads the change as the person sees it now. rev is the revision that they mean, a number or the
// beginning of a digest; "" means the current one.
func (a *app) seen(cmd *cobra.Command, id, rev string) (*client.Client, client.View, error) {
	c, err := a.client(cmd.Context())
	if err != nil {
		return nil, client.View{}, err
	}
	r, err := c.Change(cmd.Context(), id)
	if err != nil {
		return nil, client.View{}, err
	}
	v := r.Value
	if rev != "" && rev != fmt.Sprint(v.Change.Rev) && !(len(rev) >= 8 && strings.HasPrefix(strings.TrimPrefix(v.Change.RevDigest, "sha256:"), strings.TrimPrefix(rev, "sha256:"))) {
		return nil, v, fault.New(fault.Stale, "stale", "%s is at revision %d %s, not at %s.", v.Change.ID, v.Change.Rev, brief(v.Change.RevDigest), clean(rev)).
			Because("binding", "").FixedBy("you").Then("plumb change diff %s", v.Change.ID)
	}
	return c, v, nil
}

// decision approves or rejects: a word on exactly one revision, the one that --rev names, or the one that
// this person was shown last; who was shown none gets it in one line here.
func (a *app) decision(verb, short string, needsComment bool) *cobra.Command {
	var comment, rev string
	cmd := a.leaf(verb+" CHANGE", short, cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		if needsComment && strings.TrimSpace(comment) == "" {
			return fault.New(fault.Invalid, "no_reason", "This needs a reason.").FixedBy("you").Then("%s %s --comment \"…\"", cmd.CommandPath(), args[0])
		}
		c, v, err := a.seen(cmd, args[0], rev)
		if err != nil {
			return err
		}
		if rev == "" {
			if err := a.stillSeen(c, v); err != nil {
				return err
			}
		}
		a.note("%s rev %d %s: %s", v.Change.ID, v.Change.Rev, brief(v.Change.RevDigest), clean(v.Change.Summary))
		r, err := c.Decide(cmd.Context(), v.Change.ID, verb, v.Change.RevDigest, comment)
		if err != nil {
			return err
		}
		return a.changed(r, map[string]string{"approve": "approved", "reject": "rejected"}[verb])
	})
	cmd.Flags().StringVarP(&comment, "comment", "m", "", "why")
	cmd.Flags().StringVar(&rev, "rev", "", "revision that you read: its number or the beginning of its digest; another one is refused")
	return cmd
}

// move is what changes the state without a word on the revision.
func (a *app) move(verb, short string, needsComment bool) *cobra.Command {
	var comment string
	cmd := a.leaf(verb+" CHANGE", short, cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		if needsComment && strings.TrimSpace(comment) == "" {
			return fault.New(fault.Invalid, "no_reason", "This needs a reason.").FixedBy("you").Then("%s %s --comment \"…\"", cmd.CommandPath(), args[0])
		}
		c, err := a.client(cmd.Context())
		if err != nil {
			return err
		}
		r, err := c.Move(cmd.Context(), args[0], verb, comment)
		if err != nil {
			return err
		}
		return a.changed(r, map[string]string{"withdraw": "approval withdrawn", "cancel": "cancelled", "hold": "on hold", "release": "hold lifted"}[verb])
	})
	cmd.Flags().StringVarP(&comment, "comment", "m", "", "why")
	return cmd
}

// changed says in one line what became of a change.
func (a *app) changed(r client.Reply[client.Change], verb string) error {
	return a.emit(r.Raw, func(w io.Writer) error {
		c, paint := r.Value, a.paint(w)
		_, err := fmt.Fprintf(w, "%s rev %d %s %s, now %s\n", c.ID, c.Rev, brief(c.RevDigest), verb, paint(stateColour(c.State), stateWords(c.State)))
		return err
	})
}

func stateWords(s string) string { return strings.ReplaceAll(s, "_", " ") }

func stateColour(s string) string {
	switch s {
	case "authorized", "scheduled", "closed", "in_review":
		return green
	case "rejected", "cancelled", "expired":
		return red
	case "awaiting_approval", "assessing", "implementing", "verifying":
		return yellow
	}
	return ""
}

func (a *app) changeList() *cobra.Command {
	var f client.Filter
	var most int
	cmd := a.leaf("list", "List changes, newest first", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		c, err := a.client(cmd.Context())
		if err != nil {
			return err
		}
		f.Limit = min(max(most, 1), 200)
		if f.Requester != "" {
			if f.Requester, err = (&names{c: c}).person(cmd.Context(), f.Requester); err != nil {
				return err
			}
		}
		list, raw, err := client.All(cmd.Context(), most, func(ctx ctxt, cursor string) (client.Reply[client.Page[client.Change]], error) {
			return c.Changes(ctx, f, cursor)
		})
		if err != nil {
			return err
		}
		return a.emitList(raw, func(w io.Writer) error { return a.writeChanges(w, list, "No changes.") })
	})
	cmd.Flags().StringVar(&f.State, "state", "", "only in this state; several with commas")
	cmd.Flags().StringVar(&f.Category, "category", "", "only of this category")
	cmd.Flags().StringVar(&f.Type, "type", "", "only of this type")
	cmd.Flags().StringVar(&f.Requester, "requester", "", "only by this person")
	cmd.Flags().IntVar(&most, "limit", 50, "most to list")
	completeWords(cmd, "state", "draft", "submitted", "assessing", "awaiting_approval", "authorized", "scheduled", "implementing",
		"verifying", "in_review", "closed", "rejected", "cancelled", "expired")
	return cmd
}

func (a *app) changeWaiting() *cobra.Command {
	return a.remote("waiting", "List the changes that wait for your decision, oldest first", cobra.NoArgs, func(cmd *cobra.Command, _ []string, c *client.Client) error {
		r, err := c.Waiting(cmd.Context())
		if err != nil {
			return err
		}
		return a.emit(r.Raw, func(w io.Writer) error { return a.writeChanges(w, r.Value.Items, "Nothing waits for you.") })
	})
}

func (a *app) writeChanges(w io.Writer, list []client.Change, empty string) error {
	t := table{head: []string{"CHANGE", "STATE", "TYPE", "CATEGORY", "AGE", "SUMMARY"}, colour: func(i int, cell string) string {
		if i == 1 {
			return stateColour(strings.ReplaceAll(cell, " ", "_"))
		}
		return ""
	}}
	for _, c := range list {
		summary := c.Summary
		if cols := width(w); cols > 0 {
			summary = shorten(summary, max(20, cols-62))
		}
		t.add(c.ID, stateWords(c.State), c.Type, c.Category, strings.TrimSuffix(a.ago(c.Created), " ago"), summary)
	}
	return t.write(w, a.paint(w), empty)
}

func (a *app) changeDiff() *cobra.Command {
	var from, to int64
	cmd := a.remote("diff CHANGE", "Compare two revisions member by member; without flags the last two", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string, c *client.Client) error {
		r, err := c.Diff(cmd.Context(), args[0], from, to)
		if err != nil {
			return err
		}
		if now, err := c.Change(cmd.Context(), args[0]); err == nil && to == 0 {
			a.markSeen(c, now.Value)
		}
		return a.emit(r.Raw, func(w io.Writer) error {
			paint := a.paint(w)
			if len(r.Value.Items) == 0 {
				_, err := fmt.Fprintln(w, "The revisions do not differ.")
				return err
			}
			for _, d := range r.Value.Items {
				fmt.Fprintf(w, "%s\n", paint(bold, clean(d.Path)))
				if d.Before != "" {
					fmt.Fprintf(w, "  %s\n", paint(red, "- "+clean(d.Before)))
				}
				if d.After != "" {
					fmt.Fprintf(w, "  %s\n", paint(green, "+ "+clean(d.After)))
				}
			}
			return nil
		})
	})
	cmd.Flags().Int64Var(&from, "from", 0, "older revision")
	cmd.Flags().Int64Var(&to, "to", 0, "newer revision")
	return cmd
}

func (a *app) changeApply() *cobra.Command {
	var key string
	cmd := a.remote("apply CHANGE", "Carry out a change to Plumbline itself: a role, a policy pack, a standard model", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string, c *client.Client) error {
		if key == "" {
			key = seal.NewID("idk")
		}
		r, err := c.Apply(cmd.Context(), args[0], key)
		if err != nil {
			return err
		}
		return a.verdict(r.Value, r.Raw)
	})
	cmd.Flags().StringVar(&key, "idempotency-key", "", "the same key gets the same answer")
	return cmd
}
