package change_test

import (
	"testing"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db/dbtest"
)

// A new company is led from nothing to its first closed change, and then no more.
func TestHowFarACompanyHasBegun(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	is := func(want change.Begun) {
		t.Helper()
		got, err := o.Begun(t.Context())
		must(t, err)
		if got != want {
			t.Errorf("begun = %+v, want %+v", got, want)
		}
	}
	is(change.Begun{})
	c := o.authorized(t)
	is(change.Begun{Filed: true})
	c = o.ran(t, c.ID, 0)
	is(change.Begun{Filed: true, Gated: true})
	v, err := o.Show(t.Context(), c.ID)
	must(t, err)
	for _, slot := range v.Verify {
		c, err = o.Verify(t.Context(), o.as("sam"), c.ID, change.Verification{Slot: slot, Passed: true, Comment: "looked"})
		must(t, err)
	}
	_, err = o.Close(t.Context(), o.as("ann"), c.ID, change.Successful, nil)
	must(t, err)
	is(change.Begun{Filed: true, Gated: true, Closed: true})
}
