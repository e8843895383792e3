package inventory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
)

// Roster gives who is there, as a transaction sees it. What it gives is shared and never changed.
type Roster interface {
	RosterIn(tx *db.Tx) (*directory.Roster, error)
}

func (d *Desk) rosterIn(tx *db.Tx) (*directory.Roster, error) {
	if d.roster == nil {
		return nil, errors.New("inventory: nobody was wired who knows the people")
	}
	return d.roster.RosterIn(tx)
}

// OpenCampaign freezes a selection of assets as it is now, draws what is looked at, and names who reviews each.
func (d *Desk) OpenCampaign(ctx context.Context, actor fault.Actor, n NewCampaign) (v CampaignView, err error) {
	err = d.db.Update(ctx, actor, func(tx *db.Tx) error {
		if err := d.mayTakePart(tx, actor); err != nil {
			return err
		}
		r, err := d.rosterIn(tx)
		if err != nil {
			return err
		}
		who := calls(r)
		if err := n.clean(who, tx.Now().UnixMicro()); err != nil {
			return err
		}
		c := Campaign{Name: n.Name, Kind: n.Kind, Selection: n.Selection, Due: n.Due, Share: n.Share, Fallbacks: n.Fallbacks, Person: actor.Person,
			Created: tx.Now().UnixMicro()}
		list, err := freeze(tx, &c, who, humans{r})
		if err != nil {
			return err
		}
		if c.N, err = next(tx, "inventory_campaign"); err != nil {
			return err
		}
		c.ID = fmt.Sprintf("CMP-%06d", c.N)
		if err := insertCampaign(tx, c, list); err != nil {
			return err
		}
		if v, _, err = viewOf(tx, c, humans{r}); err != nil {
			return err
		}
		return record(tx, "campaign.opened", "campaign", c.ID, map[string]any{"name": c.Name, "kind": string(c.Kind), "due": c.Due, "head": c.Head,
			"difference": c.Difference, "items": c.Items, "asked": c.Asked})
	})
	return v, err
}

// mayTakePart refuses whoever may not write into a campaign at all.
func (d *Desk) mayTakePart(tx *db.Tx, actor fault.Actor) error {
	if err := onlyPeople(actor); err != nil {
		return err
	}
	return d.people.ConfirmIn(tx, actor)
}

// freeze evaluates a campaign's selection once.
func freeze(tx *db.Tx, c *Campaign, who callable, there humans) ([]Item, error) {
	var list []Item
	var assets []Asset
	for f := c.Selection.filter(); ; f.After = assets[len(assets)-1].N {
		text, args := f.sql()
		page, err := db.Collect(tx, scanAsset, text, args...)
		if err != nil {
			return nil, err
		}
		if assets = append(assets, page...); len(assets) > maxItems {
			return nil, fault.New(fault.TooLarge, "campaign_too_large", "More than %d assets are selected.", maxItems).FixedBy("you").
				Then("plumb campaign new --class Host; divide them by class, owner or environment")
		}
		if len(page) < f.Limit {
			break
		}
	}
	if len(assets) == 0 {
		return nil, fault.New(fault.Invalid, "nothing_selected", "No asset is selected.").FixedBy("you").Then("plumb asset list")
	}
	for _, a := range assets {
		s, err := seenOf(tx, a)
		if err != nil {
			return nil, err
		}
		list = append(list, Item{Asset: a.ID, Frozen: s})
	}
	var err error
	if c.Difference, _, err = db.One(tx, scanInt, "SELECT COALESCE(MAX(n), 0) FROM inventory_difference"); err != nil {
		return nil, err
	}
	c.Head = listHead(c.Difference, list)
	sample(list, c.Head, c.Share)
	c.Items = int64(len(list))
	for i := range list {
		if !list[i].Asked {
			continue
		}
		c.Asked++
		list[i].Reviewer = reviewer(assets[i].Labels, there, append([]string{who.person(assets[i].NamedOwner())}, c.Fallbacks...)...)
		if list[i].Reviewer == "" {
			return nil, noReviewer().About(string(list[i].Asset))
		}
	}
	if c.Asked == 0 {
		return nil, fault.New(fault.Invalid, "nothing_selected", "Of %d selected assets none is asked about.", c.Items).FixedBy("you").
			Then("plumb campaign new --share 10")
	}
	return list, nil
}

// viewOf gives a campaign with its items. After it is signed, what becomes of its assets is another campaign's question.
func viewOf(tx *db.Tx, c Campaign, who humans) (v CampaignView, list []ItemView, err error) {
	items, err := frozenList(tx, c.ID)
	if err != nil {
		return v, nil, err
	}
	said, err := replies(tx, c.ID)
	if err != nil {
		return v, nil, err
	}
	newest := map[AssetID]*Replied{}
	for i := range said {
		newest[said[i].Asset] = &said[i]
	}
	for _, i := range items {
		x, err := viewItem(tx, c, i, newest[i.Asset], who)
		if err != nil {
			return v, nil, err
		}
		list = append(list, x)
	}
	v.Campaign = c
	if v.Signatures, err = signaturesOf(tx, c.ID); err != nil {
		return v, nil, err
	}
	v.settle(list, tx.Now().UnixMicro())
	return v, list, nil
}

// viewItem gives one item with its newest answer, and for whose it waits: who was named, or the first of the fallbacks when they left,
// or labelled the asset since.
func viewItem(tx *db.Tx, c Campaign, i Item, last *Replied, who humans) (x ItemView, err error) {
	a, err := loadAsset(tx, i.Asset)
	if err != nil {
		return x, err
	}
	x = ItemView{Item: i, Answer: last}
	x.Now, err = seenNow(tx, x, a)
	x.Standing = standing(i, last, c.Signed == 0 && last != nil && last.Seen.Digest != x.Now.Digest)
	if x.open() && c.Signed == 0 {
		x.Waits = reviewer(a.Labels, who, append([]string{i.Reviewer}, c.Fallbacks...)...)
	}
	return x, err
}

// open reports whether an item waits for an answer.
func (x ItemView) open() bool { return x.Standing == StandingOpen || x.Standing == StandingReopened }

// oneItem gives one item of a campaign, by the id of its asset or by its name where only one has it, without reading the others' assets.
func oneItem(tx *db.Tx, c Campaign, asset string, who humans) (x ItemView, err error) {
	list, err := frozenList(tx, c.ID)
	if err != nil {
		return x, err
	}
	wanted := FullID(strings.ToUpper(asset))
	if a, err := FindIn(tx, asset); err == nil {
		wanted = a.ID
	} else if !fault.Is(err, "no_asset") {
		return x, err
	}
	n := slices.IndexFunc(list, func(i Item) bool { return i.Asset == wanted })
	if n < 0 {
		return x, fault.New(fault.NotFound, "not_listed", "The campaign's list does not hold that asset.").About(c.ID).FixedBy("you").
			Then("plumb campaign show %s", c.ID)
	}
	said, err := repliesOn(tx, c.ID, list[n].Asset)
	if err != nil {
		return x, err
	}
	var last *Replied
	if len(said) > 0 {
		last = &said[len(said)-1]
	}
	return viewItem(tx, c, list[n], last, who)
}

// seenNow gives an item's asset as it is now. The version tells that nothing moved since the list or the answer saw it, which
// spares reading its records.
func seenNow(tx *db.Tx, x ItemView, a Asset) (Seen, error) {
	switch {
	case x.Answer != nil && x.Answer.Seen.Version == a.Version:
		return x.Answer.Seen, nil
	case x.Frozen.Version == a.Version:
		return x.Frozen, nil
	}
	return seenOf(tx, a)
}

// Campaigns lists the campaigns, the newest first, a page before number n; n 0 begins with the newest.
func (d *Desk) Campaigns(ctx context.Context, before int64, limit int) (list []Campaign, err error) {
	if before <= 0 {
		before = 1 << 62
	}
	err = d.db.View(ctx, func(tx *db.Tx) error {
		list, err = db.Collect(tx, scanCampaign, campaignColumns+" WHERE n < $1 ORDER BY n DESC LIMIT $2", before, min(max(limit, 1), MaxPage))
		return err
	})
	return list, err
}

// CampaignOf shows a campaign with its items.
func (d *Desk) CampaignOf(ctx context.Context, id string) (v CampaignView, list []ItemView, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		c, err := loadCampaign(tx, id)
		if err != nil {
			return err
		}
		r, err := d.rosterIn(tx)
		if err != nil {
			return err
		}
		v, list, err = viewOf(tx, c, humans{r})
		return err
	})
	return v, list, err
}

// AnswerItem gives a reviewer's word on one asset.
func (d *Desk) AnswerItem(ctx context.Context, actor fault.Actor, id string, r Reply) (x ItemView, err error) {
	err = d.db.Update(ctx, actor, func(tx *db.Tx) error {
		if err := d.mayTakePart(tx, actor); err != nil {
			return err
		}
		q := answering{person: actor.Person, at: tx.Now().UnixMicro()}
		if q.campaign, err = loadCampaign(tx, id); err != nil {
			return err
		}
		if err := d.ask(tx, &q, r.Asset); err != nil {
			return err
		}
		if err := q.refuse(r); err != nil {
			return err
		}
		a := q.replied(r)
		if a.Retires, err = d.retirement(tx, q, a); err != nil {
			return err
		}
		if err := insertReplied(tx, a); err != nil {
			return err
		}
		x = q.item
		x.Answer, x.Standing, x.Waits = &a, string(a.Word), ""
		return record(tx, "campaign.answered", "campaign", q.campaign.ID, map[string]any{"asset": string(a.Asset), "turn": a.Turn, "word": string(a.Word),
			"version": a.Seen.Version, "seen": a.Seen.Digest, "retires": a.Retires})
	})
	return x, err
}

// retirement drafts the change that would retire an asset which its reviewer does not need, and gives its id; "" where there is nothing to
// retire. A campaign retires nothing by itself: who completes the draft asks for it, and others approve.
func (d *Desk) retirement(tx *db.Tx, q answering, a Replied) (string, error) {
	if d.allowed == nil || a.Word != NotNeeded || a.Seen.State == Gone || a.Seen.State == Folded {
		return "", nil
	}
	former, err := drafted(tx, a.Asset)
	if err != nil {
		return "", err
	}
	why := "Its reviewer does not need it, as they said in " + a.Campaign + ": " + a.Comment
	return d.allowed.DraftRetirement(tx, a.Asset, a.Seen, why, former)
}

// ask finds what is asked of an asset, and who may review it now, answered or not.
func (d *Desk) ask(tx *db.Tx, q *answering, asset string) error {
	r, err := d.rosterIn(tx)
	if err != nil {
		return err
	}
	if q.item, err = oneItem(tx, q.campaign, asset, humans{r}); err != nil {
		return err
	}
	a, err := loadAsset(tx, q.item.Asset)
	if err != nil {
		return err
	}
	q.lacks = a.Unlabelled()
	q.reviewer = reviewer(a.Labels, humans{r}, append([]string{q.item.Reviewer}, q.campaign.Fallbacks...)...)
	return nil
}

func (q answering) replied(r Reply) Replied {
	a := Replied{Campaign: q.campaign.ID, Asset: q.item.Asset, Turn: 1, Person: q.person, Word: r.Word, Fields: slices.Sorted(slices.Values(r.Fields)),
		Comment: strings.TrimSpace(r.Comment), At: q.at, Seen: q.item.Now}
	if q.item.Answer != nil {
		a.Turn = q.item.Answer.Turn + 1
	}
	a.ID = key("ans", a.Campaign, string(a.Asset), fmt.Sprint(a.Turn))
	return a
}

// SignCampaign gives one of the two signatures under a campaign's answers; result names the answers that the signer looked at.
// The second one closes it.
func (d *Desk) SignCampaign(ctx context.Context, actor fault.Actor, id, result, comment string) (v CampaignView, err error) {
	err = d.db.Update(ctx, actor, func(tx *db.Tx) error {
		if err := d.mayTakePart(tx, actor); err != nil {
			return err
		}
		if !plainText(comment, maxName, true) {
			return fault.New(fault.Invalid, "bad_comment", "The comment is at most 1024 bytes of text.").FixedBy("you").Then("write a shorter one")
		}
		c, err := loadCampaign(tx, id)
		if err != nil {
			return err
		}
		r, err := d.rosterIn(tx)
		if err != nil {
			return err
		}
		var list []ItemView
		if v, list, err = viewOf(tx, c, humans{r}); err != nil {
			return err
		}
		if err := v.maySign(list, humans{r}, actor.Person, result, tx.Now().UnixMicro()); err != nil {
			return err
		}
		s := Signature{Campaign: c.ID, Person: actor.Person, Result: result, Comment: strings.TrimSpace(comment), At: tx.Now().UnixMicro(), Counts: true}
		if err := insertSignature(tx, s); err != nil {
			return err
		}
		v.Signatures = append(v.Signatures, s)
		if v.count() >= signatures {
			v.Signed, v.Result, v.State = s.At, result, "signed"
			if err := closeCampaign(tx, v.Campaign); err != nil {
				return err
			}
		}
		return record(tx, "campaign.signed", "campaign", c.ID, map[string]any{"result": result, "closes": v.Signed > 0})
	})
	return v, err
}

// count gives how many people's signatures are under the answers as they stand.
func (v CampaignView) count() int {
	people := map[string]bool{}
	for _, s := range v.Signatures {
		if s.Counts {
			people[s.Person] = true
		}
	}
	return len(people)
}
