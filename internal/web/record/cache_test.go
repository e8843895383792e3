package record

import (
	"fmt"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/plan"
)

// Large plans that somebody sends one after another do not fill the memory: what is kept is bounded by
// what was read, not only by how many plans that is.
func TestKeptPlansAreBoundedInAll(t *testing.T) {
	t.Parallel()
	c, now := newPlanCache(), time.Unix(1_900_000_000, 0)
	for i := range maxPlans {
		c.put(fmt.Sprint("large ", i), &plan.Summary{}, maxKept, now)
	}
	kept := 0
	for i := range maxPlans {
		if c.get(fmt.Sprint("large ", i), now) != nil {
			kept++
		}
	}
	if kept != maxAll/maxKept || c.get(fmt.Sprint("large ", maxPlans-1), now) == nil {
		t.Errorf("%d plans are kept, want the newest %d", kept, maxAll/maxKept)
	}
	for i := range 2 * maxPlans {
		c.put(fmt.Sprint("small ", i), &plan.Summary{}, 1, now)
	}
	if len(c.sums) != maxPlans || len(c.keep) != maxPlans || c.size != maxPlans {
		t.Errorf("%d plans of %d bytes are kept, want %d", len(c.sums), c.size, maxPlans)
	}
	c.put("small 31", &plan.Summary{}, 1, now)
}

// A plan beyond that bound is kept alone while somebody looks at it, for it is read page by page.
func TestOneLargePlanIsKeptWhileItIsLookedAt(t *testing.T) {
	t.Parallel()
	c, now := newPlanCache(), time.Unix(1_900_000_000, 0)
	first, second := &plan.Summary{}, &plan.Summary{}
	c.put("first", first, maxKept+1, now)
	now = now.Add(largeKept)
	c.tidy(now)
	if c.get("first", now) != first || len(c.sums) != 0 || c.size != 0 {
		t.Error("a large plan is not kept while it is looked at, or counts with the small ones")
	}
	c.put("second", second, 100<<20, now)
	if c.get("first", now) != nil || c.get("second", now) != second {
		t.Error("more than the newest large plan is kept")
	}
	c.tidy(now.Add(largeKept + 1))
	if c.get("second", now) != nil || c.large != nil {
		t.Error("a large plan is kept that nobody looks at")
	}
}
