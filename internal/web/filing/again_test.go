package filing_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"plumbline.dev/plumb/internal/server/servertest"
)

// called counts the changes of a title.
func called(b *servertest.Browser, title string) int {
	return strings.Count(b.Get("/export/changes/json").Body, `"`+title+`"`)
}

// steps is a form that could be sent.
func steps(b *servertest.Browser) url.Values {
	return bound(common(b.Get("/changes/new?category=other").Form("/changes/new"), "web-test"), "runbook", "steps.md")
}

// An answer that the network lost makes people, and browsers, send a form again.
func TestAFormSentTwiceFilesOnce(t *testing.T) {
	t.Parallel()
	s := company(t)
	b := s.Browse(servertest.Alice).In(t)
	for _, do := range []string{"file", "submit"} {
		f := steps(b)
		title := "Sent twice to " + do
		f.Set("summary", title)
		f.Set("e.0.target", "web-test")
		f.Set("e.0.path", "state")
		f.Set("do", do)
		first := filed(t, s, b.Send("/changes/new", f))
		again := b.Send("/changes/new", f)
		if to := again.Header.Get("Location"); again.Status != http.StatusSeeOther || to != "/changes/"+string(first.Change.ID) {
			t.Fatalf("%s again answers %d to %q, want the way to %s: %.1000s", do, again.Status, to, first.Change.ID, again.Text())
		}
		b.Follow(again).Wants(http.StatusOK, "came twice and was taken once")
		if n := called(b, title); n != 1 {
			t.Errorf("%s twice made %d changes", do, n)
		}
		if now := s.Shown(first.Change.ID); now.Change.State != first.Change.State || now.Change.Rev != 1 {
			t.Errorf("after the second time: %+v", now.Change)
		}
	}
}

// Both requests may be under way at once.
func TestAFormSentTwiceAtOnceFilesOnce(t *testing.T) {
	t.Parallel()
	s := company(t)
	b := s.Browse(servertest.Alice).In(t)
	f := steps(b)
	f.Set("summary", "Sent four times at once")
	f.Set("do", "file")
	var wg sync.WaitGroup
	to := make([]string, 4)
	for i := range to {
		wg.Go(func() { to[i] = b.Send("/changes/new", f).Header.Get("Location") })
	}
	wg.Wait()
	if to[0] == "" || to[0] != to[1] || to[1] != to[2] || to[2] != to[3] {
		t.Errorf("four times the same form lead to %q", to)
	}
	if n := called(b, "Sent four times at once"); n != 1 {
		t.Errorf("there are %d changes", n)
	}
}

// Another person's form, and a new form with the same words, are other requests.
func TestTheSameWordsInAnotherFormAreAnotherChange(t *testing.T) {
	t.Parallel()
	s := company(t)
	b := s.Browse(servertest.Alice).In(t)
	f := steps(b)
	f.Set("do", "file")
	first := filed(t, s, b.Send("/changes/new", f))
	other := filed(t, s, s.Browse(servertest.Dora).In(t).Send("/changes/new", f))
	f.Set("once", b.Get("/changes/new?category=other").Form("/changes/new").Get("once"))
	second := filed(t, s, b.Send("/changes/new", f))
	if first.Change.ID == other.Change.ID || first.Change.ID == second.Change.ID {
		t.Errorf("filed %s, %s and %s", first.Change.ID, other.Change.ID, second.Change.ID)
	}
}

// Who goes back to a form that was filed, and types something else, is asked before there are two.
func TestAFormThatWasFiledAndReworded(t *testing.T) {
	t.Parallel()
	s := company(t)
	b := s.Browse(servertest.Alice).In(t)
	f := steps(b)
	f.Set("summary", "First words")
	f.Set("do", "file")
	first := filed(t, s, b.Send("/changes/new", f))
	f.Set("summary", "Second words")
	p := b.Send("/changes/new", f).Wants(http.StatusConflict, "This form has filed "+string(first.Change.ID)+" already")
	back := p.Form("/changes/new")
	if back.Get("summary") != "Second words" || called(b, "Second words") != 0 {
		t.Errorf("came back with %q, filed %d", back.Get("summary"), called(b, "Second words"))
	}
	back.Set("do", "file")
	if second := filed(t, s, b.Send("/changes/new", back)); second.Change.ID == first.Change.ID || second.Material.Summary != "Second words" {
		t.Errorf("sent once more: %+v", second.Change)
	}
}

// A form that is refused was not taken; mended, it is.
func TestAFormThatWasRefusedIsTakenOnceItIsMended(t *testing.T) {
	t.Parallel()
	s := company(t)
	b := s.Browse(servertest.Alice).In(t)
	f := steps(b)
	f.Set("do", "file")
	f.Set("summary", strings.Repeat("long ", 100))
	p := b.Send("/changes/new", f).Wants(http.StatusBadRequest)
	back := p.Form("/changes/new")
	if back.Get("once") != f.Get("once") || back.Get("once") == "" {
		t.Errorf("the form was %q and is %q", f.Get("once"), back.Get("once"))
	}
	back.Set("summary", "Mended words")
	back.Set("do", "file")
	first := filed(t, s, b.Send("/changes/new", back))
	if to := b.Send("/changes/new", back).Header.Get("Location"); to != "/changes/"+string(first.Change.ID) {
		t.Errorf("sent again it leads to %q", to)
	}
}

// An edit that comes twice is one revision, and no quarrel with oneself.
func TestAnEditSentTwiceIsOneRevision(t *testing.T) {
	t.Parallel()
	s := company(t)
	b := s.Browse(servertest.Alice).In(t)
	c := s.Filed()
	path := "/changes/" + string(c.ID) + "/edit"
	f := b.Get(path).Form(path)
	f.Set("summary", "Edited twice")
	f.Set("do", "save")
	b.Follow(b.Send(path, f)).Wants(http.StatusOK, "revision 2")
	b.Follow(b.Send(path, f)).Wants(http.StatusOK, "came twice and was taken once")
	if v := s.Shown(c.ID); v.Change.Rev != 2 {
		t.Errorf("it is at revision %d", v.Change.Rev)
	}
	f.Set("summary", "Edited a third time")
	b.Send(path, f).Wants(http.StatusPreconditionFailed, "at revision 2 now")
}
