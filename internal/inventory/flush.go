package inventory

import (
	"bytes"
	"context"
	"fmt"
	"runtime/debug"

	"plumbline.dev/plumb/internal/db"
)

// flushAt bounds the records of one transaction: the writer serves others in between.
const flushAt = 64

// tally is what a reading found so far.
type tally struct{ added, changed, differences int64 }

// flight is a batch that is being written while its source is read on.
type flight struct {
	done  chan error
	found tally
}

// flush gives what waits to the writer, after the document that holds it, and reads on meanwhile. At most one batch is under
// way, so that batches are written in the order in which they were read, and memory holds two. What can be worked out outside the
// writer is: others wait for it.
func (r *reading) flush(ctx context.Context) error {
	if len(r.waiting) == 0 {
		return nil
	}
	batch := r.waiting
	r.waiting = nil
	var doc bytes.Buffer
	for i := range batch {
		a := &batch[i]
		var err error
		if a.stored, err = a.rec.encode(); err != nil {
			return err
		}
		doc.WriteString(a.stored)
		doc.WriteByte('\n')
	}
	if err := r.compare(ctx, batch); err != nil {
		return err
	}
	digest, _, err := r.d.blobs.Put(ctx, &doc, int64(len(batch)+1)*maxRecord)
	if err != nil {
		return fmt.Errorf("keep what was read: %w", err)
	}
	if err := r.landed(); err != nil {
		return err
	}
	r.chunks = append(r.chunks, digest)
	f := &flight{done: make(chan error, 1)}
	r.aloft = f
	go func() {
		var err error
		defer func() { f.done <- err }() // whatever happens, nobody waits for ever
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("write what was read: panicked: %v\n%s", p, debug.Stack())
			}
		}()
		err = r.write(ctx, func(w *observer) error {
			if err := w.observeAll(batch); err != nil {
				return err
			}
			return w.record("inventory.observed", map[string]any{"run": r.run.ID, "records": len(batch), "document": digest})
		}, &f.found)
	}()
	return nil
}

// compare compares records that are known with their stored wordings.
func (r *reading) compare(ctx context.Context, batch []arrival) error {
	at := map[string]*arrival{}
	var ids []string
	for i := range batch {
		if a := &batch[i]; a.known {
			at[a.row()] = a
			ids = append(ids, a.row())
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return r.d.db.View(ctx, func(tx *db.Tx) error {
		return eachWording(tx, ids, func(id, digest, body string) error { return at[id].compare(digest, body) })
	})
}

// compare compares the record with a stored wording of it.
func (a *arrival) compare(digest, body string) (err error) {
	a.was, err = against(digest, body, &a.rec)
	return err
}

// observeAll takes the records of a batch, in their order.
func (w *observer) observeAll(batch []arrival) error {
	ids := make([]string, len(batch))
	for i := range batch {
		ids[i] = batch[i].row()
	}
	known, err := headsOf(w.tx, ids)
	if err != nil {
		return err
	}
	for i := range batch {
		was, ok := known[ids[i]]
		if err := w.observe(&batch[i], was, ok); err != nil {
			return err
		}
	}
	return nil
}

// landed waits for the batch that is under way, and counts what it found. The database ends every write, so nothing else
// needs to end the wait.
func (r *reading) landed() error {
	f := r.aloft
	if f == nil {
		return nil
	}
	r.aloft = nil
	err := <-f.done
	r.seen.add(f.found)
	return err
}

func (t *tally) add(o tally) {
	t.added += o.added
	t.changed += o.changed
	t.differences += o.differences
}

// write runs one transaction of a reading. What it found counts once, though the transaction may be tried more than once,
// and not at all when it fails.
func (r *reading) write(ctx context.Context, deed func(*observer) error, found *tally) error {
	var w *observer
	err := r.d.db.Update(ctx, r.actor, func(tx *db.Tx) (err error) {
		if w, err = newObserver(tx, r); err != nil {
			return err
		}
		return deed(w)
	})
	if err == nil {
		found.add(w.found)
	}
	return err
}
