package inventory

import (
	"fmt"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/seal"
)

// assetID names the n-th asset.
func assetID(n int64) AssetID { return AssetID(fmt.Sprintf("AST-%06d", n)) }

const (
	differenceFields = "SELECT id, n, asset, record, source, run, type, native, op, path, kind, before, after, earliest, latest, actor, baseline, settled"
	differenceTable  = " FROM inventory_difference"

	differenceColumns = differenceFields + differenceTable
)

// places gives where the columns of a difference go.
func (d *Difference) places() []any {
	return []any{&d.ID, &d.N, &d.Asset, &d.Record, &d.Source, &d.Run, &d.Type, &d.Native, &d.Op, &d.Path, &d.Kind, &d.Before, &d.After,
		&d.Earliest, &d.Latest, &d.Actor, &d.First, &d.Settled}
}

func scanDifference(row db.Scanner) (d Difference, err error) { return d, row.Scan(d.places()...) }

func insertDifference(tx *db.Tx, d Difference) error {
	_, err := tx.Exec("INSERT INTO inventory_difference (id, n, asset, record, source, run, type, native, op, path, kind, before, after, earliest,"+
		" latest, actor, baseline, settled) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
		d.ID, d.N, string(d.Asset), d.Record, d.Source, d.Run, d.Type, d.Native, string(d.Op), d.Path, string(d.Kind), string(d.Before),
		string(d.After), d.Earliest, d.Latest, d.Actor, d.First, d.Settled)
	return err
}

// beginIdentifier says that a record answers to a name. Of a record that is new it is, too; else it may have answered to it before.
func beginIdentifier(tx *db.Tx, record string, id Identifier, now int64, isNew bool) error {
	text := "INSERT INTO inventory_identifier (id, kind, value, record, since, until) VALUES ($1, $2, $3, $4, $5, 0)"
	if !isNew {
		text += " ON CONFLICT (id) DO UPDATE SET until = 0"
	}
	_, err := tx.Exec(text, key("idf", record, id.Kind, id.Value), id.Kind, id.Value, record, now)
	return err
}

func endIdentifier(tx *db.Tx, record string, id Identifier, now int64) error {
	_, err := tx.Exec("UPDATE inventory_identifier SET until = $1 WHERE id = $2", now, key("idf", record, id.Kind, id.Value))
	return err
}

func beginEdge(tx *db.Tx, record string, e Link, now int64) error {
	_, err := tx.Exec("INSERT INTO inventory_edge (id, record, verb, to_kind, to_value, since, until) VALUES ($1, $2, $3, $4, $5, $6, 0)",
		seal.NewID("edg"), record, e.Verb, e.To.Kind, e.To.Value, now)
	return err
}

// endEdgeText finds an edge by its record, which has few. The other end may have any number: its names are wrapped so that no engine goes
// through all of them.
const endEdgeText = "UPDATE inventory_edge SET until = $1 WHERE record = $2 AND verb = $3 AND to_kind || '' = $4 AND to_value || '' = $5 AND until = 0"

func endEdge(tx *db.Tx, record string, e Link, now int64) error {
	_, err := tx.Exec(endEdgeText,
		now, record, e.Verb, e.To.Kind, e.To.Value)
	return err
}

// maxHits bounds the records that one identifier is looked up in: what more share is no identifier.
const maxHits = 20

const hitsQuery = "SELECT r.id, r.asset, r.source, r.type, r.gone, a.class FROM inventory_identifier i JOIN inventory_record r ON r.id = i.record" +
	" JOIN inventory_asset a ON a.id = r.asset WHERE i.kind = $1 AND i.value = $2 AND i.until = 0 AND r.id <> $3 ORDER BY r.id LIMIT $4"

// hitsFor finds the records that have an identifier in common with a new one.
func hitsFor(tx *db.Tx, is Kept) ([]Hit, error) {
	var out []Hit
	for _, id := range is.IDs {
		if id.Strength() == Suggests || id.filler() {
			continue
		}
		hits, err := db.Collect(tx, func(row db.Scanner) (h Hit, err error) {
			var gone int64
			h.Identifier = id
			err = row.Scan(&h.Record, &h.Asset, &h.Source, &h.Type, &gone, &h.Class)
			h.Alive = gone == 0
			return h, err
		}, hitsQuery,
			id.Kind, id.Value, is.ID, maxHits)
		if err != nil {
			return nil, err
		}
		for i := range hits {
			if id.Kind != machineID {
				continue
			}
			if hits[i].Elsewhere, err = otherBoard(tx, is, hits[i].Record); err != nil {
				return nil, err
			}
		}
		out = append(out, hits...)
	}
	return out, nil
}

// otherBoard reports whether a record's board is another than a new record's: what both name differs, and nothing agrees.
func otherBoard(tx *db.Tx, is Kept, record string) (bool, error) {
	theirs, err := db.Collect(tx, func(row db.Scanner) (id Identifier, err error) { return id, row.Scan(&id.Kind, &id.Value) },
		"SELECT kind, value FROM inventory_identifier WHERE record = $1 AND until = 0 AND kind IN ('dmi-serial', 'hardware-uuid')", record)
	if err != nil {
		return false, err
	}
	differs := false
	for _, x := range theirs {
		if x.filler() || !slices.ContainsFunc(is.IDs, func(id Identifier) bool { return id.Kind == x.Kind && !id.filler() }) {
			continue
		}
		if slices.Contains(is.IDs, x) {
			return false, nil
		}
		differs = true
	}
	return differs, nil
}

// toldApart gives, by record, the assets that a person said it is not.
func toldApart(tx *db.Tx) (map[string]map[AssetID]bool, error) {
	type word struct {
		other   AssetID
		records string
	}
	list, err := db.Collect(tx, func(row db.Scanner) (w word, err error) { return w, row.Scan(&w.other, &w.records) },
		"SELECT other, records FROM inventory_identity WHERE verb = 'split' AND undone = 0")
	out := map[string]map[AssetID]bool{}
	for _, w := range list {
		for _, record := range strings.Fields(w.records) {
			if out[record] == nil {
				out[record] = map[AssetID]bool{}
			}
			out[record][w.other] = true
		}
	}
	return out, err
}
