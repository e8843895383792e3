package server_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/server"
	"plumbline.dev/plumb/internal/server/servertest"
	"plumbline.dev/plumb/internal/web"
)

// visitor is one column of the matrix of pages: who sends which session.
type visitor struct{ name, session string }

// Every page, asked by every kind of principal: "." is let through to the use-case, 401 and 403 are
// refused before it. A new page or permission changes the table, and a reviewer sees it.
func TestWhoMaySeeWhat(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	s := servertest.Start(t, func(c *server.Config) {
		c.Clock = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	old, ci := session(t, s, servertest.Rita), s.CI().Secret
	ahead.Store(int64(36 * time.Hour))
	who := visitors(t, s, old, ci)
	var out strings.Builder
	fmt.Fprintf(&out, "%-50s %-16s", "page", "needs")
	for _, p := range who {
		fmt.Fprintf(&out, " %s", p.name)
	}
	out.WriteString("\n")
	for _, route := range pages(t) {
		fmt.Fprintf(&out, "%-50s %-16s", route[0], route[1])
		for _, p := range who {
			fmt.Fprintf(&out, " %-*s", len(p.name), seen(t, s, p, route[0], route[1]))
		}
		out.WriteString("\n")
	}
	got := regexp.MustCompile(` +\n`).ReplaceAllString(out.String(), "\n")
	const file = "testdata/pages.txt"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("who may see what has changed; look at it, then run with -update. Got:\n%s", got)
	}
}

// pages lists every page with what it needs, the stream of live updates among them.
func pages(t *testing.T) [][2]string {
	t.Helper()
	out := [][2]string{{"GET /live", "change.read"}, {"GET /no/such/page", "anybody"}}
	for _, r := range web.Routes() {
		need := string(r.Need)
		if r.Open {
			need = "anybody"
		}
		out = append(out, [2]string{r.Method + " " + r.Path, need})
	}
	if len(out) < 90 {
		t.Fatalf("only %d pages are listed", len(out))
	}
	slices.SortFunc(out, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return out
}

// session signs somebody in by the page and gives what their browser sends from then on.
func session(t *testing.T, s *servertest.Server, name string) string {
	t.Helper()
	s.As(name) // redeems the one-time code
	r, err := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/login", strings.NewReader(url.Values{"username": {name}, "password": {servertest.Password}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	for _, c := range res.Cookies() {
		if strings.HasPrefix(c.Value, "plb_ses_") {
			return c.Value
		}
	}
	t.Fatalf("%s got no session", name)
	return ""
}

func visitors(t *testing.T, s *servertest.Server, old, ci string) []visitor {
	t.Helper()
	ivan := session(t, s, servertest.Ivan)
	s.Again(servertest.Otto).Want(204, "POST", "/people/"+s.People[servertest.Ivan]+"/disable", map[string]any{"reason": "left"})
	who := []visitor{{"nobody", ""}, {"wrong", "plb_ses_" + strings.Repeat("a", 59)}, {"expired", old}, {"disabled", ivan}, {"service", ci}}
	rita := s.Again(servertest.Rita)
	for _, scope := range []string{"read", "file", "admin-read"} {
		var made struct {
			Secret string `json:"secret"`
		}
		rita.Want(201, "POST", "/tokens", map[string]any{"name": scope, "scopes": []string{scope}}).Into(&made)
		who = append(who, visitor{"t:" + scope, made.Secret})
	}
	for _, name := range []string{servertest.Rita, servertest.Alice, servertest.Sam, servertest.Otto, servertest.Olga, servertest.Audra} {
		who = append(who, visitor{name, session(t, s, name)})
	}
	return who
}

// seen asks for a page with an empty form, and does not wait for what never ends.
func seen(t *testing.T, s *servertest.Server, p visitor, route, need string) string {
	t.Helper()
	method, path, _ := strings.Cut(route, " ")
	if path == "/logout" { // ends the session that the other rows need; who may, may see their profile
		method, path = "GET", "/profile"
	}
	path = strings.TrimSuffix(regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(path, "1"), "{$}")
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if p.session != "" {
		r.AddCookie(&http.Cookie{Name: "plumb", Value: p.session})
	}
	if method == "POST" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var text []byte
	if res.Header.Get("Content-Type") != "text/event-stream" {
		if text, err = io.ReadAll(res.Body); err != nil {
			t.Fatal(err)
		}
	}
	switch {
	case res.StatusCode >= 500:
		t.Errorf("%s as %s: %d %s", route, p.name, res.StatusCode, text)
	case need == "anybody":
	case res.StatusCode == 303 && strings.HasPrefix(res.Header.Get("Location"), "/login?next="), res.StatusCode == 401:
		return "401"
	case res.StatusCode == 403 && strings.Contains(string(text), "<code>"+need+"</code>"):
		return "403"
	}
	return "."
}
