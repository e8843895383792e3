package ledger

import (
	"context"
	"encoding/hex"
	"fmt"
	"sort"

	"golang.org/x/mod/sumdb/tlog"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/seal"
)

// Fault is one thing that verification found wrong.
type Fault struct {
	What  string `json:"what"` // row_edited, row_inserted, row_deleted, event_edited, event_missing, tree, checkpoint, detail, tile
	Table string `json:"table,omitempty"`
	ID    string `json:"id,omitempty"`
	Text  string `json:"text"`
}

// Report is what verification saw.
type Report struct {
	Events      int64   `json:"events"`
	Rows        int64   `json:"rows"`
	Checkpoints int64   `json:"checkpoints"`
	Size        int64   `json:"size"` // of the newest checkpoint
	Root        string  `json:"root"`
	Unsigned    int64   `json:"unsigned"` // events after the newest checkpoint, not yet in the tree
	Faults      []Fault `json:"faults"`
}

// maxFaults bounds the report; the rest would only repeat it.
const maxFaults = 1000

func (r *Report) add(what, table, id, format string, args ...any) {
	if len(r.Faults) < maxFaults {
		r.Faults = append(r.Faults, Fault{What: what, Table: table, ID: id, Text: fmt.Sprintf(format, args...)})
	}
}

// Verify recomputes the tree from the events, checks every signed checkpoint against it, every detail
// against its commitment, every tile, and every covered row against the digest in its last event, all
// in one snapshot. It needs the log's public key and trusts nothing else in the database.
func Verify(ctx context.Context, d *db.DB, vkey string) (*Report, error) {
	r := &Report{}
	err := d.View(ctx, func(tx *db.Tx) error {
		heads, err := readHeads(tx, vkey, r)
		if err != nil {
			return err
		}
		v := verifier{r: r, heads: heads, rows: map[[2]string]string{}, tiles: map[tileID][]byte{}}
		if err := v.events(ctx, tx); err != nil {
			return err
		}
		if err := v.checkTiles(tx); err != nil {
			return err
		}
		return v.checkRows(ctx, tx, d)
	})
	return r, err
}

func readHeads(tx *db.Tx, vkey string, r *Report) (map[int64]tlog.Hash, error) {
	heads := map[int64]tlog.Hash{}
	type stored struct {
		size int64
		root string
		note string
	}
	list, err := db.Collect(tx, func(row db.Scanner) (s stored, err error) { return s, row.Scan(&s.size, &s.root, &s.note) },
		"SELECT size, root, note FROM ledger_checkpoint ORDER BY size")
	if err != nil {
		return nil, err
	}
	for _, s := range list {
		c, err := ReadCheckpoint([]byte(s.note), vkey)
		if err != nil || c.Size != s.size || c.Root.String() != s.root {
			r.add("checkpoint", "ledger_checkpoint", fmt.Sprint(s.size), "The checkpoint is not one that this ledger's key signed.")
			continue
		}
		heads[s.size] = c.Root
		r.Size, r.Root = c.Size, c.Root.String()
		r.Checkpoints++
	}
	return heads, nil
}

type verifier struct {
	r     *Report
	heads map[int64]tlog.Hash
	edge  edge
	rows  map[[2]string]string // table, id → digest in the newest event; "" once deleted
	tiles map[tileID][]byte
}

func (v *verifier) events(ctx context.Context, tx *db.Tx) error {
	for {
		list, err := db.Collect(tx, scanRaw, "SELECT e.seq, e.ts, e.verb, e.kind, e.object, e.leaf, COALESCE(d.salt, ''), COALESCE(d.body, '')"+
			" FROM ledger_event e LEFT JOIN ledger_detail d ON d.seq = e.seq WHERE e.seq >= $1 ORDER BY e.seq LIMIT 2000", v.r.Events)
		if err != nil {
			return err
		}
		for _, e := range list {
			v.event(e)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(list) < 2000 {
			break
		}
	}
	if v.r.Size > v.r.Events {
		v.r.add("event_missing", "ledger_event", fmt.Sprint(v.r.Events), "The newest checkpoint signs %d events, %d are here.", v.r.Size, v.r.Events)
	}
	v.r.Unsigned = max(0, v.r.Events-v.r.Size)
	return nil
}

type rawEvent struct {
	Entry
	ts                 int64
	verb, kind, object string
}

func scanRaw(row db.Scanner) (e rawEvent, err error) {
	return e, row.Scan(&e.Seq, &e.ts, &e.verb, &e.kind, &e.object, &e.Text, &e.Salt, &e.Detail)
}

func (v *verifier) event(e rawEvent) {
	id := fmt.Sprint(e.Seq)
	if e.Seq != v.r.Events {
		v.r.add("event_missing", "ledger_event", fmt.Sprint(v.r.Events), "Event %d is missing; the next one here is %d.", v.r.Events, e.Seq)
	}
	v.r.Events = e.Seq + 1
	if err := seal.Decode([]byte(e.Text), &e.Leaf); err != nil {
		v.r.add("event_edited", "ledger_event", id, "The event cannot be read.")
	}
	l := e.Leaf
	if l.TS != e.ts || l.Verb != e.verb || l.Object.Type != e.kind || l.Object.ID != e.object {
		v.r.add("event_edited", "ledger_event", id, "The event's columns differ from its signed text.")
	}
	if len(l.Commit) > 0 {
		v.detail(e, id)
	}
	for _, row := range l.Rows {
		v.rows[[2]string{row[0], row[1]}] = row[2]
	}
	v.edge.add(tlog.RecordHash([]byte(e.Text)), v.tile)
	if want, ok := v.heads[v.edge.size]; ok && v.edge.root() != want {
		v.r.add("tree", "ledger_event", id, "The events up to here do not give the root that was signed for them: an event was edited, inserted or removed.")
	}
}

func (v *verifier) detail(e rawEvent, id string) {
	salt, err := hex.DecodeString(e.Salt)
	if err == nil && e.Salt != "" {
		err = CheckDetail(e.Leaf, salt, []byte(e.Detail))
	}
	switch {
	case e.Salt == "":
		v.r.add("detail", "ledger_detail", id, "The words behind event %s are gone.", id)
	case err != nil:
		v.r.add("detail", "ledger_detail", id, "The words behind event %s are not those that it committed to.", id)
	}
}

func (v *verifier) tile(n node) {
	if n.level%tileHeight == 0 && n.n < v.r.Size>>n.level {
		id := tileID{n.level / tileHeight, n.n >> tileHeight}
		v.tiles[id] = append(v.tiles[id], n.hash[:]...)
	}
}

func (v *verifier) checkTiles(tx *db.Tx) error {
	ids := make([]tileID, 0, len(v.tiles))
	for id := range v.tiles {
		ids = append(ids, id)
	}
	sort.Slice(ids, func(a, b int) bool {
		return ids[a].level < ids[b].level || ids[a].level == ids[b].level && ids[a].n < ids[b].n
	})
	for _, id := range ids {
		data, err := loadTile(tx, id)
		if err != nil || string(data) != string(v.tiles[id]) {
			v.r.add("tile", "ledger_tile", id.key(), "The stored tile differs from the events.")
		}
	}
	return nil
}

func (v *verifier) checkRows(ctx context.Context, tx *db.Tx, d *db.DB) error {
	tables, err := d.Covered(tx)
	if err != nil {
		return err
	}
	for _, table := range tables {
		rows, err := tx.Query("SELECT * FROM " + table)
		if err != nil {
			return fmt.Errorf("read table %s: %w", table, err)
		}
		if err := db.EachRow(rows, func(row db.Row) error { v.row(table, row); return ctx.Err() }); err != nil {
			return err
		}
	}
	gone := make([][2]string, 0)
	for key, digest := range v.rows {
		if digest != "" {
			gone = append(gone, key)
		}
	}
	sort.Slice(gone, func(a, b int) bool { return gone[a][0]+gone[a][1] < gone[b][0]+gone[b][1] })
	for _, key := range gone {
		v.r.add("row_deleted", key[0], key[1], "Row %s of %s was deleted without an event.", key[1], key[0])
	}
	return nil
}

func (v *verifier) row(table string, row db.Row) {
	v.r.Rows++
	key := [2]string{table, row.ID()}
	want, known := v.rows[key]
	switch {
	case !known || want == "":
		v.r.add("row_inserted", table, row.ID(), "Row %s of %s was inserted without an event.", row.ID(), table)
	case want != row.Digest(table):
		v.r.add("row_edited", table, row.ID(), "Row %s of %s was edited without an event.", row.ID(), table)
	}
	if known {
		v.rows[key] = "" // seen
	}
}
