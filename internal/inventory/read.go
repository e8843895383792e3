package inventory

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
)

// Filter narrows a list of assets; an empty member does not narrow. Class, Environment, Classification, Owner and State are
// exact, Name is a prefix.
type Filter struct {
	Class          string
	Environment    string
	Classification string
	Owner          string
	State          string
	Name           string
	Role           string
	Unlabelled     bool // lacks a demanded label
	Unanswered     bool // is production whose owner left or is nobody who is known: OwnerGap
	After          int64
	Limit          int

	owners []string // that do not answer, once they are looked up
}

// anyState is the word in Filter.State for whatever there is. Without it those that were merged into others are left out.
const anyState = "all"

// MaxPage bounds the assets of one page.
const MaxPage = 500

// Assets lists assets by number, a page after the one that ended with Filter.After.
func (d *Desk) Assets(ctx context.Context, f Filter) (list []Asset, err error) {
	if f.Limit <= 0 || f.Limit > MaxPage {
		f.Limit = 50
	}
	if err := f.clean(); err != nil {
		return nil, err
	}
	err = d.db.View(ctx, func(tx *db.Tx) error {
		f, err := d.narrowed(tx, f)
		if err != nil {
			return err
		}
		text, args := f.sql()
		list, err = db.Collect(tx, scanAsset, text, args...)
		return err
	})
	return list, err
}

// clean refuses a word that no asset can have: an empty list would read as if there were none. Labels are read as sources give them.
func (f *Filter) clean() error {
	e := fault.New(fault.Invalid, "bad_filter", "The list cannot be filtered like that.").FixedBy("you").Then("plumb asset list --help")
	if f.Class != "" && !slices.Contains(Classes(), Class(f.Class)) {
		e.At("class", "is not one of the inventory's classes, such as Host; case matters")
	}
	if f.State != "" && f.State != anyState && !slices.Contains([]Presence{Present, Silent, Missing, Gone, Folded}, Presence(f.State)) {
		e.At("state", "is present, silent, missing, retired, merged or all")
	}
	for key, word := range map[string]*string{LabelEnvironment: &f.Environment, LabelClassification: &f.Classification} {
		if *word == "" {
			continue
		}
		v, ok := ReadLabel(key, *word)
		if !ok {
			e.At(key, "is one of "+strings.Join(LabelValues(key), ", "))
		}
		*word = v
	}
	if len(e.Fields) > 0 {
		return e
	}
	return nil
}

// sql writes the query: each filter is a condition on an indexed column, and the page goes on by number.
func (f Filter) sql() (string, []any) {
	args := []any{f.After}
	text := strings.Builder{}
	page := "n"
	if f.Unlabelled { // the order of the tables is that in which SQLite reads them: they may be few
		page = "number"
		text.WriteString(assetFields + " FROM inventory_unlabelled CROSS JOIN inventory_asset WHERE n = number AND number > $1")
	} else {
		text.WriteString(assetColumns + " WHERE n > $1")
	}
	add := func(condition string, v string) {
		if v != "" {
			args = append(args, v)
			fmt.Fprintf(&text, " AND "+condition, len(args))
		}
	}
	add("class = $%d", f.Class)
	add("environment = $%d", f.Environment)
	add("classification = $%d", f.Classification)
	add("owner = $%d", f.Owner)
	add("role = $%d", f.Role)
	switch f.State {
	case anyState:
	case "":
		text.WriteString(" AND state <> 'merged'")
	default:
		add("state = $%d", f.State)
	}
	if f.Unanswered {
		text.WriteString(" AND" + inProduction)
		if len(f.owners) == 0 {
			text.WriteString(" AND owner IS NULL") // none
		} else {
			text.WriteString(" AND owner " + db.Among(&args, f.owners))
		}
	}
	if f.Name != "" {
		args = append(args, f.Name, f.Name+"\U0010FFFF")
		fmt.Fprintf(&text, " AND name >= $%d AND name < $%d", len(args)-1, len(args))
	}
	args = append(args, f.Limit)
	fmt.Fprintf(&text, " ORDER BY %s LIMIT $%d", page, len(args))
	return text.String(), args
}

// Whole is one asset with all that is known of it.
type Whole struct {
	Asset
	Properties map[string]Worded   `json:"properties"`
	Disputed   map[string][]string `json:"disputed,omitempty"` // who says otherwise
	Records    []Witness           `json:"records"`
	Edges      []Edge              `json:"edges,omitempty"`
}

// Edge is one relationship, seen from one of its ends.
type Edge struct {
	Verb    string     `json:"verb"`
	Inward  bool       `json:"inward,omitempty"` // the other end says it of this one
	To      Identifier `json:"to"`
	Asset   AssetID    `json:"asset,omitempty"` // the other end, where it is known
	Name    string     `json:"name,omitempty"`
	Class   Class      `json:"class,omitempty"`
	Record  string     `json:"record"` // who says so
	Since   int64      `json:"since"`
	Until   int64      `json:"until,omitempty"`
	Unknown bool       `json:"unknown,omitempty"` // nothing that is known answers to that name
}

// Show gives one asset whole, by its id or by its exact name where only one has it.
func (d *Desk) Show(ctx context.Context, idOrName string) (w Whole, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		w, err = d.ShowIn(tx, idOrName)
		return err
	})
	return w, err
}

// ShowIn is Show inside a transaction.
func (d *Desk) ShowIn(tx *db.Tx, idOrName string) (w Whole, err error) {
	a, err := FindIn(tx, idOrName)
	if err != nil {
		return w, err
	}
	w.Asset = a
	if w.Records, err = witnessesOf(tx, a.ID); err != nil {
		return w, err
	}
	w.Properties, w.Disputed = Merge(w.Records, d.kindOf)
	w.State, w.Labels = d.seenLately(a, w.Records), a.counting()
	w.Edges, err = edgesOf(tx, a.ID)
	return w, err
}

// seenLately turns a present asset silent when no source has confirmed it for long.
func (d *Desk) seenLately(a Asset, list []Witness) Presence {
	if a.State == Present && !slices.ContainsFunc(list, func(w Witness) bool { return w.alive() && w.Fresh }) {
		return Silent
	}
	return a.State
}

func (d *Desk) kindOf(w Witness, path string) AttrKind {
	k, ok := d.Kind(w.Kind)
	if !ok {
		return Config
	}
	return k.kindOf(w.Type, path)
}

// FullID reads an asset's id with or without its zeros: AST-7.
func FullID(id string) AssetID { return AssetID(numbered("AST", id)) }

// numbered reads an id of one kind with or without its zeros: DGM-7. Anything else, such as a name, stays as it is.
func numbered(kind, id string) string {
	text, ok := strings.CutPrefix(strings.ToUpper(id), kind+"-")
	if n, err := strconv.ParseInt(text, 10, 64); ok && err == nil && n > 0 {
		return fmt.Sprintf("%s-%06d", kind, n)
	}
	return id
}

// noneNamed refuses a name that no living asset has. What is called so and is answered for by its id only is named: what was retired or
// merged, and code.
func noneNamed(tx *db.Tx, name string) error {
	other, found, err := db.One(tx, scanAsset, assetColumns+" WHERE name = $1 ORDER BY n DESC LIMIT 1", name)
	switch {
	case err != nil:
		return err
	case !found:
		return fault.New(fault.NotFound, "no_asset", "There is no such asset.").FixedBy("you").Then("plumb asset list")
	}
	return fault.New(fault.NotFound, "no_asset", "That name alone means no living asset. The newest of that name is %s (%s, %s).", other.ID, other.Class, other.State).
		FixedBy("you").Then("plumb asset show %s", other.ID)
}

// FindIn finds an asset by its id, or by its name where exactly one living asset has it.
func FindIn(tx *db.Tx, idOrName string) (Asset, error) {
	a, err := loadAsset(tx, FullID(idOrName))
	if !fault.Is(err, "no_asset") {
		return a, err
	}
	list, err := db.Collect(tx, scanAsset, assetColumns+" WHERE name = $1 AND state NOT IN ('merged', 'retired') AND class <> 'IaCResource' ORDER BY n LIMIT 3", idOrName)
	switch {
	case err != nil:
		return a, err
	case len(list) == 0:
		return a, noneNamed(tx, idOrName)
	case len(list) > 1:
		return a, fault.New(fault.Conflict, "asset_name_shared", "More than one asset has that name.").
			FixedBy("you").Then("name it by its id: plumb asset list --name NAME")
	}
	return list[0], nil
}

// witnessesOf gives the records of an asset with what decides whether their word counts, now.
func witnessesOf(tx *db.Tx, id AssetID) ([]Witness, error) {
	records, err := recordsOf(tx, id)
	if err != nil {
		return nil, err
	}
	sources, err := sourcesByID(tx)
	if err != nil {
		return nil, err
	}
	said, err := chosen(tx, id, tx.Now().UnixMicro())
	if err != nil {
		return nil, err
	}
	out := make([]Witness, len(records))
	for i, k := range records {
		if out[i], err = sources[k.Source].witness(tx, k); err != nil {
			return nil, err
		}
		out[i].chosen = said
	}
	return out, nil
}

// fresh is how many intervals may pass before a source's word no longer counts.
const fresh = 3

// witness says of a record of this source whether its word counts: one that was not read for three intervals has none against
// one that was. What is only pushed keeps its word.
func (c Configured) witness(tx *db.Tx, k Kept) (Witness, error) {
	confirmed, err := confirmedAt(tx, k)
	if c.Removed > 0 { // of no kind: it may declare nothing absent, and its word comes last
		return Witness{Kept: k, Confirmed: confirmed}, err
	}
	every := time.Duration(c.Every) * time.Second
	return Witness{Kept: k, Kind: c.Kind, Confirmed: confirmed, Fresh: every == 0 || tx.Now().Sub(time.UnixMicro(confirmed)) < fresh*every}, err
}

// confirmedAt is when a record was last seen: by the newest complete reading of its scope, or when its wording came.
func confirmedAt(tx *db.Tx, k Kept) (int64, error) {
	if k.Gone > 0 || k.Missed > 0 {
		return k.Seen, nil
	}
	at, _, err := db.One(tx, scanInt, "SELECT complete FROM inventory_scope WHERE source = $1 AND scope = $2", k.Source, k.Scope)
	return max(at, k.Seen), err
}

const edgeColumns = "SELECT e.verb, e.to_kind, e.to_value, e.record, e.since, e.until FROM inventory_edge e"

// edgesOf gives an asset's relationships in both directions. Its own are few; who points at it is found by its identifiers.
func edgesOf(tx *db.Tx, id AssetID) ([]Edge, error) {
	scan := func(row db.Scanner) (e Edge, err error) {
		return e, row.Scan(&e.Verb, &e.To.Kind, &e.To.Value, &e.Record, &e.Since, &e.Until)
	}
	out, err := db.Collect(tx, scan, edgeColumns+" JOIN inventory_record r ON r.id = e.record WHERE r.asset = $1 ORDER BY e.verb, e.to_kind, e.to_value LIMIT 2000", string(id))
	if err != nil {
		return nil, err
	}
	for i := range out {
		if err := out[i].resolve(tx); err != nil {
			return nil, err
		}
	}
	in, err := db.Collect(tx, scan, edgeColumns+" JOIN inventory_identifier i ON i.kind = e.to_kind AND i.value = e.to_value"+
		" JOIN inventory_record r ON r.id = i.record WHERE r.asset = $1 AND i.until = 0 LIMIT 2000", string(id))
	if err != nil {
		return nil, err
	}
	named, err := db.Collect(tx, scan, "SELECT e.verb, e.to_kind, e.to_value, e.record, e.since, e.until FROM inventory_record r"+
		" JOIN inventory_edge e ON e.to_kind = 'record' AND e.to_value = r.source || '/' || r.type || '/' || r.native WHERE r.asset = $1 LIMIT 2000", string(id))
	if err != nil {
		return nil, err
	}
	for _, e := range append(in, named...) {
		e.Inward = true
		a, found, err := db.One(tx, scanAsset, assetColumns+" WHERE id = (SELECT asset FROM inventory_record WHERE id = $1)", e.Record)
		if err != nil {
			return nil, err
		}
		e.Asset, e.Name, e.Class, e.Unknown = a.ID, a.Name, a.Class, !found
		if a.ID != id && !slices.ContainsFunc(out, func(o Edge) bool { return o.Inward && o.Verb == e.Verb && o.Asset == e.Asset && o.Until == e.Until }) {
			out = append(out, e)
		}
	}
	return out, nil
}

// resolve finds the other end of an outward edge.
func (e *Edge) resolve(tx *db.Tx) error {
	a, found, err := e.find(tx)
	e.Asset, e.Name, e.Class, e.Unknown = a.ID, a.Name, a.Class, !found
	return err
}

// Who is at the other end of an edge, by an identifier and by a record.
const (
	byIdentifier = assetColumns + " WHERE id = (SELECT r.asset FROM inventory_identifier i JOIN inventory_record r ON r.id = i.record WHERE i.kind = $1 AND i.value = $2 AND i.until = 0 ORDER BY r.gone, r.id LIMIT 1)"
	byRecord     = assetColumns + " WHERE id = (SELECT asset FROM inventory_record WHERE source = $1 AND type = $2 AND native = $3 ORDER BY gone, id LIMIT 1)"
)

// find gives the asset at the other end of an outward edge.
func (e Edge) find(tx *db.Tx) (Asset, bool, error) {
	text, args := byIdentifier, []any{e.To.Kind, e.To.Value}
	if e.To.Kind == "record" {
		source, rest, _ := strings.Cut(e.To.Value, "/")
		recordType, native, _ := strings.Cut(rest, "/")
		text, args = byRecord, []any{source, recordType, native}
	}
	return db.One(tx, scanAsset, text, args...)
}

// History gives the differences of an asset, the newest first, a page before number n; n 0 begins with the newest.
func (d *Desk) History(ctx context.Context, id AssetID, before int64, limit int) (list []Difference, err error) {
	if limit <= 0 || limit > MaxPage {
		limit = 50
	}
	if before <= 0 {
		before = 1 << 62
	}
	err = d.db.View(ctx, func(tx *db.Tx) error {
		list, err = db.Collect(tx, scanDifference, differenceColumns+" WHERE asset = $1 AND n < $2 ORDER BY n DESC LIMIT $3", string(id), before, limit)
		return err
	})
	return list, err
}

// Differences gives the differences after number n, of all assets, the oldest first.
func Differences(tx *db.Tx, after int64, limit int) ([]Difference, error) {
	return db.Collect(tx, scanDifference, differenceColumns+" WHERE n > $1 ORDER BY n LIMIT $2", after, limit)
}

// Runs lists the readings of a source, the newest first.
func (d *Desk) Runs(ctx context.Context, source string, limit int) (list []Run, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		list, err = db.Collect(tx, scanRun, runColumns+" WHERE source = $1 ORDER BY n DESC LIMIT $2", source, min(max(limit, 1), MaxPage))
		return err
	})
	return list, err
}

// Scopes gives how far each scope of a source was read.
func (d *Desk) Scopes(ctx context.Context, source string) (list []ScopeState, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		list, err = scopesOf(tx, source)
		return err
	})
	return list, err
}
