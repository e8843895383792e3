package inventory

import (
	"context"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
)

// maxGraph bounds the assets of one document that holds them whole, with their relationships.
const maxGraph = 10_000

// Relation is one relationship that stands between two assets that are known.
type Relation struct {
	From, To AssetID
	Verb     string
}

// Graph gives the assets that a filter leaves, whole, with the relationships that stand between assets, in one snapshot: what another
// inventory takes over. Filter.After and Filter.Limit do not narrow it. More than 10,000 assets are refused.
func (d *Desk) Graph(ctx context.Context, f Filter) (assets []Asset, relations []Relation, err error) {
	if err := f.clean(); err != nil {
		return nil, nil, err
	}
	err = d.db.View(ctx, func(tx *db.Tx) error {
		f.After, f.Limit = 0, maxGraph+1
		if f, err = d.narrowed(tx, f); err != nil {
			return err
		}
		text, args := f.sql()
		if assets, err = db.Collect(tx, scanAsset, text, args...); err != nil {
			return err
		}
		if len(assets) > maxGraph {
			return fault.New(fault.TooLarge, "graph_too_large", "More than 10,000 assets are too many for one document of entities.").
				FixedBy("you").Then("narrow it: plumb asset export --help")
		}
		for i := range assets {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			mine, err := d.grown(tx, &assets[i])
			if err != nil {
				return err
			}
			relations = append(relations, mine...)
		}
		return nil
	})
	return assets, relations, err
}

// grown reads an asset's properties, and gives its own relationships.
func (d *Desk) grown(tx *db.Tx, a *Asset) (out []Relation, err error) {
	list, err := witnessesOf(tx, a.ID)
	if err != nil {
		return nil, err
	}
	a.Attrs, _ = Merge(list, d.kindOf)
	a.State = d.seenLately(*a, list)
	edges, err := edgesOf(tx, a.ID)
	for _, e := range edges {
		if !e.Inward && e.Until == 0 && e.Asset != "" && e.Asset != a.ID {
			out = append(out, Relation{From: a.ID, To: e.Asset, Verb: e.Verb})
		}
	}
	return out, err
}
