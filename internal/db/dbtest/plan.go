package dbtest

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
)

// Plan gives how the engine of the test runs a query over a database without rows, as its EXPLAIN says it. PostgreSQL, which reads a small
// table whole, is told not to where it has another way.
func Plan(t testing.TB, text string, args ...any) string {
	t.Helper()
	cfg := Config(t)
	OpenConfig(t, cfg)
	driver, dsn, explain := "pgx", cfg.URL, "EXPLAIN "
	if cfg.URL == "" {
		files, err := filepath.Glob(filepath.Join(cfg.Dir, "*.db"))
		if err != nil || len(files) != 1 {
			t.Fatalf("databases %v, %v", files, err)
		}
		driver, dsn, explain = "sqlite", "file:"+files[0], "EXPLAIN QUERY PLAN "
	}
	pool, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	pool.SetMaxOpenConns(1)
	if cfg.URL != "" {
		if _, err := pool.Exec("SET search_path = " + cfg.Schema + "; SET enable_seqscan = off"); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := pool.Query(explain+text, args...)
	if err != nil {
		t.Fatalf("explain %s: %v", text, err)
	}
	defer rows.Close()
	var steps []string
	for rows.Next() {
		var step string
		into := []any{&step}
		if cfg.URL == "" {
			var id, parent, unused int64
			into = []any{&id, &parent, &unused, &step}
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(steps, "\n")
}
