package fault_test

import (
	"testing"

	"plumbline.dev/plumb/internal/fault"
)

func TestANumberHasItsWord(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0 findings wait", 1: "1 finding waits", 2: "2 findings wait"} {
		if got := fault.Count(n, "finding waits", "findings wait"); got != want {
			t.Errorf("%d reads %q, want %q", n, got, want)
		}
	}
}
