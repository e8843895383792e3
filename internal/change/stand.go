package change

import (
	"slices"

	"plumbline.dev/plumb/internal/db"
)

// Over reports whether nothing is executed under a change in this state any more.
func (s State) Over() bool { return slices.Contains([]State{Closed, Cancelled, Expired, Rejected}, s) }

// Stand is how far a change is, as its own rows say: for who checks what others wrote down of it.
type Stand struct {
	State State
	Ended map[string]int64 // end of each permit in microseconds, 0 while it runs
}

// StandIn reads how far a change is. It needs no desk, so that who verifies a database needs no policy; found is false where
// there is no such change.
func StandIn(tx *db.Tx, id ID) (s Stand, found bool, err error) {
	s.State, found, err = db.One(tx, func(row db.Scanner) (x State, err error) { return x, row.Scan(&x) },
		"SELECT state FROM change_change WHERE id = $1", string(id))
	if err != nil || !found {
		return s, found, err
	}
	list, err := listPermits(tx, id)
	s.Ended = make(map[string]int64, len(list))
	for _, p := range list {
		s.Ended[p.ID] = p.Ended
	}
	return s, true, err
}
