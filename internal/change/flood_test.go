package change_test

import (
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/ledger"
)

// verdicts lists the outcomes of the gate's events of a verb about a change, with their counts.
func (o *office) verdicts(t *testing.T, id change.ID, verb string) (out []string) {
	t.Helper()
	must(t, o.db.View(t.Context(), func(tx *db.Tx) error {
		list, err := ledger.OfObject(tx, string(id), 0, 1000)
		for _, e := range list {
			if e.Leaf.Verb == verb {
				repeated, _, _ := strings.Cut(afterText(e.Detail, `"repeated":`), ",")
				out = append(out, e.Leaf.Actor.Account+" "+strings.TrimSuffix(repeated, "}"))
			}
		}
		return err
	}))
	return out
}

func afterText(s, mark string) string {
	_, after, _ := strings.Cut(s, mark)
	return after
}

// A pipeline that asks in a loop gets its answer each time; the ledger says once what it was told, and once
// a minute how often.
func TestAPipelineInALoopDoesNotGrowTheLedger(t *testing.T) {
	t.Parallel()
	o := company(t)
	c := o.submitted(t)
	advise := request(c.ID)
	advise.Advisory = true
	for range 50 {
		v, err := o.Open(t.Context(), o.as("ivo"), request(c.ID))
		must(t, err)
		if v.Permit != nil || v.Code == 0 {
			t.Fatalf("verdict = %+v", v)
		}
		_, err = o.Check(t.Context(), o.as("ivo"), advise)
		must(t, err)
	}
	want := func(verb string, n int) {
		t.Helper()
		if got := o.verdicts(t, c.ID, verb); len(got) != n {
			t.Errorf("%s: %v, want %d", verb, got, n)
		}
	}
	want("gate.denied", 1)
	want("gate.advised", 1)
	_, err := o.Open(t.Context(), o.as("pia"), request(c.ID)) // somebody else, for another reason
	must(t, err)
	want("gate.denied", 2)
	o.clock.Add(61 * time.Second)
	_, err = o.Open(t.Context(), o.as("ivo"), request(c.ID)) // another minute
	must(t, err)
	want("gate.denied", 3)
	must(t, o.FlushVerdicts(t.Context()))
	must(t, o.FlushVerdicts(t.Context()))
	want("gate.denied", 4)
	want("gate.advised", 2)
	for _, verb := range []string{"gate.denied", "gate.advised"} {
		got := o.verdicts(t, c.ID, verb)
		if last := got[len(got)-1]; last != o.as("ivo").Account+" 49" {
			t.Errorf("%s is summed up as %q", verb, last)
		}
	}
	o.whole(t)
}
