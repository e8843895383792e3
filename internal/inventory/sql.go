package inventory

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

const sourceColumns = "SELECT id, name, kind, settings, every, paused, person, created, version," +
	" COALESCE((SELECT r.at FROM inventory_source_removal r WHERE r.source = inventory_source.id), 0) FROM inventory_source"

func scanSource(row db.Scanner) (c Configured, err error) {
	var settings string
	if err := row.Scan(&c.ID, &c.Name, &c.Kind, &settings, &c.Every, &c.Paused, &c.Person, &c.Created, &c.Version, &c.Removed); err != nil {
		return c, err
	}
	return c, json.Unmarshal([]byte(settings), &c.Settings)
}

func insertSource(tx *db.Tx, c Configured) error {
	settings, err := seal.Canonical(c.Settings)
	if err != nil {
		return err
	}
	_, err = tx.Exec("INSERT INTO inventory_source (id, name, kind, settings, every, paused, person, created, version)"+
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", c.ID, c.Name, c.Kind, string(settings), c.Every, c.Paused, c.Person, c.Created, c.Version)
	return err
}

func updateSource(tx *db.Tx, c Configured, was int64) error {
	settings, err := seal.Canonical(c.Settings)
	if err != nil {
		return err
	}
	return tx.ExecOne("UPDATE inventory_source SET settings = $1, every = $2, paused = $3, version = $4 WHERE id = $5 AND version = $6",
		string(settings), c.Every, c.Paused, c.Version, c.ID, was)
}

func loadSource(tx *db.Tx, id string) (Configured, error) {
	c, found, err := db.One(tx, scanSource, sourceColumns+" WHERE id = $1", id)
	if err == nil && !found {
		err = fault.New(fault.NotFound, "no_source", "There is no such source.").FixedBy("you").Then("plumb source list")
	}
	return c, err
}

func sourceNamed(tx *db.Tx, name string) (Configured, bool, error) {
	return db.One(tx, scanSource, sourceColumns+" WHERE name = $1", name)
}

func listSources(tx *db.Tx) ([]Configured, error) {
	return db.Collect(tx, scanSource, sourceColumns+" ORDER BY name")
}

func sourcesByID(tx *db.Tx) (map[string]Configured, error) {
	all, err := listSources(tx)
	out := make(map[string]Configured, len(all))
	for _, c := range all {
		out[c.ID] = c
	}
	return out, err
}

const runColumns = "SELECT id, n, source, started, ended, complete, mapper, records, added, changed, absent, differences, root, document, error, scopes" +
	" FROM inventory_run"

func scanRun(row db.Scanner) (r Run, err error) {
	var scopes string
	err = row.Scan(&r.ID, &r.N, &r.Source, &r.Started, &r.Ended, &r.Complete, &r.Mapper, &r.Records, &r.Added, &r.Changed, &r.Absent,
		&r.Differences, &r.Root, &r.Document, &r.Error, &scopes)
	if err == nil {
		err = json.Unmarshal([]byte(scopes), &r.Scopes)
	}
	return r, err
}

func insertRun(tx *db.Tx, r Run) error {
	scopes, err := json.Marshal(r.Scopes)
	if err != nil {
		return err
	}
	_, err = tx.Exec("INSERT INTO inventory_run (id, n, source, started, ended, complete, mapper, records, added, changed, absent, differences, root, document, error, scopes)"+
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)", r.ID, r.N, r.Source, r.Started, r.Ended, r.Complete,
		r.Mapper, r.Records, r.Added, r.Changed, r.Absent, r.Differences, r.Root, r.Document, r.Error, string(scopes))
	return err
}

func scanInt(row db.Scanner) (n int64, err error) { return n, row.Scan(&n) }

// next gives the number after the largest in a table's column n.
func next(tx *db.Tx, table string) (int64, error) {
	n, _, err := db.One(tx, scanInt, "SELECT COALESCE(MAX(n), 0) + 1 FROM "+table)
	return n, err
}

// ScopeState is how far a scope of a source was read.
type ScopeState struct {
	Source   string `json:"source"`
	Scope    string `json:"scope"`
	Complete int64  `json:"complete"` // end of the newest complete reading, microseconds; 0 for never
	Run      string `json:"run"`
	Readings int64  `json:"readings"`          // complete ones
	Edition  int64  `json:"edition,omitempty"` // of the newest document, where it says one: the serial of a state
}

const scopeColumns = "SELECT source, scope, complete, run, readings, COALESCE(edition, 0) FROM inventory_scope"

func scanScope(row db.Scanner) (s ScopeState, err error) {
	return s, row.Scan(&s.Source, &s.Scope, &s.Complete, &s.Run, &s.Readings, &s.Edition)
}

func scopesOf(tx *db.Tx, source string) ([]ScopeState, error) {
	return db.Collect(tx, scanScope, scopeColumns+" WHERE source = $1 ORDER BY scope", source)
}

func saveScope(tx *db.Tx, s ScopeState) error {
	_, err := tx.Exec("INSERT INTO inventory_scope (id, source, scope, complete, run, readings, edition) VALUES ($1, $2, $3, $4, $5, $6, NULLIF($7, CAST(0 AS BIGINT)))"+
		" ON CONFLICT (id) DO UPDATE SET complete = excluded.complete, run = excluded.run, readings = excluded.readings, edition = excluded.edition",
		key("sco", s.Source, s.Scope), s.Source, s.Scope, s.Complete, s.Run, s.Readings, s.Edition)
	return err
}

// key makes the id of a row out of what it is about.
func key(prefix string, parts ...string) string {
	b := make([][]byte, len(parts))
	for i, p := range parts {
		b[i] = []byte(p)
	}
	return prefix + "_" + strings.TrimPrefix(seal.Digest("plumb.inventory."+prefix, b...), "sha256:")[:32]
}

const recordColumns = "SELECT id, source, scope, type, native, asset, digest, raw, mapper, first, seen, missed, gone, body FROM inventory_record"

func scanRecord(row db.Scanner) (r Kept, err error) {
	var asset, body string
	if err := row.Scan(&r.ID, &r.Source, &r.Scope, &r.Type, &r.Native, &asset, &r.Digest, &r.Raw, &r.Mapper, &r.First, &r.Seen, &r.Missed, &r.Gone, &body); err != nil {
		return r, err
	}
	r.Asset, r.canonical = AssetID(asset), body
	if err := json.Unmarshal([]byte(body), &r.Record); err != nil {
		return r, fmt.Errorf("read record: %w", err)
	}
	return r, nil
}

// insertRecord writes a record that was never seen.
func insertRecord(tx *db.Tx, r Kept) error {
	_, err := tx.Exec("INSERT INTO inventory_record (id, source, scope, type, native, asset, digest, raw, mapper, first, seen, missed, gone, body)"+
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
		r.ID, r.Source, r.Scope, r.Type, r.Native, string(r.Asset), r.Digest, r.Raw, r.Mapper, r.First, r.Seen, r.Missed, r.Gone, r.canonical)
	return err
}

// markRecord writes whether a record is still seen.
func markRecord(tx *db.Tx, r Kept) error {
	return tx.ExecOne("UPDATE inventory_record SET missed = $1, gone = $2 WHERE id = $3", r.Missed, r.Gone, r.ID)
}

// moveRecord writes which asset a record is of.
func moveRecord(tx *db.Tx, r Kept) error {
	return tx.ExecOne("UPDATE inventory_record SET asset = $1 WHERE id = $2", string(r.Asset), r.ID)
}

// rewriteRecord writes a record that is there: what of it never changes is left alone, and so are the indexes over that.
func rewriteRecord(tx *db.Tx, r Kept) error {
	return tx.ExecOne("UPDATE inventory_record SET digest = $1, raw = $2, mapper = $3, seen = $4, missed = $5, gone = $6, body = $7 WHERE id = $8",
		r.Digest, r.Raw, r.Mapper, r.Seen, r.Missed, r.Gone, r.canonical, r.ID)
}

// headsOf gives the rows of records by id, without their wordings.
func headsOf(tx *db.Tx, ids []string) (map[string]Kept, error) {
	var args []any
	list, err := db.Collect(tx, func(row db.Scanner) (k Kept, err error) {
		return k, row.Scan(&k.ID, &k.Asset, &k.Digest, &k.Mapper, &k.First, &k.Seen, &k.Missed, &k.Gone)
	}, "SELECT id, asset, digest, mapper, first, seen, missed, gone FROM inventory_record WHERE id "+db.Among(&args, ids), args...)
	out := make(map[string]Kept, len(list))
	for _, k := range list {
		out[k.ID] = k
	}
	return out, err
}

// eachWording gives the wordings of records with their digests, as they are stored.
func eachWording(tx *db.Tx, ids []string, give func(id, digest, body string) error) error {
	var args []any
	rows, err := tx.Query("SELECT id, digest, body FROM inventory_record WHERE id "+db.Among(&args, ids), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id, digest, body string
		if err := rows.Scan(&id, &digest, &body); err != nil {
			return err
		}
		if err := give(id, digest, body); err != nil {
			return err
		}
	}
	return rows.Err()
}

func loadRecord(tx *db.Tx, id string) (Kept, bool, error) {
	return db.One(tx, scanRecord, recordColumns+" WHERE id = $1", id)
}

// othersOf gives the records of an asset but one.
func othersOf(tx *db.Tx, asset AssetID, but string) ([]Kept, error) {
	return db.Collect(tx, scanRecord, recordColumns+" WHERE asset = $1 AND id <> $2 ORDER BY id", string(asset), but)
}

func recordsOf(tx *db.Tx, asset AssetID) ([]Kept, error) {
	return db.Collect(tx, scanRecord, recordColumns+" WHERE asset = $1 ORDER BY id", string(asset))
}

const (
	assetFields  = "SELECT id, n, version, class, type, name, state, first, changed, body"
	assetColumns = assetFields + " FROM inventory_asset"
)

func scanAsset(row db.Scanner) (a Asset, err error) {
	var body string
	if err := row.Scan(&a.ID, &a.N, &a.Version, &a.Class, &a.Type, &a.Name, &a.State, &a.First, &a.Changed, &body); err != nil {
		return a, err
	}
	b := assetBody{}
	err = json.Unmarshal([]byte(body), &b)
	a.Labels, a.Merged, a.Origin, a.Unheard = b.Labels, b.Merged, b.Origin, b.Unheard
	if looser(LabelClassification, b.Floor.Value, a.Label(LabelClassification)) { // else its own label came to say as much
		a.Floor = b.Floor
	}
	return a, err
}

// assetBody is what of an asset has no column.
type assetBody struct {
	Labels  map[string]Label `json:"labels,omitempty"`
	Merged  AssetID          `json:"merged,omitempty"`
	Origin  string           `json:"origin,omitempty"`
	Unheard []Unheard        `json:"unheard,omitempty"`
	Floor   Floor            `json:"floor,omitzero"`
}

// saveAsset writes an asset whose version moved on by one: its first is a new row.
func saveAsset(tx *db.Tx, a Asset) error {
	body, err := seal.Canonical(assetBody{a.Labels, a.Merged, a.Origin, a.Unheard, a.Floor})
	if err != nil {
		return err
	}
	if err := listUnlabelled(tx, a); err != nil {
		return err
	}
	if a.Version == 1 {
		_, err = tx.Exec("INSERT INTO inventory_asset (id, n, version, class, type, name, state, environment, classification, owner, role, first, changed, body)"+
			" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)", string(a.ID), a.N, a.Version, string(a.Class), a.Type, a.Name, string(a.State),
			a.Label(LabelEnvironment), a.Label(LabelClassification), a.Label(LabelOwner), a.Label(LabelRole), a.First, a.Changed, string(body))
		return err
	}
	return tx.ExecOne("UPDATE inventory_asset SET version = $1, class = $2, type = $3, name = $4, state = $5, environment = $6, classification = $7, owner = $8,"+
		" role = $9, changed = $10, body = $11 WHERE id = $12 AND version = $13", a.Version, string(a.Class), a.Type, a.Name, string(a.State), a.Label(LabelEnvironment),
		a.Label(LabelClassification), a.Label(LabelOwner), a.Label(LabelRole), a.Changed, string(body), string(a.ID), a.Version-1)
}

// listUnlabelled keeps the index of the assets that lack a label.
func listUnlabelled(tx *db.Tx, a Asset) (err error) {
	switch {
	case len(a.Unlabelled()) > 0:
		_, err = tx.Exec("INSERT INTO inventory_unlabelled (number) VALUES ($1) ON CONFLICT (number) DO NOTHING", a.N)
	case a.Version > 1:
		_, err = tx.Exec("DELETE FROM inventory_unlabelled WHERE number = $1", a.N)
	}
	return err
}

// moveAsset writes that something about an asset changed which none of its own columns shows.
func moveAsset(tx *db.Tx, a Asset) error {
	return tx.ExecOne("UPDATE inventory_asset SET version = $1, changed = $2 WHERE id = $3 AND version = $4", a.Version, a.Changed, string(a.ID), a.Version-1)
}

func loadAsset(tx *db.Tx, id AssetID) (Asset, error) {
	a, found, err := db.One(tx, scanAsset, assetColumns+" WHERE id = $1", string(id))
	if err == nil && !found {
		err = fault.New(fault.NotFound, "no_asset", "There is no such asset.").FixedBy("you").Then("plumb asset list")
	}
	return a, err
}
