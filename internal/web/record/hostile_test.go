package record_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/server/servertest"
	"plumbline.dev/plumb/internal/web/ui"
)

// harmless fails where a page holds anything but our own elements: one script of ours, no handlers, no
// styles, nothing from elsewhere, and no character that cannot be seen.
func harmless(t *testing.T, name string, p servertest.Page) {
	t.Helper()
	if n := p.All("script"); len(n) != 1 || !strings.HasPrefix(servertest.Attr(n[0], "src"), "/assets/") {
		t.Errorf("%s has %d scripts, want ours only", name, len(n))
	}
	for _, e := range []string{"iframe", "img", "object", "embed", "base", "style"} {
		if len(p.All(e)) > 0 {
			t.Errorf("%s holds %s", name, e)
		}
	}
	root, err := html.Parse(strings.NewReader(p.Body))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		for _, a := range n.Attr {
			bad := strings.HasPrefix(a.Key, "on") || a.Key == "style" || (a.Key == "href" || a.Key == "src" || a.Key == "action" || a.Key == "formaction") &&
				strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript")
			if bad {
				t.Errorf("%s holds <%s %s=%q>", name, n.Data, a.Key, a.Val)
			}
		}
	}
	if i := strings.IndexFunc(p.Body, ui.Hidden); i >= 0 {
		t.Errorf("%s holds a hidden character: %q", name, p.Body[max(0, i-60):min(len(p.Body), i+60)])
	}
	if strings.Count(p.Body, "<!-- end of what is decided -->") > 1 || strings.Count(p.Body, `<div id="matter"`) > 1 {
		t.Errorf("%s can be made to say where what is decided ends", name)
	}
}

// everywhere puts a text in each place of a wording that takes one.
func everywhere(s *servertest.Server, m *change.Material, x string) {
	m.Summary, m.Justification = x, x+"\n\n"+x
	m.Targets, m.Effects = append(m.Targets, x), []change.Effect{{Target: x, Path: x, Op: x, After: x}}
	m.Bindings[0].Name, m.Bindings[0].Repo, m.Bindings[0].Base, m.Bindings[0].Authors = x, x, x, []string{x}
	m.Bindings = append(m.Bindings, change.Binding{Kind: "feature-flag", Name: x, Digest: seal.Raw([]byte("thing"))})
	m.Rollback = change.Rollback{Text: x, Trigger: x, Rehearsed: x, NoReturn: x, NotReversible: x, Binding: &change.Binding{Kind: "runbook", Name: x, Digest: seal.Raw([]byte("back"))}}
	m.Implementers = append(m.Implementers, change.Executor{Person: s.People[servertest.Ivy], Repo: x, Pipe: x})
	m.DataFlags, m.CriticalRole, m.EmergencyNotes = []string{x}, x, x
	m.Deploy = change.Deploy{JobName: x, BuildID: x, Action: x, Branch: x, Links: []string{x}}
	m.Attachments = []change.Attachment{{Name: x, Digest: seal.Raw([]byte("thing")), Size: 5}}
}

// No text of a change runs, hides or passes for a part of the page, wherever it stands.
func TestHostileTextsAreOnlyShown(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	sam := s.Browse(servertest.Sam)
	for i, x := range servertest.Attacks() {
		name := fmt.Sprintf("attack %d", i)
		m := s.Material()
		everywhere(s, &m, x)
		var c change.Change
		s.As(servertest.Alice).Want(http.StatusCreated, "POST", "/changes", m).Into(&c)
		s.As(servertest.Alice).Want(http.StatusCreated, "POST", "/changes/"+string(c.ID)+"/comments", map[string]any{"text": x + "\u202e" + x})
		m.Summary = "another " + x
		s.As(servertest.Alice).Want(http.StatusOK, "PUT", "/changes/"+string(c.ID), m, servertest.Seen(c)...).Into(&c)
		for _, path := range []string{"", "/print", "/diff"} {
			p := sam.Get(at(c, path)).Wants(http.StatusOK)
			harmless(t, name+" "+path, p)
			if path != "/diff" && rendered(t, p) == "" {
				t.Errorf("%s: nothing is decided", name)
			}
		}
		p := sam.Post(at(c, "/hold"), url.Values{"seen": {c.RevDigest}, "comment": {x + strings.Repeat("x", 70<<10)}})
		if p.Status != http.StatusBadRequest {
			t.Errorf("%s: a comment that is too long: %d", name, p.Status)
		}
	}
}

// A plan can hold any text at all: addresses, attributes, and a line of a megabyte.
func TestHostilePlansAreOnlyShown(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	long := strings.Repeat(`<b>x</b> `, 1<<20/9)
	bad := append([]string{"over\u202eride", "two\nlines", long}, servertest.Attacks()...)
	document := bigPlan(t, len(bad), func(i int) (string, string, string) {
		text := string(must(t, bad[i]))
		return `"update"`, `{"input":"old","` + fmt.Sprint("k", i) + `":` + text + `}`, `{"input":` + text + `,"` + fmt.Sprint("k", i) + `":null}`
	})
	c := planned(t, s, document, nil)
	sam := s.Browse(servertest.Sam)
	p := sam.Get(at(c, "")).Wants(http.StatusOK, "RLO", "ZWSP", "alert(1)")
	harmless(t, "the plan", p)
	if n := strings.Count(p.Text(), "<b>x</b>"); n < 2*(1<<20/9) {
		t.Errorf("of the long line %d parts are shown, want all", n)
	}
	if p.Form(at(c, "/approve")).Get("render") != rendered(t, p) {
		t.Error("the digest is not that of the page")
	}
	sam.Follow(sam.Post(at(c, "/approve"), p.Form(at(c, "/approve")))).Wants(http.StatusOK, "Your approval is recorded")
}

func must(t *testing.T, s string) []byte {
	t.Helper()
	b, err := seal.Canonical(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What is attached can be saved and never runs; what is not the change's is not given out by its page.
func TestAttachmentsCannotRun(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	evil := []byte("<html><script>alert(document.cookie)</script></html>")
	s.As(servertest.Alice).Want(http.StatusCreated, "POST", "/documents?kind=attachment", evil)
	m := s.Material()
	m.Attachments = []change.Attachment{{Name: `..\..\a"; filename=evil.html` + "\u200b", Digest: seal.Raw(evil), Size: int64(len(evil))}}
	var c change.Change
	s.As(servertest.Alice).Want(http.StatusCreated, "POST", "/changes", m).Into(&c)
	sam := s.Browse(servertest.Sam)
	p := sam.Get(at(c, "/files/"+seal.Raw(evil))).Wants(http.StatusOK)
	for name, want := range map[string]string{"Content-Type": "application/octet-stream", "X-Content-Type-Options": "nosniff"} {
		if got := p.Header.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if d := p.Header.Get("Content-Disposition"); !strings.HasPrefix(d, "attachment;") || strings.ContainsAny(d, "\u200b\\") || strings.Contains(d, "..") {
		t.Errorf("Content-Disposition = %q", d)
	}
	if csp := p.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "sandbox") || !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("Content-Security-Policy = %q", csp)
	}
	if p.Body != string(evil) {
		t.Errorf("%d bytes, want %d", len(p.Body), len(evil))
	}
	other := s.Filed()
	sam.Get(at(other, "/files/"+seal.Raw(evil))).Wants(http.StatusNotFound)
	sam.Get(at(c, "/files/sha256:0000")).Wants(http.StatusNotFound)
}
