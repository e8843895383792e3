package ledger

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"plumbline.dev/plumb/internal/db"
)

// Fault is one thing that verification found wrong.
type Fault struct {
	What  string `json:"what"` // row_edited, row_inserted, row_deleted, event_edited, event_inserted, event_missing, tree, checkpoint, detail, tile, storage
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
// in one snapshot. It needs the log's public key and trusts nothing else in the database. Memory grows
// with the covered rows, not with the events. progress, if given, is told now and then how many of the
// events are done.
//
// What it cannot show, because nothing outside the database knows better: events after the newest
// checkpoint that were edited together with their rows or taken away, a newest checkpoint that was
// taken away with all after it (an earlier copy of it, kept elsewhere, does show that), and what
// stands in the tables of db.Exempt other than the ledger's own.
func Verify(ctx context.Context, d *db.DB, vkey string, progress ...func(done, of int64)) (*Report, error) {
	r := &Report{}
	err := d.View(ctx, func(tx *db.Tx) error {
		damage, err := d.Inspect(ctx, tx)
		for _, x := range damage {
			r.add("storage", x.Object, "", "The database's storage or schema is damaged: %s.", x.Problem)
		}
		if err != nil {
			return err
		}
		heads, err := readHeads(tx, vkey, r)
		if err != nil {
			return err
		}
		v := newVerifier(tx, r, heads)
		if err := v.events(ctx, progress); err != nil {
			return err
		}
		if err := v.finish(); err != nil {
			return err
		}
		return v.checkRows(ctx, d)
	})
	if db.IsCorrupt(err) {
		r.add("storage", "", "", "The database cannot be read to its end: %v.", err)
		err = nil
	}
	return r, err
}

func readHeads(tx *db.Tx, vkey string, r *Report) (map[int64]tlog.Hash, error) {
	heads := map[int64]tlog.Hash{}
	type stored struct{ size, root, note string }
	list, err := db.Collect(tx, func(row db.Scanner) (s stored, err error) {
		return s, row.Scan(&s.size, (*strict)(&s.root), (*strict)(&s.note))
	},
		"SELECT CAST(size AS TEXT), root, note FROM ledger_checkpoint ORDER BY size")
	if err != nil {
		return nil, err
	}
	for _, s := range list {
		c, err := ReadCheckpoint([]byte(s.note), vkey)
		if err != nil || fmt.Sprint(c.Size) != s.size || c.Root.String() != s.root {
			r.add("checkpoint", "ledger_checkpoint", s.size, "The checkpoint is not one that this ledger's key signed.")
			continue
		}
		heads[c.Size] = c.Root
		r.Checkpoints++
		if c.Size >= r.Size {
			r.Size, r.Root = c.Size, c.Root.String()
		}
	}
	return heads, nil
}
