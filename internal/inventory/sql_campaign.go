package inventory

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

const campaignColumns = "SELECT id, n, name, kind, selection, due, share, fallbacks, difference, head, items, asked, person, created, signed, result" +
	" FROM inventory_campaign"

func scanCampaign(row db.Scanner) (c Campaign, err error) {
	var selection, fallbacks string
	if err := row.Scan(&c.ID, &c.N, &c.Name, &c.Kind, &selection, &c.Due, &c.Share, &fallbacks, &c.Difference, &c.Head, &c.Items, &c.Asked,
		&c.Person, &c.Created, &c.Signed, &c.Result); err != nil {
		return c, err
	}
	c.Fallbacks = strings.Fields(fallbacks)
	return c, json.Unmarshal([]byte(selection), &c.Selection)
}

func insertCampaign(tx *db.Tx, c Campaign, list []Item) error {
	selection, err := seal.Canonical(c.Selection)
	if err != nil {
		return err
	}
	if _, err := tx.Exec("INSERT INTO inventory_campaign (id, n, name, kind, selection, due, share, fallbacks, difference, head, items, asked, person, created, signed, result)"+
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0, '')", c.ID, c.N, c.Name, string(c.Kind), string(selection), c.Due, c.Share,
		strings.Join(c.Fallbacks, " "), c.Difference, c.Head, c.Items, c.Asked, c.Person, c.Created); err != nil {
		return err
	}
	body, err := seal.Canonical(list)
	if err != nil {
		return err
	}
	_, err = tx.Exec("INSERT INTO inventory_campaign_list (id, body) VALUES ($1, $2)", c.ID, string(body))
	return err
}

func closeCampaign(tx *db.Tx, c Campaign) error {
	return tx.ExecOne("UPDATE inventory_campaign SET signed = $1, result = $2 WHERE id = $3 AND signed = 0", c.Signed, c.Result, c.ID)
}

func loadCampaign(tx *db.Tx, id string) (Campaign, error) {
	c, found, err := db.One(tx, scanCampaign, campaignColumns+" WHERE id = $1", numbered("CMP", id))
	if err == nil && !found {
		err = fault.New(fault.NotFound, "no_campaign", "There is no such campaign.").FixedBy("you").Then("plumb campaign list")
	}
	return c, err
}

func frozenList(tx *db.Tx, id string) (list []Item, err error) {
	body, _, err := db.One(tx, scanText, "SELECT body FROM inventory_campaign_list WHERE id = $1", id)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		return nil, fmt.Errorf("read list of %s: %w", id, err)
	}
	return list, nil
}

func scanText(row db.Scanner) (s string, err error) { return s, row.Scan(&s) }

func scanReplied(row db.Scanner) (a Replied, err error) {
	var fields, seen string
	if err := row.Scan(&a.ID, &a.Campaign, &a.Asset, &a.Turn, &a.Person, &a.Word, &fields, &a.Comment, &a.At, &seen, &a.Retires); err != nil {
		return a, err
	}
	a.Fields = strings.Fields(fields)
	return a, json.Unmarshal([]byte(seen), &a.Seen)
}

const repliedColumns = "SELECT id, campaign, asset, turn, person, word, fields, comment, at, seen, COALESCE(retires, '')" +
	" FROM inventory_campaign_answer"

// replies gives every answer of a campaign, those of one asset in their order.
func replies(tx *db.Tx, campaign string) ([]Replied, error) {
	return db.Collect(tx, scanReplied, repliedColumns+" WHERE campaign = $1 ORDER BY asset, turn", campaign)
}

func repliesOn(tx *db.Tx, campaign string, asset AssetID) ([]Replied, error) {
	return db.Collect(tx, scanReplied, repliedColumns+" WHERE campaign = $1 AND asset = $2 ORDER BY turn", campaign, string(asset))
}

const draftedQuery = "SELECT retires FROM inventory_campaign_answer WHERE asset = $1 AND retires <> '' ORDER BY at DESC, id LIMIT 20"

// drafted gives the changes that would retire an asset, as answers of any campaign had them drafted, the newest first.
func drafted(tx *db.Tx, asset AssetID) ([]string, error) {
	return db.Collect(tx, scanText, draftedQuery, string(asset))
}

func insertReplied(tx *db.Tx, a Replied) error {
	seen, err := seal.Canonical(a.Seen)
	if err != nil {
		return err
	}
	_, err = tx.Exec("INSERT INTO inventory_campaign_answer (id, campaign, asset, turn, person, word, fields, comment, at, seen, retires)"+
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)", a.ID, a.Campaign, string(a.Asset), a.Turn, a.Person, string(a.Word),
		strings.Join(a.Fields, " "), a.Comment, a.At, string(seen), a.Retires)
	return err
}

func signaturesOf(tx *db.Tx, campaign string) ([]Signature, error) {
	return db.Collect(tx, func(row db.Scanner) (s Signature, err error) {
		return s, row.Scan(&s.Campaign, &s.Person, &s.Result, &s.Comment, &s.At)
	}, "SELECT campaign, person, result, comment, at FROM inventory_campaign_signature WHERE campaign = $1 ORDER BY at, person, result", campaign)
}

func insertSignature(tx *db.Tx, s Signature) error {
	_, err := tx.Exec("INSERT INTO inventory_campaign_signature (id, campaign, person, result, comment, at) VALUES ($1, $2, $3, $4, $5, $6)",
		key("sgn", s.Campaign, s.Person, s.Result), s.Campaign, s.Person, s.Result, s.Comment, s.At)
	return err
}

// seenOf gives an asset as it is now. Its digest is over what people look at and over its records as they are compared: of a
// volatile property, or of who said what, it does not speak.
func seenOf(tx *db.Tx, a Asset) (Seen, error) {
	s := Seen{Version: a.Version, Class: a.Class, Name: a.Name, State: a.State, Environment: a.Label(LabelEnvironment),
		Classification: a.Label(LabelClassification), Owner: a.Label(LabelOwner)}
	h := newHash()
	h.text(string(a.ID), string(a.Class), a.Type, a.Name, string(a.State), string(a.Merged))
	for _, k := range Labels() {
		h.text(k, a.Labels[k].Value)
	}
	type kept struct {
		id, digest string
		gone       int64
	}
	list, err := db.Collect(tx, func(row db.Scanner) (k kept, err error) { return k, row.Scan(&k.id, &k.digest, &k.gone) },
		"SELECT id, digest, gone FROM inventory_record WHERE asset = $1 ORDER BY id", string(a.ID))
	for _, k := range list {
		if k.gone == 0 {
			h.text(k.id, k.digest)
		}
	}
	sum := h.sum()
	s.Digest = seal.Digest("plumb.asset.seen.v1", sum[:])
	return s, err
}
