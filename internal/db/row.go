package db

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"sort"
	"strconv"
)

// Row is one row as the database holds it, column by column.
type Row struct {
	columns []string
	values  []any
}

// EachRow reads rows generically and closes them. The Row is valid only during the call of each.
func EachRow(rows Rows, each func(Row) error) error {
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
		_, text := encode(r.values[i])
		return text
	}
	return ""
}

// Digest is the hex SHA-256 over the table's name and each column that is not NULL, sorted by name,
// each as name, type letter, length and value. A column that a migration adds as NULL changes no
// digest, and both engines give the same digest for the same row.
func (r Row) Digest(table string) string {
	order := make([]int, len(r.columns))
	for i := range order {
		order[i] = i
	}
	sort.Slice(order, func(a, b int) bool { return r.columns[order[a]] < r.columns[order[b]] })
	buf := make([]byte, 0, 512)
	buf = append(append(append(buf, "plumb.row.v1\n"...), table...), '\n')
	for _, i := range order {
		letter, text := encode(r.values[i])
		if letter == null {
			continue
		}
		buf = appendCell(buf, r.columns[i], letter, text)
	}
	sum := sha256.Sum256(buf)
	return hex.EncodeToString(sum[:])
}

func appendCell(buf []byte, column string, letter byte, text string) []byte {
	buf = append(append(buf, column...), '=', letter)
	buf = append(strconv.AppendInt(buf, int64(len(text)), 10), ':')
	return append(append(buf, text...), '\n')
}

// covered refuses a value of a type that the digest does not know: covered tables hold TEXT, BIGINT,
// BOOLEAN and BYTEA only. Verification needs no such check: no recorded digest has the letter '?'.
func (r Row) covered() error {
	for i, v := range r.values {
		if letter, _ := encode(v); letter == unknown {
			return fmt.Errorf("db: column %s holds a %T, which no digest covers", r.columns[i], v)
		}
	}
	return nil
}

// The letters of a column without a value, and of one that no digest covers.
const (
	null    = 0
	unknown = '?'
)

// encode gives a value's type letter and text: s for text, i for an integer, x for bytes. A boolean is
// the integer 0 or 1, because SQLite has no other, and there a 2 must not pass for a 1.
func encode(v any) (letter byte, text string) {
	switch v := v.(type) {
	case nil:
		return null, ""
	case string:
		return 's', v
	case []byte:
		return 'x', string(v)
	case int64:
		return 'i', strconv.FormatInt(v, 10)
	case bool:
		if v {
			return 'i', "1"
		}
		return 'i', "0"
	}
	return unknown, fmt.Sprint(v)
}
