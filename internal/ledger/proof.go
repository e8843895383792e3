package ledger

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
)

// Checkpoint is one signed tree head.
type Checkpoint struct {
	Origin string    `json:"origin"`
	Size   int64     `json:"size"`
	Root   tlog.Hash `json:"-"`
	Note   string    `json:"note"` // the signed note, verbatim
}

// ReadCheckpoint verifies a signed note against a verifier key and reads the tree head out of it.
func ReadCheckpoint(signed []byte, vkey string) (Checkpoint, error) {
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("read verifier key: %w", err)
	}
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("verify checkpoint: %w", err)
	}
	for _, sig := range n.Sigs {
		if _, err := base64.StdEncoding.Strict().DecodeString(sig.Base64); err != nil {
			return Checkpoint{}, fmt.Errorf("verify checkpoint: the signature of %s has stray bits", sig.Name)
		}
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return Checkpoint{}, fmt.Errorf("checkpoint has %d lines, want origin, size and root", len(lines)-1)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return Checkpoint{}, fmt.Errorf("checkpoint size %q is not a number", lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint root: %w", err)
	}
	if lines[0] != v.Name() {
		return Checkpoint{}, fmt.Errorf("checkpoint is of %q, the key is of %q", lines[0], v.Name())
	}
	return Checkpoint{Origin: lines[0], Size: size, Root: root, Note: string(signed)}, nil
}

// Newest gives the latest signed checkpoint; NotFound before the first.
func (l *Log) Newest(ctx context.Context) (c Checkpoint, err error) {
	err = l.db.View(ctx, func(tx *db.Tx) error {
		c, err = l.NewestIn(tx)
		return err
	})
	return c, err
}

// NewestIn is Newest inside a transaction.
func (l *Log) NewestIn(tx *db.Tx) (Checkpoint, error) {
	text, found, err := db.One(tx, scanText, "SELECT note FROM ledger_checkpoint ORDER BY size DESC LIMIT 1")
	if err != nil {
		return Checkpoint{}, err
	}
	if !found {
		return Checkpoint{}, fault.New(fault.NotFound, "no_checkpoint", "No checkpoint is signed yet; the first comes within a second of the first event.").
			Then("try again in a second")
	}
	return ReadCheckpoint([]byte(text), l.vkey)
}

// Tile answers a C2SP tile path below /tile/: "0/000.p/12", "1/x001/234", "entries/000".
func (l *Log) Tile(ctx context.Context, path string) (data []byte, err error) {
	bad := fault.New(fault.NotFound, "no_tile", "There is no such tile.").
		Then("ask only for tiles within the newest checkpoint")
	t, entries, ok := parseTile(path)
	if !ok {
		return nil, bad
	}
	err = l.db.View(ctx, func(tx *db.Tx) error {
		size, err := newestSize(tx)
		if err != nil {
			return err
		}
		full := size >> (t.L * tileHeight) // hashes at this level
		if t.N > full>>tileHeight || int64(t.W) > full-t.N<<tileHeight {
			return bad
		}
		if entries {
			data, err = entryBundle(tx, t)
			return err
		}
		if data, err = loadTile(tx, tileID{t.L, t.N}); err == nil && len(data) < t.W*tlog.HashSize {
			return bad
		}
		data = data[:min(len(data), t.W*tlog.HashSize)]
		return err
	})
	return data, err
}

// parseTile reads a C2SP tile path; the entry bundles lie beside level 0.
func parseTile(path string) (t tlog.Tile, entries, ok bool) {
	name := "tile/8/" + path
	if rest, found := strings.CutPrefix(path, "entries/"); found {
		name, entries = "tile/8/0/"+rest, true
	}
	t, err := tlog.ParseTilePath(name)
	return t, entries, err == nil && t.L >= 0 && t.L < levels
}

func entryBundle(tx *db.Tx, t tlog.Tile) ([]byte, error) {
	first := t.N << tileHeight
	leaves, err := db.Collect(tx, scanText, "SELECT leaf FROM ledger_event WHERE seq >= $1 AND seq < $2 ORDER BY seq", first, first+int64(t.W))
	if err != nil {
		return nil, err
	}
	var out []byte
	for _, leaf := range leaves {
		out = binary.BigEndian.AppendUint16(out, uint16(len(leaf)))
		out = append(out, leaf...)
	}
	return out, nil
}

// Inclusion proves that event seq is in the tree of this size.
func (l *Log) Inclusion(ctx context.Context, seq, size int64) (proof []tlog.Hash, err error) {
	err = l.db.View(ctx, func(tx *db.Tx) error {
		proof, err = InclusionIn(tx, seq, size)
		return err
	})
	return proof, err
}

// InclusionIn is Inclusion inside a transaction.
func InclusionIn(tx *db.Tx, seq, size int64) ([]tlog.Hash, error) {
	newest, err := newestSize(tx)
	if err != nil {
		return nil, err
	}
	if size > newest || seq < 0 || seq >= size {
		return nil, fault.New(fault.NotFound, "not_in_tree", "The tree of that size does not hold that event yet.").
			Then("try again in a second")
	}
	return tlog.ProveRecord(size, seq, newTileReader(tx))
}

// Consistency proves that the tree of size older is a beginning of the tree of size newer.
func (l *Log) Consistency(ctx context.Context, older, newer int64) (proof []tlog.Hash, err error) {
	err = l.db.View(ctx, func(tx *db.Tx) error {
		proof, err = ConsistencyIn(tx, older, newer)
		return err
	})
	return proof, err
}

// ConsistencyIn is Consistency inside a transaction.
func ConsistencyIn(tx *db.Tx, older, newer int64) ([]tlog.Hash, error) {
	newest, err := newestSize(tx)
	if err != nil {
		return nil, err
	}
	if older < 1 || older > newer || newer > newest {
		return nil, fault.New(fault.NotFound, "not_in_tree", "There are no trees of these sizes.").
			Then("ask for sizes within the newest checkpoint")
	}
	return tlog.ProveTree(newer, older, newTileReader(tx))
}

// Entry is one event as it is read back.
type Entry struct {
	Seq    int64
	Leaf   Leaf
	Text   string // the leaf's bytes, verbatim
	Salt   string // hex; "" when erased or without detail
	Detail string // canonical JSON; "" when erased or without detail
}

func scanEntry(row db.Scanner) (e Entry, err error) {
	if err = row.Scan(&e.Seq, &e.Text, &e.Salt, &e.Detail); err != nil {
		return e, err
	}
	return e, json.Unmarshal([]byte(e.Text), &e.Leaf)
}

const entryColumns = "SELECT e.seq, e.leaf, COALESCE(d.salt, ''), COALESCE(d.body, '')" +
	" FROM ledger_event e LEFT JOIN ledger_detail d ON d.seq = e.seq"

// ReadIn reads up to limit events from seq on, oldest first.
func ReadIn(tx *db.Tx, from int64, limit int) ([]Entry, error) {
	return db.Collect(tx, scanEntry, entryColumns+" WHERE e.seq >= $1 ORDER BY e.seq LIMIT $2", from, limit)
}

// LastIn reads the newest event: at the end of a use-case, its own.
func LastIn(tx *db.Tx) (e Entry, found bool, err error) {
	last, found, err := db.One(tx, func(row db.Scanner) (n int64, err error) { return n, row.Scan(&n) },
		"SELECT seq FROM ledger_event ORDER BY seq DESC LIMIT 1")
	if err != nil || !found {
		return e, false, err
	}
	list, err := ReadIn(tx, last, 1)
	if err != nil || len(list) == 0 {
		return e, false, err
	}
	return list[0], true, nil
}

// OfObject reads the events about one object, oldest first, from seq on.
func OfObject(tx *db.Tx, object string, from int64, limit int) ([]Entry, error) {
	return db.Collect(tx, scanEntry, entryColumns+" WHERE e.object = $1 AND e.seq >= $2 ORDER BY e.seq LIMIT $3", object, from, limit)
}
