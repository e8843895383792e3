package inventory

import (
	"context"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
)

// Doubt is what a source found out about who one of its records is: it is told beside its readings.
type Doubt struct {
	Source string // name of the source
	Scope  string
	Type   string
	Native string
	Kind   string // of Question
	Detail string
}

// Raise asks people about the assets of doubtful records, each once: what somebody answered is not asked again. A record that the inventory
// does not have raises nothing.
func (d *Desk) Raise(ctx context.Context, actor fault.Actor, list []Doubt) error {
	var fresh []Question
	err := d.db.View(ctx, func(tx *db.Tx) (err error) {
		fresh, err = unasked(tx, list)
		return err
	})
	if err != nil || len(fresh) == 0 {
		return err
	}
	return d.db.Update(ctx, actor, func(tx *db.Tx) error {
		fresh, err := unasked(tx, list)
		if err != nil {
			return err
		}
		for _, q := range fresh {
			if err := insertQuestion(tx, q); err != nil {
				return err
			}
			if err := record(tx, "inventory.question_asked", "asset", string(q.Asset), map[string]any{"question": q.ID, "kind": q.Kind}); err != nil {
				return err
			}
		}
		return nil
	})
}

// unasked makes the questions of doubts that were never asked.
func unasked(tx *db.Tx, list []Doubt) (out []Question, err error) {
	for _, x := range list {
		c, found, err := sourceNamed(tx, x.Source)
		if err != nil || !found {
			return nil, err
		}
		k, found, err := loadRecord(tx, key("rec", c.ID, x.Scope, x.Type, x.Native))
		if err != nil {
			return nil, err
		}
		q := Question{ID: doubtful(x.Kind, k.Asset, x.Native), Kind: x.Kind, Asset: k.Asset, Detail: x.Detail, Since: tx.Now().UnixMicro()}
		asked := false
		if found {
			if asked, err = wasAsked(tx, x.Kind, k); err != nil {
				return nil, err
			}
		}
		if found && !asked {
			out = append(out, q)
		}
	}
	return out, nil
}

// doubtful names the question of a doubt.
func doubtful(kind string, asset AssetID, native string) string {
	return key("que", kind, string(asset), native)
}

// wasAsked reports whether somebody was asked about a record, in whichever asset it was then.
func wasAsked(tx *db.Tx, kind string, k Kept) (asked bool, err error) {
	ids, _, err := family(tx, k.Asset)
	for _, id := range ids {
		if err != nil || asked {
			break
		}
		_, asked, err = db.One(tx, scanText, "SELECT id FROM inventory_question WHERE id = $1", doubtful(kind, id, k.Native))
	}
	return asked, err
}

// undoubted closes the question about whose key a record has that is gone: nobody is believed by it any more.
func (w *observer) undoubted(k Kept) error {
	ids, _, err := family(w.tx, k.Asset)
	if err != nil {
		return err
	}
	for _, id := range ids {
		n, err := w.tx.Exec("UPDATE inventory_question SET ended = $1 WHERE id = $2 AND ended = 0", w.now, doubtful(keyShared, id, k.Native))
		if err != nil {
			return err
		}
		if err := w.wrote(int(n)); err != nil {
			return err
		}
	}
	return nil
}

func insertQuestion(tx *db.Tx, q Question) error {
	_, err := tx.Exec("INSERT INTO inventory_question (id, kind, asset, other, detail, since, ended, person) VALUES ($1, $2, $3, $4, $5, $6, 0, '')",
		q.ID, q.Kind, string(q.Asset), string(q.Other), q.Detail, q.Since)
	return err
}
