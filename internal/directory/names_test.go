package directory_test

import (
	"slices"
	"testing"
)

// Nobody can be named who may not come in.
func TestOnlyThoseWhoMayComeInCanBeNamed(t *testing.T) {
	t.Parallel()
	h := open(t)
	names := func() (out []string) {
		for _, a := range h.roster().Usable() {
			out = append(out, a.Username)
		}
		return out
	}
	before := names()
	if !slices.IsSorted(before) || !slices.Contains(before, "sam") {
		t.Errorf("names = %v, want everybody, sorted", before)
	}
	h.must(h.Disable(t.Context(), h.as("olga"), h.people["sam"], "left the company"))
	if after := names(); slices.Contains(after, "sam") || len(after) >= len(before) {
		t.Errorf("names = %v, want sam gone", after)
	}
}
