package changes

import (
	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/web/ui"
)

// Tone is what a state means at a glance.
func Tone(s change.State) ui.Tone {
	switch s {
	case change.AwaitingApproval, change.Assessing:
		return ui.Warn
	case change.Authorized, change.Scheduled:
		return ui.Good
	case change.Implementing, change.Verifying, change.InReview:
		return ui.Accent
	case change.Rejected, change.Expired:
		return ui.Bad
	}
	return ui.Calm
}
