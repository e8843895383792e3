//go:build browser

package browser_test

import (
	"testing"

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
	s.Filed()
	return []place{{Path: "/"}, {Path: "/changes"}, {Path: "/changes?state=waiting&q=x"}, {Path: "/changes/calendar"},
		{Path: "/changes/" + string(done.ID)}, {Path: "/changes/" + string(waits.ID)}, {Path: "/search?q=s"}, {Path: "/nowhere", Status: 404}}
}
