package findings

import (
	"strings"
	"time"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/reconcile"
	"plumbline.dev/plumb/internal/web/ui"
)

func severityTone(s reconcile.Severity) ui.Tone {
	switch s {
	case reconcile.Critical, reconcile.High:
		return ui.Bad
	case reconcile.Medium:
		return ui.Warn
	}
	return ui.Calm
}

// StateTone is the colour of where a finding stands.
func StateTone(state string) ui.Tone {
	switch state {
	case reconcile.Open:
		return ui.Bad
	case reconcile.Adopting, reconcile.Reverting:
		return ui.Accent
	case reconcile.Waived:
		return ui.Warn
	}
	return ui.Good
}

// DispositionTone is the colour of what a difference was found to be.
func DispositionTone(d reconcile.Disposition) ui.Tone {
	switch {
	case d == reconcile.Exact:
		return ui.Good
	case d.Explains():
		return ui.Accent
	case d == reconcile.OutOfScope:
		return ui.Warn
	}
	return ui.Bad
}

// means says what a disposition is, in a sentence.
func means(d reconcile.Disposition) string {
	switch d {
	case reconcile.Exact:
		return "A run reported the resource as done, with the approved value."
	case reconcile.Scoped:
		return "The attribute and its value were approved, and the change ran."
	case reconcile.Derived:
		return "It follows from what is explained."
	case reconcile.Standing:
		return "A reviewed, expiring exception covers it."
	case reconcile.OutOfScope:
		return "Something was approved or ran at that time, but not this."
	case reconcile.Unseparated:
		return "Frontend and backend run on one server or container. Policy wants them apart, whoever approved them."
	case reconcile.Unseen:
		return "The change was closed as successful while this was awaited. Sources that read since do not show it."
	}
	return "No approved change, no run and no exception touches it."
}

// Told says in a few words what a finding is about, without its values.
func Told(f reconcile.Finding) string {
	switch {
	case f.Collects:
		return fault.Count(f.Count, "more difference", "more differences") + " of " + f.Name
	case f.Disposition == reconcile.Unseen:
		return fault.Count(f.Count, "approved effect", "approved effects") + " of " + f.Change + " not seen on " + f.Name
	case f.Op == inventory.Created:
		return f.Name + " appeared"
	case f.Op == inventory.Deleted:
		return f.Name + " is gone"
	}
	return f.Path + " of " + f.Name
}

// clock says how much of its time a finding has left.
type clock struct {
	Text string
	Tone ui.Tone
}

// clockOf says until when somebody answers for a finding, or until when a waiver holds; the zero clock where nobody has to any more.
func clockOf(f reconcile.Finding, now time.Time) clock {
	left := ui.At(f.Due).Sub(now)
	switch {
	case f.State == reconcile.Waived:
		return clock{"waived for " + ui.Span(max(left, 0)) + " more", ui.Calm}
	case !f.Waits():
		return clock{}
	case left <= 0:
		return clock{"overdue by " + ui.Span(-left), ui.Bad}
	case left < 6*time.Hour:
		return clock{ui.Span(left) + " left", ui.Warn}
	}
	return clock{ui.Span(left) + " left", ui.Calm}
}

// claimed says what a claim allows.
func claimed(c reconcile.Claim) string {
	out := []string{c.Verb, c.Address}
	if c.Path != "" {
		out = append(out, c.Path)
	}
	return strings.Join(out, " ")
}

// approved says the value that a claim allows; "" where it names none.
func approved(c reconcile.Claim) string {
	switch {
	case c.Open:
		return "known only after the run"
	case len(c.After) > 0:
		return c.After[0].Plain()
	}
	return ""
}

func stateChoices() []ui.Option {
	out := []ui.Option{{Value: waiting, Text: "waiting for an answer"}, {Value: every, Text: "all"}}
	return append(out, ui.Options(reconcile.States()...)...)
}

func severityChoices() []ui.Option {
	out := []ui.Option{{Text: "any"}}
	for _, s := range reconcile.Severities() {
		out = append(out, ui.Option{Value: string(s), Text: string(s)})
	}
	return out
}

// longest is how many characters of a value a line shows; the finding's page has the whole.
const longest = 60

func short(s string) string {
	if r := []rune(s); len(r) > longest {
		return string(r[:longest-1]) + "…"
	}
	return s
}

// comma puts a clause behind the rule that it is of.
func comma(clause string) string {
	if clause == "" {
		return ""
	}
	return ", " + clause
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
