package things_test

import (
	"net/http"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/server/servertest"
)

// An asset says where its class comes from, and that nobody answers for it.
func TestWhatFollowsForAnAssetIsOnItsPage(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	rita := s.Browse(servertest.Rita)
	rita.Get(pathOf(t, rita, "prod-net")).Wants(http.StatusOK, "counts as confidential", "has that data (has)", "default")
	rita.Get(pathOf(t, rita, "web-1")).Wants(http.StatusOK, "Nobody answers for it", "is no person or group that is known")
	if p := rita.Get(pathOf(t, rita, "lab-1")).Text(); strings.Contains(p, "Nobody answers") || strings.Contains(p, "counts as") {
		t.Error("it is said of what is not production, or has no data")
	}
}

// A tag that turns production into development frees nothing, and three pages say so: the asset's, the questions, the source's.
func TestALabelThatDoesNotCountIsOnThePages(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	rita := s.Browse(servertest.Rita)
	at := pathOf(t, rita, "web-1")
	if p := rita.Get("/sources/list").Text(); strings.Contains(p, "prod counts") {
		t.Error("it is said before it is so")
	}
	s.Push("list", strings.Replace(servertest.Table, "web-1,host,rack_server,prod", "web-1,host,rack_server,dev", 1))
	rita.Get(at).Wants(http.StatusOK, "not counted", "says dev", "environment: prod counts, list says dev")
	rita.Get("/questions").Wants(http.StatusOK, "environment: prod counts, list says dev")
	rita.Get("/sources/list").Wants(http.StatusOK, "Open questions", "environment: prod counts, list says dev")
}
