package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/fault"
)

func reconcileCommand(a *app) *cobra.Command {
	return a.group("reconcile", "What production became, against what was approved", a.findingList(), a.reconcileShow(), a.findingWaive(), a.findingRevert(),
		a.findingAdopt(), a.reconcileFigures(), a.muteList(), a.muteNew(), a.muteReview(), a.muteEnd())
}

func (a *app) findingList() *cobra.Command {
	var state, severity, environment, asset string
	cmd := a.leaf("findings", "List findings that wait for somebody", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		q := narrowed("state", state, "severity", severity, "environment", environment, "asset", asset, "limit", "200")
		if state == "all" {
			q.Del("state")
		}
		c, err := a.client(cmd.Context())
		if err != nil {
			return err
		}
		behind := a.behind(cmd.Context(), c) // asked first: what is judged by then is in the list
		r, err := c.Findings(cmd.Context(), q)
		if err != nil {
			return err
		}
		return a.emit(r.Raw, func(w io.Writer) error {
			if behind > 0 {
				a.note("Observed and not judged yet: %d. Ask again in a moment.", behind)
			}
			return findingTable(r.Value.Items).write(w, a.paint(w), "No findings.")
		})
	})
	cmd.Flags().StringVar(&state, "state", "waiting", "waiting, open, adopting, reverting, adopted, reverted, waived, closed or all")
	cmd.Flags().StringVar(&severity, "severity", "", "only critical, high, medium or low")
	cmd.Flags().StringVar(&environment, "env", "", "only of this environment, as it counted when the finding was raised")
	cmd.Flags().StringVar(&asset, "asset", "", "only of this asset, by its id or exact name")
	return cmd
}

// findingTable lists findings; it fits 80 columns.
func findingTable(list []client.Finding) *table {
	t := &table{head: []string{"ID", "SEVERITY", "STATE", "WHAT", "DUE", "CHANGE"}}
	for _, f := range list {
		t.add(f.ID, f.Severity, f.State, f.What(), at(f.Due), f.Change)
	}
	return t
}

// behind counts the differences that were observed and are not judged yet: a list of findings is not the last word while there
// are some. It is 0 for who may not read the figures.
func (a *app) behind(ctx context.Context, c *client.Client) int64 {
	r, err := c.Figures(ctx, 1)
	if err != nil {
		return 0
	}
	return r.Value.Behind
}

func (a *app) reconcileShow() *cobra.Command {
	const short = "Show a finding, an exception, or what became of a change's approved effects"
	return a.leaf("show FINDING|MUTE|CHANGE", short, cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		if strings.HasPrefix(strings.ToUpper(args[0]), "MUT-") {
			c, err := a.client(cmd.Context())
			if err != nil {
				return err
			}
			r, err := c.MuteOf(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.emit(r.Raw, func(w io.Writer) error { return a.showMute(w, r.Value, a.namesOf(cmd.Context(), c)) })
		}
		if strings.HasPrefix(strings.ToUpper(args[0]), "FND-") {
			c, err := a.client(cmd.Context())
			if err != nil {
				return err
			}
			r, err := c.Finding(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.emit(r.Raw, func(w io.Writer) error { return showFinding(w, r.Value, a.namesOf(cmd.Context(), c)) })
		}
		return asks(a, cmd, func(ctx context.Context, c *client.Client) (client.Reply[client.Reconciliation], error) {
			return c.Reconciliation(ctx, args[0])
		}, func(w io.Writer, r client.Reconciliation) error {
			t := table{head: []string{"END", "DOES", "WHAT", "SEEN"}}
			for _, e := range r.Ends {
				t.add(e.End, e.Claim.Verb, clean(strings.TrimSpace(e.Claim.Address+" "+e.Claim.Path)), clean(e.Seen))
			}
			if err := t.write(w, a.paint(w), "No approved effects that can be compared."); err != nil {
				return err
			}
			p := a.page(w)
			writeFindings(p, "Seen in its time and not approved, or approved and not seen", r.Findings)
			writeFindings(p, "Asks after the fact for", r.Adopted)
			return p.err
		})
	})
}

// writeFindings lists findings under a heading, if there are any.
func writeFindings(p *page, heading string, list []client.Finding) {
	if len(list) > 0 {
		p.heading(heading)
	}
	for _, f := range list {
		p.item(f.ID, f.Severity+", "+f.State+": "+f.What())
	}
}

// showFinding is what whoever answers for it reads, and who answered what when.
func showFinding(w io.Writer, f client.Finding, names map[string]string) error {
	due := map[bool]string{false: "due ", true: "waived until "}[f.State == "waived"] + at(f.Due)
	switch {
	case f.Overdue:
		due += ", overdue"
	case f.Closed > 0:
		due = "closed " + at(f.Closed)
	}
	p := &page{w: w, paint: func(_, s string) string { return s }, cols: width(w)}
	p.printf("%s  %s, %s, %s\n%s\n", f.ID, f.Severity, f.State, due, clean(f.What()))
	answer := ""
	if f.Decided > 0 {
		answer = nameIn(names, f.Decider) + ", " + at(f.Decided)
	}
	for _, line := range [][2]string{{"before", f.Before}, {"after", f.After}, {"owner", nameIn(names, f.Owner)}, {"change", f.Change},
		{"adopted by", f.Adopts}, {"answered by", answer}, {"reason", f.Reason}, {"taken back", f.Restored}, {"waits for", f.Next}} {
		p.item(line[0], line[1])
	}
	for _, h := range f.Hits {
		p.item("near", h.Change+" "+h.Reason)
	}
	if f.Collects {
		p.item("holds", fmt.Sprintf("%s, %s as before; doors first, and all of them: plumb asset history %s --most %d", fault.Count(f.Count, "difference", "differences"),
			fault.Count(f.Away, "place is not", "places are not"), f.Asset, max(f.Count, 50)))
	}
	p.items("seen", sightings(f))
	if f.State == "open" {
		writeAnswers(p, f)
	}
	return p.err
}

// fewSightings is how many differences of a finding are shown, the newest; -o json has more.
const fewSightings = 10

// sightings says of each difference what it was, when production changed, which source showed it and whom that names.
func sightings(f client.Finding) (out []string) {
	most := fewSightings
	if f.Collects {
		most = len(f.Differences)
	}
	for _, d := range f.Differences[:min(most, len(f.Differences))] {
		what := d.Op
		if d.Path != "" {
			what = ""
			if f.Collects {
				what = d.Path + ": "
			}
			what += either(propertyText(d.Before), "no value") + " → " + either(propertyText(d.After), "no value")
		}
		when := "by " + at(d.Latest)
		if d.Earliest > 0 && d.Earliest != d.Latest {
			when = "between " + at(d.Earliest) + " and " + at(d.Latest)
		}
		who := "no source says who"
		if d.Actor != "" {
			who = "by " + d.Actor + " as the source names it"
		}
		out = append(out, fmt.Sprintf("%s, %s, seen by %s as %s, %s", what, when, either(f.Called[d.Source], d.Source, "a source"), strings.TrimSpace(d.Type+" "+d.Native), who))
	}
	if more := f.Count - int64(len(out)); more > 0 && len(out) > 0 {
		out = append(out, fmt.Sprintf(map[bool]string{false: "and %d before that", true: "and %d more"}[f.Collects], more))
	}
	return out
}

// answerWays are the answers to a finding, each with its command and what it means.
var answerWays = []struct{ how, text string }{
	{"waive", `waive %[1]s --until 14d --reason "…"
       it stays as it is, for a while`},
	{"revert", `revert %[1]s --reason "…"
       it is taken back; an effect that is missing is put right`},
	{"adopt", `adopt %[1]s CHANGE --reason "…"
       a change asks for it after the fact, which is filed by
       plumb change new --category configuration --target ASSET …
       with --config-file FILE and a justification that names %[1]s; FILE
       is what is in force now, or the table or document that shows it`},
}

// writeAnswers offers what the server lets the reader do, or says why that is nothing.
func writeAnswers(p *page, f client.Finding) {
	if no := f.Refused; no != nil {
		p.printf("\n")
		p.item("not yours", no.Message)
		p.item("who can", no.Who)
	}
	lead, id := "\nnext ", f.ID
	if f.Collects { // answered with how much it was seen to hold
		id += "@" + number(f.Count)
	}
	for _, x := range answerWays {
		if slices.Contains(f.Answers, x.how) {
			p.printf(lead+"plumb reconcile "+x.text+"\n", id)
			lead = "     "
		}
	}
}

// answered is a command that decides about a finding.
func (a *app) answered(use, short, how string, flags func(*cobra.Command, *client.FindingAnswer, *string)) *cobra.Command {
	var answer client.FindingAnswer
	var until string
	cmd := a.leaf(use, short, cobra.MinimumNArgs(1), func(cmd *cobra.Command, args []string) error {
		if until != "" {
			t, err := a.instant(until)
			if err != nil {
				return err
			}
			answer.Until = t.UTC()
		}
		if len(args) > 1 {
			answer.Change = args[1]
		}
		return asks(a, cmd, func(ctx context.Context, c *client.Client) (client.Reply[client.Finding], error) {
			return c.AnswerFinding(ctx, args[0], how, answer)
		}, func(w io.Writer, f client.Finding) error {
			if f.Next != "" {
				a.note("It waits for this: %s", clean(f.Next))
			}
			_, err := fmt.Fprintf(w, "%s is %s.\n", f.ID, f.State)
			return err
		})
	})
	cmd.Flags().StringVar(&answer.Reason, "reason", "", "why")
	if flags != nil {
		flags(cmd, &answer, &until)
	}
	return cmd
}

func (a *app) findingWaive() *cobra.Command {
	cmd := a.answered("waive FINDING", "Take a finding as it is for some time", "waive", func(cmd *cobra.Command, _ *client.FindingAnswer, until *string) {
		cmd.Flags().StringVar(until, "until", "7d", "end: a time, or from now such as 7d; 90 days at most")
	})
	cmd.Args = cobra.ExactArgs(1)
	return cmd
}

func (a *app) findingRevert() *cobra.Command {
	cmd := a.answered("revert FINDING", "Undertake to take it back; the observed reverse closes it", "revert", nil)
	cmd.Args = cobra.ExactArgs(1)
	return cmd
}

func (a *app) findingAdopt() *cobra.Command {
	cmd := a.answered("adopt FINDING CHANGE", "Name the change that asks for it after the fact; its approval closes the finding", "adopt", nil)
	cmd.Args = cobra.ExactArgs(2)
	return cmd
}

// dispositions are the answers to what a difference is, in the order in which they are asked for.
var dispositions = []string{"exact", "scoped", "derived", "standing", "out_of_scope_in_window", "unauthorized"}

func (a *app) reconcileFigures() *cobra.Command {
	var days int64
	cmd := a.leaf("figures", "Count what was explained and what was not", cobra.NoArgs, func(cmd *cobra.Command, _ []string) error {
		return asks(a, cmd, func(ctx context.Context, c *client.Client) (client.Reply[client.Figures], error) {
			return c.Figures(ctx, days)
		},
			func(w io.Writer, f client.Figures) error {
				t := table{head: []string{"WHAT", "COUNT"}}
				for _, k := range dispositions {
					t.add(k, number(f.By[k]))
				}
				t.add("waiting findings", number(f.Waiting))
				t.add("of them unseparated", number(f.Unseparated))
				t.add("of them unseen effects", number(f.Unseen))
				t.add("overdue findings", number(f.Overdue))
				t.add("not judged yet", number(f.Behind))
				if err := t.write(w, a.paint(w), ""); err != nil {
					return err
				}
				_, err := fmt.Fprintf(w, "Nothing explains %d of %s in production, %d.%02d percent:\nthe last two rows of the six.\n", f.Unauthorized,
					fault.Count(f.Judged, "difference", "differences"), f.Share/100, f.Share%100)
				return err
			})
	})
	cmd.Flags().Int64Var(&days, "days", 30, "of so many days")
	return cmd
}
