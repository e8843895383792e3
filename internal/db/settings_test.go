package db_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/fault"
)

// The pragmas of a pool belong to a connection, not to the pool: each of five must have them.
func TestEveryConnectionHasTheDurableSettings(t *testing.T) {
	t.Parallel()
	cfg := db.Config{Dir: t.TempDir()} // SQLite on both runs: PostgreSQL's settings are the server's
	d := dbtest.OpenConfig(t, cfg)
	write, read := d.Pools()
	for name, c := range map[string]struct {
		pool *sql.DB
		want map[string]string
	}{
		"write": {write, map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "mmap_size": "0", "trusted_schema": "0", "busy_timeout": "10000"}},
		"read":  {read, map[string]string{"journal_mode": "wal", "query_only": "1", "mmap_size": "0", "busy_timeout": "10000"}},
	} {
		for i := range 5 {
			conn, err := c.pool.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close() // held, so that the next is another one
			for pragma, want := range c.want {
				var got string
				if err := conn.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
					t.Errorf("%s connection %d: %s = %q, %v; want %s", name, i, pragma, got, err, want)
				}
			}
		}
	}
}

func TestTheDatabaseIsReadableByItsOwnerOnly(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	d := dbtest.OpenConfig(t, db.Config{Dir: dir})
	if err := update(d, func(tx *db.Tx) error { return nil }); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{"": 0o700, "plumb.db": 0o600, "plumb.db-wal": 0o600, "plumb.db-shm": 0o600, "plumb.lock": 0o600} {
		fi, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		} else if fi.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", fi.Name(), fi.Mode().Perm(), want)
		}
	}
}

func TestASecondServerOnAFolderIsRefused(t *testing.T) {
	t.Parallel()
	cfg := db.Config{Dir: t.TempDir()} // replicas on one PostgreSQL are allowed
	d := dbtest.OpenConfig(t, cfg)
	if _, err := db.Open(t.Context(), cfg); !fault.Is(err, "folder_in_use") {
		t.Errorf("second server: err = %v, want folder_in_use", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	dbtest.OpenConfig(t, cfg)
}

func TestASchemaNewerThanTheProgramIsRefused(t *testing.T) {
	t.Parallel()
	cfg := dbtest.Config(t)
	if err := dbtest.OpenConfig(t, cfg).Close(); err != nil {
		t.Fatal(err)
	}
	must(t, dbtest.Raw(t, cfg), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, TRUE)")
	if _, err := db.Open(t.Context(), cfg); !fault.Is(err, "schema_version") {
		t.Errorf("open: err = %v, want schema_version", err)
	}
	if _, err := db.OpenReader(t.Context(), cfg); !fault.Is(err, "schema_version") {
		t.Errorf("open for reading: err = %v, want schema_version", err)
	}
}

func TestServersThatStartTogetherMigrateOnce(t *testing.T) {
	t.Parallel()
	cfg := dbtest.Blank(t)
	opened := make(chan *db.DB, 4)
	for range cap(opened) {
		go func() {
			d, err := db.Open(context.Background(), cfg)
			if err != nil && !fault.Is(err, "folder_in_use") {
				t.Errorf("open: %v", err)
			}
			opened <- d
		}()
	}
	for range cap(opened) {
		if d := <-opened; d != nil {
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	dbtest.OpenConfig(t, cfg)
}

func TestAReaderReadsBesideTheServerAndWritesNothing(t *testing.T) {
	t.Parallel()
	cfg := dbtest.Config(t)
	d, _ := open(t, cfg)
	read := func(when string, want ...string) {
		r, err := db.OpenReader(t.Context(), cfg)
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		wantIDs(t, r, want...)
		if err := update(r, func(*db.Tx) error { return nil }); err == nil {
			t.Errorf("%s: a reader wrote", when)
		}
		if err := r.Close(); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	read("empty")
	if err := update(d, func(tx *db.Tx) error { return insert(tx, "a") }); err != nil {
		t.Fatal(err)
	}
	read("beside the server", "a")
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	read("after the server", "a")
}

func TestAFolderWithoutADatabaseIsNamed(t *testing.T) {
	t.Parallel()
	if _, err := db.OpenReader(t.Context(), db.Config{Dir: t.TempDir()}); !fault.Is(err, "no_database") {
		t.Errorf("err = %v, want no_database", err)
	}
	if _, err := db.Open(t.Context(), db.Config{}); !fault.Is(err, "no_data_folder") {
		t.Errorf("err = %v, want no_data_folder", err)
	}
	_, err := db.Open(t.Context(), db.Config{URL: "postgres://user:hunter2@[::1:bad/x"})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("err = %v, want one without the password", err)
	}
}

// What each covered table must have for its digests to mean something.
func TestEveryCoveredTableHasATextKeyAndTypesThatADigestCovers(t *testing.T) {
	t.Parallel()
	cfg := db.Config{Dir: t.TempDir()}
	d := dbtest.OpenConfig(t, cfg)
	raw := dbtest.Raw(t, cfg)
	err := d.View(t.Context(), func(tx *db.Tx) error {
		tables, err := d.Covered(tx)
		if err != nil {
			return err
		}
		for _, table := range tables {
			checkTable(t, raw, table)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func checkTable(t *testing.T, raw *sql.DB, table string) {
	t.Helper()
	rows, err := raw.Query("SELECT name, type, pk FROM pragma_table_info($1)", table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	keys := []string{}
	for rows.Next() {
		var name, kind string
		var pk int
		if err := rows.Scan(&name, &kind, &pk); err != nil {
			t.Fatal(err)
		}
		if pk > 0 {
			keys = append(keys, name+" "+kind)
		}
		switch kind {
		case "TEXT", "BIGINT", "BOOLEAN", "BYTEA":
		default:
			t.Errorf("%s.%s is %s, which no digest covers", table, name, kind)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(keys) != "[id TEXT]" {
		t.Errorf("the key of %s is %v, want id TEXT alone", table, keys)
	}
}

// Rows must change only by statements that the kernel sees, and identically on both engines.
func TestMigrationsUseTheCommonSubset(t *testing.T) {
	t.Parallel()
	banned := map[string]string{
		`(?i)ON\s+(DELETE|UPDATE)\s+(CASCADE|SET)`: "a cascade writes rows without an event",
		`(?i)\bTRIGGER\b`:                          "a trigger writes rows without an event",
		`(?i)\bDEFERR`:                             "a constraint checked at commit fails its neighbours in the batch",
		`(?i)\b(AUTOINCREMENT|SERIAL|IDENTITY|GENERATED|COLLATE)`: "the engines differ in it",
	}
	files, err := db.Migrations.ReadDir("migrations")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d migrations, %v", len(files), err)
	}
	for _, f := range files {
		body, err := db.Migrations.ReadFile("migrations/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for pattern, why := range banned {
			if hit := regexp.MustCompile(pattern).Find(body); hit != nil {
				t.Errorf("%s: %q: %s", f.Name(), hit, why)
			}
		}
	}
}

func TestEveryExemptTableExistsAndSaysWhy(t *testing.T) {
	t.Parallel()
	made := map[string]bool{"goose_db_version": true, "sqlite_sequence": true} // the tools' own
	rooms := map[string]bool{}                                                 // whose tables have come
	files, err := db.Migrations.ReadDir("migrations")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		body, err := db.Migrations.ReadFile("migrations/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		_, room, _ := strings.Cut(strings.TrimSuffix(f.Name(), ".sql"), "_")
		rooms[room] = true
		for _, m := range regexp.MustCompile(`CREATE TABLE (\w+)`).FindAllSubmatch(body, -1) {
			made[string(m[1])] = true
		}
	}
	for table, why := range db.Exempt {
		if len(strings.Fields(why)) < 3 {
			t.Errorf("%s: %q is no reason", table, why)
		}
		if room, _, _ := strings.Cut(table, "_"); rooms[room] && !made[table] {
			t.Errorf("%s is exempt, but no migration makes it", table)
		}
	}
}
