package inventory

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"math"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

// Run is one reading of one source: the unit of completeness.
type Run struct {
	ID          string   `json:"id"`
	N           int64    `json:"n"`
	Source      string   `json:"source"`
	Started     int64    `json:"started"`
	Ended       int64    `json:"ended"`
	Complete    bool     `json:"complete"` // every scope was read to its end; only then does absence mean anything
	Mapper      int64    `json:"mapper"`
	Records     int64    `json:"records"` // seen in all
	Added       int64    `json:"added"`
	Changed     int64    `json:"changed"`
	Absent      int64    `json:"absent"` // not seen although their scope was read completely
	Differences int64    `json:"differences"`
	Root        string   `json:"root"`     // RFC 6962 head over the records seen
	Document    string   `json:"document"` // digest of the list of documents that hold what was new, without secrets
	Error       string   `json:"error,omitempty"`
	Scopes      []string `json:"scopes"`
}

// turns keeps readings of one source apart.
type turns struct {
	mu   sync.Mutex
	busy map[string]bool // guarded by mu; by source
}

func (t *turns) take(source string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.busy[source] {
		return false
	}
	t.busy[source] = true
	return true
}

func (t *turns) give(source string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.busy, source)
}

// reading is one run at work. It belongs to one goroutine. The one that writes a batch meanwhile (flush) reads only what begin set.
type reading struct {
	d        *Desk
	actor    fault.Actor
	source   Configured
	kind     Kind
	sources  map[string]Configured // every source, by its id
	run      Run
	known    memory
	readings map[string]ScopeState // before this run
	touched  map[string]bool       // scopes met in this run
	editions map[string]int64      // of this run's document, by scope, where it says them
	last     string                // of them, the one met last
	first    bool                  // no reading of this source was complete before: what it shows was there before anybody looked
	waiting  []arrival
	aloft    *flight // the batch that is being written
	seen     tally
	leaves   [][32]byte
	chunks   []string // digests of the documents with what was new
	src      Source
}

// arrival is a record that is new or differs.
type arrival struct {
	rec    Record
	paths  []string // of its attributes, in their order
	id     [16]byte
	digest [32]byte
	known  bool
	stored string  // as it is stored
	was    earlier // the stored wording that it was compared with while it was read; empty where there was none
}

// row names the row of the record.
func (a *arrival) row() string { return "rec_" + hex.EncodeToString(a.id[:]) }

// Takes refuses a token that does not name the source to which it sends a document: what one robot may say of its own source would
// otherwise be its word on every other.
func (c Configured) Takes(actor fault.Actor) error {
	if actor.Feeds(c.ID) {
		return nil
	}
	return fault.New(fault.Denied, "source_not_bound", "A token sends documents only to the sources that it names.").About(c.Name).
		Because(string(directory.InventoryPush), "").FixedBy("the owner of the token").Then("plumb token create --scope observe --source %s", c.Name)
}

// Read reads a source once. A reading that fails half-way keeps what it saw and takes nothing for absent. document is what
// was pushed, nil for a source that is fetched.
func (d *Desk) Read(ctx context.Context, actor fault.Actor, source string, document io.Reader, name string) (run Run, err error) {
	c, err := d.SourceOf(ctx, source)
	if err != nil {
		return run, err
	}
	k, ok := d.Kind(c.Kind)
	if document != nil {
		if err := c.Takes(actor); err != nil {
			return run, err
		}
	}
	switch {
	case c.Removed > 0:
		return run, removed(c)
	case !ok || c.Paused:
		return run, fault.New(fault.Conflict, "source_paused", "The source is paused, or this program no longer knows its kind.").
			FixedBy("whoever looks after the source").Then("plumb source edit %s --resume", c.Name)
	case document == nil && k.Push:
		return run, fault.New(fault.Invalid, "no_document", "This source takes documents that are sent to it; none came.").
			FixedBy("you").Then("plumb source push %s FILE", c.Name)
	}
	if !d.reading.take(c.ID) {
		return run, fault.New(fault.Conflict, "reading_now", "This source is being read at this moment.").FixedBy("you").Then("try again in a moment")
	}
	defer d.reading.give(c.ID)
	r, err := d.begin(ctx, actor, c, k)
	if err != nil {
		return run, err
	}
	in, err := d.input(c, k)
	if err == nil {
		in.Document, in.Name, in.Known, in.Newer = document, name, r.knownBytes, r.newer
		err = r.collect(ctx, in)
	}
	if err == nil {
		r.confirm(ctx)
	}
	ended := r.end(context.WithoutCancel(ctx), err)
	d.goOn(ctx, actor, math.MaxInt)
	if ended != nil {
		return r.run, ended
	}
	return r.run, err
}

// beginning is how long a source that never completed a reading is taken to be at its first, from when it first showed anything: a day,
// in microseconds. What broke off and is read again soon was there before anybody looked; a source of which every reading fails is not one
// that may show what it likes for ever.
const beginning = 24 * 60 * 60 * 1_000_000

// begin loads what the last readings left: the fingerprints of every record.
func (d *Desk) begin(ctx context.Context, actor fault.Actor, c Configured, k Kind) (*reading, error) {
	r := &reading{d: d, actor: actor, source: c, kind: k,
		readings: map[string]ScopeState{}, touched: map[string]bool{}, editions: map[string]int64{},
		run: Run{ID: seal.NewID("run"), Source: c.ID, Mapper: int64(k.Mapper), Scopes: []string{}}}
	err := d.db.View(ctx, func(tx *db.Tx) error {
		r.run.Started = tx.Now().UnixMicro()
		var err error
		if r.sources, err = sourcesByID(tx); err != nil {
			return err
		}
		if now := r.sources[c.ID]; now.Removed > 0 { // since the caller looked
			return removed(now)
		}
		states, err := scopesOf(tx, c.ID)
		if err != nil {
			return err
		}
		for _, s := range states {
			r.readings[s.Scope] = s
		}
		whole, _, err := db.One(tx, scanInt, "SELECT COUNT(*) FROM inventory_scope WHERE source = $1", c.ID)
		if err != nil {
			return err
		}
		shown, _, err := db.One(tx, scanInt, "SELECT started FROM inventory_run WHERE source = $1 AND records > 0 ORDER BY n LIMIT 1", c.ID)
		if err != nil {
			return err
		}
		r.first = whole == 0 && (shown == 0 || r.run.Started-shown < beginning)
		if r.known, err = remember(tx, c.ID); err != nil {
			return err
		}
		r.leaves = make([][32]byte, 0, len(r.known.list))
		return nil
	})
	return r, err
}

// newer refuses a document that is older than the newest that its scope was read from: what was would count as what is, and what was put right
// since as back.
func (r *reading) newer(scope string, edition int64) error {
	if last := r.readings[scope].Edition; edition < last {
		return fault.New(fault.Conflict, "document_older", "The document is number %d of its scope, and number %d was read already; nothing of it is taken.", edition, last).
			FixedBy("whoever sends it").Then("send the newest: terraform state pull | plumb source push %s -", r.source.Name)
	}
	r.editions[scope] = edition
	return nil
}

// collect has the source give its records, and waits for the last of them to be written, however the source ends.
func (r *reading) collect(ctx context.Context, in Input) error {
	err := r.drain(ctx, in)
	if flushed := r.flush(context.WithoutCancel(ctx)); err == nil {
		err = flushed
	}
	if landed := r.landed(); err == nil {
		err = landed
	}
	return err
}

// drain reads the source to its end. A defect in what reads it fails this reading, and neither the server nor the readings after it.
func (r *reading) drain(ctx context.Context, in Input) (err error) {
	defer func() {
		if p := recover(); p != nil {
			r.d.log.ErrorContext(ctx, "a source panicked", "source", r.source.Name, "panic", p, "stack", string(debug.Stack()))
			err = fault.New(fault.Internal, "source_panicked", "The program failed while it read this source; what it had read before is kept.").
				FixedBy("the operator of the server").Then("plumb source show %s; the server's log has the cause", r.source.Name)
		}
	}()
	src, err := r.kind.Open(in)
	if err != nil {
		return err
	}
	r.src = src
	if s, ok := src.(Scoper); ok {
		for _, scope := range s.Scopes() {
			r.touched[scope] = true
		}
	}
	return src.Collect(ctx, func(rec Record) error {
		if err := r.take(rec); err != nil {
			return err
		}
		if len(r.waiting) < flushAt {
			return ctx.Err()
		}
		return r.flush(ctx)
	})
}

// take compares one record with what is known of it.
func (r *reading) take(rec Record) error {
	rec.tidy()
	if err := rec.clean(); err != nil {
		return err
	}
	id := short(key("rec", r.source.ID, rec.Scope, rec.Type, rec.Native)[len("rec_"):])
	paths := rec.paths()
	digest := rec.digest(paths)
	f, known := r.known.record(id)
	switch {
	case known && f.met:
		return fault.New(fault.Invalid, "seen_twice", "The source gave two records with the same type and id in one reading.").
			FixedBy("whoever looks after the source").Then("plumb source show %s", r.source.Name)
	case !known:
		f = r.known.add(id)
	}
	same := known && !f.gone && f.missed == 0 && f.digest == [16]byte(digest[:16])
	f.digest = [16]byte(digest[:16])
	r.meet(f, rec.Scope)
	if !same {
		r.waiting = append(r.waiting, arrival{rec: rec, paths: paths, id: id, digest: digest, known: known})
	}
	return nil
}

func (r *reading) meet(f *fingerprint, scope string) {
	f.met, f.missed, f.gone = true, 0, false
	if scope != r.last || len(r.touched) == 0 {
		r.touched[scope], r.last = true, scope
	}
	r.run.Records++
	r.leaves = append(r.leaves, leaf(f.id, f.digest))
}

// end closes the run: what a complete reading missed, the state of each scope, and the run itself under one event. Once that is written the
// reading succeeded: that its disagreements could not be asked about is for the operator.
func (r *reading) end(ctx context.Context, failed error) error {
	var list []byte
	if len(r.chunks) > 0 {
		list, _ = json.Marshal(r.chunks)
		digest, _, err := r.d.blobs.Put(ctx, bytes.NewReader(list), int64(len(list)))
		if err != nil {
			return fmt.Errorf("keep what was read: %w", err)
		}
		r.run.Document = digest
	}
	r.run.Complete = failed == nil
	if failed != nil {
		r.run.Error = told(failed)
	}
	r.run.Scopes = slices.Sorted(maps.Keys(r.touched))
	head := root(r.leaves)
	r.run.Root = hex.EncodeToString(head[:])
	if err := r.absent(ctx); err != nil {
		return err
	}
	r.run.Added, r.run.Changed, r.run.Differences = r.seen.added, r.seen.changed, r.seen.differences
	err := r.d.db.Update(ctx, r.actor, func(tx *db.Tx) (err error) {
		if r.run.N, err = next(tx, "inventory_run"); err != nil {
			return err
		}
		r.run.Ended = tx.Now().UnixMicro()
		if r.run.Complete {
			for _, scope := range r.run.Scopes {
				s := r.readings[scope]
				s.Source, s.Scope, s.Complete, s.Run = r.source.ID, scope, r.run.Started, r.run.ID
				s.Readings, s.Edition = s.Readings+1, max(s.Edition, r.editions[scope])
				if err := saveScope(tx, s); err != nil {
					return err
				}
			}
		}
		if err := insertRun(tx, r.run); err != nil {
			return err
		}
		return record(tx, "inventory.read", "source", r.source.ID, map[string]any{"run": r.run.ID, "complete": r.run.Complete,
			"records": r.run.Records, "added": r.run.Added, "changed": r.run.Changed, "absent": r.run.Absent,
			"differences": r.run.Differences, "root": r.run.Root, "scopes": len(r.run.Scopes), "error": r.run.Error})
	})
	if err != nil || !r.run.Complete {
		return err
	}
	if err := r.ripen(ctx); err != nil { // the reading stands; the next complete one of this source asks what this one did not
		r.d.log.ErrorContext(ctx, "a reading is complete, but its disagreements were not asked about", "source", r.source.Name, "run", r.run.ID, "error", err)
	}
	return nil
}

// maxTold is how many places of a failure a reading keeps.
const maxTold = 20

// told is why a reading failed, with the places that its error names, such as lines of a table.
func told(failed error) string {
	f := fault.Of(failed)
	text := f.Message
	for i, at := range f.Fields {
		if i == maxTold {
			return text + " …"
		}
		text += " " + at.Path + ": " + at.Problem + "."
	}
	return text
}

// absent notes what a complete reading did not show, scope by scope.
func (r *reading) absent(ctx context.Context) error {
	if !r.run.Complete {
		return nil
	}
	list := r.unmet()
	r.run.Absent = int64(len(list))
	list = slices.DeleteFunc(list, func(f *fingerprint) bool { return f.spared })
	for part := range slices.Chunk(list, flushAt) {
		err := r.write(ctx, func(w *observer) error {
			for _, f := range part {
				if err := w.miss(f.row()); err != nil {
					return err
				}
			}
			return w.record("inventory.missed", map[string]any{"run": r.run.ID, "records": len(part)})
		}, &r.seen)
		if err != nil {
			return err
		}
	}
	return nil
}

// Due lists the sources whose time to be read has come, by name. What failed is tried again after its interval, not at once.
func (d *Desk) Due(ctx context.Context) (names []string, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		all, err := listSources(tx)
		if err != nil {
			return err
		}
		for _, c := range all {
			if k, ok := d.Kind(c.Kind); !ok || k.Push || c.Paused || c.Removed > 0 || c.Every == 0 {
				continue
			}
			last, _, err := db.One(tx, scanInt, "SELECT started FROM inventory_run WHERE source = $1 ORDER BY n DESC LIMIT 1", c.ID)
			if err != nil {
				return err
			}
			if tx.Now().UnixMicro()-last >= c.Every*1_000_000 {
				names = append(names, c.Name)
			}
		}
		return nil
	})
	return names, err
}
