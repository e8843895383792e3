package db_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/db/dbtest"
)

// The database that the other tests begin with is the one that a first start makes: every table, column,
// default, constraint and index, and which migrations ran.
func TestAFreshDatabaseOfTheTestsIsThatOfAFirstStart(t *testing.T) {
	t.Parallel()
	first, fresh := dbtest.Blank(t), dbtest.Config(t)
	if err := dbtest.OpenConfig(t, first).Close(); err != nil {
		t.Fatal(err)
	}
	want := shape(t, first)
	if len(want) < 100 {
		t.Fatalf("only %d lines say what a first start makes", len(want))
	}
	if diff := cmp.Diff(want, shape(t, fresh)); diff != "" {
		t.Errorf("before it was opened it differs:\n%s", diff)
	}
	if err := dbtest.OpenConfig(t, fresh).Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, shape(t, fresh)); diff != "" {
		t.Errorf("once it was opened it differs:\n%s", diff)
	}
}

// shape says what the schema of a database is, in lines that do not name it.
func shape(t *testing.T, cfg db.Config) (out []string) {
	t.Helper()
	queries := []string{"SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_master"}
	if cfg.URL != "" {
		queries = []string{
			"SELECT concat_ws(' ', table_name, ordinal_position, column_name, data_type, is_nullable, column_default, is_identity, identity_generation) FROM information_schema.columns WHERE table_schema = current_schema()",
			"SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint WHERE connamespace = current_schema()::regnamespace",
			"SELECT replace(indexdef, current_schema() || '.', '') FROM pg_indexes WHERE schemaname = current_schema()",
		}
	}
	raw := dbtest.Raw(t, cfg)
	for _, text := range append(queries, "SELECT id || ' ' || version_id || ' ' || is_applied FROM goose_db_version") {
		rows, err := raw.Query(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		defer rows.Close()
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			out = append(out, line)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(out)
	return out
}
