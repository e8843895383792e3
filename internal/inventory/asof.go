package inventory

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
)

// AsOf gives an asset as it was known at an instant: what is known now, with every later difference taken back, also those of
// identity. What was merged or split since is shown as it stood then. It is an error for an instant before the
// asset was first seen, and for one that is still to come.
func (d *Desk) AsOf(ctx context.Context, idOrName string, at time.Time) (w Whole, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		if at.After(tx.Now().Add(ahead)) {
			return fault.New(fault.Invalid, "time_to_come", "Nothing is known of a time that is still to come.").FixedBy("you").
				Then("as it was an hour ago: plumb asset show %s --at -1h", idOrName)
		}
		a, err := FindIn(tx, idOrName)
		if err != nil {
			return err
		}
		if a.First > at.UnixMicro() {
			return fault.New(fault.NotFound, "not_seen_yet", "The asset had not been seen at that time.").FixedBy("you").
				Then("choose a time from %s on", time.UnixMicro(a.First).UTC().Format(time.RFC3339))
		}
		w, err = d.asOf(tx, a, at.UnixMicro())
		return err
	})
	return w, err
}

// ahead is how far the clock of who asks may be before the server's.
const ahead = time.Minute

func (d *Desk) asOf(tx *db.Tx, a Asset, at int64) (w Whole, err error) {
	w.Asset = a
	ids, words, err := family(tx, a.ID)
	if err != nil {
		return w, err
	}
	records, holders, err := recordsThen(tx, a.ID, ids, at)
	if err != nil {
		return w, err
	}
	for i := range records {
		records[i].Volatile = nil // kept only as it is now
		if records[i].Gone > at {
			records[i].Gone = 0
		}
		later, err := db.Collect(tx, scanDifference, differenceColumns+" WHERE record = $1 AND latest > $2 ORDER BY n DESC", records[i].ID, at)
		if err != nil {
			return w, err
		}
		for _, x := range later {
			records[i].takeBack(x, at)
		}
	}
	if w.Records, err = d.witnessesThen(tx, records, at); err != nil {
		return w, err
	}
	said, err := chosen(tx, a.ID, at)
	if err != nil {
		return w, err
	}
	for i := range w.Records {
		w.Records[i].chosen = said
	}
	w.Properties, w.Disputed = Merge(w.Records, d.kindOf)
	if lead, ok := leading(w.Records); ok {
		w.Class, w.Type, w.Name = lead.Class, lead.Type, lead.Name
	}
	if w.Labels, err = labelsThen(tx, a, at); err != nil {
		return w, err
	}
	w.Unheard = unheard(w.Labels, w.Records)
	if w.Floor, err = floorThen(tx, a, at); err != nil {
		return w, err
	}
	w.Labels = w.counting()
	if w.Merged = words.then(at).into(a.ID); w.Merged != "" && len(w.Records) == 0 {
		w.State = Folded
	} else {
		w.Merged, w.State = "", w.stays(presence(w.Records, d.declares))
	}
	w.Edges, err = edgesThen(tx, holders, w.Records, at)
	return w, err
}

// recordsThen gives the records that were an asset's at an instant: its own, and those that people gave to another of its family since, each
// where the first later move of it took it from. holders are the assets that have them now.
func recordsThen(tx *db.Tx, id AssetID, ids []AssetID, at int64) (out []Kept, holders []AssetID, err error) {
	var records []Kept
	for _, one := range ids {
		some, err := recordsOf(tx, one)
		if err != nil {
			return nil, nil, err
		}
		records = append(records, some...)
	}
	for _, k := range records {
		first, moved, err := db.One(tx, scanDifference, differenceColumns+" WHERE record = $1 AND op = 'adopt' AND before <> '' AND latest > $2 ORDER BY n LIMIT 1", k.ID, at)
		if err != nil {
			return nil, nil, err
		}
		holder := k.Asset
		if moved {
			k.Asset = AssetID(first.Before.Plain())
		}
		if k.Asset == id && k.First <= at {
			out, holders = append(out, k), append(holders, holder)
		}
	}
	slices.Sort(holders)
	return out, slices.Compact(holders), nil
}

// takeBack takes one later difference of a record back; they come the newest first. Edges have intervals of their own.
func (k *Kept) takeBack(x Difference, at int64) {
	switch {
	case strings.HasPrefix(x.Path, "label."), x.Path == floorPath, strings.HasPrefix(x.Path, "edges."):
	case x.Op == Deleted:
		k.Gone = 0
	case x.Op == Created:
		k.Gone = min(x.Earliest, at)
	case x.Op != Updated:
	case x.Kind == Identity && x.Path == "name":
		k.Name = x.Before.Plain()
	case (x.Kind == Security || x.Kind == Identity) && x.Path == "class": // identity is how it was kept before
		k.Class = Class(x.Before.Plain())
	case x.Kind == Identity && x.Path == "identifiers":
		k.IDs = identifiersOf(x.Before)
	case x.Before == "":
		delete(k.Attrs, x.Path)
	default:
		if k.Attrs == nil {
			k.Attrs = map[string]Value{}
		}
		k.Attrs[x.Path] = x.Before
	}
}

// identifiersOf reads what identifiers wrote.
func identifiersOf(v Value) (out []Identifier) {
	for _, text := range v.Items() {
		if kind, value, ok := strings.Cut(text, " "); ok {
			out = append(out, Identifier{kind, value})
		}
	}
	return out
}

// witnessesThen says whose word counted at an instant, by the readings up to then and today's intervals.
func (d *Desk) witnessesThen(tx *db.Tx, records []Kept, at int64) ([]Witness, error) {
	sources, err := sourcesByID(tx)
	if err != nil {
		return nil, err
	}
	runs := map[string][]Run{}
	out := make([]Witness, len(records))
	for i, k := range records {
		c := sources[k.Source]
		if _, read := runs[c.ID]; !read {
			if runs[c.ID], err = db.Collect(tx, scanRun, runColumns+" WHERE source = $1 AND complete = TRUE AND started <= $2 ORDER BY n DESC LIMIT 200", c.ID, at); err != nil {
				return nil, err
			}
		}
		w := Witness{Kept: k, Confirmed: k.First}
		if k.Seen <= at {
			w.Confirmed = k.Seen
		}
		for _, r := range runs[c.ID] {
			if slices.Contains(r.Scopes, k.Scope) {
				w.Confirmed = max(w.Confirmed, r.Started)
				break
			}
		}
		if c.Removed == 0 || c.Removed > at {
			w.Kind, w.Fresh = c.Kind, c.Every == 0 || at-w.Confirmed < fresh*c.Every*int64(time.Second/time.Microsecond)
		}
		out[i] = w
	}
	return out, nil
}

// labelsThen gives the labels that counted at an instant, each with what the history knows of where it came from: the reason of an
// assertion stands in the ledger.
func labelsThen(tx *db.Tx, a Asset, at int64) (map[string]Label, error) {
	out := map[string]Label{}
	maps.Copy(out, a.Labels)
	later, err := db.Collect(tx, scanDifference, differenceColumns+" WHERE asset = $1 AND latest > $2 ORDER BY n DESC", string(a.ID), at)
	if err != nil {
		return nil, err
	}
	back := map[string]Value{}
	for _, x := range later {
		if key, ok := strings.CutPrefix(x.Path, "label."); ok {
			back[key] = x.Before
		}
	}
	for key, v := range back {
		delete(out, key)
		if v == "" {
			continue
		}
		set, found, err := db.One(tx, scanDifference, differenceColumns+" WHERE asset = $1 AND path = $2 AND latest <= $3 ORDER BY n DESC LIMIT 1",
			string(a.ID), labelPath(key), at)
		if err != nil {
			return nil, err
		}
		out[key] = labelOf(a, v, set, found)
	}
	return out, nil
}

// labelOf tells where a label of the past came from, by the difference that set it; without one it is as old as the asset.
func labelOf(a Asset, v Value, set Difference, found bool) Label {
	l := Label{Value: v.Plain(), Confidence: Derived, At: a.First}
	if !found {
		return l
	}
	l.At = set.Latest
	by, asserted := strings.CutPrefix(set.Settled, assertedBy)
	if !asserted {
		l.Source = set.Source
		return l
	}
	l.Confidence, l.By = Asserted, set.Actor
	if by != aPerson {
		l.Change = by
	}
	return l
}

// edgesThen gives the relationships that records had at an instant, in both directions.
func edgesThen(tx *db.Tx, holders []AssetID, records []Witness, at int64) ([]Edge, error) {
	var out []Edge
	for _, holder := range holders {
		list, err := edgesOf(tx, holder)
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			if e.Since > at || e.Until > 0 && e.Until <= at {
				continue
			}
			if slices.ContainsFunc(records, func(r Witness) bool { return !e.Inward && r.ID == e.Record || e.Inward && r.answers(e.To) }) {
				out = append(out, e)
			}
		}
	}
	return out, nil
}

// answers reports whether the end of an edge is this record.
func (k Kept) answers(to Identifier) bool {
	return slices.Contains(k.IDs, to) || to.Kind == "record" && to.Value == k.Source+"/"+k.Type+"/"+k.Native
}
