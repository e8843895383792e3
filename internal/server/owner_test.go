package server_test

import (
	"net/http"
	"testing"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/server/servertest"
	"plumbline.dev/plumb/internal/wire"
)

// carriedOut gives a change of one production target that was carried out and waits for its owner.
func carriedOut(t *testing.T, s *servertest.Server, target string) (c change.Change, slot string) {
	t.Helper()
	c = targeting(s, target)
	return c, executed(t, s, c, target)
}

// executed takes a change as far as the end of its run, and gives the one check that is open then.
func executed(t *testing.T, s *servertest.Server, c change.Change, key string) (slot string) {
	t.Helper()
	path := "/changes/" + string(c.ID)
	s.As(servertest.Alice).Want(http.StatusOK, "POST", path+"/submit", map[string]any{}, servertest.Seen(c)...).Into(&c)
	s.Tested(c)
	for _, name := range []string{servertest.Sam, servertest.Erin} {
		s.As(name).Want(http.StatusOK, "POST", path+"/approve", map[string]any{"comment": "yes"}, servertest.Seen(c)...).Into(&c)
	}
	var v wire.GateVerdict
	s.CI().Want(http.StatusOK, "POST", "/gate/open", servertest.Request(c.ID, wire.KindApply), "Idempotency-Key", key).Into(&v)
	var permits struct {
		Items []change.Permit `json:"items"`
	}
	s.As(servertest.Alice).Want(http.StatusOK, "GET", path+"/permits", nil).Into(&permits)
	s.CI().Want(http.StatusOK, "POST", "/gate/close", wire.GateClose{Permit: v.PermitID, Outcome: change.Success, Fence: permits.Items[0].Fence})
	open := s.Shown(c.ID).Verify
	if len(open) != 1 {
		t.Fatalf("after a change of production nobody, or more than the owner, looks at it: %v", open)
	}
	return open[0]
}

// The owner that the inventory knows verifies, whoever holds a role; where that one left, whoever was named after them does.
func TestTheOwnerOfTheTargetVerifiesItAfterwards(t *testing.T) {
	t.Parallel()
	s, _ := inventoried(t, "id,name,environment,classification,owner\n1,db-7,prod,confidential,rita\n2,db-8,prod,confidential,left-long-ago\n")
	owns(s, "db-7", "rita")
	owns(s, "db-8", "left-long-ago")
	word := func(slot string) map[string]any {
		return map[string]any{"slot": slot, "passed": true, "comment": "looked at it"}
	}
	c, slot := carriedOut(t, s, "db-7")
	at := "/changes/" + string(c.ID) + "/verify"
	s.As(servertest.Sally).Refused(http.StatusForbidden, "not_owner", "POST", at, word(slot))
	s.As(servertest.Rita).Want(http.StatusOK, "POST", at, word(slot))

	c, slot = carriedOut(t, s, "db-8")
	at = "/changes/" + string(c.ID) + "/verify"
	s.As(servertest.Rita).Refused(http.StatusForbidden, "owner_gone", "POST", at, word(slot))
	s.As(servertest.Olga).Want(http.StatusOK, "PUT", "/assets/db-8/labels", map[string]any{"labels": map[string]string{"owner": s.People[servertest.Rita]}, "reason": "handed over"})
	s.As(servertest.Sally).Refused(http.StatusForbidden, "not_owner", "POST", at, word(slot))
	s.As(servertest.Rita).Want(http.StatusOK, "POST", at, word(slot))
}

// Who fills a table does not choose who verifies: an owner whom only a source names is nobody's, and the Security Lead looks at the result.
func TestAnOwnerWhomOnlyASourceNamesVerifiesNothing(t *testing.T) {
	t.Parallel()
	s, _ := inventoried(t, "id,name,environment,classification,owner\n1,db-7,prod,confidential,rita\n")
	c, slot := carriedOut(t, s, "db-7")
	word := map[string]any{"slot": slot, "passed": true, "comment": "looked at it"}
	at := "/changes/" + string(c.ID) + "/verify"
	s.As(servertest.Rita).Refused(http.StatusForbidden, "not_owner", "POST", at, word)
	s.As(servertest.Sam).Want(http.StatusOK, "POST", at, word)
}

// An owner who wrote the change does not judge it. Where nobody else owns the target, Security does.
func TestAnOwnerDoesNotVerifyTheirOwnChange(t *testing.T) {
	t.Parallel()
	s, _ := inventoried(t, "id,name,environment,classification\n1,db-7,prod,confidential\n")
	owns(s, "db-7", s.People[servertest.Alice])
	c, slot := carriedOut(t, s, "db-7")
	word := map[string]any{"slot": slot, "passed": true, "comment": "looked at it"}
	at := "/changes/" + string(c.ID) + "/verify"
	s.As(servertest.Alice).Refused(http.StatusForbidden, "own_check", "POST", at, word)
	s.As(servertest.Rita).Refused(http.StatusForbidden, "not_owner", "POST", at, word)
	s.As(servertest.Sam).Want(http.StatusOK, "POST", at, word)
}
