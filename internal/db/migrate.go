package db

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"

	"plumbline.dev/plumb/internal/fault"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the schema to this binary's version, one server at a time. Each step is one
// transaction; a schema newer than the binary knows is refused.
func (d *DB) migrate(ctx context.Context, schema string) (err error) {
	unlock, err := d.dialect.lockMigrations(ctx, d.pool, schema)
	if err != nil {
		return fmt.Errorf("lock migrations: %w", err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if schema != "" {
		if _, err := d.pool.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+Quote(schema)); err != nil {
			return fmt.Errorf("make schema: %w", err)
		}
	}
	p, err := d.provider(d.pool)
	if err != nil {
		return err
	}
	have, want, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	if have > want {
		return newerSchema(have, want)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// SchemaFiles gives the files that bring a schema to this program's version: SQL, in the order of their
// names, each for one transaction.
func SchemaFiles() (fs.FS, error) { return fs.Sub(migrations, "migrations") }

func (d *DB) provider(pool *sql.DB) (*goose.Provider, error) {
	return provider(d.dialect.goose, pool)
}

func provider(engine goose.Dialect, pool *sql.DB) (*goose.Provider, error) {
	files, err := SchemaFiles()
	if err != nil {
		return nil, err
	}
	p, err := goose.NewProvider(engine, pool, files)
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return p, nil
}

// checkVersion refuses to read what this program does not know. It writes nothing.
func (d *DB) checkVersion(ctx context.Context) error {
	p, err := d.provider(d.read)
	if err != nil {
		return err
	}
	var have int64
	if err := d.read.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version").Scan(&have); err != nil {
		return fault.New(fault.NotFound, "no_database", "There is no Plumbline database there.").From(err).
			Then("plumb ledger verify --data DIR")
	}
	list := p.ListSources()
	if want := list[len(list)-1].Version; have != want {
		return newerSchema(have, want)
	}
	return nil
}

func newerSchema(have, want int64) error {
	return fault.New(fault.Conflict, "schema_version", "The database has schema version %d, this program knows %d.", have, want).
		FixedBy("the operator of the server").Then("use the program of the database's version; a newer one brings an older database up to date when it serves")
}

// Quote makes a name that another hand may have chosen safe to stand in a statement.
func Quote(s string) string {
	out := []byte{'"'}
	for i := range len(s) {
		if s[i] == '"' {
			out = append(out, '"')
		}
		out = append(out, s[i])
	}
	return string(append(out, '"'))
}
