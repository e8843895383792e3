package campaigns_test

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/server/servertest"
)

// opened is a server with a campaign over its hosts, which Rita reviews: CMP-000001.
func opened(t *testing.T) (*servertest.Server, *servertest.Browser) {
	t.Helper()
	s := servertest.Start(t)
	s.Stock()
	olga := s.Browse(servertest.Olga)
	form := olga.Get("/campaigns/new").Wants(http.StatusOK, "New campaign").Form("/campaigns/new")
	form.Set("name", "Hosts, autumn")
	form.Set("class", "Host")
	form.Set("fallbacks", "rita")
	olga.Post("/campaigns/new", form).Wants(http.StatusBadRequest, "is a day and a time")
	form.Set("due", time.Now().Add(240*time.Hour).Format("2006-01-02T15:04"))
	form.Set("fallbacks", "ghost")
	again := olga.Post("/campaigns/new", form).Wants(http.StatusBadRequest, "who is not one active person")
	if got := again.Form("/campaigns/new").Get("name"); got != "Hosts, autumn" {
		t.Errorf("what was typed is gone: %q", got)
	}
	form.Set("fallbacks", "rita")
	form.Set("share", "many")
	olga.Post("/campaigns/new", form).Wants(http.StatusBadRequest, "0 to 100 per cent")
	form.Set("share", "100")
	olga.Follow(olga.Post("/campaigns/new", form)).Wants(http.StatusOK, "The campaign is open", "running", "open", "Rita", "class Host", "have no answer that still holds")
	return s, olga
}

var item = regexp.MustCompile(`/campaigns/CMP-000001/items/AST-[0-9]+`)

func TestACampaignIsAnsweredAndSignedByForms(t *testing.T) {
	t.Parallel()
	s, olga := opened(t)
	rita, alice := s.Browse(servertest.Rita), s.Browse(servertest.Alice)
	home := rita.Get("/").Wants(http.StatusOK, "Campaigns that ask you", "Hosts, autumn", "web-1")
	if !item.MatchString(home.Body) {
		t.Error("the home page does not lead to the assets that wait")
	}
	list := item.FindAllString(rita.Get("/campaigns/CMP-000001?mine=yes").Wants(http.StatusOK, "you").Body, -1)
	if len(list) == 0 {
		t.Fatal("nothing waits for the reviewer")
	}
	first := rita.Get(list[0]).Wants(http.StatusOK, "As it is now", "It has not changed.").Form(list[0])
	if strings.Contains(alice.Get(list[0]).Wants(http.StatusOK, "reviews it").Body, "<textarea") {
		t.Error("who does not review it is offered the form")
	}
	first.Set("word", "confirmed")
	alice.Post(list[0], first).Wants(http.StatusForbidden, "Another person reviews that asset.")
	rita.Post(list[0], url.Values{"word": {"perhaps"}, "version": first["version"]}).Wants(http.StatusBadRequest, "is confirmed, wrong or not_needed")
	rita.Post(list[0], url.Values{"word": {"wrong"}, "version": first["version"]}).Wants(http.StatusBadRequest, "says what is wrong")
	rita.Post(list[0], url.Values{"word": {"confirmed"}, "version": {"999"}}).Wants(http.StatusPreconditionFailed, "another now")
	rita.Post(list[0], url.Values{"word": {"confirmed"}, "version": {"x"}}).Wants(http.StatusBadRequest, "which version")
	for _, at := range list {
		form := rita.Get(at).Form(at)
		form.Set("word", "confirmed")
		p := rita.Post(at, form)
		if p.Status == http.StatusConflict { // nobody gave it an owner, and a default is confirmed by nobody
			p.Wants(http.StatusConflict, "a default is confirmed by nobody")
			form.Set("word", "wrong")
			form.Set("field", "owner")
			form.Set("comment", "nobody looks after it")
			p = rita.Post(at, form)
		}
		rita.Follow(p).Wants(http.StatusOK, "Your answer is recorded.")
	}
	rita.Get("/campaigns/CMP-000001?standing=wrong").Wants(http.StatusOK, "nobody looks after it")
	rita.Post("/campaigns/CMP-000001/sign", nil).Wants(http.StatusForbidden)
	if strings.Contains(rita.Get("/").Text(), "Campaigns that ask you") {
		t.Error("what was answered for still waits for the reviewer")
	}
	for i, who := range []*servertest.Browser{olga, s.Browse(servertest.Otto)} {
		who.Get("/").Wants(http.StatusOK, "Campaigns that ask you", "to sign")
		form := who.Get("/campaigns/CMP-000001").Wants(http.StatusOK, "Sign the answers").Form("/campaigns/CMP-000001/sign")
		who.Post("/campaigns/CMP-000001/sign", url.Values{"result": {"sha256:00"}}).Wants(http.StatusPreconditionFailed, "others now")
		who.Follow(who.Post("/campaigns/CMP-000001/sign", form)).Wants(http.StatusOK, []string{"One more signature", "the campaign is closed"}[i])
	}
	rita.Get("/campaigns").Wants(http.StatusOK, "CMP-000001", "signed")
	rows, err := csv.NewReader(strings.NewReader(olga.Get("/campaigns/CMP-000001/export/csv").Wants(http.StatusOK).Body)).ReadAll()
	if err != nil || len(rows) < 1+len(list) {
		t.Errorf("%d rows for %d assets, %v", len(rows), len(list), err)
	}
	if p := rita.Get("/campaigns/CMP-000001/export/csv").Wants(http.StatusOK); len(p.Body) == 0 {
		t.Error("who may read the list may not take it along")
	}
}

func TestACampaignThatIsNotThereOrAskedForWronglyIsRefused(t *testing.T) {
	t.Parallel()
	s, olga := opened(t)
	rita := s.Browse(servertest.Rita)
	rita.Get("/campaigns/CMP-000099").Wants(http.StatusNotFound, "no such campaign")
	rita.Get("/campaigns/CMP-000001/items/AST-999999").Wants(http.StatusNotFound, "does not hold that asset")
	rita.Get("/campaigns/CMP-000001?standing=upright").Wants(http.StatusBadRequest, "cannot be filtered like that")
	rita.Get("/campaigns/CMP-000001?after=nothing").Wants(http.StatusOK, "Rita")
	rita.Get("/campaigns?before=x").Wants(http.StatusOK, "Hosts, autumn")
	rita.Get("/campaigns?before=1").Wants(http.StatusOK, "Back to the first page")
	rita.Get("/campaigns/new").Wants(http.StatusForbidden)
	olga.Get("/campaigns/CMP-000001/export/pdf").Wants(http.StatusNotFound)
}
