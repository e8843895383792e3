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
		q := Question{ID: key("que", x.Kind, string(k.Asset), x.Native), Kind: x.Kind, Asset: k.Asset, Detail: x.Detail, Since: tx.Now().UnixMicro()}
		_, asked, err := db.One(tx, scanQuestion, questionColumns+" WHERE id = $1", q.ID)
		if err != nil {
			return nil, err
		}
		if found && !asked {
			out = append(out, q)
		}
	}
	return out, nil
}

func insertQuestion(tx *db.Tx, q Question) error {
	_, err := tx.Exec("INSERT INTO inventory_question (id, kind, asset, other, detail, since, ended, person) VALUES ($1, $2, $3, $4, $5, $6, 0, '')",
		q.ID, q.Kind, string(q.Asset), string(q.Other), q.Detail, q.Since)
	return err
}
