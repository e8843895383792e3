package ledger_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/ledger"
)

// tampering is one thing that somebody with the database's password might do, how it is undone, and
// the fault that names it.
type tampering struct {
	name       string
	do, undo   []string
	what       string
	table, id  string
	sqliteOnly bool // PostgreSQL itself refuses it
}

func tamperings() []tampering {
	const copyEvent = "CREATE TABLE test_kept AS SELECT * FROM ledger_event WHERE seq >= "
	const back = "INSERT INTO ledger_event SELECT * FROM test_kept"
	const drop = "DROP TABLE test_kept"
	return []tampering{
		{"edit a row", []string{"UPDATE test_thing SET n = 9999 WHERE id = 't03'"}, []string{"UPDATE test_thing SET n = 683 WHERE id = 't03'"}, "row_edited", "test_thing", "t03", false},
		{"null a column", []string{"UPDATE test_thing SET flag = NULL WHERE id = 't03'"}, []string{"UPDATE test_thing SET flag = FALSE WHERE id = 't03'"}, "row_edited", "test_thing", "t03", false},
		{"a boolean that is neither", []string{"UPDATE test_thing SET flag = 2 WHERE id = 't04'"}, []string{"UPDATE test_thing SET flag = 1 WHERE id = 't04'"}, "row_edited", "test_thing", "t04", true},
		{"a number as another type", []string{"UPDATE test_thing SET n = 683.5 WHERE id = 't03'"}, []string{"UPDATE test_thing SET n = 683 WHERE id = 't03'"}, "row_edited", "test_thing", "t03", true},
		{"text as bytes", []string{"UPDATE test_thing SET name = CAST(name AS BLOB) WHERE id = 't03'"}, []string{"UPDATE test_thing SET name = CAST(name AS TEXT) WHERE id = 't03'"}, "row_edited", "test_thing", "t03", true},
		{"insert a row", []string{"INSERT INTO test_thing (id, name) VALUES ('new', 'x')"}, []string{"DELETE FROM test_thing WHERE id = 'new'"}, "row_inserted", "test_thing", "new", false},
		{"bring a deleted row back", []string{"INSERT INTO test_thing (id, name) VALUES ('t19', 'x')"}, []string{"DELETE FROM test_thing WHERE id = 't19'"}, "row_inserted", "test_thing", "t19", false},
		{"delete a row", []string{"UPDATE test_thing SET id = 'gone' WHERE id = 't05'"}, []string{"UPDATE test_thing SET id = 't05' WHERE id = 'gone'"}, "row_deleted", "test_thing", "t05", false},
		{"rename a row", []string{"UPDATE test_thing SET id = 'gone' WHERE id = 't05'"}, []string{"UPDATE test_thing SET id = 't05' WHERE id = 'gone'"}, "row_inserted", "test_thing", "gone", false},
		{"swap two rows", []string{"UPDATE test_thing SET id = 'x' WHERE id = 't05'", "UPDATE test_thing SET id = 't05' WHERE id = 't06'", "UPDATE test_thing SET id = 't06' WHERE id = 'x'"},
			[]string{"UPDATE test_thing SET id = 'x' WHERE id = 't05'", "UPDATE test_thing SET id = 't05' WHERE id = 't06'", "UPDATE test_thing SET id = 't06' WHERE id = 'x'"}, "row_edited", "test_thing", "t06", false},
		{"a table of one's own", []string{"CREATE TABLE \"test odd; name\" (id TEXT)", "INSERT INTO \"test odd; name\" VALUES ('x')"}, []string{"DROP TABLE \"test odd; name\""}, "row_inserted", "test odd; name", "x", false},

		{"edit an event", []string{"UPDATE ledger_event SET leaf = REPLACE(leaf, 'thing.written', 'thing.wriTTen'), verb = 'thing.wriTTen' WHERE seq = 300"},
			[]string{"UPDATE ledger_event SET leaf = REPLACE(leaf, 'thing.wriTTen', 'thing.written'), verb = 'thing.written' WHERE seq = 300"}, "event_edited", "ledger_event", "300", false},
		{"edit a column of an event", []string{"UPDATE ledger_event SET object = 't99' WHERE seq = 300"}, []string{"UPDATE ledger_event SET object = 't20' WHERE seq = 300"}, "event_edited", "ledger_event", "300", false},
		{"edit the time of an event", []string{"UPDATE ledger_event SET ts = ts + 1 WHERE seq = 300"}, []string{"UPDATE ledger_event SET ts = ts - 1 WHERE seq = 300"}, "event_edited", "ledger_event", "300", false},
		{"make an event unreadable", []string{"UPDATE ledger_event SET leaf = '{' || leaf WHERE seq = 300"}, []string{"UPDATE ledger_event SET leaf = SUBSTR(leaf, 2) WHERE seq = 300"}, "event_edited", "ledger_event", "300", false},
		{"swap two events", []string{"UPDATE ledger_event SET seq = 90000 WHERE seq = 10", "UPDATE ledger_event SET seq = 10 WHERE seq = 11", "UPDATE ledger_event SET seq = 11 WHERE seq = 90000"},
			[]string{"UPDATE ledger_event SET seq = 90000 WHERE seq = 10", "UPDATE ledger_event SET seq = 10 WHERE seq = 11", "UPDATE ledger_event SET seq = 11 WHERE seq = 90000"}, "event_edited", "ledger_event", "10", false},
		{"delete an event", []string{copyEvent + "300", "DELETE FROM test_kept WHERE seq > 300", "DELETE FROM ledger_event WHERE seq = 300"}, []string{back, drop}, "event_missing", "ledger_event", "300", false},
		{"cut off the tail", []string{copyEvent + "650", "DELETE FROM ledger_event WHERE seq >= 650"}, []string{back, drop}, "event_missing", "ledger_event", "650-699", false},
		{"insert an event before the first", []string{"INSERT INTO ledger_event VALUES (-1, 0, 'a', 'b', 'c', '{}')"}, []string{"DELETE FROM ledger_event WHERE seq = -1"}, "event_inserted", "ledger_event", "", false},
		{"number an event by a word", []string{"INSERT INTO ledger_event VALUES ('word', 0, 'a', 'b', 'c', '{}')"}, []string{"DELETE FROM ledger_event WHERE seq = 'word'"}, "event_inserted", "ledger_event", "word", true},
		{"number an event by bytes", []string{"INSERT INTO ledger_event VALUES (CAST('5' AS BLOB), 0, 'a', 'b', 'c', '{}')"}, []string{"DELETE FROM ledger_event WHERE seq = CAST('5' AS BLOB)"}, "event_inserted", "ledger_event", "5", true},
		{"edit an event and take its tile away", []string{"UPDATE ledger_event SET leaf = REPLACE(leaf, 'thing.written', 'thing.wriTTen'), verb = 'thing.wriTTen' WHERE seq = 300", "UPDATE ledger_tile SET id = '9/9' WHERE id = '0/1'"},
			[]string{"UPDATE ledger_event SET leaf = REPLACE(leaf, 'thing.wriTTen', 'thing.written'), verb = 'thing.written' WHERE seq = 300", "UPDATE ledger_tile SET id = '0/1' WHERE id = '9/9'"}, "tile", "ledger_tile", "0/1", false},
		{"cut off the tail with its tile", []string{copyEvent + "650", "DELETE FROM ledger_event WHERE seq >= 650", "UPDATE ledger_tile SET id = '9/9' WHERE id = '0/2'"},
			[]string{back, drop, "UPDATE ledger_tile SET id = '0/2' WHERE id = '9/9'"}, "tile", "ledger_tile", "0/2", false},
		{"leave a gap after the tail", []string{"INSERT INTO ledger_event VALUES (90000, 0, 'a', 'b', 'c', '{}')"}, []string{"DELETE FROM ledger_event WHERE seq = 90000"}, "event_missing", "ledger_event", "700-89999", false},

		{"edit a detail", []string{"UPDATE ledger_detail SET body = REPLACE(body, 'somebody', 'nobody__') WHERE seq = 300"}, []string{"UPDATE ledger_detail SET body = REPLACE(body, 'nobody__', 'somebody') WHERE seq = 300"}, "detail", "ledger_detail", "300", false},
		{"reword a detail without a change", []string{"UPDATE ledger_detail SET body = body || ' ' WHERE seq = 300"}, []string{"UPDATE ledger_detail SET body = TRIM(body) WHERE seq = 300"}, "detail", "ledger_detail", "300", false},
		{"edit a salt", []string{"UPDATE ledger_detail SET salt = UPPER(salt || 'ab') WHERE seq = 300"}, []string{"UPDATE ledger_detail SET salt = LOWER(SUBSTR(salt, 1, 32)) WHERE seq = 300"}, "detail", "ledger_detail", "300", false},
		{"spell a salt otherwise", []string{"UPDATE ledger_detail SET salt = UPPER(salt) WHERE seq = 300"}, []string{"UPDATE ledger_detail SET salt = LOWER(salt) WHERE seq = 300"}, "detail", "ledger_detail", "300", false},
		{"empty a salt", []string{"UPDATE ledger_detail SET salt = '' WHERE seq = 698"}, nil, "detail", "ledger_detail", "698", false},
		{"make a detail unreadable", []string{"UPDATE ledger_detail SET body = '{' || body WHERE seq = 300"}, []string{"UPDATE ledger_detail SET body = SUBSTR(body, 2) WHERE seq = 300"}, "detail", "ledger_detail", "300", false},
		{"delete a detail", []string{"UPDATE ledger_detail SET seq = 90000 WHERE seq = 300"}, []string{"UPDATE ledger_detail SET seq = 300 WHERE seq = 90000"}, "detail", "ledger_detail", "300", false},
		{"add a detail to nothing", []string{"INSERT INTO ledger_detail VALUES (90000, 'ab', '{}')"}, []string{"DELETE FROM ledger_detail WHERE seq = 90000"}, "detail", "ledger_detail", "", false},
		{"put words behind an event that has none", []string{"INSERT INTO ledger_detail VALUES (49, 'ab', '{}')"}, []string{"DELETE FROM ledger_detail WHERE seq = 49"}, "detail", "ledger_detail", "49", false},

		{"edit a tile", []string{"UPDATE ledger_tile SET data = 'AAAA' || SUBSTR(data, 5) WHERE id = '0/1'"}, nil, "tile", "ledger_tile", "0/1", false},
		{"delete a tile", []string{"UPDATE ledger_tile SET id = '9/9' WHERE id = '1/0'"}, []string{"UPDATE ledger_tile SET id = '1/0' WHERE id = '9/9'"}, "tile", "ledger_tile", "1/0", false},
		{"add a tile", []string{"INSERT INTO ledger_tile VALUES ('0/7', 1, 'AAAA')"}, []string{"DELETE FROM ledger_tile WHERE id = '0/7'"}, "tile", "ledger_tile", "0/7", false},
		{"edit a tile's width", []string{"UPDATE ledger_tile SET width = 255 WHERE id = '0/1'"}, []string{"UPDATE ledger_tile SET width = 256 WHERE id = '0/1'"}, "tile", "ledger_tile", "0/1", false},

		{"edit a checkpoint's root", []string{"UPDATE ledger_checkpoint SET root = SUBSTR(root, 2) WHERE size = 257"}, nil, "checkpoint", "ledger_checkpoint", "257", false},
		{"edit a checkpoint's size", []string{"UPDATE ledger_checkpoint SET size = 258 WHERE size = 257"}, []string{"UPDATE ledger_checkpoint SET size = 257 WHERE size = 258"}, "checkpoint", "ledger_checkpoint", "258", false},
		{"invent a checkpoint", []string{"INSERT INTO ledger_checkpoint VALUES (900, 'x', 'x')"}, []string{"DELETE FROM ledger_checkpoint WHERE size = 900"}, "checkpoint", "ledger_checkpoint", "900", false},

		{"the words of an event as bytes", []string{"UPDATE ledger_detail SET body = CAST(body AS BLOB) WHERE seq = 300"}, []string{"UPDATE ledger_detail SET body = CAST(body AS TEXT) WHERE seq = 300"}, "detail", "ledger_detail", "300", true},
		{"a salt as bytes", []string{"UPDATE ledger_detail SET salt = CAST(salt AS BLOB) WHERE seq = 300"}, []string{"UPDATE ledger_detail SET salt = CAST(salt AS TEXT) WHERE seq = 300"}, "detail", "ledger_detail", "300", true},
		{"an event as bytes", []string{"UPDATE ledger_event SET leaf = CAST(leaf AS BLOB) WHERE seq = 300"}, []string{"UPDATE ledger_event SET leaf = CAST(leaf AS TEXT) WHERE seq = 300"}, "event_edited", "ledger_event", "300", true},
		{"a verb as bytes", []string{"UPDATE ledger_event SET verb = CAST(verb AS BLOB) WHERE seq = 300"}, []string{"UPDATE ledger_event SET verb = CAST(verb AS TEXT) WHERE seq = 300"}, "event_edited", "ledger_event", "300", true},
		{"a tile as bytes", []string{"UPDATE ledger_tile SET data = CAST(data AS BLOB) WHERE id = '0/1'"}, []string{"UPDATE ledger_tile SET data = CAST(data AS TEXT) WHERE id = '0/1'"}, "tile", "ledger_tile", "0/1", true},
		{"a checkpoint as bytes", []string{"UPDATE ledger_checkpoint SET note = CAST(note AS BLOB) WHERE size = 257"}, []string{"UPDATE ledger_checkpoint SET note = CAST(note AS TEXT) WHERE size = 257"}, "checkpoint", "ledger_checkpoint", "257", true},

		{"drop an index", []string{"DROP INDEX ledger_event_object"}, []string{"CREATE INDEX ledger_event_object ON ledger_event (object, seq)"}, "storage", "ledger_event_object", "", true},
		{"add a trigger", []string{"CREATE TRIGGER sly AFTER INSERT ON ledger_event BEGIN DELETE FROM ledger_detail; END"}, []string{"DROP TRIGGER sly"}, "storage", "sly", "", true},
	}
}

func TestEachTamperingIsFoundAndNamed(t *testing.T) {
	t.Parallel()
	in := filled(t)
	in.whole()
	for i, c := range tamperings() {
		kept := fmt.Sprintf("test_kept_%d", i) // where a tampering keeps what it takes away
		if c.sqliteOnly && in.d.Engine() != "sqlite" {
			continue
		}
		if c.undo == nil { // put the old value back by a copy of the table
			_, rest, _ := strings.Cut(c.do[0], "UPDATE ")
			table, _, _ := strings.Cut(rest, " ")
			in.must("CREATE TABLE " + kept + " AS SELECT * FROM " + table)
			c.undo = []string{"DELETE FROM " + table, "INSERT INTO " + table + " SELECT * FROM test_kept", "DROP TABLE test_kept"}
		}
		for _, text := range c.do {
			in.must(strings.ReplaceAll(text, "test_kept", kept))
		}
		r := in.verify()
		if !named(r, c.what, c.table, c.id) {
			t.Errorf("%s: faults = %+v, want a %s of %s %s", c.name, r.Faults, c.what, c.table, c.id)
		}
		for _, text := range c.undo {
			in.must(strings.ReplaceAll(text, "test_kept", kept))
		}
		if r := in.verify(); len(r.Faults) != 0 {
			t.Fatalf("%s: after undoing it: %+v", c.name, r.Faults)
		}
	}
}

func named(r *ledger.Report, what, table, id string) bool {
	for _, f := range r.Faults {
		if f.What == what && f.Table == table && (f.ID == id || id == "") {
			return true
		}
	}
	return false
}

// One edited event must not hide behind the noise that it makes further up the tree.
func TestAnEditedEventIsTheOnlyOneBlamed(t *testing.T) {
	t.Parallel()
	in := filled(t)
	in.must("UPDATE ledger_event SET leaf = REPLACE(leaf, '\"ok\"', '\"no\"') WHERE seq = 5")
	got := ""
	for _, f := range in.verify().Faults {
		got += f.What + " " + f.ID + "\n"
	}
	if want := "tree 1-254\nevent_edited 5\n"; got != want {
		t.Errorf("faults =\n%swant\n%s", got, want)
	}
}

func TestAMissingEventDoesNotCondemnTheRest(t *testing.T) {
	t.Parallel()
	in := filled(t)
	in.must("DELETE FROM ledger_event WHERE seq IN (20, 21, 600)")
	got := ""
	for _, f := range in.verify().Faults {
		if f.Table == "ledger_event" {
			got += f.What + " " + f.ID + "\n"
		}
	}
	if want := "event_missing 20-21\nevent_missing 600\n"; got != want {
		t.Errorf("faults =\n%swant\n%s", got, want)
	}
}

func TestACheckpointOfAnotherKeyIsFound(t *testing.T) {
	t.Parallel()
	in := filled(t)
	thief, err := ledger.VerifierKey(origin, newKey(t).PublicBytes())
	if err != nil {
		t.Fatal(err)
	}
	r := verify(t, in.d, thief)
	if !named(r, "checkpoint", "ledger_checkpoint", "700") || r.Checkpoints != 0 {
		t.Errorf("report = %+v, want every checkpoint refused", r)
	}
	other := openLog(t, in.d, newKey(t))
	if _, err := other.Integrate(t.Context()); err != nil {
		t.Errorf("nothing to integrate: %v", err)
	}
	in.write("t01", 1)
	if _, err := other.Integrate(t.Context()); err == nil {
		t.Error("another key signed on")
	}
	in.integrate(701)
	in.whole()
}

// 1,000 random changes of one value of one row; the seed makes a failure repeatable.
func TestNoRandomEditOfARowStaysUndetected(t *testing.T) {
	t.Parallel()
	in := installed(t)
	for i := range 60 {
		in.write(fmt.Sprintf("t%02d", i%40), i)
		if i%25 == 24 {
			in.integrate(int64(i + 1))
		}
	}
	in.integrate(60)
	columns := map[string][]string{
		"test_thing":        {"name", "n", "flag", "more"},
		"ledger_event":      {"ts", "verb", "kind", "object", "leaf"},
		"ledger_detail":     {"salt", "body"},
		"ledger_tile":       {"width", "data"},
		"ledger_checkpoint": {"root", "note"},
	}
	keys := map[string]string{"test_thing": "id", "ledger_event": "seq", "ledger_detail": "seq", "ledger_tile": "id", "ledger_checkpoint": "size"}
	tables := []string{"test_thing", "ledger_event", "ledger_detail", "ledger_tile", "ledger_checkpoint"}
	random := rand.New(rand.NewPCG(1, 2))
	for range mutations(in) {
		table := tables[random.IntN(len(tables))]
		column := columns[table][random.IntN(len(columns[table]))]
		var key, old any
		var total int
		in.scan(fmt.Sprintf("SELECT COUNT(*) FROM %s", table), &total)
		in.scan(fmt.Sprintf("SELECT %s, %s FROM %s ORDER BY 1 LIMIT 1 OFFSET %d", keys[table], column, table, random.IntN(total)), &key, &old)
		set := fmt.Sprintf("UPDATE %s SET %s = $1 WHERE %s = $2", table, column, keys[table])
		value := mutate(random, column, old)
		in.must(set, value, key)
		if r := in.verify(); len(r.Faults) == 0 {
			t.Fatalf("%s of %s %v: %v became %v, undetected", column, table, key, old, value)
		}
		in.must(set, old, key)
	}
	in.whole()
}

// mutations is how many random edits a run makes: the promised thousand on SQLite; fewer over the wire.
func mutations(in *install) int {
	if in.d.Engine() == "sqlite" {
		return 1000
	}
	return 150
}

func (in *install) scan(text string, into ...any) {
	in.Helper()
	if err := in.raw.QueryRow(text).Scan(into...); err != nil {
		in.Fatalf("%s: %v", text, err)
	}
}

func mutate(random *rand.Rand, column string, old any) any {
	switch v := old.(type) {
	case int64:
		if column == "flag" {
			return v == 0
		}
		return v ^ 1<<random.IntN(40)
	case bool:
		return !v
	case string:
		if v == "" {
			return "x"
		}
		b := []byte(v)
		at := random.IntN(len(b))
		for b[at] == v[at] || b[at] > 126 || b[at] < 9 { // no byte that PostgreSQL refuses by itself
			b[at] = byte(random.IntN(127))
		}
		if column == "note" && v[at] > 126 {
			return v + "\n— stray AAAA"[:random.IntN(5)+1] // half a rune would be refused too
		}
		return string(b)
	}
	return "not null" // was NULL
}

// 1,000 random bytes of the database file. What a changed byte must not do is change an answer and
// pass: a byte between the records of a page belongs to nobody.
func TestNoRandomByteOfTheDatabaseFileChangesAnAnswerUndetected(t *testing.T) {
	t.Parallel()
	if os.Getenv("PLUMB_TEST_DSN") != "" {
		return // one file is as good as the other: the run on SQLite has this
	}
	in := filledFile(t)
	path := filepath.Join(in.cfg.Dir, "plumb.db")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := dump(t, in.cfg)
	random := rand.New(rand.NewPCG(3, 4))
	undetected := 0
	dir := t.TempDir()
	for range 1000 {
		if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err != nil { // a thousand copies would fill a disk
			t.Fatal(err)
		}
		at, bit := random.IntN(len(whole)), byte(1)<<random.IntN(8)
		b := append([]byte(nil), whole...)
		b[at] ^= bit
		if err := os.WriteFile(filepath.Join(dir, "plumb.db"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		cfg := db.Config{Dir: dir}
		if !passes(t, cfg, in.l.VerifierKey()) {
			continue
		}
		undetected++
		if got := dump(t, cfg); got != want {
			t.Fatalf("byte %d ^ %#x changed what the database says, undetected", at, bit)
		}
	}
	if undetected > 800 {
		t.Errorf("%d of 1000 changed bytes passed: the file is nearly empty, this proves little", undetected)
	}
}

// A file that cannot be read to its end is a finding of the verification, not a failure of it.
func TestADamagedFileIsReported(t *testing.T) {
	t.Parallel()
	if os.Getenv("PLUMB_TEST_DSN") != "" {
		return // a damaged file is SQLite's affair
	}
	in := filledFile(t)
	whole, err := os.ReadFile(filepath.Join(in.cfg.Dir, "plumb.db"))
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	unread := 0
	for at := page; at < len(whole); at += page {
		cfg := db.Config{Dir: t.TempDir()}
		b := slices.Clone(whole)
		copy(b[at:at+page], strings.Repeat("damaged!", page/8))
		if err := os.WriteFile(filepath.Join(cfg.Dir, "plumb.db"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := db.OpenReader(t.Context(), cfg)
		if err != nil {
			continue // refused before anything is verified
		}
		r, err := ledger.Verify(t.Context(), d, in.l.VerifierKey())
		if err != nil || len(r.Faults) == 0 {
			t.Errorf("page %d: %v, %d faults; want a report with faults", at/page, err, len(r.Faults))
		}
		if slices.ContainsFunc(r.Faults, func(f ledger.Fault) bool { return f.What == "storage" && f.Table == "" }) {
			unread++
		}
		d.Close()
	}
	if unread == 0 {
		t.Error("every damaged file was read to its end: this proves nothing")
	}
}

// filledFile is a small install in one closed SQLite file.
func filledFile(t *testing.T) *install {
	t.Helper()
	in := &install{T: t, cfg: db.Config{Dir: t.TempDir()}, key: newKey(t)}
	in.d = dbtest.OpenConfig(t, in.cfg)
	in.l = openLog(t, in.d, in.key)
	in.raw = dbtest.Raw(t, in.cfg)
	in.must("CREATE TABLE test_thing (id TEXT PRIMARY KEY, name TEXT NOT NULL, n BIGINT, flag BOOLEAN, more TEXT)")
	for i := range 500 { // enough that the empty pages of the many tables are few beside them
		in.write(fmt.Sprintf("t%02d", i%40), i)
	}
	in.integrate(500)
	in.must("PRAGMA wal_checkpoint(TRUNCATE)")
	if err := in.raw.Close(); err != nil {
		t.Fatal(err)
	}
	if err := in.d.Close(); err != nil {
		t.Fatal(err)
	}
	return in
}

func passes(t *testing.T, cfg db.Config, vkey string) bool {
	d, err := db.OpenReader(t.Context(), cfg)
	if err != nil {
		return false
	}
	defer d.Close()
	r, err := ledger.Verify(t.Context(), d, vkey)
	return err == nil && len(r.Faults) == 0
}

// dump is all that the tables of the ledger and of the test say.
func dump(t *testing.T, cfg db.Config) string {
	t.Helper()
	d, err := db.OpenReader(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var out strings.Builder
	err = d.View(t.Context(), func(tx *db.Tx) error {
		for _, table := range []string{"test_thing", "ledger_event", "ledger_detail", "ledger_tile", "ledger_checkpoint"} {
			rows, err := tx.Query("SELECT * FROM " + table + " ORDER BY 1")
			if err != nil {
				return err
			}
			if err := db.EachRow(rows, func(r db.Row) error { fmt.Fprintln(&out, r.Digest(table)); return nil }); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}
