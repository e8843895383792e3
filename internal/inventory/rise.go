package inventory

import (
	"cmp"
	"context"
	"math"
	"slices"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

// This file takes the class of data on to whatever has the data (floor.go): in the transaction that shows it where few have it, and else
// in steps after it, so that others write in between. What is left to do is a row, written with what makes it so: a server that stops in
// the middle forgets nothing. Each step makes an asset stricter, which ends after three of them whatever goes round in a circle.

// Bounds of what is taken on.
const (
	risesAtOnce = 100             // holders that one transaction looks at, beside its own work; each takes up to three of maxRows
	riseStep    = risesAtOnce / 2 // holders of one step; what they have in turn takes the rest
)

// rises takes what an asset counts as on to whatever has its data, and so forth. What this transaction has no room for waits.
func (w *observer) rises(id AssetID) error {
	for queue := []AssetID{id}; len(queue) > 0; queue = queue[1:] {
		room := risesAtOnce - w.held
		list, err := holders(w.tx, queue[0], room+1)
		if err != nil {
			return err
		}
		if len(list) > room {
			if err := w.awaits(queue[0]); err != nil {
				return err
			}
			continue
		}
		lifted, err := w.lift(queue[0], list)
		if err != nil {
			return err
		}
		queue = append(queue, lifted...)
	}
	return nil
}

// lift takes what an asset counts as on to some of those that have its data, and gives those that count as more by it.
func (w *observer) lift(id AssetID, list []holder) (lifted []AssetID, err error) {
	w.held += len(list)
	part, err := loadAsset(w.tx, id)
	if err != nil {
		return nil, err
	}
	for _, h := range list {
		a, err := loadAsset(w.tx, h.asset)
		if err != nil {
			return nil, err
		}
		f, ok := a.lifted(h.verb, part, w.now)
		if !ok || a.State == Folded {
			continue
		}
		k, found, err := loadRecord(w.tx, h.record)
		if err != nil || !found { // records are never deleted
			return nil, err
		}
		was := a.Label(LabelClassification)
		a.Floor = f
		if err := w.floored(a, was, k); err != nil {
			return nil, err
		}
		lifted = append(lifted, a.ID)
	}
	return lifted, nil
}

// rise is an asset of which not everything that has its data counts as much yet.
type rise struct {
	id    string
	asset AssetID
	noted string // another one each time that it is noted: whoever finishes it sees by it that it rose again meanwhile
}

// awaits notes that what has an asset's data is gone through after this transaction.
func (w *observer) awaits(id AssetID) error {
	_, err := w.tx.Exec("INSERT INTO inventory_rise (id, asset, since, noted) VALUES ($1, $2, $3, $4)"+
		" ON CONFLICT (id) DO UPDATE SET noted = excluded.noted", key("ris", string(id)), string(id), w.now, seal.NewID("not"))
	if err != nil {
		return err
	}
	return w.wrote(1)
}

const riseColumns = "SELECT id, asset, noted FROM inventory_rise"

func scanRise(row db.Scanner) (r rise, err error) { return r, row.Scan(&r.id, &r.asset, &r.noted) }

// FinishRises takes on what waits to be: a server that was stopped in the middle goes on where it was.
func (d *Desk) FinishRises(ctx context.Context) error {
	return d.finishRises(ctx, fault.SystemActor("inventory"), math.MaxInt)
}

// update is a deed of a person, and then what it left to take on.
func (d *Desk) update(ctx context.Context, actor fault.Actor, deed func(*db.Tx) error) error {
	err := d.db.Update(ctx, actor, deed)
	if err == nil {
		d.goOn(ctx, actor, stepsAtOnce)
	}
	return err
}

// goOn takes on what a deed that is done left to take on, as much as whoever waits for it may wait for; the rest is FinishRises's, and so is
// what fails here.
func (d *Desk) goOn(ctx context.Context, actor fault.Actor, steps int) {
	if err := d.finishRises(ctx, actor, steps); err != nil {
		d.log.ErrorContext(ctx, "the class of data was not taken on to all that has it; it is tried again", "error", err)
	}
}

// finishRises goes on in so many steps at most.
func (d *Desk) finishRises(ctx context.Context, actor fault.Actor, steps int) error {
	for {
		var r rise
		var list []holder
		err := d.db.View(ctx, func(tx *db.Tx) (err error) {
			var found bool
			if r, found, err = db.One(tx, scanRise, riseColumns+" ORDER BY since, id LIMIT 1"); err != nil || !found {
				return err
			}
			list, err = holders(tx, r.asset, math.MaxInt)
			return err
		})
		if err != nil || r.id == "" {
			return err
		}
		for ; ; steps-- {
			if steps == 0 {
				return nil
			}
			part := list[:min(len(list), riseStep)]
			list = list[len(part):]
			err := d.db.Update(ctx, actor, func(tx *db.Tx) error { return d.takeOn(tx, r, part, len(list) == 0) })
			if err != nil {
				return err
			}
			if len(list) == 0 {
				break
			}
		}
	}
}

// takeOn is one step: some of the holders of an asset, and after the last of them it waits no more, unless it rose again meanwhile.
func (d *Desk) takeOn(tx *db.Tx, r rise, part []holder, last bool) error {
	w, err := d.observes(tx, Configured{})
	if err != nil {
		return err
	}
	lifted, err := w.lift(r.asset, part)
	if err != nil {
		return err
	}
	for _, id := range lifted {
		if err := w.rises(id); err != nil {
			return err
		}
	}
	if last {
		n, err := tx.Exec("DELETE FROM inventory_rise WHERE id = $1 AND noted = $2", r.id, r.noted)
		if err != nil {
			return err
		}
		w.rows += int(n)
	}
	if w.rows == 0 {
		return nil
	}
	return record(tx, "asset.floor_raised", "asset", string(r.asset), map[string]any{"assets": len(lifted)})
}

// holder is an asset that has another's data, with the record that says so.
type holder struct {
	asset  AssetID
	record string
	verb   string
}

// holderQueries finds who points at an asset by one of the verbs of data: by its identifiers, and by its records.
func holderQueries(id AssetID, most int) (texts []string, args []any) {
	args = []any{string(id), most}
	verbs := db.Among(&args, dataVerbs)
	const fields = "SELECT h.asset, h.id, e.verb FROM inventory_record r"
	rest := " JOIN inventory_record h ON h.id = e.record WHERE r.asset = $1 AND e.until = 0 AND h.gone = 0 AND e.verb " + verbs + " LIMIT $2"
	return []string{
		fields + " JOIN inventory_identifier i ON i.record = r.id AND i.until = 0 JOIN inventory_edge e ON e.to_kind = i.kind AND e.to_value = i.value" + rest,
		fields + " JOIN inventory_edge e ON e.to_kind = 'record' AND e.to_value = r.source || '/' || r.type || '/' || r.native" + rest,
	}, args
}

// holders gives who has an asset's data, in an order that is always the same; where they are more than most, some more than that.
func holders(tx *db.Tx, id AssetID, most int) (out []holder, err error) {
	texts, args := holderQueries(id, most)
	for _, text := range texts {
		some, err := db.Collect(tx, func(row db.Scanner) (h holder, err error) { return h, row.Scan(&h.asset, &h.record, &h.verb) }, text, args...)
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
	}
	slices.SortFunc(out, func(a, b holder) int {
		return cmp.Or(cmp.Compare(a.asset, b.asset), cmp.Compare(a.record, b.record), cmp.Compare(a.verb, b.verb))
	})
	return out, nil
}
