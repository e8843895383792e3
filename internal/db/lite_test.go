package db_test

import (
	"database/sql"
	"testing"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/db/dbtest"
)

type word string

// What a column is scanned into gets its value or an error, on both engines the same: NULL, text and
// numbers that do not fit never become a zero value.
func TestAColumnBecomesItsValueOrAnError(t *testing.T) {
	t.Parallel()
	d := dbtest.Open(t, nil)
	var (
		text  string
		name  word
		n     int64
		small int32
		flag  bool
		bytes []byte
		maybe sql.NullString
		thing any
		float float64
	)
	cases := []struct {
		name string
		expr string
		into any
		ok   bool
		got  func() bool
	}{
		{"text", "'a'", &text, true, func() bool { return text == "a" }},
		{"text of a kind", "'b'", &name, true, func() bool { return name == "b" }},
		{"an integer", "CAST(7 AS BIGINT)", &n, true, func() bool { return n == 7 }},
		{"an integer as text", "CAST(7 AS BIGINT)", &text, true, func() bool { return text == "7" }},
		{"true", "1 = 1", &flag, true, func() bool { return flag }},
		{"text as bytes", "'xy'", &bytes, true, func() bool { return string(bytes) == "xy" }},
		{"NULL that may be", "CAST(NULL AS TEXT)", &maybe, true, func() bool { return !maybe.Valid }},
		{"anything", "CAST(3 AS BIGINT)", &thing, true, func() bool { return thing == int64(3) }},
		{"NULL as text", "CAST(NULL AS TEXT)", &text, false, nil},
		{"NULL as text of a kind", "CAST(NULL AS TEXT)", &name, false, nil},
		{"NULL as an integer", "CAST(NULL AS BIGINT)", &n, false, nil},
		{"words as an integer", "'seven'", &n, false, nil},
		{"an integer that does not fit", "CAST(4294967296 AS BIGINT)", &small, false, nil},
		{"two as a boolean", "CAST(2 AS BIGINT)", &flag, false, nil},
		{"into nothing", "'a'", (*string)(nil), false, nil},
		{"into a value", "'a'", text, false, nil},
	}
	for _, c := range cases {
		err := d.View(t.Context(), func(tx *db.Tx) error { return tx.QueryRow("SELECT " + c.expr).Scan(c.into) })
		if (err == nil) != c.ok || c.ok && !c.got() {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	err := d.View(t.Context(), func(tx *db.Tx) error { return tx.QueryRow("SELECT 1, 2").Scan(&n) })
	if err == nil {
		t.Error("two columns were scanned into one place")
	}
	if d.Engine() == "sqlite" {
		if err := d.View(t.Context(), func(tx *db.Tx) error { return tx.QueryRow("SELECT 1.5").Scan(&float) }); err == nil {
			t.Error("a number that is no integer was taken; no covered column holds one")
		}
	}
}

// A statement gets exactly the arguments that it has places for. PostgreSQL refuses another number; what only SQLite took would be found
// by whoever runs the other engine.
func TestAStatementGetsExactlyItsArguments(t *testing.T) {
	t.Parallel()
	d := dbtest.Open(t, nil)
	for _, c := range []struct {
		text string
		args []any
		ok   bool
	}{
		{"SELECT CAST($1 AS BIGINT)", []any{int64(7)}, true},
		{"SELECT CAST($1 AS BIGINT) + CAST($1 AS BIGINT)", []any{int64(7)}, true},
		{"SELECT CAST($2 AS BIGINT) + CAST($1 AS BIGINT)", []any{int64(7), int64(1)}, true},
		{"SELECT CAST($1 AS BIGINT)", []any{int64(7), "nobody asks for it"}, false},
		{"SELECT CAST($1 AS BIGINT)", nil, false},
		{"SELECT CAST($2 AS BIGINT)", []any{"nobody asks for it", int64(7)}, false},
		{"SELECT 7", []any{"nobody asks for it"}, false},
		{"SELECT LENGTH('it costs $2')", nil, true},
	} {
		var n int64
		err := d.View(t.Context(), func(tx *db.Tx) error { return tx.QueryRow(c.text, c.args...).Scan(&n) })
		if (err == nil) != c.ok {
			t.Errorf("%s with %d arguments: %v", c.text, len(c.args), err)
		}
		n = 0
	}
}
