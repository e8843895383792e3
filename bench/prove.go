package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/prove"
	"plumbline.dev/plumb/internal/seal"
)

// benchProve: an export of a large ledger, verified without its server, against one pass that hashes the
// same bytes and understands none of them; and the proof that one event is in the tree against one that is
// put together from tiles in files.
func benchProve(ctx context.Context, e *env) ([]goal, error) {
	events := 100_000
	if e.quick {
		events = 10_000
	}
	o, pack, err := exported(ctx, e, filepath.Join(e.dir, "prove"), events)
	if err != nil {
		return nil, err
	}
	defer pack.Close()
	g, size, err := benchVerify(ctx, e, pack, int64(events))
	if err != nil {
		return nil, err
	}
	p, err := benchInclusion(ctx, e, o.dir, size)
	return []goal{g, p}, err
}

// exported makes a company, some changes of it and many events beside them, and gives the evidence pack of
// all that. The server has ended then.
func exported(ctx context.Context, e *env, dir string, events int) (o *office, pack *os.File, err error) {
	if o, err = startServer(ctx, e, dir); err != nil {
		return nil, nil, err
	}
	err = o.setUp(ctx)
	if err == nil {
		err = o.some(ctx, 20)
	}
	o.stop()
	if err != nil {
		return nil, nil, err
	}
	if err := busy(ctx, dir, events); err != nil {
		return nil, nil, fmt.Errorf("append events: %w", err)
	}
	if o, err = startServer(ctx, e, dir); err != nil {
		return nil, nil, err
	}
	defer o.stop()
	if err := o.signIn(ctx); err != nil {
		return nil, nil, err
	}
	if pack, err = os.Create(filepath.Join(dir, "pack")); err != nil {
		return nil, nil, err
	}
	now := time.Now()
	return o, pack, o.call(ctx, "olga", "POST", "/export", nil, map[string]any{"from": now.Add(-time.Hour), "to": now.Add(time.Hour)}, pack)
}

// some takes a few changes as far as two approvals.
func (o *office) some(ctx context.Context, n int) error {
	couriers, hangUp, err := o.couriers(ctx, 1)
	if err != nil {
		return err
	}
	defer hangUp()
	for range n {
		if _, err := couriers[0].flow(); err != nil {
			return err
		}
	}
	return nil
}

// busy appends events as a server makes them, with a row and words, while none has the folder.
func busy(ctx context.Context, dir string, n int) error {
	d, err := db.Open(ctx, db.Config{Dir: dir})
	if err != nil {
		return err
	}
	const atOnce = 5_000
	for done := 0; done < n && err == nil; done += atOnce {
		err = d.Update(ctx, fault.SystemActor("bench"), func(tx *db.Tx) error {
			for i := range min(atOnce, n-done) {
				id := fmt.Sprintf("win_%026d", done+i)
				if _, err := tx.Exec("INSERT INTO change_window (id, kind, scope, starts, ends, hard, reason, person, at, lifted, lifter)"+
					" VALUES ($1, 'freeze', '{}', 0, 1, FALSE, 'bench', 'per_bench', 0, 0, '')", id); err != nil {
					return err
				}
				if _, err := ledger.Append(tx, ledger.Event{Verb: "freeze.set", Type: "freeze", Object: id,
					Detail: map[string]any{"reason": "bench", "starts": 0, "ends": 1, "hard": false}}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return errors.Join(err, d.Close())
}

// benchVerify measures the verification of a pack against its twin, and gives the size of the tree.
func benchVerify(ctx context.Context, e *env, pack *os.File, events int64) (goal, int64, error) {
	length, err := pack.Seek(0, io.SeekEnd)
	if err != nil {
		return goal{}, 0, err
	}
	var ratios []float64
	var size int64
	rates := map[string]float64{}
	for range e.rounds {
		begin := time.Now()
		r, err := prove.Verify(ctx, pack, length, prove.Options{})
		if err != nil {
			return goal{}, 0, err
		}
		ours := time.Since(begin)
		if !r.Whole() || r.Counts.Events < events || r.Counts.Changes == 0 {
			return goal{}, 0, fmt.Errorf("the pack is not whole: %+v %v", r.Counts, r.Faults)
		}
		begin = time.Now()
		root, err := hashOnly(io.NewSectionReader(pack, 0, length))
		if err != nil {
			return goal{}, 0, err
		}
		twin := time.Since(begin)
		if root == (tlog.Hash{}) {
			return goal{}, 0, errors.New("the twin found no events")
		}
		size = r.Size
		ratios = append(ratios, ours.Seconds()/twin.Seconds())
		rates["events/s"], rates["twin events/s"] = float64(r.Counts.Events)/ours.Seconds(), float64(r.Counts.Events)/twin.Seconds()
	}
	g := goal{ID: "P8", What: fmt.Sprintf("verification of an export of %d events, of a pass that only hashes it", size), Unit: "×", Bound: 3, Rates: rates}
	return g.over(ratios), size, nil
}

// hashOnly is the twin: it reads the same bytes once, and hashes what must be hashed, the file and the
// tree over its events.
func hashOnly(pack io.Reader) (tlog.Hash, error) {
	file := sha256.New()
	r := bufio.NewReaderSize(io.TeeReader(pack, file), 1<<20)
	var stack []tlog.Hash
	n := int64(0)
	for {
		line, err := r.ReadSlice('\n')
		if bytes.HasPrefix(line, []byte(`{"actor"`)) {
			h := tlog.RecordHash(line[:len(line)-1])
			for k := n; k&1 == 1; k >>= 1 {
				h, stack = tlog.NodeHash(stack[len(stack)-1], h), stack[:len(stack)-1]
			}
			stack = append(stack, h)
			n++
		}
		switch {
		case err == io.EOF && len(stack) > 0:
			file.Sum(nil)
			return stack[len(stack)-1], nil
		case err != nil && err != bufio.ErrBufferFull:
			return tlog.Hash{}, err
		}
	}
}

// benchInclusion measures inclusion proofs of events here and there against those of a log that keeps its
// tiles in files, which is how other logs of this form do it.
func benchInclusion(ctx context.Context, e *env, dir string, size int64) (goal, error) {
	d, err := db.Open(ctx, db.Config{Dir: dir})
	if err != nil {
		return goal{}, err
	}
	defer d.Close()
	key, err := seal.NewKey() // signs nothing here
	if err != nil {
		return goal{}, err
	}
	log, err := ledger.Open(ctx, d, key, "bench.example/ledger", nil)
	if err != nil {
		return goal{}, err
	}
	files := tileFiles(filepath.Join(dir, "tiles"))
	if err := files.save(ctx, log, size); err != nil {
		return goal{}, fmt.Errorf("write tiles: %w", err)
	}
	here := rand.New(rand.NewPCG(8, 8)) // the same events in every run
	prove := func(one func(seq int64) ([]tlog.Hash, error)) (float64, error) {
		return closed(ctx, 1, e.span, func(context.Context, int) error {
			proof, err := one(here.Int64N(size))
			if err == nil && len(proof) > bits.Len64(uint64(size))+1 {
				err = fmt.Errorf("a proof among %d events has %d hashes", size, len(proof))
			}
			return err
		})
	}
	var ratios []float64
	rates := map[string]float64{}
	for range e.rounds {
		ours, err := prove(func(seq int64) ([]tlog.Hash, error) { return log.Inclusion(ctx, seq, size) })
		if err != nil {
			return goal{}, err
		}
		twin, err := prove(func(seq int64) ([]tlog.Hash, error) { return tlog.ProveRecord(size, seq, files) })
		if err != nil {
			return goal{}, err
		}
		ratios = append(ratios, twin/ours)
		rates["proofs/s"], rates["twin proofs/s"] = ours, twin
	}
	g := goal{ID: "P8p", What: fmt.Sprintf("an inclusion proof among %d events, of one from tiles in files", size), Unit: "×", Bound: 1.5, Rates: rates}
	return g.over(ratios), nil
}

// tileFiles is a folder of tiles, by their paths.
type tileFiles string

// tileHeight is that of all logs of this form: 256 hashes to a tile.
const tileHeight = 8

// path is the same for a tile that is full and for one that is not.
func (f tileFiles) path(t tlog.Tile) string {
	return filepath.Join(string(f), fmt.Sprintf("%d-%d", t.L, t.N))
}

// save writes the tiles of a tree.
func (f tileFiles) save(ctx context.Context, log *ledger.Log, size int64) error {
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return err
	}
	for _, t := range tlog.NewTiles(tileHeight, 0, size) {
		data, err := log.Tile(ctx, strings.TrimPrefix(t.Path(), "tile/8/"))
		if err != nil {
			return err
		}
		if err := os.WriteFile(f.path(t), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// ReadHashes reads each tile of a proof once.
func (f tileFiles) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	read := map[[2]int64][]byte{}
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		t := tlog.TileForIndex(tileHeight, x)
		k := [2]int64{int64(t.L), t.N}
		if read[k] == nil {
			data, err := os.ReadFile(f.path(t))
			if err != nil {
				return nil, err
			}
			read[k] = data
		}
		h, err := tlog.HashFromTile(t, read[k], x)
		if err != nil {
			return nil, err
		}
		out[i] = h
	}
	return out, nil
}
