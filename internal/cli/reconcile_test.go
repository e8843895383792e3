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
		if err := showFinding(&b, client.Finding{ID: "FND-000007", State: state}, nil); err != nil {
			t.Fatal(err)
		}
		for _, answer := range []string{"waive FND-000007 --until 14d", "revert FND-000007 ", "adopt FND-000007 CHANGE"} {
			if got := strings.Contains(b.String(), "plumb reconcile "+answer); got != want {
				t.Errorf("%s: %q is shown: %v, want %v:\n%s", state, answer, got, want, b.String())
			}
		}
	}
}

// Who answered, when and why is what a reader of a waiver wants to know; what an adoption waits for, too.
func TestAnAnsweredFindingSaysWhoseAnswerItIs(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	f := client.Finding{ID: "FND-000007", State: "waived", Due: 1_800_000_000_000_000, Decider: "per_1", Decided: 1_700_000_000_000_000, Reason: "the sale needs it",
		Adopts: "CHG-000009", Next: "CHG-000009 is still a draft"}
	if err := showFinding(&b, f, map[string]string{"per_1": "Olga Ortega"}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"waived until 2027-01-15 08:00Z", "answered by  Olga Ortega, 2023-11-14 22:13Z", "the sale needs it", "waits for    CHG-000009 is still a draft"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing:\n%s", want, b.String())
		}
	}
}
