// Package prove writes evidence packs and verifies them without a server. A pack is one file that holds
// one change, or all changes of a period, with the ledger's events, the proofs that these are in the
// signed tree, the rows that the events answer for, the policy packs that decided, and the documents.
// Verification trusts nothing in the file but what it can compute from the signed checkpoint, and says
// in sentences what it proved and what it could not. It is not the ledger's own verification, which
// needs the database, and it never decides anything.
//
// Read in this order: format.go (what is in the file), write.go (how it is written), verify.go (the way
// through it), story.go and replay.go (what is computed again). docs/formats/pack.md describes the
// file byte by byte.
package prove

import (
	"context"
	"io"
	"slices"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/seal"
)

// Source is where a pack is written from.
type Source struct {
	DB      *db.DB
	Log     *ledger.Log
	People  *directory.Desk
	Blobs   Documents
	Key     *seal.Key // signs the pack; the key that signs permits and decisions
	Install string    // install id, as it stands in every statement
}

// Documents gives stored documents by digest. Open checks the bytes against the digest while they are
// read, and answers NotFound where there is none. Both may be called concurrently.
type Documents interface {
	Open(ctx context.Context, digest string) (io.ReadCloser, error)
	Has(ctx context.Context, digest string) (bool, error)
}

// What can be left out of a pack. The proofs hold without it, because the ledger holds digests and
// salted commitments only; what can then not be shown is said by Verify.
const (
	Names     = "names"     // the directory's names, and what a pipeline claims about who started it
	Details   = "details"   // words of events, comments and remarks of decisions
	Files     = "documents" // plans, evidence files, attachments; policy packs stay
	allWithin = Names + " " + Details + " " + Files
)

// Selection says what goes into a pack: one change, or a period.
type Selection struct {
	Change   change.ID // one change; or
	From, To time.Time // all changes that something happened to from From on and before To
	Withhold []string  // Names, Details, Files
	// Short ends the run of events with the period instead of with the newest checkpoint. The pack is
	// smaller, and cannot show that nothing else became of its changes later.
	Short bool
	Since int64 // size of an earlier checkpoint; the pack then proves that the log continues it. 0 for none
}

func (s Selection) check() error {
	e := fault.New(fault.Invalid, "bad_selection", "The evidence pack cannot be made like that.")
	if (s.Change == "") == (s.From.IsZero() && s.To.IsZero()) {
		e.At("change", "name either a change or a period")
	}
	if s.Change == "" && !s.From.Before(s.To) {
		e.At("to", "is not after from")
	}
	for _, w := range s.Withhold {
		if !slices.Contains([]string{Names, Details, Files}, w) {
			e.At("withhold", "knows only "+allWithin)
		}
	}
	if s.Since < 0 {
		e.At("since", "is the size of an earlier checkpoint")
	}
	if len(e.Fields) > 0 {
		return e
	}
	return nil
}

func (s Selection) withholds(what string) bool { return slices.Contains(s.Withhold, what) }
