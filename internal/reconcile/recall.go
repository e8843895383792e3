package reconcile

import (
	"cmp"
	"context"
	"slices"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/inventory"
)

// This file keeps the index of what may explain a difference from one step of the loop to the next, so that a step costs what was
// observed, not what was ever approved. It is good for as long as no charter, no exception and no earlier verdict moved, which a
// number in the database tells; what a step decided is noted in it only once that is durable.

// overIndex is the cursor that moves with every charter, exception and verdict that is not new.
const overIndex = "index"

// Bounds of what is read into an index, and of what is noted in one before it is made anew.
const (
	maxRecalled = 5_000
	maxNoted    = 100_000
)

// recalled is an index with the state of the database that it stands for.
type recalled struct {
	x       *Index
	mutes   []*Mute
	since   int64 // what was over before this instant is not in it
	at      int64 // the verdicts up to the difference of this number are noted
	edition int64 // of the rows that it was made of
}

// since is the earliest instant at which any of the differences may have arisen.
func since(list []inventory.Difference) int64 {
	at := list[0].Latest
	for _, x := range list {
		at = min(at, max(x.Earliest, 0))
	}
	return at
}

// quiet is a stretch of differences none of which raises the question: those after one number and up to another.
type quiet struct{ after, to int64 }

// holds reports whether a step that begins after a number may go on to the end of the stretch. Differences are only ever added behind the
// last, so what was seen of a stretch stays true.
func (q quiet) holds(from int64) bool { return q.after <= from && from < q.to }

// mayAsk is Judged as the database asks it. It may let through more than Judged takes, and never less: the rule is Judged.
const mayAsk = "baseline = FALSE AND settled = '' AND kind IN ('config', 'security')"

// quietAfter gives the stretch after a number, which ends before the first difference that may raise the question, or after so many numbers.
func quietAfter(tx *db.Tx, after, atOnce int64) (quiet, error) {
	to := after + atOnce
	first, found, err := db.One(tx, scanInt, "SELECT n FROM inventory_difference WHERE n > $1 AND n <= $2 AND "+mayAsk+" ORDER BY n LIMIT 1", after, to)
	if err != nil {
		return quiet{}, err
	}
	if found {
		to = first - 1
	}
	last, _, err := db.One(tx, scanInt, "SELECT COALESCE(MAX(n), 0) FROM inventory_difference WHERE n <= $1", to)
	return quiet{after, last}, err
}

// ready makes the index for the next step ready outside the writer, for others write meanwhile, or finds how far there is nothing to judge.
// idle says that there is nothing to do.
func (d *Desk) ready(ctx context.Context) (past quiet, idle bool, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		from, err := cursor(tx, overDifferences, 0)
		if err != nil {
			return err
		}
		list, err := inventory.Differences(tx, from, differencesAtOnce)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			end, err := next(tx, "inventory_difference")
			idle = from < end // a cursor that is ahead of everything is taken back
			return err
		}
		last := list[len(list)-1].N
		list = slices.DeleteFunc(list, func(x inventory.Difference) bool { return !Judged(x) })
		if len(list) == 0 {
			past, err = quietAfter(tx, last, quietAtOnce)
			past.after = from
			return err
		}
		if ok, err := d.recalled.holds(tx, from, since(list)); err != nil || ok {
			return err
		}
		d.recalled, err = d.recall(tx, from, since(list))
		return err
	})
	return past, idle, err
}

// holds reports whether an index is what recall would make now, or more.
func (k *recalled) holds(tx *db.Tx, from, since int64) (bool, error) {
	if k == nil || k.at != from || k.since > since || k.x.noted > maxNoted {
		return false, nil
	}
	now, err := cursor(tx, overIndex, 0)
	return now == k.edition, err
}

// take gives the index for a step, nil where nothing is judged and none is kept. Until put it is not kept: a step that fails leaves none.
func (d *Desk) take(tx *db.Tx, from int64, list []inventory.Difference) (*recalled, error) {
	k := d.recalled
	d.recalled = nil
	first := openEnd
	if len(list) > 0 {
		first = since(list)
	}
	ok, err := k.holds(tx, from, first)
	switch {
	case err != nil:
		return nil, err
	case ok:
		return k, nil
	case len(list) == 0:
		return nil, nil
	}
	return d.recall(tx, from, first)
}

// put keeps the index of a step that judged up to a difference, once that is durable.
func (d *Desk) put(tx *db.Tx, k *recalled, last int64) (err error) {
	if k == nil {
		return nil
	}
	k.x.settle()
	k.at = last
	if k.edition, err = cursor(tx, overIndex, 0); err != nil { // counting exceptions moved it
		return err
	}
	tx.AfterCommit(func() { d.recalled = k })
	return nil
}

// live gives the exceptions that count at an instant.
func (k *recalled) live(now int64) []*Mute {
	k.mutes = slices.DeleteFunc(k.mutes, func(m *Mute) bool { return m.State != Active || m.Expires <= now })
	return k.mutes
}

// recall reads what may explain differences that arose after an instant, and what was explained up to a difference.
func (d *Desk) recall(tx *db.Tx, at, since int64) (*recalled, error) {
	k := &recalled{since: since, at: at}
	var err error
	if k.edition, err = cursor(tx, overIndex, 0); err != nil {
		return nil, err
	}
	charters, err := d.charters(tx, since)
	if err != nil {
		return nil, err
	}
	mutes, err := activeMutes(tx)
	if err != nil {
		return nil, err
	}
	for i := range mutes {
		k.mutes = append(k.mutes, &mutes[i])
	}
	k.x = NewIndex(charters, slices.Clone(k.mutes))
	return k, k.x.remember(tx, charters)
}

// use is a difference that an approved change explained.
type use struct {
	n                         int64
	difference, claim, record string
}

// remember tells the index which claims of the charters were used up, whenever that was, and what they explained of late, so that side
// effects that are seen later find it.
func (x *Index) remember(tx *db.Tx, charters []*Charter) error {
	var changes []string
	for _, c := range charters {
		changes = append(changes, c.Change)
	}
	slices.Sort(changes)
	var uses []use
	for part := range slices.Chunk(slices.Compact(changes), db.AtOnce) {
		var args []any
		list, err := db.Collect(tx, func(row db.Scanner) (u use, err error) { return u, row.Scan(&u.n, &u.difference, &u.claim, &u.record) },
			"SELECT n, id, claim, record FROM reconcile_match WHERE change_id "+db.Among(&args, part)+" AND disposition IN ('exact', 'scoped')", args...)
		if err != nil {
			return err
		}
		uses = append(uses, list...)
	}
	slices.SortFunc(uses, func(a, b use) int { return cmp.Compare(a.n, b.n) })
	for _, u := range uses {
		x.spend(u.claim, u.record, u.difference)
	}
	for part := range slices.Chunk(uses[max(0, len(uses)-maxRecalled):], db.AtOnce) {
		if err := x.recollect(tx, part); err != nil {
			return err
		}
	}
	return nil
}

// recollect notes what was explained before.
func (x *Index) recollect(tx *db.Tx, uses []use) error {
	ids := make([]string, len(uses))
	for i, u := range uses {
		ids[i] = u.difference
	}
	var args []any
	list, err := db.Collect(tx, scanMatch, matchColumns+" WHERE id "+db.Among(&args, ids), args...)
	if err != nil {
		return err
	}
	briefs, err := inventory.BriefsOf(tx, ids)
	if err != nil {
		return err
	}
	slices.SortFunc(list, func(a, b Match) int { return cmp.Compare(a.N, b.N) })
	for _, m := range list {
		if b, ok := briefs[m.Difference]; ok {
			x.Note(b.Difference, Place{Asset: b.Difference.Asset, Class: b.Class, Scope: b.Scope}, Verdict{Disposition: m.Disposition, Hits: m.Hits})
		}
	}
	return nil
}
