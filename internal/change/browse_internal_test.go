package change

import (
	"slices"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/db/dbtest"
)

// The last changes of some states, and somebody's own that are open, are the first of an index each: changes that are long over cost a page nothing.
func TestAPageReadsNoMoreThanItShows(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		browse       Browse
		order, index string
	}{
		"the last that ended": {Browse{States: []string{"closed", "rejected", "expired"}}, "updated DESC, number DESC", "change_change_touched"},
		"one's own open ones": {Browse{States: []string{"draft", "submitted"}, Requester: "per_1"}, "updated DESC, number DESC", "change_change_touched"},
		"the newest of some":  {Browse{States: []string{"closed", "rejected"}, Category: "deploy"}, "number DESC", "change_change_state"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := &question{}
			if err := x.browse.narrow(nil, q, key{}); err != nil {
				t.Fatal(err)
			}
			plan := dbtest.Plan(t, q.page(x.browse.States, x.order, 10), q.args...)
			if strings.Count(plan, x.index) != len(x.browse.States) {
				t.Errorf("not each state is read in the order of %s:\n%s", x.index, plan)
			}
		})
	}
}

// A list of several states is what it is for each of them, put in one order, each change once.
func TestSeveralStatesAreOneList(t *testing.T) {
	t.Parallel()
	q := &question{}
	text := q.page([]string{"closed", "draft", "closed"}, "number DESC", 2)
	if n := strings.Count(text, "state = "); n != 2 || !slices.Equal(q.args, []any{2, "closed", "draft"}) {
		t.Errorf("%d selections with %v: %s", n, q.args, text)
	}
}
