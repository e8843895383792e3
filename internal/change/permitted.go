package change

import (
	"fmt"
	"slices"

	"plumbline.dev/plumb/internal/db"
)

// Permitted is what of a change was allowed to run, and what ran: the record that reconciliation rests on.
type Permitted struct {
	Change      Change
	Environment string     // strictest of its targets
	Revisions   []Revision // those under a permit, and the current one if it is authorized; the oldest first
	Permits     []Permit
	Current     Revision // as it is worded now, approved or not
}

// PermittedIn reads what of a change was allowed to run. It decides nothing.
func (d *Desk) PermittedIn(tx *db.Tx, id ID) (a Permitted, err error) {
	s, err := d.loadRecord(tx, id)
	if err != nil {
		return a, err
	}
	if s.Pack, err = d.packIn(tx); err != nil {
		return a, err
	}
	a.Change, a.Environment, a.Permits, a.Current = s.Change, s.environment(), s.Permits, s.Revision
	for n := int64(1); n <= s.Change.Rev; n++ {
		rev := s.Revision
		if n < s.Change.Rev {
			if rev, err = loadRevision(tx, id, n); err != nil {
				return a, fmt.Errorf("load revision: %w", err)
			}
		}
		ran := slices.ContainsFunc(s.Permits, func(p Permit) bool { return p.Rev == rev.Digest && p.Kind != "plan" })
		if ran || n == s.Change.Rev && s.Change.Body.Decided > 0 && s.Change.State.authorized() {
			a.Revisions = append(a.Revisions, rev)
		}
	}
	return a, nil
}

// WordingsIn gives the canonical bytes of those revisions of a change that have a text in them, which is in small letters and found in
// capitals too, the oldest first; none of a change that is not there.
func (d *Desk) WordingsIn(tx *db.Tx, id ID, text string) ([]string, error) {
	list, err := db.Collect(tx, scanString, "SELECT canonical FROM change_revision WHERE change_id = $1 AND replace(lower(canonical), $2, '') <> lower(canonical) ORDER BY n", string(id), text)
	if err != nil {
		return nil, fmt.Errorf("load wordings: %w", err)
	}
	return list, nil
}

// authorized reports whether a change in this state has its approvals.
func (s State) authorized() bool {
	return slices.Contains([]State{Authorized, Scheduled, Implementing, Verifying, InReview, Closed}, s)
}
