package change_test

import (
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

// What is foretold of a wording is what filing it would meet, so it is refused what filing is refused.
func TestNothingIsForetoldOfWhatCannotBeFiled(t *testing.T) {
	t.Parallel()
	o := company(t)
	bad := configChange(o)
	bad.Summary = "a\x1b[2J"
	_, err := o.Foresee(t.Context(), o.as("ann"), "", bad)
	refused(t, err, "bad_change")
	bad = configChange(o)
	bad.Implementers = []change.Executor{{Person: "nobody"}}
	_, err = o.Foresee(t.Context(), o.as("ann"), "", bad)
	refused(t, err, "unknown_person")
	d := dbtest.Open(t, dbtest.NewClock())
	desk := change.New(change.Config{DB: d, People: directory.New(d, make([]byte, 32))})
	plain := configChange(o)
	plain.Implementers = nil
	if _, err = desk.Foresee(t.Context(), o.as("ann"), "", plain); !fault.Is(err, "not_set_up") {
		t.Errorf("foretold without a policy: %v, want not_set_up", err)
	}
}

func TestADocumentIsOpenedByItsDigestOnly(t *testing.T) {
	t.Parallel()
	o := company(t)
	for _, digest := range []string{"", "../../etc/passwd", seal.Raw([]byte("never sent"))} {
		_, err := o.OpenDocument(t.Context(), digest)
		refused(t, err, "no_document")
	}
}

// The last word of somebody is their own, about an earlier wording.
func TestTheLastWordIsOnesOwn(t *testing.T) {
	t.Parallel()
	v := change.View{Change: change.Change{RevDigest: "new"}, Decisions: []change.Decision{{ID: "dec_1", Person: "per_sam", RevDigest: "old"},
		{ID: "dec_2", Person: "per_erin", RevDigest: "old"}, {ID: "dec_3", RevDigest: "old"}}}
	if d, ok := v.LastWord("per_sam"); !ok || d.ID != "dec_1" {
		t.Errorf("sam's last word is %+v, %v", d, ok)
	}
	if d, ok := v.LastWord(""); ok {
		t.Errorf("nobody's last word is %+v", d)
	}
}

func TestTheAgendaHoldsWhatIsPlannedThen(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	now := o.clock.Now()
	window := func(from, until time.Time) func(*change.Material) {
		return func(m *change.Material) { m.Window = change.Envelope{From: from, Until: until} }
	}
	want := o.submitted(t, window(now.Add(2*day), now.Add(3*day)))
	o.submitted(t, window(now.Add(day), now.Add(2*day)))
	o.submitted(t, window(now.Add(4*day), now.Add(5*day)))
	o.submitted(t)
	list, _, err := o.Agenda(t.Context(), now.Add(2*day).UnixMicro(), now.Add(4*day).UnixMicro())
	must(t, err)
	if len(list) != 1 || list[0].Change.ID != want.ID {
		t.Errorf("agenda = %+v, want %s alone", list, want.ID)
	}
}

// A week counts what was filed in it, and nothing that came before.
func TestWeeksCountWhatWasFiledInThem(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	o.submitted(t)
	o.clock.Add(14 * day)
	o.again()
	o.submitted(t)
	for more := true; more; {
		var err error
		more, err = o.Count(t.Context())
		must(t, err)
	}
	sum := func(weeks []change.Week) (n int64) {
		for _, w := range weeks {
			n += w.Filed
		}
		return n
	}
	for n, want := range map[int]int64{1: 1, 2: 1, 3: 2} {
		if weeks, _ := o.Weeks(n); sum(weeks) != want {
			t.Errorf("%d weeks count %d, want %d", n, sum(weeks), want)
		}
	}
}
