// Package servertest starts a real server for tests of the rooms above it: a port of its own, a data
// folder of its own, and a company that has held its first-start ceremony. It is only for tests.
package servertest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/server"
)

// The people of the company, by username. Each signs in with Password.
const (
	Olga    = "olga"   // security officer and admin
	Otto    = "otto"   // security officer
	Sam     = "sam"    // security lead
	Sally   = "sally"  // security lead
	Erin    = "erin"   // engineering lead
	Emil    = "emil"   // engineering lead
	Ivan    = "ivan"   // IT manager
	Dora    = "dora"   // devops lead
	Alice   = "alice"  // author; holds no role
	Ivy     = "ivy"    // implementer; owns the service account CI
	Audra   = "audra"  // auditor
	Rita    = "rita"   // reader; holds no role
	CI      = "ci"     // service account of Ivy, bound to Repo and Pipeline
	Strange = "nobody" // has no account
)

// Password is everybody's. Repo and Pipeline are what the service account speaks for.
const (
	Password = "copper lantern meadow 42"
	Repo     = "example-infra"
	Pipeline = "apply"
)

// Server is one running server with its company.
type Server struct {
	URL    string
	Dir    string            // data folder
	People map[string]string // person id by username, CI's account id among them
	Config server.Config     // to start it again on the same data

	t    testing.TB
	mu   sync.Mutex
	seen map[string]*Client // guarded by mu
	stop func()

	pipeline sync.Once
}

// Start starts a server with the company set up. Options change its configuration before it starts.
func Start(t testing.TB, options ...func(*server.Config)) *Server {
	t.Helper()
	s := Empty(t, options...)
	s.SetUp(Company())
	return s
}

// Empty starts a server that nobody has set up.
func Empty(t testing.TB, options ...func(*server.Config)) *Server {
	t.Helper()
	cfg := server.Default()
	at := dbtest.Config(t)
	cfg.Data, cfg.Database, cfg.Schema = at.Dir, at.URL, at.Schema
	if cfg.Data == "" {
		cfg.Data = t.TempDir()
	}
	cfg.Listen, cfg.Ballast, cfg.AccountRate, cfg.StrangerRate = "127.0.0.1:0", 0, 0, 0
	cfg.HashCheaply = true // signing in is what most tests begin with, and not what they are about
	for _, o := range options {
		o(&cfg)
	}
	s := &Server{t: t, Dir: cfg.Data, Config: cfg, People: map[string]string{}, seen: map[string]*Client{}}
	s.Restart()
	t.Cleanup(s.Stop)
	return s
}

// Restart starts the server on its data again, stopping it first where it runs. The URL changes.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	opened, err := server.Open(context.Background(), s.Config)
	if err != nil {
		s.t.Fatalf("open server: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- opened.Run(ctx) }()
	s.URL = opened.URL()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Errorf("the server did not stop cleanly: %v", err)
		}
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.seen {
		c.url = s.URL
	}
}

// Stop stops the server and waits until it has; a second time does nothing.
func (s *Server) Stop() {
	if s.stop != nil {
		s.stop()
	}
}

// SetupCode reads the code that an empty server offers.
func (s *Server) SetupCode() string {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.Dir, "setup-code"))
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// Member is one person of the company. Without a password they get a code, so that nothing slow is
// hashed for people whom a test never asks for.
type Member struct {
	Name     string   `json:"name"`
	Email    string   `json:"email"`
	Username string   `json:"username"`
	Roles    []string `json:"roles"`
}

// Company is the body of the ceremony that Start holds, but for the code.
func Company() map[string]any {
	return CompanyWith()
}

// CompanyWith is Company with further people, each made by Person.
func CompanyWith(more ...Member) map[string]any {
	person := Person
	staff := []Member{person(Olga, "admin"), person(Otto), person(Sam, "security-lead"), person(Sally, "security-lead"),
		person(Erin, "engineering-lead"), person(Emil, "engineering-lead"), person(Ivan, "it-manager"), person(Dora, "devops-lead"),
		person(Alice), person(Ivy, "implementer"), person(Audra, "auditor"), person(Rita)}
	return map[string]any{"company": "Example Ltd", "zone": "Europe/Berlin", "officers": []string{Olga, Otto},
		"people": append(staff, more...)}
}

// Person is somebody for a ceremony, with the roles that they are to hold.
func Person(name string, roles ...string) Member {
	return Member{Name: strings.ToUpper(name[:1]) + name[1:], Email: name + "@example.com", Username: name, Roles: append([]string{}, roles...)}
}

// SetUp holds the ceremony of an empty server; body is what Company gives, or another company.
func (s *Server) SetUp(body map[string]any) {
	s.t.Helper()
	body["code"] = s.SetupCode()
	var out struct {
		People map[string]string `json:"people"`
		Codes  map[string]string `json:"codes"`
	}
	s.Nobody().Want(http.StatusCreated, "POST", "/setup", body).Into(&out)
	for name, id := range out.People {
		s.People[name] = id
	}
	for name, code := range out.Codes {
		s.seen[name] = &Client{t: s.t, url: s.URL, name: name, code: code}
	}
}

// Nobody asks without a name.
func (s *Server) Nobody() *Client { return &Client{t: s.t, url: s.URL} }

// As gives the client of a person, signed in; the same one each time.
func (s *Server) As(name string) *Client {
	s.t.Helper()
	s.mu.Lock()
	c := s.seen[name]
	s.mu.Unlock()
	if c == nil {
		s.t.Fatalf("there is no %s in the company", name)
	}
	c.signIn()
	return c
}

// Again gives a client of a person with a session of its own, for tests that end sessions.
func (s *Server) Again(name string) *Client {
	s.t.Helper()
	s.As(name)
	var out struct {
		Token string `json:"token"`
	}
	s.Nobody().Want(http.StatusOK, "POST", "/login", map[string]any{"username": name, "password": Password}).Into(&out)
	c := s.With(out.Token)
	c.name = name
	return c
}

// CI gives the client of the pipeline's service account, bound to Repo and Pipeline, with the scopes of a
// pipeline.
func (s *Server) CI() *Client {
	s.t.Helper()
	s.pipeline.Do(func() {
		var account struct {
			ID string `json:"id"`
		}
		s.As(Olga).Want(http.StatusCreated, "POST", "/service-accounts",
			map[string]any{"username": CI, "owner": s.People[Ivy], "note": "the pipeline", "repos": []string{Repo}}).Into(&account)
		secret := s.Token(Ivy, map[string]any{"account": account.ID, "name": "pipeline",
			"scopes": []string{"read", "file", "evidence", "gate"}, "repo": Repo, "pipeline": Pipeline})
		s.mu.Lock()
		defer s.mu.Unlock()
		s.People[CI] = account.ID
		s.seen[CI] = s.With(secret)
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen[CI]
}

// Token makes an API token as a person and gives its secret.
func (s *Server) Token(name string, ask map[string]any) string {
	s.t.Helper()
	var made struct {
		Secret string `json:"secret"`
	}
	s.As(name).Want(http.StatusCreated, "POST", "/tokens", ask).Into(&made)
	return made.Secret
}

// With gives a client with a secret.
func (s *Server) With(secret string) *Client { return &Client{t: s.t, url: s.URL, Secret: secret} }

// Client asks a server as somebody.
type Client struct {
	Secret string // session or token; "" for nobody

	t    testing.TB
	url  string
	name string
	once sync.Once
	code string // to choose a password with, at the first sign-in
}

func (c *Client) signIn() {
	c.t.Helper()
	c.once.Do(func() {
		var out struct {
			Token string `json:"token"`
		}
		(&Client{t: c.t, url: c.url}).Want(http.StatusOK, "POST", "/login",
			map[string]any{"username": c.name, "password": c.code, "new_password": Password}).Into(&out)
		c.Secret = out.Token
	})
}

// Answer is what a server said.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte

	t testing.TB
}

// Into decodes the answer.
func (a Answer) Into(v any) {
	a.t.Helper()
	if err := json.Unmarshal(a.Body, v); err != nil {
		a.t.Fatalf("decode %s: %v", a.Body, err)
	}
}

// Code is the code of a problem, "" when it is none.
func (a Answer) Code() string {
	var p struct {
		Code string `json:"code"`
	}
	if a.Header.Get("Content-Type") != "application/problem+json" || json.Unmarshal(a.Body, &p) != nil {
		return ""
	}
	return p.Code
}

// Idle ends the connections that no request uses, for tests that count goroutines.
func Idle() { plain.CloseIdleConnections() }

// Request makes a request below /api/v1; body is bytes, a reader, or anything that is sent as JSON.
// Headers are name and value in turn.
func (c *Client) Request(method, path string, body any, headers ...string) *http.Request {
	c.t.Helper()
	var reader io.Reader
	isJSON := false
	switch b := body.(type) {
	case nil:
	case []byte:
		reader = bytes.NewReader(b)
	case io.Reader:
		reader = b
	default:
		text, err := json.Marshal(b, json.Deterministic(true))
		if err != nil {
			c.t.Fatal(err)
		}
		reader, isJSON = bytes.NewReader(text), true
	}
	if !strings.HasPrefix(path, "//") {
		path = "/api/v1" + path
	} else {
		path = path[1:]
	}
	r, err := http.NewRequestWithContext(context.Background(), method, c.url+path, reader)
	if err != nil {
		c.t.Fatal(err)
	}
	if isJSON {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.Secret != "" {
		r.Header.Set("Authorization", "Bearer "+c.Secret)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// Ask asks and reads the answer. A path that begins with two slashes is not below /api/v1.
func (c *Client) Ask(method, path string, body any, headers ...string) Answer {
	c.t.Helper()
	res, err := plain.Do(c.Request(method, path, body, headers...))
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return Answer{Status: res.StatusCode, Header: res.Header, Body: b, t: c.t}
}

// plain is the tests' own client: no proxy, no redirects.
var plain = &http.Client{Timeout: 2 * time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 64},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// Want is Ask that must be answered with a status.
func (c *Client) Want(status int, method, path string, body any, headers ...string) Answer {
	c.t.Helper()
	a := c.Ask(method, path, body, headers...)
	if a.Status != status {
		c.t.Fatalf("%s %s as %q: got %d %s, want %d", method, path, c.name, a.Status, a.Body, status)
	}
	return a
}

// Refused is Ask that must be refused with a status and a code.
func (c *Client) Refused(status int, code, method, path string, body any, headers ...string) Answer {
	c.t.Helper()
	a := c.Ask(method, path, body, headers...)
	if a.Status != status || a.Code() != code {
		c.t.Fatalf("%s %s as %q: got %d %s, want %d %s", method, path, c.name, a.Status, a.Body, status, code)
	}
	return a
}

// Seen gives the If-Match header of a change.
func Seen(c change.Change) []string { return []string{"If-Match", `"` + c.RevDigest + `"`} }
