package change_test

import (
	"testing"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/fault"
)

// loosening is a change that makes an asset a test system.
func loosening(m *change.Material) {
	m.Targets, m.Effects = []string{"db-7"}, []change.Effect{{Target: "db-7", Path: "label.environment", Op: "update", After: "test"}}
}

var testSystem = change.Sought{Asset: "AST-000001", Targets: []string{"AST-1", "DB-7"}, Path: "label.environment", After: "test"}

// effected asks for the effect of a change as somebody.
func (o *office) effected(t *testing.T, actor fault.Actor, id change.ID, want change.Sought) error {
	t.Helper()
	var answer error
	must(t, o.db.View(t.Context(), func(tx *db.Tx) error {
		answer = o.EffectApproved(tx, actor, string(id), want)
		return nil
	}))
	return answer
}

func TestAnEffectIsAllowedByItsApprovedChangeOnly(t *testing.T) {
	t.Parallel()
	o := company(t)
	dana := o.as("dana")
	c := o.submitted(t, loosening)
	refused(t, o.effected(t, dana, c.ID, testSystem), "effect_not_authorized")
	refused(t, o.effected(t, dana, "CHG-999999", testSystem), "no_change")
	refused(t, o.effected(t, dana, "7", testSystem), "bad_change_id")
	c = o.authorized(t, loosening)
	must(t, o.effected(t, dana, c.ID, testSystem))
	for name, edit := range map[string]func(*change.Sought){
		"another target": func(w *change.Sought) { w.Targets = []string{"db-8"} }, "another label": func(w *change.Sought) { w.Path = "label.owner" },
		"another value": func(w *change.Sought) { w.After = "dev" }} {
		want := testSystem
		edit(&want)
		if err := o.effected(t, dana, c.ID, want); !fault.Is(err, "effect_missing") {
			t.Errorf("%s: %v, want effect_missing", name, err)
		}
	}
	want := testSystem
	want.Category = "provisioning"
	refused(t, o.effected(t, dana, c.ID, want), "effect_category")
	want.Category, want.Verified = "", true
	refused(t, o.effected(t, dana, c.ID, want), "effect_not_verified")
	_, err := o.Hold(t.Context(), dana, c.ID, "an incident")
	must(t, err)
	refused(t, o.effected(t, dana, c.ID, testSystem), "on_hold")
	_, err = o.Release(t.Context(), dana, c.ID, "over")
	must(t, err)
	_, err = o.Cancel(t.Context(), o.as("ann"), c.ID, "not needed")
	must(t, err)
	refused(t, o.effected(t, dana, c.ID, testSystem), "effect_not_authorized")
}

// Whose word lets it happen does not make it happen (policy statement e).
func TestAnApproverBringsNoEffectAbout(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock()) // no other change is about the same thing
	c := o.authorized(t, loosening)
	for _, name := range []string{"sam", "erin"} {
		refused(t, o.effected(t, o.as(name), c.ID, testSystem), "executor_approved")
	}
	c = o.ran(t, c.ID, 0)
	refused(t, o.effected(t, o.as("sam"), c.ID, testSystem), "executor_approved")
	must(t, o.effected(t, o.as("dana"), c.ID, testSystem))
}

// An officer who could have approved through an account whose code they issued is one of its approvers.
func TestWhoMayBeAnApproverBringsNoEffectAbout(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	sam := o.taken(t, "olga", "sam")
	c := o.submitted(t, loosening)
	_, err := o.Approve(t.Context(), sam, c.ID, c.RevDigest, "")
	must(t, err)
	o.approve(t, c, "erin")
	refused(t, o.effected(t, o.as("olga"), c.ID, testSystem), "executor_approved")
	must(t, o.effected(t, o.as("otto"), c.ID, testSystem))
}

// An approval that ended allows nothing any more, also before anything took note of its end.
func TestAnApprovalThatEndedBringsNoEffectAbout(t *testing.T) {
	t.Parallel()
	clock := dbtest.NewClock()
	o := found(t, clock)
	gone := o.authorized(t, loosening)
	must(t, o.effected(t, o.as("dana"), gone.ID, testSystem))
	revoke := o.grant(t, "revoke", "engineering-lead", "erin")
	o.approve(t, revoke, "sam", "emil", "olga")
	v, err := o.Apply(t.Context(), o.as("ivo"), revoke.ID, "key")
	must(t, err)
	if v.Permit == nil {
		t.Fatalf("verdict %+v, want a permit", v)
	}
	refused(t, o.effected(t, o.as("dana"), gone.ID, testSystem), "effect_not_authorized")
	late := o.submitted(t, loosening)
	o.approve(t, late, "sam", "emil")
	must(t, o.effected(t, o.as("dana"), late.ID, testSystem))
	clock.Add(15 * day)
	o.again()
	if v, err := o.Show(t.Context(), late.ID); err != nil || v.Change.State != change.Authorized {
		t.Fatalf("state %s (%v), want one that nobody took note of the end of", v.Change.State, err)
	}
	refused(t, o.effected(t, o.as("dana"), late.ID, testSystem), "effect_not_authorized")
}

// What was said of an asset since the approval is another matter: an approval is used for what stood when it was given, and
// not for ever after.
func TestAnOldApprovalDoesNotUndoWhatWasSaidSince(t *testing.T) {
	t.Parallel()
	clock := dbtest.NewClock()
	o := found(t, clock)
	before := clock.Now().UnixMicro()
	clock.Add(day / 24)
	c := o.authorized(t, loosening)
	o.ran(t, c.ID, 0)
	v, err := o.Show(t.Context(), c.ID)
	must(t, err)
	for _, slot := range v.Verify {
		_, err := o.Verify(t.Context(), o.as("sam"), c.ID, change.Verification{Slot: slot, Passed: true})
		must(t, err)
	}
	c, err = o.Close(t.Context(), o.as("sam"), c.ID, change.Successful, nil)
	must(t, err)
	want := testSystem
	want.Since = before
	must(t, o.effected(t, o.as("dana"), c.ID, want))
	clock.Add(day / 24)
	want.Since = clock.Now().UnixMicro()
	refused(t, o.effected(t, o.as("dana"), c.ID, want), "effect_overtaken")
}
