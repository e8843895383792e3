package changes

import (
	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/policy"
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

func riskTone(risk string) ui.Tone {
	switch risk {
	case "high":
		return ui.Bad
	case "medium":
		return ui.Warn
	}
	return ui.Calm
}

func stateOptions() []ui.Option {
	out := []ui.Option{{Text: "any"}, {Value: "open", Text: "all open"}, {Value: "waiting", Text: "waiting for approval"},
		{Value: "ready", Text: "ready to run"}, {Value: "running", Text: "running or in review"}, {Value: "done", Text: "all done"}}
	return append(out, ui.Options(States...)...)
}

func categoryOptions(p *policy.Pack) []ui.Option {
	out := []ui.Option{{Text: "any"}}
	for _, c := range p.Categories {
		out = append(out, ui.Option{Value: c.Name, Text: ui.Words(c.Name)})
	}
	return out
}
