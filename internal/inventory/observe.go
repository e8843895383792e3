package inventory

import (
	"cmp"
	"encoding/hex"
	"slices"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/seal"
)

// observer writes what a reading saw, within one transaction.
type observer struct {
	tx    *db.Tx
	r     *reading
	now   int64
	asset int64 // the last number given
	diff  int64
	rows  int // covered rows since the last event
	held  int // holders of data that were looked at
	found tally
	apart map[string]map[AssetID]bool // what people told apart, by record; read when it is asked for
	runs  []Run                       // the newest complete readings of the source; read when they are asked for

	settled string // why what follows for labels raises no question; "" where it does
}

func newObserver(tx *db.Tx, r *reading) (*observer, error) {
	w := &observer{tx: tx, r: r, now: tx.Now().UnixMicro()}
	var err error
	if w.asset, err = next(tx, "inventory_asset"); err != nil {
		return nil, err
	}
	w.diff, err = next(tx, "inventory_difference")
	w.asset--
	w.diff--
	return w, err
}

// observes is an observer without a reading: nothing is being read, and each source's word counts as it stands. Its events are about a source, where
// one is named.
func (d *Desk) observes(tx *db.Tx, about Configured) (*observer, error) {
	sources, err := sourcesByID(tx)
	if err != nil {
		return nil, err
	}
	return newObserver(tx, &reading{d: d, source: about, sources: sources, readings: map[string]ScopeState{}})
}

// maxRows bounds the rows that one event answers for: a leaf is at most 64 KiB, and one row takes about 130 bytes of it.
const maxRows = 350

// wrote counts rows, and records an event where one could not answer for more.
func (w *observer) wrote(n int) error {
	if w.rows += n; w.rows < maxRows {
		return nil
	}
	return w.record("inventory.observed", map[string]any{"run": w.r.run.ID})
}

func (w *observer) record(verb string, detail map[string]any) error {
	w.rows = 0
	return record(w.tx, verb, "source", w.r.source.ID, detail)
}

// observe takes one record that is new or differs: who it is, what changed, and what of it counts. was is its row before, without its
// wording; known says that there is one.
func (w *observer) observe(a *arrival, was Kept, known bool) error {
	is := Kept{Record: a.rec, ID: a.row(), Source: w.r.source.ID, Digest: hex.EncodeToString(a.digest[:]), Mapper: w.r.run.Mapper,
		First: w.now, Seen: w.now, canonical: a.stored}
	if a.rec.Raw != ([32]byte{}) {
		is.Raw = hex.EncodeToString(a.rec.Raw[:])
	}
	if !known {
		return w.welcome(is)
	}
	is.Asset, is.First = was.Asset, was.First
	if was.Digest == is.Digest && was.Gone == 0 { // it was only missed for a while
		is.Seen = was.Seen
		if err := rewriteRecord(w.tx, is); err != nil {
			return err
		}
		return w.wrote(1)
	}
	w.found.changed++
	if a.was.digest != was.Digest { // it was written since it was compared, or not compared at all
		k, _, err := loadRecord(w.tx, is.ID)
		if err == nil {
			err = a.compare(k.Digest, k.canonical)
		}
		if err != nil {
			return err
		}
	}
	was.Record = a.was.bare
	return w.change(was, is, a.was.attrs)
}

// welcome takes a record that was never seen.
func (w *observer) welcome(is Kept) error {
	w.found.added++
	hits, err := hitsFor(w.tx, is)
	if err != nil {
		return err
	}
	j, err := w.join(is, hits)
	if err != nil {
		return err
	}
	if is.Asset = j.Asset; is.Asset == "" {
		w.asset++
		is.Asset = assetID(w.asset)
		a := Asset{ID: is.Asset, N: w.asset, Class: is.Class, Type: is.Type, Name: is.Name, State: Present, First: w.now}
		if err := w.settle(a, []Kept{is}); err != nil {
			return err
		}
	}
	if err := insertRecord(w.tx, is); err != nil {
		return err
	}
	if err := w.wrote(1); err != nil {
		return err
	}
	if j.Asset != "" {
		if err := w.joined(is, j); err != nil {
			return err
		}
	} else if err := w.differ(is, created(is)); err != nil {
		return err
	}
	for _, other := range j.Conflict {
		if err := w.ask(identityConflict, is.Asset, other, cmp.Or(j.Doubt, j.By.Kind+": "+j.Why)); err != nil {
			return err
		}
	}
	if err := w.around(Kept{}, is); err != nil {
		return err
	}
	return w.floors(Kept{}, is)
}

// change takes another wording of a record that is known. attrs are the attributes in which the two disagree; was is without them.
func (w *observer) change(was, is Kept, attrs []altered) error {
	if err := rewriteRecord(w.tx, is); err != nil {
		return err
	}
	if err := w.wrote(1); err != nil {
		return err
	}
	others, err := othersOf(w.tx, is.Asset, is.ID)
	if err != nil {
		return err
	}
	list, err := w.witnesses(append([]Kept{is}, others...))
	if err != nil {
		return err
	}
	self, list := list[0], list[1:]
	if was.Gone > 0 {
		if err := w.differ(is, created(is)); err != nil {
			return err
		}
	}
	if err := w.altered(self, list, was, is, attrs); err != nil {
		return err
	}
	if err := w.around(was, is); err != nil {
		return err
	}
	a, err := loadAsset(w.tx, is.Asset)
	if err != nil {
		return err
	}
	if err := w.settleOver(a, a, append(others, is)); err != nil {
		return err
	}
	return w.floors(was, is)
}

// altered keeps what a record says otherwise than was, which is without its attributes: attrs are those in which the two disagree.
func (w *observer) altered(self Witness, others []Witness, was, is Kept, attrs []altered) error {
	for _, d := range w.r.kind.compare(was.Record, is.Record, attrs) {
		switch by := overruled(self, others, d.Path, w.r.d.selfTold); {
		case was.Mapper != is.Mapper:
			d.Settled = "read by another version of the mapper"
		case by != "", d.Path == "class" && w.silent(self, others):
			d.Settled = "the word of another source counts"
		}
		d.Earliest = was.Seen
		if err := w.differ(is, d); err != nil {
			return err
		}
	}
	return nil
}

// silent reports whether the class that a record gives is not its asset's: another's word counts for that. What a thing says of itself silences
// nobody.
func (w *observer) silent(self Witness, others []Witness) bool {
	return slices.ContainsFunc(others, func(o Witness) bool { return o.before(self, "") && !w.r.d.selfTold(o.Kind) })
}

// differ keeps one difference with its interval: after the last complete reading that saw it otherwise, up to now.
func (w *observer) differ(is Kept, d Difference) error {
	w.diff++
	scope := w.r.readings[is.Scope]
	d.ID, d.N = seal.NewID("dif"), w.diff
	d.Asset, d.Record, d.Source, d.Run = is.Asset, is.ID, is.Source, w.r.run.ID
	d.Latest = w.now
	if d.Op != Deleted { // what is gone was last confirmed before it was first missed
		d.Earliest = max(d.Earliest, scope.Complete)
	}
	d.First = w.r.first && d.Op == Created
	w.found.differences++
	if err := insertDifference(w.tx, d); err != nil {
		return err
	}
	return w.wrote(1)
}

// around keeps identifiers and edges: what is no longer said ends now, and stays known.
func (w *observer) around(was, is Kept) error {
	for _, id := range beyond(is.IDs, was.IDs) {
		if err := beginIdentifier(w.tx, is.ID, id, w.now, was.ID == ""); err != nil {
			return err
		}
		if err := w.wrote(1); err != nil {
			return err
		}
	}
	for _, id := range beyond(was.IDs, is.IDs) {
		if err := endIdentifier(w.tx, is.ID, id, w.now); err != nil {
			return err
		}
		if err := w.wrote(1); err != nil {
			return err
		}
	}
	for _, e := range beyond(is.Edges, was.Edges) {
		if err := beginEdge(w.tx, is.ID, w.absolute(e), w.now); err != nil {
			return err
		}
		if err := w.wrote(1); err != nil {
			return err
		}
	}
	for _, e := range beyond(was.Edges, is.Edges) {
		if err := endEdge(w.tx, is.ID, w.absolute(e), w.now); err != nil {
			return err
		}
		if err := w.wrote(1); err != nil {
			return err
		}
	}
	return nil
}

// absolute names the end of an edge within the source beyond it.
func (w *observer) absolute(e Link) Link {
	if e.To.Kind == "record" {
		e.To.Value = w.r.source.ID + "/" + e.To.Value
	}
	return e
}

// miss notes that a complete reading did not show a record. After enough of them it is gone.
func (w *observer) miss(id string) error {
	k, found, err := loadRecord(w.tx, id)
	if err != nil || !found {
		return err
	}
	k.Missed++
	gone := k.Missed >= w.r.kind.absentAfter()
	if gone {
		k.Gone = w.now
	}
	if err := markRecord(w.tx, k); err != nil {
		return err
	}
	if err := w.wrote(1); err != nil || !gone {
		return err
	}
	if !w.r.kind.Absence {
		if err := w.undoubted(k); err != nil {
			return err
		}
	} else {
		since, err := w.confirmed(k)
		if err != nil {
			return err
		}
		if err := w.differ(k, Difference{Type: k.Type, Native: k.Native, Op: Deleted, Kind: Config, Before: Text(k.Name), Earliest: since}); err != nil {
			return err
		}
	}
	return w.refresh(k.Asset)
}

// confirmed is when a record that is missed was last seen: at the begin of the newest complete reading before the first that missed it.
func (w *observer) confirmed(k Kept) (int64, error) {
	if w.runs == nil { // once for all that this transaction misses: others wait for the writer
		var err error
		if w.runs, err = db.Collect(w.tx, scanRun, runColumns+" WHERE source = $1 AND complete = TRUE ORDER BY n DESC LIMIT 200", k.Source); err != nil {
			return 0, err
		}
	}
	missed := k.Missed
	for _, r := range w.runs {
		if !slices.Contains(r.Scopes, k.Scope) {
			continue
		}
		if missed--; missed == 0 {
			return max(k.Seen, r.Started), nil
		}
	}
	return k.Seen, nil
}

// refresh works out anew what of an asset counts, out of all its records.
func (w *observer) refresh(id AssetID) error {
	a, err := loadAsset(w.tx, id)
	if err != nil {
		return err
	}
	records, err := recordsOf(w.tx, id)
	if err != nil {
		return err
	}
	return w.settleOver(a, a, records)
}

// settle works out what of an asset counts, and writes it.
func (w *observer) settle(a Asset, records []Kept) error { return w.settleOver(Asset{}, a, records) }

// settleOver is settle for an asset whose row is known, so that only what of it differs is written.
func (w *observer) settleOver(stored, a Asset, records []Kept) error {
	list, err := w.witnesses(records)
	if err != nil {
		return err
	}
	if lead, ok := leading(list); ok {
		a.Class, a.Type, a.Name = lead.Class, lead.Type, lead.Name
	}
	was, heard, gave := a.Labels, a.Unheard, holds("HAS", a)
	a.Labels = resolve(was, list, w.now, a.Version > 0 || w.settled != "") // what a person splits off was known
	a.Unheard = unheard(a.Labels, list)
	if a.State != Folded {
		a.State = a.stays(presence(list, w.r.d.declares))
	}
	a.Changed = w.now
	a.Version++
	save := saveAsset
	if stored.looks(a) {
		save = moveAsset
	}
	if err := save(w.tx, a); err != nil {
		return err
	}
	if err := w.wrote(1); err != nil {
		return err
	}
	if a.State != Folded && (len(list) > 1 || w.settled != "") { // what a person said is one thing may leave a single record
		if err := w.disputes(a.ID, list); err != nil {
			return err
		}
	}
	if err := w.contradicted(a, heard); err != nil || a.Version == 1 || len(records) == 0 {
		return err
	}
	if stored.ID != "" {
		was = stored.Labels // a merge moves some before it asks for this
	}
	for _, key := range relabelled(was, a.Labels) {
		k := records[0]
		k.Asset = a.ID
		if err := w.differ(k, Difference{Type: k.Type, Native: k.Native, Op: Updated, Path: labelPath(key), Kind: Security,
			Before: some(was[key].Value), After: some(a.Labels[key].Value), Settled: w.settled}); err != nil {
			return err
		}
	}
	if stored.ID != "" && a.Floor != stored.Floor { // so do some floors
		if err := w.lifts(a, stored.Label(LabelClassification), records[0]); err != nil {
			return err
		}
	}
	return w.gives(a, gave)
}

// presence says whether a thing is there: while one source sees it, it is; only one that may declare absence makes it
// missing, others leave it silent.
func presence(list []Witness, absence func(kind string) bool) Presence {
	state := Silent
	for _, w := range list {
		switch {
		case w.alive():
			return Present
		case absence(w.Kind):
			state = Missing
		}
	}
	return state
}

// witnesses says of each record whose word it is and whether it counts. What this reading shows counts now.
func (w *observer) witnesses(records []Kept) ([]Witness, error) {
	out := make([]Witness, len(records))
	var said map[string]string
	if len(records) > 1 {
		var err error
		if said, err = chosen(w.tx, records[0].Asset, w.now); err != nil {
			return nil, err
		}
	}
	for i, k := range records {
		c := w.r.sources[k.Source]
		if k.Source == w.r.source.ID && c.Removed == 0 {
			out[i] = Witness{Kept: k, Kind: c.Kind, Confirmed: w.now, Fresh: true, chosen: said}
			continue
		}
		var err error
		if out[i], err = c.witness(w.tx, k); err != nil {
			return nil, err
		}
		out[i].chosen = said
	}
	return out, nil
}
