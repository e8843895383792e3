package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
)

// Rows are the rows of a SELECT, in their order. It belongs to the transaction's goroutine.
type Rows interface {
	Next() bool
	Scan(into ...any) error
	Columns() ([]string, error)
	Err() error
	Close() error
}

// lite is one connection to SQLite, asked without database/sql between. A session belongs to one goroutine
// and never shares its statements, so that what database/sql guards there has nothing to guard, and costs a
// tenth of a write.
type lite struct {
	conn  driver.Conn
	stmts map[string]prepared
	args  []driver.NamedValue // of the statement that runs; used again
}

// prepared is a statement with how many arguments it takes.
type prepared struct {
	liteStmt
	places int
}

// liteStmt is a prepared statement as SQLite's driver offers it.
type liteStmt interface {
	driver.StmtExecContext
	driver.StmtQueryContext
	Close() error
}

func openLite(d driver.Driver, dsn string) (*lite, error) {
	conn, err := d.Open(dsn)
	if err != nil {
		return nil, err
	}
	return &lite{conn: conn, stmts: map[string]prepared{}}, nil
}

// prepare prepares a statement once. SQLite takes any number of arguments, and NULL for one that is missing; PostgreSQL refuses both, and
// so does this.
func (l *lite) prepare(text string, args int) (liteStmt, error) {
	st, ok := l.stmts[text]
	if !ok {
		var err error
		if st, err = l.fresh(text); err != nil {
			return nil, err
		}
	}
	if st.places != args {
		return nil, fmt.Errorf("db: the statement has places for %d arguments, and there are %d: %.200s", st.places, args, text)
	}
	return st, nil
}

func (l *lite) fresh(text string) (out prepared, err error) {
	if out.places, err = places(text); err != nil {
		return out, err
	}
	if len(l.stmts) >= maxStmts {
		if err := l.forget(); err != nil {
			return out, err
		}
	}
	plain, err := l.conn.Prepare(orFail(text))
	if err != nil {
		return out, err
	}
	ok := false
	if out.liteStmt, ok = plain.(liteStmt); !ok {
		_ = plain.Close()
		return out, fmt.Errorf("db: SQLite's driver gives a %T, which cannot be used", plain)
	}
	l.stmts[text] = out
	return out, nil
}

// places counts the arguments of a statement, $1 to $n; one in between that it does not use is an error. What stands in quotes is text.
func places(text string) (int, error) {
	var used []bool
	quoted := false
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\'':
			quoted = !quoted
		case text[i] == '$' && !quoted:
			n := 0
			for ; i+1 < len(text) && text[i+1] >= '0' && text[i+1] <= '9' && n < 1e5; i++ {
				n = 10*n + int(text[i+1]-'0')
			}
			if n == 0 {
				continue
			}
			for len(used) < n {
				used = append(used, false)
			}
			used[n-1] = true
		}
	}
	if i := slices.Index(used, false); i >= 0 {
		return 0, fmt.Errorf("db: the statement does not use its argument $%d: %.200s", i+1, text)
	}
	return len(used), nil
}

// orFail has a writing statement that fails keep what it wrote so far. Nothing of it can stay: after a failed statement the
// use-case takes no other (Tx.note), and its savepoint is rolled back, even if the error was swallowed (Tx.settled). What it
// spares is a journal for each statement, which SQLite keeps in memory and walks from its beginning whenever a statement ends.
func orFail(text string) string {
	for _, verb := range []string{"INSERT", "UPDATE"} {
		if rest, ok := strings.CutPrefix(text, verb+" "); ok {
			return verb + " OR FAIL " + rest
		}
	}
	return text
}

// bound turns arguments into what a driver takes, by the rules of database/sql.
func (l *lite) bound(args []any) ([]driver.NamedValue, error) {
	l.args = l.args[:0]
	for i, a := range args {
		v := driver.NamedValue{Ordinal: i + 1}
		switch a.(type) {
		case string, int64, bool, []byte, nil:
			v.Value = a
		default:
			var err error
			if v.Value, err = driver.DefaultParameterConverter.ConvertValue(a); err != nil {
				return nil, fmt.Errorf("db: argument %d: %w", i+1, err)
			}
		}
		l.args = append(l.args, v)
	}
	return l.args, nil
}

func (l *lite) exec(text string, args []any) (int64, error) {
	st, err := l.prepare(text, len(args))
	if err != nil {
		return 0, err
	}
	values, err := l.bound(args)
	if err != nil {
		return 0, err
	}
	res, err := st.ExecContext(context.Background(), values)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (l *lite) query(text string, args []any) (Rows, error) {
	st, err := l.prepare(text, len(args))
	if err != nil {
		return nil, err
	}
	values, err := l.bound(args)
	if err != nil {
		return nil, err
	}
	rows, err := st.QueryContext(context.Background(), values)
	if err != nil {
		return nil, err
	}
	columns := rows.Columns()
	return &liteRows{rows: rows, columns: columns, values: make([]driver.Value, len(columns))}, nil
}

// forget closes the prepared statements.
func (l *lite) forget() (err error) {
	for text, st := range l.stmts {
		if e := st.Close(); err == nil {
			err = e
		}
		delete(l.stmts, text)
	}
	return err
}

// liteRows gives rows as database/sql does: at their end they are closed.
type liteRows struct {
	rows    driver.Rows
	columns []string
	values  []driver.Value
	err     error
	closed  bool
}

// Next reads the next row; false at the end and after an error.
func (r *liteRows) Next() bool {
	if r.closed || r.err != nil {
		return false
	}
	err := r.rows.Next(r.values)
	if err == nil {
		return true
	}
	if err != io.EOF {
		r.err = err
	}
	if e := r.Close(); r.err == nil {
		r.err = e
	}
	return false
}

// Scan copies the columns of the row.
func (r *liteRows) Scan(into ...any) error {
	if len(into) != len(r.values) {
		return fmt.Errorf("db: %d columns are scanned into %d places", len(r.values), len(into))
	}
	for i, v := range r.values {
		if err := assign(into[i], v); err != nil {
			return fmt.Errorf("db: column %s: %w", r.columns[i], err)
		}
	}
	return nil
}

// Columns names the columns.
func (r *liteRows) Columns() ([]string, error) { return r.columns, nil }

// Err is the error that ended the rows, nil at their end.
func (r *liteRows) Err() error { return r.err }

// Close ends the rows; a second time does nothing.
func (r *liteRows) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	return r.rows.Close()
}

// assign copies a value of the driver into a place, by the rules of database/sql as far as rooms use them.
func assign(into any, v driver.Value) error {
	switch p := into.(type) {
	case *string:
		if s, ok := v.(string); ok && p != nil {
			*p = s
			return nil
		}
	case *int64:
		if n, ok := v.(int64); ok && p != nil {
			*p = n
			return nil
		}
	case *any:
		if p != nil {
			*p = v
			return nil
		}
	case sql.Scanner:
		return p.Scan(v)
	}
	return assignSlowly(reflect.ValueOf(into), v)
}

// assignSlowly takes what is not simply the same type. Nothing becomes a value by accident: NULL into a
// place that cannot hold it is an error, and so is a number that does not fit.
func assignSlowly(into reflect.Value, v driver.Value) error {
	if into.Kind() != reflect.Pointer || into.IsNil() {
		return fmt.Errorf("cannot be scanned into a %s", into.Type())
	}
	place := into.Elem()
	switch place.Kind() {
	case reflect.String:
		var s sql.Null[string]
		if err := s.Scan(v); err != nil || !s.Valid {
			return fmt.Errorf("a %T is no text", v)
		}
		place.SetString(s.V)
	case reflect.Int, reflect.Int64, reflect.Int32:
		var n sql.Null[int64]
		if err := n.Scan(v); err != nil || !n.Valid || place.OverflowInt(n.V) {
			return fmt.Errorf("a %T is no integer that fits", v)
		}
		place.SetInt(n.V)
	case reflect.Bool:
		var b sql.Null[bool]
		if err := b.Scan(v); err != nil || !b.Valid {
			return fmt.Errorf("a %T is neither true nor false", v)
		}
		place.SetBool(b.V)
	default:
		return assignBytes(place, v)
	}
	return nil
}

func assignBytes(place reflect.Value, v driver.Value) error {
	if place.Type() != reflect.TypeFor[[]byte]() {
		return fmt.Errorf("cannot be scanned into a %s", place.Type())
	}
	var b sql.Null[[]byte]
	if err := b.Scan(v); err != nil {
		return fmt.Errorf("a %T is no bytes", v)
	}
	place.SetBytes(b.V)
	return nil
}
