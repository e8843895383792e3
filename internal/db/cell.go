package db

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// Cell is one column of a row that is not NULL, in the form that its digest covers: its value as text
// after one letter for its type, s for text, i for an integer or boolean, x for bytes.
type Cell struct {
	Column string
	Value  string
}

// Cells gives the row's columns that are not NULL, sorted by name: all that whoever has no database
// needs to compute the row's digest.
func (r Row) Cells() []Cell {
	out := make([]Cell, 0, len(r.columns))
	for i, c := range r.columns {
		if letter, text := encode(r.values[i]); letter != null {
			out = append(out, Cell{Column: c, Value: string(letter) + text})
		}
	}
	slices.SortFunc(out, func(a, b Cell) int { return strings.Compare(a.Column, b.Column) })
	return out
}

// CellsDigest is Row.Digest for a row that comes from elsewhere, "" for cells that no row has: not
// sorted by column, a column twice or with a name that could be read as something else, a value
// without its letter.
func CellsDigest(table string, cells []Cell) string {
	buf := make([]byte, 0, 512)
	buf = append(append(append(buf, "plumb.row.v1\n"...), table...), '\n')
	for i, c := range cells {
		if c.Value == "" || !plainName(c.Column) || i > 0 && cells[i-1].Column >= c.Column {
			return ""
		}
		buf = appendCell(buf, c.Column, c.Value[0], c.Value[1:])
	}
	sum := sha256.Sum256(buf)
	return hex.EncodeToString(sum[:])
}
