package reconcile

import (
	"context"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
)

// Refresh is refresh, for what cannot be interleaved from outside.
var Refresh = refresh

// AsksBy is Asks in batches of so many.
func (d *Desk) AsksBy(ctx context.Context, actor fault.Actor, limit, atOnce int) ([]Finding, int, error) {
	return d.asks(ctx, actor, limit, atOnce)
}

// SaveFinding, AdmitFound and KnownTo are saveFinding, admitFound and knownTo, for findings that take a story to come about.
var (
	SaveFinding = saveFinding
	AdmitFound  = admitFound
	KnownTo     = knownTo
)

// Means is means, for claims of every kind beside each other.
var Means = means

// Forget has the next step make its index anew.
func (d *Desk) Forget() { d.recalled = nil }

// Keeps reports whether an index is kept for the next step.
func (d *Desk) Keeps() bool { return d.recalled != nil }

// MayAsk is mayAsk, for its comparison with Judged.
const MayAsk = mayAsk

// QuietTo gives the end of the stretch after a number.
func QuietTo(tx *db.Tx, after, atOnce int64) (int64, error) {
	q, err := quietAfter(tx, after, atOnce)
	return q.to, err
}

// MayDecide is mayDecide, for findings that take a story to come about.
func (f *Finding) MayDecide(actor fault.Actor, roster *directory.Roster, runs []Run) error {
	return f.mayDecide(actor, roster, near{runs: runs})
}

// MayReview is mayReview, for mutes in any state.
func (m *Mute) MayReview(actor fault.Actor, roster *directory.Roster) error {
	return m.mayReview(actor, roster)
}

// MayEnd is mayEnd, for mutes in any state.
func (m *Mute) MayEnd(actor fault.Actor, roster *directory.Roster) error {
	return m.mayEnd(actor, roster)
}
