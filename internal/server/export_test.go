package server_test

import (
	"bytes"
	"testing"

	"plumbline.dev/plumb/internal/prove"
	"plumbline.dev/plumb/internal/server/servertest"
)

func TestAnAuditorTakesAPackThatVerifies(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	c := s.Approved()
	audra := s.As(servertest.Audra)
	var keys struct {
		Ledger string `json:"ledger"`
	}
	audra.Want(200, "GET", "/keys", nil).Into(&keys)
	pack := audra.Want(200, "POST", "/export", map[string]any{"change": "chg-1"})
	if kind := pack.Header.Get("Content-Type"); kind != "application/vnd.plumbline.pack" {
		t.Errorf("the pack is sent as %s", kind)
	}
	r, err := prove.Verify(t.Context(), bytes.NewReader(pack.Body), int64(len(pack.Body)), prove.Options{Ledger: keys.Ledger})
	if err != nil || !r.Whole() {
		t.Fatalf("the pack of %s does not verify: %v %+v", c.ID, err, r)
	}
	audra.Refused(404, "no_change", "POST", "/export", map[string]any{"change": "CHG-999"})
	audra.Refused(400, "bad_selection", "POST", "/export", map[string]any{})
	audra.Refused(400, "bad_selection", "POST", "/export", map[string]any{"change": "CHG-1", "withhold": []string{"everything"}})
	s.As(servertest.Alice).Refused(403, "not_allowed", "POST", "/export", map[string]any{"change": "CHG-1"})
}
