package inventory_test

import (
	"context"
	"testing"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/inventory/diagram"
	"plumbline.dev/plumb/internal/ledger"
)

// moving gives a context in which production moves on before each of the first so many times that a use-case of it is written, and how often one was.
func (f *firm) moving(times int) (context.Context, *int) {
	tries := new(int)
	return db.Around(f.t.Context(), func(tx *db.Tx, run func(*db.Tx) error) error {
		if *tries++; *tries > times {
			return run(tx)
		}
		_, err := tx.Exec("INSERT INTO inventory_difference (id, n, asset, record, source, run, type, native, op, path, kind, before, after, earliest, latest, actor, baseline, settled)" +
			" SELECT 'dif_moved', MAX(n) + 1, 'AST-000001', '', '', '', '', '', 'update', 'name', 'identity', '', '', 0, 0, '', FALSE, '' FROM inventory_difference")
		if err == nil {
			_, err = tx.Exec("UPDATE inventory_asset SET name = 'moved' WHERE id = 'AST-000001'")
		}
		if err == nil {
			_, err = ledger.Append(tx, ledger.Event{Verb: "test.moved", Type: "test", Object: "1"})
		}
		if err != nil {
			return err
		}
		return run(tx)
	}), tries
}

// A drawing that was made outside the writer counts only while production is as it was drawn. It is drawn anew where production moved on,
// and at last inside the writer: then what moved is seen.
func TestADiagramIsDecidedOnAsProductionIsThen(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.read("cloud", wired()...)
	seen := f.drawn(network).Digest(diagram.Network)
	ctx, tries := f.moving(2)
	v, err := f.ProposeDiagram(ctx, olga, network, seen, "")
	f.must(err)
	if *tries != 3 || v.Digest != seen {
		t.Errorf("written the %d. time, want the third, as it was before", *tries)
	}
	ctx, tries = f.moving(100)
	_, err = f.ApproveDiagram(ctx, nils, v.ID, seen, "")
	f.refused(err, "diagram_moved")
	if *tries != 4 {
		t.Errorf("written %d times, want three with a drawing from before and one with its own", *tries)
	}
	ctx, tries = f.moving(0)
	v, err = f.ApproveDiagram(ctx, nils, v.ID, seen, "")
	f.must(err)
	if *tries != 1 || v.State != inventory.DiagramApproved {
		t.Errorf("written %d times, %+v; want it approved at once", *tries, v)
	}
	ctx, tries = f.moving(0)
	_, err = f.ApproveDiagram(ctx, nils, v.ID, seen, "")
	f.refused(err, "diagram_decided")
	if *tries != 1 {
		t.Errorf("a refusal was tried %d times", *tries)
	}
	f.whole()
}
