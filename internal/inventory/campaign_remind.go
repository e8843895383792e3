package inventory

import (
	"cmp"
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
		did, no := d.remind(ctx, c.ID)
		if no != nil { // the others are told of all the same
			err = errors.Join(err, fmt.Errorf("%s: %w", c.ID, no))
		}
		if did {
			told++
		}
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

// reminder is what a campaign's time and its answers have to be told.
type reminder struct {
	stage      string
	open       int64
	waiting    []string
	signatures int
}

// remind tells of one campaign. Thousands of assets are read for it, outside the writer; the writer only sees to it that it is told once.
func (d *Desk) remind(ctx context.Context, id string) (did bool, err error) {
	var r reminder
	err = d.db.View(ctx, func(tx *db.Tx) (err error) {
		r, err = d.reminderIn(tx, id)
		return err
	})
	if err != nil || r.stage == "" {
		return false, err
	}
	err = d.db.Update(ctx, fault.SystemActor("campaigns"), func(tx *db.Tx) error {
		did = false
		c, err := loadCampaign(tx, id)
		if err != nil || c.stage(tx.Now().UnixMicro()) != r.stage { // signed meanwhile, say
			return err
		}
		n, err := tx.Exec("INSERT INTO inventory_campaign_reminder (id, campaign, stage, open, at) VALUES ($1, $2, $3, $4, $5)"+
			" ON CONFLICT (id) DO NOTHING", c.ID+"/"+r.stage, c.ID, r.stage, r.open, tx.Now().UnixMicro())
		if err != nil || n == 0 { // another server told it
			return err
		}
		did = true
		return record(tx, "campaign.reminded", "campaign", c.ID, map[string]any{"stage": r.stage, "name": c.Name, "due": c.Due, "open": r.open,
			"reviewers": r.waiting, "signatures": r.signatures})
	})
	return did && err == nil, err
}

func (d *Desk) reminderIn(tx *db.Tx, id string) (r reminder, err error) {
	c, err := loadCampaign(tx, id)
	if err != nil {
		return r, err
	}
	if r.stage = c.stage(tx.Now().UnixMicro()); r.stage == "" {
		return r, nil
	}
	people, err := d.rosterIn(tx)
	if err != nil {
		return r, err
	}
	who := humans{people}
	v, list, err := viewOf(tx, c, who)
	if err != nil {
		return r, err
	}
	r.open, r.signatures, r.waiting = int64(v.Standings[StandingOpen]+v.Standings[StandingReopened]), v.count(), waitsFor(list, who)
	return r, nil
}

// maxNamed bounds the reviewers that one reminder names.
const maxNamed = 200

// waitsFor says for whom how many assets wait, as "person: number", sorted.
func waitsFor(list []ItemView, who humans) (out []string) {
	count := map[string]int{}
	for _, i := range list {
		if i.open() {
			count[cmp.Or(i.Waits, "nobody")]++
		}
	}
	for _, p := range slices.Sorted(maps.Keys(count)) {
		name := p
		if p != "nobody" {
			name = p + " (" + who.Name(directory.PersonID(p)) + ")"
		}
		out = append(out, fmt.Sprintf("%s: %d", name, count[p]))
	}
	return out[:min(len(out), maxNamed)]
}
