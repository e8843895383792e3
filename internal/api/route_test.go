package api

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/seal"
)

// wired is a configuration with real desks on an empty database.
func wired(t testing.TB) Config {
	t.Helper()
	d := dbtest.Open(t, dbtest.NewClock())
	key, err := seal.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	log, err := ledger.Open(t.Context(), d, key, "plumbline.example/test", nil)
	if err != nil {
		t.Fatal(err)
	}
	people := directory.New(d, make([]byte, 32))
	people.HashCheaply()
	return Config{DB: d, Log: log, People: people, Changes: change.New(change.Config{DB: d, Log: log, People: people, Key: key}),
		Refused: ledger.NewCounter(d), Permits: key, Root: make([]byte, 32)}
}

func ask(*API, context.Context, *none) (*none, error) { return nil, nil }

// Deny by default: what declares nothing is not served, and neither is anything else (trust model 44).
func TestAServerWithAnUndeclaredRouteDoesNotStart(t *testing.T) {
	t.Parallel()
	around := func(a *API, op huma.Operation) { // registers another route beside its own
		answers(ask)(a, op)
		op.Path, op.OperationID = "/api/v1/behind", "behind"
		answers(ask)(a, op)
	}
	for name, table := range map[string][]Route{
		"no permission":        {{Method: get, Path: "/a", bind: answers(ask)}},
		"unknown permission":   {{Method: get, Path: "/a", Need: "root", bind: answers(ask)}},
		"open and needing":     {{Method: get, Path: "/a", Need: directory.ChangeRead, Open: true, bind: answers(ask)}},
		"no handler":           {{Method: get, Path: "/a", Need: directory.ChangeRead}},
		"a handler on the way": {{Method: get, Path: "/a", Need: directory.ChangeRead, bind: around}},
		"never filled in":      {{Method: get, Path: "/a/{id}", Open: true, bind: answers(hidden)}},
		"declared twice":       {{Method: get, Path: "/a", Open: true, bind: answers(ask)}, {Method: get, Path: "/a", Open: true, bind: answers(ask)}},
		"bound by nobody":      {{Method: get, Path: "/a", Open: true, bind: func(*API, huma.Operation) {}}},
	} {
		if _, err := build(wired(t), table); err == nil {
			t.Errorf("%s: the server would start", name)
		}
	}
	if _, err := New(wired(t)); err != nil {
		t.Errorf("the real table: %v", err)
	}
}

func TestEveryWriterSaysWhatARetryDoes(t *testing.T) {
	t.Parallel()
	same := map[string]bool{ // the same however often they are asked
		"POST /setup": true, "POST /login": true, "POST /logout": true, "POST /documents": true, "POST /gate/check": true,
		"POST /gate/renew": true, "POST /windows/preview": true, "POST /policy/explain": true, "POST /policy/simulate": true, "POST /export": true,
		"POST /sources/{name}/read": true, "POST /sources/{name}/documents": true, "POST /sources/{name}/data-collector": true, // read again
		"POST /agent/enrol": true, "POST /agent/report": true, // a token and a number that count once say what a retry is
	}
	for _, r := range routes() {
		name := r.Method + " " + strings.TrimPrefix(r.Path, Base)
		if r.writes() && r.Repeats == ignored && !same[name] {
			t.Errorf("%s takes no idempotency key", name)
		}
		if r.Method == http.MethodGet && r.Repeats != ignored {
			t.Errorf("%s is read, a key does nothing there", name)
		}
		if r.Open == (r.Need != "") {
			t.Errorf("%s is open and needs %q", name, r.Need)
		}
	}
}

func TestEveryRefusalHasAStatus(t *testing.T) {
	t.Parallel()
	for kind := range kinds {
		if s := kinds[kind]; s.status < 400 || s.title == "" {
			t.Errorf("%s has status %d %q", kind, s.status, s.title)
		}
	}
	if len(kinds) != 10 {
		t.Errorf("%d kinds have a status; a kind without one would be answered with 0", len(kinds))
	}
}

// hidden takes its parameter in an embedded part that begins with a small letter, which nothing fills in.
func hidden(*API, context.Context, *struct{ idIn }) (*body[string], error) { return give("", nil) }
