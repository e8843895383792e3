package inventory

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
)

// said is what people said of assets that any of them joins, the oldest first: all of a family, those taken back too. Where a record
// belongs follows from it alone, so it does not matter in which order words are taken back.
type said []IdentityWord

// then gives what was said up to an instant, and of it what was taken back by then.
func (s said) then(at int64) (out said) {
	for _, w := range s {
		if w.Undone > at {
			w.Undone = 0
		}
		if w.At <= at {
			out = append(out, w)
		}
	}
	return out
}

// rests gives the asset in which the words that stand leave a record that is in one now. A merge takes along what was in the other asset; what a
// split said of a record stands whatever becomes of the words before it.
func (s said) rests(record string, now AssetID) AssetID {
	at, moved := now, false
	for _, w := range s {
		if !slices.Contains(w.Records, record) {
			continue
		}
		if !moved {
			at, moved = w.Other, true // where it was before anybody spoke of it
		}
		if w.Undone == 0 && (w.Verb == "split" || w.Other == at) {
			at = w.Asset
		}
	}
	return at
}

// into gives the asset that an asset is a name of: by a merge that stands, or because the split that made it was taken back, and what was split
// off went there. "" says that it is one itself.
func (s said) into(id AssetID) AssetID {
	if other := s.merged(id); other != "" {
		return other
	}
	i := slices.IndexFunc(s, func(w IdentityWord) bool { return w.Verb == "split" && w.Asset == id && w.Undone > 0 })
	if i < 0 {
		return ""
	}
	other := s.then(s[i].Undone).rests(s[i].Records[0], s[i].Other)
	for end := other; end != ""; end = s.merged(end) {
		if end == id { // what it was split from was merged into it meanwhile
			return ""
		}
	}
	return other
}

// merged gives the asset that an asset was merged into by a word that stands.
func (s said) merged(id AssetID) (into AssetID) {
	for _, w := range s {
		if w.Verb == "merge" && w.Other == id && w.Undone == 0 {
			into = w.Asset
		}
	}
	return into
}

// home is where a record belongs: where the words leave it, or what that is a name of.
func (s said) home(record string, now AssetID) AssetID { return s.end(s.rests(record, now)) }

// end gives what an asset is a name of in the end, itself where it is none.
func (s said) end(id AssetID) AssetID {
	for range s { // each step is another word
		into := s.into(id)
		if into == "" {
			break
		}
		id = into
	}
	return id
}

// family gives an asset with all that people ever joined with it or split from it, and from those in turn, and what they said of them.
func family(tx *db.Tx, id AssetID) (ids []AssetID, words said, err error) {
	ids = []AssetID{id}
	seen := map[string]IdentityWord{}
	for i := 0; i < len(ids); i++ {
		some, err := db.Collect(tx, scanIdentity, identityColumns+" WHERE asset = $1 OR other = $1", string(ids[i]))
		if err != nil {
			return nil, nil, err
		}
		for _, w := range some {
			seen[w.ID] = w
			for _, next := range []AssetID{w.Asset, w.Other} {
				if !slices.Contains(ids, next) {
					ids = append(ids, next)
				}
			}
		}
	}
	words = slices.SortedFunc(maps.Values(seen), func(a, b IdentityWord) int { return cmp.Compare(a.N, b.N) })
	return ids, words, nil
}

// Undo takes a merge or a split back: each record goes to where the words that still stand leave it, and what came since stays where it is.
func (d *Desk) Undo(ctx context.Context, actor fault.Actor, id string) (word IdentityWord, err error) {
	err = d.update(ctx, actor, func(tx *db.Tx) error {
		if err := d.people.ConfirmIn(tx, actor); err != nil {
			return err
		}
		found := false
		if word, found, err = loadIdentity(tx, id); err != nil {
			return err
		}
		if !found || word.Undone > 0 {
			return fault.New(fault.NotFound, "no_identity", "There is no such merge or split, or it was taken back already.").
				FixedBy("you").Then("plumb asset identity ASSET")
		}
		word.Undone = tx.Now().UnixMicro()
		if err := undoIdentity(tx, word); err != nil {
			return err
		}
		if err := d.settleFamily(tx, word); err != nil {
			return err
		}
		return record(tx, "asset.identity_undone", "asset", string(word.Asset), map[string]any{"word": word.ID})
	})
	return word, err
}

// settleFamily gives each record of a word's family to where it belongs after the word was taken back. Wherever records go they count no less
// than where they were.
func (d *Desk) settleFamily(tx *db.Tx, word IdentityWord) error {
	ids, words, err := family(tx, word.Asset)
	if err != nil {
		return err
	}
	were, are := map[AssetID]Asset{}, map[AssetID]Asset{}
	moves := map[string]AssetID{}
	passed := [][2]AssetID{{word.Asset, word.Other}} // from, to
	for _, id := range ids {
		a, err := loadAsset(tx, id)
		if err != nil {
			return err
		}
		were[id] = a
		if into := words.into(id); into != "" {
			a.State, a.Merged = Folded, into
		} else if a.State == Folded {
			a.State, a.Merged = Present, ""
		}
		are[id] = a
		records, err := recordsOf(tx, id)
		if err != nil {
			return err
		}
		for _, k := range records {
			if home := words.home(k.ID, id); home != id {
				moves[k.ID] = home
				passed = append(passed, [2]AssetID{id, home})
			}
		}
	}
	touched := map[AssetID]bool{}
	for _, p := range passed {
		from, to := are[p[0]], are[p[1]]
		if to.Floor = to.Floor.or(from.Floor); from.State == Folded { // it comes in again
			to.Labels = stricterOf(to.Labels, were[p[0]].Labels)
		} else {
			to.Labels = tightened(to.Labels, asserted(were[p[0]].Labels))
		}
		are[p[1]], touched[p[0]], touched[p[1]] = to, true, true
	}
	var assets []Asset
	for _, id := range ids {
		if touched[id] || are[id].State != were[id].State || are[id].Merged != were[id].Merged {
			assets = append(assets, are[id])
		}
	}
	return d.shift(tx, moves, assets...)
}
