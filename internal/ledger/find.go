package ledger

import (
	"fmt"
	"strings"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
)

// Question says which events to find. Empty members do not narrow.
type Question struct {
	Verb   string // the begin of a verb, such as change. or change.approved
	Object string // id of an object
	Person string // id of who acted
	Before int64  // only events with a smaller number; 0 begins at the newest
	Limit  int    // 1 to 500
}

// look is how many events one Find looks at when no index answers: the cost of a page is bounded,
// however many events there are.
const look = 5000

// Found is one page of events, the newest first.
type Found struct {
	Entries []Entry
	Next    int64 // Before of the next page; 0 when there is none
	To      int64 // the oldest event that was looked at
	Whole   bool  // the page is full, or all events were looked at; else only part was, and Next goes on
}

// Find reads events backwards, from the newest that the question allows.
func Find(tx *db.Tx, q Question) (f Found, err error) {
	before := q.Before
	if before <= 0 {
		if err = tx.QueryRow("SELECT COALESCE(MAX(seq), -1) + 1 FROM ledger_event").Scan(&before); err != nil {
			return f, fmt.Errorf("find the newest event: %w", err)
		}
	}
	limit := min(max(q.Limit, 1), 500)
	pieces, args := []string{"e.seq < $1"}, []any{before}
	add := func(text string, arg any) {
		args = append(args, arg)
		pieces = append(pieces, fmt.Sprintf(text, len(args)))
	}
	oldest := int64(0)
	if q.Object != "" {
		add("e.object = $%d", q.Object)
	} else if q.Verb != "" || q.Person != "" {
		oldest = max(0, before-look)
		add("e.seq >= $%d", oldest)
	}
	if q.Verb != "" {
		add("substr(e.verb, 1, $%d)", len(q.Verb))
		pieces[len(pieces)-1] += fmt.Sprintf(" = $%d", len(args)+1)
		args = append(args, q.Verb)
	}
	if q.Person != "" {
		if strings.ContainsAny(q.Person, `%\"`) { // an underscore stands for any letter, and ids differ in more than that
			return f, fault.New(fault.Invalid, "bad_person", "That is no id of a person.").FixedBy("you").Then("choose a person from the list")
		}
		add("e.leaf LIKE $%d", `%"person":"`+q.Person+`"%`) // the actor's member alone is called so
	}
	args = append(args, limit)
	f.Entries, err = db.Collect(tx, scanEntry, entryColumns+" WHERE "+strings.Join(pieces, " AND ")+fmt.Sprintf(" ORDER BY e.seq DESC LIMIT $%d", len(args)), args...)
	if err != nil {
		return f, fmt.Errorf("find events: %w", err)
	}
	f.To, f.Whole = oldest, true
	switch full := len(f.Entries) == limit; {
	case full:
		f.Next = f.Entries[limit-1].Seq
		f.To = f.Next
	case oldest > 0:
		f.Next, f.Whole = oldest, false
	}
	return f, nil
}
