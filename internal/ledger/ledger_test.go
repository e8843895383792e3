package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/seal"
)

func open(t *testing.T) (*db.DB, *ledger.Log) {
	t.Helper()
	d := dbtest.Open(t, dbtest.NewClock())
	key, err := seal.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(context.Background(), d, key, "plumbline.example/install", nil)
	if err != nil {
		t.Fatal(err)
	}
	return d, l
}

func record(t *testing.T, d *db.DB, n int) {
	t.Helper()
	err := d.Update(context.Background(), fault.SystemActor("test"), func(tx *db.Tx) error {
		_, err := ledger.Append(tx, ledger.Event{Verb: "test.noted", Type: "test", Object: fmt.Sprint(n),
			Detail: map[string]any{"n": n, "who": "somebody"}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestEventsOfConcurrentUseCasesFormOneWholeTree(t *testing.T) {
	t.Parallel()
	d, l := open(t)
	var wg sync.WaitGroup
	for i := range 600 {
		wg.Go(func() { record(t, d, i) })
		if i%200 == 0 {
			if _, err := l.Integrate(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	wg.Wait()
	size, err := l.Integrate(t.Context())
	if err != nil || size != 600 {
		t.Fatalf("integrated %d, %v; want 600", size, err)
	}
	r, err := ledger.Verify(t.Context(), d, l.VerifierKey())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Faults) != 0 || r.Events != 600 || r.Size != 600 {
		t.Errorf("report = %+v, want 600 events and no fault", r)
	}
}

func TestADenialByARuleIsAnEventAndTheRestIsRolledBack(t *testing.T) {
	t.Parallel()
	d, l := open(t)
	denied := fault.New(fault.Denied, "self_approval", "The author cannot approve their own change.").About("CHG-000001")
	err := d.Update(t.Context(), fault.SystemActor("test"), func(tx *db.Tx) error {
		if _, err := ledger.Append(tx, ledger.Event{Verb: "test.lost", Type: "test", Object: "x"}); err != nil {
			return err
		}
		return denied
	})
	if !errors.Is(err, denied) {
		t.Fatalf("err = %v, want the denial", err)
	}
	if _, err := l.Integrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	err = d.View(t.Context(), func(tx *db.Tx) error {
		all, err := ledger.ReadIn(tx, 0, 10)
		if len(all) != 1 || all[0].Leaf.Verb != "request.denied" || all[0].Leaf.Object.ID != "CHG-000001" {
			t.Errorf("events = %+v, want one denial", all)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAStrangersDenialDoesNotGrowTheLedger(t *testing.T) {
	t.Parallel()
	in := installed(t)
	denied := fault.New(fault.Denied, "no_scope", "Nobody may do that.")
	if err := in.d.Update(t.Context(), fault.Actor{}, func(*db.Tx) error { return denied }); !errors.Is(err, denied) {
		t.Fatalf("err = %v, want the denial", err)
	}
	if all := in.events(); len(all) != 0 {
		t.Errorf("events = %+v, want none", all)
	}
}
