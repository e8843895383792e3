package inventory

import (
	"context"
	"slices"
	"sync"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
)

// This file says which running campaigns wait for a person, by the rules that their answers and signatures are taken by.

// Asking is a running campaign that waits for a person's word.
type Asking struct {
	Campaign
	Open  int         `json:"open"`            // assets whose answer waits for that person
	First []AskedItem `json:"first,omitempty"` // the first of them, in the order of the list; ten at most
	Sign  bool        `json:"sign"`            // every asset is answered for, and that person's signature would be taken
}

// AskedItem is one asset that waits for a person's answer.
type AskedItem struct {
	Asset    AssetID `json:"asset"`
	Name     string  `json:"name"`
	Standing string  `json:"standing"` // open or reopened
}

// Bounds of what is looked through for one person.
const (
	mostAsking = 20  // running campaigns, the newest first
	mostFirst  = 10  // items that are named
	mostLooked = 500 // assets of one campaign that are read; further ones wait for whom the list names
)

// lists keeps the frozen lists of the newest running campaigns: they never change. It is safe for concurrent use.
type lists struct {
	mu   sync.Mutex
	kept map[string][]Item // guarded by mu; the items are shared and not changed
}

// of gives a campaign's frozen list.
func (l *lists) of(tx *db.Tx, id string) ([]Item, error) {
	l.mu.Lock()
	list, ok := l.kept[id]
	l.mu.Unlock()
	if ok {
		return list, nil
	}
	list, err := frozenList(tx, id)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kept == nil || len(l.kept) >= mostAsking {
		l.kept = map[string][]Item{}
	}
	l.kept[id] = list
	return list, nil
}

// Asks lists the running campaigns that wait for whoever asks, the newest first: for an answer, as their reviewer of now, or for a
// signature. Whoever may neither answer nor sign is asked nothing.
func (d *Desk) Asks(ctx context.Context, actor fault.Actor) (out []Asking, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		out = nil
		r, err := d.rosterIn(tx)
		if err != nil {
			return err
		}
		q := asking{d: d, tx: tx, who: humans{r}, person: actor.Person, at: tx.Now().UnixMicro()}
		may := func(p directory.Permission) bool {
			person := actor
			person.Kind, person.Authn = fault.Human, fault.Session // what a person may in their own session, whoever asks for them
			return directory.Allowed(person, r.Roles(directory.PersonID(actor.Person)), p) == nil
		}
		q.answers, q.signs = may(directory.ChangeDecide), may(directory.InventoryManage)
		if !q.answers && !q.signs {
			return nil
		}
		list, err := db.Collect(tx, scanCampaign, campaignColumns+" WHERE signed = 0 AND due > $1 ORDER BY n DESC LIMIT $2", q.at, mostAsking)
		for _, c := range list {
			a, err := q.of(c)
			if err != nil {
				return err
			}
			if a.Open > 0 || a.Sign {
				out = append(out, a)
			}
		}
		return err
	})
	return out, err
}

// asking is one person for whom campaigns may wait.
type asking struct {
	d       *Desk
	tx      *db.Tx
	who     humans
	person  string
	at      int64
	answers bool // their answers are taken at all
	signs   bool
}

// of looks through one campaign.
func (q asking) of(c Campaign) (a Asking, err error) {
	a.Campaign = c
	items, err := q.d.lists.of(q.tx, c.ID)
	if err != nil {
		return a, err
	}
	turns, err := turnsOf(q.tx, c.ID)
	if err != nil {
		return a, err
	}
	if q.signs && int64(len(turns)) == c.Asked {
		v, list, err := viewOf(q.tx, c, q.who)
		if err != nil {
			return a, err
		}
		a.Sign = v.Signable != "" && v.maySign(list, q.who, q.person, v.Signable, q.at) == nil
	}
	looked, fallback := 0, slices.Contains(c.Fallbacks, q.person)
	for _, i := range items {
		named := i.Reviewer == q.person
		if !q.answers || !i.Asked || !named && !fallback {
			continue
		}
		if looked++; looked > mostLooked {
			if named && turns[i.Asset] == 0 {
				a.add(AskedItem{i.Asset, i.Frozen.Name, StandingOpen})
			}
			continue
		}
		x, err := q.look(c, i, turns[i.Asset] > 0)
		if err != nil {
			return a, err
		}
		if x.Waits == q.person {
			a.add(AskedItem{x.Asset, x.Now.Name, x.Standing})
		}
	}
	return a, nil
}

func (a *Asking) add(i AskedItem) {
	if a.Open++; len(a.First) < mostFirst {
		a.First = append(a.First, i)
	}
}

// look gives an item as it stands.
func (q asking) look(c Campaign, i Item, answered bool) (ItemView, error) {
	var last *Replied
	if answered {
		said, err := repliesOn(q.tx, c.ID, i.Asset)
		if err != nil {
			return ItemView{}, err
		}
		last = &said[len(said)-1]
	}
	return viewItem(q.tx, c, i, last, q.who)
}

// turnsOf counts the answers of a campaign by asset.
func turnsOf(tx *db.Tx, id string) (map[AssetID]int64, error) {
	type row struct {
		asset AssetID
		n     int64
	}
	list, err := db.Collect(tx, func(r db.Scanner) (x row, err error) { return x, r.Scan(&x.asset, &x.n) },
		"SELECT asset, MAX(turn) FROM inventory_campaign_answer WHERE campaign = $1 GROUP BY asset", id)
	out := make(map[AssetID]int64, len(list))
	for _, x := range list {
		out[x.asset] = x.n
	}
	return out, err
}
