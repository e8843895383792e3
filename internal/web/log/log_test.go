package log_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/prove"
	"plumbline.dev/plumb/internal/server/servertest"
)

// The ledger is read backwards, narrowed by what, by whom and about what; each event is shown with its
// words and its proof, and the proof holds away from the server.
func TestTheLedgerIsReadAndProved(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	c := s.Approved()
	b := s.Browse(servertest.Audra)
	b.Get("/ledger").Wants(http.StatusOK, "change approved", string(c.ID))
	b.Get("/ledger?verb=change.approved").Wants(http.StatusOK, "Sam", "Erin")
	if p := b.Get("/ledger?verb=change.approved&by=" + s.People[servertest.Sam]); strings.Contains(strings.SplitN(p.Body, "<tbody>", 2)[1], "Erin") {
		t.Error("events of Sam show what Erin did")
	}
	b.Get("/ledger?object="+url.QueryEscape(string(c.ID))).Wants(http.StatusOK, "change filed")
	b.Get("/ledger?verb=nothing.like.it").Wants(http.StatusOK, "No event fits")
	b.Get("/ledger?by=%25").Wants(http.StatusBadRequest)
	for _, bad := range []string{"/ledger/-1", "/ledger/x", "/ledger/99999999999999999999", "/ledger/999999"} {
		b.Get(bad).Wants(http.StatusNotFound)
	}
	s.Signed(3)
	b.Get("/ledger/3").Wants(http.StatusOK, "The bytes that are hashed", "plumb verify")
	file := b.Get("/ledger/3/proof").Wants(http.StatusOK)
	if d := file.Header.Get("Content-Disposition"); !strings.HasPrefix(d, "attachment;") {
		t.Errorf("the proof is shown and not saved: %q", d)
	}
	var keys struct {
		Ledger string         `json:"ledger"`
		Rest   map[string]any `json:",inline"`
	}
	s.As(servertest.Sam).Want(http.StatusOK, "GET", "/keys", nil).Into(&keys)
	if p, _, err := prove.CheckProof([]byte(file.Body), keys.Ledger); err != nil || p.Seq != 3 {
		t.Errorf("the proof does not hold: %v", err)
	}
}

// The evidence of a period is one file that holds without the server; only who may take evidence gets it,
// and that they did is an event.
func TestEvidenceIsTakenOnThePage(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	s.Approved()
	day := time.Now().UTC().Format(time.DateOnly)
	form := url.Values{"from": {day}, "to": {day}, "withhold": {"names"}}
	audra := s.Browse(servertest.Audra)
	p := audra.Post("/ledger/export", form).Wants(http.StatusOK)
	path := filepath.Join(t.TempDir(), "pack")
	if err := os.WriteFile(path, []byte(p.Body), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := prove.Verify(t.Context(), f, int64(len(p.Body)), prove.Options{})
	if err != nil || !r.Whole() || strings.Contains(p.Body, "Alice") {
		t.Errorf("the pack is not whole, or names somebody: %v %v", err, fmt.Sprint(r))
	}
	audra.Get("/ledger?verb=evidence.exported").Wants(http.StatusOK, "evidence exported")
	audra.Post("/ledger/export", url.Values{"from": {"soon"}, "to": {day}}).Wants(http.StatusBadRequest, "is a day")
	s.Browse(servertest.Alice).Post("/ledger/export", form).Wants(http.StatusForbidden)
}
