package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	sqlitelib "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// dialect is all in which the engines differ.
type dialect struct {
	name      string
	alone     bool     // nobody but this process writes
	begin     []string // opens a write transaction that runs alone
	beginRead string   // opens a snapshot for reading
	tables    string   // the SELECT that names all tables of this install
	goose     goose.Dialect
	// assert refuses settings under which an acknowledged write could be lost.
	assert func(ctx context.Context, pool *sql.DB) error
	// intact refuses a transaction that an earlier error has aborted.
	intact func(*sql.Conn) error
	// lockMigrations keeps other servers from migrating the same install until it is unlocked.
	lockMigrations func(ctx context.Context, pool *sql.DB, schema string) (unlock func() error, err error)
}

// sqlite takes the write lock at once: a deferred transaction that reads, then writes, fails under
// contention. It refuses by itself to commit what it has rolled back, and the lock on the data folder
// keeps other servers away.
func sqlite() dialect {
	return dialect{
		name:      "sqlite",
		alone:     true,
		begin:     []string{"BEGIN IMMEDIATE"},
		beginRead: "BEGIN",
		tables:    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
		goose:     goose.DialectSQLite3,
		assert:    assertSQLite,
		intact:    func(*sql.Conn) error { return nil },
		lockMigrations: func(context.Context, *sql.DB, string) (func() error, error) {
			return func() error { return nil }, nil
		},
	}
}

// postgres waits for all replicas' earlier batches before it writes. The isolation is spelled out:
// with a server default of REPEATABLE READ the snapshot would be older than the lock.
func postgres() dialect {
	return dialect{
		name:           "postgres",
		begin:          []string{"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", writerLock},
		beginRead:      "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
		tables:         "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1",
		goose:          goose.DialectPostgres,
		assert:         assertPostgres,
		intact:         intactPostgres,
		lockMigrations: lockPostgres,
	}
}

// minSQLite is the first release without the WAL-reset corruption bug.
const minSQLite = "3.51.3"

func assertSQLite(ctx context.Context, pool *sql.DB) error {
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
		"foreign_keys(1)", "mmap_size(0)", "trusted_schema(0)", "temp_store(MEMORY)", "cache_size(-16000)", "wal_autocheckpoint(4000)"}}
	if readOnly {
		q.Set("mode", "ro")
		q["_pragma"] = []string{"busy_timeout(10000)", "query_only(1)", "mmap_size(0)", "cache_size(-8000)"}
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String()
}

// The advisory locks of one install; the numbers have no meaning beyond being Plumbline's, and the
// schema tells installs in one database apart.
const (
	writerLock    = "SELECT pg_advisory_xact_lock(70220368, hashtext(coalesce(current_schema(), '')))"
	migrateLock   = "SELECT pg_advisory_lock(70220369, hashtext($1))"
	migrateUnlock = "SELECT pg_advisory_unlock(70220369, hashtext($1))"
)

func intactPostgres(conn *sql.Conn) error {
	return conn.Raw(func(driver any) error {
		c, ok := driver.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("db: the connection is a %T, not pgx's", driver)
		}
		if status := c.Conn().PgConn().TxStatus(); status != 'T' {
			return fmt.Errorf("db: the transaction is in state %q before its commit", status)
		}
		return nil
	})
}

func lockPostgres(ctx context.Context, pool *sql.DB, schema string) (func() error, error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.ExecContext(ctx, migrateLock, schema); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return func() error {
		_, err := conn.ExecContext(context.WithoutCancel(ctx), migrateUnlock, schema)
		return errors.Join(err, conn.Close())
	}, nil
}

func assertPostgres(ctx context.Context, pool *sql.DB) error {
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
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 10 * time.Second
	}
	pool := stdlib.OpenDB(*cfg)
	pool.SetMaxOpenConns(maxReaders + 4)
	pool.SetMaxIdleConns(1) // until the database is open: see lend
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

// isStalePlan reports whether a prepared statement no longer fits the schema, because another replica
// migrated it: the connection with its statements must go.
func isStalePlan(err error) bool {
	var p *pgconn.PgError
	return errors.As(err, &p) && (p.Code == "0A000" || p.Code == "26000")
}
