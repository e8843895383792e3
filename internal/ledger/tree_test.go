package ledger_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
)

// reference is the same tree, kept by x/mod's own code from the events' bytes.
type reference struct {
	leaves []string
	hashes []tlog.Hash // tlog's stored hashes
	roots  []tlog.Hash // by size
}

func (r *reference) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		out[i] = r.hashes[x]
	}
	return out, nil
}

func refer(t *testing.T, d *db.DB) *reference {
	t.Helper()
	r := &reference{roots: make([]tlog.Hash, 1)}
	err := d.View(t.Context(), func(tx *db.Tx) error {
		all, err := ledger.ReadIn(tx, 0, 1<<20)
		for i, e := range all {
			if e.Seq != int64(i) {
				t.Fatalf("event %d has number %d", i, e.Seq)
			}
			r.leaves = append(r.leaves, e.Text)
			more, err := tlog.StoredHashes(e.Seq, []byte(e.Text), r)
			if err != nil {
				return err
			}
			r.hashes = append(r.hashes, more...)
			root, err := tlog.TreeHash(e.Seq+1, r)
			if err != nil {
				return err
			}
			r.roots = append(r.roots, root)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestProofsHoldAgainstAnotherImplementation(t *testing.T) {
	t.Parallel()
	in := filled(t)
	ref := refer(t, in.d)
	c, err := in.l.Newest(t.Context())
	if err != nil || c.Size != 700 || c.Root != ref.roots[700] {
		t.Fatalf("newest = %+v, %v; want the root of 700 events", c, err)
	}
	sizes := []int64{1, 2, 3, 7, 8, 255, 256, 257, 511, 512, 513, 699, 700}
	for _, size := range sizes {
		for _, seq := range []int64{0, 1, size / 3, size / 2, size - 1} {
			if seq >= size {
				continue
			}
			p, err := in.l.Inclusion(t.Context(), seq, size)
			if err != nil {
				t.Fatalf("inclusion of %d in %d: %v", seq, size, err)
			}
			if err := tlog.CheckRecord(p, size, ref.roots[size], seq, tlog.RecordHash([]byte(ref.leaves[seq]))); err != nil {
				t.Errorf("inclusion of %d in %d: %v", seq, size, err)
			}
		}
		for _, older := range sizes {
			if older > size {
				continue
			}
			p, err := in.l.Consistency(t.Context(), older, size)
			if err != nil {
				t.Fatalf("consistency of %d with %d: %v", older, size, err)
			}
			if err := tlog.CheckTree(p, size, ref.roots[size], older, ref.roots[older]); err != nil {
				t.Errorf("consistency of %d with %d: %v", older, size, err)
			}
		}
	}
}

func TestThereAreNoProofsOfWhatIsNotInTheTree(t *testing.T) {
	t.Parallel()
	in := installed(t)
	if _, err := in.l.Newest(t.Context()); !fault.Is(err, "no_checkpoint") {
		t.Errorf("newest of an empty log: %v, want no_checkpoint", err)
	}
	for i := range 5 {
		in.write("a", i)
	}
	in.integrate(5)
	in.write("b", 1) // not in the tree yet
	for _, c := range [][2]int64{{5, 6}, {0, 6}, {5, 5}, {-1, 5}, {0, 0}, {0, -1}, {1 << 62, 1<<62 + 1}} {
		if _, err := in.l.Inclusion(t.Context(), c[0], c[1]); !fault.Is(err, "not_in_tree") {
			t.Errorf("inclusion %v: %v, want not_in_tree", c, err)
		}
	}
	for _, c := range [][2]int64{{0, 5}, {5, 6}, {5, 4}, {-1, 5}, {-5, -1}} {
		if _, err := in.l.Consistency(t.Context(), c[0], c[1]); !fault.Is(err, "not_in_tree") {
			t.Errorf("consistency %v: %v, want not_in_tree", c, err)
		}
	}
}

// tiles reads hashes over the C2SP paths, as a foreign monitor does: the widest tile of its tree.
type tiles struct {
	t *testing.T
	l *ledger.Log
}

func (r tiles) Height() int { return 8 }

func (r tiles) ReadTiles(list []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(list))
	for i, tile := range list {
		data, err := r.l.Tile(r.t.Context(), strings.TrimPrefix(tile.Path(), "tile/8/"))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", tile.Path(), err)
		}
		out[i] = data
	}
	return out, nil
}

func (r tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func TestForeignMonitorsReadTheTilesOfEveryEarlierCheckpoint(t *testing.T) {
	t.Parallel()
	in := filled(t)
	ref := refer(t, in.d)
	for _, size := range []int64{1, 2, 255, 256, 257, 511, 699, 700} {
		reader := tlog.TileHashReader(tlog.Tree{N: size, Hash: ref.roots[size]}, tiles{t, in.l})
		for _, seq := range []int64{0, size / 2, size - 1} {
			if _, err := tlog.ProveRecord(size, seq, reader); err != nil {
				t.Errorf("tree of %d, event %d: %v", size, seq, err)
			}
		}
	}
}

func TestEntryBundlesHoldTheEventsVerbatim(t *testing.T) {
	t.Parallel()
	in := filled(t)
	ref := refer(t, in.d)
	for path, want := range map[string][]string{
		"entries/000":       ref.leaves[:256],
		"entries/001":       ref.leaves[256:512],
		"entries/002.p/188": ref.leaves[512:700],
		"entries/002.p/1":   ref.leaves[512:513],
	} {
		data, err := in.l.Tile(t.Context(), path)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for i, leaf := range want {
			n := int(binary.BigEndian.Uint16(data))
			if string(data[2:2+n]) != leaf {
				t.Fatalf("%s: entry %d = %q, want %q", path, i, data[2:2+n], leaf)
			}
			data = data[2+n:]
		}
		if len(data) != 0 {
			t.Errorf("%s: %d bytes too many", path, len(data))
		}
	}
}

func TestTilesThatDoNotExistAreNotFound(t *testing.T) {
	t.Parallel()
	in := filled(t)
	for _, path := range []string{
		"", "0", "0/", "0/002", "0/003", "0/002.p/189", "0/002.p/0", "0/002.p/256", "0/000.p/300", "0/-01", "0/1", "00/000",
		"1/000", "1/000.p/3", "2/000", "2/000.p/1", "-1/000", "63/000", "99/000.p/1", "0/../0/000", "0/000/", "data/000", "entries/data/000",
		"entries/", "entries/002", "entries/003", "entries/entries/000", "0/x072/x057/x594/x037/x927/936", "entries/x072/x057/x594/x037/x927/936",
		"0/x999/x999/x999/x999/x999/x999/999", "x", "0/000.p", "\x00",
	} {
		if data, err := in.l.Tile(t.Context(), path); !fault.Is(err, "no_tile") {
			t.Errorf("tile %q = %d bytes, %v; want no_tile", path, len(data), err)
		}
	}
	for path, hashes := range map[string]int{"0/000": 256, "0/002.p/188": 188, "0/000.p/7": 7, "1/000.p/2": 2, "1/000.p/1": 1} {
		if data, err := in.l.Tile(t.Context(), path); err != nil || len(data) != hashes*tlog.HashSize {
			t.Errorf("tile %s = %d bytes, %v; want %d hashes", path, len(data), err, hashes)
		}
	}
}

func TestAServerThatStoppedBeforeItSignedGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	in := installed(t)
	for i := range 300 {
		in.write("a", i)
	}
	in.integrate(300)
	for i := range 10 {
		in.write("b", i)
	}
	if err := in.d.Close(); err != nil { // between the commit and the tree
		t.Fatal(err)
	}
	in.d = dbtest.OpenConfig(t, in.cfg)
	in.l = openLog(t, in.d, in.key)
	in.integrate(310)
	in.whole()
	if ref := refer(t, in.d); ref.roots[310].String() != in.verify().Root {
		t.Errorf("root = %s, want %s", in.verify().Root, ref.roots[310])
	}
}

func TestAnIntegrationThatFailedIsReadAnewAndRepeated(t *testing.T) {
	t.Parallel()
	in := installed(t)
	in.write("a", 1)
	in.integrate(1)
	in.write("a", 2)
	in.must("UPDATE ledger_checkpoint SET note = 'x' || note")
	for range 2 {
		if _, err := in.l.Integrate(t.Context()); err == nil {
			t.Fatal("signed on after a checkpoint that does not verify")
		}
	}
	in.must("UPDATE ledger_checkpoint SET note = SUBSTR(note, 2)")
	in.integrate(2)
	in.whole()
}

func TestNothingIsSignedOverARollback(t *testing.T) {
	t.Parallel()
	for name, rollBack := range map[string][]string{
		"events and checkpoints": {"DELETE FROM ledger_event WHERE seq >= 5", "DELETE FROM ledger_detail WHERE seq >= 5", "DELETE FROM ledger_checkpoint WHERE size > 5"},
		"events alone":           {"DELETE FROM ledger_event WHERE seq >= 5"},
		"all checkpoints":        {"DELETE FROM ledger_checkpoint"},
		"a tile":                 {"DELETE FROM ledger_tile"},
		"an unsigned event":      {"UPDATE ledger_event SET seq = 20 WHERE seq = 10"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := installed(t)
			for i := range 5 {
				in.write("a", i)
			}
			in.integrate(5)
			for i := range 5 {
				in.write("a", i)
			}
			in.integrate(10)
			in.write("a", 10) // number 10, unsigned
			for _, text := range rollBack {
				in.must(text)
			}
			// Growing past the old size must not hide it.
			for i := range 10 {
				if err := write(in.d, "a", i); err != nil {
					break
				}
			}
			if name == "a tile" { // as after a restart: nothing in memory
				in.l = openLog(t, in.d, in.key)
			}
			if size, err := in.l.Integrate(t.Context()); err == nil {
				t.Errorf("signed %d events", size)
			}
		})
	}
}

// Two servers on one PostgreSQL; on SQLite the same log twice in one process, as after a careless restart.
func TestTwoLogsOnOneDatabaseMakeOneTree(t *testing.T) {
	t.Parallel()
	in := installed(t)
	servers := []*db.DB{in.d, in.d}
	if in.cfg.URL != "" {
		servers[1] = dbtest.OpenConfig(t, in.cfg)
	}
	logs := []*ledger.Log{in.l, openLog(t, servers[1], in.key)}
	var writers, sequencers sync.WaitGroup
	done := make(chan struct{})
	for i := range 2 {
		for j := range 8 {
			writers.Go(func() {
				for k := range 20 {
					if err := write(servers[i], fmt.Sprintf("%d.%d", i, j), k); err != nil {
						t.Error(err)
					}
				}
			})
		}
		sequencers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if _, err := logs[i].Integrate(context.Background()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	writers.Wait()
	close(done)
	sequencers.Wait()
	for _, l := range logs {
		if size, err := l.Integrate(t.Context()); err != nil || size != 320 {
			t.Errorf("integrated %d, %v; want 320", size, err)
		}
	}
	in.whole()
	refer(t, in.d) // no gap
}

func TestAClockFarBehindTheNewestEventRefuses(t *testing.T) {
	t.Parallel()
	in := installed(t)
	in.write("a", 1)
	in.must("UPDATE ledger_event SET ts = ts + 3600000000") // as from a replica whose clock is an hour ahead
	if in.d.Engine() == "sqlite" {                          // there are no replicas; but the clock may have been wrong before a restart
		in.restart()
	}
	if err := write(in.d, "a", 2); !fault.Is(err, "clock_moved_back") {
		t.Errorf("err = %v, want clock_moved_back", err)
	}
}

func TestRunSignsWhatWasCommittedAndStopsWithItsContext(t *testing.T) {
	t.Parallel()
	in := installed(t)
	in.write("a", 1) // left behind by an earlier process
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { in.l.Run(ctx) })
	for {
		if c, err := in.l.Newest(t.Context()); err == nil && c.Size == 1 {
			break
		}
	}
	in.write("a", 2)
	cancel() // the last events are signed on the way out
	wg.Wait()
	if c, err := in.l.Newest(t.Context()); err != nil || c.Size != 2 {
		t.Errorf("newest = %+v, %v; want 2 events", c, err)
	}
	in.whole()
}

func TestAnEventTooLargeForItsBundleIsRefused(t *testing.T) {
	t.Parallel()
	in := installed(t)
	err := in.d.Update(t.Context(), fault.SystemActor("test"), func(tx *db.Tx) error {
		_, err := ledger.Append(tx, ledger.Event{Verb: "test.noted", Type: "test", Object: strings.Repeat("x", 1<<16)})
		return err
	})
	if !fault.Is(err, "event_too_large") {
		t.Errorf("err = %v, want event_too_large", err)
	}
}
