package reconcile

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/plan"
)

// Desk holds the use-cases of reconciliation. It is safe for concurrent use; Tick is called by one loop.
type Desk struct {
	db      *db.DB
	people  *directory.Desk
	changes *change.Desk
	blobs   Documents
	log     *slog.Logger

	mended   time.Time // owned by the loop that calls Tick, as are the next five
	judged   int64     // number of the difference up to which each that needs a verdict had one then
	parted   time.Time // when everything was last looked at for tiers that are not apart
	watched  time.Time // when effects that were awaited at a close were last looked for
	tiered   int64     // number of the last difference that was looked at for them
	recalled *recalled // the index for the next step, where one is kept

	mu    sync.Mutex
	kept  map[string][]Claim  // guarded by mu; claims by charter, which never change
	tests map[string]BackTest // guarded by mu; back-tests of proposed exceptions that were looked at lately, by mute
}

// Documents gives documents by the digest of their bytes, which it checks while they are read. It may be called concurrently.
type Documents interface {
	Open(ctx context.Context, digest string) (io.ReadCloser, error)
}

// Deps wires a Desk.
type Deps struct {
	DB      *db.DB
	People  *directory.Desk
	Changes *change.Desk
	Blobs   Documents
	Log     *slog.Logger // nil means silent
}

// New makes the desk; it does no I/O.
func New(d Deps) *Desk {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	return &Desk{db: d.DB, people: d.People, changes: d.Changes, blobs: d.Blobs, log: d.Log, kept: map[string][]Claim{}, tests: map[string]BackTest{}}
}

// maxKept bounds the charters whose claims stay in memory.
const maxKept = 5_000

// claims reads a charter's claims, once.
func (d *Desk) claims(tx *db.Tx, id string) ([]Claim, error) {
	d.mu.Lock()
	list, ok := d.kept[id]
	d.mu.Unlock()
	if ok {
		return list, nil
	}
	list, err := claimsOf(tx, id)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.kept) >= maxKept {
		clear(d.kept)
	}
	d.kept[id] = list
	return list, nil
}

// charters reads those that may explain something after an instant.
func (d *Desk) charters(tx *db.Tx, since int64) ([]*Charter, error) {
	rows, err := db.Collect(tx, scanCharter, charterColumns+" WHERE until >= $1 ORDER BY n, id", since)
	return d.whole(tx, rows, err)
}

func (d *Desk) whole(tx *db.Tx, rows []charterRow, err error) ([]*Charter, error) {
	if err != nil {
		return nil, err
	}
	out := make([]*Charter, len(rows))
	for i := range rows {
		c := &rows[i].Charter
		if c.Claims, err = d.claims(tx, rows[i].id); err != nil {
			return nil, err
		}
		out[i] = c
	}
	return out, nil
}

// documents reads the plans that a revision binds. One that is not there, or is no plan, claims nothing, and the log says so; what
// else goes wrong is tried again.
func (d *Desk) documents(ctx context.Context, rev change.Revision) (map[string]*plan.Plan, error) {
	out := map[string]*plan.Plan{}
	list := rev.Material.Bindings
	if b := rev.Material.Rollback.Binding; b != nil {
		list = append(list[:len(list):len(list)], *b)
	}
	for _, b := range list {
		if b.Kind != "tf-plan" || b.Document == "" || out[b.Document] != nil {
			continue
		}
		p, err := d.document(ctx, b.Document)
		if err != nil {
			if f := fault.Of(err); f.Kind == fault.Internal || f.Kind == fault.Unavailable {
				return nil, err
			}
			d.log.Error("the document of an approved plan cannot be read; what it does will be nobody's", "change", string(rev.Change), "err", err)
			continue
		}
		out[b.Document] = p
	}
	return out, nil
}

func (d *Desk) document(ctx context.Context, digest string) (*plan.Plan, error) {
	r, err := d.blobs.Open(ctx, digest)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, plan.MaxPlan+1))
	if err != nil {
		return nil, fmt.Errorf("read plan document: %w", err)
	}
	return plan.ParseDocument(b)
}
