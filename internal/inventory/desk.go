package inventory

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
)

// Desk holds the use-cases of the inventory. It is safe for concurrent use; two readings of one source run one after
// the other.
type Desk struct {
	db      *db.DB
	people  People
	roster  Roster
	blobs   Documents
	secrets Secrets
	mask    func(string) Value
	kinds   []Kind
	log     *slog.Logger
	reading turns
	moves   moves
	lists   lists
	allowed Approval
}

// Approval is what the inventory asks of the changes, inside its own transaction.
type Approval interface {
	// LabelApproved says whether an approved change allows one label of one asset to become a value; an error is no.
	LabelApproved(tx *db.Tx, change string, asset Asset, label, value string) error
	// DraftRetirement makes a draft of the change that would retire an asset, for the transaction's actor, and gives its id; former are
	// those of earlier drafts, the newest first: one that still would retire it is given again. A draft binds nobody.
	DraftRetirement(tx *db.Tx, asset AssetID, seen Seen, why string, former []string) (change string, err error)
}

// Wire hands in what is made after the desk: who knows the approved changes. Without it nothing that needs a change is allowed, and nothing is drafted.
func (d *Desk) Wire(a Approval) { d.allowed = a }

// People says whether who acts may still do so: signed out, disabled or expired since the request came in means no.
type People interface {
	ConfirmIn(tx *db.Tx, actor fault.Actor) error
}

// Documents keeps documents by the SHA-256 of their bytes; durable on return.
type Documents interface {
	Put(ctx context.Context, r io.Reader, limit int64) (digest string, size int64, err error)
}

// Secrets gives the credentials of sources by name, out of files that only the server's operator can write. It is called
// for each reading and may be called concurrently; what is absent is an error.
type Secrets interface {
	Secret(name string) (string, error)
}

// Deps wires a Desk.
type Deps struct {
	DB      *db.DB
	People  People
	Roster  Roster // who campaigns may ask; without it none can be opened
	Blobs   Documents
	Secrets Secrets
	Mask    func(secret string) Value // keyed digest of a secret value, by this install's key
	Kinds   []Kind                    // every kind of source there is
	Log     *slog.Logger              // nil means silent
}

// New makes the desk; it does no I/O.
func New(d Deps) *Desk {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	return &Desk{db: d.DB, people: d.People, roster: d.Roster, blobs: d.Blobs, secrets: d.Secrets, mask: d.Mask, kinds: d.Kinds, log: d.Log,
		reading: turns{busy: map[string]bool{}}}
}

// Kinds lists the kinds of source, by name.
func (d *Desk) Kinds() []Kind {
	out := slices.Clone(d.kinds)
	slices.SortFunc(out, func(a, b Kind) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Kind gives one kind of source.
func (d *Desk) Kind(name string) (Kind, bool) {
	i := slices.IndexFunc(d.kinds, func(k Kind) bool { return k.Name == name })
	if i < 0 {
		return Kind{}, false
	}
	return d.kinds[i], true
}

// selfTold reports whether a kind of source is a thing's word of itself, or no source at all: what may not declare a thing absent does not
// look from outside.
func (d *Desk) selfTold(kind string) bool {
	k, ok := d.Kind(kind)
	return !ok || !k.Absence
}
