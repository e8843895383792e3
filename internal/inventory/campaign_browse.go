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
		if r.CampaignView, r.Items, err = viewOf(tx, c); err != nil {
			return err
		}
		roster, err := d.rosterIn(tx)
		if err != nil {
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
		if q.item, err = oneItem(tx, c, asset); err != nil {
			return err
		}
		err = d.escalate(tx, &q)
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

// Asking is a running campaign that waits for a person's word.
type Asking struct {
	Campaign
	Open int // assets of which that person was named the reviewer, without an answer yet
}

// mostAsking bounds the running campaigns that Asks looks through, the newest first.
const mostAsking = 20

// Asks lists the running campaigns that wait for a person, the newest first.
func (d *Desk) Asks(ctx context.Context, person string) (out []Asking, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		list, err := db.Collect(tx, scanCampaign, campaignColumns+" WHERE signed = 0 AND due > $1 ORDER BY n DESC LIMIT $2", tx.Now().UnixMicro(), mostAsking)
		if err != nil {
			return err
		}
		for _, c := range list {
			n, err := unanswered(tx, c.ID, person)
			if err != nil {
				return err
			}
			if n > 0 {
				out = append(out, Asking{c, n})
			}
		}
		return nil
	})
	return out, err
}

// unanswered counts the items of a campaign that a person was named for and that have no answer.
func unanswered(tx *db.Tx, id, person string) (n int, err error) {
	items, err := frozenList(tx, id)
	if err != nil {
		return 0, err
	}
	said, err := replies(tx, id)
	if err != nil {
		return 0, err
	}
	done := map[AssetID]bool{}
	for _, a := range said {
		done[a.Asset] = true
	}
	for _, i := range items {
		if i.Asked && i.Reviewer == person && !done[i.Asset] {
			n++
		}
	}
	return n, nil
}
