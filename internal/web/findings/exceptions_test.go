package findings_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/server/servertest"
)

func TestAnExceptionIsProposedReviewedAndEndedByForms(t *testing.T) {
	t.Parallel()
	s := edited(t)
	alice, olga, rita := s.Browse(servertest.Alice), s.Browse(servertest.Olga), s.Browse(servertest.Rita)
	form := alice.Get("/exceptions/new?name=web-*&path=size").Wants(http.StatusOK, "New exception").Form("/exceptions/new")
	alice.Post("/exceptions/new", form).Wants(http.StatusBadRequest, "says in 10 to 2000 characters why")
	form.Set("reason", reason)
	form.Set("share", "most")
	alice.Post("/exceptions/new", form).Wants(http.StatusBadRequest, "is a whole number")
	form.Set("share", "20")
	form.Set("path", "*")
	alice.Post("/exceptions/new", form).Wants(http.StatusBadRequest, "a star alone is everything")
	form.Set("path", "size")
	alice.Follow(alice.Post("/exceptions/new", form)).Wants(http.StatusOK, "It is proposed.", "MUT-000001", "proposed", "would not have been raised", "web-1", reason, "policy statement (e)")
	const at = "/exceptions/MUT-000001"
	olga.Get("/").Wants(http.StatusOK, "Exceptions that wait for you (1)", "update size", "MUT-000001", "to review")
	for _, who := range []*servertest.Browser{alice, rita} {
		if p := who.Get("/"); strings.Contains(p.Body, "MUT-000001") {
			t.Error("an exception waits for who may not review it")
		}
	}
	alice.Post(at+"/accept", url.Values{}).Wants(http.StatusForbidden, "Who proposes an exception does not review it.")
	if p := rita.Get(at); strings.Contains(p.Body, at+"/accept") {
		t.Error("who may not review it is offered to")
	}
	rita.Post(at+"/end", url.Values{}).Wants(http.StatusForbidden, "decided by a Security Officer")
	olga.Follow(olga.Post(at+"/accept", url.Values{"reason": {"narrow"}})).Wants(http.StatusOK, "active", "The exception works until it expires.", "Olga")
	olga.Post(at+"/accept", url.Values{}).Wants(http.StatusConflict, "The exception is active.")
	if strings.Contains(olga.Get("/").Body, "MUT-000001") {
		t.Error("a reviewed exception still waits")
	}
	rita.Get("/exceptions?state=active").Wants(http.StatusOK, "MUT-000001", "size", "Alice")
	rita.Get("/exceptions?state=disabled").Wants(http.StatusOK, "No exception")
	rita.Get("/exceptions?state=asleep").Wants(http.StatusBadRequest, "cannot be filtered like that")
	rita.Get("/exceptions/MUT-000099").Wants(http.StatusNotFound, "no such exception")
	alice.Follow(alice.Post(at+"/end", url.Values{"reason": {"not needed"}})).Wants(http.StatusOK, "disabled", "not needed", "It explains nothing any more.")
}
