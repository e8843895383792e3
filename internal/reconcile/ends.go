package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/plan"
)

// The ends of an approved effect.
const (
	Observed            = "observed"
	ObservedDifferently = "observed_differently"
	NotObserved         = "not_observed" // two complete readings after the run did not show it
	Unobservable        = "unobservable" // no source covers it: it needs evidence by hand
	Awaited             = "awaited"      // not yet read twice since the run, or not run yet
)

// End is what became of one approved effect.
type End struct {
	Claim   Claim             `json:"claim"`
	End     string            `json:"end"`
	Asset   inventory.AssetID `json:"asset,omitempty"`
	Seen    inventory.Value   `json:"seen,omitempty"`    // the value that was seen, where an attribute was
	Because string            `json:"because,omitempty"` // what says so
}

// Reconciliation is one change both ways: what it should have done and what was seen; what was seen around it that nobody approved.
type Reconciliation struct {
	Change   string         `json:"change"`
	Ends     []End          `json:"ends"`
	Counts   map[string]int `json:"counts"`
	Matches  []Match        `json:"matches"`  // differences that it explains or that arose while it ran
	Findings []Finding      `json:"findings"` // linked with it
	Adopted  []Finding      `json:"adopted"`  // that it asks for after the fact, whether it is approved yet or not
	Closable bool           `json:"closable"` // as successful, as far as observation goes
}

// maxShown bounds what one answer lists.
const maxShown = 2_000

// Of gives the reconciliation of one change.
func (d *Desk) Of(ctx context.Context, id change.ID) (r Reconciliation, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		if _, err := d.changes.PermittedIn(tx, id); err != nil {
			return err
		}
		r = Reconciliation{Change: string(id), Counts: map[string]int{}}
		if r.Ends, err = d.ends(tx, id, nil); err != nil {
			return err
		}
		for _, e := range r.Ends {
			r.Counts[e.End]++
		}
		if r.Matches, err = db.Collect(tx, scanMatch, matchColumns+" WHERE change_id = $1 ORDER BY n LIMIT $2", string(id), maxShown); err != nil {
			return err
		}
		if r.Findings, err = db.Collect(tx, scanFinding, findingColumns+" WHERE "+holdsOf+" ORDER BY n LIMIT $2", string(id), maxShown); err != nil {
			return err
		}
		if r.Adopted, err = d.adoptedBy(tx, id); err != nil {
			return err
		}
		r.Closable = r.Counts[ObservedDifferently]+r.Counts[NotObserved] == 0 && !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Waits() })
		return nil
	})
	return r, err
}

// Seen refuses to close a change as successful while an effect of it was not observed or observed otherwise, or while a finding that arose
// in its time waits for an answer. The gate of closing calls it inside its transaction.
func (d *Desk) Seen(tx *db.Tx, id change.ID) error {
	ends, err := d.ends(tx, id, nil)
	if err != nil {
		return fmt.Errorf("reconcile %s: %w", id, err)
	}
	var open []string
	for _, e := range ends {
		if e.unseen() {
			open = append(open, e.Claim.Address+" "+e.Claim.Path)
		}
	}
	if len(open) > 0 {
		return fault.New(fault.Conflict, "effects_unseen", "%s not observed, or observed otherwise.", fault.Count(len(open), "approved effect was", "approved effects were")).About(string(id)).
			Because("reconcile", "").FixedBy("the implementer").Then("plumb reconcile show %s", id)
	}
	waiting, err := db.Collect(tx, scanFinding, findingColumns+" WHERE "+holdsOf+" AND state IN ('open', 'adopting', 'reverting') ORDER BY n LIMIT 10", string(id))
	if err != nil {
		return err
	}
	if len(waiting) > 0 {
		return fault.New(fault.Conflict, "findings_open", "%s for an answer, %s first.",
			fault.Count(len(waiting), "finding that arose while it ran waits", "findings that arose while it ran wait"), waiting[0].ID).
			About(string(id)).Because("reconcile", "").FixedBy("the owner of the asset or a Security Officer").Then("plumb reconcile show %s", waiting[0].ID)
	}
	return nil
}

// holdsOf is the condition for the findings of a change: those that were raised near it, and those that hold, among others, a difference near it.
const holdsOf = "id IN (SELECT id FROM reconcile_finding WHERE change_id = $1 UNION SELECT finding FROM reconcile_match WHERE change_id = $1" +
	" AND disposition IN ('out_of_scope_in_window', 'unauthorized'))"

// unseen reports whether production shows something else than the effect.
func (e *End) unseen() bool { return e.End == ObservedDifferently || e.End == NotObserved }

// ends says of each approved effect of the newest revision that ran what became of it; of those of these claims alone, where some are given.
func (d *Desk) ends(tx *db.Tx, id change.ID, only map[string]bool) ([]End, error) {
	rows, err := db.Collect(tx, scanCharter, charterColumns+" WHERE change_id = $1 ORDER BY n, id", string(id))
	list, err := d.whole(tx, rows, err)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	c := list[0]
	for _, x := range list {
		if x.lastRun() > c.lastRun() {
			c = x
		}
	}
	seen, err := db.Collect(tx, scanMatch, matchColumns+" WHERE change_id = $1 ORDER BY n", string(id))
	if err != nil {
		return nil, err
	}
	matched := map[string]Match{}
	for _, m := range seen {
		for _, h := range m.Hits {
			if h.Claim != "" && (matched[h.Claim].Difference == "" || h.Disposition == Exact || h.Disposition == Scoped) {
				matched[h.Claim] = m
			}
		}
	}
	w := watcher{tx: tx, c: c, matched: matched, cover: map[string]bool{}}
	var out []End
	for i := range c.Claims {
		k := &c.Claims[i]
		if k.Rollback || len(only) > 0 && !only[k.ID] || w.shadowed(k) {
			continue
		}
		e, err := w.end(k)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

func (c *Charter) lastRun() int64 {
	last := int64(-1)
	for _, r := range c.Runs {
		last = max(last, r.Started)
	}
	return last
}

// ended is the end of the newest run of the plan itself; 0 while it runs, -1 before it ran.
func (c *Charter) ended() int64 {
	last := int64(-1)
	for _, r := range c.Runs {
		if r.Rollback {
			continue
		}
		if r.Ended == 0 {
			return 0
		}
		last = max(last, r.Ended)
	}
	return last
}

// watcher looks for the effects of one charter in the inventory.
type watcher struct {
	tx      *db.Tx
	c       *Charter
	matched map[string]Match
	cover   map[string]bool // whether a source shows the state of a lineage
}

// shadowed leaves out the claim of a list that stands beside those of its items, and that of an updated resource beside its attributes.
func (w *watcher) shadowed(k *Claim) bool {
	if k.Planned && k.Path == "" && k.Verb == plan.ClassUpdate {
		return true
	}
	return k.Planned && k.Path != "" && slices.ContainsFunc(w.c.Claims, func(x Claim) bool {
		rest, ok := strings.CutPrefix(x.Path, k.Path+".")
		return ok && x.Address == k.Address && number(rest) && !x.Rollback
	})
}

// end says what became of one effect: a label is the asset's, as people and sources say it; all else stands in a record.
func (w *watcher) end(k *Claim) (End, error) {
	if label, ok := strings.CutPrefix(k.Path, labelPath); ok && !k.Planned {
		return w.labelled(k, End{Claim: *k, End: Awaited}, label)
	}
	return w.read(k)
}

// read asks, in this order: was a difference matched; what does the record say now; how often was it read since.
func (w *watcher) read(k *Claim) (End, error) {
	e := End{Claim: *k, End: Awaited}
	if m, ok := w.matched[k.ID]; ok {
		e.Asset, e.Because = m.Asset, "difference "+m.Difference
		e.End = Observed
		if k.Path != "" {
			e.Seen = m.After
		}
		if m.Claim != k.ID || m.Disposition != Exact && m.Disposition != Scoped {
			e.End = ObservedDifferently
		}
		if e.End == Observed && k.Path != "" {
			return e, nil
		}
	}
	records, err := w.records(k)
	if err != nil {
		return e, err
	}
	ended := w.c.ended()
	if len(records) == 0 {
		if e.End == Observed {
			return e, nil
		}
		return w.unseen(k, e, ended)
	}
	r := records[0]
	e.Asset = r.Asset
	now, v := standing(k, r)
	if k.Path == "" && now == Observed && ended > 0 {
		holds, because, err := w.identity(k, r, ended)
		if err != nil || !holds {
			e.End, e.Because = ObservedDifferently, because
			return e, err
		}
		if because != "" {
			e.Because = because
		}
	}
	if e.End == Observed {
		return e, nil
	}
	if e.End == ObservedDifferently && now != Observed {
		return e, nil
	}
	if ended > 0 {
		e.Seen = v
	}
	if e.End = now; now == Observed || now == Unobservable || ended <= 0 {
		if ended <= 0 && now != Unobservable {
			e.End = Awaited
		}
		return e, nil
	}
	n, err := inventory.ReadSince(w.tx, r.Source, r.Scope, ended)
	if err == nil && n < absentAfter {
		e.End = Awaited
	}
	return e, err
}

// labelPath begins the paths of an asset's labels.
const labelPath = "label."

// labelled is the end of an effect on a label: it came about where the asset carries the approved value, by a person's word or a source's,
// once the change ran; before that only where the label names the change. A default is nobody's word. Readings that do not show a label say
// nothing of it, so what is not set is not observed from the end of the run on.
func (w *watcher) labelled(k *Claim, e End, label string) (End, error) {
	name := string(k.Asset)
	if name == "" {
		name = k.Address
	}
	a, err := inventory.FindIn(w.tx, name)
	switch {
	case fault.Is(err, "no_asset") || fault.Is(err, "asset_name_shared"):
		e.End, e.Because = Unobservable, "no one asset is called so"
		return e, nil
	case err != nil:
		return e, err
	}
	l := a.Labels[label]
	e.Asset = a.ID
	said := l.Confidence == inventory.Asserted || l.Confidence == inventory.Derived
	if said && k.holds(inventory.Text(l.Value)) && (w.c.ended() > 0 || l.Change == w.c.Change) {
		e.End, e.Seen, e.Because = Observed, inventory.Text(l.Value), "the label of "+string(a.ID)
		if l.Change != "" {
			e.Because += ", set by " + l.Change
		}
		return e, nil
	}
	if w.c.ended() > 0 {
		e.End, e.Seen, e.Because = NotObserved, inventory.Text(l.Value), "nobody gave the label this value yet"
	}
	return e, nil
}

// unseen is the end of an effect on what no record shows.
func (w *watcher) unseen(k *Claim, e End, ended int64) (End, error) {
	covered, source, err := w.covered(k)
	switch {
	case err != nil:
		return e, err
	case !covered:
		e.End, e.Because = Unobservable, "no source shows it"
		return e, nil
	case ended <= 0:
		return e, nil
	case k.Verb == plan.ClassDelete || k.Verb == plan.ClassForget:
		e.End = Observed
		return e, nil
	}
	n, err := inventory.ReadSince(w.tx, source.Source, source.Scope, ended)
	if err == nil && n >= absentAfter {
		e.End = NotObserved
	}
	return e, err
}

// covered finds the source that would show the state of a claim: by its lineage, or by another resource of the same plan.
func (w *watcher) covered(k *Claim) (bool, inventory.ScopeState, error) {
	if k.Lineage != "" {
		list, err := inventory.ScopesLike(w.tx, k.Lineage)
		if err != nil || len(list) == 0 {
			return false, inventory.ScopeState{}, err
		}
		return true, list[0], nil
	}
	if !k.Planned {
		return false, inventory.ScopeState{}, nil
	}
	for i := range w.c.Claims {
		x := &w.c.Claims[i]
		if !x.Planned || x.Path != "" || x.Address == k.Address {
			continue
		}
		records, err := w.records(x)
		if err != nil {
			return false, inventory.ScopeState{}, err
		}
		if len(records) > 0 {
			return true, inventory.ScopeState{Source: records[0].Source, Scope: records[0].Scope}, nil
		}
	}
	return false, inventory.ScopeState{}, nil
}

// records finds what shows the place of a claim.
func (w *watcher) records(k *Claim) ([]inventory.Kept, error) {
	if k.Planned {
		list, err := inventory.RecordsNamed(w.tx, k.Address)
		return slices.DeleteFunc(list, func(r inventory.Kept) bool {
			return r.Class != inventory.IaCResource || k.Lineage != "" && !inState(r.Scope, k.Lineage)
		}), err
	}
	name := k.Address
	if k.Asset != "" {
		name = string(k.Asset) // by its id it is found when it is gone, too
	}
	a, err := inventory.FindIn(w.tx, name)
	switch {
	case fault.Is(err, "no_asset") || fault.Is(err, "asset_name_shared"):
		return nil, nil
	case err != nil:
		return nil, err
	}
	path := fold(k.Path)
	list, err := inventory.RecordsByWord(w.tx, a.ID, path)
	slices.SortStableFunc(list, func(a, b inventory.Kept) int { // who shows the attribute first, of those the one whose word counts
		_, x := valueAt(a.Attrs, path)
		_, y := valueAt(b.Attrs, path)
		switch {
		case x == y:
			return 0
		case x:
			return -1
		}
		return 1
	})
	return list, err
}

// standing compares a claim with a record as it is now.
func standing(k *Claim, r inventory.Kept) (end string, v inventory.Value) {
	alive := r.Gone == 0
	gone := k.Verb == plan.ClassDelete || k.Verb == plan.ClassForget
	if gone || k.Path == "" {
		switch {
		case gone == alive:
			return NotObserved, ""
		case k.Path == "" && (k.Verb == plan.ClassUpdate || k.Verb == plan.ClassReplace):
			return Unobservable, "" // its attributes say more
		}
		return Observed, ""
	}
	if !alive {
		return NotObserved, ""
	}
	v, shown := valueAt(r.Attrs, fold(k.Path))
	switch {
	case k.Open || strings.Contains(k.Path, "*"):
		return Unobservable, v
	case k.holds(v):
		return Observed, v
	case !shown && (k.Verb == plan.ClassCreate || k.Verb == plan.ClassReplace || len(k.Before) > 0 && !slices.Contains(k.Before, "")):
		return Unobservable, ""
	case slices.Contains(k.Before, v):
		return NotObserved, v
	}
	return ObservedDifferently, v
}

// valueAt finds an attribute as a source may write its path: as planned, or as an item of a list.
func valueAt(attrs map[string]inventory.Value, path string) (inventory.Value, bool) {
	if v, ok := attrs[path]; ok {
		return v, true
	}
	for p, v := range attrs {
		if fold(p) == path {
			return v, true
		}
	}
	return "", false
}

// absentAfter is how many complete readings after a run must not show an effect before it is taken for not there.
const absentAfter = 2
