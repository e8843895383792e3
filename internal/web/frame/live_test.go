package frame_test

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/server/servertest"
)

// A page that is open is told what changed by name, and only that: what it is, it asks for itself, as
// whoever is signed in.
func TestAnOpenPageIsToldWhatChanged(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	before := s.Filed()
	b := s.Browse(servertest.Alice)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", s.URL+"/live", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range b.Cookies() {
		r.AddCookie(c)
	}
	res, err := (&http.Client{Timeout: 30 * time.Second}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if kind := res.Header.Get("Content-Type"); res.StatusCode != http.StatusOK || kind != "text/event-stream" {
		t.Fatalf("live updates answer %d %s", res.StatusCode, kind)
	}
	lines := bufio.NewScanner(res.Body)
	for told := false; !told && lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, ": listening") {
			s.As(servertest.Alice).Want(http.StatusCreated, "POST", "/changes/"+string(before.ID)+"/comments", map[string]any{"text": "a secret word"})
		}
		names, is := strings.CutPrefix(line, "data: ")
		if strings.Contains(line, "secret") {
			t.Errorf("the words of a comment are sent to every open page: %s", line)
		}
		told = is && strings.Contains(names, string(before.ID))
	}
	if err := lines.Err(); err != nil {
		t.Error(err)
	}
}

// Who is not signed in hears nothing.
func TestAStrangerHearsNothing(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	res, err := (&http.Client{Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Get(s.URL + "/live")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusSeeOther || !strings.HasPrefix(res.Header.Get("Location"), "/login") {
		t.Errorf("a stranger is answered %d", res.StatusCode)
	}
}
