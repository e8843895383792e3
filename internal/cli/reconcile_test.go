package cli

import (
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/client"
)

// Who is shown a finding that waits for an answer is shown the answers; one that was answered needs none.
func TestAnOpenFindingSaysWhatCanBeDone(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]bool{"open": true, "waived": false, "reverting": false, "adopted": false} {
		var b strings.Builder
		if err := showFinding(&b, client.Finding{ID: "FND-000007", State: state}); err != nil {
			t.Fatal(err)
		}
		for _, answer := range []string{"waive FND-000007 --until 14d", "revert FND-000007 ", "adopt FND-000007 CHANGE"} {
			if got := strings.Contains(b.String(), "plumb reconcile "+answer); got != want {
				t.Errorf("%s: %q is shown: %v, want %v:\n%s", state, answer, got, want, b.String())
			}
		}
	}
}
