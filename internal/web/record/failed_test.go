package record_test

import (
	"net/http"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/server/servertest"
	"plumbline.dev/plumb/internal/wire"
)

// Who reads a change sees that its author's upload answers no failure of the pipeline, and the gate says the same on the API.
func TestAnUnansweredFailureIsToldOnThePageAndAtTheGate(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	c := s.Approved()
	tests := at(c, "/evidence?format=junit&subject="+seal.Raw([]byte(servertest.File)))
	failing := []byte(`<testsuite name="web" tests="1" failures="1"><testcase name="starts"><failure message="no"/></testcase></testsuite>`)
	s.CI().Want(http.StatusCreated, "POST", tests, failing)
	s.As(servertest.Alice).Want(http.StatusCreated, "POST", tests, servertest.JUnit())
	sam := s.Browse(servertest.Sam)
	const told = "It failed, as ci (service account of "
	sam.Get(at(c, "")).Wants(http.StatusOK, "tests missing", told, "by Security with an attached file that says why")
	var v wire.GateVerdict
	s.CI().Want(http.StatusForbidden, "POST", "/gate/check", servertest.Request(c.ID, wire.KindApply)).Into(&v)
	if len(v.Missing) != 1 || !strings.HasPrefix(v.Missing[0].Why, told) {
		t.Errorf("the gate says %+v", v.Missing)
	}
	s.CI().Want(http.StatusCreated, "POST", tests, servertest.JUnit())
	if page := sam.Get(at(c, "")).Wants(http.StatusOK, "tests pass"); strings.Contains(page.Body, told) {
		t.Error("the failure is told of after the pipeline passed")
	}
	s.CI().Want(http.StatusOK, "POST", "/gate/check", servertest.Request(c.ID, wire.KindApply))
}
