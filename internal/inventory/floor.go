package inventory

import (
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
)

// Floor is the least that the classification of an asset counts as: that of the data in it. It rises by itself with the data, also through
// what stands in between. It falls only when a person labels the asset anew, so that nobody frees a thing by no longer showing what it holds.
type Floor struct {
	Value string  `json:"value"`
	From  AssetID `json:"from"` // the data, or what has it
	Verb  string  `json:"verb"` // how the asset has it
	At    int64   `json:"at"`   // since when, microseconds
}

// dataVerbs say that one thing has another's data.
var dataVerbs = []string{"HAS", "PROCESSES", "STORES"}

// noData are the classes that a thing has without having data by it: what it is made of, and what was found out about it.
var noData = []Class{"Finding", Package, Vulnerability}

// holds gives the class of data that an asset has by its relationship to another; "" for none. Data that nobody labelled counts as
// confidential, as it does everywhere. Of a mere part, which may hold no data, only what is said counts.
func holds(verb string, part Asset) string {
	switch {
	case !slices.Contains(dataVerbs, verb), part.State == Gone, part.State == Folded, slices.Contains(noData, part.Class):
		return ""
	case verb == "HAS" && part.Given(LabelClassification) == "" && part.Floor.Value == "":
		return ""
	}
	return part.Label(LabelClassification)
}

// lifted gives the floor that an asset gets from another; ok is false where it counts as much already.
func (a Asset) lifted(verb string, part Asset, now int64) (f Floor, ok bool) {
	v := holds(verb, part)
	if v == "" || part.ID == a.ID || !looser(LabelClassification, v, a.Label(LabelClassification)) {
		return a.Floor, false
	}
	return Floor{Value: v, From: part.ID, Verb: verb, At: now}, true
}

// or gives the stricter of two floors.
func (f Floor) or(o Floor) Floor {
	if f.Value == "" || looser(LabelClassification, o.Value, f.Value) {
		return o
	}
	return f
}

// floorPath is the path under which the history of a floor is kept, and followsFrom how it says which asset has the data.
const (
	floorPath   = "floor." + LabelClassification
	followsFrom = "follows from the data in "
	byVerb      = ", by "
)

// floors notes what follows from the relationships and identifiers that a record did not have before, or has again: for its asset, and for
// whatever has that one's data. What a record showed before was noted then, so the cost is that of what is new.
func (w *observer) floors(was, is Kept) error {
	back := was.ID == "" || was.Gone > 0
	var begun []Edge
	for _, e := range is.Edges {
		if slices.Contains(dataVerbs, e.Verb) && (back || !slices.Contains(was.Edges, e)) {
			begun = append(begun, Edge{Verb: e.Verb, To: w.absolute(e).To})
		}
	}
	if len(begun) > 0 {
		a, err := loadAsset(w.tx, is.Asset)
		if err != nil {
			return err
		}
		if err := w.ground(a, begun, is); err != nil {
			return err
		}
	}
	if back || slices.ContainsFunc(is.IDs, func(id Identifier) bool { return !slices.Contains(was.IDs, id) }) {
		return w.rises(is.Asset)
	}
	return nil
}

// ground gives an asset the floor that follows from some of its relationships, and takes it on. k is the record that shows them.
func (w *observer) ground(a Asset, list []Edge, k Kept) error {
	counted, had := a.Label(LabelClassification), a.Floor
	for _, e := range list {
		part, known, err := e.find(w.tx)
		if err != nil {
			return err
		}
		if f, ok := a.lifted(e.Verb, part, w.now); known && ok {
			a.Floor = f
		}
	}
	if a.Floor == had {
		return nil
	}
	if err := w.floored(a, counted, k); err != nil {
		return err
	}
	return w.rises(a.ID)
}

// gives takes on what an asset has, where it is more than the asset gave before.
func (w *observer) gives(a Asset, gave string) error {
	if v := holds("HAS", a); v == "" || gave != "" && !looser(LabelClassification, v, gave) {
		return nil
	}
	return w.rises(a.ID)
}

// floored writes an asset with another floor than before, and its history.
func (w *observer) floored(a Asset, was string, k Kept) error {
	a.Version++
	a.Changed = w.now
	if err := saveAsset(w.tx, a); err != nil {
		return err
	}
	if err := w.wrote(1); err != nil {
		return err
	}
	return w.lifts(a, was, k)
}

// lifts keeps in an asset's history that the data in it counts from now on.
func (w *observer) lifts(a Asset, was string, k Kept) error {
	k.Asset = a.ID
	return w.differ(k, Difference{Type: k.Type, Native: k.Native, Op: Updated, Path: floorPath, Kind: Security,
		Before: some(was), After: some(a.Floor.Value), Settled: followsFrom + string(a.Floor.From) + byVerb + a.Floor.Verb})
}

// parts finds what an asset has by the verbs of data, as its living records say.
func parts(tx *db.Tx, id AssetID) ([]Edge, error) {
	args := []any{string(id)}
	list, err := db.Collect(tx, func(row db.Scanner) (e Edge, err error) {
		return e, row.Scan(&e.Verb, &e.To.Kind, &e.To.Value, &e.Record)
	},
		"SELECT e.verb, e.to_kind, e.to_value, e.record FROM inventory_record r JOIN inventory_edge e ON e.record = r.id WHERE r.asset = $1 AND r.gone = 0"+
			" AND e.until = 0 AND e.verb "+db.Among(&args, dataVerbs)+" ORDER BY e.verb, e.to_kind, e.to_value", args...)
	return list, err
}

// floorOf works out the floor of an asset out of what it has now: the strictest class, and of several things of that class the first.
func floorOf(tx *db.Tx, a Asset, now int64) (f Floor, err error) {
	list, err := parts(tx, a.ID)
	if err != nil {
		return f, err
	}
	for _, e := range list {
		part, known, err := e.find(tx)
		if err != nil {
			return f, err
		}
		if v := holds(e.Verb, part); known && v != "" && part.ID != a.ID && (f.Value == "" || looser(LabelClassification, v, f.Value)) {
			f = Floor{Value: v, From: part.ID, Verb: e.Verb, At: now}
		}
	}
	return f, nil
}

// regrounded notes what follows for an asset whose records are others than before.
func (w *observer) regrounded(id AssetID) error {
	a, err := loadAsset(w.tx, id)
	if err != nil || a.State == Folded {
		return err
	}
	records, err := recordsOf(w.tx, id)
	if err != nil || len(records) == 0 {
		return err
	}
	list, err := parts(w.tx, id)
	if err != nil {
		return err
	}
	if err := w.ground(a, list, records[0]); err != nil {
		return err
	}
	return w.rises(id)
}

// mayClassify is the rule for a classification: never below that of the data in the asset.
func mayClassify(a Asset, f Floor, value string) error {
	if f.Value == "" || !looser(LabelClassification, f.Value, value) {
		return nil
	}
	return fault.New(fault.Conflict, "below_its_data", "The asset has the data of %s, which is %s; its own classification may not be lower.", f.From, f.Value).
		About(string(a.ID)).Because("labels", "inventory labels: environment and classification").FixedBy("whoever looks after the asset").
		Then("label the data first: plumb asset show %s", f.From)
}

// floorThen gives the floor that counted at an instant, out of the history.
func floorThen(tx *db.Tx, a Asset, at int64) (Floor, error) {
	x, found, err := db.One(tx, scanDifference, differenceColumns+" WHERE asset = $1 AND path = $2 AND latest <= $3 ORDER BY n DESC LIMIT 1", string(a.ID), floorPath, at)
	switch {
	case err == nil && !found && a.Floor.At <= at: // it came with the asset
		return a.Floor, nil
	case err != nil || !found || x.After == "":
		return Floor{}, err
	}
	from, verb, _ := strings.Cut(strings.TrimPrefix(x.Settled, followsFrom), byVerb)
	return Floor{Value: x.After.Plain(), From: AssetID(from), Verb: verb, At: x.Latest}, nil
}
