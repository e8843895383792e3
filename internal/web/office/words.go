package office

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/web/personal"
	"plumbline.dev/plumb/internal/web/ui"
)

// who is how filing names the person.
func (o one) who() string {
	for _, a := range o.Accounts {
		if a.Kind == directory.Local && a.Ended == 0 {
			return a.Username
		}
	}
	return string(o.Person.ID)
}

func accountPath(o one, a account, act string) string {
	return personPath(o.Person.ID) + "/account/" + string(a.ID) + "/" + act
}

func scopes(t directory.Token) string {
	out := make([]string, len(t.Scopes))
	for i, s := range t.Scopes {
		out[i] = string(s)
	}
	text := strings.Join(out, ", ")
	if t.Repo != "" {
		text += "; only " + t.Repo
	}
	if t.Pipe != "" {
		text += ", pipeline " + t.Pipe
	}
	if n := len(t.Sources); n == 1 && t.Sources[0] == fault.AnySource && slices.Contains(t.Scopes, directory.ScopeObserve) {
		text += "; to every source"
	} else if n > 0 && slices.Contains(t.Scopes, directory.ScopeObserve) {
		text += "; to " + fault.Count(n, "source", "sources")
	}
	return text
}

// scopeWords says what a scope lets a token do.
func scopeWords(s directory.Scope) string {
	switch s {
	case directory.ScopeRead:
		return "read: changes, policy and evidence"
	case directory.ScopeFile:
		return "file: write and edit changes"
	case directory.ScopeEvidence:
		return "evidence: add test results and documents"
	case directory.ScopeGate:
		return "gate: ask the gate, open and close it"
	case directory.ScopeAdmin:
		return "admin-read: people, the ledger and exports, where you may"
	case directory.ScopeObserve:
		return "observe: send the inventory what its sources read"
	}
	return string(s)
}

func repoHint(repos []string) string {
	if len(repos) == 0 {
		return "Only for a service account that an officer bound to one."
	}
	return "One of: " + strings.Join(repos, ", ")
}

func options(list []candidate) []ui.Option {
	out := make([]ui.Option, len(list))
	for i, c := range list {
		out[i] = ui.Option{Value: c.ID, Text: c.Name}
	}
	return out
}

func accountOptions(list []directory.Account) []ui.Option {
	out := []ui.Option{{Text: "yourself, for your own scripts"}}
	for _, a := range list {
		out = append(out, ui.Option{Value: string(a.ID), Text: "the service account " + a.Username})
	}
	return out
}

func verbs(list []string) string {
	if len(list) == 0 {
		return "all"
	}
	return strings.Join(list, ", ")
}

func deliveryTone(state string) ui.Tone {
	switch state {
	case "delivered":
		return ui.Good
	case "waiting":
		return ui.Warn
	case "given_up":
		return ui.Bad
	}
	return ui.Calm
}

// took is a duration as people read it.
func took(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return ui.Span(d)
}

// away says when somebody is out of office.
func away(f ui.Frame, a personal.Away) string {
	verb := "Out of office from "
	if a.At(f.Now) {
		verb = "Out of office since "
	}
	return verb + dayOf(a.From, f.Zone) + " until " + dayOf(a.Until-1, f.Zone) + "."
}

// sampleRefusal is the refusal on the page of components.
func sampleRefusal() *fault.Error {
	return fault.New(fault.NotFound, "no_page", "A refusal says what, in one sentence.").Because("two-approvals", "deploy/two-approvals").
		FixedBy("another holder of the role").Then("what to do next")
}

// words gives the parts of a field with white space or commas between them.
func words(s string) []string {
	return strings.FieldsFunc(s, func(c rune) bool { return c == ' ' || c == ',' || c == '\n' || c == '\r' || c == '\t' })
}

// day reads a day of a date field in a zone; ok is false for what is none.
func day(s string, zone *time.Location) (t time.Time, ok bool) {
	t, err := time.ParseInLocation(time.DateOnly, s, zone)
	return t, err == nil
}
