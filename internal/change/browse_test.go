package change_test

import (
	"fmt"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/fault"
)

// A list that is read page by page shows each change once, in its order, whatever it is narrowed by.
func TestAListIsReadByKey(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	const all = 23
	for i := range all {
		m := configChange(o)
		m.Summary = fmt.Sprintf("Change of kind %s number %d", []string{"red", "blue"}[i%2], i)
		if _, err := o.File(t.Context(), o.as("ann"), m); err != nil {
			t.Fatal(err)
		}
	}
	for more := true; more; {
		var err error
		if more, err = o.Index(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		b    change.Browse
		want int
	}{
		"newest":            {change.Browse{}, all},
		"oldest":            {change.Browse{Order: change.Oldest}, all},
		"updated":           {change.Browse{Order: change.Touched}, all},
		"a state":           {change.Browse{States: []string{"draft", "closed"}}, all},
		"another state":     {change.Browse{States: []string{"closed"}}, 0},
		"words":             {change.Browse{Words: "blue kin"}, all / 2},
		"words, updated":    {change.Browse{Words: "RED", Order: change.Touched}, all/2 + 1},
		"category and type": {change.Browse{Category: "configuration", Type: "normal", Order: change.Oldest}, all},
		"a period":          {change.Browse{From: 1, To: 2}, 0},
		"an unknown author": {change.Browse{Requester: "per_nobody"}, 0},
	} {
		c.b.Limit = 5
		seen, last := map[change.ID]bool{}, int64(0)
		for pages := 0; pages == 0 || c.b.Key != ""; pages++ {
			list, next, err := o.Page(t.Context(), c.b)
			if err != nil {
				t.Fatal(name, err)
			}
			for _, x := range list {
				if seen[x.ID] {
					t.Errorf("%s: %s is shown twice", name, x.ID)
				}
				if c.b.Order == change.Oldest && x.Number < last || c.b.Order == change.Newest && last > 0 && x.Number > last {
					t.Errorf("%s: %s is out of order", name, x.ID)
				}
				seen[x.ID], last = true, x.Number
			}
			c.b.Key = next
		}
		if len(seen) != c.want {
			t.Errorf("%s: %d changes are shown, want %d", name, len(seen), c.want)
		}
	}
	for _, bad := range []change.Browse{{Key: "x"}, {Key: "1"}, {Key: "1.x"}, {Order: "; DROP TABLE"}, {Key: strings.Repeat("9", 40) + ".1"}} {
		if _, _, err := o.Page(t.Context(), bad); fault.Of(err).Kind != fault.Invalid {
			t.Errorf("%+v: %v, want it refused as invalid", bad, err)
		}
	}
}
