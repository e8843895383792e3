package change_test

import (
	"testing"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db/dbtest"
)

// Whoever looks for a change by the words of its summary finds it: by the begin of words, whatever their
// case and accents, and by the new wording after it was reworded.
func TestChangesAreFoundByTheirWords(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	file := func(summary string) change.Change {
		m := configChange(o)
		m.Summary = summary
		c, err := o.Desk.File(t.Context(), o.as("ann"), m)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	cafe, idle := file("Longer session at the Café"), file("Idle timeout of 15 minutes")
	index := func() {
		t.Helper()
		for more := true; more; {
			var err error
			if more, err = o.Desk.Index(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	index()
	finds := func(question string, want ...change.ID) {
		t.Helper()
		list, err := o.Desk.Search(t.Context(), question, 10)
		if err != nil {
			t.Fatal(err)
		}
		got := []change.ID{}
		for _, c := range list {
			got = append(got, c.ID)
		}
		if len(got) != len(want) || len(want) > 0 && got[0] != want[0] {
			t.Errorf("%q finds %v, want %v", question, got, want)
		}
	}
	finds("cafe", cafe.ID)
	finds("CAFÉ sess", cafe.ID)
	finds("15 min", idle.ID)
	finds("timeout session")
	finds("%_' OR 1=1")
	finds("")
	m := configChange(o)
	m.Summary = "Shorter nap"
	if _, err := o.Desk.Edit(t.Context(), o.as("ann"), idle.ID, idle.RevDigest, m); err != nil {
		t.Fatal(err)
	}
	index()
	finds("timeout")
	finds("nap", idle.ID)
	if more, err := o.Desk.Index(t.Context()); more || err != nil {
		t.Errorf("an index that is whole has more to do: %v, %v", more, err)
	}
}

// The weekly figures count each change once, in the week that it was filed in, as it stands now.
func TestWeeklyFiguresFollowTheChanges(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	for range 3 {
		if _, err := o.Desk.File(t.Context(), o.as("ann"), configChange(o)); err != nil {
			t.Fatal(err)
		}
	}
	if _, whole := o.Desk.Weeks(4); whole {
		t.Error("figures that nobody counted are called whole")
	}
	for range 2 { // counting again counts nothing twice
		if more, err := o.Desk.Count(t.Context()); more || err != nil {
			t.Fatal(more, err)
		}
	}
	weeks, whole := o.Desk.Weeks(4)
	if !whole || len(weeks) != 4 || weeks[3].Filed != 3 || weeks[2].Filed != 0 {
		t.Errorf("the weeks are %+v, whole %v; want 3 filed in the last of 4", weeks, whole)
	}
}
