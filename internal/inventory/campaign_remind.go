package inventory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
)

// This file reminds people of a campaign that is due: an event of the ledger, which webhooks carry to where people look.

// The stages of a reminder, each told once.
const (
	DueSoon = "due_soon" // three days are left, or a quarter of its time where that is less
	Overdue = "overdue"
)

// soonest is how long before its due date a campaign reminds at the earliest.
const soonest = 3 * 24 * time.Hour

// stage says which reminder a campaign's time asks for; "" for none.
func (c Campaign) stage(now int64) string {
	switch {
	case c.Signed > 0:
		return ""
	case now > c.Due:
		return Overdue
	case c.Due-now <= min(soonest.Microseconds(), (c.Due-c.Created)/4):
		return DueSoon
	}
	return ""
}

// RemindCampaigns tells of each campaign that is due soon or overdue, once each, who still has how many assets to answer for, and whether
// only signatures are missing. It gives how many it told of.
func (d *Desk) RemindCampaigns(ctx context.Context) (told int, err error) {
	var due []Campaign
	err = d.db.View(ctx, func(tx *db.Tx) (err error) {
		due, err = unreminded(tx, tx.Now().UnixMicro())
		return err
	})
	for _, c := range due {
		no := d.db.Update(ctx, fault.SystemActor("campaigns"), func(tx *db.Tx) error { return d.remind(tx, c.ID) })
		if no != nil { // the others are told of all the same
			err = errors.Join(err, fmt.Errorf("%s: %w", c.ID, no))
			continue
		}
		told++
	}
	return told, err
}

// unreminded lists the campaigns whose time asks for a reminder that was not given.
func unreminded(tx *db.Tx, now int64) (out []Campaign, err error) {
	list, err := db.Collect(tx, scanCampaign, campaignColumns+" WHERE signed = 0 AND due <= $1 ORDER BY n", now+soonest.Microseconds())
	if err != nil {
		return nil, err
	}
	for _, c := range list {
		stage := c.stage(now)
		if stage == "" {
			continue
		}
		_, done, err := db.One(tx, scanText, "SELECT id FROM inventory_campaign_reminder WHERE id = $1", c.ID+"/"+stage)
		if err != nil {
			return nil, err
		}
		if !done {
			out = append(out, c)
		}
	}
	return out, nil
}

func (d *Desk) remind(tx *db.Tx, id string) error {
	now := tx.Now().UnixMicro()
	c, err := loadCampaign(tx, id)
	if err != nil {
		return err
	}
	stage := c.stage(now)
	if stage == "" {
		return nil
	}
	v, list, err := viewOf(tx, c)
	if err != nil {
		return err
	}
	r, err := d.rosterIn(tx)
	if err != nil {
		return err
	}
	waiting, err := waitsFor(tx, v, list, humans{r})
	if err != nil {
		return err
	}
	open := int64(v.Standings[StandingOpen] + v.Standings[StandingReopened])
	if _, err := tx.Exec("INSERT INTO inventory_campaign_reminder (id, campaign, stage, open, at) VALUES ($1, $2, $3, $4, $5)"+
		" ON CONFLICT (id) DO NOTHING", c.ID+"/"+stage, c.ID, stage, open, now); err != nil {
		return err
	}
	return record(tx, "campaign.reminded", "campaign", c.ID, map[string]any{"stage": stage, "name": c.Name, "due": c.Due, "open": open,
		"reviewers": waiting, "signatures": v.count()})
}

// maxNamed bounds the reviewers that one reminder names.
const maxNamed = 200

// waitsFor says for whom how many assets wait, as "person: number", sorted; who reviews an asset is decided as at its answer.
func waitsFor(tx *db.Tx, v CampaignView, list []ItemView, who humans) ([]string, error) {
	count := map[string]int{}
	for _, i := range list {
		if i.Standing != StandingOpen && i.Standing != StandingReopened {
			continue
		}
		a, err := loadAsset(tx, i.Asset)
		if err != nil {
			return nil, err
		}
		p := reviewer(a.Labels, who, append([]string{i.Reviewer}, v.Fallbacks...)...)
		if p == "" {
			p = "nobody"
		}
		count[p]++
	}
	var out []string
	for _, p := range slices.Sorted(maps.Keys(count)) {
		name := p
		if p != "nobody" {
			name = p + " (" + who.Name(directory.PersonID(p)) + ")"
		}
		out = append(out, fmt.Sprintf("%s: %d", name, count[p]))
	}
	return out[:min(len(out), maxNamed)], nil
}
