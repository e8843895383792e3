package record_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/server/servertest"
)

const testHost = "name,class,type,environment,classification,workers\nweb-test,host,rack_server,test,internal,2\n"

// What was approved is looked for in production; the page of the change says what was seen, and what keeps it open.
func TestTheChangeSaysWhatProductionShows(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	s.As(servertest.Olga).Want(201, "POST", "/sources", map[string]any{"name": "list", "kind": "csv"})
	s.Push("list", testHost)
	c := s.Ran()
	rita := s.Browse(servertest.Rita)
	for tick := time.Tick(100 * time.Millisecond); !strings.Contains(rita.Get(at(c, "")).Text(), "What production shows"); {
		<-tick // the server freezes the effects of an approved change behind its approval
	}
	s.Push("list", strings.Replace(testHost, "internal,2", "internal,8", 1))
	s.Judged()
	rita.Get(at(c, "")).Wants(http.StatusOK, "It cannot be closed as successful: 1 approved effect is not what was seen.", "1 observed differently", "web-test", "workers", "8")
	s.Push("list", strings.Replace(testHost, "internal,2", "internal,4", 1))
	s.Judged()
	p := rita.Get(at(c, "")).Wants(http.StatusOK, "1 observed", "1 difference that it explains", "scoped", "AST-000001")
	if strings.Contains(p.Text(), "cannot be closed") {
		t.Errorf("what was seen as approved still keeps the change open: %s", p.Text())
	}
	rita.Get(at(c, "/observed?end=observed")).Wants(http.StatusOK, "workers", "Show all outcomes")
	rita.Get(at(c, "/observed?after=x")).Wants(http.StatusOK, "workers")
	rita.Get(at(c, "/observed?end=none")).Wants(http.StatusOK, "Outcomes")
	rita.Get(at(c, "/print")).Wants(http.StatusOK, "What production shows")
	rita.Get("/inventory/AST-000001").Wants(http.StatusOK, "scoped", string(c.ID))
	rita.Get("/changes/CHG-000099/observed").Wants(http.StatusNotFound)
}

// Who approves a change that asks for a finding after the fact sees that finding, before and after.
func TestAChangeShowsWhatItAsksForAfterTheFact(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	s.Edited()
	m := s.Material()
	m.Justification, m.Targets = "Adopts FND-000001: the load of the sale needs it", []string{"web-1"}
	var c change.Change
	s.As(servertest.Alice).Want(http.StatusCreated, "POST", "/changes", m).Into(&c)
	rita := s.Browse(servertest.Rita)
	if strings.Contains(rita.Get(at(c, "")).Wants(http.StatusOK).Text(), "Asks after the fact for") {
		t.Error("a change that nobody named asks for a finding")
	}
	s.As(servertest.Olga).Want(http.StatusOK, "POST", "/findings/FND-000001/adopt", map[string]any{"reason": "seen and looked into", "change": string(c.ID)})
	for _, page := range []string{"", "/print"} {
		rita.Get(at(c, page)).Wants(http.StatusOK, "Asks after the fact for", "FND-000001", "size of web-1", "adopting")
	}
}
