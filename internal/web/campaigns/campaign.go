package campaigns

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/sheet"
	"plumbline.dev/plumb/internal/web/frame"
)

// whole is what a campaign's page shows.
type whole struct {
	desk
	Of          inventory.CampaignReading
	Items       []inventory.ItemView // of this page
	Standing    string               // the one that is shown alone; "" for all that is asked about
	Mine        bool                 // only what the reader reviews
	Next, First string
	Entry       *frame.Entry // of the signature
}

// standings are where items stand, those that wait for somebody first.
func standings() []string {
	return []string{inventory.StandingOpen, inventory.StandingReopened, string(inventory.Wrong), string(inventory.NotNeeded), string(inventory.Confirmed), inventory.StandingNotAsked}
}

func (p Pages) show(v *frame.Visit) error { return p.campaign(v, http.StatusOK, frame.Filled()) }

func (p Pages) campaign(v *frame.Visit, status int, e *frame.Entry) error {
	r, err := p.Things.ReadCampaign(v.Ctx(), v.Actor, v.R.PathValue("id"))
	if err != nil {
		return err
	}
	d, err := p.desk(v, r.Name)
	if err != nil {
		return err
	}
	q := v.R.URL.Query()
	w := whole{desk: d, Of: r, Entry: e, Standing: q.Get("standing"), Mine: q.Get("mine") != ""}
	if w.Standing != "" && !slices.Contains(standings(), w.Standing) {
		return fault.New(fault.Invalid, "bad_filter", "The list cannot be filtered like that.").At("standing", "is "+strings.Join(standings(), ", ")).
			FixedBy("you").Then("choose another filter")
	}
	w.page(q.Get("after"))
	return v.ShowAs(status, w.Frame, campaignPage(w))
}

// page picks the items of the page that begins after an asset.
func (w *whole) page(after string) {
	list := slices.DeleteFunc(slices.Clone(w.Of.Items), func(i inventory.ItemView) bool {
		return w.Standing == "" && !i.Asked || w.Standing != "" && i.Standing != w.Standing || w.Mine && i.Reviewer != w.Me && i.Waits != w.Me
	})
	from := 1 + slices.IndexFunc(list, func(i inventory.ItemView) bool { return string(i.Asset) == after })
	w.Items = list[from:min(from+pageSize, len(list))]
	if from+pageSize < len(list) {
		w.Next = w.at(w.Items[pageSize-1].Asset)
	}
	if from > 0 {
		w.First = w.at("")
	}
}

// at is this page with its filter, from behind an asset on.
func (w *whole) at(after inventory.AssetID) string { return w.with(w.Standing, w.Mine, after) }

func (w *whole) with(standing string, mine bool, after inventory.AssetID) string {
	q := url.Values{}
	if standing != "" {
		q.Set("standing", standing)
	}
	if mine {
		q.Set("mine", "yes")
	}
	if after != "" {
		q.Set("after", string(after))
	}
	return campaignPath(w.Of.ID) + "?" + q.Encode() + "#items"
}

// done counts the items whose answer stands.
func (w *whole) done() int64 {
	s := w.Of.Standings
	return int64(s[string(inventory.Confirmed)] + s[string(inventory.Wrong)] + s[string(inventory.NotNeeded)])
}

// refused is why the reader may not sign; nil where they may.
func (w *whole) refused() *fault.Error {
	if w.Of.Refused == nil {
		return nil
	}
	return fault.Of(w.Of.Refused)
}

func (p Pages) sign(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	c, err := p.Things.SignCampaign(v.Ctx(), v.Actor, v.R.PathValue("id"), v.Value("result"), v.Value("comment"))
	if err != nil {
		return v.Again(err, func(status int, e *frame.Entry) error { return p.campaign(v, status, e) })
	}
	if c.Signed > 0 {
		return v.Go(campaignPath(c.ID), "Your signature is the second: the campaign is closed.")
	}
	return v.Go(campaignPath(c.ID), "You signed. One more signature, by another person, closes it.")
}

func (p Pages) export(v *frame.Visit) error {
	leave, err := p.Exports.Take()
	if err != nil {
		return err
	}
	defer leave()
	c, items, err := p.Things.CampaignOf(v.Ctx(), v.R.PathValue("id"))
	if err != nil {
		return err
	}
	each := func(put func(inventory.ItemView) error) error {
		for _, i := range items {
			if err := put(i); err != nil {
				return err
			}
		}
		return nil
	}
	return frame.Export[inventory.ItemView]{Name: strings.ToLower(c.ID), List: sheet.List[inventory.ItemView]{Title: c.ID, Header: sheet.CampaignHeader(), Each: each,
		Cells: func(i inventory.ItemView) []sheet.Cell { return line(c.Campaign, i).Cells() }, Line: func(i inventory.ItemView) any { return i }}}.Answer(v)
}

// line is an item as every file of a campaign has it.
func line(c inventory.Campaign, i inventory.ItemView) sheet.CampaignLine {
	f := i.Frozen
	l := sheet.CampaignLine{Campaign: c.ID, Head: c.Head, Asset: string(i.Asset), Class: string(f.Class), Name: f.Name, Environment: f.Environment,
		Classification: f.Classification, Owner: f.Owner, Version: f.Version, Digest: f.Digest, Asked: i.Asked, Reviewer: i.Reviewer, Standing: i.Standing}
	if a := i.Answer; a != nil {
		l.Answer = &sheet.CampaignWord{Person: a.Person, At: a.At, Version: a.Seen.Version, Digest: a.Seen.Digest, Wrong: a.Fields, Comment: a.Comment,
			Retires: a.Retires}
	}
	return l
}

// instant reads a day and a time of a form, in the reader's zone.
func instant(v *frame.Visit, field string) (int64, error) {
	t, err := time.ParseInLocation("2006-01-02T15:04", v.Value(field), v.Zone)
	if err != nil {
		return 0, fault.New(fault.Invalid, "bad_time", "That is no time.").At(field, "is a day and a time").FixedBy("you").Then("choose a time")
	}
	return t.UnixMicro(), nil
}
