package record_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/server/servertest"
)

// However often its author rewords a change, it can be read and decided: the page holds the newest
// wordings, and the words of none but those that it compares.
func TestAChangeThatIsRewordedWithoutEndIsStillDecided(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	var c change.Change
	m := s.Material()
	alice := s.As(servertest.Alice)
	alice.Want(http.StatusCreated, "POST", "/changes", m).Into(&c)
	const many = 1005
	for i := 2; i <= many; i++ {
		m.Summary = fmt.Sprintf("wording %d", i)
		alice.Want(http.StatusOK, "PUT", "/changes/"+string(c.ID), m, servertest.Seen(c)...).Into(&c)
	}
	alice.Want(http.StatusOK, "POST", "/changes/"+string(c.ID)+"/submit", map[string]any{}, servertest.Seen(c)...).Into(&c)
	s.Tested(c)
	sam := s.Browse(servertest.Sam)
	p := sam.Get(at(c, "")).Wants(http.StatusOK, "wording 1005", "compare with 1004")
	form := p.Form(at(c, "/approve"))
	form.Set("comment", "no")
	sam.Follow(sam.Post(at(c, "/reject"), form)).Wants(http.StatusOK, "rejection is recorded")
	m.Summary = "the last wording"
	alice.Want(http.StatusOK, "PUT", "/changes/"+string(c.ID), m, servertest.Seen(s.Shown(c.ID).Change)...).Into(&c)
	if p = sam.Get(at(c, "")).Wants(http.StatusOK, "the last wording"); !strings.Contains(p.Text(), "wording 1005") {
		t.Error("the page does not say what changed since the last decision")
	}
	sam.Get(at(c, "/diff?from=1&to=1006")).Wants(http.StatusOK, "the last wording")
}
