package db

import (
	"errors"
	"fmt"
	"strings"
)

// write is what a writing statement does, read once from its text.
type write struct {
	table     string
	deletes   bool
	exempt    bool
	returning string // the text that gives back the rows it touched
}

var (
	errNotWrite  = errors.New("db: a write must begin with INSERT INTO, UPDATE or DELETE FROM and name a table in lower case")
	errNotRead   = errors.New("db: a query must begin with SELECT or WITH and write nothing")
	errReturning = errors.New("db: Exec adds RETURNING itself")
	errNewID     = errors.New("db: the id of a row never changes")
)

// parseWrite reads the table and whether rows go away from a writing statement. Statements are
// constants of this program, so the form is strict: anything else is a defect.
func parseWrite(text string) (w write, err error) {
	f := strings.Fields(text)
	switch {
	case len(f) > 3 && f[0] == "INSERT" && f[1] == "INTO":
		w.table = f[2]
	case len(f) > 2 && f[0] == "UPDATE":
		w.table = f[1]
	case len(f) > 2 && f[0] == "DELETE" && f[1] == "FROM":
		w.table, w.deletes = f[2], true
	default:
		return write{}, errNotWrite
	}
	w.table, _, _ = strings.Cut(w.table, "(")
	flat := strings.Join(f, " ")
	switch {
	case !plainName(w.table):
		return write{}, errNotWrite
	case strings.Contains(flat, "RETURNING"):
		return write{}, errReturning
	case strings.Contains(flat, " SET id =") || strings.Contains(flat, ", id ="):
		return write{}, errNewID // the digest of the old id would stay behind
	}
	_, w.exempt = Exempt[w.table]
	w.returning = text + " RETURNING *"
	return w, nil
}

func plainName(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return s != ""
}

// reads refuses a query that could write: a row may only be written through Exec, which digests it.
func reads(text string) error {
	text = strings.TrimLeft(text, " \t\n")
	switch end := strings.IndexAny(text, " \t\n"); {
	case end < 0:
		return errNotRead
	case text[:end] == "SELECT":
		return nil
	case text[:end] != "WITH":
		return errNotRead
	}
	for _, word := range strings.Fields(text) {
		switch strings.Trim(word, "()") {
		case "INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE":
			return errNotRead
		}
	}
	return nil
}

// AtOnce bounds the values of one Among, by convention: a statement stays short, and few texts of it are prepared.
const AtOnce = 200

// Among writes IN with a place for each value, and adds the values to the arguments. Without values nothing is among them: PostgreSQL
// has no IN (), so that is a subquery without rows, which also NOT before it reads as it should.
func Among(args *[]any, values []string) string {
	if len(values) == 0 {
		return "IN (SELECT '' WHERE 1 = 0)"
	}
	places := make([]string, len(values))
	for i, v := range values {
		*args = append(*args, v)
		places[i] = fmt.Sprintf("$%d", len(*args))
	}
	return "IN (" + strings.Join(places, ", ") + ")"
}
