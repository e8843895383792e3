package server_test

import (
	"net/http"
	"slices"
	"testing"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/server/servertest"
	"plumbline.dev/plumb/internal/wire"
)

// A change from its filing to its end, as a client outside tells it.
func TestOneChangeFromRequestToClosure(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	alice, sam, erin, ci := s.As(servertest.Alice), s.As(servertest.Sam), s.As(servertest.Erin), s.CI()
	c := s.Submitted()
	path := "/changes/" + string(c.ID)
	if c.State != change.AwaitingApproval {
		t.Fatalf("the change is %s, want it to wait for approval", c.State)
	}
	yes := map[string]any{"comment": "yes"}
	alice.Refused(403, "self_approval", "POST", path+"/approve", yes, servertest.Seen(c)...)
	ci.Refused(403, "not_allowed", "POST", path+"/approve", yes, servertest.Seen(c)...)
	sam.Refused(428, "if_match_required", "POST", path+"/approve", yes)
	sam.Refused(412, "stale", "POST", path+"/approve", yes, "If-Match", `"sha256:0000000000000000000000000000000000000000000000000000000000000000"`)

	var v wire.GateVerdict
	ask := servertest.Request(c.ID, wire.KindApply)
	ci.Want(403, "POST", "/gate/check", ask).Into(&v)
	if v.Verdict != wire.Deny || v.Code != wire.ExitPending || len(v.Missing) != 2 {
		t.Fatalf("before approval the gate says %+v", v)
	}
	sam.Want(200, "POST", path+"/approve", yes, servertest.Seen(c)...)
	erin.Want(200, "POST", path+"/approve", yes, servertest.Seen(c)...).Into(&c)
	if c.State != change.Authorized {
		t.Fatalf("the change is %s", c.State)
	}

	other := ask
	other.Observed = []wire.Observed{{Kind: "config-file", Name: "web.yaml", Digest: "sha256:" + "11111111111111111111111111111111" + "11111111111111111111111111111111"}}
	ci.Want(403, "POST", "/gate/open", other).Into(&v)
	if v.Code != wire.ExitMismatch {
		t.Errorf("another file: code %d, want %d", v.Code, wire.ExitMismatch)
	}
	var open, again wire.GateVerdict
	ci.Want(200, "POST", "/gate/check", ask).Into(&v)
	ci.Want(200, "POST", "/gate/open", ask, "Idempotency-Key", "build-77").Into(&open)
	ci.Want(200, "POST", "/gate/open", ask, "Idempotency-Key", "build-77").Into(&again)
	if open.PermitID == "" || open.PermitID != again.PermitID || open.Permit == nil {
		t.Errorf("the same key got permits %q and %q", open.PermitID, again.PermitID)
	}
	ci.Want(403, "POST", "/gate/open", ask, "Idempotency-Key", "build-78").Into(&v)
	if v.Code != wire.ExitDenied {
		t.Errorf("a second use: code %d, want %d", v.Code, wire.ExitDenied)
	}
	var permits struct {
		Items []change.Permit `json:"items"`
	}
	alice.Want(200, "GET", path+"/permits", nil).Into(&permits)
	if len(permits.Items) != 1 {
		t.Fatalf("%d permits", len(permits.Items))
	}
	end := wire.GateClose{Permit: open.PermitID, Outcome: change.Success, Fence: permits.Items[0].Fence}
	ci.Want(200, "POST", "/gate/close", end).Into(&c)
	ci.Want(409, "POST", "/gate/close", end)
	if c.State != change.InReview {
		t.Fatalf("after the run the change is %s", c.State)
	}
	alice.Want(200, "POST", path+"/close", map[string]any{"closure": "successful"}).Into(&c)
	if c.State != change.Closed {
		t.Errorf("the change is %s", c.State)
	}
	timeline(t, s, path)
}

func timeline(t *testing.T, s *servertest.Server, path string) {
	t.Helper()
	var story struct {
		Items []struct {
			Leaf struct {
				Verb string `json:"verb"`
			} `json:"leaf"`
		} `json:"items"`
	}
	s.As(servertest.Audra).Want(http.StatusOK, "GET", path+"/timeline", nil).Into(&story)
	var verbs []string
	for _, e := range story.Items {
		verbs = append(verbs, e.Leaf.Verb)
	}
	want := []string{"change.filed", "change.submitted", "evidence.added", "request.denied", "change.approved", "change.approved",
		"gate.denied", "gate.opened", "gate.denied", "gate.closed", "change.closed"}
	if !slices.Equal(verbs, want) {
		t.Errorf("the timeline tells %v, want %v", verbs, want)
	}
}
