package change

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
)

// Desk holds the use-cases of change control. It is safe for concurrent use.
type Desk struct {
	db      *db.DB
	log     *ledger.Log
	people  *directory.Desk
	blobs   Documents
	key     *seal.Key // signs statements and permits
	install string
	url     string // base URL for links in verdicts
	onSetUp func()
	things  Inventory // nil where there is none: the catalogue alone answers
	seen    func(*db.Tx, ID) error

	packs   packCache
	history db.Memory[[]inForce] // of the writer
	windows db.Memory[[]Window]  // of the writer: those that had not ended when they were read
	demands demandCache
	shelf   shelf
	gate    gateCache
	repeats repeats
	trend   trend
	uses    usesCache
}

// Documents keeps documents by the SHA-256 of their bytes. Put is durable on return; Open checks the
// bytes against the digest while they are read. All methods may be called concurrently.
type Documents interface {
	Put(ctx context.Context, r io.Reader, limit int64) (digest string, size int64, err error)
	Open(ctx context.Context, digest string) (io.ReadCloser, error)
	Has(ctx context.Context, digest string) (bool, error)
}

// Config wires a Desk.
type Config struct {
	DB      *db.DB
	Log     *ledger.Log
	People  *directory.Desk
	Blobs   Documents
	Key     *seal.Key
	Install string // install id; enters every statement
	URL     string // where people reach this server
	OnSetUp func() // called once the first-start ceremony is done; nil for nothing
	Things  Inventory
	// Seen refuses to close a change as successful while an effect of it that could be observed was not, or was
	// observed otherwise. It runs inside the transaction; its error is a no. nil where nothing observes.
	Seen func(tx *db.Tx, id ID) error
}

// New makes the desk; it does no I/O.
func New(c Config) *Desk {
	return &Desk{db: c.DB, log: c.Log, people: c.People, blobs: c.Blobs, key: c.Key, install: c.Install, url: c.URL, onSetUp: c.OnSetUp, things: c.Things, seen: c.Seen,
		packs: packCache{byDigest: map[string]*policy.Pack{}}, gate: gateCache{entries: map[ID]*cached{}}}
}

// packCache keeps compiled packs by digest; a digest names its content for ever.
type packCache struct {
	mu       sync.Mutex
	byDigest map[string]*policy.Pack // guarded by mu
}

// inForce is one pack in the order in which packs came into force.
type inForce struct {
	n      int64
	digest string
}

// packHistory lists all packs that were ever in force, oldest first.
func (d *Desk) packHistory(tx *db.Tx) ([]inForce, error) {
	return d.history.Recall(tx, "change_pack", func() ([]inForce, error) {
		scan := func(row db.Scanner) (p inForce, err error) { return p, row.Scan(&p.n, &p.digest) }
		list, err := db.Collect(tx, scan, "SELECT n, digest FROM change_pack ORDER BY n")
		if err != nil {
			return nil, fmt.Errorf("list policy packs: %w", err)
		}
		return list, nil
	})
}

// packIn gives the pack in force, nil before the first one is active.
func (d *Desk) packIn(tx *db.Tx) (*policy.Pack, error) {
	all, err := d.packHistory(tx)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return d.packOf(tx, all[len(all)-1].digest)
}

// newestPack is the number of the pack in force, 0 before the first.
func (d *Desk) newestPack(tx *db.Tx) (int64, error) {
	all, err := d.packHistory(tx)
	if err != nil || len(all) == 0 {
		return 0, err
	}
	return all[len(all)-1].n, nil
}

// packsSince gives the packs that came into force after the n-th, oldest first.
func (d *Desk) packsSince(tx *db.Tx, n int64) ([]*policy.Pack, error) {
	all, err := d.packHistory(tx)
	if err != nil {
		return nil, err
	}
	var out []*policy.Pack
	for _, x := range all {
		if x.n <= n {
			continue
		}
		p, err := d.packOf(tx, x.digest)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func (d *Desk) packOf(tx *db.Tx, digest string) (*policy.Pack, error) {
	d.packs.mu.Lock()
	p := d.packs.byDigest[digest]
	d.packs.mu.Unlock()
	if p != nil {
		return p, nil
	}
	archive, found, err := db.One(tx, scanString, "SELECT archive FROM change_pack WHERE digest = $1 LIMIT 1", digest)
	if err != nil || !found {
		return nil, fmt.Errorf("load policy pack %s: %w", digest, err)
	}
	if p, err = policy.LoadArchive([]byte(archive)); err != nil {
		return nil, fmt.Errorf("read policy pack: %w", err)
	}
	if p.Digest() != digest {
		return nil, fault.New(fault.Internal, "pack_changed", "The stored policy pack is not the one that was activated; nothing is decided by it.").
			FixedBy("the operator of the server").Then("plumb ledger verify")
	}
	d.packs.mu.Lock()
	d.packs.byDigest[digest] = p
	d.packs.mu.Unlock()
	return p, nil
}

func scanString(row db.Scanner) (s string, err error) { return s, row.Scan(&s) }

// Pack gives the policy pack in force; NotFound before the first-start ceremony.
func (d *Desk) Pack(ctx context.Context) (p *policy.Pack, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		if p, err = d.packIn(tx); err == nil && p == nil {
			err = notSetUp()
		}
		return err
	})
	return p, err
}

func notSetUp() *fault.Error {
	return fault.New(fault.Unavailable, "not_set_up", "This server is not set up: no policy pack is active, so everything is denied.").
		Because("setup", "").FixedBy("whoever holds the setup code").Then("plumb setup")
}

// File makes a new draft. Anybody who may file does so, a service account for its owner too; it gives
// the change its number.
func (d *Desk) File(ctx context.Context, actor fault.Actor, m Material) (c Change, err error) {
	if err := m.clean(); err != nil {
		return c, err
	}
	if err := d.fromDocuments(ctx, &m); err != nil {
		return c, err
	}
	canonical, digest, err := m.Digest()
	if err != nil {
		return c, err
	}
	var f drafted
	err = d.db.Update(ctx, actor, func(tx *db.Tx) error {
		f, err = d.file(tx, m, canonical, digest)
		return err
	})
	if err == nil {
		d.shelve(f)
	}
	return f.change, err
}

// drafted is a draft as it was written down.
type drafted struct {
	change   Change
	body     string // of the row
	revision Revision
}

// shelve keeps a draft for its next step, as whoever reads the row finds it.
func (d *Desk) shelve(f drafted) {
	if json.Unmarshal([]byte(f.revision.Canonical), &f.revision.Material) == nil {
		d.shelf.put(&Snapshot{Change: f.change, Revision: f.revision}, f.body)
	}
}

// file writes a wording that was found clean down, as a draft of the transaction's actor.
func (d *Desk) file(tx *db.Tx, m Material, canonical []byte, digest string) (f drafted, err error) {
	if err := d.settle(tx, &m, &canonical, &digest); err != nil {
		return f, err
	}
	id, number, err := nextID(tx)
	if err != nil {
		return f, err
	}
	actor, now := tx.Actor(), tx.Now().UnixMicro()
	c := Change{ID: id, Number: number, Version: 1, State: Draft, Type: m.Type, Category: m.Category,
		Summary: m.Summary, Requester: actor.Person, Rev: 1, RevDigest: digest, Created: now, Updated: now,
		Body: Body{Authors: []string{actor.Person}}}
	f = drafted{change: c, revision: revision(c, canonical, actor, now)}
	if f.body, err = insertChange(tx, c); err != nil {
		return f, fmt.Errorf("file change: %w", err)
	}
	if err := insertRevision(tx, f.revision); err != nil {
		return f, fmt.Errorf("file change: %w", err)
	}
	_, err = ledger.Append(tx, ledger.Event{Verb: "change.filed", Type: "change", Object: string(c.ID), Rev: digest,
		Detail: map[string]any{"summary": m.Summary, "category": m.Category, "type": m.Type}})
	return f, err
}

// settle resolves the names in a request against what the server knows: people and service accounts
// become ids, plan counts come from the stored document, never from the request.
func (d *Desk) settle(tx *db.Tx, m *Material, canonical *[]byte, digest *string) error {
	if err := d.people.ConfirmIn(tx, tx.Actor()); err != nil {
		return err
	}
	roster, err := d.people.RosterIn(tx)
	if err != nil {
		return fmt.Errorf("load people: %w", err)
	}
	changed, err := m.resolve(roster)
	if err != nil {
		return err
	}
	located, err := d.locate(tx, m)
	if err != nil || !changed && !located {
		return err
	}
	*canonical, *digest, err = m.Digest()
	return err
}

// resolve turns user names and service account names into ids.
func (m *Material) resolve(roster *directory.Roster) (changed bool, err error) {
	e := fault.New(fault.Invalid, "unknown_person", "The change names people or service accounts that are not known.")
	m.Implementers = slices.Clone(m.Implementers)
	for i := range m.Implementers {
		x := &m.Implementers[i]
		if x.Person != "" && !roster.Active(directory.PersonID(x.Person)) {
			p, ok := roster.Named(x.Person)
			if !ok {
				e.At(fmt.Sprintf("implementers[%d].person", i), "is not an active person")
			}
			x.Person, changed = string(p), true
		}
		if _, ok := roster.ServiceOwner(directory.AccountID(x.Account)); x.Account != "" && !ok {
			a, ok := roster.ServiceNamed(x.Account)
			if !ok {
				e.At(fmt.Sprintf("implementers[%d].account", i), "is not an active service account")
			}
			x.Account, changed = string(a), true
		}
	}
	for i, b := range m.Bindings {
		if b.Grant == nil || b.Grant.Person == "" || roster.Active(directory.PersonID(b.Grant.Person)) {
			continue
		}
		p, ok := roster.Named(b.Grant.Person)
		if !ok {
			e.At(fmt.Sprintf("bindings[%d].grant.person", i), "is not an active person")
			continue
		}
		g := *b.Grant
		g.Person = string(p)
		m.Bindings = slices.Clone(m.Bindings)
		m.Bindings[i].Grant, changed = &g, true
	}
	if len(e.Fields) > 0 {
		return false, e
	}
	return changed, nil
}

func revision(c Change, canonical []byte, actor fault.Actor, now int64) Revision {
	return Revision{ID: fmt.Sprintf("%s.%d", c.ID, c.Rev), Change: c.ID, N: c.Rev, Digest: c.RevDigest,
		Canonical: string(canonical), Author: actor.Person, Account: actor.Account, At: now}
}

// editable are the states in which a change can be reworded; from there it goes back to draft.
var editable = []State{Draft, Submitted, Assessing, AwaitingApproval, Authorized, Scheduled, Rejected, Expired}

// Edit writes a new revision. A material difference voids every decision and takes the change back to
// draft; a revision that would run the very same keeps them, with the proof recorded. seen is the
// revision digest that the editor started from.
func (d *Desk) Edit(ctx context.Context, actor fault.Actor, id ID, seen string, m Material) (c Change, err error) {
	if err := m.clean(); err != nil {
		return c, err
	}
	if err := d.fromDocuments(ctx, &m); err != nil {
		return c, err
	}
	canonical, digest, err := m.Digest()
	if err != nil {
		return c, err
	}
	err = d.db.Update(ctx, actor, func(tx *db.Tx) error {
		s, err := d.load(tx, id)
		if err != nil {
			return err
		}
		if err := d.settle(tx, &m, &canonical, &digest); err != nil {
			return err
		}
		if err := s.mayEdit(actor, seen); err != nil {
			return reread(tx, s, seen, err)
		}
		c = s.Change
		if digest == c.RevDigest {
			return nothingToDo(id)
		}
		kept, err := s.reword(actor, m, digest)
		if err != nil {
			return err
		}
		c = s.Change
		if err := insertRevision(tx, revision(c, canonical, actor, tx.Now().UnixMicro())); err != nil {
			return fmt.Errorf("save revision: %w", err)
		}
		if !kept {
			if err := reserve(tx, c.ID, nil, false); err != nil {
				return err
			}
		}
		if _, err := saveChange(tx, &c); err != nil {
			return fmt.Errorf("save change: %w", err)
		}
		_, err = ledger.Append(tx, ledger.Event{Verb: "change.edited", Type: "change", Object: string(c.ID), Rev: digest,
			Detail: map[string]any{"rev": c.Rev, "kept_decisions": kept, "was": s.Revision.Digest}})
		return err
	})
	return c, err
}

func nothingToDo(id ID) error {
	return fault.New(fault.Conflict, "no_difference", "That is the wording that is there already.").
		FixedBy("you").Then("plumb change submit %s", id)
}

// mayEdit: who asked rewords, and so does whom they named to carry it out, who becomes an author by that
// and can no longer approve. Nobody else: a new wording voids what was decided, so it would be a veto
// without a reason for anybody who may file. Whoever wants it otherwise rejects, holds or clones.
func (s *Snapshot) mayEdit(actor fault.Actor, seen string) error {
	switch {
	case actor.Person == "":
		return fault.New(fault.Denied, "not_allowed", "Only a known person or their service account edits a change.").
			About(string(s.Change.ID)).FixedBy("a person, in their own session").Then("plumb login")
	case !slices.Contains(s.Change.Body.Authors, actor.Person) && !s.named(actor):
		return fault.New(fault.Denied, "not_author", "A change is reworded by its authors, or by who it names to carry it out.").
			About(string(s.Change.ID)).Because("authors", "policy statement (b)").FixedBy("the requester").Then("plumb change clone %s", s.Change.ID)
	case seen != s.Change.RevDigest:
		return stale(s.Change)
	case !slices.Contains(editable, s.Change.State):
		return fault.New(fault.Conflict, "not_editable", "A change that is %s cannot be reworded.", s.Change.State).
			About(string(s.Change.ID)).FixedBy("its author").Then("plumb change clone %s", s.Change.ID)
	}
	return nil
}

func stale(c Change) error {
	return fault.New(fault.Stale, "stale", "%s was reworded since you read it: it is at revision %d now.", c.ID, c.Rev).
		About(string(c.ID)).FixedBy("you").Then("plumb change diff %s", c.ID)
}

// reword moves the shell on to the new wording.
func (s *Snapshot) reword(actor fault.Actor, m Material, digest string) (kept bool, err error) {
	c := &s.Change
	before, err := s.Revision.Material.sameRun()
	if err != nil {
		return false, err
	}
	after, err := m.sameRun()
	if err != nil {
		return false, err
	}
	kept = before == after && c.State != Draft && c.State != Rejected && c.State != Expired
	if kept {
		c.Body.Carried = append(slices.Clone(c.Body.Carried), c.RevDigest)
	} else {
		if c.Body.Submitted > 0 {
			c.Body.Edits++
		}
		c.State = Draft
		c.Due = 0
		c.Body.Carried, c.Body.Auto, c.Body.Acks, c.Body.Approvals = nil, nil, nil, ""
		c.Body.Expires, c.Body.Decided, c.Body.Start, c.Body.End = 0, 0, 0, 0
	}
	c.Rev++
	c.RevDigest, c.Type, c.Category, c.Summary = digest, m.Type, m.Category, m.Summary
	if !slices.Contains(c.Body.Authors, actor.Person) {
		c.Body.Authors = append(slices.Clone(c.Body.Authors), actor.Person)
	}
	return kept, nil
}
