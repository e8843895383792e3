package inventory

import (
	"context"
	"maps"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

// IdentityWord is a person's word on what is one thing and what is two. It can be taken back.
type IdentityWord struct {
	ID      string   `json:"id"`
	N       int64    `json:"n"`
	Verb    string   `json:"verb"`    // merge, split
	Asset   AssetID  `json:"asset"`   // that keeps, or gets, the records
	Other   AssetID  `json:"other"`   // that they were taken from
	Records []string `json:"records"` // that moved
	Person  string   `json:"person"`
	At      int64    `json:"at"`
	Reason  string   `json:"reason"`
	Undone  int64    `json:"undone,omitempty"`
	Named   string   `json:"named,omitempty"` // in the answer to a merge or a split: what its asset is called from now on, where that changed
}

// MergeAssets says that another asset is this one: its records move over, and it stays as a name for this one.
func (d *Desk) MergeAssets(ctx context.Context, actor fault.Actor, into, other, reason string) (word IdentityWord, err error) {
	err = d.update(ctx, actor, func(tx *db.Tx) error {
		a, o, err := d.pair(tx, actor, into, other, reason)
		if err != nil {
			return err
		}
		if err := mayMerge(a, o); err != nil {
			return err
		}
		records, err := recordsOf(tx, o.ID)
		if err != nil {
			return err
		}
		word = IdentityWord{Verb: "merge", Asset: a.ID, Other: o.ID, Reason: reason}
		for _, k := range records {
			word.Records = append(word.Records, k.ID)
		}
		o.State, o.Merged, a.Labels, a.Floor = Folded, a.ID, mergedLabels(a.Labels, o.Labels), a.Floor.or(o.Floor)
		return d.move(tx, actor, &word, a, o)
	})
	return word, err
}

// mayMerge is the rule: two living things of one class. What code describes is never the thing.
func mayMerge(a, o Asset) error {
	no := func(text string) error {
		return fault.New(fault.Conflict, "not_one_thing", "%s", text).FixedBy("you").Then("plumb asset show %s", o.ID)
	}
	switch {
	case a.ID == o.ID:
		return no("An asset is itself already.")
	case a.State == Folded || o.State == Folded:
		return no("One of them was merged into another asset already.")
	case a.Class == IaCResource || o.Class == IaCResource:
		return no("What code describes is never the thing itself; an edge joins them.")
	case a.Class != o.Class:
		return no("They are things of different classes.")
	}
	return nil
}

// Split says that records are another thing than their asset: they get an asset of their own, and are never joined with this
// one again.
func (d *Desk) Split(ctx context.Context, actor fault.Actor, from string, records []string, reason string) (word IdentityWord, err error) {
	err = d.update(ctx, actor, func(tx *db.Tx) error {
		o, _, err := d.pair(tx, actor, from, from, reason)
		if err != nil {
			return err
		}
		all, err := recordsOf(tx, o.ID)
		if err != nil {
			return err
		}
		if err := maySplit(all, records); err != nil {
			return err
		}
		n, err := next(tx, "inventory_asset")
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(k Kept) bool { return k.ID == records[0] })
		a := Asset{ID: assetID(n), N: n, Class: all[i].Class, Type: all[i].Type, Name: all[i].Name, State: Present, First: tx.Now().UnixMicro(),
			Labels: counted(o.Labels), Floor: o.Floor}
		word = IdentityWord{Verb: "split", Asset: a.ID, Other: o.ID, Records: records, Reason: reason}
		return d.move(tx, actor, &word, a, o)
	})
	return word, err
}

func maySplit(all []Kept, records []string) error {
	if len(records) == 0 || len(records) >= len(all) || slices.ContainsFunc(records, func(id string) bool {
		return !slices.ContainsFunc(all, func(k Kept) bool { return k.ID == id })
	}) {
		return fault.New(fault.Invalid, "bad_split", "A split names some of the asset's records, not none, not all, and none of another asset.").
			FixedBy("you").Then("plumb asset show ASSET")
	}
	return nil
}

// pair loads what an identity word is about; a reason is needed.
func (d *Desk) pair(tx *db.Tx, actor fault.Actor, first, second, reason string) (a, b Asset, err error) {
	if err := d.people.ConfirmIn(tx, actor); err != nil {
		return a, b, err
	}
	if strings.TrimSpace(reason) == "" || len(reason) > maxName {
		return a, b, noReason()
	}
	if a, err = FindIn(tx, first); err != nil {
		return a, b, err
	}
	b, err = FindIn(tx, second)
	return a, b, err
}

func noReason() error {
	return fault.New(fault.Invalid, "no_reason", "Say why, in one to 1024 bytes.").FixedBy("you").Then("give a reason")
}

// move gives the word's records to its asset, works both assets out anew, and keeps the word.
func (d *Desk) move(tx *db.Tx, actor fault.Actor, word *IdentityWord, a, o Asset) (err error) {
	word.ID, word.Person, word.At = seal.NewID("idw"), actor.Person, tx.Now().UnixMicro()
	if word.N, err = next(tx, "inventory_identity"); err != nil {
		return err
	}
	if err := insertIdentity(tx, *word); err != nil {
		return err
	}
	moves := map[string]AssetID{}
	for _, id := range word.Records {
		moves[id] = a.ID
	}
	if err := d.shift(tx, moves, a, o); err != nil {
		return err
	}
	if err := oneNow(tx, *word); err != nil {
		return err
	}
	now, err := loadAsset(tx, a.ID)
	if err != nil {
		return err
	}
	detail := map[string]any{"word": word.ID, "other": string(word.Other), "records": len(word.Records), "reason": word.Reason}
	if now.Name != a.Name {
		word.Named, detail["was"], detail["named"] = now.Name, a.Name, now.Name
	}
	return record(tx, "asset."+map[string]string{"merge": "merged", "split": "split"}[word.Verb], "asset", string(word.Asset), detail)
}

// shift moves records to other assets, and works out anew what of the assets counts. The differences that they showed stay where they were seen;
// a difference of identity says from when on they count elsewhere.
func (d *Desk) shift(tx *db.Tx, moves map[string]AssetID, assets ...Asset) error {
	w, err := d.observes(tx, Configured{})
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(moves)) {
		k, found, err := loadRecord(tx, id)
		if err != nil || !found {
			return err
		}
		from := k.Asset
		k.Asset, w.r.source.ID = moves[id], k.Source
		if err := moveRecord(tx, k); err != nil {
			return err
		}
		if err := w.differ(k, Difference{Type: k.Type, Native: k.Native, Op: Adopted, Kind: Identity, Before: Text(string(from)),
			After: Text(string(k.Asset)), Settled: oneThing}); err != nil {
			return err
		}
	}
	w.settled = oneThing      // it is their word that moves a label, in the ledger with their reason
	w.r.source = Configured{} // each source's word counts as it stands
	for _, a := range assets {
		list, err := recordsOf(tx, a.ID)
		if err != nil {
			return err
		}
		stored, err := loadAsset(tx, a.ID)
		if err != nil && !fault.Is(err, "no_asset") { // a split makes one
			return err
		}
		if err := w.settleOver(stored, a, list); err != nil {
			return err
		}
	}
	for _, a := range assets {
		if err := w.regrounded(a.ID); err != nil {
			return err
		}
	}
	return nil
}

// oneThing is how the history says that people moved a record.
const oneThing = "a person said what is one thing"

// IdentityWords lists what people said of an asset's identity, the newest first.
func (d *Desk) IdentityWords(ctx context.Context, asset string) (list []IdentityWord, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		a, err := FindIn(tx, asset)
		if err != nil {
			return err
		}
		list, err = identityOf(tx, a.ID)
		return err
	})
	return list, err
}

// Answer closes a question as it stands: somebody looked.
func (d *Desk) Answer(ctx context.Context, actor fault.Actor, id string) (q Question, err error) {
	return d.answer(ctx, actor, id, nil)
}

func (d *Desk) answer(ctx context.Context, actor fault.Actor, id string, whose *Whose) (q Question, err error) {
	err = d.db.Update(ctx, actor, func(tx *db.Tx) error {
		if err := d.people.ConfirmIn(tx, actor); err != nil {
			return err
		}
		found := false
		if q, found, err = db.One(tx, scanQuestion, questionColumns+" WHERE id = $1 AND ended = 0", id); err != nil {
			return err
		}
		if !found {
			return fault.New(fault.NotFound, "no_question", "There is no such open question.").FixedBy("you").Then("plumb asset questions")
		}
		detail := map[string]any{"question": q.ID}
		if q.Kind == SourcesDisagree || whose != nil {
			x, err := d.choose(tx, actor, q, whose)
			if err != nil {
				return err
			}
			detail["path"], detail["source"], detail["reason"] = x.path, x.source, x.reason
		}
		q.Ended, q.Person = tx.Now().UnixMicro(), actor.Person
		if err := tx.ExecOne("UPDATE inventory_question SET ended = $1, person = $2 WHERE id = $3", q.Ended, q.Person, q.ID); err != nil {
			return err
		}
		return record(tx, "inventory.question_answered", "asset", string(q.Asset), detail)
	})
	return q, err
}
