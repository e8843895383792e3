package reconcile

import "plumbline.dev/plumb/internal/db"

// Refresh is refresh, for what cannot be interleaved from outside.
var Refresh = refresh

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
