package db

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"plumbline.dev/plumb/internal/fault"
)

// Tx is one transaction of one use-case: who acts, the one instant of all it does, and the only way
// to the rows. It must not outlive the function that it was given to, and that function must not call
// Update or View again: both would wait for each other.
//
// A failed statement dooms its use-case on both engines: every later statement fails too, and nothing
// of it is committed even if the error was swallowed.
type Tx struct {
	session *session
	actor   fault.Actor
	now     time.Time
	reading bool
	over    bool
	failed  error     // the first failed statement
	open    []Rows    // of Query, closed at the latest with the transaction
	written []Written // covered rows not yet claimed by an event
	after   []func()
	facts   bool // wrote a covered row or an event

	editions *editions     // the writer's; nil in a view
	tail     *Memory[Tail] // the writer's; nil in a view
	touched  []string      // tables that were written
}

// Written is one covered row as it stands after a statement. Digest is "" for a deleted row.
type Written struct {
	Table, ID, Digest string
}

// Actor is who acts.
func (tx *Tx) Actor() fault.Actor { return tx.actor }

// Now is the one instant of this transaction, in UTC and whole microseconds.
func (tx *Tx) Now() time.Time { return tx.now }

// AfterCommit runs f once the transaction is durable; never if it fails. f must not block.
func (tx *Tx) AfterCommit(f func()) { tx.after = append(tx.after, f) }

// Claim hands over the covered rows written since the last claim, the newest digest of each. Only the
// ledger calls it, while it appends the event that answers for them.
func (tx *Tx) Claim() []Written {
	last := map[[2]string]int{}
	out := make([]Written, 0, len(tx.written))
	for _, w := range tx.written {
		k := [2]string{w.Table, w.ID}
		if i, ok := last[k]; ok {
			out[i] = w
			continue
		}
		last[k] = len(out)
		out = append(out, w)
	}
	tx.written = nil
	return out
}

// settled is the rule that makes traceability a property of the transaction: no covered row without
// an event after it. A use-case that swallowed the error of a statement is refused as well.
func (tx *Tx) settled() error {
	if tx.failed != nil {
		return tx.failed
	}
	if len(tx.written) == 0 {
		return nil
	}
	return fmt.Errorf("%w: table %s", ErrNoEvent, tx.written[0].Table)
}

// ErrNoEvent refuses a commit whose rows no ledger event answers for.
var ErrNoEvent = errors.New("db: rows were written without a ledger event after them")

var (
	errOver    = errors.New("db: the transaction is over")
	errReading = errors.New("db: a view cannot write")
)

// usable says whether another statement may run.
func (tx *Tx) usable() error {
	switch {
	case tx.over:
		return errOver
	case tx.failed != nil:
		return fmt.Errorf("db: an earlier statement of this use-case failed: %w", tx.failed)
	}
	return nil
}

// note remembers the first failure of a statement.
func (tx *Tx) note(err error) error {
	if err != nil && tx.failed == nil {
		tx.failed = err
	}
	return err
}

// NotBefore refuses to go on when t, an instant known to have passed, is far ahead of this
// transaction's: then this server's clock, or that of a replica, is wrong.
func (tx *Tx) NotBefore(t time.Time) error {
	if back := t.Sub(tx.now); back > maxStepBack {
		return clockMovedBack(back)
	}
	return nil
}

// Exec runs one INSERT, UPDATE or DELETE and returns how many rows it touched. On a covered table the
// rows are read back and digested as the database holds them.
func (tx *Tx) Exec(text string, args ...any) (int64, error) {
	if err := tx.usable(); err != nil {
		return 0, err
	}
	if tx.reading {
		return 0, errReading
	}
	w, err := tx.session.target(text)
	if err != nil {
		return 0, tx.note(err)
	}
	tx.editions.moved(w.table)
	tx.touched = append(tx.touched, w.table)
	tx.facts = tx.facts || !w.exempt || w.table == "ledger_event"
	if w.exempt {
		n, err := tx.session.exec(text, args...)
		return n, tx.note(err)
	}
	rows, err := tx.session.query(w.returning, args...)
	if err != nil {
		return 0, tx.note(err)
	}
	before := len(tx.written)
	err = EachRow(rows, func(r Row) error {
		one := Written{Table: w.table, ID: r.ID()}
		if !w.deletes {
			one.Digest = r.Digest(w.table)
		}
		tx.written = append(tx.written, one)
		return r.covered()
	})
	return int64(len(tx.written) - before), tx.note(err)
}

// ExecOne is Exec that must touch exactly one row; otherwise the row was changed by somebody else in
// between, and the use-case is refused.
func (tx *Tx) ExecOne(text string, args ...any) error {
	n, err := tx.Exec(text, args...)
	if err == nil && n != 1 {
		return fault.New(fault.Conflict, "changed_meanwhile", "Somebody changed this in the meantime.").
			Then("read it again, then repeat the request").FixedBy("you")
	}
	return err
}

// Query runs a SELECT. The caller closes the rows; Collect and One are shorter and cannot forget it.
func (tx *Tx) Query(text string, args ...any) (Rows, error) {
	rows, err := tx.query(text, args)
	if err == nil {
		tx.open = append(tx.open, rows)
	}
	return rows, err
}

func (tx *Tx) query(text string, args []any) (Rows, error) {
	if err := tx.usable(); err != nil {
		return nil, err
	}
	if err := reads(text); err != nil {
		return nil, tx.note(err)
	}
	rows, err := tx.session.query(text, args...)
	return rows, tx.note(err)
}

// end makes the transaction unusable. Rows left open would keep the connection busy for ever.
func (tx *Tx) end() {
	tx.over = true
	for _, rows := range tx.open {
		_ = rows.Close()
	}
}

// QueryRow is a SELECT of one row. It runs when its row is scanned.
func (tx *Tx) QueryRow(text string, args ...any) Single { return Single{tx, text, args} }

// Single is the row of a QueryRow.
type Single struct {
	tx   *Tx
	text string
	args []any
}

// Scan reads the columns of the row; sql.ErrNoRows when there is none.
func (s Single) Scan(into ...any) error {
	scan := func(row Scanner) (struct{}, error) { return struct{}{}, row.Scan(into...) }
	_, found, err := One(s.tx, scan, s.text, s.args...)
	if err == nil && !found {
		return sql.ErrNoRows
	}
	return err
}

// Scanner is what a row of a SELECT offers to a scan function.
type Scanner interface{ Scan(...any) error }

// Collect runs a SELECT and scans each row.
func Collect[T any](tx *Tx, scan func(Scanner) (T, error), text string, args ...any) ([]T, error) {
	rows, err := tx.query(text, args)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, tx.note(rows.Err())
}

// One runs a SELECT and scans the first row; found is false when there is none.
func One[T any](tx *Tx, scan func(Scanner) (T, error), text string, args ...any) (v T, found bool, err error) {
	rows, err := tx.query(text, args)
	if err != nil {
		return v, false, err
	}
	defer rows.Close()
	if !rows.Next() {
		return v, false, tx.note(rows.Err())
	}
	if v, err = scan(rows); err != nil {
		return v, false, err
	}
	return v, true, tx.note(rows.Close())
}
