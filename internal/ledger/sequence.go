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

// maxIntegrate bounds one integration, so that a large backlog does not hold the writer for long.
const maxIntegrate = 4096

// Integrate takes the events that are not in the tree yet into it, signs a checkpoint and returns its
// size. Everything is in one transaction; after any error the state is read anew from the database.
func (l *Log) Integrate(ctx context.Context) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		next, more, err := l.integrateSome(ctx)
		if err != nil {
			l.edge = edge{}
			return 0, fmt.Errorf("integrate ledger: %w", err)
		}
		l.edge = next
		if !more {
			return next.size, nil
		}
	}
}

func (l *Log) integrateSome(ctx context.Context) (next edge, more bool, err error) {
	err = l.db.Update(ctx, fault.SystemActor("sequencer"), func(tx *db.Tx) error {
		next, more = edge{}, false
		size, err := newestSize(tx)
		if err != nil {
			return err
		}
		next = edge{size: l.edge.size, stack: append([]tlog.Hash(nil), l.edge.stack...)}
		if next.size != size {
			if next, err = loadEdge(tx, size); err != nil {
				return err
			}
		}
		leaves, err := db.Collect(tx, scanText, "SELECT leaf FROM ledger_event WHERE seq >= $1 AND seq < $2 ORDER BY seq", size, size+maxIntegrate)
		if err != nil || len(leaves) == 0 {
			return err
		}
		more = len(leaves) == maxIntegrate
		tiles := tileWriter{tx: tx, tiles: map[tileID][]byte{}}
		for _, leaf := range leaves {
			next.add(tlog.RecordHash([]byte(leaf)), tiles.put)
		}
		if err := tiles.save(); err != nil {
			return err
		}
		return l.sign(tx, next)
	})
	return next, more, err
}

func (l *Log) sign(tx *db.Tx, e edge) error {
	root := e.root()
	signed, err := note.Sign(&note.Note{Text: CheckpointText(l.origin, e.size, root)}, l.signer)
	if err != nil {
		return fmt.Errorf("sign checkpoint: %w", err)
	}
	_, err = tx.Exec("INSERT INTO ledger_checkpoint (size, ts, root, note) VALUES ($1, $2, $3, $4)",
		e.size, tx.Now().UnixMicro(), root.String(), string(signed))
	return err
}

// CheckpointText is the C2SP tlog-checkpoint body: origin, size, root.
func CheckpointText(origin string, size int64, root tlog.Hash) string {
	return origin + "\n" + strconv.FormatInt(size, 10) + "\n" + root.String() + "\n"
}

// Interval is how often checkpoints are signed at most; an event is provable this long after its
// commit at the latest.
const Interval = 500 * time.Millisecond

// Run integrates whenever events were committed, at most once per Interval, until ctx ends; then once
// more. It is started once, by the server.
func (l *Log) Run(ctx context.Context) {
	tick := time.NewTicker(Interval)
	defer tick.Stop()
	pending := true // what an earlier process left behind
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
		case <-tick.C:
		}
		if !pending {
			continue
		}
		pending = false
		if _, err := l.Integrate(ctx); err != nil {
			l.log.Error("the ledger could not be integrated; trying again", "err", err)
			pending = true
		}
	}
}

func newestSize(tx *db.Tx) (size int64, err error) {
	err = tx.QueryRow("SELECT COALESCE(MAX(size), 0) FROM ledger_checkpoint").Scan(&size)
	return size, err
}

func scanText(row db.Scanner) (s string, err error) { return s, row.Scan(&s) }

// loadEdge rebuilds the right edge of a tree of this size from its tiles.
func loadEdge(tx *db.Tx, size int64) (edge, error) {
	e := edge{size: size}
	reader := tileReader{tx}
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
	w.tiles[id] = append(data[:want:want], n.hash[:]...)
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
	return base64.StdEncoding.DecodeString(text)
}

// tileReader reads stored hashes out of tiles.
type tileReader struct{ tx *db.Tx }

// ReadHashes returns the hashes at tlog's stored-hash indexes.
func (r tileReader) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		t := tlog.TileForIndex(tileHeight, index)
		data, err := loadTile(r.tx, tileID{t.L, t.N})
		if err != nil {
			return nil, err
		}
		if len(data) < t.W*tlog.HashSize {
			return nil, fmt.Errorf("tile %d/%d holds %d hashes, want %d", t.L, t.N, len(data)/tlog.HashSize, t.W)
		}
		t.W = len(data) / tlog.HashSize
		if out[i], err = tlog.HashFromTile(t, data, index); err != nil {
			return nil, err
		}
	}
	return out, nil
}
