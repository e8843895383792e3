package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/server/servertest"
)

// shape makes of an address the page that it is of: numbers and ids are one and the same.
func shape(path string) string {
	u, err := url.Parse(path)
	if err != nil {
		return path
	}
	parts := strings.Split(u.Path, "/")
	for i, p := range parts {
		if strings.ContainsAny(p, "0123456789_") {
			parts[i] = "*"
		}
	}
	names := []string{}
	for name := range u.Query() {
		names = append(names, name)
	}
	if len(names) > 1 { // of a filter each way counts once
		names = names[:1]
	}
	return strings.Join(parts, "/") + "?" + strings.Join(names, "&")
}

// fill makes a server on which each page has something to show.
func fill(t *testing.T, s *servertest.Server) {
	t.Helper()
	done := s.Approved()
	s.Tested(s.Submitted())
	s.Filed()
	s.Stock()
	olga := s.As(servertest.Olga)
	olga.Want(http.StatusCreated, "POST", "/groups", map[string]any{"name": "readers"})
	olga.Want(http.StatusCreated, "POST", "/webhooks", map[string]any{"url": "https://localhost:1/hooks"})
	s.As(servertest.Alice).Want(http.StatusCreated, "POST", "/changes/"+string(done.ID)+"/comments", map[string]any{"text": "seen"})
}

// Each link of each page that can be reached by clicking leads to a page, and each fragment to something on it.
func TestNoLinkLeadsNowhere(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	fill(t, s)
	b := s.Browse(servertest.Olga).In(t)
	seen, keys := map[string]bool{}, map[string]bool{}
	queue := []string{"/", "/design"}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		p := b.Get(at)
		if p.Status == http.StatusSeeOther {
			queue = append(queue, p.Header.Get("Location"))
			continue
		}
		if p.Status != http.StatusOK {
			t.Errorf("%s answers %d: %.300s", at, p.Status, p.Text())
			continue
		}
		if _, part, is := strings.Cut(at, "#"); is && !strings.Contains(p.Body, `id="`+part+`"`) {
			t.Errorf("%s leads to nothing on its page", at)
		}
		if at == "/design" { // samples lead where they like
			continue
		}
		for _, kind := range []string{"a", "button", "input"} {
			for _, n := range p.All(kind) {
				if key := servertest.Attr(n, "data-key"); key != "" {
					keys[key] = true
				}
			}
		}
		for _, n := range p.All("a") {
			to := servertest.Attr(n, "href")
			if strings.HasPrefix(to, "#") {
				if !strings.Contains(p.Body, `id="`+to[1:]+`"`) {
					t.Errorf("%s: %s leads to nothing", at, to)
				}
				continue
			}
			if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "/docs") || seen[shape(to)+fragment(to)] {
				continue
			}
			seen[shape(to)+fragment(to)] = true
			queue = append(queue, to)
		}
	}
	if len(seen) < 60 {
		t.Errorf("only %d pages can be reached", len(seen))
	}
	help := b.Get("/help").Text()
	for key := range keys {
		if !strings.Contains(help, " "+strings.ReplaceAll(key, " ", " then ")+" ") {
			t.Errorf("the key %q is not explained under /help", key)
		}
	}
	if !keys["?"] || !keys["/"] {
		t.Error("no key leads to the help, or to the search")
	}
}

func fragment(to string) string {
	_, part, is := strings.Cut(to, "#")
	if !is {
		return ""
	}
	kind, _, _ := strings.Cut(part, "-")
	return "#" + kind
}
