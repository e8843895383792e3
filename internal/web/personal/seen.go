package personal

import (
	"context"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

// Acknowledge records that the actor has read one part of a long page, as it was shown: object names
// what it belongs to and its exact wording, digest is that of the rendered part.
func (d *Desk) Acknowledge(ctx context.Context, actor fault.Actor, object string, part int64, digest string) error {
	return d.db.Update(ctx, actor, func(tx *db.Tx) error {
		if _, err := tx.Exec("DELETE FROM web_seen WHERE person = $1 AND object = $2 AND part = $3", actor.Person, object, part); err != nil {
			return wrap("replace mark", err)
		}
		_, err := tx.Exec("INSERT INTO web_seen (id, person, object, part, digest, at) VALUES ($1, $2, $3, $4, $5, $6)",
			seal.NewID("see"), actor.Person, object, part, digest, tx.Now().UnixMicro())
		return wrap("save mark", err)
	})
}

// Seen gives the digests of the parts of an object that a person has read, by part.
func (d *Desk) Seen(ctx context.Context, person, object string) (map[int64]string, error) {
	type mark struct {
		part   int64
		digest string
	}
	out := map[int64]string{}
	err := d.db.View(ctx, func(tx *db.Tx) error {
		list, err := db.Collect(tx, func(row db.Scanner) (m mark, err error) { return m, row.Scan(&m.part, &m.digest) },
			"SELECT part, digest FROM web_seen WHERE person = $1 AND object = $2 ORDER BY part LIMIT 10000", person, object)
		for _, m := range list {
			out[m.part] = m.digest
		}
		return err
	})
	return out, err
}
