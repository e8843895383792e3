package change

import (
	"context"

	"plumbline.dev/plumb/internal/db"
)

// Begun says how far an install has come on its way to the first closed change.
type Begun struct {
	Filed  bool // somebody filed a change
	Gated  bool // the gate gave a permit
	Closed bool // a change was closed; from then on there is nothing to begin
}

// Begun tells how far this install has come. Each question stops at the first row.
func (d *Desk) Begun(ctx context.Context) (b Begun, err error) {
	exists := func(tx *db.Tx, into *bool, text string) error {
		var n int
		err := tx.QueryRow("SELECT COUNT(*) FROM (" + text + " LIMIT 1) x").Scan(&n)
		*into = n > 0
		return err
	}
	err = d.db.View(ctx, func(tx *db.Tx) error {
		if err := exists(tx, &b.Closed, "SELECT 1 FROM change_change WHERE state = 'closed'"); err != nil || b.Closed {
			b.Filed, b.Gated = b.Closed, b.Closed
			return err
		}
		if err := exists(tx, &b.Filed, "SELECT 1 FROM change_change"); err != nil || !b.Filed {
			return err
		}
		return exists(tx, &b.Gated, "SELECT 1 FROM change_permit")
	})
	return b, err
}
