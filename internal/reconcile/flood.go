package reconcile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/seal"
)

// This file bounds what one asset can raise (ADR 0016). So many findings of it wait, and what it shows besides is held by one that collects:
// of the highest severity from the first moment, with the clock of the first, each difference stored with its verdict. Doors, and what
// comes and goes, are counted and collected apart, so that no flood of other attributes takes their place.

// waitingPerAsset is how many findings of one asset, of either weight, stand by themselves.
const waitingPerAsset = 50

// heavy reports whether a difference is of the heavier weight: in security, or a whole thing that came or went.
func heavy(d inventory.Difference) bool {
	return d.Kind == inventory.Security || d.Op != inventory.Updated
}

// collecting is the fingerprint of the finding that collects what an asset shows, of one weight.
func collecting(asset inventory.AssetID, heavy bool) string {
	return seal.Digest("plumb.finding.many.v1", []byte(asset), []byte(strconv.FormatBool(heavy)))
}

// holder is the finding that a difference belongs to.
type holder struct {
	Finding
	alive       bool
	collector   *Finding              // that collects of this asset and weight, where one does; the difference need not belong to it
	first, last *inventory.Difference // of this place, where it is held by one that collects
}

const belongsQuery = findingColumns + " WHERE fingerprint IN ($1, $2) AND state IN ('open', 'adopting', 'reverting', 'waived') ORDER BY n DESC"

// belongs finds the finding of a difference: its own, or the one that collects, where that holds its place already.
func belongs(tx *db.Tx, d inventory.Difference) (h holder, err error) {
	own, many := fingerprint(d), collecting(d.Asset, heavy(d))
	list, err := db.Collect(tx, scanFinding, belongsQuery, own, many)
	if err != nil {
		return h, err
	}
	for i := range list {
		f := &list[i]
		switch {
		case f.Fingerprint == own && !h.alive:
			h.Finding, h.alive = *f, true
		case f.Fingerprint == many && h.collector == nil:
			h.collector = f
		}
	}
	if !h.alive && d.Op == inventory.Created {
		if h, err = coming(tx, d, h); err != nil {
			return h, err
		}
	}
	if h.alive || h.collector == nil {
		return h, nil
	}
	if h.first, h.last, err = heldOf(tx, h.collector.ID, d); err != nil || h.first == nil {
		return h, err
	}
	h.Finding, h.alive = *h.collector, true
	return h, nil
}

// comingQuery finds what waits of an asset.
const comingQuery = findingColumns + " WHERE asset = $1 AND state IN ('open', 'adopting', 'reverting', 'waived') ORDER BY n LIMIT 200"

// coming finds the finding that a lesser source's record raised when it showed the thing first: that one source more shows it is the same
// matter. From now on it goes by the better one's record, so that who takes the lesser one away takes nothing back.
func coming(tx *db.Tx, d inventory.Difference, h holder) (holder, error) {
	list, err := db.Collect(tx, scanFinding, comingQuery, string(d.Asset))
	for _, f := range list {
		if f.Op == inventory.Created && !f.Collects && !h.alive {
			h.Finding, h.alive = f, true
			h.Fingerprint, h.After = fingerprint(d), "" // who took what a lesser source said as it is did not decide on the thing itself
		}
	}
	return h, err
}

// What of a place a finding holds is found by the place: a flood holds any number of others.
const (
	heldQuery = "SELECT id FROM reconcile_match WHERE finding = $1 AND record = $2 AND path = $3 ORDER BY n"
	firstHeld = heldQuery + " LIMIT 1"
	lastHeld  = heldQuery + " DESC LIMIT 1"
)

// heldOf gives the first and the newest difference of a place that a finding holds; nil where it holds none.
func heldOf(tx *db.Tx, finding string, d inventory.Difference) (first, last *inventory.Difference, err error) {
	for _, x := range []struct {
		query string
		to    **inventory.Difference
	}{{firstHeld, &first}, {lastHeld, &last}} {
		id, found, err := db.One(tx, scanString, x.query, finding, d.Record, d.Path)
		if err != nil || !found {
			return nil, nil, err
		}
		one, found, err := inventory.DifferenceOf(tx, id)
		if err != nil || !found {
			return nil, nil, err
		}
		*x.to = &one
	}
	return first, last, nil
}

// restored reports whether a difference takes its place back to what was before the first one.
func restored(first, d inventory.Difference) bool {
	if first.Op != inventory.Updated {
		return d.Op != first.Op
	}
	return d.Op == first.Op && d.After == first.Before
}

// restores reports whether a difference restores what was before the finding, or before the place that a finding that collects holds.
func (h *holder) restores(d inventory.Difference) bool {
	if h.Collects {
		return h.first != nil && restored(*h.first, d)
	}
	return h.takesBack(d)
}

// crowded reports whether as many findings of the asset, of the weight of a difference, wait as stand by themselves.
func crowded(tx *db.Tx, d inventory.Difference) (bool, error) {
	n, _, err := db.One(tx, scanInt, crowdedQuery(heavy(d)), string(d.Asset), waitingPerAsset)
	return n >= waitingPerAsset, err
}

func crowdedQuery(heavy bool) string {
	weight := `(body LIKE '%"op":"update"%' AND body NOT LIKE '%"kind":"security"%')`
	if heavy {
		weight = "NOT " + weight
	}
	return "SELECT COUNT(*) FROM (SELECT n FROM reconcile_finding WHERE asset = $1 AND state IN ('open', 'adopting', 'reverting') AND " + weight + " LIMIT $2) AS waiting"
}

// newHolder raises a finding of its own, or has the one that collects take the difference.
func newHolder(tx *db.Tx, s seen, collector *Finding, now int64) (f Finding, err error) {
	full, err := crowded(tx, s.d)
	if err != nil {
		return f, err
	}
	if full && collector != nil {
		f = *collector
		f.gather(s.d, s.v, nil, nil, now)
		return f, nil
	}
	n, err := next(tx, "reconcile_finding")
	if err != nil {
		return f, err
	}
	f = raise(s.d, s.p, s.v, n, now)
	if full {
		f.collect(heavy(s.d))
	}
	return f, nil
}

// highest is the score of what weighs most.
const highest = 4 * 10 * 3

// collect makes a new finding the one that collects. It weighs the most, whatever it holds: so many differences of one asset that nobody
// approved are serious by themselves, and what is worse among them must not wait behind its first.
func (f *Finding) collect(heavy bool) {
	f.Fingerprint, f.Collects, f.Away = collecting(f.Asset, heavy), true, 1
	f.Severity, f.Score = Critical, highest
	f.Op, f.Kind, f.Path, f.Before, f.After = inventory.Updated, inventory.Config, "", "", ""
	if heavy {
		f.Kind = inventory.Security
	}
	f.Note = fmt.Sprintf("over %d findings of this asset wait; this one holds what it showed besides", waitingPerAsset)
}

// gather adds a difference to a finding that collects. first and last are of the same place, where it is held already. Who decided on what
// was there did not decide on this one: the finding is open again. Its clock is never later for what joins it while it waits.
func (f *Finding) gather(d inventory.Difference, v Verdict, first, last *inventory.Difference, now int64) {
	back := first != nil && restored(*first, d)
	if first != nil && !restored(*first, *last) {
		f.Away--
	}
	if !back {
		f.Away++
	}
	if !back && (f.State == Waived || f.State == Adopting) && (first == nil || d.Op != last.Op || d.After != last.After) {
		f.State, f.Due, f.Adopts, f.Reason = Open, now+clock, "", "more was seen than what was decided on"
	}
	f.Count++
	f.Earliest, f.Latest, f.Restored = min(f.Earliest, d.Earliest), max(f.Latest, d.Latest), ""
	f.by(d.Actor)
	if f.Change == "" {
		f.Change = v.First().Change
	}
	if f.Away == 0 {
		f.Restored = d.ID
		if f.State == Reverting {
			f.State, f.Closed = Reverted, now
		}
	}
}

// asSeen refuses an answer about less, or more, than a finding that collects holds by now: FND-7@73 is the finding with its 73 differences.
func (f *Finding) asSeen(id string) error {
	_, text, given := strings.Cut(id, "@")
	if !given && !f.Collects {
		return nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n == f.Count {
		return nil
	}
	return fault.New(fault.Conflict, "finding_grew", "It collects many differences, and is answered by who looked at all that it holds by now.").About(f.ID).
		FixedBy("who looks at it").Then("plumb reconcile show %s", f.ID)
}

// near is what touched the differences of a finding: the runs of changes, and whom sources name.
type near struct {
	runs   []Run
	actors []string
}

// doers gives the names of everybody whom a source named for a finding: those that it keeps, and those of everything that it holds.
func (n near) doers(f *Finding) []string {
	out := f.doers()
	for _, a := range n.actors {
		out = append(out, doerNames(a)...)
	}
	return out
}

// Whom sources name for findings, and the changes near what they hold, by the findings.
const (
	actorsOf = "SELECT DISTINCT m.finding, d.actor FROM reconcile_match m JOIN inventory_difference d ON d.id = m.id WHERE d.actor <> '' AND m.finding "
	nearOf   = "SELECT DISTINCT finding, change_id FROM reconcile_match WHERE disposition IN ('out_of_scope_in_window', 'unauthorized') AND finding "
)

// nearTo reads what touched a finding, by everything that it holds: who executed it, or did any of it, does not judge it.
func (d *Desk) nearTo(tx *db.Tx, f Finding) (near, error) {
	all, err := d.nearEach(tx, []Finding{f})
	return all[f.ID], err
}

// nearEach is nearTo for several findings, by their ids, with a few queries for all of them.
func (d *Desk) nearEach(tx *db.Tx, list []Finding) (map[string]near, error) {
	actors, changes := map[string][]string{}, map[string][]string{}
	for part := range slices.Chunk(list, db.AtOnce) {
		ids := make([]string, len(part))
		for i, f := range part {
			ids[i] = f.ID
			changes[f.ID] = append(changesOf(f.Hits), f.Change)
		}
		if err := pairs(tx, actors, ids, actorsOf); err != nil {
			return nil, err
		}
		if err := pairs(tx, changes, ids, nearOf); err != nil {
			return nil, err
		}
	}
	out, runs := make(map[string]near, len(list)), map[string][]Run{"": nil}
	for _, f := range list {
		n := near{actors: actors[f.ID]}
		slices.Sort(changes[f.ID])
		for _, id := range slices.Compact(changes[f.ID]) {
			if _, ok := runs[id]; !ok {
				rows, err := db.Collect(tx, scanCharter, charterColumns+" WHERE change_id = $1", id)
				if err != nil {
					return nil, err
				}
				runs[id] = nil
				for _, c := range rows {
					runs[id] = append(runs[id], c.Runs...)
				}
			}
			n.runs = append(n.runs, runs[id]...)
		}
		out[f.ID] = n
	}
	return out, nil
}

// pairs adds to a map what a query for some ids says of each: the id, and one text.
func pairs(tx *db.Tx, to map[string][]string, ids []string, query string) error {
	var args []any
	in := db.Among(&args, ids)
	list, err := db.Collect(tx, func(r db.Scanner) (x [2]string, err error) { return x, r.Scan(&x[0], &x[1]) }, query+in, args...)
	for _, x := range list {
		to[x[0]] = append(to[x[0]], x[1])
	}
	return err
}
