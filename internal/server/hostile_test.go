package server_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/server/servertest"
	"plumbline.dev/plumb/internal/wire"
)

// Whatever is sent, the answer is a clear refusal by the asker's fault, never the server's.
func TestHostileBodiesAreRefusedClearly(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	alice := s.As(servertest.Alice)
	const secret = "hunter2-canary"
	for name, x := range map[string]struct {
		body   string
		status int
		code   string
	}{
		"the same member twice":    {`{"type":"normal","type":"standard"}`, 400, "duplicate_member"},
		"a member in another case": {`{"type":"normal","TYPE":"standard"}`, 400, "unknown_member"},
		"an unknown member":        {`{"type":"normal","state":"authorized"}`, 400, "unknown_member"},
		"a hostile member":         {`{"` + "\u202e" + secret + `":1}`, 400, "unknown_member"},
		"nested too deep":          {strings.Repeat(`{"a":`, 65) + "1" + strings.Repeat("}", 65), 400, "too_deep"},
		"a very deep array":        {strings.Repeat("[", 500_000), 400, "too_deep"},
		"bytes that are no text":   {"{\"summary\":\"\xff\xfe\"}", 400, "bad_utf8"},
		"half a document":          {`{"type":"nor`, 400, "bad_json"},
		"two documents":            {`{} {}`, 400, "bad_json"},
		"nothing":                  {"", 400, "no_body"},
		"a list":                   {`[]`, 400, "bad_json"},
		"null for a list":          {`{"type":"normal","bindings":[null]}`, 400, "bad_change"},
		"a number for a text":      {`{"type":"normal","summary":7}`, 400, "bad_json"},
		"a huge number":            {`{"type":"normal","attachments":[{"size":1e400}]}`, 400, "bad_json"},
		"direction in a line":      {`{"type":"normal","category":"other","summary":"a` + "\u202e" + `b"}`, 400, "bad_change"},
		"control in a line":        {`{"type":"normal","category":"other","summary":"a\u0007b"}`, 400, "bad_change"},
		"a body over the limit":    {`{"summary":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "body_too_large"},
	} {
		a := alice.Ask("POST", "/changes", []byte(x.body), "Content-Type", "application/json")
		if a.Status != x.status || a.Code() != x.code {
			t.Errorf("%s: got %d %s, want %d %s", name, a.Status, a.Body, x.status, x.code)
		}
		if bytes.Contains(a.Body, []byte("\u202e")) {
			t.Errorf("%s: the answer repeats what could mislead: %s", name, a.Body)
		}
	}
	alice.Refused(422, "invalid_parameter", "GET", "/changes?limit=0", nil)
	if a := alice.Refused(422, "invalid_parameter", "GET", "/changes?limit="+secret, nil); bytes.Contains(a.Body, []byte(secret)) {
		t.Errorf("the answer repeats a value: %s", a.Body)
	}
	alice.Refused(422, "invalid_parameter", "GET", "/changes?unknown=1", nil)
	alice.Refused(400, "bad_cursor", "GET", "/changes?cursor=..%2f", nil)
	alice.Refused(400, "bad_change_id", "GET", "/changes/..%2f..%2fetc", nil)
	alice.Refused(404, "no_change", "GET", "/changes/CHG-999999", nil)
	alice.Refused(404, "no_route", "GET", "/nothing", nil)
	alice.Refused(404, "no_route", "GET", "//api/else", nil)
	if a := alice.Refused(405, "method_not_allowed", "DELETE", "/changes", nil); a.Header.Get("Allow") != "GET, POST" {
		t.Errorf("allowed are %q", a.Header.Get("Allow"))
	}
	alice.Refused(415, "unsupported_media_type", "POST", "/changes", []byte("type=normal"), "Content-Type", "application/x-www-form-urlencoded")
	alice.Refused(406, "not_acceptable", "GET", "/changes", nil, "Accept", "text/html")
	alice.Refused(400, "cross_origin", "POST", "/changes", []byte("{}"), "Sec-Fetch-Site", "cross-site")
	alice.Refused(400, "bad_idempotency_key", "POST", "/changes", []byte("{}"), "Idempotency-Key", strings.Repeat("k", 201))
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestABodyOfAHundredMegabytesIsCutOff(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	for _, path := range []string{"/changes", "/gate/check", "/login", "/setup"} {
		r := s.As(servertest.Alice).Request("POST", path, io.LimitReader(zeros{}, 100<<20), "Content-Type", "application/json")
		res, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			continue // cut off while it was still being sent
		}
		if res.Body.Close(); res.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: got %d", path, res.StatusCode)
		}
	}
	s.As(servertest.Alice).Want(200, "GET", "/me", nil)
}

func TestADocumentOverTheLimitIsRefused(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	r := s.As(servertest.Alice).Request("POST", "/documents?kind=attachment", io.LimitReader(zeros{}, 101<<20))
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return
	}
	if res.Body.Close(); res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("got %d", res.StatusCode)
	}
}

func TestStrangersAreCountedNotRecorded(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	before := events(t, s)
	for range 50 {
		s.Nobody().Refused(401, "not_signed_in", "GET", "/changes", nil)
		s.With("plb_pat_wrong").Refused(401, "not_signed_in", "POST", "/gate/open", map[string]any{})
	}
	if after := events(t, s); after != before {
		t.Errorf("a hundred requests by strangers made %d events", after-before)
	}
}

func TestAFloodOfDenialsIsBounded(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	rita := s.As(servertest.Rita)
	before := events(t, s)
	for range 40 {
		rita.Refused(403, "not_allowed", "POST", "/people", map[string]any{})
	}
	if grown := events(t, s) - before; grown < 1 || grown > 10 {
		t.Errorf("forty equal denials made %d events, want a few", grown)
	}
}

// events is the number of events in the ledger.
func events(t *testing.T, s *servertest.Server) int64 {
	t.Helper()
	var page struct {
		Items []struct {
			Seq int64 `json:"seq"`
		} `json:"items"`
	}
	s.As(servertest.Audra).Want(200, "GET", "/ledger/events?limit=1000", nil).Into(&page)
	return page.Items[len(page.Items)-1].Seq
}

// What an agent sends is bounded before its signature is looked at, and whoever sends too much is told so: nothing of it is taken.
func TestAnAgentsMessageOverTheLimitIsRefused(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	signed := []string{"Authorization", wire.AgentScheme + " agt_0123456789abcdef c2lnbmF0dXJl"}
	for _, path := range []string{"/agent/report", "/agent/enrol"} {
		if a := s.Nobody().Refused(http.StatusRequestEntityTooLarge, "body_too_large", "POST", path, make([]byte, 1<<20+1), signed...); !strings.Contains(string(a.Body), "1048576") {
			t.Errorf("%s does not say what the limit is: %s", path, a.Body)
		}
		if a := s.Nobody().Ask("POST", path, bytes.Repeat([]byte(" "), 1<<20), signed...); a.Status != http.StatusUnauthorized && a.Status != http.StatusBadRequest {
			t.Errorf("%s at the limit: %d %s", path, a.Status, a.Body)
		}
		s.Nobody().Refused(http.StatusUnauthorized, "not_signed", "POST", path, make([]byte, 1<<20+1))
	}
}
