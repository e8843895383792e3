package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
	sqlitelib "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Damage is one thing that is wrong below the rows: a broken page, an index that disagrees with its
// table, a constraint that is gone.
type Damage struct {
	Object  string // table, index or trigger; "" when the engine names none
	Problem string
}

// Inspect asks the engine whether its storage is whole, and compares the schema with what this
// program's migrations make: a query through a falsified index, or past a dropped constraint, would
// lie although every row still has its digest. On PostgreSQL, whose own data checksums guard the
// pages, it finds nothing.
func (d *DB) Inspect(ctx context.Context, tx *Tx) ([]Damage, error) {
	if d.Engine() != "sqlite" {
		return nil, nil
	}
	found, err := Collect(tx, func(row Scanner) (x Damage, err error) { return x, row.Scan(&x.Problem) },
		"SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'")
	if err != nil {
		return found, fmt.Errorf("check storage: %w", err)
	}
	want, err := wantSchema()
	if err != nil {
		return found, fmt.Errorf("work out the schema: %w", err)
	}
	have, err := Collect(tx, scanObject, objects)
	if err != nil {
		return found, fmt.Errorf("read schema: %w", err)
	}
	return append(found, compareSchema(have, want)...), nil
}

// object is one entry of SQLite's schema.
type object struct{ kind, name, text string }

const objects = "SELECT type, name, coalesce(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name"

func scanObject(row Scanner) (o object, err error) { return o, row.Scan(&o.kind, &o.name, &o.text) }

// compareSchema lets additional tables and indexes be: the rows of a table that nobody knows are
// faults of their own, and an index changes no answer.
func compareSchema(have, want []object) (out []Damage) {
	known := map[string]object{}
	for _, o := range have {
		known[o.name] = o
		if o.kind == "trigger" || o.kind == "view" {
			out = append(out, Damage{o.name, "no " + o.kind + " belongs into this schema"})
		}
	}
	for _, o := range want {
		switch h, ok := known[o.name]; {
		case !ok:
			out = append(out, Damage{o.name, "the " + o.kind + " is gone"})
		case h != o:
			out = append(out, Damage{o.name, "the " + o.kind + " is not defined as this program defines it"})
		}
	}
	return out
}

// wantSchema is what the migrations make on SQLite. It is the same for every database of this program, and
// worked out when the first one asks.
var wantSchema = sync.OnceValues(migratedSchema)

// migratedSchema runs the migrations in memory.
func migratedSchema() (out []object, err error) {
	ctx := context.Background()
	pool, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	pool.SetMaxOpenConns(1) // each connection would have a database of its own
	p, err := provider(goose.DialectSQLite3, pool)
	if err != nil {
		return nil, err
	}
	if _, err := p.Up(ctx); err != nil {
		return nil, err
	}
	rows, err := pool.QueryContext(ctx, objects)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		o, err := scanObject(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, rows.Err()
}

// IsCorrupt reports whether err says that the stored bytes cannot be read as a database.
func IsCorrupt(err error) bool {
	var s *sqlitelib.Error
	if errors.As(err, &s) {
		code := s.Code() & 0xff
		return code == sqlite3.SQLITE_CORRUPT || code == sqlite3.SQLITE_NOTADB
	}
	var p *pgconn.PgError
	return errors.As(err, &p) && (p.Code == "XX001" || p.Code == "XX002")
}
