package ledger

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/mod/sumdb/tlog"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/seal"
)

// verifier walks over the events once, in order.
type verifier struct {
	tx    *db.Tx
	r     *Report
	heads map[int64]tlog.Hash // signed roots by size
	rows  map[rowKey]string   // covered rows that should be here → hex digest in the newest event

	edge    edge
	good    int64 // the largest size whose signed root was met
	bad     int64 // the first size whose signed root was not met; 0 when all were
	lost    bool  // events are missing and no tile stands in for them: the tree ends here
	piles   [levels]pile
	differs []int64 // events whose hash is not the one in their tile
	tiles   []Fault // tiles that differ from the events
	details int64   // details that belong to an event
}

type rowKey struct{ table, id string }

// pile gathers the hashes of the tile that is being filled at one level.
type pile struct {
	n    int64
	data []byte
}

func newVerifier(tx *db.Tx, r *Report, heads map[int64]tlog.Hash) *verifier {
	return &verifier{tx: tx, r: r, heads: heads, rows: map[rowKey]string{}}
}

// readAtOnce is how many events are held in memory.
const readAtOnce = 1000

func (v *verifier) events(ctx context.Context, progress []func(done, of int64)) error {
	var total, done int64
	if err := v.tx.QueryRow("SELECT COUNT(*) FROM ledger_event").Scan(&total); err != nil {
		return err
	}
	for from := int64(0); ; {
		list, err := db.Collect(v.tx, scanRaw, rawColumns+" WHERE e.seq >= $1 ORDER BY e.seq LIMIT $2", from, readAtOnce)
		if err != nil {
			return err
		}
		for _, e := range list {
			if err := v.event(e); err != nil {
				return err
			}
		}
		done += int64(len(list))
		for _, tell := range progress {
			tell(done, total)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(list) < readAtOnce || v.r.Events <= from {
			break
		}
		from = v.r.Events
	}
	if done != total {
		v.r.add("event_inserted", "ledger_event", "", "The ledger holds %d events outside its numbering.", total-done)
	}
	return nil
}

type rawEvent struct {
	seq, ts            string
	verb, kind, object string
	leaf, salt, detail string
	hasDetail          int64
}

const rawColumns = "SELECT CAST(e.seq AS TEXT), CAST(e.ts AS TEXT), e.verb, e.kind, e.object, e.leaf," +
	" COALESCE(d.salt, ''), COALESCE(d.body, ''), CASE WHEN d.seq IS NULL THEN 0 ELSE 1 END" +
	" FROM ledger_event e LEFT JOIN ledger_detail d ON d.seq = e.seq"

func scanRaw(row db.Scanner) (e rawEvent, err error) {
	err = row.Scan(&e.seq, &e.ts, (*strict)(&e.verb), (*strict)(&e.kind), (*strict)(&e.object), (*strict)(&e.leaf),
		(*strict)(&e.salt), (*strict)(&e.detail), &e.hasDetail)
	return e, err
}

func (v *verifier) event(e rawEvent) error {
	seq, err := strconv.ParseInt(e.seq, 10, 64)
	if err != nil || seq < v.r.Events {
		v.r.add("event_inserted", "ledger_event", e.seq, "An event has the number %q.", e.seq)
		return nil
	}
	if seq > v.r.Events {
		if err := v.missing(v.r.Events, seq); err != nil {
			return err
		}
	}
	v.r.Events = seq + 1
	v.details += e.hasDetail
	var l Leaf
	if err := seal.Decode([]byte(e.leaf), &l); err != nil {
		v.r.add("event_edited", "ledger_event", e.seq, "Event %s cannot be read.", e.seq)
	} else if strconv.FormatInt(l.TS, 10) != e.ts || l.Verb != e.verb || l.Object.Type != e.kind || l.Object.ID != e.object {
		v.r.add("event_edited", "ledger_event", e.seq, "The columns of event %s differ from its signed text.", e.seq)
	}
	v.detail(e, l)
	for _, row := range l.Rows {
		key := rowKey{row[0], row[1]}
		if row[2] == "" {
			delete(v.rows, key)
		} else {
			v.rows[key] = row[2]
		}
	}
	if v.lost {
		return nil
	}
	return v.add(tlog.RecordHash([]byte(e.leaf)))
}

// missing reports the events from a up to b and lets the hashes in their tiles stand in for them, so
// that the rest of the tree can still be held against its signatures.
func (v *verifier) missing(a, b int64) error {
	id := strconv.FormatInt(a, 10)
	if b > a+1 {
		id += "-" + strconv.FormatInt(b-1, 10)
	}
	v.r.add("event_missing", "ledger_event", id, "%d events are missing from number %d on.", b-a, a)
	for n := a; n < b && !v.lost; n++ {
		data, err := loadTile(v.tx, tileID{0, n >> tileHeight})
		at := int(n&(1<<tileHeight-1)) * tlog.HashSize
		if db.IsCorrupt(err) {
			return err
		}
		if err != nil || n >= v.r.Size || len(data) < at+tlog.HashSize {
			v.lost = true
			return nil
		}
		if err := v.add(tlog.Hash(data[at : at+tlog.HashSize])); err != nil {
			return err
		}
	}
	return nil
}

// add appends one leaf hash to the tree and compares the tree with what was signed for its size.
func (v *verifier) add(h tlog.Hash) error {
	var failed error
	v.edge.add(h, func(n node) {
		if n.level%tileHeight == 0 && n.n < v.r.Size>>n.level && failed == nil {
			failed = v.pile(n)
		}
	})
	if want, signed := v.heads[v.edge.size]; signed {
		switch {
		case v.edge.root() == want:
			v.good = v.edge.size
		case v.bad == 0:
			v.bad = v.edge.size
		}
	}
	return failed
}

func (v *verifier) pile(n node) error {
	p := &v.piles[n.level/tileHeight]
	p.n = n.n >> tileHeight
	p.data = append(p.data, n.hash[:]...)
	if len(p.data) < tlog.HashSize<<tileHeight {
		return nil
	}
	return v.compare(n.level / tileHeight)
}

// compare holds the gathered hashes of one tile against the stored tile.
func (v *verifier) compare(level int) error {
	p := &v.piles[level]
	id := tileID{level, p.n}
	stored, err := loadTile(v.tx, id)
	if db.IsCorrupt(err) {
		return err
	}
	if err != nil || string(stored) != string(p.data) {
		v.tiles = append(v.tiles, Fault{"tile", "ledger_tile", id.key(), "The stored tile differs from the events."})
	}
	for at := 0; level == 0 && at < min(len(stored), len(p.data))-tlog.HashSize+1; at += tlog.HashSize {
		if string(stored[at:at+tlog.HashSize]) != string(p.data[at:at+tlog.HashSize]) {
			v.differs = append(v.differs, p.n<<tileHeight+int64(at/tlog.HashSize))
		}
	}
	p.data = p.data[:0]
	return nil
}

// detail checks the words behind an event: exactly what it committed to, byte for byte.
func (v *verifier) detail(e rawEvent, l Leaf) {
	salt, err := hex.DecodeString(e.salt)
	canon := append(jsontext.Value(nil), e.detail...)
	switch {
	case len(l.Commit) == 0 && e.hasDetail == 0:
		return
	case len(l.Commit) == 0:
		v.r.add("detail", "ledger_detail", e.seq, "Event %s committed to no words, but some stand behind it.", e.seq)
	case e.hasDetail == 0 || e.salt == "":
		v.r.add("detail", "ledger_detail", e.seq, "The words behind event %s are gone.", e.seq)
	case err != nil || hex.EncodeToString(salt) != e.salt,
		CheckDetail(l, salt, []byte(e.detail)) != nil,
		canon.Canonicalize() != nil || string(canon) != e.detail:
		v.r.add("detail", "ledger_detail", e.seq, "The words behind event %s are not those that it committed to.", e.seq)
	}
}

// finish looks at the end of the record, the tiles and the details, and names what the tree showed.
func (v *verifier) finish() error {
	if v.r.Size > v.r.Events {
		v.r.add("event_missing", "ledger_event", fmt.Sprintf("%d-%d", v.r.Events, v.r.Size-1),
			"The newest checkpoint signs %d events, only %d are here.", v.r.Size, v.r.Events)
		v.lost = true
	}
	v.r.Unsigned = max(0, v.r.Events-v.r.Size)
	for level := range v.piles {
		if len(v.piles[level].data) > 0 && !v.lost {
			if err := v.compare(level); err != nil {
				return err
			}
		}
	}
	v.blame()
	if err := v.strayTiles(); err != nil {
		return err
	}
	var details int64
	if err := v.tx.QueryRow("SELECT COUNT(*) FROM ledger_detail").Scan(&details); err != nil {
		return err
	}
	if details != v.details {
		v.r.add("detail", "ledger_detail", "", "%d details belong to no event.", details-v.details)
	}
	return nil
}

// blame says who is wrong where events and tiles disagree: the signature decides.
func (v *verifier) blame() {
	if v.bad == 0 {
		v.r.Faults = append(v.r.Faults, v.tiles[:min(len(v.tiles), maxFaults)]...)
		return
	}
	v.r.add("tree", "ledger_event", fmt.Sprintf("%d-%d", v.good, v.bad-1),
		"The events up to %d do not give the root that was signed for them; up to %d they do.", v.bad, v.good)
	for _, seq := range v.differs {
		v.r.add("event_edited", "ledger_event", strconv.FormatInt(seq, 10), "Event %d is not the one that was taken into the tree.", seq)
	}
	if len(v.differs) == 0 {
		v.r.Faults = append(v.r.Faults, v.tiles[:min(len(v.tiles), maxFaults)]...)
	}
}

// strayTiles finds tiles beyond the signed tree, and widths that do not fit.
func (v *verifier) strayTiles() error {
	type stored struct{ id, width string }
	list, err := db.Collect(v.tx, func(row db.Scanner) (s stored, err error) { return s, row.Scan((*strict)(&s.id), &s.width) },
		"SELECT COALESCE(id, ''), CAST(width AS TEXT) FROM ledger_tile")
	if err != nil {
		return err
	}
	want := map[string]string{}
	for level := 0; v.r.Size>>(level*tileHeight) > 0; level++ {
		full := v.r.Size >> (level * tileHeight)
		for n := int64(0); n<<tileHeight < full; n++ {
			want[tileID{level, n}.key()] = strconv.FormatInt(min(full-n<<tileHeight, 1<<tileHeight), 10)
		}
	}
	for _, s := range list {
		if want[s.id] != s.width {
			v.r.add("tile", "ledger_tile", s.id, "The tile does not belong to the signed tree, or not with this width.")
		}
		delete(want, s.id)
	}
	for id := range want {
		if v.lost {
			v.r.add("tile", "ledger_tile", id, "The tile is missing.")
		}
	}
	return nil
}
