package home

import (
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
)

// What nobody moves is named with its reason; what is on its way is not.
func TestWhatNeedsSomebodyIsNamedWithItsReason(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) int64 { return now.Add(-d).UnixMicro() }
	for name, c := range map[string]struct {
		change change.Change
		want   string
	}{
		"a run that nobody reported":      {change.Change{State: change.Verifying, Updated: ago(0), Body: change.Body{Applied: change.Unknown}}, "nobody reported"},
		"a change on hold":                {change.Change{State: change.Authorized, Updated: ago(0), Body: change.Body{Hold: &change.Hold{Reason: "audit"}}}, "on hold: audit"},
		"approvals that end tomorrow":     {change.Change{State: change.Authorized, Updated: ago(0), Body: change.Body{Expires: ago(-23 * time.Hour)}}, "expire in 23 h"},
		"approvals that end in two days":  {change.Change{State: change.Authorized, Updated: ago(0), Body: change.Body{Expires: ago(-48 * time.Hour)}}, ""},
		"approvals of a change that runs": {change.Change{State: change.Implementing, Updated: ago(0), Body: change.Body{Expires: ago(-time.Hour)}}, ""},
		"a long verification":             {change.Change{State: change.Verifying, Updated: ago(longVerify + time.Hour)}, "verification"},
		"a short verification":            {change.Change{State: change.Verifying, Updated: ago(time.Hour)}, ""},
		"a long review":                   {change.Change{State: change.InReview, Updated: ago(longReview + time.Hour)}, "review"},
		"a change that waits":             {change.Change{State: change.AwaitingApproval, Updated: ago(time.Hour)}, ""},
	} {
		if got := needs(c.change, now); c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
