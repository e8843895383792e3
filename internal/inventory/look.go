package inventory

import (
	"bytes"
	"context"
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
	list := slices.DeleteFunc(r.unmet(), func(f *fingerprint) bool { return f.missed+1 < r.kind.absentAfter() })
	if len(list) == 0 {
		return
	}
	turn := int(r.run.Started % int64(len(list))) // so that what cannot be asked for keeps nobody else waiting for ever
	list = slices.Concat(list[turn:], list[:turn])
	ctx, stop := context.WithTimeout(ctx, lookFor)
	defer stop()
	there, spared := 0, 0
	for i, f := range list {
		if i < maxLooks && ctx.Err() == nil {
			sight, err := r.look(ctx, looker, f)
			if err == nil && (sight == NotThere || sight == Unasked) {
				continue
			}
			if err == nil && sight == There {
				there++
			}
		}
		f.spared = true
		spared++
	}
	if spared > 0 {
		r.d.log.Warn("not taken for gone", "source", r.source.Name, "missed", len(list), "spared", spared, "there", there)
	}
}

// look asks for one thing. A defect in what asks makes it unsure, and ends nothing else.
func (r *reading) look(ctx context.Context, looker Looker, f *fingerprint) (sight Sight, err error) {
	defer func() {
		if p := recover(); p != nil {
			r.d.log.ErrorContext(ctx, "a source panicked", "source", r.source.Name, "panic", p, "stack", string(debug.Stack()))
			sight, err = Unsure, fmt.Errorf("look: panicked: %v", p)
		}
	}()
	var k Kept
	err = r.d.db.View(ctx, func(tx *db.Tx) (err error) {
		k, _, err = loadRecord(tx, f.row())
		return err
	})
	if err != nil {
		return Unsure, err
	}
	return looker.Look(ctx, k.Record)
}

// unmet lists what a complete reading did not show of the scopes that it read, by their ids.
func (r *reading) unmet() (list []*fingerprint) {
	for i := range r.known.list {
		if f := &r.known.list[i]; !f.met && !f.gone && r.touched[f.scope] {
			list = append(list, f)
		}
	}
	slices.SortFunc(list, func(a, b *fingerprint) int { return bytes.Compare(a.id[:], b.id[:]) })
	return list
}
