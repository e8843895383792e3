package ledger

import (
	"errors"
	"fmt"
	"math/bits"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"plumbline.dev/plumb/internal/db"
)

// Span proves that a run of events without a gap is in a tree. It knows the hashes of the perfect
// subtrees left of the run, is fed the events one by one, and then the hashes of what is right of
// them; the root that comes out is the tree's only if every event stands at its place. Its memory
// grows with the logarithm of the tree.
type Span struct {
	edge edge
}

// ErrSpan says that the hashes given beside a run of events cannot be those of any tree.
var ErrSpan = errors.New("ledger: the hashes beside the run of events fit no tree")

// maxSize bounds a tree far beyond any that will ever be, so that sums of sizes cannot overflow.
const maxSize = 1 << 50

// NewSpan begins at event first; left holds, from the left, the hash of the perfect subtree for each
// bit that is set in first, highest first.
func NewSpan(first int64, left []tlog.Hash) (*Span, error) {
	if first < 0 || first > maxSize || bits.OnesCount64(uint64(first)) != len(left) {
		return nil, ErrSpan
	}
	return &Span{edge{size: first, stack: append([]tlog.Hash(nil), left...)}}, nil
}

// Add appends the next event's bytes and returns the hash of its leaf.
func (s *Span) Add(leaf []byte) tlog.Hash {
	h := tlog.RecordHash(leaf)
	s.edge.add(h, func(node) {})
	return h
}

// Size is the number of events up to here: the number of the next one.
func (s *Span) Size() int64 { return s.edge.size }

// Root is the root of the tree that ends here.
func (s *Span) Root() tlog.Hash { return s.edge.root() }

// End appends what is right of the run, up to size: the perfect subtrees from the left, each as large
// as its place and the size allow.
func (s *Span) End(size int64, right []tlog.Hash) error {
	if size < s.edge.size || size > maxSize {
		return ErrSpan
	}
	for s.edge.size < size {
		if len(right) == 0 {
			return ErrSpan
		}
		s.edge.join(right[0], levelAt(s.edge.size, size))
		right = right[1:]
	}
	if len(right) != 0 {
		return ErrSpan
	}
	return nil
}

// levelAt gives the level of the largest perfect subtree that can begin at n in a tree of this size.
func levelAt(n, size int64) int {
	level := bits.Len64(uint64(size-n)) - 1
	if n > 0 {
		level = min(level, bits.TrailingZeros64(uint64(n)))
	}
	return level
}

// join appends a perfect subtree; the size must be a multiple of its width.
func (e *edge) join(h tlog.Hash, level int) {
	width := int64(1) << level
	for n := e.size >> level; n&1 == 1; n >>= 1 {
		h = tlog.NodeHash(e.stack[len(e.stack)-1], h)
		e.stack = e.stack[:len(e.stack)-1]
	}
	e.stack = append(e.stack, h)
	e.size += width
}

// SpanIn gives the hashes beside the events first to last in the tree of this size, for NewSpan and
// End. A run may be empty: then last is first-1.
func SpanIn(tx *db.Tx, first, last, size int64) (left, right []tlog.Hash, err error) {
	if first < 0 || last < first-1 || last >= size {
		return nil, nil, ErrSpan
	}
	e, err := loadEdge(tx, first)
	if err != nil {
		return nil, nil, err
	}
	reader := newTileReader(tx)
	for n := last + 1; n < size; {
		level := levelAt(n, size)
		h, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(level, n>>level)})
		if err != nil {
			return nil, nil, fmt.Errorf("read the tree right of event %d: %w", last, err)
		}
		right = append(right, h[0])
		n += 1 << level
	}
	return e.stack, right, nil
}

// maxDisorder is how far the instants of events may stray from the order of their numbers: twice what
// the clock allows between two replicas.
const maxDisorder = 2 * time.Minute

// Between gives the first event at or after from and the last one before to, among the first size
// events. first is size where all are earlier, last is -1 where all are later. Instants of events
// from several replicas can be out of order by a minute; numbers never are.
func Between(tx *db.Tx, from, to time.Time, size int64) (first, last int64, err error) {
	if first, err = around(tx, from.Add(-maxDisorder), size); err != nil {
		return 0, 0, err
	}
	for ; first < size; first++ {
		at, err := instantOf(tx, first)
		if err != nil {
			return 0, 0, err
		}
		if !at.Before(from) {
			break
		}
	}
	if last, err = around(tx, to.Add(maxDisorder), size); err != nil {
		return 0, 0, err
	}
	for last = min(last, size-1); last >= 0; last-- {
		at, err := instantOf(tx, last)
		if err != nil {
			return 0, 0, err
		}
		if at.Before(to) {
			break
		}
	}
	return first, last, nil
}

// around finds by halving an event from which on the instants are t or later, but for disorder.
func around(tx *db.Tx, t time.Time, size int64) (int64, error) {
	low, high := int64(0), size
	for low < high {
		middle := low + (high-low)/2
		at, err := instantOf(tx, middle)
		if err != nil {
			return 0, err
		}
		if at.Before(t) {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, nil
}

func instantOf(tx *db.Tx, seq int64) (time.Time, error) {
	var ts int64
	if err := tx.QueryRow("SELECT ts FROM ledger_event WHERE seq = $1", seq).Scan(&ts); err != nil {
		return time.Time{}, fmt.Errorf("read the instant of event %d: %w", seq, err)
	}
	return time.UnixMicro(ts).UTC(), nil
}

// EachLeaf passes the bytes of the events first to last, in order; a missing one is an error.
func EachLeaf(tx *db.Tx, first, last int64, each func(seq int64, leaf string) error) error {
	for next := first; next <= last; {
		list, err := db.Collect(tx, scanLeaf, "SELECT seq, leaf FROM ledger_event WHERE seq >= $1 AND seq <= $2 ORDER BY seq LIMIT $3",
			next, last, readAtOnce)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return fmt.Errorf("event %d is missing", next)
		}
		for _, l := range list {
			if l.seq != next {
				return fmt.Errorf("event %d is missing", next)
			}
			if err := each(l.seq, l.text); err != nil {
				return err
			}
			next++
		}
	}
	return nil
}

// PendingIn reports whether events about an object, or about any object of a type when object is "",
// wait to be taken into the tree of this size, as this transaction sees them.
func PendingIn(tx *db.Tx, kind, object string, size int64) (pending bool, err error) {
	var n int64
	err = tx.QueryRow("SELECT COUNT(*) FROM ledger_event WHERE seq >= $1 AND kind = $2 AND ($3 = '' OR object = $3)", size, kind, object).Scan(&n)
	return n > 0, err
}
