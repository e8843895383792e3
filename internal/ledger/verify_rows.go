package ledger

import (
	"context"
	"fmt"
	"sort"

	"plumbline.dev/plumb/internal/db"
)

// checkRows compares every row of every covered table with the digest in its last event.
func (v *verifier) checkRows(ctx context.Context, d *db.DB) error {
	tables, err := d.Covered(v.tx)
	if err != nil {
		return err
	}
	for _, table := range tables {
		rows, err := v.tx.Query("SELECT * FROM " + db.Quote(table))
		if err != nil {
			return fmt.Errorf("read table %s: %w", table, err)
		}
		if err := db.EachRow(rows, func(row db.Row) error { v.row(table, row); return ctx.Err() }); err != nil {
			return fmt.Errorf("read table %s: %w", table, err)
		}
	}
	gone := make([]rowKey, 0)
	for key := range v.rows {
		gone = append(gone, key)
	}
	sort.Slice(gone, func(a, b int) bool {
		return gone[a].table < gone[b].table || gone[a].table == gone[b].table && gone[a].id < gone[b].id
	})
	for _, key := range gone {
		v.r.add("row_deleted", key.table, key.id, "Row %s of %s was deleted without an event.", key.id, key.table)
	}
	return nil
}

func (v *verifier) row(table string, row db.Row) {
	v.r.Rows++
	key := rowKey{table, row.ID()}
	want, known := v.rows[key]
	delete(v.rows, key) // seen; a second row of this id is one too many
	switch {
	case !known:
		v.r.add("row_inserted", table, key.id, "Row %s of %s was inserted without an event.", key.id, table)
	case want != row.Digest(table):
		v.r.add("row_edited", table, key.id, "Row %s of %s was edited without an event.", key.id, table)
	}
}
