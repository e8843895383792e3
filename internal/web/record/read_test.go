package record_test

import (
	"net/http"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/server/servertest"
)

// Who decides on a file reads it on the page: what is hidden in it is seen, what is long says so, and after a
// rewording it stands line by line beside what was decided upon before.
func TestAFileIsReadWhereItIsDecidedUpon(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	alice := s.As(servertest.Alice)
	keep := func(text string) string {
		alice.Want(http.StatusCreated, "POST", "/documents?kind=attachment", []byte(text))
		return seal.Raw([]byte(text))
	}
	m := s.Material()
	before := "listen: 8080\nworkers: 4\n# a\u202eb <script>alert(1)</script>\nlog: on\n"
	m.Bindings[0].Digest, m.Bindings[0].Document = keep(before), keep(before)
	long := strings.Repeat("x", 64<<10) + "the end"
	m.Bindings = append(m.Bindings, change.Binding{Kind: "config-file", Name: "long.txt", Digest: keep(long), Document: keep(long)},
		change.Binding{Kind: "config-file", Name: "bytes.bin", Digest: keep("a\x00b"), Document: keep("a\x00b")})
	m.Rollback.Binding = &change.Binding{Kind: "runbook", Name: "back.sh", Digest: keep("#!/bin/sh\nput it back\n"), Document: keep("#!/bin/sh\nput it back\n")}
	var c change.Change
	alice.Want(http.StatusCreated, "POST", "/changes", m).Into(&c)
	alice.Want(http.StatusOK, "POST", at(c, "/submit"), map[string]any{}, servertest.Seen(c)...).Into(&c)
	sam := s.Browse(servertest.Sam)
	p := sam.Get(at(c, "")).Wants(http.StatusOK, "listen: 8080 workers: 4", "RLO", "<script>alert(1)</script>", "4 lines", "put it back",
		"Only its first 64 KiB are shown.", "It is no text that a page could show.")
	if strings.Contains(p.Body, "<script>alert") || strings.Contains(p.Text(), "the end") {
		t.Error("the text of the file runs, or is shown beyond its bound")
	}
	for _, b := range m.Bindings {
		s.CI().Want(http.StatusCreated, "POST", at(c, "/evidence?format=junit&subject="+b.Digest), servertest.JUnit())
	}
	c = s.Shown(c.ID).Change
	form := sam.Get(at(c, "")).Form(at(c, "/approve"))
	form.Set("comment", "the port")
	sam.Follow(sam.Post(at(c, "/reject"), form)).Wants(http.StatusOK)
	after := strings.Replace(before, "8080", "8443", 1)
	m.Bindings[0].Digest, m.Bindings[0].Document = keep(after), keep(after)
	c = s.Shown(c.ID).Change
	alice.Want(http.StatusOK, "PUT", at(c, ""), m, servertest.Seen(c)...).Into(&c)
	for _, path := range []string{"", "/diff?from=1&to=2"} {
		sam.Get(at(c, path)).Wants(http.StatusOK, "− listen: 8080 + listen: 8443 workers: 4")
	}
}

// Who decides on the next version of a file sees, line by line, what it replaces: what the change before it put in the same place.
func TestWhatAFileReplacesStandsBesideIt(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	alice := s.As(servertest.Alice)
	keep := func(text string) {
		alice.Want(http.StatusCreated, "POST", "/documents?kind=attachment", []byte(text))
	}
	keep(servertest.File)
	m := s.Material()
	m.Bindings[0].Document = m.Bindings[0].Digest
	first := s.RanAs(m)
	second := strings.Replace(servertest.File, "workers: 4", "workers: 8 # <b>\u202e", 1)
	keep(second)
	n := s.Material()
	n.Bindings[0].Digest, n.Bindings[0].Document = seal.Raw([]byte(second)), seal.Raw([]byte(second))
	n.Bindings = append(n.Bindings, change.Binding{Kind: "config-file", Name: "new.yaml", Digest: n.Bindings[0].Digest, Document: n.Bindings[0].Digest})
	var c change.Change
	alice.Want(http.StatusCreated, "POST", "/changes", n).Into(&c)
	sam := s.Browse(servertest.Sam)
	p := sam.Get(at(c, "")).Wants(http.StatusOK, "What differs from what was put on web-test by "+string(first.ID), "listen: 8080 − workers: 4 + workers: 8 # <b>", "RLO")
	if strings.Contains(p.Body, "# <b>") || strings.Count(p.Text(), "What differs from what was put") != 1 {
		t.Error("its text became markup, or a file that is new is compared")
	}
	var same change.Change
	alice.Want(http.StatusCreated, "POST", "/changes", m).Into(&same)
	if p := sam.Get(at(same, "")).Wants(http.StatusOK, "The same file was put on web-test by "+string(first.ID)); strings.Contains(p.Text(), "What differs") {
		t.Error("the same file differs")
	}
	n.Bindings[0].Document = ""
	alice.Want(http.StatusOK, "PUT", at(c, ""), n, servertest.Seen(c)...).Into(&c)
	sam.Get(at(c, "")).Wants(http.StatusOK, "What differs from what was put on web-test", "cannot be laid beside each other")
}
