package server_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/prove"
	"plumbline.dev/plumb/internal/server/servertest"
	"plumbline.dev/plumb/internal/wire"
)

// The prefix that the ceremony is told names every change: in the API, in permits, and in the proof.
func TestChangesBearThePrefixOfTheInstall(t *testing.T) {
	t.Parallel()
	s := servertest.Empty(t)
	company := servertest.Company()
	company["prefix"] = "PROD"
	s.SetUp(company)
	c := s.Approved()
	if c.ID != "PROD-000001" {
		t.Fatalf("the first change is %s", c.ID)
	}
	alice := s.As(servertest.Alice)
	for _, name := range []string{"PROD-1", "prod-000001", "PROD-000001"} {
		var v change.View
		if alice.Want(200, "GET", "/changes/"+name, nil).Into(&v); v.Change.ID != c.ID {
			t.Errorf("%s gives %s", name, v.Change.ID)
		}
	}
	alice.Refused(404, "no_change", "GET", "/changes/CHG-1", nil)
	alice.Refused(400, "bad_change_id", "GET", "/changes/PROD-0", nil)

	var v wire.GateVerdict
	s.CI().Want(200, "POST", "/gate/open", servertest.Request("prod-1", wire.KindApply), "Idempotency-Key", "build-1").Into(&v)
	if v.Change != string(c.ID) || v.Permit == nil || !strings.Contains(v.URL, string(c.ID)) {
		t.Errorf("the permit is about %s, its link %s", v.Change, v.URL)
	}

	audra := s.As(servertest.Audra)
	var keys struct {
		Ledger string `json:"ledger"`
	}
	audra.Want(200, "GET", "/keys", nil).Into(&keys)
	from := time.Now().Add(-time.Hour)
	for _, what := range []map[string]any{{"change": "PROD-1"}, {"from": from, "to": from.Add(2 * time.Hour)}} {
		pack := audra.Want(200, "POST", "/export", what)
		r, err := prove.Verify(t.Context(), bytes.NewReader(pack.Body), int64(len(pack.Body)), prove.Options{Ledger: keys.Ledger})
		if err != nil || !r.Whole() || r.Counts.Changes != 1 {
			t.Errorf("the pack of %v: %v %+v", what, err, r)
		}
		if said := strings.Join(r.Proved, "\n"); r.Change == "" && !strings.Contains(said, "PROD-000001 to PROD-000001") {
			t.Errorf("the population is told as:\n%s", said)
		}
	}
}
