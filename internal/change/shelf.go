package change

import (
	"slices"
	"sync"
)

// shelf keeps what belongs to a change besides its shell, for the next step of the same change: the parsed
// body, the wording, decisions and evidence. Every write to those rows moves the shell's version on in the
// same transaction, so what was committed with a version is true while a transaction reads that version,
// with the same words in the shell. The shell itself is read every time. Changes with permits are not
// kept, because a run renews its lease without a new version.
type shelf struct {
	mu   sync.Mutex
	byID map[ID]*shelved // guarded by mu
}

// shelved is one change as a commit left it. It is shared and never changed.
type shelved struct {
	change    Change
	body      string // of the row
	revision  Revision
	decisions []Decision
	checks    []CheckResult
}

// maxShelved bounds the changes kept; a few kilobytes each.
const maxShelved = 1000

// put keeps a change as it was committed. body is the text of the row's column.
func (h *shelf) put(s *Snapshot, body string) {
	id := s.Change.ID
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.byID == nil || len(h.byID) >= maxShelved {
		h.byID = map[ID]*shelved{}
	}
	delete(h.byID, id)
	if len(s.Permits) == 0 && s.Revision.N == s.Change.Rev && s.Revision.Digest == s.Change.RevDigest {
		h.byID[id] = &shelved{change: s.Change, body: body, revision: s.Revision, decisions: slices.Clip(s.Decisions), checks: slices.Clip(s.Checks)}
	}
}

// get gives what is kept of the change if it is of this very row, nil otherwise.
func (h *shelf) get(row Change, body string) *shelved {
	h.mu.Lock()
	e := h.byID[row.ID]
	h.mu.Unlock()
	if e == nil || e.body != body || e.change.Version != row.Version || e.change.State != row.State || e.change.Updated != row.Updated ||
		e.change.Rev != row.Rev || e.change.RevDigest != row.RevDigest {
		return nil
	}
	return e
}
