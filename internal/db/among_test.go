package db_test

import (
	"errors"
	"testing"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/db/dbtest"
)

func TestNothingIsAmongNoValues(t *testing.T) {
	t.Parallel()
	d, _ := open(t, dbtest.Config(t))
	if err := update(d, func(tx *db.Tx) error { return errors.Join(insert(tx, "a"), insert(tx, "b"), insert(tx, "c")) }); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		values   []string
		in, rest int64
	}{{nil, 0, 3}, {[]string{}, 0, 3}, {[]string{"b"}, 1, 2}, {[]string{"a", "c", "z"}, 2, 1}} {
		for not, want := range map[string]int64{"": x.in, "NOT ": x.rest} {
			var got int64
			if err := d.View(t.Context(), func(tx *db.Tx) (err error) {
				args := []any{"z"}
				got, _, err = db.One(tx, func(row db.Scanner) (n int64, err error) { return n, row.Scan(&n) },
					"SELECT COUNT(*) FROM test_thing WHERE name <> $1 AND id "+not+db.Among(&args, x.values), args...)
				return err
			}); err != nil {
				t.Fatalf("%v: %v", x.values, err)
			}
			if got != want {
				t.Errorf("%d rows are %samong %v, want %d", got, not, x.values, want)
			}
		}
	}
}
