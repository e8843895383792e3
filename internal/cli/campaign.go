package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/sheet"
)

func campaignCommand(a *app) *cobra.Command {
	return a.group("campaign", "People say that assets are right: a frozen list, a reviewer for each, two signatures", a.campaignNew(), a.campaignList(),
		a.campaignShow(), a.campaignAnswer(), a.campaignSign(), a.campaignExport())
}

func (a *app) campaignNew() *cobra.Command {
	var o client.CampaignOrder
	var due string
	cmd := a.leaf("new NAME", "Open a campaign over the assets selected, as they are now", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		t, err := a.instant(due)
		if err != nil {
			return err
		}
		o.Name, o.Due = args[0], t.UTC()
		return asks(a, cmd, func(ctx context.Context, c *client.Client) (client.Reply[client.Campaign], error) {
			return c.OpenCampaign(ctx, o)
		},
			func(w io.Writer, c client.Campaign) error {
				_, err := fmt.Fprintf(w, "Opened %s: %d of %d assets are asked about, until %s.\nHead %s\n", c.ID, c.Asked, c.Items, at(c.Due), c.Head)
				return err
			})
	})
	f, s := cmd.Flags(), &o.Selection
	f.StringVar(&o.Kind, "kind", "attestation", "attestation (it exists) or certification (its labels are right)")
	f.StringVar(&due, "due", "30d", "until when answers and signatures are taken")
	f.Int64Var(&o.Share, "share", 100, "per cent of what is not production with critical or confidential data")
	f.StringSliceVar(&o.Fallbacks, "fallback", nil, "who reviews what its owner cannot; the first who may; at least one, by username")
	f.StringVar(&s.Class, "class", "", "only this class, such as Host")
	f.StringVar(&s.Environment, "environment", "", "prod, test or dev")
	f.StringVar(&s.Classification, "classification", "", "data class")
	f.StringVar(&s.Owner, "owner", "", "only this owner's")
	f.StringVar(&s.Role, "role", "", "only this role")
	f.StringVar(&s.State, "state", "", "present, silent, missing or retired")
	f.StringVar(&s.Name, "name", "", "how the name begins")
	f.BoolVar(&s.Unlabelled, "unlabelled", false, "only those that lack environment, classification or owner")
	return cmd
}

func (a *app) campaignList() *cobra.Command {
	var most int
	cmd := a.remote("list", "List campaigns, the newest first", cobra.NoArgs, func(cmd *cobra.Command, _ []string, c *client.Client) error {
		list, raw, err := client.All(cmd.Context(), most, func(ctx ctxt, cursor string) (client.Reply[client.Page[client.Campaign]], error) {
			return c.Campaigns(ctx, min(max(most, 1), 200), cursor)
		})
		if err != nil {
			return err
		}
		return a.emitList(raw, func(w io.Writer) error {
			t := table{head: []string{"ID", "NAME", "KIND", "ASKED", "OF", "DUE", "SIGNED"}}
			for _, x := range list {
				t.add(x.ID, clean(x.Name), x.Kind, number(x.Asked), number(x.Items), at(x.Due), at(x.Signed))
			}
			return t.write(w, a.paint(w), "No campaigns.")
		})
	})
	cmd.Flags().IntVar(&most, "most", 50, "how many at most")
	return cmd
}

func (a *app) campaignShow() *cobra.Command {
	var standing, reviewer string
	var most int
	cmd := a.leaf("show CAMPAIGN", "Show how far a campaign got, and its assets", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		c, err := a.client(cmd.Context())
		if err != nil {
			return err
		}
		who := &names{c: c}
		if reviewer != "" {
			if reviewer, err = who.person(cmd.Context(), reviewer); err != nil {
				return err
			}
		}
		r, err := c.Campaign(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		list, _, err := client.All(cmd.Context(), most, func(ctx ctxt, cursor string) (client.Reply[client.Page[client.CampaignItem]], error) {
			return c.CampaignItems(ctx, args[0], narrowed("standing", standing, "reviewer", reviewer, "limit", number(int64(min(max(most, 1), 200))), "cursor", cursor))
		})
		if err != nil {
			return err
		}
		return a.emit(r.Raw, func(w io.Writer) error { return writeCampaign(a.page(w), r.Value, list, a.namesOf(cmd.Context(), c)) })
	})
	cmd.Flags().StringVar(&standing, "standing", "", "only open, reopened, confirmed, wrong, not_needed or not_asked")
	cmd.Flags().StringVar(&reviewer, "reviewer", "", "only what this person reviews")
	cmd.Flags().IntVar(&most, "most", 100, "how many assets at most")
	return cmd
}

// narrowed makes a query of the pairs that say something.
func narrowed(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	return v
}

func writeCampaign(p *page, c client.Campaign, list []client.CampaignItem, names map[string]string) error {
	p.flow(c.ID+" ", fmt.Sprintf("%s, %s, %s, due %s", clean(c.Name), c.Kind, c.State, at(c.Due)))
	var counts []string
	for _, k := range slices.Sorted(maps.Keys(c.Standings)) {
		counts = append(counts, fmt.Sprintf("%d %s", c.Standings[k], strings.ReplaceAll(k, "_", " ")))
	}
	p.flow("", fmt.Sprintf("%d assets, %d asked about: %s", c.Items, c.Asked, join(counts)))
	p.flow("", fmt.Sprintf("Head %s after difference %d", c.Head, c.Difference))
	for _, s := range c.Signatures {
		void := map[bool]string{false: ", void: the answers are others now"}[s.Counts]
		p.flow("", fmt.Sprintf("Signed by %s at %s%s", clean(nameOf(names, s.Person)), at(s.At), void))
	}
	t := table{head: []string{"ASSET", "NAME", "ENV", "DATA", "OWNER", "REVIEWER", "STANDING", "COMMENT"}}
	for _, i := range list {
		comment := ""
		if i.Answer != nil {
			comment = clean(i.Answer.Comment)
			if i.Answer.Retires != "" {
				comment += " (" + i.Answer.Retires + " retires it)"
			}
		}
		t.add(i.Asset, clean(i.Now.Name), i.Now.Environment, i.Now.Classification, clean(i.Now.Owner), nameOf(names, i.Reviewer), i.Standing, comment)
	}
	if p.err != nil {
		return p.err
	}
	return t.within(p.w, p.cols, p.paint, "No assets stand so.")
}

func (a *app) campaignAnswer() *cobra.Command {
	var r client.CampaignReply
	cmd := a.leaf("answer CAMPAIGN ASSET confirmed|wrong|not_needed", "Answer for one asset, as its reviewer", cobra.ExactArgs(3), func(cmd *cobra.Command, args []string) error {
		r.Asset, r.Word = args[1], args[2]
		return asks(a, cmd, func(ctx context.Context, c *client.Client) (client.Reply[client.CampaignItem], error) {
			if r.Version == 0 {
				p, err := c.CampaignItems(ctx, args[0], narrowed("asset", r.Asset))
				if err != nil {
					return client.Reply[client.CampaignItem]{}, err
				}
				for _, i := range p.Value.Items { // at most one
					r.Version = i.Now.Version
				}
			}
			return c.AnswerCampaign(ctx, args[0], r)
		}, func(w io.Writer, i client.CampaignItem) error {
			_, err := fmt.Fprintf(w, "%s %s is %s: version %d, %s, %s, owner %s.\n", i.Asset, clean(i.Now.Name), strings.ReplaceAll(i.Standing, "_", " "),
				i.Now.Version, i.Now.Environment, i.Now.Classification, either(clean(i.Now.Owner), "nobody"))
			if a := i.Answer; err == nil && a != nil && a.Retires != "" {
				_, err = fmt.Fprintf(w, "Your draft %s retires it and asks nobody yet: plumb change edit %s, then plumb change submit %s\n", a.Retires, a.Retires, a.Retires)
			}
			return err
		})
	})
	cmd.Flags().StringVar(&r.Comment, "comment", "", "what is wrong, or why it is not needed")
	cmd.Flags().StringSliceVar(&r.Fields, "field", nil, "certification: owner, environment or classification that is wrong")
	cmd.Flags().Int64Var(&r.Version, "version", 0, "version of the asset that you looked at; 0 for the one of now")
	return cmd
}

func (a *app) campaignSign() *cobra.Command {
	var result, comment string
	cmd := a.leaf("sign CAMPAIGN", "Sign a campaign's answers; the second person's signature closes it", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		return asks(a, cmd, func(ctx context.Context, c *client.Client) (client.Reply[client.Campaign], error) {
			if result == "" {
				r, err := c.Campaign(ctx, args[0])
				if err != nil {
					return r, err
				}
				result = r.Value.Signable
			}
			return c.SignCampaign(ctx, args[0], result, comment)
		}, func(w io.Writer, c client.Campaign) error {
			how := "One more signature, by another person, closes it."
			if c.Signed > 0 {
				how = "It is closed."
			}
			_, err := fmt.Fprintf(w, "Signed the answers %s of %s. %s\n", c.Signable, c.ID, how)
			return err
		})
	})
	cmd.Flags().StringVar(&result, "result", "", "digest of the answers that you looked at; those of now when left out")
	cmd.Flags().StringVar(&comment, "comment", "", "what you have to say")
	return cmd
}

func (a *app) campaignExport() *cobra.Command {
	return a.leaf("export CAMPAIGN", "Write a campaign's list and answers as CSV; with -o json everything", cobra.ExactArgs(1), func(cmd *cobra.Command, args []string) error {
		return asks(a, cmd, func(ctx context.Context, c *client.Client) (client.Reply[client.CampaignExport], error) {
			return c.ExportCampaign(ctx, args[0])
		}, writeCampaignCSV)
	}, "csv")
}

// writeCampaignCSV writes one line for each asset. No cell is a formula, whatever a source or a reviewer wrote.
func writeCampaignCSV(w io.Writer, x client.CampaignExport) error {
	return sheet.CSV(w, sheet.CampaignHeader(), func(put func([]sheet.Cell) error) error {
		for _, i := range x.Items {
			f := i.Frozen
			l := sheet.CampaignLine{Campaign: x.Campaign.ID, Head: x.Campaign.Head, Asset: i.Asset, Class: f.Class, Name: f.Name, Environment: f.Environment,
				Classification: f.Classification, Owner: f.Owner, Version: f.Version, Digest: f.Digest, Asked: i.Asked, Reviewer: i.Reviewer, Standing: i.Standing}
			if a := i.Answer; a != nil {
				l.Answer = &sheet.CampaignWord{Person: a.Person, At: a.At, Version: a.Seen.Version, Digest: a.Seen.Digest, Wrong: a.Fields, Comment: a.Comment,
					Retires: a.Retires}
			}
			if err := put(l.Cells()); err != nil {
				return err
			}
		}
		return nil
	})
}
