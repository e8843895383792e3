package inventory

import (
	"context"
	"errors"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory/diagram"
)

// drawing gives what a slice shows in the state of the inventory that a transaction sees.
type drawing func(s *Slice) (diagram.Graph, error)

// maxSketches is how often a slice is drawn outside the writer before it is drawn inside.
const maxSketches = 3

// errMoved says that the inventory moved on since a slice was drawn.
var errMoved = errors.New("inventory: moved on since it was drawn")

// sketched runs a use-case that rests on a drawing. It is drawn in a view, for others write meanwhile, and counts where nothing was observed
// or said since; else it is drawn anew. Where that is so every time, it is drawn inside the writer: a busy inventory keeps nobody from deciding.
// of gives the slice, and spares the drawing where the use-case will refuse anyway; it does so itself, so that a denial is recorded.
func (d *Desk) sketched(ctx context.Context, actor fault.Actor, of func(*db.Tx) (Slice, error), run func(*db.Tx, drawing) error) error {
	for range maxSketches {
		k, refused, err := d.sketch(ctx, of)
		switch {
		case err != nil:
			return err
		case refused:
			return d.drawnInside(ctx, actor, run)
		}
		err = d.db.Update(ctx, actor, func(tx *db.Tx) error { return run(tx, k.still(tx)) })
		if !errors.Is(err, errMoved) {
			return err
		}
	}
	return d.drawnInside(ctx, actor, run)
}

func (d *Desk) drawnInside(ctx context.Context, actor fault.Actor, run func(*db.Tx, drawing) error) error {
	return d.db.Update(ctx, actor, func(tx *db.Tx) error {
		return run(tx, func(s *Slice) (diagram.Graph, error) { return drawn(tx, s) })
	})
}

// sketch is what a slice showed in one state of the inventory.
type sketch struct {
	slice Slice
	state string
	graph diagram.Graph
}

func (d *Desk) sketch(ctx context.Context, of func(*db.Tx) (Slice, error)) (k sketch, refused bool, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) (err error) {
		if k.slice, err = of(tx); err != nil {
			refused = true
			return nil
		}
		if k.state, err = worldState(tx); err != nil {
			return err
		}
		k.graph, err = drawn(tx, &k.slice)
		return err
	})
	return k, refused, err
}

// still gives the sketch to a transaction that sees the inventory in the same state.
func (k sketch) still(tx *db.Tx) drawing {
	return func(s *Slice) (diagram.Graph, error) {
		now, err := worldState(tx)
		if err == nil && now != k.state {
			err = errMoved
		}
		*s = k.slice
		return k.graph, err
	}
}
