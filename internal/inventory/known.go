package inventory

import (
	"encoding/hex"

	"plumbline.dev/plumb/internal/db"
)

// This file is what a reading remembers of the readings before it. All records of a source are gone through, however few of them changed, so what is
// kept of one is small, lies beside the next, and is found by one step.

// fingerprint is what a reading remembers of one record: enough to say that nothing changed.
type fingerprint struct {
	id     [16]byte
	digest [16]byte
	raw    [16]byte     // of the bytes that it was read from; zero where that is not known
	like   *fingerprint // another that was read from the same bytes
	scope  string
	missed int64
	gone   bool
	met    bool
	spared bool // was not shown, and is not taken for gone
}

// row names the row of the record.
func (f *fingerprint) row() string { return "rec_" + hex.EncodeToString(f.id[:]) }

// memory is what is remembered of the records of a source.
type memory struct {
	list  []fingerprint // as kept, and never longer: the others point into it
	byID  map[[16]byte]*fingerprint
	byRaw map[[16]byte]*fingerprint // the first that was read from those bytes; made when a source asks
}

// Lengths of what an id and a digest look like in a row.
const (
	rowID   = len("rec_") + 2*16
	rowHash = 2 * 32
)

// remember loads the fingerprints of a source. The three digests come as one text: of so many small columns it is their number that takes time.
func remember(tx *db.Tx, source string) (m memory, err error) {
	last, _, err := db.One(tx, scanInt, "SELECT records FROM inventory_run WHERE source = $1 ORDER BY n DESC LIMIT 1", source)
	if err != nil {
		return m, err
	}
	rows, err := tx.Query("SELECT id || digest || raw, missed, gone, scope FROM inventory_record WHERE source = $1", source)
	if err != nil {
		return m, err
	}
	defer rows.Close()
	m.list = make([]fingerprint, 0, last) // a guess
	scopes := map[string]string{}         // each once: records share its text
	for rows.Next() {
		var digests, scope string
		var f fingerprint
		var gone int64
		if err := rows.Scan(&digests, &f.missed, &gone, &scope); err != nil {
			return m, err
		}
		one, ok := scopes[scope]
		if !ok {
			one, scopes[scope] = scope, scope
		}
		f.scope, f.gone = one, gone > 0
		f.id, f.digest, f.raw = short(digests[len("rec_"):]), short(digests[rowID:]), short(digests[rowID+rowHash:])
		m.list = append(m.list, f)
	}
	return m, rows.Err()
}

// record finds what is remembered of one record.
func (m *memory) record(id [16]byte) (*fingerprint, bool) {
	if m.byID == nil {
		m.byID = make(map[[16]byte]*fingerprint, len(m.list))
		for i := range m.list {
			m.byID[m.list[i].id] = &m.list[i]
		}
	}
	f, ok := m.byID[id]
	return f, ok
}

// add begins to remember a record that is new.
func (m *memory) add(id [16]byte) *fingerprint {
	f := &fingerprint{id: id}
	m.byID[id] = f
	return f
}

// from gives the first of the records that were read from those bytes and are not gone, nil for none. The others follow by like.
func (m *memory) from(raw [16]byte) *fingerprint {
	if m.byRaw == nil {
		m.byRaw = make(map[[16]byte]*fingerprint, len(m.list))
		for i := range m.list {
			if f := &m.list[i]; f.raw != ([16]byte{}) && !f.gone {
				f.like, m.byRaw[f.raw] = m.byRaw[f.raw], f
			}
		}
	}
	return m.byRaw[raw]
}

// knownBytes is Input.Known: the records that were read from the same bytes are met.
func (r *reading) knownBytes(raw []byte) bool {
	sum := RawDigest(r.kind, raw)
	first := r.known.from([16]byte(sum[:16]))
	for f := first; f != nil; f = f.like {
		if f.missed > 0 { // it is back: that is to be written, so the source has to give it
			return false
		}
	}
	for f := first; f != nil; f = f.like {
		if !f.met {
			r.meet(f, f.scope)
		}
	}
	return first != nil
}

// RawDigest is the digest of bytes under one version of a kind's mapper: what is read differently is not known.
func RawDigest(k Kind, raw []byte) [32]byte {
	h := newHash()
	h.count(k.Mapper)
	h.count(len(raw))
	h.h.Write(h.buf)
	h.buf = h.buf[:0]
	h.h.Write(raw)
	return h.sum()
}

// short gives the first 16 bytes of a digest in hex.
func short(digest string) (out [16]byte) {
	if len(digest) >= 32 {
		_, _ = hex.Decode(out[:], []byte(digest[:32]))
	}
	return out
}
