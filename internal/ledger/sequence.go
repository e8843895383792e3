package ledger

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
)

// tileHeight makes tiles 256 hashes wide, as C2SP tlog-tiles has them.
const tileHeight = 8

// levels of tiles are enough for as many events as an int64 counts.
const levels = 8

// edge is the right edge of the tree: for each set bit of size, from the highest, the hash of that
// perfect subtree. Appending a leaf costs O(1) hashes on average and no reads.
type edge struct {
	size  int64
	stack []tlog.Hash
}

// node is one complete subtree that an append produced.
type node struct {
	level int
	n     int64
	hash  tlog.Hash
}

// add appends a leaf hash and reports each subtree that it completed, lowest first.
func (e *edge) add(h tlog.Hash, each func(node)) {
	n, level := e.size, 0
	each(node{0, n, h})
	for n&1 == 1 {
		left := e.stack[len(e.stack)-1]
		e.stack = e.stack[:len(e.stack)-1]
		h = tlog.NodeHash(left, h)
		n >>= 1
		level++
		each(node{level, n, h})
	}
	e.stack = append(e.stack, h)
	e.size++
}

// root folds the edge into the tree hash.
func (e *edge) root() tlog.Hash {
	if len(e.stack) == 0 {
		h, _ := tlog.TreeHash(0, nil)
		return h
	}
	h := e.stack[len(e.stack)-1]
	for i := len(e.stack) - 2; i >= 0; i-- {
		h = tlog.NodeHash(e.stack[i], h)
	}
	return h
}

// tree is the right edge together with the signed checkpoint that it belongs to.
type tree struct {
	edge edge
	at   Checkpoint
}

// maxIntegrate bounds one integration, so that a large backlog does not hold the writer for long.
const maxIntegrate = 4096

// Integrate takes the events that are not in the tree yet into it, signs a checkpoint and returns its
// size. Everything is in one transaction; after any error the state is read anew from the database.
// It refuses to sign what does not continue the newest checkpoint it knows: after a restored backup,
// a lost event or a falsified tile, a new signature would make two histories out of one.
func (l *Log) Integrate(ctx context.Context) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		size, more, err := l.backlog(ctx)
		if err == nil && more {
			size, err = l.integrateSome(ctx)
		}
		if err != nil {
			l.tree = tree{}
			return 0, fmt.Errorf("integrate ledger: %w", err)
		}
		if !more {
			return size, nil
		}
	}
}

// backlog says, without a transaction of the writer, how large the tree is and whether events wait.
func (l *Log) backlog(ctx context.Context) (size int64, more bool, err error) {
	err = l.db.View(ctx, func(tx *db.Tx) error {
		if size, err = newestSize(tx); err != nil {
			return err
		}
		var next int64
		if err = tx.QueryRow("SELECT COALESCE(MAX(seq), -1) + 1 FROM ledger_event").Scan(&next); err != nil {
			return err
		}
		if next < size || size < l.head.Size {
			return rolledBack(max(size, l.head.Size), min(next, size))
		}
		more = next > size
		return nil
	})
	return size, more, err
}

func rolledBack(signed, have int64) error {
	return fmt.Errorf("%d events were signed, the database has %d: it was rolled back or events were removed; nothing more is signed", signed, have)
}

func (l *Log) integrateSome(ctx context.Context) (int64, error) {
	var next tree
	err := l.db.Update(ctx, fault.SystemActor("sequencer"), func(tx *db.Tx) error {
		now, err := l.current(tx)
		if err != nil {
			return err
		}
		next = tree{edge: edge{size: now.edge.size, stack: append([]tlog.Hash(nil), now.edge.stack...)}, at: now.at}
		from := next.edge.size
		leaves, err := db.Collect(tx, scanLeaf, "SELECT seq, leaf FROM ledger_event WHERE seq >= $1 AND seq < $2 ORDER BY seq", from, from+maxIntegrate)
		if err != nil || len(leaves) == 0 {
			return err
		}
		tiles := tileWriter{tx: tx, tiles: map[tileID][]byte{}}
		for _, leaf := range leaves {
			if leaf.seq != next.edge.size {
				return fmt.Errorf("event %d is missing; nothing more is signed", next.edge.size)
			}
			next.edge.add(tlog.RecordHash([]byte(leaf.text)), tiles.put)
		}
		if err := tiles.save(); err != nil {
			return err
		}
		next.at, err = l.sign(tx, next.edge)
		return err
	})
	if err != nil {
		return 0, err
	}
	l.tree, l.head = next, next.at
	return next.edge.size, nil
}

type leafText struct {
	seq  int64
	text string
}

func scanLeaf(row db.Scanner) (l leafText, err error) { return l, row.Scan(&l.seq, &l.text) }

// current gives the tree that the next events continue: the one in memory if the newest stored
// checkpoint is its own, else one read from the tiles and held against the signatures.
func (l *Log) current(tx *db.Tx) (tree, error) {
	text, found, err := db.One(tx, scanText, "SELECT note FROM ledger_checkpoint ORDER BY size DESC LIMIT 1")
	switch {
	case err != nil:
		return tree{}, err
	case found && text == l.tree.at.Note:
		return l.tree, nil
	case !found && l.head.Size == 0:
		return tree{}, nil
	case !found:
		return tree{}, rolledBack(l.head.Size, 0)
	}
	at, err := ReadCheckpoint([]byte(text), l.vkey)
	if err != nil {
		return tree{}, fmt.Errorf("read newest checkpoint: %w", err)
	}
	if at.Size < l.head.Size {
		return tree{}, rolledBack(l.head.Size, at.Size)
	}
	e, err := loadEdge(tx, at.Size)
	if err != nil {
		return tree{}, err
	}
	if e.root() != at.Root {
		return tree{}, fmt.Errorf("the stored tiles do not give the root that was signed for %d events; nothing more is signed", at.Size)
	}
	if err := l.continues(tx, at); err != nil {
		return tree{}, err
	}
	return tree{edge: e, at: at}, nil
}

// continues checks that a stored checkpoint is a continuation of the newest that this process saw.
func (l *Log) continues(tx *db.Tx, at Checkpoint) error {
	if l.head.Size == 0 {
		return nil
	}
	root, err := tlog.TreeHash(l.head.Size, newTileReader(tx))
	if err != nil {
		return fmt.Errorf("read the tree of %d events: %w", l.head.Size, err)
	}
	if root != l.head.Root {
		return fmt.Errorf("checkpoint %d does not continue checkpoint %d; nothing more is signed", at.Size, l.head.Size)
	}
	return nil
}

func (l *Log) sign(tx *db.Tx, e edge) (Checkpoint, error) {
	root := e.root()
	signed, err := note.Sign(&note.Note{Text: CheckpointText(l.origin, e.size, root)}, l.signer)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("sign checkpoint: %w", err)
	}
	_, err = tx.Exec("INSERT INTO ledger_checkpoint (size, root, note) VALUES ($1, $2, $3)", e.size, root.String(), string(signed))
	return Checkpoint{Origin: l.origin, Size: e.size, Root: root, Note: string(signed)}, err
}

// CheckpointText is the C2SP tlog-checkpoint body: origin, size, root.
func CheckpointText(origin string, size int64, root tlog.Hash) string {
	return origin + "\n" + strconv.FormatInt(size, 10) + "\n" + root.String() + "\n"
}

// Interval is how often checkpoints are signed at most; an event is provable this long after its
// commit at the latest.
const Interval = 500 * time.Millisecond

// Run integrates whenever events were committed here, at most once per Interval, and every
// sweepInterval what another replica left behind, until ctx ends; then once more. It is started once,
// by the server.
func (l *Log) Run(ctx context.Context) {
	tick := time.NewTicker(Interval)
	defer tick.Stop()
	sweep := time.NewTicker(sweepInterval)
	defer sweep.Stop()
	pending := true // what an earlier process left behind
	told := false   // of a failure, since the last sweep
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			if _, err := l.Integrate(last); err != nil {
				l.log.Warn("the last checkpoint could not be signed", "err", err)
			}
			cancel()
			return
		case <-l.wake:
			pending = true
			continue
		case <-sweep.C:
			pending, told = true, false
			continue
		case <-tick.C:
		}
		if !pending {
			continue
		}
		_, err := l.Integrate(ctx)
		pending = err != nil
		if err != nil && !told && ctx.Err() == nil {
			l.log.Error("the ledger could not be integrated; trying again", "err", err)
			told = true
		}
	}
}

// sweepInterval is how long the events of a replica that died may wait for another one, and how often
// at most a lasting failure is logged.
const sweepInterval = 10 * time.Second

func newestSize(tx *db.Tx) (size int64, err error) {
	err = tx.QueryRow("SELECT COALESCE(MAX(size), 0) FROM ledger_checkpoint").Scan(&size)
	return size, err
}

func scanText(row db.Scanner) (s string, err error) { return s, row.Scan((*strict)(&s)) }

// loadEdge rebuilds the right edge of a tree of this size from its tiles.
func loadEdge(tx *db.Tx, size int64) (edge, error) {
	e := edge{size: size}
	reader := newTileReader(tx)
	var start int64
	for level := 62; level >= 0; level-- {
		width := int64(1) << level
		if size&width == 0 {
			continue
		}
		h, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(level, start>>level)})
		if err != nil {
			return edge{}, fmt.Errorf("read the tree's edge: %w", err)
		}
		e.stack = append(e.stack, h[0])
		start += width
	}
	return e, nil
}

// tileID places a tile: level L, n-th from the left.
type tileID struct {
	level int
	n     int64
}

func (t tileID) key() string { return strconv.Itoa(t.level) + "/" + strconv.FormatInt(t.n, 10) }

// tileWriter gathers the hashes of one integration and writes each touched tile once.
type tileWriter struct {
	tx    *db.Tx
	tiles map[tileID][]byte
	err   error
}

func (w *tileWriter) put(n node) {
	if n.level%tileHeight != 0 || w.err != nil {
		return
	}
	id := tileID{n.level / tileHeight, n.n >> tileHeight}
	data, ok := w.tiles[id]
	if !ok {
		data, w.err = loadTile(w.tx, id)
	}
	want := int(n.n&(1<<tileHeight-1)) * tlog.HashSize
	if len(data) < want && w.err == nil {
		w.err = fmt.Errorf("tile %s holds %d bytes, want %d", id.key(), len(data), want)
		return
	}
	w.tiles[id] = append(data[:want], n.hash[:]...)
}

func (w *tileWriter) save() error {
	if w.err != nil {
		return w.err
	}
	for id, data := range w.tiles {
		if _, err := w.tx.Exec("INSERT INTO ledger_tile (id, width, data) VALUES ($1, $2, $3)"+
			" ON CONFLICT (id) DO UPDATE SET width = excluded.width, data = excluded.data",
			id.key(), len(data)/tlog.HashSize, base64.StdEncoding.EncodeToString(data)); err != nil {
			return fmt.Errorf("write tile: %w", err)
		}
	}
	return nil
}

func loadTile(tx *db.Tx, id tileID) ([]byte, error) {
	text, found, err := db.One(tx, scanText, "SELECT data FROM ledger_tile WHERE id = $1", id.key())
	if err != nil || !found {
		return nil, err
	}
	data, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("read tile %s: %w", id.key(), err)
	}
	return data, nil
}

// tileReader reads stored hashes out of tiles, each tile once.
type tileReader struct {
	tx    *db.Tx
	tiles map[tileID][]byte
}

func newTileReader(tx *db.Tx) tileReader { return tileReader{tx, map[tileID][]byte{}} }

// ReadHashes returns the hashes at tlog's stored-hash indexes.
func (r tileReader) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		t := tlog.TileForIndex(tileHeight, index)
		id := tileID{t.L, t.N}
		data, ok := r.tiles[id]
		if !ok {
			var err error
			if data, err = loadTile(r.tx, id); err != nil {
				return nil, err
			}
			r.tiles[id] = data
		}
		have := len(data) / tlog.HashSize
		if have < t.W || len(data)%tlog.HashSize != 0 || have > 1<<tileHeight {
			return nil, fmt.Errorf("tile %s holds %d bytes, want %d hashes", id.key(), len(data), t.W)
		}
		var err error
		t.W = have
		if out[i], err = tlog.HashFromTile(t, data, index); err != nil {
			return nil, err
		}
	}
	return out, nil
}
