package inventory

import (
	"context"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
)

// CampaignReading is a campaign with its items, and why the reader may not sign it.
type CampaignReading struct {
	CampaignView
	Items   []ItemView
	Refused error // nil where the reader may sign the answers as they stand
}

// ReadCampaign gives a campaign to somebody who may have to answer for it.
func (d *Desk) ReadCampaign(ctx context.Context, actor fault.Actor, id string) (r CampaignReading, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		c, err := loadCampaign(tx, id)
		if err != nil {
			return err
		}
		roster, err := d.rosterIn(tx)
		if err != nil {
			return err
		}
		if r.CampaignView, r.Items, err = viewOf(tx, c, humans{roster}); err != nil {
			return err
		}
		if r.Refused = onlyPeople(actor); r.Refused == nil {
			r.Refused = r.maySign(r.Items, humans{roster}, actor.Person, r.Signable, tx.Now().UnixMicro())
		}
		return nil
	})
	return r, err
}

// ItemOf gives one item of a campaign with the asset's labels and who may review it now; "" for nobody.
func (d *Desk) ItemOf(ctx context.Context, id, asset string) (c Campaign, x ItemView, reviewer string, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		if c, err = loadCampaign(tx, id); err != nil {
			return err
		}
		q := answering{campaign: c}
		err = d.ask(tx, &q, asset)
		x, reviewer = q.item, q.reviewer
		return err
	})
	return c, x, reviewer, err
}

// Answered counts the assets that were answered for, by campaign: of those between two ids.
func (d *Desk) Answered(ctx context.Context, from, to string) (map[string]int64, error) {
	out := map[string]int64{}
	type row struct {
		id string
		n  int64
	}
	err := d.db.View(ctx, func(tx *db.Tx) error {
		list, err := db.Collect(tx, func(r db.Scanner) (x row, err error) { return x, r.Scan(&x.id, &x.n) },
			"SELECT campaign, COUNT(DISTINCT asset) FROM inventory_campaign_answer WHERE campaign >= $1 AND campaign <= $2 GROUP BY campaign", from, to)
		for _, x := range list {
			out[x.id] = x.n
		}
		return err
	})
	return out, err
}
