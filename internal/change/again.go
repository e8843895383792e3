package change

import (
	"fmt"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
)

// ChangeIn reads one change as this transaction sees it, so that a surface can keep the answer that it
// gives together with the use-case.
func (d *Desk) ChangeIn(tx *db.Tx, id ID) (Change, error) { return loadChange(tx, id) }

// CheckIn reads one piece of evidence.
func (d *Desk) CheckIn(tx *db.Tx, id string) (CheckResult, error) {
	return single(db.One(tx, scanCheck, checkColumns+" WHERE id = $1", id))
}

// CommentIn reads one comment.
func (d *Desk) CommentIn(tx *db.Tx, id string) (Comment, error) {
	return single(db.One(tx, func(row db.Scanner) (c Comment, err error) {
		return c, row.Scan(&c.ID, &c.Change, &c.By, &c.At, &c.Text)
	}, "SELECT id, change_id, person, at, body FROM change_comment WHERE id = $1", id))
}

// WindowIn reads one window or freeze.
func (d *Desk) WindowIn(tx *db.Tx, id string) (Window, error) {
	return single(db.One(tx, scanWindow, windowColumns+" WHERE id = $1", id))
}

// single says that a row is absent where it must be there.
func single[T any](v T, found bool, err error) (T, error) {
	if err != nil {
		return v, fmt.Errorf("load: %w", err)
	}
	if !found {
		return v, fault.New(fault.NotFound, "not_found", "It is not there any more.").
			Then("look again, then repeat the request")
	}
	return v, nil
}
