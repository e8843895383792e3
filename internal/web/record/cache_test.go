package record

import (
	"fmt"
	"testing"

	"plumbline.dev/plumb/internal/plan"
)

// Large plans that somebody sends one after another do not fill the memory: what is kept is bounded by
// what was read, not only by how many plans that is.
func TestKeptPlansAreBoundedInAll(t *testing.T) {
	t.Parallel()
	c := newPlanCache()
	for i := range maxPlans {
		c.put(fmt.Sprint("large ", i), &plan.Summary{}, maxKept)
	}
	kept := 0
	for i := range maxPlans {
		if c.get(fmt.Sprint("large ", i)) != nil {
			kept++
		}
	}
	if kept != maxAll/maxKept || c.get(fmt.Sprint("large ", maxPlans-1)) == nil {
		t.Errorf("%d plans are kept, want the newest %d", kept, maxAll/maxKept)
	}
	for i := range 2 * maxPlans {
		c.put(fmt.Sprint("small ", i), &plan.Summary{}, 1)
	}
	if len(c.sums) != maxPlans || len(c.keep) != maxPlans || c.size != maxPlans {
		t.Errorf("%d plans of %d bytes are kept, want %d", len(c.sums), c.size, maxPlans)
	}
	c.put("small 31", &plan.Summary{}, 1)
	c.put("huge", &plan.Summary{}, maxKept+1)
	if c.get("huge") != nil || len(c.sums) != maxPlans || c.size != maxPlans {
		t.Error("a plan beyond the bound is kept, or one is counted twice")
	}
}
