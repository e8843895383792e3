package dbtest

import (
	"database/sql"
	"net/url"
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite" // the driver for connections past the kernel

	"plumbline.dev/plumb/internal/db"
)

// Raw opens a connection past the kernel to the database of cfg, for tests that tamper with rows the
// way somebody with the database's password would. It is closed with the test.
func Raw(t testing.TB, cfg db.Config) *sql.DB {
	t.Helper()
	driver, dsn := "sqlite", "file:"+filepath.Join(cfg.Dir, "plumb.db")+"?_pragma=busy_timeout(10000)"
	if cfg.URL != "" {
		u, err := url.Parse(cfg.URL)
		if err != nil {
			t.Fatalf("read PLUMB_TEST_DSN: %v", err)
		}
		q := u.Query()
		if cfg.Schema != "" {
			q.Set("search_path", cfg.Schema)
		}
		u.RawQuery = q.Encode()
		driver, dsn = "pgx", u.String()
	}
	pool, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatalf("open a connection past the kernel: %v", err)
	}
	t.Cleanup(func() {
		if err := pool.Close(); err != nil {
			t.Errorf("close the connection past the kernel: %v", err)
		}
	})
	return pool
}
