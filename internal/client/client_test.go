package client

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// The answers here are bytes written by hand, as a broken server or proxy would send them; the real
// server answers in the scripts of the command line.
func asking(t *testing.T, c Config, h http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c.URL = s.URL
	out, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func problem(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"type":"t","title":"T","status":%d,"detail":"D.","code":%q,"rule":"r","clause":"c","who":"w","next":"n","fields":[{"path":"a","problem":"b"}],"request":"req_1","newer":1}`, status, code)
}

func TestTheTokenGoesNowhereInClear(t *testing.T) {
	t.Parallel()
	for address, code := range map[string]string{"http://plumb.example.com": "plain_http", "http://10.0.0.1:80": "plain_http", "http://127.0.0.1.example.com": "plain_http",
		"": "no_url", "ftp://x": "bad_url", "https://": "bad_url", "https://user:pw@x": "bad_url", "https://x/?a=b": "bad_url", "plumb.example.com": "bad_url"} {
		if _, err := New(Config{URL: address}); !fault.Is(err, code) {
			t.Errorf("%q: got %v, want %s", address, err, code)
		}
	}
	for _, address := range []string{"http://127.0.0.1:1", "http://localhost:1/", "http://[::1]:1", "https://plumb.example.com"} {
		if _, err := New(Config{URL: address}); err != nil {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	c := asking(t, Config{Token: "plb_ses_x"}, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	if _, err := c.Me(t.Context()); fault.Of(err).Kind != fault.Invalid || asked.Load() != 1 {
		t.Errorf("got %v after %d requests", err, asked.Load())
	}
}

func TestARefusalKeepsEverythingTheServerSaid(t *testing.T) {
	t.Parallel()
	for status, kind := range map[int]fault.Kind{400: fault.Invalid, 401: fault.Unauthenticated, 403: fault.Denied, 404: fault.NotFound, 409: fault.Conflict, 412: fault.Stale,
		413: fault.TooLarge, 422: fault.Invalid, 428: fault.Invalid, 429: fault.Limited, 500: fault.Internal, 502: fault.Unavailable, 503: fault.Unavailable, 418: fault.Internal} {
		c := asking(t, Config{}, func(w http.ResponseWriter, _ *http.Request) { problem(w, status, "some_code") })
		_, err := c.Me(t.Context())
		f := fault.Of(err)
		if f.Kind != kind || f.Code != "some_code" || f.Rule != "r" || f.Clause != "c" || f.Who != "w" || f.Next != "n" || len(f.Fields) != 1 {
			t.Errorf("%d: got %+v", status, f)
		}
		if p := ProblemOf(err); p.Request != "req_1" || p.Status != status {
			t.Errorf("%d: the problem became %+v", status, p)
		}
	}
}

func TestWhatIsNotPlumblineIsNotRepeated(t *testing.T) {
	t.Parallel()
	c := asking(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"verdict":"allow"} <script>`)
	})
	_, err := c.Me(t.Context())
	if !fault.Is(err, "not_plumbline") || strings.Contains(err.Error(), "script") {
		t.Errorf("got %v", err)
	}
	c = asking(t, Config{}, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"person":`) })
	if _, err := c.Me(t.Context()); !fault.Is(err, "bad_answer") {
		t.Errorf("half an answer: got %v", err)
	}
}

func TestAGateThatDeniesIsAnAnswerAndAProblemIsNot(t *testing.T) {
	t.Parallel()
	c := asking(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"schema":"plumb.gate-verdict/v1","verdict":"deny","code":4}`)
	})
	if r, err := c.GateCheck(t.Context(), wire.GateRequest{}); err != nil || r.Value.Code != 4 || r.Status != 403 {
		t.Errorf("got %+v, %v", r.Value, err)
	}
	c = asking(t, Config{}, func(w http.ResponseWriter, _ *http.Request) { problem(w, 403, "not_allowed") })
	if _, err := c.GateCheck(t.Context(), wire.GateRequest{}); fault.Of(err).Kind != fault.Denied {
		t.Errorf("got %v", err)
	}
}

func TestABusyServerIsTriedAgainWithTheSameKey(t *testing.T) {
	t.Parallel()
	var keys []string
	c := asking(t, Config{RetryFor: time.Minute}, func(w http.ResponseWriter, r *http.Request) {
		keys = append(keys, r.Header.Get("Idempotency-Key"))
		if len(keys) < 3 {
			problem(w, []int{429, 503}[len(keys)-1], "busy")
			return
		}
		fmt.Fprint(w, `{"id":"CHG-000001"}`)
	})
	r, err := c.NewChange(t.Context(), wire.Material{}, "")
	if err != nil || r.Value.ID != "CHG-000001" {
		t.Fatalf("got %+v, %v", r.Value, err)
	}
	if len(keys) != 3 || keys[0] == "" || keys[0] != keys[2] {
		t.Errorf("the keys were %q", keys)
	}
}

func TestWhatPeopleMustMendIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(http.ResponseWriter){
		"not set up": func(w http.ResponseWriter) { problem(w, 503, NotSetUp) },
		"denied":     func(w http.ResponseWriter) { problem(w, 403, "x") },
	} {
		var asked atomic.Int64
		c := asking(t, Config{RetryFor: time.Minute}, func(w http.ResponseWriter, _ *http.Request) { asked.Add(1); answer(w) })
		if _, err := c.Me(t.Context()); err == nil || asked.Load() != 1 {
			t.Errorf("%s: asked %d times, %v", name, asked.Load(), err)
		}
	}
	var asked atomic.Int64
	c := asking(t, Config{RetryFor: time.Minute}, func(w http.ResponseWriter, _ *http.Request) { asked.Add(1); problem(w, 429, "too_many_attempts") })
	if _, err := c.Login(t.Context(), "u", "p", "", ""); err == nil || asked.Load() != 1 {
		t.Errorf("a password was tried %d times, %v", asked.Load(), err)
	}
}

func TestNoServerIsUnavailable(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	c, err := New(Config{URL: "http://" + address, RetryFor: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Me(t.Context()); !fault.Is(err, Unreachable) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Me(ctx); err == nil || fault.Is(err, Unreachable) {
		t.Errorf("an interrupt looks like an unreachable server: %v", err)
	}
}

func TestASkewedClockIsTold(t *testing.T) {
	t.Parallel()
	for off, want := range map[time.Duration]bool{0: false, 10 * time.Second: false, -time.Hour: true, time.Hour: true} {
		told := false
		c := asking(t, Config{Warn: func(string, ...any) { told = true }}, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", time.Now().Add(off).UTC().Format(http.TimeFormat))
			fmt.Fprint(w, `{}`)
		})
		if _, err := c.Me(t.Context()); err != nil || told != want {
			t.Errorf("%s: told %v, %v", off, told, err)
		}
	}
}

func TestARequestSaysWhoWhatAndWhichRevision(t *testing.T) {
	t.Parallel()
	var got *http.Request
	c := asking(t, Config{Token: seal.Secret("plb_ses_x"), Agent: "plumb/test"}, func(w http.ResponseWriter, r *http.Request) {
		got = r
		w.Header().Set("ETag", `"sha256:ab"`)
		fmt.Fprint(w, `{}`)
	})
	r, err := c.Decide(t.Context(), "CHG-1/../x", "approve", "sha256:aa", "")
	if err != nil || r.ETag != "sha256:ab" {
		t.Fatalf("got %q, %v", r.ETag, err)
	}
	h := got.Header
	if got.URL.EscapedPath() != "/api/v1/changes/CHG-1%2F..%2Fx/approve" || h.Get("If-Match") != `"sha256:aa"` || h.Get("Authorization") != "Bearer plb_ses_x" ||
		h.Get("User-Agent") != "plumb/test" || h.Get("Content-Type") != "application/json" {
		t.Errorf("got %s %v", got.URL, h)
	}
}

func TestAListIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	c := asking(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("cursor") {
		case "":
			fmt.Fprint(w, `{"items":[{"id":"CHG-3"},{"id":"CHG-2"}],"next":"n2"}`)
		case "n2":
			fmt.Fprint(w, `{"items":[{"id":"CHG-1"}],"next":""}`)
		default:
			problem(w, 400, "bad_cursor")
		}
	})
	page := func(ctx context.Context, cursor string) (Reply[Page[Change]], error) {
		return c.Changes(ctx, Filter{}, cursor)
	}
	list, raw, err := All(t.Context(), 0, page)
	if err != nil || len(list) != 3 || len(raw) != 3 || list[2].ID != "CHG-1" {
		t.Errorf("got %v, %v", list, err)
	}
	if list, _, err = All(t.Context(), 2, page); err != nil || len(list) != 2 {
		t.Errorf("got %v, %v", list, err)
	}
}

func TestAnExportThatBreaksIsNoPack(t *testing.T) {
	t.Parallel()
	c := asking(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, "half")
	})
	var b strings.Builder
	if _, err := c.Export(t.Context(), ExportRequest{}, &b); err == nil {
		t.Error("half a pack was taken for a whole one")
	}
	c = asking(t, Config{}, func(w http.ResponseWriter, _ *http.Request) { problem(w, 404, "no_change") })
	if _, err := c.Export(t.Context(), ExportRequest{}, &b); !fault.Is(err, "no_change") {
		t.Errorf("got %v", err)
	}
}

// FuzzRefusal: whatever a server or a proxy answers, there is a refusal with a code, and none is a yes.
func FuzzRefusal(f *testing.F) {
	f.Add(403, "application/problem+json", []byte(`{"code":"x","detail":"D."}`))
	f.Add(500, "text/html", []byte("<html>"))
	f.Add(302, "", []byte{})
	f.Add(200, "application/problem+json", []byte(`{"code":""}`))
	f.Fuzz(func(t *testing.T, status int, contentType string, body []byte) {
		e := refusal(status, contentType, body)
		if e == nil || e.Code == "" {
			t.Fatalf("%d %q: got %+v", status, body, e)
		}
	})
}
