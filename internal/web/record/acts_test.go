package record_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/server/servertest"
)

// local is how a browser sends an instant of somebody in Berlin, where the company is.
func local(t *testing.T, at time.Time) string {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return at.In(zone).Format("2006-01-02T15:04")
}

// An author picks a slot inside the approved window on the page; outside of it nothing is picked, and what
// was typed comes back.
func TestAChangeIsScheduledOnItsPage(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	from := time.Now().Add(24 * time.Hour).Truncate(time.Minute)
	m := s.Material()
	m.Window = change.Envelope{From: from, Until: from.Add(4 * time.Hour)}
	var c change.Change
	s.As(servertest.Alice).Want(http.StatusCreated, "POST", "/changes", m).Into(&c)
	s.As(servertest.Alice).Want(http.StatusOK, "POST", at(c, "/submit"), map[string]any{}, servertest.Seen(c)...).Into(&c)
	s.Tested(c)
	alice := s.Browse(servertest.Alice)
	if p := alice.Get(at(c, "")); strings.Contains(p.Body, `action="`+at(c, "/schedule")) {
		t.Error("a time is offered before the change is approved")
	}
	for _, name := range []string{servertest.Sam, servertest.Erin} {
		s.As(name).Want(http.StatusOK, "POST", at(c, "/approve"), map[string]any{}, servertest.Seen(c)...).Into(&c)
	}
	if p := s.Browse(servertest.Sam).Get(at(c, "")); strings.Contains(p.Body, `action="`+at(c, "/schedule")) {
		t.Error("somebody who is no author is offered to choose the time")
	}
	form := alice.Get(at(c, "")).Wants(http.StatusOK, "Choose its time", "Inside the approved window").Form(at(c, "/schedule"))
	form.Set("start", local(t, from.Add(-time.Hour)))
	form.Set("end", local(t, from.Add(time.Hour)))
	back := alice.Post(at(c, "/schedule"), form).Form(at(c, "/schedule"))
	if back.Get("start") != form.Get("start") || s.Shown(c.ID).Change.State != change.Authorized {
		t.Errorf("outside the window: came back with %v, the change is %s", back, s.Shown(c.ID).Change.State)
	}
	form.Set("start", local(t, from.Add(time.Hour)))
	form.Set("end", local(t, from.Add(2*time.Hour)))
	alice.Follow(alice.Post(at(c, "/schedule"), form)).Wants(http.StatusOK, "The change is scheduled.")
	if now := s.Shown(c.ID).Change; now.State != change.Scheduled {
		t.Errorf("the change is %s", now.State)
	}
	s.Browse(servertest.Erin).Get("/changes/calendar?from="+from.Format(time.DateOnly)).Wants(http.StatusOK, string(c.ID))
}

// A conflict that may be accepted is accepted with a reason, by who may approve the change, on its page.
func TestAConflictIsAcceptedOnThePage(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	c := s.Submitted()
	s.As(servertest.Otto).Want(http.StatusCreated, "POST", "/windows", map[string]any{"kind": "freeze", "scope": map[string]any{"targets": []string{"web-test"}},
		"starts": time.Now().Add(-time.Minute), "ends": time.Now().Add(48 * time.Hour), "reason": "Year end"})
	alice, sam := s.Browse(servertest.Alice), s.Browse(servertest.Sam)
	if p := alice.Get(at(c, "")).Wants(http.StatusOK, "Year end"); strings.Contains(p.Body, at(c, "/acknowledge")) {
		t.Error("the author is offered to accept the conflict")
	}
	form := sam.Get(at(c, "")).Wants(http.StatusOK, "Accept the conflict with").Form(at(c, "/acknowledge"))
	sam.Post(at(c, "/acknowledge"), form).Wants(http.StatusBadRequest, "Accepting a conflict needs a reason.")
	form.Set("comment", "Only the test system")
	p := sam.Follow(sam.Post(at(c, "/acknowledge"), form)).Wants(http.StatusOK, "Only the test system")
	if strings.Contains(p.Body, `action="`+at(c, "/acknowledge")) {
		t.Error("an accepted conflict is offered to be accepted again")
	}
	alice.Post(at(c, "/acknowledge"), form).Wants(http.StatusForbidden)
}

// Where a change says who can still decide, it says who of them is out of office, until when, and who
// stands in; it takes nothing from them.
func TestWhoIsOutOfOfficeIsMarkedWhereTheyCouldDecide(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	c := s.Submitted()
	rita := s.Browse(servertest.Rita)
	if p := rita.Get(at(c, "")).Wants(http.StatusOK, "can still"); strings.Contains(p.Text(), "out of office") {
		t.Error("somebody is out of office before they said so")
	}
	away := func(name string, from, until time.Time) *servertest.Browser {
		b := s.Browse(name)
		b.Follow(b.Post("/profile/away", url.Values{"from": {from.Format(time.DateOnly)}, "until": {until.Format(time.DateOnly)}, "note": {"Emil\u202e stands in"}}))
		return b
	}
	day := 24 * time.Hour
	sam := away(servertest.Sam, time.Now().Add(-day), time.Now().Add(5*day))
	away(servertest.Erin, time.Now().Add(3*day), time.Now().Add(5*day)) // not yet
	p := rita.Get(at(c, "")).Wants(http.StatusOK, "out of office", "RLO", "stands in")
	if n := strings.Count(p.Text(), "out of office"); n != 1 || strings.Contains(p.Text(), "Everybody who can is out of office") {
		t.Errorf("%d are marked, want Sam only: %s", n, p.Text())
	}
	away(servertest.Sally, time.Now().Add(-day), time.Now().Add(5*day))
	rita.Get(at(c, "")).Wants(http.StatusOK, "Everybody who can is out of office")
	sam.Follow(sam.Post(at(c, "/approve"), sam.Get(at(c, "")).Form(at(c, "/approve")))).Wants(http.StatusOK, "Your approval is recorded")
}

// On paper a plan that is read in pages is whole in the record, and elsewhere it is said what is missing.
func TestALongPlanOnPaper(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	c := planned(t, s, bigPlan(t, 2100, func(i int) (string, string, string) { return `"create"`, "null", `{"input":"row"}` }), nil)
	sam := s.Browse(servertest.Sam)
	record := sam.Get(at(c, "/print")).Wants(http.StatusOK, "terraform_data.app[0]", "terraform_data.app[2099]")
	if n := strings.Count(record.Body, "terraform_data.app["); n < 2100 || strings.Contains(record.Text(), "does not hold the whole plan") {
		t.Errorf("the printed record holds %d of 2100 resources", n)
	}
	for _, main := range record.All("main") {
		for d := range main.Descendants() {
			if d.Data == "details" && !slices.ContainsFunc(d.Attr, func(a html.Attribute) bool { return a.Key == "open" }) {
				t.Fatalf("something is folded in the printed record: %s", servertest.Attr(d, "class"))
			}
		}
	}
	for _, path := range []string{"", "/plan?page=1"} {
		sam.Get(at(c, path)).Wants(http.StatusOK, "This print does not hold the whole plan, which has 2100 resources", at(c, "/print"))
	}
	if p := sam.Get(at(s.Filed(), "")); strings.Contains(p.Text(), "does not hold the whole plan") {
		t.Error("a change without a long plan says that its print is not whole")
	}
}
