package change_test

import (
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/seal"
)

// Beforehand one is told who could approve: holders of the roles, without whom the wording excludes.
func TestWhoCouldApproveIsForeseen(t *testing.T) {
	t.Parallel()
	o := company(t)
	m := configChange(o)
	m.Implementers = []change.Executor{{Person: "steve"}} // a security lead who will carry it out
	f, err := o.Foresee(t.Context(), o.as("ann"), "", m)
	must(t, err)
	if !f.Complete() || f.Gap != nil {
		t.Errorf("forecast = %+v, want a complete wording that people can approve", f)
	}
	could := map[string][]string{}
	for _, s := range f.Slots {
		for _, c := range s.Could {
			could[s.Role] = append(could[s.Role], f.Names[c.Person])
		}
	}
	if got := could["security-lead"]; len(got) != 1 || got[0] != "sam" {
		t.Errorf("security leads who could = %v, want sam alone: steve carries it out", got)
	}
	if len(could["engineering-lead"]) != 2 {
		t.Errorf("engineering leads who could = %v, want both", could["engineering-lead"])
	}
}

func TestWhatIsMissingIsForeseen(t *testing.T) {
	t.Parallel()
	o := company(t)
	f, err := o.Foresee(t.Context(), o.as("ann"), "", change.Material{Type: "normal", Category: "deploy"})
	must(t, err)
	if f.Complete() || !f.Unbound || len(f.Unfilled) < 10 || f.Demand == nil {
		t.Errorf("forecast of an empty deploy = %+v, want everything missing", f)
	}
	_, err = o.Foresee(t.Context(), o.as("ann"), "", change.Material{Type: "normal", Category: "no such thing"})
	refused(t, err, "unknown_category")
	f, err = o.Foresee(t.Context(), o.as("ann"), "", change.Material{Type: "standard", Category: "feature-toggle", Model: "toggle-in-app", Targets: []string{"billing-prod"}})
	must(t, err)
	if f.Complete() || f.Demand != nil || f.Refused != "never_standard" {
		t.Errorf("forecast = %+v, want the policy's refusal", f)
	}
}

// A wording that nobody could approve says so before anybody is asked.
func TestAGapIsForeseen(t *testing.T) {
	t.Parallel()
	o := company(t)
	m := configChange(o)
	m.Implementers = []change.Executor{{Person: "sam"}, {Person: "steve"}}
	f, err := o.Foresee(t.Context(), o.as("ann"), "", m)
	must(t, err)
	if f.Gap == nil || f.Gap.Role != "security-lead" || f.Complete() {
		t.Errorf("gap = %+v, want no security lead left", f.Gap)
	}
}

func TestAFreezeAtTheBeginOfTheWindowIsForeseen(t *testing.T) {
	t.Parallel()
	o := company(t)
	m := configChange(o)
	m.Targets = []string{seal.NewID("host")}
	m.Window = change.Envelope{From: o.clock.Now().Add(48 * time.Hour), Until: o.clock.Now().Add(50 * time.Hour)}
	w, err := o.SetWindow(t.Context(), o.as("olga"), change.Window{Kind: change.FreezeKind, Scope: change.Scope{Targets: m.Targets}, Hard: true,
		Starts: m.Window.From.Add(-time.Hour).UnixMicro(), Ends: m.Window.Until.UnixMicro(), Reason: "year end"})
	must(t, err)
	f, err := o.Foresee(t.Context(), o.as("ann"), "", m)
	must(t, err)
	if len(f.Conflicts) != 1 || f.Conflicts[0].With != w.ID || f.Conflicts[0].Severity != "block" {
		t.Errorf("conflicts = %+v, want the freeze", f.Conflicts)
	}
}

// Of a standard change each criterion is told, evidence that is still to come among those that do not hold.
func TestCriteriaAreForeseen(t *testing.T) {
	t.Parallel()
	o := company(t)
	m := change.Material{Type: "standard", Category: "feature-toggle", Model: "toggle-in-app", Summary: "Switch", Components: []string{"web"}, Targets: []string{"web-test"}}
	f, err := o.Foresee(t.Context(), o.as("ann"), "", m)
	must(t, err)
	if f.Auto == nil || f.Auto.Passed || f.Auto.Why == "" {
		t.Errorf("criteria = %+v, want a model that is not activated yet", f.Auto)
	}
}

// A new wording is foreseen with everybody who wrote an earlier one.
func TestEarlierAuthorsStayExcluded(t *testing.T) {
	t.Parallel()
	o := company(t)
	c := o.submitted(t)
	m := configChange(o)
	f, err := o.Foresee(t.Context(), o.as("ivo"), c.ID, m)
	must(t, err)
	var out []string
	for _, x := range f.Excluded {
		out = append(out, x.Name)
	}
	if len(out) != 2 {
		t.Errorf("excluded = %v, want ann, who filed it, and ivo", out)
	}
}
