package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/fault"
)

// asked builds an API of one open route and asks it.
func asked(t *testing.T, c Config, route Route, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	a, err := build(c, []Route{route})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

func TestAPanicIsAProblemWithoutDetail(t *testing.T) {
	t.Parallel()
	broken := Route{Method: get, Path: "/broken", Open: true, bind: answers(func(*API, context.Context, *none) (*none, error) {
		panic("the secret is hunter2")
	})}
	w := asked(t, wired(t), broken, httptest.NewRequest(get, "/broken", nil))
	if w.Code != http.StatusInternalServerError || w.Header().Get("Content-Type") != "application/problem+json" ||
		strings.Contains(w.Body.String(), "hunter2") || !strings.Contains(w.Body.String(), `"code":"internal"`) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestNothingIsWrittenWhileTheDiskIsFull(t *testing.T) {
	t.Parallel()
	c := wired(t)
	c.Writable = func() error { return fault.New(fault.Unavailable, "disk_low", "The disk is full.") }
	read := Route{Method: get, Path: "/thing", Open: true, bind: answers(ask)}
	if w := asked(t, c, read, httptest.NewRequest(get, "/thing", nil)); w.Code != http.StatusNoContent {
		t.Errorf("reading: %d %s", w.Code, w.Body)
	}
	full := wired(t)
	full.Writable = c.Writable
	write := Route{Method: post, Path: "/thing", Open: true, bind: answers(ask)}
	if w := asked(t, full, write, httptest.NewRequest(post, "/thing", nil)); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("writing: %d %s", w.Code, w.Body)
	}
}

func TestARequestKeepsOnlyAHarmlessName(t *testing.T) {
	t.Parallel()
	route := Route{Method: get, Path: "/thing", Open: true, bind: answers(ask)}
	for name, kept := range map[string]bool{"build-77.check_1": true, "short": false, "": false, "has a space in it": false,
		"line\nbreak-in-it": false, strings.Repeat("x", 65): false, "ünïcödé-name": false, `quote"in-name`: false} {
		r := httptest.NewRequest(get, "/thing", nil)
		r.Header["X-Request-Id"] = []string{name}
		got := asked(t, wired(t), route, r).Header().Get("X-Request-Id")
		if (got == name) != kept || got == "" {
			t.Errorf("%q was answered as %q", name, got)
		}
	}
}

// The proxy's own word on the client's address counts, and only where a proxy of ours is said to be.
func TestAddressesAreNotTakenFromClients(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(get, "/", nil)
	r.RemoteAddr = "192.0.2.1:1234"
	r.Header.Add("X-Forwarded-For", "1.1.1.1, 2.2.2.2")
	r.Header.Add("X-Forwarded-For", "198.51.100.7")
	for proxied, want := range map[bool]string{false: "192.0.2.1", true: "198.51.100.7"} {
		a := &API{Config: Config{Proxied: proxied}}
		if got := a.Address(r); got != netip.MustParseAddr(want) {
			t.Errorf("behind a proxy %v: %v, want %s", proxied, got, want)
		}
	}
}

func TestStrangersAndAccountsAreSlowedDown(t *testing.T) {
	t.Parallel()
	l := newLimiter(Limits{Principal: 10, Stranger: 1})
	home, next := netip.MustParseAddr("2001:4860::1"), netip.MustParseAddr("2001:4860::2")
	for range 4 {
		l.failed(home)
	}
	if err := l.known(next); !fault.Is(err, "too_many_requests") {
		t.Errorf("the same /64 goes on guessing: %v", err)
	}
	if err := l.known(netip.MustParseAddr("2001:4861::1")); err != nil {
		t.Errorf("another network: %v", err)
	}
	refused := 0
	for range 100 {
		if l.principal("acc_1") != nil {
			refused++
		}
	}
	if refused < 50 || l.principal("acc_2") != nil {
		t.Errorf("%d of 100 at once refused", refused)
	}
	if free := newLimiter(Limits{}); free.principal("x") != nil || free.stranger(home) != nil || free.known(home) != nil {
		t.Error("no limit still limits")
	}
}

func TestRepeatedDenialsAreSummedUp(t *testing.T) {
	t.Parallel()
	d, now := newDenials(), time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	who := fault.Actor{Account: "acc_1"}
	events := func(n int, code string) (taken int) {
		for range n {
			if d.take(who, fault.New(fault.Denied, code, "No."), now) {
				taken++
			}
		}
		return taken
	}
	if n := events(100, "self_approval"); n != sameDenials {
		t.Errorf("%d equal denials become events, want %d", n, sameDenials)
	}
	all := sameDenials
	for _, c := range "abcdefghijklmnopqrstuvwxyz" {
		all += events(100, string(c))
	}
	if all != allDenials {
		t.Errorf("%d denials in a minute become events, want %d", all, allDenials)
	}
	now = now.Add(time.Minute)
	if events(1, "self_approval") != 1 {
		t.Error("after a minute nothing is recorded")
	}
}

// Whatever is sent to a route that reads JSON, the answer is never the server's fault.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{`{}`, `{"comment":"x"}`, `{"comment":"x","comment":"y"}`, `{"COMMENT":"x"}`, `[[[[`, "\xff", `{"comment":1e999}`, "null", `"\ud800"`} {
		f.Add([]byte(seed), "application/json")
	}
	f.Add([]byte("comment=x"), "text/plain; charset=\x00")
	read := Route{Method: post, Path: "/thing", Open: true, bind: answers(func(_ *API, _ context.Context, in *struct{ In JSON[Remark] }) (*body[Remark], error) {
		return give(in.In.value, nil)
	})}
	a, err := build(wired(f), []Route{read})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte, kind string) {
		r := httptest.NewRequest(post, "/thing", strings.NewReader(string(b)))
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		if w.Code != http.StatusOK && (w.Code < 400 || w.Code >= 500) {
			t.Fatalf("%q as %q: %d %s", b, kind, w.Code, w.Body)
		}
	})
}

func FuzzCursor(f *testing.F) {
	f.Add(cursor(0))
	f.Add(cursor(1 << 62))
	f.Add("../../etc")
	f.Fuzz(func(t *testing.T, c string) {
		n, err := Paging{Cursor: c}.from(7)
		if err == nil && n < 0 {
			t.Fatalf("%q is %d", c, n)
		}
		if err != nil && !fault.Is(err, "bad_cursor") {
			t.Fatalf("%q: %v", c, err)
		}
	})
}

func TestARequestShowsOneSecret(t *testing.T) {
	t.Parallel()
	const own = "X-Own-Token"
	for _, c := range []struct {
		name   string
		header http.Header
		token  string // the route's own header
		want   string
	}{
		{"a bearer", http.Header{"Authorization": {"Bearer a"}}, "", "a"},
		{"a bearer where a token may be shown", http.Header{"Authorization": {"Bearer a"}}, own, "a"},
		{"a token", http.Header{own: {"a"}}, own, "a"},
		{"a token elsewhere", http.Header{own: {"a"}}, "", ""},
		{"both", http.Header{"Authorization": {"Bearer a"}, own: {"a"}}, own, ""},
		{"two tokens", http.Header{own: {"a", "a"}}, own, ""},
		{"two bearers", http.Header{"Authorization": {"Bearer a", "Bearer a"}}, own, ""},
		{"another scheme", http.Header{"Authorization": {"Basic a"}}, own, ""},
		{"nothing", http.Header{}, own, ""},
	} {
		secret, ok := credential(c.header, &Route{Token: c.token})
		if ok != (c.want != "") || ok && secret != c.want {
			t.Errorf("%s: %q, %v", c.name, secret, ok)
		}
	}
}
