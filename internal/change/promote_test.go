package change_test

import (
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db/dbtest"
)

// What went well ten times in a row may be worth criteria of its own; one that did not starts the count anew.
// What is of another kind says nothing either way.
func TestTenSuccessesInARowSuggestAModel(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	done := func(code change.Closure, component string) {
		t.Helper()
		c := o.authorized(t, func(m *change.Material) { m.Components, m.Targets = []string{component}, []string{"web-test"} })
		o.ran(t, c.ID, 0)
		_, err := o.Close(t.Context(), o.as("sam"), c.ID, code, nil)
		must(t, err)
	}
	suggested := func() bool {
		t.Helper()
		c := o.submitted(t)
		x, err := o.ExplainChange(t.Context(), c.ID)
		must(t, err)
		return strings.Contains(strings.Join(x.Advice, " "), "standard model")
	}
	done(change.SuccessfulWithIssues, "web")
	for range 9 {
		done(change.Successful, "web")
	}
	done(change.Successful, "api")
	if suggested() {
		t.Error("a model is suggested after nine successes, and one of something else")
	}
	done(change.Successful, "web")
	done(change.SuccessfulWithIssues, "api")
	if !suggested() {
		t.Error("no model is suggested after ten successes, and issues of something else")
	}
	done(change.SuccessfulWithIssues, "web")
	if suggested() {
		t.Error("a model is suggested after one with issues")
	}
}
