package db

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/fault"
)

// Tx is one transaction of one use-case: who acts, the one instant of all it does, and the only way
// to the rows. It must not outlive the function that it was given to.
type Tx struct {
	session *session
	actor   fault.Actor
	now     time.Time
	reading bool
	over    bool
	written []Written // covered rows not yet claimed by an event
	after   []func()
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
// an event after it.
func (tx *Tx) settled() error {
	if len(tx.written) == 0 {
		return nil
	}
	return fmt.Errorf("%w: table %s", ErrNoEvent, tx.written[0].Table)
}

// ErrNoEvent refuses a commit whose rows no ledger event answers for.
var ErrNoEvent = errors.New("db: rows were written without a ledger event after them")

var errOver = errors.New("db: the transaction is over")

// Exec runs one INSERT, UPDATE or DELETE and returns how many rows it touched. On a covered table the
// rows are read back and digested as the database holds them.
func (tx *Tx) Exec(text string, args ...any) (int64, error) {
	if tx.over || tx.reading {
		return 0, errOver
	}
	table, deletes, err := target(text)
	if err != nil {
		return 0, err
	}
	if _, exempt := Exempt[table]; exempt {
		return tx.session.exec(text, args...)
	}
	rows, err := tx.session.query(text+" RETURNING *", args...)
	if err != nil {
		return 0, err
	}
	before := len(tx.written)
	if err := EachRow(rows, func(r Row) error {
		w := Written{Table: table, ID: r.ID()}
		if !deletes {
			w.Digest = r.Digest(table)
		}
		tx.written = append(tx.written, w)
		return nil
	}); err != nil {
		return 0, err
	}
	return int64(len(tx.written) - before), nil
}

// ExecOne is Exec that must touch exactly one row; otherwise the row was changed by somebody else in
// between, and the use-case is refused.
func (tx *Tx) ExecOne(text string, args ...any) error {
	n, err := tx.Exec(text, args...)
	if err == nil && n != 1 {
		return fault.New(fault.Conflict, "changed_meanwhile", "Somebody changed this in the meantime.").
			Then("read it again, then repeat the request")
	}
	return err
}

// Query runs a SELECT. The caller closes the rows; Collect and One are shorter and cannot forget it.
func (tx *Tx) Query(text string, args ...any) (*sql.Rows, error) {
	if tx.over {
		return nil, errOver
	}
	return tx.session.query(text, args...)
}

// QueryRow runs a SELECT of one row.
func (tx *Tx) QueryRow(text string, args ...any) *sql.Row {
	st, err := tx.session.prepare(text)
	if err != nil || tx.over {
		return tx.session.conn.QueryRowContext(context.Background(), text, args...)
	}
	return st.QueryRowContext(context.Background(), args...)
}

// Scanner is what a row of a SELECT offers to a scan function.
type Scanner interface{ Scan(...any) error }

// Collect runs a SELECT and scans each row.
func Collect[T any](tx *Tx, scan func(Scanner) (T, error), text string, args ...any) ([]T, error) {
	rows, err := tx.Query(text, args...)
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
	return out, rows.Err()
}

// One runs a SELECT and scans the first row; found is false when there is none.
func One[T any](tx *Tx, scan func(Scanner) (T, error), text string, args ...any) (v T, found bool, err error) {
	rows, err := tx.Query(text, args...)
	if err != nil {
		return v, false, err
	}
	defer rows.Close()
	if !rows.Next() {
		return v, false, rows.Err()
	}
	if v, err = scan(rows); err != nil {
		return v, false, err
	}
	return v, true, rows.Err()
}

// View runs fn on a consistent snapshot that cannot write.
func (d *DB) View(ctx context.Context, fn func(*Tx) error) error {
	var s *session
	select {
	case s = <-d.readers:
	case <-ctx.Done():
		return ctx.Err()
	}
	s, err := d.beginView(ctx, s)
	if err != nil {
		d.readers <- nil
		return unavailableRead(err)
	}
	tx := &Tx{session: s, now: d.clock.read(), reading: true}
	err = fn(tx)
	tx.over = true
	if _, end := s.exec("ROLLBACK"); end != nil {
		s.drop()
		s = nil
	}
	d.readers <- s
	return err
}

func (d *DB) beginView(ctx context.Context, s *session) (*session, error) {
	var err error
	for range 2 {
		if s == nil {
			if s, err = openSession(ctx, d.read); err != nil {
				return nil, err
			}
		}
		if _, err = s.exec(d.dialect.beginRead()); err == nil {
			return s, nil
		}
		s.drop()
		s = nil
	}
	return nil, err
}

func unavailableRead(err error) error {
	return fault.New(fault.Unavailable, "database_unavailable", "The database does not answer.").
		From(err).FixedBy("the operator of the server")
}

// target reads the table and whether rows go away from a writing statement. Statements are constants
// of this program, so the form is strict: anything else is a defect.
func target(text string) (table string, deletes bool, err error) {
	f := strings.Fields(text)
	switch {
	case len(f) > 3 && f[0] == "INSERT" && f[1] == "INTO":
		table = f[2]
	case len(f) > 2 && f[0] == "UPDATE":
		table = f[1]
	case len(f) > 2 && f[0] == "DELETE" && f[1] == "FROM":
		table, deletes = f[2], true
	default:
		return "", false, errors.New("db: a write must begin with INSERT INTO, UPDATE or DELETE FROM")
	}
	if strings.Contains(text, "RETURNING") {
		return "", false, errors.New("db: Exec adds RETURNING itself")
	}
	table, _, _ = strings.Cut(table, "(")
	return table, deletes, nil
}

// Row is one row as the database holds it, column by column.
type Row struct {
	columns []string
	values  []any
}

// EachRow reads rows generically and closes them.
func EachRow(rows *sql.Rows, each func(Row) error) error {
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	r := Row{columns: columns, values: make([]any, len(columns))}
	into := make([]any, len(columns))
	for i := range into {
		into[i] = &r.values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if err := each(r); err != nil {
			return err
		}
	}
	return rows.Err()
}

// ID is the row's id column as text. Every covered table has a TEXT primary key named id.
func (r Row) ID() string {
	if i := slices.Index(r.columns, "id"); i >= 0 {
		return text(r.values[i])
	}
	return ""
}

// Digest is the hex SHA-256 over the table's name and each column that is not NULL, sorted by name,
// each as name, type letter, length and value. A column that a migration adds as NULL changes no
// digest.
func (r Row) Digest(table string) string {
	order := make([]int, len(r.columns))
	for i := range order {
		order[i] = i
	}
	sort.Slice(order, func(a, b int) bool { return r.columns[order[a]] < r.columns[order[b]] })
	buf := make([]byte, 0, 512)
	buf = append(append(append(buf, "plumb.row.v1\n"...), table...), '\n')
	for _, i := range order {
		if r.values[i] == nil {
			continue
		}
		v := text(r.values[i])
		buf = append(append(buf, r.columns[i]...), '=', letter(r.values[i]))
		buf = append(strconv.AppendInt(buf, int64(len(v)), 10), ':')
		buf = append(append(buf, v...), '\n')
	}
	sum := sha256.Sum256(buf)
	return hex.EncodeToString(sum[:])
}

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case bool:
		if v {
			return "1"
		}
		return "0"
	}
	return fmt.Sprintf("unsupported %T", v)
}

func letter(v any) byte {
	switch v.(type) {
	case int64:
		return 'i'
	case bool:
		return 'b'
	}
	return 's'
}
