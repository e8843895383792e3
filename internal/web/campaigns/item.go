package campaigns

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/ui"
)

// one is what the page of one item shows.
type one struct {
	desk
	Of       inventory.Campaign
	Item     inventory.ItemView
	Asset    inventory.Whole
	Reviewer string // who may answer now; "" for nobody
	Answers  bool   // the reader may answer for anything at all
	Entry    *frame.Entry
}

func (p Pages) item(v *frame.Visit) error { return p.itemWith(v, http.StatusOK, frame.Filled()) }

func (p Pages) itemWith(v *frame.Visit, status int, e *frame.Entry) error {
	c, x, reviewer, err := p.Things.ItemOf(v.Ctx(), v.R.PathValue("id"), v.R.PathValue("asset"))
	if err != nil {
		return err
	}
	d, err := p.desk(v, x.Now.Name)
	if err != nil {
		return err
	}
	w, err := p.Things.Show(v.Ctx(), string(x.Asset))
	if err != nil {
		return err
	}
	return v.ShowAs(status, d.Frame, itemPage(one{desk: d, Of: c, Item: x, Asset: w, Reviewer: reviewer, Answers: v.Can(directory.ChangeDecide), Entry: e}))
}

// open reports whether the reader's answer would be taken now.
func (o one) open() bool {
	s := o.Item.Standing
	return o.Answers && o.Reviewer == o.Me && (s == inventory.StandingOpen || s == inventory.StandingReopened) && o.Of.Signed == 0 && !o.over()
}

// over reports whether the due date has passed.
func (o one) over() bool { return o.Now.UnixMicro() > o.Of.Due }

// moved lists what of the asset is another now than when the list was frozen: what, before, now.
func (o one) moved() (out [][3]string) {
	f, n := o.Item.Frozen, o.Item.Now
	for _, x := range [][3]string{{"name", f.Name, n.Name}, {"state", string(f.State), string(n.State)}, {"environment", f.Environment, n.Environment},
		{"classification", f.Classification, n.Classification}, {"owner", o.name(f.Owner), o.name(n.Owner)}} {
		if x[1] != x[2] {
			out = append(out, x)
		}
	}
	if len(out) == 0 && f.Digest != n.Digest {
		out = append(out, [3]string{"its records or properties", "", "changed"})
	}
	return out
}

// reviews is who answers for an item: whose word it waits for now, or who was named.
func reviews(i inventory.ItemView) string { return cmp.Or(i.Waits, i.Reviewer) }

// certified are the labels that a certification asks about.
func certified() []string {
	return []string{inventory.LabelOwner, inventory.LabelEnvironment, inventory.LabelClassification}
}

// answer takes the reader's word, and goes on with the next asset that waits for theirs.
func (p Pages) answer(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	version, err := strconv.ParseInt(v.Value("version"), 10, 64)
	if err != nil {
		return fault.New(fault.Invalid, "bad_form", "The form does not say which version of the asset it is about.").FixedBy("you").Then("open the asset's page in the campaign again")
	}
	id, asset := v.R.PathValue("id"), v.R.PathValue("asset")
	x, err := p.Things.AnswerItem(v.Ctx(), v.Actor, id, inventory.Reply{Asset: asset, Version: version, Word: inventory.Word(v.Value("word")),
		Fields: v.R.PostForm["field"], Comment: v.Value("comment")})
	if err != nil {
		return v.Again(err, func(status int, e *frame.Entry) error { return p.itemWith(v, status, e) })
	}
	c, list, err := p.Things.CampaignOf(v.Ctx(), id)
	if err != nil {
		return err
	}
	said := "Your answer is recorded."
	if a := x.Answer; a != nil && a.Retires != "" {
		said += " " + a.Retires + " is your draft to retire " + string(x.Asset) + ": it asks nobody until you complete and submit it."
	}
	next := slices.IndexFunc(list, func(i inventory.ItemView) bool { return i.Waits == v.Actor.Person })
	if next < 0 {
		return v.Go(campaignPath(c.ID), said+" Nothing in this campaign waits for you.")
	}
	return v.Go(itemPath(c.ID, list[next].Asset), said+" This is the next that waits for you.")
}

// words are the answers there are.
func words(kind inventory.CampaignKind) []ui.Option {
	right := "It is there"
	if kind == inventory.Certification {
		right = "All of it is right, and it is needed"
	}
	return []ui.Option{{Value: "", Text: "choose"}, {Value: string(inventory.Confirmed), Text: right}, {Value: string(inventory.Wrong), Text: "Something is wrong"},
		{Value: string(inventory.NotNeeded), Text: "It is not needed any more"}}
}

func standingTone(s string) ui.Tone {
	switch s {
	case string(inventory.Confirmed):
		return ui.Good
	case string(inventory.Wrong), string(inventory.NotNeeded):
		return ui.Bad
	case inventory.StandingOpen, inventory.StandingReopened:
		return ui.Warn
	}
	return ui.Calm
}

func stateTone(s string) ui.Tone {
	switch s {
	case "signed":
		return ui.Good
	case "overdue":
		return ui.Bad
	}
	return ui.Accent
}

// stateOf is where a campaign of a list stands.
func stateOf(c inventory.Campaign, now int64) string {
	switch {
	case c.Signed > 0:
		return "signed"
	case now > c.Due:
		return "overdue"
	}
	return "running"
}

// signed counts the people whose signature is under the answers as they stand.
func signed(v inventory.CampaignView) (n int) {
	for _, s := range v.Signatures {
		if s.Counts {
			n++
		}
	}
	return n
}

// called gives names for ids.
func (d desk) called(ids []string) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = d.name(id)
	}
	return out
}

// selected says which assets a campaign is about.
func selected(s inventory.Selection) string {
	out := []string{}
	for _, m := range [][2]string{{"class", s.Class}, {"environment", s.Environment}, {"classification", s.Classification}, {"owner", s.Owner},
		{"role", s.Role}, {"state", s.State}, {"name begins with", s.Name}} {
		if m[1] != "" {
			out = append(out, m[0]+" "+m[1])
		}
	}
	if s.Unlabelled {
		out = append(out, "lacks a label")
	}
	if len(out) == 0 {
		return "all assets"
	}
	return strings.Join(out, ", ")
}

// either makes a choice out of words, with one that chooses none of them.
func either(values []string) []ui.Option {
	return append([]ui.Option{{Text: "any"}}, ui.Options(values...)...)
}

func classes() []string {
	out := []string{}
	for _, c := range inventory.Classes() {
		out = append(out, string(c))
	}
	return out
}
