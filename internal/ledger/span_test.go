package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/ledger"
)

// Every run of events in every tree up to a size gives the signed root, whichever hashes stand beside it.
func TestSpanOfAnyRunGivesTheRootOfTheTree(t *testing.T) {
	t.Parallel()
	const most = 70
	hashes := []tlog.Hash{}
	reader := tlog.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(at))
		for i, x := range at {
			out[i] = hashes[x]
		}
		return out, nil
	})
	leaf := func(n int64) []byte { return []byte(fmt.Sprint("event ", n)) }
	roots := map[int64]tlog.Hash{}
	for n := range int64(most) {
		roots[n], _ = tlog.TreeHash(n, reader)
		more, err := tlog.StoredHashes(n, leaf(n), reader)
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, more...)
	}
	subtree := func(lo, width int64) tlog.Hash {
		level := 0
		for int64(1)<<level < width {
			level++
		}
		return hashes[tlog.StoredHashIndex(level, lo>>level)]
	}
	for size := int64(1); size < most; size++ {
		for first := int64(0); first <= size; first += 3 {
			for last := first - 1; last < size; last += 5 {
				left, right := []tlog.Hash{}, []tlog.Hash{}
				at := int64(0)
				for width := int64(1) << 40; width > 0; width >>= 1 {
					if first&width != 0 {
						left = append(left, subtree(at, width))
						at += width
					}
				}
				for at = last + 1; at < size; {
					width := int64(1) << 40
					for at%width != 0 || at+width > size {
						width >>= 1
					}
					right = append(right, subtree(at, width))
					at += width
				}
				s, err := ledger.NewSpan(first, left)
				if err != nil {
					t.Fatal(err)
				}
				for n := first; n <= last; n++ {
					if s.Root() != roots[n] {
						t.Fatalf("root of the first %d is wrong", n)
					}
					s.Add(leaf(n))
				}
				if err := s.End(size, right); err != nil || s.Root() != roots[size] || s.Size() != size {
					t.Fatalf("run %d-%d in %d: %v, %s", first, last, size, err, s.Root())
				}
			}
		}
	}
}

func TestSpanRefusesHashesThatFitNoTree(t *testing.T) {
	t.Parallel()
	for _, first := range []int64{-1, 1, 3, 1 << 60} {
		if _, err := ledger.NewSpan(first, nil); err == nil {
			t.Errorf("a run from %d without hashes left of it was taken", first)
		}
	}
	for name, right := range map[string][]tlog.Hash{"too few": {{}}, "too many": {{}, {}, {}}} {
		s, _ := ledger.NewSpan(0, nil)
		s.Add([]byte("a"))
		if s.End(4, right) == nil { // events 1, 2-3: two hashes
			t.Errorf("%s hashes right of the run were taken", name)
		}
	}
	s, _ := ledger.NewSpan(0, nil)
	s.Add([]byte("a"))
	if s.End(0, nil) == nil || s.End(1<<62, nil) == nil {
		t.Error("a tree that ends before its events, or never, was taken")
	}
}

func TestSpanOutOfTheDatabaseAndItsInstants(t *testing.T) {
	t.Parallel()
	d, l := open(t)
	record(t, d, 0)
	for i := range 40 {
		record(t, d, i+1)
	}
	size, err := l.Integrate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = d.View(t.Context(), func(tx *db.Tx) error {
		at, err := l.NewestIn(tx)
		if err != nil {
			return err
		}
		for _, run := range [][2]int64{{0, size - 1}, {3, 17}, {8, 8}, {13, 12}, {size, size - 1}} {
			left, right, err := ledger.SpanIn(tx, run[0], run[1], size)
			if err != nil {
				return err
			}
			s, err := ledger.NewSpan(run[0], left)
			if err != nil {
				return err
			}
			if err := ledger.EachLeaf(tx, run[0], run[1], func(_ int64, leaf string) error { s.Add([]byte(leaf)); return nil }); err != nil {
				return err
			}
			if err := s.End(size, right); err != nil || s.Root() != at.Root {
				t.Errorf("run %v: %v, another root", run, err)
			}
		}
		if err := ledger.EachLeaf(tx, size-1, size, func(int64, string) error { return nil }); err == nil {
			t.Error("an event that is not there was passed over")
		}
		now := tx.Now()
		for _, c := range []struct {
			from, to    time.Time
			first, last int64
		}{
			{now.Add(-time.Hour), now.Add(time.Hour), 0, size - 1},
			{now, now, 0, -1},
			{now.Add(time.Second), now.Add(time.Hour), size, size - 1},
			{now.Add(-time.Hour), now.Add(time.Microsecond), 0, size - 1},
		} {
			first, last, err := ledger.Between(tx, c.from, c.to, size)
			if err != nil || first != c.first || last != c.last {
				t.Errorf("between %s and %s: %d-%d, %v; want %d-%d", c.from, c.to, first, last, err, c.first, c.last)
			}
		}
		for _, c := range []struct {
			object string
			size   int64
			want   bool
		}{{"", size, false}, {"", size - 1, true}, {"40", size - 1, true}, {"39", size - 1, false}} {
			if got, err := ledger.PendingIn(tx, "test", c.object, c.size); err != nil || got != c.want {
				t.Errorf("pending %q after %d: %v, %v; want %v", c.object, c.size, got, err, c.want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
