package inventory

import (
	"slices"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
)

// Context is what is known around a difference: the record that showed it, the asset, and what it is joined with.
type Context struct {
	Asset    Asset
	Scope    string
	IDs      []string // identifiers of all its records that decide
	Around   []AssetID
	Edges    []Edge // its relationships both ways, each with the record that says so
	Managers []Manager
	Manages  []Asset // of code: the things that it manages, or did until the difference
	Borrowed bool    // its name, which is the word of whoever runs it, means another asset, too
	Came     []Came  // the merges by which its record came into the asset, the oldest first
}

// Came is a merge that brought a record out of another asset.
type Came struct {
	From AssetID
	At   int64
}

// Manager is a record that says it manages the asset: the code of a real thing.
type Manager struct {
	Native string
	Scope  string
}

// ContextOf reads what stands around a difference, now.
func ContextOf(tx *db.Tx, d Difference) (c Context, err error) {
	if c.Asset, _, err = Holder(tx, d.Asset); err != nil {
		return c, err
	}
	if c.Scope, _, err = db.One(tx, scanText, "SELECT scope FROM inventory_record WHERE id = $1 AND asset = $2", d.Record, string(c.Asset.ID)); err != nil {
		return c, err
	}
	if c.Came, err = cameBy(tx, d.Record, c.Asset.ID); err != nil {
		return c, err
	}
	if c.IDs, err = answersTo(tx, c.Asset.ID); err != nil {
		return c, err
	}
	if c.Borrowed, err = borrowed(tx, c.Asset); err != nil {
		return c, err
	}
	edges, err := edgesOf(tx, c.Asset.ID)
	if err != nil {
		return c, err
	}
	c.Edges = edges
	for _, e := range edges {
		if e.Asset != "" {
			c.Around = append(c.Around, e.Asset)
		}
		if e.Verb != "MANAGES" {
			continue
		}
		if !e.Inward {
			if e.Asset != "" && c.Asset.Class == IaCResource && (e.Until == 0 || e.Until >= d.Latest) {
				a, err := loadAsset(tx, e.Asset)
				if err != nil {
					return c, err
				}
				c.Manages = append(c.Manages, a)
			}
			continue
		}
		k, found, err := loadRecord(tx, e.Record)
		if err != nil {
			return c, err
		}
		if found && k.Class == IaCResource {
			c.Managers = append(c.Managers, Manager{k.Native, k.Scope})
		}
	}
	return c, nil
}

const mergesInto = identityColumns + " WHERE asset = $1 AND verb = 'merge' AND undone = 0 ORDER BY n + 0 DESC" // found by the asset, not by the newest of all

// cameBy follows a record back through the merges that were not taken back: out of which asset it came, and out of which that one had it.
func cameBy(tx *db.Tx, record string, asset AssetID) (out []Came, err error) {
	for at := asset; record != ""; {
		words, err := db.Collect(tx, scanIdentity, mergesInto, string(at))
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(words, func(w IdentityWord) bool {
			return slices.Contains(w.Records, record) && (len(out) == 0 || w.At <= out[0].At)
		})
		if i < 0 {
			break
		}
		at = words[i].Other
		if out = slices.Insert(out, 0, Came{at, words[i].At}); len(out) > maxCame {
			break
		}
	}
	return out, nil
}

// Holder gives the asset that holds what is known of an asset by now, itself or what it was merged into, and who merged it there last; "" where nobody did.
func Holder(tx *db.Tx, id AssetID) (a Asset, by string, err error) {
	a, err = loadAsset(tx, id)
	for i := 0; err == nil && a.State == Folded && a.Merged != "" && i < maxCame; i++ {
		w, _, err := db.One(tx, scanIdentity, identityColumns+" WHERE other = $1 AND asset = $2 AND verb = 'merge' ORDER BY n + 0 DESC LIMIT 1", string(a.ID), string(a.Merged))
		if err != nil {
			return a, by, err
		}
		by = w.Person
		if a, err = loadAsset(tx, a.Merged); err != nil {
			return a, by, err
		}
	}
	return a, by, err
}

// EverMerged gives the assets that were ever merged into one, or into one of those, itself first.
func EverMerged(tx *db.Tx, id AssetID) ([]AssetID, error) {
	out := []AssetID{id}
	for i := 0; i < len(out); i++ {
		list, err := db.Collect(tx, scanText, "SELECT other FROM inventory_identity WHERE asset = $1 AND verb = 'merge'", string(out[i]))
		if err != nil {
			return nil, err
		}
		for _, other := range list {
			if !slices.Contains(out, AssetID(other)) {
				out = append(out, AssetID(other))
			}
		}
	}
	return out, nil
}

// maxCame bounds how far a record is followed: two assets that were merged to and fro have no end.
const maxCame = 50

// namesAtOnce is how many names are read at once.
const namesAtOnce = 5_000

// Called gives the assets whose name fits now, whatever became of them, but for those that were merged into others: by number, at most so
// many. like is the same question as the database asks it, a pattern of LIKE with a backslash for escapes; it may let through more.
func Called(tx *db.Tx, like string, fits func(name string) bool, most int) (out []AssetID, err error) {
	type one struct {
		n    int64
		id   AssetID
		name string
	}
	for after := int64(0); len(out) < most; {
		list, err := db.Collect(tx, func(row db.Scanner) (x one, err error) { return x, row.Scan(&x.n, &x.id, &x.name) },
			`SELECT n, id, name FROM inventory_asset WHERE n > $1 AND state <> 'merged' AND name LIKE $2 ESCAPE '\' ORDER BY n LIMIT $3`, after, like, namesAtOnce)
		if err != nil || len(list) == 0 {
			return out, err
		}
		for _, x := range list {
			if fits(x.name) && len(out) < most {
				out = append(out, x.id)
			}
		}
		after = list[len(list)-1].n
	}
	return out, nil
}

// answersTo gives the identifiers of all records of an asset that decide, without reading what the records say besides.
func answersTo(tx *db.Tx, id AssetID) (out []string, err error) {
	list, err := db.Collect(tx, func(row db.Scanner) (id Identifier, err error) { return id, row.Scan(&id.Kind, &id.Value) },
		"SELECT i.kind, i.value FROM inventory_record r JOIN inventory_identifier i ON i.record = r.id WHERE r.asset = $1 AND i.until = 0"+
			" ORDER BY r.id, i.kind, i.value", string(id))
	for _, id := range list {
		if id.Strength() == Decisive {
			out = append(out, id.Value)
		}
	}
	return out, err
}

// borrowed reports whether an asset's name means another one, too.
func borrowed(tx *db.Tx, a Asset) (bool, error) {
	named, err := FindIn(tx, a.Name)
	switch {
	case fault.Is(err, "no_asset"):
		return false, nil
	case fault.Is(err, "asset_name_shared"):
		return true, nil
	}
	return named.ID != a.ID, err
}

// Effective gives the governed labels that count: those that stand, the class of the data in the asset, and a criticality in any case.
func (a Asset) Effective() map[string]string {
	out := map[string]string{}
	for k, l := range a.Labels {
		out[k] = l.Value
	}
	out[LabelCriticality] = a.Criticality().Value
	if a.Floor.Value != "" {
		out[LabelClassification] = a.Label(LabelClassification)
	}
	return out
}

// RecordsNamed gives the living and gone records with a native id, of the class of code resources.
func RecordsNamed(tx *db.Tx, native string) ([]Kept, error) {
	return db.Collect(tx, scanRecord, recordColumns+" WHERE native = $1 ORDER BY id LIMIT 100", native)
}

// RecordsOf gives the records of an asset.
func RecordsOf(tx *db.Tx, id AssetID) ([]Kept, error) { return recordsOf(tx, id) }

// RecordsByWord gives the records of an asset, the one whose word counts for a property first.
func RecordsByWord(tx *db.Tx, id AssetID, path string) ([]Kept, error) {
	list, err := witnessesOf(tx, id)
	slices.SortFunc(list, func(a, b Witness) int {
		switch {
		case a.before(b, path):
			return -1
		case b.before(a, path):
			return 1
		}
		return 0
	})
	out := make([]Kept, len(list))
	for i := range list {
		out[i] = list[i].Kept
	}
	return out, err
}

// RecordOf gives one record.
func RecordOf(tx *db.Tx, id string) (Kept, bool, error) { return loadRecord(tx, id) }

// RecordsWith gives the records, living and gone, of the things that answer to an identifier.
func RecordsWith(tx *db.Tx, id Identifier) ([]Kept, error) {
	return db.Collect(tx, scanRecord, recordColumns+" WHERE id IN (SELECT record FROM inventory_identifier WHERE kind = $1 AND value = $2 AND until = 0)"+
		" ORDER BY id LIMIT 100", id.Kind, id.Value)
}

// RecordsLinked gives the records that have an edge now.
func RecordsLinked(tx *db.Tx, e Link) ([]Kept, error) {
	return db.Collect(tx, scanRecord, recordColumns+" WHERE id IN (SELECT record FROM inventory_edge WHERE to_kind = $1 AND to_value = $2 AND verb = $3 AND until = 0)"+
		" ORDER BY id LIMIT 100", e.To.Kind, e.To.Value, e.Verb)
}

// ReadSince counts the complete readings of a source that began after an instant and read a scope.
func ReadSince(tx *db.Tx, source, scope string, since int64) (n int64, err error) {
	runs, err := db.Collect(tx, scanRun, runColumns+" WHERE source = $1 AND complete = TRUE AND started > $2 ORDER BY n LIMIT 50", source, since)
	for _, r := range runs {
		for _, s := range r.Scopes {
			if s == scope {
				n++
			}
		}
	}
	return n, err
}

// ScopesLike gives the states of the scopes whose name holds a text: a Terraform state by its lineage.
func ScopesLike(tx *db.Tx, part string) ([]ScopeState, error) {
	return db.Collect(tx, scanScope, scopeColumns+" WHERE scope LIKE $1 ORDER BY id LIMIT 20", "%"+part+"%")
}

// DifferenceOf gives one difference by its id.
func DifferenceOf(tx *db.Tx, id string) (d Difference, found bool, err error) {
	return db.One(tx, scanDifference, differenceColumns+" WHERE id = $1", id)
}

// Brief is a difference with the class of its asset and the scope of its record.
type Brief struct {
	Difference Difference
	Class      Class
	Scope      string
}

// BriefsOf gives those of the differences that there are, by id.
func BriefsOf(tx *db.Tx, ids []string) (map[string]Brief, error) {
	var args []any
	list, err := db.Collect(tx, func(row db.Scanner) (b Brief, err error) {
		return b, row.Scan(append(b.Difference.places(), &b.Class, &b.Scope)...)
	}, differenceFields+", COALESCE((SELECT class FROM inventory_asset WHERE id = inventory_difference.asset), ''),"+
		" COALESCE((SELECT scope FROM inventory_record WHERE id = inventory_difference.record), '')"+differenceTable+" WHERE id "+db.Among(&args, ids), args...)
	out := make(map[string]Brief, len(list))
	for _, b := range list {
		out[b.Difference.ID] = b
	}
	return out, err
}
