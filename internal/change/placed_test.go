package change_test

import (
	"fmt"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db/dbtest"
)

// replaces says what a change replaces, as it is shown.
func (o *office) replaces(t *testing.T, id change.ID) (out string) {
	t.Helper()
	v, err := o.Show(t.Context(), id)
	must(t, err)
	r, err := o.Read(t.Context(), o.as("sam"), id)
	must(t, err)
	if fmt.Sprint(v.Placed) != fmt.Sprint(r.Placed) {
		t.Errorf("the view says %v, the page %v", v.Placed, r.Placed)
	}
	for _, p := range v.Placed {
		out += fmt.Sprintf("%s on %v by %s", p.Name, p.Targets, p.Change)
		if p.Doubt != "" {
			out += " but " + string(p.Doubt)
		}
		out += ";"
	}
	return out
}

// What a file replaces is what the newest successful run put there that was not taken back; a run that failed, or of which nobody knows how
// it ended, puts that in doubt; another name or another place is another file; and after a run it stays what it replaced.
func TestWhatAFileReplacesFollowsFromTheRuns(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	on := func(targets ...string) func(*change.Material) {
		return func(m *change.Material) { m.Targets = targets }
	}
	run := func(c change.Change, exit int64) {
		t.Helper()
		o.clock.Add(time.Minute)
		o.ran(t, c.ID, exit)
		o.clock.Add(time.Minute)
	}
	says := func(c change.Change, want string, of ...change.ID) {
		t.Helper()
		list := make([]any, len(of))
		for i, id := range of {
			list[i] = id
		}
		if want = fmt.Sprintf(want, list...); o.replaces(t, c.ID) != want {
			t.Errorf("%s replaces %q, want %q", c.ID, o.replaces(t, c.ID), want)
		}
	}
	one := o.authorized(t, on("alpha", "beta"))
	says(one, "")
	run(one, 0)
	says(one, "")
	two := o.authorized(t, on("ALPHA", "gamma"))
	says(two, "app.conf on [ALPHA] by %s;", one.ID)
	says(o.submitted(t, on("alpha", "beta")), "app.conf on [alpha beta] by %s;", one.ID)
	says(o.submitted(t, on("gamma")), "")
	says(o.submitted(t, on("alpha"), func(m *change.Material) { m.Bindings[0].Name = "other.conf" }), "")

	run(two, 1)
	next := o.submitted(t, on("alpha", "gamma"))
	says(next, "app.conf on [alpha] by %s but %s;", one.ID, two.ID)
	p := o.opened(t, "ivo", back(two.ID))
	_, err := o.Finish(t.Context(), o.as("ivo"), report(p, 0))
	must(t, err)
	says(next, "app.conf on [alpha] by %s;", one.ID)

	three := o.authorized(t, on("alpha"))
	o.clock.Add(time.Minute)
	o.opened(t, "ivo", request(three.ID))
	o.clock.Add(2 * time.Hour)
	o.again()
	_, err = o.Tick(t.Context())
	must(t, err)
	says(next, "app.conf on [alpha] by %s but %s;", one.ID, three.ID)
	list, err := o.Permits(t.Context(), three.ID)
	must(t, err)
	_, err = o.Finish(t.Context(), o.as("ivo"), report(list[0], 0)) // it reports late, and that is the last word
	must(t, err)
	says(next, "app.conf on [alpha] by %s;", three.ID)
	says(three, "app.conf on [alpha] by %s;", one.ID)
	o.whole(t)
}
