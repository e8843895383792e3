package inventory

import (
	"context"
	"encoding/hex"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"plumbline.dev/plumb/internal/db"
)

// This file asks a source for each thing by itself before its absence from a list is taken for its end.

// Bounds of what one reading asks for by itself. What is left over waits for the next reading.
const (
	maxLooks = 1_000
	lookFor  = time.Minute
)

// confirm asks for what is about to be gone. Whatever is there after all, could not be asked for, or was not asked for any more, is spared: it
// counts as missed no more often than before, and the next reading asks again.
func (r *reading) confirm(ctx context.Context) {
	looker, ok := r.src.(Looker)
	if !ok || !r.kind.Absence {
		return
	}
	ids := slices.DeleteFunc(r.unmet(), func(id [16]byte) bool { return r.records[id].missed+1 < r.kind.absentAfter() })
	if len(ids) == 0 {
		return
	}
	turn := int(r.run.Started % int64(len(ids))) // so that what cannot be asked for keeps nobody else waiting for ever
	ids = slices.Concat(ids[turn:], ids[:turn])
	ctx, stop := context.WithTimeout(ctx, lookFor)
	defer stop()
	r.spared = map[[16]byte]bool{}
	there := 0
	for i, id := range ids {
		if i >= maxLooks || ctx.Err() != nil {
			r.spared[id] = true
			continue
		}
		sight, err := r.look(ctx, looker, id)
		switch {
		case err == nil && (sight == NotThere || sight == Unasked):
			continue
		case err == nil && sight == There:
			there++
		}
		r.spared[id] = true
	}
	if len(r.spared) > 0 {
		r.d.log.Warn("not taken for gone", "source", r.source.Name, "missed", len(ids), "spared", len(r.spared), "there", there)
	}
}

// look asks for one thing. A defect in what asks makes it unsure, and ends nothing else.
func (r *reading) look(ctx context.Context, looker Looker, id [16]byte) (sight Sight, err error) {
	defer func() {
		if p := recover(); p != nil {
			r.d.log.ErrorContext(ctx, "a source panicked", "source", r.source.Name, "panic", p, "stack", string(debug.Stack()))
			sight, err = Unsure, fmt.Errorf("look: panicked: %v", p)
		}
	}()
	var k Kept
	err = r.d.db.View(ctx, func(tx *db.Tx) (err error) {
		k, _, err = loadRecord(tx, "rec_"+hex.EncodeToString(id[:]))
		return err
	})
	if err != nil {
		return Unsure, err
	}
	return looker.Look(ctx, k.Record)
}

// unmet lists what a complete reading did not show of the scopes that it read, in their order.
func (r *reading) unmet() (ids [][16]byte) {
	for id, f := range r.records {
		if !f.met && !f.gone && f.scope < len(r.scopes) && r.touched[r.scopes[f.scope]] {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b [16]byte) int { return slices.Compare(a[:], b[:]) })
	return ids
}
