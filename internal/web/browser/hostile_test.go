//go:build browser

package browser_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/server/servertest"
)

// taken sends what may be taken or refused, and reports which. It is never the server's fault.
func taken(t *testing.T, a servertest.Answer) bool {
	t.Helper()
	if a.Status >= 500 {
		t.Errorf("answered %d: %s", a.Status, a.Body)
	}
	return a.Status < 300
}

// visit is what one person looks at.
type visit struct {
	Name  string   `json:"name"`
	Paths []string `json:"paths"`
}

// worded files a change with the text in each place that takes one, or in those of several lines only, and gives the pages that show it.
func worded(t *testing.T, s *servertest.Server, i int, x string, line bool) []string {
	t.Helper()
	alice := s.As(servertest.Alice)
	document := []byte(x)
	alice.Want(http.StatusCreated, "POST", "/documents?kind=attachment", document)
	m := s.Material()
	m.Summary, m.Justification, m.EmergencyNotes = x, x+"\n\n"+x+" @sam", x
	m.Targets, m.Effects = append(m.Targets, x), []change.Effect{{Target: x, Path: x, Op: x, After: x}}
	b := &m.Bindings[0]
	b.Name, b.Repo, b.Base, b.Authors = x, x, x, []string{x}
	m.Rollback = change.Rollback{Text: x, Trigger: x, Rehearsed: x, NoReturn: x, NotReversible: x, Binding: &change.Binding{Kind: "runbook", Name: x, Digest: seal.Raw([]byte("back"))}}
	m.Deploy = change.Deploy{JobName: x, BuildID: x, Action: x, Branch: x, Links: []string{x}}
	m.Attachments = []change.Attachment{{Name: x, Digest: seal.Raw(document), Size: int64(len(document))}}
	m.Window = change.Envelope{From: time.Now().Add(time.Hour).Truncate(time.Second), Until: time.Now().Add(3 * time.Hour).Truncate(time.Second)}
	if !line {
		plain := s.Material()
		plain.Justification, plain.EmergencyNotes, plain.Rollback.Text = m.Justification, x, x
		m = plain
	}
	var c change.Change
	alice.Want(http.StatusCreated, "POST", "/changes", m).Into(&c)
	at := "/changes/" + string(c.ID)
	alice.Want(http.StatusCreated, "POST", at+"/comments", map[string]any{"text": x + "\u202e" + x + " @sam"})
	s.CI().Want(http.StatusCreated, "POST", at+"/evidence?format=junit&subject="+b.Digest, servertest.JUnit())
	taken(t, s.CI().Ask("POST", at+"/evidence?format=junit&subject="+b.Digest, []byte(`<testsuite name="a`+fmt.Sprint(i)+`" tests="1"><testcase name="`+url.QueryEscape(x)+`"/></testsuite>`)))
	m.Justification = "another\n\n" + x
	alice.Want(http.StatusOK, "PUT", at, m, servertest.Seen(c)...).Into(&c)
	taken(t, alice.Ask("POST", at+"/submit", map[string]any{}, servertest.Seen(c)...))
	taken(t, s.As(servertest.Sam).Ask("POST", at+"/hold", map[string]any{"comment": x}, servertest.Seen(c)...))
	taken(t, s.As(servertest.Sam).Ask("POST", at+"/reject", map[string]any{"comment": x}, servertest.Seen(c)...))
	return []string{at, at + "/print", at + "/diff", at + "/edit", at + "/evidence", "/changes/new?from=" + string(c.ID), "/ledger?object=" + string(c.ID),
		"/policy/explain?change=" + string(c.ID), "/search?q=" + url.QueryEscape(x), "/changes?q=" + url.QueryEscape(x) + "&by=" + url.QueryEscape(x)}
}

// named gives the text to all that has a name and is not a change, and gives the pages of what took it.
func named(t *testing.T, s *servertest.Server, sam *servertest.Browser, i int, x string) (pages []string) {
	t.Helper()
	olga := s.As(servertest.Olga)
	var added struct {
		Person struct {
			ID string `json:"id"`
		} `json:"person"`
	}
	var made struct {
		ID string `json:"id"`
	}
	a := olga.Ask("POST", "/people", map[string]any{"name": x, "email": fmt.Sprintf("p%d@example.com", i), "username": fmt.Sprintf("p%d", i)})
	if taken(t, a) {
		a.Into(&added)
		pages = append(pages, "/admin/people/"+added.Person.ID)
	}
	if a = olga.Ask("POST", "/groups", map[string]any{"name": x}); taken(t, a) {
		a.Into(&made)
		pages = append(pages, "/admin/groups/"+made.ID)
	}
	a = olga.Ask("POST", "/service-accounts", map[string]any{"username": fmt.Sprintf("bot%d", i), "owner": s.People[servertest.Ivy], "note": x, "repos": []string{x}})
	if taken(t, a) {
		a.Into(&made)
		pages = append(pages, "/admin/services/"+made.ID)
	}
	taken(t, s.As(servertest.Sam).Ask("POST", "/tokens", map[string]any{"name": x, "scopes": []string{"read"}}))
	taken(t, s.As(servertest.Sam).Ask("POST", "/windows", map[string]any{"kind": "freeze", "scope": map[string]any{"targets": []string{x}, "components": []string{x}},
		"starts": time.Now(), "ends": time.Now().Add(time.Duration(i+1) * time.Hour), "reason": x}))
	taken(t, olga.Ask("POST", "/webhooks", map[string]any{"url": "https://example.com/" + url.PathEscape(x), "verbs": []string{"change.closed"}}))
	for path, form := range map[string]url.Values{
		"/changes/views":     {"name": {x}, "query": {"q=" + url.QueryEscape(x)}},
		"/changes/new/draft": {"category": {"other"}, "summary": {x}, "justification": {x}},
		"/profile/away":      {"from": {time.Now().Format(time.DateOnly)}, "until": {time.Now().Add(48 * time.Hour).Format(time.DateOnly)}, "note": {x}},
		"/changes/new":       {"category": {"other"}, "summary": {x}, "paste": {x}, "do": {"preview"}},
	} {
		if p := sam.Post(path, form); p.Status >= 500 {
			t.Errorf("%s answered %d", path, p.Status)
		}
	}
	return pages
}

// No text that anybody can put anywhere runs, leads elsewhere or breaks a page in a real browser, which
// reports nothing; and it would report: a policy that is broken on purpose is.
func TestHostileTextsInARealBrowser(t *testing.T) {
	s := servertest.Start(t)
	sam, olga := s.Browse(servertest.Sam), s.Browse(servertest.Olga)
	paths := []string{}
	lines := servertest.Attacks()
	for i, x := range append(lines, servertest.Turned()...) {
		paths = append(paths, worded(t, s, i, x, i < len(lines))...)
		paths = append(paths, named(t, s, sam, i, x)...)
		if p := olga.Post("/admin/settings", url.Values{"company": {x}, "prefix": {"CHG"}, "zone": {"Europe/Berlin"}}); p.Status >= 500 {
			t.Errorf("a company's name answers %d", p.Status)
		}
	}
	paths = append(paths, "/", "/changes", "/changes/calendar", "/changes/new", "/profile", "/ledger", "/policy/coverage", "/search?q=alert")
	office := []string{"/admin/people", "/admin/people?q=alert", "/admin/groups", "/admin/services", "/admin/tokens", "/admin/webhooks", "/admin/roles", "/admin/sessions",
		"/admin/settings", "/admin/jobs", "/admin/people/new"}
	counts := map[string]int64{}
	for _, x := range script(t, "hostile.mjs", map[string]any{"base": s.URL, "password": servertest.Password,
		"visits": []visit{{servertest.Sam, paths}, {servertest.Olga, office}}}) {
		counts[x.Kind] = x.Count
	}
	if counts["looked"] != int64(len(paths)+len(office)) || counts["before"] != 0 || counts["after"] != 2 {
		t.Errorf("of %d pages %d were looked at; %d reports came for them, want none, and %d after two that were meant, want 2",
			len(paths)+len(office), counts["looked"], counts["before"], counts["after"])
	}
}
