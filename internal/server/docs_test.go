package server_test

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/server/servertest"
)

func TestTheAPIDescribesItselfToAnybody(t *testing.T) {
	t.Parallel()
	s := servertest.Empty(t)
	d := s.Nobody().Want(200, "GET", "//openapi.json", nil)
	var doc struct {
		OpenAPI string                    `json:"openapi"`
		Paths   map[string]map[string]any `json:"paths"`
	}
	if err := json.Unmarshal(d.Body, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.OpenAPI != "3.1.0" || doc.Paths["/api/v1/changes/{id}/approve"]["post"] == nil || doc.Paths["/ledger/tile/{path}"] == nil {
		t.Errorf("the description lacks routes: %s, %d paths", doc.OpenAPI, len(doc.Paths))
	}
	page := s.Nobody().Want(200, "GET", "//docs", nil, "Accept", "text/html")
	if !strings.Contains(string(page.Body), "Approve the revision that one saw") {
		t.Error("the page does not tell of approval")
	}
	if csp := page.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(string(page.Body), "http") && strings.Contains(string(page.Body), "src=\"http") {
		t.Errorf("the page loads from elsewhere: %s", csp)
	}
	s.Nobody().Want(200, "GET", "//docs/style.css", nil)
}
