package reconcile

import (
	"fmt"
	"slices"

	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/seal"
)

// The states of a finding. Only open, adopting and reverting ones wait for somebody.
const (
	Open      = "open"
	Adopting  = "adopting"  // a retroactive change is filed; its approval closes the finding
	Reverting = "reverting" // somebody undertook to take it back; the reverse difference closes it
	Adopted   = "adopted"
	Reverted  = "reverted"
	Waived    = "waived" // until its end, then open again
	Settled   = "closed" // explained after all
)

// Finding is a difference that nobody approved, until somebody answers for it.
type Finding struct {
	ID          string            `json:"id"` // FND-000001
	N           int64             `json:"n"`
	Version     int64             `json:"version"`
	Fingerprint string            `json:"fingerprint"`
	State       string            `json:"state"`
	Severity    Severity          `json:"severity"`
	Score       int64             `json:"score"`
	Asset       inventory.AssetID `json:"asset"`
	Owner       string            `json:"owner"`
	Change      string            `json:"change,omitempty"` // that ran at the time, or that adopts it
	Difference  int64             `json:"difference"`       // number of the first
	Opened      int64             `json:"opened"`
	Due         int64             `json:"due"` // 24 hours later, or the end of a waiver
	// Next is what it waits for where that is not an answer, such as a draft that adopts it. It is worked out when the finding is read
	// alone, and never stored.
	Next string `json:"next,omitempty"`
	FindingBody
}

// FindingBody is what of a finding no query filters by.
type FindingBody struct {
	Name        string             `json:"name"` // of the asset
	Disposition Disposition        `json:"disposition"`
	Environment string             `json:"environment,omitempty"`
	Op          inventory.Op       `json:"op"`
	Path        string             `json:"path,omitempty"`
	Kind        inventory.AttrKind `json:"kind"`
	Before      inventory.Value    `json:"before,omitempty"` // of the first
	After       inventory.Value    `json:"after,omitempty"`  // of the newest
	Actor       string             `json:"actor,omitempty"`  // of the newest, as its source names them
	Actors      []string           `json:"actors,omitempty"` // of those before, other names than the newest
	Note        string             `json:"note,omitempty"`   // of code that left its state: what became of the thing that it managed
	Earliest    int64              `json:"earliest"`
	Latest      int64              `json:"latest"`
	Count       int64              `json:"count"`              // differences of this kind since it was opened
	Collects    bool               `json:"collects,omitempty"` // many places of one asset, because more findings of it wait than stand by themselves
	Away        int64              `json:"away,omitempty"`     // of one that collects: places that are not as they were before
	Flapping    bool               `json:"flapping,omitempty"`
	Restored    string             `json:"restored,omitempty"` // difference that took it back
	NamedBy     string             `json:"named_by,omitempty"` // who named the owner after it was raised, without a change: they do not answer as that owner
	Decider     string             `json:"decider,omitempty"`
	Decided     int64              `json:"decided,omitempty"`
	Reason      string             `json:"reason,omitempty"`
	Adopts      string             `json:"adopts,omitempty"` // the retroactive change
	Closed      int64              `json:"closed,omitempty"`
	Effects     []string           `json:"effects,omitempty"` // claims that were not seen, of a finding about them
	Hits        []Hit              `json:"hits"`
}

// Waits reports whether a finding still waits for somebody.
func (f *Finding) Waits() bool { return f.State == Open || f.State == Adopting || f.State == Reverting }

// clock is how long somebody has to answer. Policy: an unauthorized change is reported and dealt with within a day.
const clock = 24 * 60 * 60 * 1_000_000

// fingerprint is what makes two differences one finding: the same place and attribute. Values do not enter, so that what goes to and fro
// stays one.
func fingerprint(d inventory.Difference) string {
	op := d.Op
	if op == inventory.Deleted {
		op = inventory.Created // gone and back is one matter
	}
	return seal.Digest("plumb.finding.v1", []byte(d.Asset), []byte(d.Record), []byte(op), []byte(d.Path))
}

func findingID(n int64) string { return fmt.Sprintf("FND-%06d", n) }

// raise makes a finding of a difference.
func raise(d inventory.Difference, p Place, v Verdict, n, now int64) Finding {
	f := Finding{ID: findingID(n), N: n, Fingerprint: fingerprint(d), State: Open, Asset: d.Asset, Owner: p.Owner,
		Change: v.First().Change, Difference: d.N, Opened: now, Due: now + clock,
		FindingBody: FindingBody{Name: p.Name, Disposition: v.Disposition, Environment: p.Labels[inventory.LabelEnvironment], Op: d.Op, Path: d.Path,
			Kind: d.Kind, Before: d.Before, After: d.After, Actor: d.Actor, Note: p.LetGo, Earliest: d.Earliest, Latest: d.Latest, Count: 1, Hits: v.Hits}}
	f.Score, f.Severity = Weigh(d, p)
	return f
}

// attach adds a difference to a finding that waits or is waived, never a new one and never dropped.
func (f *Finding) attach(d inventory.Difference, v Verdict, now int64) {
	f.Count++
	f.Latest, f.Restored = d.Latest, ""
	if !f.takesBack(d) {
		f.another(d, now)
	}
	f.by(d.Actor)
	if f.takesBack(d) {
		f.Restored = d.ID
		if f.State == Reverting || f.State == Waived { // who took it as it is did not decide on the next time
			f.State, f.Closed = Reverted, now
		}
	}
	if v.First().Change != "" && f.Change == "" {
		f.Change = v.First().Change
	}
}

// by notes who did the newest of it. Who did an earlier one stays named: they judge none of it.
func (f *Finding) by(actor string) {
	if actor == "" || actor == f.Actor {
		return
	}
	if f.Actor != "" && !slices.Contains(f.Actors, f.Actor) && len(f.Actors) < maxHits {
		f.Actors = append(f.Actors, f.Actor)
	}
	f.Actor = actor
}

// doers gives the names of everybody whom a source named.
func (f *Finding) doers() (out []string) {
	for _, a := range append([]string{f.Actor}, f.Actors...) {
		if a != "" {
			out = append(out, doerNames(a)...)
		}
	}
	return out
}

// another takes the newer value of what a finding is about. Who took one value as it is, or adopts it, did not take the next: the finding is
// open again, with a clock of its own.
func (f *Finding) another(d inventory.Difference, now int64) {
	if (f.State == Waived || f.State == Adopting) && d.After != f.After {
		f.State, f.Due, f.Adopts, f.Reason = Open, now+clock, "", "another value than the one that was decided on was seen"
	}
	f.After = d.After
}

// takesBack reports whether a difference restores what was before the finding.
func (f *Finding) takesBack(d inventory.Difference) bool {
	switch {
	case f.Op == inventory.Created:
		return d.Op == inventory.Deleted
	case f.Op == inventory.Deleted:
		return d.Op == inventory.Created
	}
	return d.Op == f.Op && d.After == f.Before
}
