package rulebook_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/server/servertest"
)

// The policy in force is read as a document; each clause of the written policy says what keeps it, how
// often it was applied, and plainly where nothing keeps it.
func TestThePolicyIsReadAndItsCoverageSaid(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	c := s.Submitted()
	b := s.Browse(servertest.Rita)
	b.Get("/policy").Wants(http.StatusOK, "two-approvals", "Never approve", "Security Lead")
	p := b.Get("/policy/coverage").Wants(http.StatusOK, "nothing keeps it", "To come:", "applied to 1, last to", string(c.ID))
	open := 0
	for _, row := range p.All("tr") {
		if servertest.Attr(row, "class") == "status-open" {
			open++
		}
	}
	if open == 0 {
		t.Error("no clause is said to be kept by nothing, though much is still to come")
	}
	b.Get("/policy/history").Wants(http.StatusOK, "the first start")
	b.Get("/policy/explain?change="+string(c.ID)).Wants(http.StatusOK, "rules do not apply", "two-approvals")
	b.Get("/policy/explain?change=CHG-99").Wants(http.StatusNotFound)
	b.Get("/policy/diff?from=sha256:1&to=sha256:2").Wants(http.StatusNotFound)
}

// A pack is tried on past changes; the one in force would have demanded the same of all of them. What is
// no pack is refused and tries nothing.
func TestAPackIsTriedOnPastChanges(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	s.Submitted()
	b := s.Browse(servertest.Rita)
	page := b.Get("/policy/simulate")
	form := page.Form("/policy/simulate")
	form.Del("archive")
	b.Send("/policy/simulate", form).Wants(http.StatusOK, "something else of 0 changes, and the same of 1")
	b.Send("/policy/simulate", form, servertest.Upload{Field: "archive", Name: "pack.json", Body: []byte(`{"files":[]}`)}).Wants(http.StatusBadRequest)
	b.Send("/policy/simulate", url.Values{"from": {"x"}, "to": {"y"}, "pack": {form.Get("pack")}}).Wants(http.StatusBadRequest, "is a day")
	if strings.Contains(page.Body, "would have demanded something else of") {
		t.Error("a page on which nothing was tried tells an outcome")
	}
}
