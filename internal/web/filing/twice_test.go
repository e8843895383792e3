package filing_test

import (
	"net/http"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/server/servertest"
)

// A report that comes twice by one form is one piece of evidence; the same report by another form is another.
func TestEvidenceSentTwiceIsTakenOnce(t *testing.T) {
	t.Parallel()
	s := company(t)
	c := s.Filed()
	path := "/changes/" + string(c.ID) + "/evidence"
	b := s.Browse(servertest.Alice).In(t)
	report := servertest.Upload{Field: "file", Name: "report.xml", Body: servertest.JUnit()}
	other := servertest.Upload{Field: "file", Name: "other.xml", Body: []byte(strings.ReplaceAll(string(servertest.JUnit()), "starts", "stops"))}
	f := b.Get(path).Form(path)
	b.Follow(b.Send(path, f, report)).Wants(http.StatusOK, "report.xml: tests, passed")
	b.Follow(b.Send(path, f, report)).Wants(http.StatusOK, "report.xml: it came twice and was taken once")
	if n := len(s.Shown(c.ID).Checks); n != 1 {
		t.Errorf("the same form twice brought %d pieces of evidence", n)
	}
	b.Follow(b.Send(path, f, report, other)).Wants(http.StatusOK, "other.xml: tests, passed")
	b.Follow(b.Send(path, b.Get(path).Form(path), report)).Wants(http.StatusOK, "report.xml: tests, passed")
	if n := len(s.Shown(c.ID).Checks); n != 3 {
		t.Errorf("there are %d pieces of evidence, want 3", n)
	}
}

// A form that is kept for later twice is one draft.
func TestAFormThatIsKeptTwiceIsOneDraft(t *testing.T) {
	t.Parallel()
	s := company(t)
	b := s.Browse(servertest.Dora).In(t)
	f := steps(b)
	f.Set("do", "draft")
	f.Set("summary", "Kept twice")
	first := b.Send("/changes/new", f).Header.Get("Location")
	f.Set("summary", "Kept twice and reworded")
	if second := b.Send("/changes/new", f).Header.Get("Location"); second != first || first == "" {
		t.Errorf("kept as %q, then as %q", first, second)
	}
	if text := b.Get("/changes/new").Wants(http.StatusOK, "Kept twice and reworded").Text(); strings.Count(text, "other · just now") != 1 {
		t.Errorf("there are two drafts: %s", text)
	}
}
