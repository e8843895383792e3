package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/wire"
)

func (a *app) changeShow() *cobra.Command {
	var full bool
	cmd := a.remote("show CHANGE", "Show a change: what, where, why, who must still decide, what ran", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string, c *client.Client) error {
		r, err := c.Change(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		b := beside{full: full}
		if a.opts.output == "table" {
			if b.docs, err = documents(cmd.Context(), c, r.Value.Material); err != nil {
				return err
			}
			if b.adopts, err = adopted(cmd.Context(), c, r.Value); err != nil {
				return err
			}
		}
		if err := a.emit(r.Raw, func(w io.Writer) error { return a.writeView(a.page(w), r.Value, b) }); err != nil {
			return err
		}
		a.markSeen(c, r.Value)
		return nil
	})
	cmd.Flags().BoolVar(&full, "full", false, "also every attribute of a plan, and the text of every bound file")
	return cmd
}

// beside is what is shown of a change beside what the server says of it in one answer.
type beside struct {
	docs   map[string][]byte // what is bound, by digest
	adopts []client.Finding  // that it asks for after the fact
	full   bool
}

// adopted gives the findings that a change asks for after the fact. Each is named by some wording of it, so that of most changes the server
// is not asked; who may not read findings is shown none.
func adopted(ctx context.Context, c *client.Client, v client.View) ([]client.Finding, error) {
	if b, err := marshal(v.Material); err != nil || !strings.Contains(strings.ToUpper(string(b)), "FND-") {
		return nil, err
	}
	r, err := c.Reconciliation(ctx, v.Change.ID)
	if err != nil && fault.Of(err).Kind == fault.Denied {
		return nil, nil
	}
	return r.Value.Adopted, err
}

func (a *app) writeView(p *page, v client.View, b beside) error {
	c := v.Change
	p.flow(p.paint(bold, c.ID)+"  ", clean(c.Summary)+"  "+p.paint(stateColour(c.State), stateWords(c.State)))
	p.item("", fmt.Sprintf("%s %s, risk %s, rev %d %s", c.Type, c.Category, either(v.Demand.Risk, "not assessed"), v.Revision, brief(c.RevDigest)))
	p.item("by", fmt.Sprintf("%s, %s", nameOf(v.Names, c.Requester), a.ago(c.Created)))
	if h := c.Body.Hold; h != nil {
		p.item("on hold", fmt.Sprintf("%s (%s, %s)", h.Reason, nameOf(v.Names, h.By), at(h.At)))
	}
	p.heading("What")
	a.writeWhat(p, v.Material, v.Names)
	p.items("replaces", placedLines(v))
	a.writeDocuments(p, v, b)
	writeFindings(p, "Asks after the fact for", b.adopts)
	p.heading("Decisions")
	a.writeDecisions(p, v)
	if len(v.Checks)+len(v.NeedCheck)+len(v.Verify) > 0 {
		p.heading("Evidence")
		writeEvidence(p, v)
	}
	writeRuns(p, v)
	if len(v.Comments) > 0 {
		p.heading("Remarks")
		for _, x := range v.Comments {
			p.item(nameOf(v.Names, x.By), x.Text)
		}
	}
	for i, x := range v.Advice {
		if i == 0 {
			p.heading("Better")
		}
		p.item("", x)
	}
	if next := nextStep(v); next != "" {
		p.printf("\n%s %s\n", p.paint(dim, "next"), next)
	}
	return p.err
}

// writeDoubts shows who cannot decide, and why.
func writeDoubts(p *page, v client.Explained) {
	for i, x := range v.Excluded {
		if i == 0 {
			p.heading("Cannot decide")
		}
		p.item(x.Name, x.Text)
	}
	for i, x := range v.Conflicts {
		if i == 0 {
			p.heading("Conflicts")
		}
		p.item(x.Severity, x.With+": "+x.Text)
	}
	for i, x := range v.Advice {
		if i == 0 {
			p.heading("Better")
		}
		p.item("", x)
	}
}

// writeMaterial shows a wording that is not filed.
func (a *app) writeMaterial(w io.Writer, m wire.Material, names map[string]string) error {
	p := a.page(w)
	p.printf("%s %s %s\n", p.paint(bold, clean(m.Summary)), m.Type, clean(m.Category))
	a.writeWhat(p, m, names)
	return p.err
}

func (a *app) writeWhat(p *page, m wire.Material, names map[string]string) {
	p.item("why", m.Justification)
	p.item("components", join(m.Components))
	p.item("targets", join(targetWords(m)))
	p.items("runs", bindingLines(m.Bindings, names))
	for _, e := range m.Effects {
		p.item("effect", strings.TrimSpace(fmt.Sprintf("%s %s %s %s", e.Op, e.Target, e.Path, e.After)))
	}
	p.item("window", envelope(m.Window))
	d := m.Deploy
	p.item("deploy", join(slices.DeleteFunc([]string{pair("job", d.JobName), pair("build", d.BuildID), pair("action", d.Action),
		pair("branch", d.Branch), pair("environment", d.Environment), pair("scans", join(d.Scans))}, func(s string) bool { return s == "" })))
	p.items("links", d.Links)
	var who []string
	for _, x := range m.Implementers {
		who = append(who, executorLine(x, names))
	}
	p.item("executors", join(who))
	p.item("model", m.Model)
	p.item("data", join(m.DataFlags))
	p.item("role", m.CriticalRole)
	p.item("emergency", m.EmergencyNotes)
	p.item("rollback", m.Rollback.Text)
	if b := m.Rollback.Binding; b != nil {
		p.items("", bindingLines([]wire.Binding{*b}, names))
	}
	p.item("no way back", m.Rollback.NotReversible)
	p.item("back out if", m.Rollback.Trigger)
	p.item("rehearsed", m.Rollback.Rehearsed)
	p.item("no return", m.Rollback.NoReturn)
	for _, x := range m.Attachments {
		p.item("attached", fmt.Sprintf("%s %s", x.Name, brief(x.Digest)))
	}
}

func pair(name, value string) string {
	if value == "" {
		return ""
	}
	return name + " " + value
}

func executorLine(x wire.Executor, names map[string]string) string {
	if x.Person != "" {
		return nameOf(names, x.Person)
	}
	s := "service " + nameOf(names, x.Account)
	if x.Repo != "" {
		s += " from " + x.Repo
	}
	if x.Pipe != "" {
		s += " in " + x.Pipe
	}
	return s
}

// targetWords say what each target is, as the inventory knew it when the wording was filed.
func targetWords(m wire.Material) []string {
	out := slices.Clone(m.Targets)
	for i, t := range out {
		if n := slices.IndexFunc(m.Resolved, func(r wire.Resolved) bool { return r.Name == t }); n >= 0 {
			r := m.Resolved[n]
			out[i] = fmt.Sprintf("%s (%s)", t, join([]string{r.Asset, r.Environment, r.Classification, "owner " + either(r.Owner, "nobody")}))
		}
	}
	return out
}

// placedLines say what each file replaces, and how the two are laid beside each other.
func placedLines(v client.View) (out []string) {
	for _, x := range v.Placed {
		s := fmt.Sprintf("%s on %s: that of %s, since %s, %s", x.Name, join(x.Targets), x.Change, at(x.At), brief(x.Digest))
		if i := slices.IndexFunc(v.Material.Bindings, func(b wire.Binding) bool { return b.Kind == x.Kind && b.Name == x.Name }); i >= 0 {
			switch b := v.Material.Bindings[i]; {
			case b.Digest == x.Digest:
				s += ", the same file"
			case b.Document != "" && x.Document != "":
				s += fmt.Sprintf("; to compare: diff <(plumb document get %s) <(plumb document get %s)", x.Document, b.Document)
			}
		}
		if x.Doubt != "" {
			s += "; a later run of " + x.Doubt + " failed or was lost, so another version may stand there"
		}
		out = append(out, s)
	}
	return out
}

func bindingLines(list []wire.Binding, names map[string]string) []string {
	var out []string
	for _, b := range list {
		s := fmt.Sprintf("%s %s %s", b.Kind, b.Name, brief(b.Digest))
		switch {
		case b.Kind == "tf-plan":
			s += "  " + counts(b.Plan)
			if !b.Complete {
				s += ", incomplete"
			}
			if b.Normalized == "" {
				s += ", this very file"
			}
		case b.Commit != "":
			s += "  commit " + shorten(b.Commit, 13)
		case b.Grant != nil:
			s += fmt.Sprintf("  %s %s: %s", b.Grant.Op, either(b.Grant.Role, b.Grant.Into), nameOf(names, either(b.Grant.Person, b.Grant.Group)))
		}
		out = append(out, s)
	}
	return out
}

func counts(n wire.PlanSum) string {
	var parts []string
	for _, x := range []struct {
		n    int
		word string
	}{{n.Create, "create"}, {n.Update, "update"}, {n.Replace, "replace"}, {n.Delete, "delete"}} {
		if x.n > 0 {
			parts = append(parts, fmt.Sprintf("%d to %s", x.n, x.word))
		}
	}
	if len(parts) == 0 {
		return "changes nothing"
	}
	return strings.Join(parts, ", ")
}

func envelope(e wire.Envelope) string {
	show := func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04Z") }
	switch {
	case e.From.IsZero() && e.Until.IsZero():
		return ""
	case e.Until.IsZero():
		return "from " + show(e.From)
	case e.From.IsZero():
		return "until " + show(e.Until)
	}
	return show(e.From) + " to " + show(e.Until)
}

// standing says of a decision what its words do not: that it is about another wording, or that it fills no place any
// more, because the role was lost or the person may have acted in the change. Once the change ran it is history.
func standing(v client.View, d client.Decision) string {
	seated := slices.ContainsFunc(v.Slots, func(s client.Assignment) bool { return slices.Contains(s.People, d.Person) })
	undecided := slices.Contains([]string{"awaiting_approval", "authorized", "scheduled"}, v.Change.State)
	switch {
	case d.RevDigest != v.Change.RevDigest && seated && undecided:
		return " (an earlier revision that runs the same)"
	case d.RevDigest != v.Change.RevDigest:
		return " (an earlier revision)"
	case d.Verb == "approve" && d.Person != "" && !seated && undecided:
		return " (does not count now)"
	}
	return ""
}

func (a *app) writeDecisions(p *page, v client.View) {
	words := map[string]string{"approve": p.paint(green, "approved"), "reject": p.paint(red, "rejected"), "withdraw": "withdrew"}
	for _, d := range v.Decisions {
		s := fmt.Sprintf("%s %s, %s", either(words[d.Verb], clean(d.Verb)), clean(join(d.Roles)), at(d.At))
		s += p.paint(dim, standing(v, d))
		p.row(dim, nameOf(v.Names, d.Person), s)
		p.item("", quoted(d.Comment))
	}
	rules := map[string]string{}
	for _, m := range v.Missing {
		var could, because []string
		for _, c := range m.Could {
			could = append(could, nameOf(v.Names, c.Person))
		}
		for _, r := range m.Reasons {
			because = append(because, r.Rule)
			rules[r.Rule] = fmt.Sprintf("%s (clause %s)", r.Text, r.Clause)
		}
		what := fmt.Sprintf("%d as %s", m.Need, m.Role)
		if m.Humans {
			what = "more different people"
		}
		p.row(yellow, "still needed", clean(what+": "+either(strings.Join(could, " or "), "nobody who may"))+" "+p.paint(dim, clean("["+join(because)+"]")))
	}
	for _, r := range slices.Sorted(maps.Keys(rules)) {
		p.item("rule", r+": "+rules[r])
	}
	if auto := v.Change.Body.Auto; auto != nil {
		p.item("model", either(auto.Why, "All criteria of "+auto.Model+" hold."))
	}
	if len(v.Decisions)+len(v.Missing) == 0 {
		p.item("", "none yet")
	}
	if e := v.Change.Body.Expires; e > 0 && v.Change.Body.ClosedAt == 0 {
		p.item("valid until", at(e)+", "+a.ago(e))
	}
	for _, c := range v.Conflicts {
		p.item("conflict", c.Severity+" "+c.With+": "+c.Text)
	}
	if v.Window != nil && v.Window.Text != "" {
		p.item("not now", v.Window.Text)
	}
}

func quoted(s string) string {
	if strings.TrimSpace(s) == "" {
		return ""
	}
	return "“" + s + "”"
}

func writeEvidence(p *page, v client.View) {
	for _, c := range v.Checks {
		code := red
		if c.Status == "pass" {
			code = green
		}
		p.row(code, either(c.Status, "fail"), clean(fmt.Sprintf("%s, %s: %s (%s, brought by %s)", c.Kind, strings.TrimSpace(c.Format+" "+c.Tool), c.Why, at(c.At), nameOf(v.Names, c.Producer))))
	}
	for _, k := range v.NeedCheck {
		p.row(yellow, "still needed", clean(strings.TrimSpace(k+" "+v.Failed[k])))
	}
	if slices.Contains([]string{"verifying", "in_review"}, v.Change.State) {
		for _, k := range v.Verify {
			p.row(yellow, "to verify", clean(k))
		}
	}
}

func writeRuns(p *page, v client.View) {
	if len(v.Permits) > 0 {
		p.heading("Runs")
	}
	for _, x := range v.Permits {
		p.row(dim, x.Kind, outcome(p.paint, x)+clean(strings.TrimRight(fmt.Sprintf("  by %s, %s %s", nameOf(v.Names, x.Person), at(x.Issued), took(x)), " ")))
	}
}

func outcome(paint func(code, s string) string, x client.Permit) string {
	switch x.Outcome {
	case "success":
		return paint(green, "success")
	case "running":
		return paint(yellow, "running")
	}
	return paint(red, clean(fmt.Sprintf("%s (exit %d)", x.Outcome, x.Exit)))
}

func took(x client.Permit) string {
	if x.Ended == 0 {
		return ""
	}
	return "in " + span(time.Duration(x.Ended-x.Issued)*time.Microsecond)
}

// nextStep is the command that moves the change on, whoever's turn it is.
func nextStep(v client.View) string {
	id := v.Change.ID
	switch v.Change.State {
	case "draft":
		return "plumb change submit " + id
	case "rejected", "expired":
		return "plumb change edit " + id
	case "assessing", "submitted":
		return "plumb evidence add " + id + " FILE"
	case "awaiting_approval":
		return "plumb change approve " + id
	case "authorized", "scheduled":
		if v.Own {
			return "plumb change apply " + id
		}
		return "plumb gate run " + id + " -- COMMAND"
	case "verifying":
		if len(v.Verify) > 0 {
			return "plumb change verify " + id
		}
		return "plumb gate run " + id + " --kind rollback -- COMMAND"
	case "in_review":
		return "plumb change close " + id
	}
	return ""
}
