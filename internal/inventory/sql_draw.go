package inventory

import (
	"context"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory/diagram"
)

// maxDrawn bounds the assets of one diagram: of more nobody sees anything.
const maxDrawn = 2000

// Drawn gives the living assets and how they hang together, in one state of the inventory, as diagrams draw it. An empty
// environment draws all.
func (d *Desk) Drawn(ctx context.Context, environment string) (g diagram.Graph, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		if g.Head, _, err = db.One(tx, scanInt, "SELECT COALESCE(MAX(n), 0) FROM inventory_difference"); err != nil {
			return err
		}
		g.At = tx.Now()
		list, err := db.Collect(tx, scanAsset, assetColumns+" WHERE state NOT IN ('merged', 'retired', 'missing') AND class NOT IN ('IaCResource', 'Package')"+
			" AND (environment = $1 OR $1 = '') ORDER BY n LIMIT $2", environment, maxDrawn+1)
		if err != nil {
			return err
		}
		if len(list) > maxDrawn {
			return fault.New(fault.TooLarge, "diagram_too_large", "More than 2000 assets cannot be drawn at once.").FixedBy("you").Then("choose one environment")
		}
		for _, a := range list {
			if len(a.Unlabelled()) == 0 {
				g.Covered++
			}
			g.Nodes = append(g.Nodes, diagram.Node{ID: string(a.ID), Name: a.Name, Class: string(a.Class), Environment: a.Label(LabelEnvironment),
				Classification: a.Label(LabelClassification), Tier: a.Label(LabelTier)})
		}
		g.Edges, err = drawnEdges(tx)
		return err
	})
	return g, err
}

// drawnEdges gives the living edges between assets: by identifiers, and by records of the same source.
func drawnEdges(tx *db.Tx) ([]diagram.Edge, error) {
	scan := func(row db.Scanner) (e diagram.Edge, err error) { return e, row.Scan(&e.From, &e.Verb, &e.To) }
	out, err := db.Collect(tx, scan, "SELECT r.asset, e.verb, t.asset FROM inventory_edge e JOIN inventory_record r ON r.id = e.record"+
		" JOIN inventory_identifier i ON i.kind = e.to_kind AND i.value = e.to_value AND i.until = 0 JOIN inventory_record t ON t.id = i.record"+
		" WHERE e.until = 0 AND r.gone = 0")
	if err != nil {
		return nil, err
	}
	named, err := db.Collect(tx, scan, "SELECT r.asset, e.verb, e.to_value FROM inventory_edge e JOIN inventory_record r ON r.id = e.record"+
		" WHERE e.until = 0 AND r.gone = 0 AND e.to_kind = 'record'")
	if err != nil || len(named) == 0 {
		return out, err
	}
	assets := map[string]string{}
	_, err = db.Collect(tx, func(row db.Scanner) (n int64, err error) {
		var source, kind, native, asset string
		err = row.Scan(&source, &kind, &native, &asset)
		assets[source+"/"+kind+"/"+native] = asset
		return n, err
	}, "SELECT source, type, native, asset FROM inventory_record WHERE gone = 0")
	for _, e := range named {
		if e.To = assets[e.To]; e.To != "" {
			out = append(out, e)
		}
	}
	return out, err
}
