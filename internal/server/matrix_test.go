package server_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/server"
	"plumbline.dev/plumb/internal/server/servertest"
)

var update = flag.Bool("update", false, "write what is seen into testdata")

// principal is one column of the matrix.
type principal struct {
	name   string
	client *servertest.Client
}

// Every route, asked by every kind of principal: "." is let through to the use-case, 401 and 403 are
// refused before it. A new route or permission changes the table, and a reviewer sees it.
func TestWhoMayAskWhat(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	s := servertest.Start(t, func(c *server.Config) {
		c.Clock = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	old := s.Token(servertest.Rita, map[string]any{"name": "old", "days": 1, "scopes": []string{"read", "file", "evidence", "gate", "admin-read"}})
	ahead.Store(int64(36 * time.Hour))
	who := principals(s, old)
	routes := needs(t, s)
	var out strings.Builder
	fmt.Fprintf(&out, "%-62s %-16s", "route", "needs")
	for _, p := range who {
		fmt.Fprintf(&out, " %s", p.name)
	}
	out.WriteString("\n")
	for _, route := range slices.Sorted(maps.Keys(routes)) {
		fmt.Fprintf(&out, "%-62s %-16s", route, routes[route])
		for _, p := range who {
			fmt.Fprintf(&out, " %-*s", len(p.name), admitted(t, p, route, routes[route]))
		}
		out.WriteString("\n")
	}
	got := regexp.MustCompile(` +\n`).ReplaceAllString(out.String(), "\n")
	const file = "testdata/routes.txt"
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
		t.Errorf("who may ask what has changed; look at it, then run with -update. Got:\n%s", got)
	}
}

func principals(s *servertest.Server, expired string) []principal {
	ivan := s.Again(servertest.Ivan)
	s.Again(servertest.Otto).Want(204, "POST", "/people/"+s.People[servertest.Ivan]+"/disable", map[string]any{"reason": "left"})
	who := []principal{{"nobody", s.Nobody()}, {"wrong", s.With("plb_ses_" + strings.Repeat("a", 59))}, {"expired", s.With(expired)}, {"disabled", ivan}}
	for _, name := range []string{servertest.Rita, servertest.Alice, servertest.Sam, servertest.Otto, servertest.Olga, servertest.Audra} {
		who = append(who, principal{name, s.Again(name)})
	}
	rita := s.Again(servertest.Rita)
	for _, scope := range []string{"read", "file", "evidence", "gate", "admin-read"} {
		var made struct {
			Secret string `json:"secret"`
		}
		rita.Want(201, "POST", "/tokens", map[string]any{"name": scope, "scopes": []string{scope}}).Into(&made)
		who = append(who, principal{"t:" + scope, s.With(made.Secret)})
	}
	return append(who, principal{"ci", s.CI()})
}

// needs reads the routes and what each declares out of the API's own description.
func needs(t *testing.T, s *servertest.Server) map[string]string {
	t.Helper()
	var doc struct {
		Paths map[string]map[string]struct {
			Description string `json:"description"`
		} `json:"paths"`
	}
	s.Nobody().Want(200, "GET", "//openapi.json", nil).Into(&doc)
	permission := regexp.MustCompile("`([a-z.]+)`")
	out := map[string]string{}
	for path, item := range doc.Paths {
		for method, op := range item {
			need := "anybody"
			if m := permission.FindStringSubmatch(op.Description); m != nil {
				need = m[1]
			}
			out[strings.ToUpper(method)+" "+path] = need
		}
	}
	if len(out) < 80 {
		t.Fatalf("only %d routes are described", len(out))
	}
	return out
}

func admitted(t *testing.T, p principal, route, need string) string {
	t.Helper()
	method, path, _ := strings.Cut(route, " ")
	path = regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(path, "1")
	var body any
	if method != "GET" && method != "DELETE" {
		body = map[string]any{}
	}
	if strings.HasSuffix(path, "/logout") {
		return logout(p)
	}
	a := p.client.Ask(method, "/"+path, body)
	var problem struct {
		Code string `json:"code"`
		Rule string `json:"rule"`
	}
	if a.Code() != "" {
		a.Into(&problem)
	}
	switch {
	case a.Status == 401 && (problem.Code == "not_signed_in" || problem.Code == "token_over" || problem.Code == "session_over"):
		return "401"
	case a.Status == 403 && problem.Rule == need:
		return "403"
	case a.Status >= 500:
		t.Errorf("%s as %s: %d %s", route, p.name, a.Status, a.Body)
	}
	return "."
}

// logout asks without ending the session that the other rows need: a token is refused, and a session
// that may end itself is known to, so it is asked about another route of the same permission.
func logout(p principal) string {
	switch a := p.client.Ask("GET", "/sessions", nil); a.Status {
	case 401:
		return "401"
	case 403:
		return "403"
	}
	return "."
}
