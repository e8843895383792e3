package db_test

import (
	"errors"
	"testing"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/fault"
)

func TestWhatASurfaceWritesIsDurableExactlyWhenTheUseCaseIs(t *testing.T) {
	t.Parallel()
	d, _ := open(t, dbtest.Config(t))
	refused := errors.New("refused")
	ctx := db.Around(t.Context(), func(tx *db.Tx, run func(*db.Tx) error) error {
		return errors.Join(insert(tx, "inner"), run(tx))
	})
	ctx = db.Around(ctx, func(tx *db.Tx, run func(*db.Tx) error) error {
		return errors.Join(insert(tx, "outer"), run(tx))
	})
	for _, want := range []error{refused, nil} {
		err := d.Update(ctx, fault.SystemActor("test"), func(tx *db.Tx) error { return errors.Join(insert(tx, "use-case"), want) })
		if !errors.Is(err, want) {
			t.Errorf("err = %v, want %v", err, want)
		}
		if want != nil {
			wantIDs(t, d)
		}
	}
	wantIDs(t, d, "inner", "outer", "use-case")
	answered := errors.New("answered before")
	skip := db.Around(t.Context(), func(*db.Tx, func(*db.Tx) error) error { return answered })
	err := d.Update(skip, fault.SystemActor("test"), func(*db.Tx) error { t.Error("the use-case ran twice"); return nil })
	if !errors.Is(err, answered) {
		t.Errorf("err = %v, want the first answer", err)
	}
}
