package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	sqlitelib "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// dialect is all in which the engines differ.
type dialect interface {
	name() string
	// assert refuses settings under which an acknowledged write could be lost.
	assert(ctx context.Context, pool *sql.DB) error
	// begin lists the statements that open a write transaction that runs alone.
	begin() []string
	// beginRead opens a snapshot for reading.
	beginRead() string
	goose() goose.Dialect
	// tables is the SELECT that names all tables of this install.
	tables() string
}

type sqlite struct{}

func (sqlite) name() string { return "sqlite" }

// begin takes the write lock at once: a deferred transaction that reads, then writes, fails under
// contention.
func (sqlite) begin() []string      { return []string{"BEGIN IMMEDIATE"} }
func (sqlite) beginRead() string    { return "BEGIN" }
func (sqlite) goose() goose.Dialect { return goose.DialectSQLite3 }

func (sqlite) tables() string {
	return "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
}

// minSQLite is the first release without the WAL-reset corruption bug.
const minSQLite = "3.51.3"

func (sqlite) assert(ctx context.Context, pool *sql.DB) error {
	var version, journal string
	var sync int64
	err := errors.Join(
		pool.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version),
		pool.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&journal),
		pool.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&sync))
	switch {
	case err != nil:
		return fmt.Errorf("open database: %w", err)
	case !atLeast(version, minSQLite):
		return fmt.Errorf("open database: SQLite %s is older than %s", version, minSQLite)
	case journal != "wal" || sync != 2:
		return fmt.Errorf("open database: journal_mode=%s synchronous=%d, want wal and 2 (FULL)", journal, sync)
	}
	return nil
}

func atLeast(have, want string) bool {
	h, w := strings.Split(have, "."), strings.Split(want, ".")
	for i := range w {
		if i >= len(h) {
			return false
		}
		a, _ := strconv.Atoi(h[i])
		b, _ := strconv.Atoi(w[i])
		if a != b {
			return a > b
		}
	}
	return true
}

// sqliteDSN puts every pragma in the DSN, so that each connection of a pool has them.
func sqliteDSN(path string, readOnly bool) string {
	q := url.Values{"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)",
		"foreign_keys(1)", "mmap_size(0)", "trusted_schema(0)", "cache_size(-16000)"}}
	if readOnly {
		q.Set("mode", "ro")
		q["_pragma"] = []string{"busy_timeout(10000)", "query_only(1)", "mmap_size(0)", "cache_size(-8000)"}
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String()
}

type postgres struct{}

func (postgres) name() string { return "postgres" }

// writerLock is the advisory lock under which all replicas write, one batch at a time; the number
// has no meaning beyond being Plumbline's.
const writerLock = "7022036854775"

func (postgres) begin() []string {
	return []string{"BEGIN", "SELECT pg_advisory_xact_lock(" + writerLock + ")"}
}
func (postgres) beginRead() string    { return "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" }
func (postgres) goose() goose.Dialect { return goose.DialectPostgres }

func (postgres) tables() string {
	return "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1"
}

func (postgres) assert(ctx context.Context, pool *sql.DB) error {
	want := map[string]string{"fsync": "on", "full_page_writes": "on", "data_sync_retry": "off"}
	for name, on := range want {
		var got string
		if err := pool.QueryRowContext(ctx, "SELECT current_setting($1)", name).Scan(&got); err != nil {
			return fmt.Errorf("open database: %w", err)
		}
		if got != on {
			return fmt.Errorf("open database: PostgreSQL has %s=%s, want %s", name, got, on)
		}
	}
	var version int64
	var commit string
	err := errors.Join(
		pool.QueryRowContext(ctx, "SELECT current_setting('server_version_num')::bigint").Scan(&version),
		pool.QueryRowContext(ctx, "SELECT current_setting('synchronous_commit')").Scan(&commit))
	switch {
	case err != nil:
		return fmt.Errorf("open database: %w", err)
	case version < 150000:
		return fmt.Errorf("open database: PostgreSQL %d is older than 15", version)
	case commit == "off" || commit == "local":
		return fmt.Errorf("open database: PostgreSQL has synchronous_commit=%s, want on", commit)
	}
	return nil
}

func openPostgres(rawURL, schema string) (*sql.DB, error) {
	cfg, err := pgx.ParseConfig(rawURL)
	if err != nil {
		return nil, errors.New("open database: the PostgreSQL URL cannot be read") // the cause would show the password
	}
	if schema != "" {
		cfg.RuntimeParams["search_path"] = schema
	}
	cfg.RuntimeParams["application_name"] = "plumb"
	pool := stdlib.OpenDB(*cfg)
	pool.SetMaxOpenConns(maxReaders + 4)
	return pool, nil
}

// isFull reports whether the disk or quota is full: nothing was written, reading goes on.
func isFull(err error) bool {
	var s *sqlitelib.Error
	if errors.As(err, &s) {
		return s.Code()&0xff == sqlite3.SQLITE_FULL
	}
	var p *pgconn.PgError
	return errors.As(err, &p) && p.Code == "53100"
}

// isLostSync reports whether the engine could not sync: what is on disk is unknown.
func isLostSync(err error) bool {
	var s *sqlitelib.Error
	return errors.As(err, &s) && (s.Code() == sqlite3.SQLITE_IOERR_FSYNC || s.Code() == sqlite3.SQLITE_IOERR_DIR_FSYNC)
}

// IsUnique reports whether err is a broken unique constraint.
func IsUnique(err error) bool {
	var s *sqlitelib.Error
	if errors.As(err, &s) {
		return s.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || s.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	}
	var p *pgconn.PgError
	return errors.As(err, &p) && p.Code == "23505"
}
