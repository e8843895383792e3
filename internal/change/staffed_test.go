package change_test

import (
	"testing"

	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/wire"
)

// No office stands above the rules. So the last people who could let somebody into an office are not shut out by a slip of
// the hand: the company would stand still for ever.
func TestTheLastWhoCouldNameASuccessorStay(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	must(t, o.dir.Disable(t.Context(), o.as("olga"), o.people["steve"], "left"))
	refused(t, o.dir.Disable(t.Context(), o.as("olga"), o.people["sam"], "left"), "last_approver")
	must(t, o.dir.Disable(t.Context(), o.as("olga"), o.people["ian"], "left"))
	must(t, o.dir.Disable(t.Context(), o.as("olga"), o.people["ina"], "left")) // an empty place that can be filled again
	c := o.grant(t, "grant", "it-manager", "ann")
	o.approve(t, c, "sam", "erin", "olga")
	v, err := o.Apply(t.Context(), o.as("ivo"), c.ID, "key")
	must(t, err)
	if v.Code != wire.ExitAllowed {
		t.Fatalf("the empty place is not filled: %+v", v)
	}

	c = o.grant(t, "revoke", "security-lead", "sam")
	o.approve(t, c, "sam", "erin", "olga")
	_, err = o.Apply(t.Context(), o.as("ivo"), c.ID, "key")
	refused(t, err, "last_approver")
	again := o.grant(t, "grant", "security-lead", "pia")
	o.approve(t, again, "sam", "erin", "olga")
	v, err = o.Apply(t.Context(), o.as("ivo"), again.ID, "key")
	must(t, err)
	if v.Code != wire.ExitAllowed {
		t.Fatalf("the successor is not named: %+v", v)
	}
	v, err = o.Apply(t.Context(), o.as("ivo"), c.ID, "key") // with the successor there it goes
	must(t, err)
	if v.Code != wire.ExitAllowed {
		t.Errorf("verdict %+v with a successor, want allow", v)
	}
	must(t, o.dir.Disable(t.Context(), o.as("olga"), o.people["sam"], "left"))
	o.whole(t)
}
