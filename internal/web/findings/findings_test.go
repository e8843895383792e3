package findings_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/server/servertest"
)

// edited is a server where somebody made web-1 larger past the gate.
func edited(t *testing.T) *servertest.Server {
	t.Helper()
	s := servertest.Start(t)
	s.Edited()
	return s
}

const reason = "the load of the sale needs it"

func TestAFindingShowsWhatItsAnswerNeedsAndTheThreeAnswersAreForms(t *testing.T) {
	t.Parallel()
	s := edited(t)
	rita, olga := s.Browse(servertest.Rita), s.Browse(servertest.Olga)
	rita.Get("/findings").Wants(http.StatusOK, "FND-000001", "size", "cx22", "cx52", "web-1", "open", "left", "100.0 %")
	p := rita.Get("/findings/fnd-1").Wants(http.StatusOK, "size of web-1", "cx22", "cx52", "between", "no source says who", "unauthorized",
		"No approved change, no run and no exception touches it.", "list", "nobody asserted one", "Security Officer", "policy statement (e)")
	if strings.Contains(p.Body, "<textarea") {
		t.Error("who may not answer is offered a form")
	}
	rita.Post("/findings/FND-000001/revert", url.Values{"reason": {reason}}).Wants(http.StatusForbidden, "answered by the owner")

	at := "/findings/FND-000001"
	olga.Get(at).Wants(http.StatusOK, "Take it back", "Adopt it by a change", "Leave it for a time")
	again := olga.Post(at+"/waive", url.Values{"reason": {"short"}, "until": {"2099-01-01T00:00"}}).Wants(http.StatusBadRequest, "says in 10 to 2000 characters why")
	if got := again.Form(at + "/waive").Get("until"); got != "2099-01-01T00:00" {
		t.Errorf("what was typed is gone: %q", got)
	}
	olga.Post(at+"/waive", url.Values{"reason": {reason}, "until": {"tomorrow"}}).Wants(http.StatusBadRequest, "is a day and a time")
	olga.Post(at+"/waive", url.Values{"reason": {reason}, "until": {"2099-01-01T00:00"}}).Wants(http.StatusBadRequest, "within 90 days")
	olga.Post(at+"/adopt", url.Values{"reason": {reason}, "change": {"nonsense"}}).Wants(http.StatusBadRequest, "is the id of a change")
	olga.Post(at+"/adopt", url.Values{"reason": {reason}, "change": {"CHG-000099"}}).Wants(http.StatusNotFound)
	earlier := s.Filed()
	olga.Post(at+"/adopt", url.Values{"reason": {reason}, "change": {string(earlier.ID)}}).Wants(http.StatusConflict, "does not name the finding")

	until := time.Now().Add(48 * time.Hour).Format("2006-01-02T15:04")
	olga.Follow(olga.Post(at+"/waive", url.Values{"reason": {reason}, "until": {until}})).Wants(http.StatusOK, "left as it is until then", "waived", reason, "Olga")
	olga.Get("/findings").Wants(http.StatusOK, "Nothing waits for an answer")
	olga.Follow(olga.Post(at+"/revert", url.Values{"reason": {reason}})).Wants(http.StatusOK, "when the reverse difference is observed", "reverting")
	s.Push("list", servertest.Table)
	s.Judged()
	rita.Get(at).Wants(http.StatusOK, "reverted", "The finding is reverted.", "Its differences, newest first (2)", "derived", "restores what was there before")
}

func TestFindingsAreFilteredAndExported(t *testing.T) {
	t.Parallel()
	s := edited(t)
	s.Push("list", strings.Replace(servertest.Table, "10.0.0.2,cx42", "10.0.0.2,cx62", 1))
	s.Judged()
	rita := s.Browse(servertest.Rita)
	for query, want := range map[string][2]string{
		"asset=db-1":                 {"FND-000002", "FND-000001"},
		"state=all":                  {"FND-000001", "nothing at all"},
		"environment=prod":           {"FND-000002", "nothing at all"},
		"environment=test":           {"No finding fits", "FND-000001"},
		"severity=low":               {"No finding fits", "FND-000001"},
		"state=waived":               {"No finding fits", "FND-000001"},
		"asset=none":                 {"No finding fits", "FND-000001"},
		"after=1":                    {"Back to the first page", "FND-000001"},
		"state=open&severity=medium": {"FND-000001", "nothing at all"},
	} {
		p := rita.Get("/findings?"+query).Wants(http.StatusOK, want[0])
		if strings.Contains(p.Text(), want[1]) {
			t.Errorf("%s shows %s", query, want[1])
		}
	}
	for _, bad := range []string{"state=nonsense", "severity=worst", "environment=moon"} {
		rita.Get("/findings?"+bad).Wants(http.StatusBadRequest, "cannot be filtered like that")
	}
	rita.Get("/findings/FND-000099").Wants(http.StatusNotFound, "no such finding")
	rita.Get("/findings/%00").Wants(http.StatusBadRequest)
	rows, err := csv.NewReader(strings.NewReader(rita.Get("/export/findings/csv?state=all").Wants(http.StatusOK).Body)).ReadAll()
	if err != nil || len(rows) != 3 || !strings.Contains(strings.Join(rows[1], " "), "cx62") {
		t.Errorf("%v: %q", err, rows)
	}
	rita.Get("/export/findings/pdf").Wants(http.StatusNotFound)
	if p := rita.Get("/search?q=fnd-2"); p.Header.Get("Location") != "/findings/FND-000002" {
		t.Errorf("searching a finding leads to %q", p.Header.Get("Location"))
	}
	rita.Get("/search?q=web-1").Wants(http.StatusOK, "Findings that wait", "size of web-1")
}

// A server that runs both tiers is no difference that a change could ask for: it is set apart, or left for a time.
func TestAServerThatRunsBothTiersIsAFindingOnItsPage(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	s.Stock()
	s.Judged()
	s.Push("list", strings.Replace(servertest.Table, "10.0.0.1,cx22", "10.0.0.1,cx52", 1)) // judged after the look at what runs where
	s.Judged()
	olga := s.Browse(servertest.Olga)
	at := "/findings/FND-000001"
	p := olga.Get(at).Wants(http.StatusOK, "tiers of app-1", "frontend shop; backend billing", "unseparated", "Policy wants them apart", "Take it back", "Leave it for a time")
	if strings.Contains(p.Text(), "Adopt it by a change") {
		t.Error("a change is offered to adopt it")
	}
	olga.Get("/findings/FND-000002").Wants(http.StatusOK, "size of web-1", "Adopt it by a change")
	until := time.Now().Add(48 * time.Hour).Format("2006-01-02T15:04")
	olga.Follow(olga.Post(at+"/waive", url.Values{"reason": {reason}, "until": {until}})).Wants(http.StatusOK, "waived")
}

// A host that shows ever new things is collected; its page shows what is held, and answers for exactly that.
func TestAFloodIsOnOnePageAndAnsweredAsItWasSeen(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	s.As(servertest.Olga).Want(http.StatusCreated, "POST", "/sources", map[string]any{"name": "hosts", "kind": "csv"})
	flood := func(columns int) string {
		head, row := "name,class,environment", "web-9,Host,prod"
		for n := range columns {
			head, row = head+fmt.Sprintf(",noise%02d", n), row+",1"
		}
		return head + "\n" + row + "\n"
	}
	for _, columns := range []int{0, 60} {
		s.Push("hosts", flood(columns))
		s.Judged()
	}
	at := "/findings/FND-000051"
	olga := s.Browse(servertest.Olga)
	olga.Get(at).Wants(http.StatusOK, "10 more differences of web-9", "critical", "What it holds, doors first (10)", "noise59", "10 places are not as before")
	olga.Post(at+"/revert", url.Values{"reason": {reason}}).Wants(http.StatusConflict, "answered by who looked at all that it holds")
	olga.Get(at).Form(at + "@10/revert") // the page answers for what it shows
	s.Push("hosts", flood(61))
	s.Judged()
	olga.Post(at+"@10/revert", url.Values{"reason": {reason}}).Wants(http.StatusConflict, "answered by who looked at all that it holds")
	olga.Follow(olga.Post(at+"@11/revert", url.Values{"reason": {reason}})).Wants(http.StatusOK, "reverting")
}
