package change

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
)

// Order is how a list of changes is sorted.
type Order string

// The orders. The zero value is the newest first.
const (
	Newest  Order = ""
	Oldest  Order = "oldest"
	Touched Order = "updated" // the last updated first
)

// Browse says what a list of changes shows. Empty members do not narrow.
type Browse struct {
	States    []string
	Category  string
	Type      string
	Requester string // person id
	Words     string // begins of words of the summary
	From, To  int64  // filed in [From, To), microseconds; 0 sets no bound
	Order     Order
	Key       string // where the page before ended; "" begins
	Limit     int    // 1 to 1,000
}

// key is where a page ended, in the list's order.
type key struct{ updated, number int64 }

func (k key) String() string { return fmt.Sprintf("%d.%d", k.updated, k.number) }

func readKey(s string) (k key, err error) {
	if s == "" {
		return key{}, nil
	}
	updated, number, ok := strings.Cut(s, ".")
	if k.updated, err = strconv.ParseInt(updated, 10, 64); err == nil && ok {
		k.number, err = strconv.ParseInt(number, 10, 64)
	}
	if err != nil || !ok {
		return key{}, fault.New(fault.Invalid, "bad_cursor", "That place in the list is not known.").FixedBy("you").Then("begin at the first page")
	}
	return k, nil
}

// Page gives one page of a list, and the key of the next one; "" when this was the last. The rows are
// chosen in an index that holds every column of the filter, so that only those shown are read.
func (d *Desk) Page(ctx context.Context, b Browse) (out []Change, next string, err error) {
	at, err := readKey(b.Key)
	if err != nil {
		return nil, "", err
	}
	limit := min(max(b.Limit, 1), 1000)
	order := map[Order]string{Newest: "number DESC", Oldest: "number", Touched: "updated DESC, number DESC"}[b.Order]
	if order == "" {
		return nil, "", fault.New(fault.Invalid, "bad_order", "A list is sorted by newest, oldest or updated.").FixedBy("you").Then("choose one of them")
	}
	err = d.db.View(ctx, func(tx *db.Tx) error {
		q := &question{}
		if err := b.narrow(tx, q, at); err != nil {
			return err
		}
		out, err = db.Collect(tx, scanChange, q.page(b.States, order, limit+1), q.args...)
		return err
	})
	if len(out) > limit {
		out = out[:limit]
		last := out[limit-1]
		next = key{last.Updated, last.Number}.String()
	}
	return out, next, err
}

// question is a WHERE clause that is put together piece by piece.
type question struct {
	pieces []string
	args   []any
}

// with gives a piece of text with the number of its argument.
func (q *question) with(text string, arg any) string {
	q.args = append(q.args, arg)
	return fmt.Sprintf(text, len(q.args))
}

func (q *question) add(text string, arg any) { q.pieces = append(q.pieces, q.with(text, arg)) }

// page is the text that chooses some rows, state by state where it is about some: in one state they lie in the order of the list, but in several
// an engine would gather all that ever were in them.
func (q *question) page(states []string, order string, limit int) string {
	end := " ORDER BY " + order + q.with(" LIMIT $%d", limit)
	if len(states) == 0 {
		return changeColumns + " WHERE number IN (SELECT number FROM change_change" + where(q.pieces) + end + ")" + end
	}
	var each []string
	for _, s := range slices.Compact(slices.Sorted(slices.Values(states))) {
		each = append(each, "SELECT number FROM (SELECT number FROM change_change"+where(slices.Concat([]string{q.with("state = $%d", s)}, q.pieces))+end+") AS one")
	}
	return changeColumns + " WHERE number IN (" + strings.Join(each, " UNION ALL ") + ")" + end
}

func where(pieces []string) string {
	if len(pieces) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(pieces, " AND ")
}

func (b Browse) narrow(tx *db.Tx, q *question, at key) error {
	for _, x := range [][2]string{{"category", b.Category}, {"type", b.Type}, {"requester", b.Requester}} {
		if x[1] != "" {
			q.add(x[0]+" = $%d", x[1])
		}
	}
	if b.From > 0 {
		q.add("created >= $%d", b.From)
	}
	if b.To > 0 {
		q.add("created < $%d", b.To)
	}
	words := wordsOf(b.Words)
	for _, w := range words[:min(len(words), maxAsked)] {
		piece, err := wordPiece(tx, q, w)
		if err != nil {
			return err
		}
		q.pieces = append(q.pieces, piece)
	}
	switch {
	case at == key{}:
	case b.Order == Oldest:
		q.add("number > $%d", at.number)
	case b.Order == Touched:
		q.pieces = append(q.pieces, "("+q.with("updated < $%d", at.updated)+q.with(" OR updated = $%d", at.updated)+q.with(" AND number < $%d", at.number)+")")
	default:
		q.add("number < $%d", at.number)
	}
	return nil
}
