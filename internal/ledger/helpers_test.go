package ledger_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/seal"
)

const origin = "plumbline.example/install"

// install is one install as a test sees it: the server's side, and a connection past the kernel.
type install struct {
	*testing.T
	cfg db.Config
	d   *db.DB
	l   *ledger.Log
	key *seal.Key
	raw *sql.DB
}

// installed makes an install with a covered table of the test's own: nobody declared it, so it is
// covered.
func installed(t *testing.T) *install {
	t.Helper()
	in := &install{T: t, cfg: dbtest.Config(t), key: newKey(t)}
	in.d = dbtest.OpenConfig(t, in.cfg)
	in.l = openLog(t, in.d, in.key)
	in.raw = dbtest.Raw(t, in.cfg)
	in.must("CREATE TABLE test_thing (id TEXT PRIMARY KEY, name TEXT NOT NULL, n BIGINT, flag BOOLEAN, more TEXT)")
	return in
}

func newKey(t *testing.T) *seal.Key {
	t.Helper()
	key, err := seal.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func openLog(t *testing.T, d *db.DB, key *seal.Key) *ledger.Log {
	t.Helper()
	l, err := ledger.Open(context.Background(), d, key, origin, nil)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// restart opens the install anew.
func (in *install) restart() {
	in.Helper()
	if err := in.d.Close(); err != nil {
		in.Fatal(err)
	}
	in.d = dbtest.OpenConfig(in.T, in.cfg)
	in.l = openLog(in.T, in.d, in.key)
}

func (in *install) must(text string, args ...any) {
	in.Helper()
	if _, err := in.raw.Exec(text, args...); err != nil {
		in.Fatalf("%s: %v", text, err)
	}
}

// write makes or changes a thing and records it, as a use-case would.
func (in *install) write(id string, n int) {
	in.Helper()
	if err := write(in.d, id, n); err != nil {
		in.Fatal(err)
	}
}

func write(d *db.DB, id string, n int) error {
	return d.Update(context.Background(), fault.SystemActor("test"), func(tx *db.Tx) error {
		if _, err := tx.Exec("INSERT INTO test_thing (id, name, n, flag) VALUES ($1, $2, $3, $4)"+
			" ON CONFLICT (id) DO UPDATE SET n = excluded.n", id, "thing "+id, n, n%2 == 0); err != nil {
			return err
		}
		_, err := ledger.Append(tx, ledger.Event{Verb: "thing.written", Type: "thing", Object: id,
			Detail: map[string]any{"n": n, "who": "somebody"}})
		return err
	})
}

// remove deletes a thing and records it.
func (in *install) remove(id string) {
	in.Helper()
	err := in.d.Update(in.Context(), fault.SystemActor("test"), func(tx *db.Tx) error {
		if err := tx.ExecOne("DELETE FROM test_thing WHERE id = $1", id); err != nil {
			return err
		}
		_, err := ledger.Append(tx, ledger.Event{Verb: "thing.removed", Type: "thing", Object: id})
		return err
	})
	if err != nil {
		in.Fatal(err)
	}
}

func (in *install) integrate(want int64) {
	in.Helper()
	size, err := in.l.Integrate(in.Context())
	if err != nil || size != want {
		in.Fatalf("integrated %d, %v; want %d", size, err, want)
	}
}

func (in *install) verify() *ledger.Report {
	in.Helper()
	return verify(in.T, in.d, in.l.VerifierKey())
}

func verify(t *testing.T, d *db.DB, vkey string) *ledger.Report {
	t.Helper()
	r, err := ledger.Verify(t.Context(), d, vkey)
	if err != nil {
		t.Fatalf("verify: %v", err)
	}
	return r
}

// whole fails unless the install verifies.
func (in *install) whole() {
	in.Helper()
	if r := in.verify(); len(r.Faults) != 0 {
		in.Errorf("faults = %+v, want none", r.Faults)
	}
}

// filled is an install with some history: things that were changed and removed, checkpoints at odd
// sizes, and all of it integrated. It holds 700 events.
func filled(t *testing.T) *install {
	t.Helper()
	in := installed(t)
	for i := range 700 {
		switch {
		case i%50 == 49:
			in.remove(fmt.Sprintf("t%02d", i%40))
		default:
			in.write(fmt.Sprintf("t%02d", i%40), i)
		}
		if i == 0 || i == 254 || i == 256 || i == 510 {
			in.integrate(int64(i + 1))
		}
	}
	in.integrate(700)
	return in
}
