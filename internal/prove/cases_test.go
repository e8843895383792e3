package prove_test

import (
	"bytes"
	"slices"
	"testing"

	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/prove"
)

// A pack gives its changes to try another policy on: the same as the server gives, and none where a byte of it was changed.
func TestAPackGivesItsChangesAsCases(t *testing.T) {
	t.Parallel()
	y := history(t)
	b := y.export(t, y.all())
	got, inForce, report, err := prove.Cases(t.Context(), bytes.NewReader(b), int64(len(b)), y.pinned())
	must(t, err)
	want, err := y.Desk.Cases(t.Context(), y.start, y.end)
	must(t, err)
	if !report.Whole() || int64(len(got)) != report.Counts.Changes || inForce == nil {
		t.Fatalf("%d cases of %d changes, policy %v", len(got), report.Counts.Changes, inForce)
	}
	for _, c := range want {
		i := slices.IndexFunc(got, func(x policy.Case) bool { return x.ID == c.ID })
		if i < 0 {
			t.Fatalf("%s is no case", c.ID)
		}
		a, x := inForce.Simulate([]policy.Case{c})[0], inForce.Simulate(got[i : i+1])[0]
		if a.Demand.Risk != x.Demand.Risk || len(a.Demand.Slots) != len(x.Demand.Slots) || a.Refused != x.Refused {
			t.Errorf("%s: the pack would have demanded %+v, the server says %+v", c.ID, x, a)
		}
	}
	if !slices.IsSortedFunc(got, func(a, b policy.Case) int { return len(a.ID) - len(b.ID) }) {
		t.Errorf("the cases are in no order: %v", got)
	}
	broken := bytes.Clone(b)
	broken[len(broken)/2] ^= 1
	got, inForce, report, err = prove.Cases(t.Context(), bytes.NewReader(broken), int64(len(broken)), y.pinned())
	if err != nil || report.Whole() || got != nil || inForce != nil {
		t.Errorf("a broken pack gives %d cases (%v)", len(got), err)
	}
}
