//go:build browser

package browser_test

import (
	"testing"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/server/servertest"
)

// place is one page to look at.
type place struct {
	Path   string `json:"path"`
	Status int    `json:"status,omitzero"`
}

// seed fills a server so that each page has something to show, and lists the pages.
func seed(t *testing.T, s *servertest.Server) []place {
	t.Helper()
	done, waits := s.Approved(), s.Submitted()
	s.Tested(waits)
	s.Filed()
	s.Stock()
	at := func(c change.Change, path string) place { return place{Path: "/changes/" + string(c.ID) + path} }
	out := []place{at(done, ""), at(waits, ""), at(waits, "/print"), at(waits, "/evidence"), {Path: "/nowhere", Status: 404}, {Path: "/changes?state=waiting&q=x"}}
	for _, path := range []string{"/", "/changes", "/changes/calendar", "/changes/new", "/changes/new?category=configuration", "/changes/new?category=deploy",
		"/changes/new?category=access", "/search?q=web", "/policy", "/policy/coverage", "/policy/history", "/policy/simulate",
		"/policy/explain?change=" + string(done.ID), "/ledger", "/ledger/3", "/ledger?verb=change.", "/admin", "/admin/people", "/admin/people/" + s.People[servertest.Sam],
		"/admin/roles", "/admin/groups", "/admin/services", "/admin/tokens", "/admin/sessions", "/admin/keys", "/admin/webhooks", "/admin/jobs", "/admin/settings",
		"/inventory", "/inventory?class=Host&unlabelled=yes", "/inventory/AST-000001", "/inventory/AST-000007?at=2100-01-01T00:00", "/questions", "/diagrams", "/sources", "/sources/list",
		"/source-kinds/csv", "/profile", "/help", "/design"} {
		out = append(out, place{Path: path})
	}
	return out
}
