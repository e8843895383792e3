package inventory

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

// RemoveSource retires a source for good: it is read no more, and what it showed speaks for and against nothing any more. What only it knew
// becomes silent, not missing; its history and its name stay. No label becomes less strict by it. It waits for no reading: while one is
// under way, it is refused. It is done in steps, so that others write in between. Of a large source the last are FinishRemovals's, as where it
// is broken off.
func (d *Desk) RemoveSource(ctx context.Context, actor fault.Actor, nameOrID string) (c Configured, err error) {
	if c, err = d.SourceOf(ctx, nameOrID); err != nil {
		return c, err
	}
	if k, ok := d.Kind(c.Kind); ok && k.Inner {
		return c, fault.New(fault.Conflict, "source_kept", "The program itself keeps this source.").FixedBy("you").Then("plumb source edit %s --pause", c.Name)
	}
	if !d.reading.take(c.ID) {
		return c, fault.New(fault.Conflict, "reading_now", "This source is being read at this moment.").FixedBy("you").Then("try again in a moment")
	}
	defer d.reading.give(c.ID)
	err = d.db.Update(ctx, actor, func(tx *db.Tx) error {
		if err := d.people.ConfirmIn(tx, actor); err != nil {
			return err
		}
		if c, err = loadSource(tx, c.ID); err != nil {
			return err
		}
		if c.Removed > 0 {
			return removed(c)
		}
		c.Removed = tx.Now().UnixMicro()
		if _, err := tx.Exec("INSERT INTO inventory_source_removal (id, source, person, at) VALUES ($1, $2, $3, $4)",
			seal.NewID("rem"), c.ID, actor.Person, c.Removed); err != nil {
			return err
		}
		return record(tx, "source.removed", "source", c.ID, map[string]any{"name": c.Name, "kind": c.Kind})
	})
	if err != nil {
		return c, err
	}
	return c, d.silence(ctx, actor, c, stepsAtOnce)
}

// FinishRemovals silences what is left of removed sources: a server that was stopped in the middle goes on where it was.
func (d *Desk) FinishRemovals(ctx context.Context) error {
	all, err := d.Sources(ctx)
	if err != nil {
		return err
	}
	for _, c := range all {
		if c.Removed == 0 || !d.reading.take(c.ID) {
			continue
		}
		err := d.silence(ctx, fault.SystemActor("sources"), c, math.MaxInt)
		if d.reading.give(c.ID); err != nil {
			return fmt.Errorf("silence %s: %w", c.Name, err)
		}
	}
	return nil
}

// Bounds of the steps in which a source is silenced: the records of one, and how many somebody waits for.
const (
	silenceAt   = 200
	stepsAtOnce = 20
)

// silence ends the records of a removed source, in so many steps at most. Whoever asked holds the source's turn.
func (d *Desk) silence(ctx context.Context, actor fault.Actor, c Configured, steps int) error {
	for ; steps > 0; steps-- {
		var left bool
		if err := d.db.View(ctx, func(tx *db.Tx) (err error) {
			_, left, err = db.One(tx, scanText, "SELECT id FROM inventory_record WHERE source = $1 AND gone = 0 LIMIT 1", c.ID)
			return err
		}); err != nil || !left {
			return err
		}
		if err := d.db.Update(ctx, actor, func(tx *db.Tx) error { return d.fallSilent(tx, c) }); err != nil {
			return err
		}
	}
	return nil
}

func removed(c Configured) error {
	return fault.New(fault.Conflict, "source_removed", "The source was removed; only its history is left.").
		FixedBy("whoever looks after sources").Then("plumb source add NAME %s", c.Kind)
}

// fallSilent ends the next records of a removed source, and works out anew what of their assets counts.
func (d *Desk) fallSilent(tx *db.Tx, c Configured) error {
	w, err := d.observes(tx, c)
	if err != nil {
		return err
	}
	living, err := db.Collect(tx, scanRecord, recordColumns+" WHERE source = $1 AND gone = 0 ORDER BY id LIMIT $2", c.ID, silenceAt)
	if err != nil {
		return err
	}
	assets := map[AssetID]bool{}
	for _, k := range living {
		k.Gone, assets[k.Asset] = w.now, true
		if err := markRecord(tx, k); err != nil {
			return err
		}
		if err := w.wrote(1); err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(assets)) {
		if err := w.without(id); err != nil {
			return err
		}
	}
	return w.record("source.silenced", map[string]any{"name": c.Name, "records": len(living)})
}

// without works an asset out anew after one of its sources was removed.
func (w *observer) without(id AssetID) error {
	a, err := loadAsset(w.tx, id)
	if err != nil {
		return err
	}
	records, err := recordsOf(w.tx, id)
	if err != nil {
		return err
	}
	list, err := w.witnesses(records)
	if err != nil {
		return err
	}
	was := a.Labels
	a.Labels = orphaned(was, w.r.source.ID, list, w.now)
	for _, key := range slices.Sorted(maps.Keys(was)) {
		if is := a.Labels[key].Value; is != was[key].Value {
			k := records[0]
			if err := w.differ(k, Difference{Type: k.Type, Native: k.Native, Op: Updated, Path: labelPath(key), Kind: Security,
				Before: some(was[key].Value), After: some(is), Settled: "its source was removed by a person"}); err != nil {
				return err
			}
		}
	}
	return w.settle(a, records)
}

// orphaned gives the labels of an asset without the word of a removed source. Where another source says as much or stricter, its word
// stands; where nobody does, what counts unlabelled stands, unless that would be less strict. Labels that have no strictest value stay with
// where they came from: to lose an owner or a role would free a thing of who must answer for it.
func orphaned(was map[string]Label, source string, list []Witness, now int64) map[string]Label {
	out := maps.Clone(was)
	for key, l := range was {
		if l.Confidence != Derived || l.Source != source {
			continue
		}
		other, ok := derive(key, list, now)
		strictest := unlabelled(key)
		switch {
		case ok && !looser(key, l.Value, other.Value):
			out[key] = other
		case !ok && strictest != "" && !looser(key, l.Value, strictest):
			delete(out, key)
		}
	}
	return out
}
