//go:build browser

package browser_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/plan"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/server/servertest"
	"plumbline.dev/plumb/internal/web"
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
	s.Tested(waits)
	s.Filed()
	s.Edited()
	campaign(s)
	read, long := readable(t, s), longPlan(t, s)
	olga := s.As(servertest.Olga)
	var group struct {
		ID string `json:"id"`
	}
	var made struct {
		Webhook struct {
			ID string `json:"id"`
		} `json:"webhook"`
	}
	olga.Want(http.StatusCreated, "POST", "/groups", map[string]any{"name": "readers"}).Into(&group)
	olga.Want(http.StatusCreated, "POST", "/webhooks", map[string]any{"url": "https://localhost:1/hooks"}).Into(&made)
	at := func(c change.Change, path string) place { return place{Path: "/changes/" + string(c.ID) + path} }
	pack := s.Shown(done.ID).Demand.Policy
	out := []place{at(done, ""), at(waits, ""), at(read, ""), at(read, "/diff?from=1&to=2"), at(read, "/edit"), at(long, ""), at(long, "/plan?page=3"), at(waits, "/print"),
		at(waits, "/evidence"), {Path: "/nowhere", Status: 404}, {Path: "/changes?state=waiting&q=x"}}
	sam := "/admin/people/" + s.People[servertest.Sam]
	for _, path := range []string{"/", "/changes", "/changes/calendar", "/changes/new", "/changes/new?category=configuration", "/changes/new?category=deploy",
		"/changes/new?category=access", "/search?q=web", "/policy", "/policy/coverage", "/policy/coverage?state=open", "/policy/history", "/policy/simulate",
		"/policy/diff?from=" + pack + "&to=" + pack, "/policy/explain?change=" + string(done.ID), "/ledger", "/ledger/3", "/ledger?verb=change.",
		"/admin/people", "/admin/people/new", sam, sam + "/edit", "/admin/roles", "/admin/groups", "/admin/groups/" + group.ID, "/admin/services",
		"/admin/services/" + s.People[servertest.CI], "/admin/tokens", "/admin/sessions", "/admin/keys", "/admin/webhooks", "/admin/webhooks/" + made.Webhook.ID,
		"/admin/jobs", "/admin/settings", "/inventory", "/inventory?class=Host&unlabelled=yes", "/inventory/AST-000001", "/inventory/AST-000007?at=" + time.Now().UTC().Add(30*time.Second).Format(time.RFC3339),
		"/questions", "/diagrams", "/diagrams/of-record/DGM-000001", "/sources", "/sources/list", "/source-kinds/csv", "/findings", "/findings?state=all&severity=high&asset=web-1", "/findings/FND-000001", "/exceptions", "/exceptions/new", "/exceptions/MUT-000001",
		"/changes/" + string(done.ID) + "/observed", "/campaigns", "/campaigns/new", "/campaigns/CMP-000001", "/campaigns/CMP-000001?standing=open&mine=yes",
		"/campaigns/CMP-000001/items/AST-000001", "/profile", "/help", "/design"} {
		out = append(out, place{Path: path})
	}
	return out
}

// readable files a change whose file and way back can be read, and rewords it; another put its file in place before.
func readable(t *testing.T, s *servertest.Server) (c change.Change) {
	t.Helper()
	alice := s.As(servertest.Alice)
	file := func(text string) string {
		alice.Want(http.StatusCreated, "POST", "/documents?kind=attachment", []byte(text))
		return seal.Raw([]byte(text))
	}
	m := s.Material()
	m.Summary = "Listen on the port of the proxy"
	before, after := servertest.File, strings.ReplaceAll(servertest.File, "8080", "8443")
	m.Bindings[0].Digest, m.Bindings[0].Document = file(before), file(before)
	old := s.Material()
	old.Summary, old.Bindings[0].Document, old.Effects[0].Path = "Begin with four workers", file(before), "queue"
	s.RanAs(old)
	script := "#!/bin/sh\nset -eu\ninstall -m 644 web.yaml.old web.yaml\n"
	m.Rollback.Binding = &change.Binding{Kind: "runbook", Name: "back.sh", Digest: file(script), Document: file(script)}
	alice.Want(http.StatusCreated, "POST", "/changes", m).Into(&c)
	m.Bindings[0].Digest, m.Bindings[0].Document = file(after), file(after)
	alice.Want(http.StatusOK, "PUT", "/changes/"+string(c.ID), m, servertest.Seen(c)...).Into(&c)
	return c
}

// longPlan files a change whose plan is read in pages.
func longPlan(t *testing.T, s *servertest.Server) (c change.Change) {
	t.Helper()
	var b strings.Builder
	b.WriteString(`{"format_version":"1.2","terraform_version":"1.12.6","complete":true,"applyable":true,"errored":false,"resource_changes":[`)
	for i := range 2001 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"address":"terraform_data.app[%d]","mode":"managed","type":"terraform_data","name":"app","index":%d,"provider_name":"terraform.io/builtin/terraform",`+
			`"change":{"actions":["create"],"before":null,"after":{"input":"row"},"after_unknown":{},"before_sensitive":false,"after_sensitive":false}}`, i, i)
	}
	b.WriteString(`]}`)
	p, err := plan.Read(strings.NewReader(b.String()), plan.Options{})
	if err != nil {
		t.Fatal(err)
	}
	alice := s.As(servertest.Alice)
	alice.Want(http.StatusCreated, "POST", "/documents?kind=tf-plan", p.Document())
	m := s.Material()
	m.Summary = "Two thousand records"
	m.Bindings = []change.Binding{{Kind: "tf-plan", Name: "tfplan", Digest: seal.Raw([]byte("tfplan")), Document: seal.Raw(p.Document())}}
	alice.Want(http.StatusCreated, "POST", "/changes", m).Into(&c)
	return c
}

// unseen are the answers that are no page to look at: files, and pieces of pages.
var unseen = []string{"/changes/{id}/files/{digest}", "/changes/{id}/part/{part}", "/diagrams/{file}", "/ledger/{seq}/proof", "/people/names",
	"/export/changes/{format}", "/export/inventory/{format}", "/export/findings/{format}", "/campaigns/{id}/export/{format}", "/admin"}

// missed lists the pages that nobody looks at.
func missed(t *testing.T, lists ...[]place) (out []string) {
	t.Helper()
	mux := http.NewServeMux()
	left := map[string]bool{}
	for _, r := range web.Routes() {
		if r.Method == http.MethodGet {
			mux.HandleFunc("GET "+r.Path, func(http.ResponseWriter, *http.Request) {})
			left["GET "+r.Path] = !slices.Contains(unseen, r.Path)
		}
	}
	for _, p := range slices.Concat(lists...) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.Path, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, pattern := mux.Handler(r)
		left[pattern] = false
	}
	for pattern, is := range left {
		if is {
			out = append(out, pattern)
		}
	}
	slices.Sort(out)
	return out
}

// campaign opens one over all hosts, which Olga reviews: CMP-000001. It proposes an exception, too, MUT-000001, and a diagram of
// record: DGM-000001.
func campaign(s *servertest.Server) {
	var drawn struct {
		Digest string `json:"digest"`
	}
	s.As(servertest.Otto).Want(200, "GET", "/drawings/network?environment=prod", nil).Into(&drawn)
	s.As(servertest.Otto).Want(201, "POST", "/diagrams", map[string]any{"slice": map[string]any{"kind": "network", "environment": "prod"}, "digest": drawn.Digest, "reason": "as built"})
	s.As(servertest.Alice).Want(201, "POST", "/mutes", map[string]any{"kind": "ignore", "name": "web-*", "path": "size", "reason": "the list rounds the sizes",
		"expires": time.Now().Add(30 * 24 * time.Hour)})
	s.As(servertest.Otto).Want(201, "POST", "/campaigns", map[string]any{"name": "Hosts, autumn", "kind": "certification", "selection": map[string]any{"class": "Host"},
		"due": time.Now().Add(14 * 24 * time.Hour), "share": 100, "fallbacks": []string{servertest.Olga}})
}
