package server_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/server"
	"plumbline.dev/plumb/internal/server/servertest"
	"plumbline.dev/plumb/internal/wire"
)

// lou holds two approving roles; whatever they say, they are one person.
const lou = "lou"

// firm is one server with its company, lou among it, and everybody's way in. Besides the usernames,
// "token:NAME" asks with an API token of that person with every scope, servertest.CI as the pipeline,
// and servertest.Strange without a name.
type firm struct {
	*servertest.Server

	mu  sync.Mutex
	who map[string]*servertest.Client // guarded by mu
}

// approvers are the roles that approve, by username, as the ceremony gives them.
var approvers = map[string][]string{
	servertest.Olga: {"security-officer"}, servertest.Otto: {"security-officer"}, servertest.Sam: {"security-lead"},
	servertest.Sally: {"security-lead"}, servertest.Erin: {"engineering-lead"}, servertest.Emil: {"engineering-lead"},
	servertest.Ivan: {"it-manager"}, servertest.Dora: {"devops-lead"}, lou: {"security-lead", "engineering-lead"},
}

func found(t testing.TB, options ...func(*server.Config)) *firm {
	t.Helper()
	f := &firm{Server: servertest.Empty(t, options...), who: map[string]*servertest.Client{}}
	f.SetUp(servertest.CompanyWith(servertest.Person(lou, "security-lead", "engineering-lead")))
	f.CI()
	return f
}

// client gives somebody's way in; they sign in when they are first needed.
func (f *firm) client(name string) *servertest.Client {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.who[name]; c != nil {
		return c
	}
	owner, isToken := strings.CutPrefix(name, "token:")
	switch {
	case name == servertest.Strange:
		f.who[name] = f.Nobody()
	case name == servertest.CI:
		f.who[name] = f.CI()
	case isToken:
		f.who[name] = f.With(f.Token(owner, map[string]any{"name": "all of it", "scopes": directory.Scopes()}))
	default:
		f.who[name] = f.As(name)
	}
	return f.who[name]
}

// reply is what a server said, for tests that go on after a refusal or a lost connection.
type reply struct {
	status  int
	code    string // of a problem
	etag    string
	again   bool // the first answer to a repeated key
	body    []byte
	problem bool
}

func (r reply) ok() bool { return r.status >= 200 && r.status < 300 }

func (r reply) has(text string) bool { return strings.Contains(string(r.body), text) }

func (r reply) String() string { return fmt.Sprintf("%d %s", r.status, clip(r.body, 400)) }

func clip(b []byte, n int) string {
	if len(b) > n {
		return string(b[:n]) + "…"
	}
	return string(b)
}

// into decodes the body; a broken one is the test's failure.
func (r reply) into(t interface {
	Helper()
	Fatalf(string, ...any)
}, v any) {
	t.Helper()
	if err := json.Unmarshal(r.body, v); err != nil {
		t.Fatalf("decode %s: %v", clip(r.body, 400), err)
	}
}

// wires is the tests' own client.
var wires = &http.Client{Timeout: 2 * time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 128}}

func send(r *http.Request) (reply, error) {
	res, err := wires.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return reply{}, err
	}
	out := reply{status: res.StatusCode, etag: res.Header.Get("ETag"), again: res.Header.Get("Idempotent-Replay") != "", body: b,
		problem: res.Header.Get("Content-Type") == "application/problem+json"}
	if out.problem {
		var p struct {
			Code string `json:"code"`
		}
		if err := json.Unmarshal(b, &p); err != nil {
			return out, fmt.Errorf("decode problem %s: %w", clip(b, 400), err)
		}
		out.code = p.Code
	}
	return out, nil
}

// ask asks as somebody and gives whatever was said.
func (f *firm) ask(t testing.TB, name, method, path string, body any, headers ...string) reply {
	t.Helper()
	r, err := send(f.client(name).Request(method, path, body, headers...))
	if err != nil {
		t.Fatalf("%s %s as %s: %v", method, path, name, err)
	}
	return r
}

// done is ask that must succeed; the answer is decoded into v unless it is nil.
func (f *firm) done(t testing.TB, v any, name, method, path string, body any, headers ...string) {
	t.Helper()
	r := f.ask(t, name, method, path, body, headers...)
	if !r.ok() {
		t.Fatalf("%s %s as %s: %s", method, path, name, r)
	}
	if v != nil {
		r.into(t, v)
	}
}

// usual is a configuration change on a target of its own, which counts as production: it needs the
// Security Lead and the Engineering Lead, a test result, and afterwards the owner's word. Its way back
// is bound as well.
func (f *firm) usual(bytes string) change.Material {
	return change.Material{Type: "normal", Category: "configuration", Summary: "first wording", Justification: "The queue grows at noon.",
		Components: []string{"web"}, Targets: []string{seal.NewID("host")},
		Bindings:     []change.Binding{{Kind: "config-file", Name: "web.yaml", Digest: seal.Raw([]byte(bytes))}},
		Rollback:     change.Rollback{Text: "Put the old file back.", Binding: &change.Binding{Kind: "runbook", Name: "back.sh", Digest: seal.Raw([]byte("back"))}},
		Implementers: []change.Executor{{Account: f.People[servertest.CI], Repo: servertest.Repo, Pipe: servertest.Pipeline}}}
}

func at(c change.Change, verb string) string { return "/changes/" + string(c.ID) + verb }

// filed files a change as Alice.
func (f *firm) filed(t testing.TB, m change.Material) (c change.Change) {
	t.Helper()
	f.done(t, &c, servertest.Alice, "POST", "/changes", m)
	return c
}

// approved brings a filed change through its tests and both leads.
func (f *firm) approved(t testing.TB, c change.Change, subject string) change.Change {
	t.Helper()
	f.done(t, &c, servertest.Alice, "POST", at(c, "/submit"), map[string]any{}, servertest.Seen(c)...)
	f.done(t, nil, servertest.CI, "POST", at(c, "/evidence?format=junit&subject="+subject), servertest.JUnit())
	for _, lead := range []string{servertest.Sam, servertest.Erin} {
		f.done(t, &c, lead, "POST", at(c, "/approve"), map[string]any{}, servertest.Seen(c)...)
	}
	if c.State != change.Authorized {
		t.Fatalf("after both approvals the change is %s", c.State)
	}
	return c
}

// show opens nothing: it asks what the gate would say to these bytes.
func presented(c change.Change, kind, bytes string) wire.GateRequest {
	q := servertest.Request(c.ID, kind)
	q.Observed[0].Digest = seal.Raw([]byte(bytes))
	if kind == wire.KindRollback {
		q.Observed = []wire.Observed{{Kind: "runbook", Name: "back.sh", Digest: seal.Raw([]byte(bytes))}}
	}
	return q
}
