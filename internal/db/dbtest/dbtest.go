// Package dbtest opens a fresh, real database for a test: SQLite in a temporary folder, or PostgreSQL
// in a schema of its own when PLUMB_TEST_DSN is set. The same test binary runs on both.
package dbtest

import (
	"context"
	"database/sql"
	"os"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver that drops the schema afterwards

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/seal"
)

// Clock is a clock that a test moves by hand; it is safe for concurrent use.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock starts at a fixed instant, so that tests print the same every day.
func NewClock() *Clock {
	return &Clock{now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
}

// Now is the instant that the test has set.
func (c *Clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

// Add moves the clock.
func (c *Clock) Add(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

// Config gives the configuration of a fresh database that holds this program's schema and no row, as a
// first start leaves it; to be opened more than once by tests that restart. It is cleaned up with the test.
func Config(t testing.TB) db.Config {
	t.Helper()
	cfg := Blank(t)
	if err := fill(cfg); err != nil {
		t.Fatalf("make a fresh database: %v", err)
	}
	return cfg
}

// Blank gives the configuration of a database without even a schema, for tests of the first start. It is
// cleaned up with the test.
func Blank(t testing.TB) db.Config {
	t.Helper()
	dsn := os.Getenv("PLUMB_TEST_DSN")
	if dsn == "" {
		return db.Config{Dir: t.TempDir()}
	}
	schema := seal.NewID("t")
	t.Cleanup(func() {
		pool, err := sql.Open("pgx", dsn)
		if err != nil {
			t.Errorf("open PostgreSQL to clean up: %v", err)
			return
		}
		defer pool.Close()
		if _, err := pool.Exec("DROP SCHEMA IF EXISTS " + schema + " CASCADE"); err != nil {
			t.Errorf("drop schema: %v", err)
		}
	})
	return db.Config{URL: dsn, Schema: schema}
}

// Open opens a fresh database on the clock; a nil clock is the machine's.
func Open(t testing.TB, clock *Clock) *db.DB {
	t.Helper()
	cfg := Config(t)
	if clock != nil {
		cfg.Clock = clock.Now
	}
	return OpenConfig(t, cfg)
}

// OpenConfig opens a database and closes it with the test.
func OpenConfig(t testing.TB, cfg db.Config) *db.DB {
	t.Helper()
	d, err := db.Open(context.Background(), cfg)
	if err != nil {
		t.Fatalf("open database: %v", err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close database: %v", err)
		}
	})
	return d
}
