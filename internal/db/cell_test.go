package db_test

import (
	"testing"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/db/dbtest"
)

func TestCellsOfARowGiveItsDigestWithoutADatabase(t *testing.T) {
	t.Parallel()
	d := dbtest.Open(t, nil)
	var cells []db.Cell
	err := d.View(t.Context(), func(tx *db.Tx) error {
		rows, err := tx.Query("SELECT 'seven' AS id, CAST(7 AS BIGINT) AS number, NULL AS gone, '' AS empty, 1 = 1 AS yes")
		if err != nil {
			return err
		}
		return db.EachRow(rows, func(r db.Row) error {
			cells = r.Cells()
			if got, want := db.CellsDigest("test_thing", cells), r.Digest("test_thing"); got != want {
				t.Errorf("got %s, want %s from %v", got, want, cells)
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := db.CellsDigest("test_thing", cells), rowDigest("empty=s0:\nid=s5:seven\nnumber=i1:7\nyes=i1:1\n"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestCellsThatNoRowHasGiveNoDigest(t *testing.T) {
	t.Parallel()
	for name, cells := range map[string][]db.Cell{
		"unsorted":           {{Column: "b", Value: "s1"}, {Column: "a", Value: "s1"}},
		"twice":              {{Column: "a", Value: "s1"}, {Column: "a", Value: "s1"}},
		"without its letter": {{Column: "a"}},
		"two in one":         {{Column: "a=s1:1\nb", Value: "s1"}},
		"no name":            {{Value: "s1"}},
	} {
		if got := db.CellsDigest("test_thing", cells); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
}
