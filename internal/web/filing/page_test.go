package filing_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/server/servertest"
)

// office is one server for all tests that only add to it: a company takes a while to found.
var office = struct {
	once sync.Once
	s    *servertest.Server
}{}

// keeper is a test whose server and folder outlive it: they go with the process.
type keeper struct{ *testing.T }

// Cleanup drops the clean-up: the process ends it.
func (keeper) Cleanup(func()) {}

// TempDir is a folder that is left to the system's own cleaning.
func (k keeper) TempDir() string {
	dir, err := os.MkdirTemp("", "plumb-test-*")
	if err != nil {
		k.Fatal(err)
	}
	return dir
}

func company(t *testing.T) *servertest.Server {
	t.Helper()
	office.once.Do(func() {
		office.s = servertest.Start(keeper{t})
		office.s.CI()
		for _, name := range []string{servertest.Alice, servertest.Dora, servertest.Sam, servertest.Rita, servertest.Sally, servertest.Olga, servertest.Ivy, servertest.Audra} {
			office.s.As(name) // by the test that founds it: a session is opened in the life of a test
		}
	})
	if office.s == nil {
		t.Fatal("the company could not be founded")
	}
	return office.s
}

// filed is what a change that was filed with a page says.
func filed(t *testing.T, s *servertest.Server, p servertest.Page) change.View {
	t.Helper()
	if p.Status != http.StatusSeeOther {
		t.Fatalf("status %d, want the way to the change: %.3000s", p.Status, p.Text())
	}
	id := strings.TrimSuffix(strings.TrimPrefix(p.Header.Get("Location"), "/changes/"), "/evidence")
	var v change.View
	s.As(servertest.Alice).Want(http.StatusOK, "GET", "/changes/"+id, nil).Into(&v)
	return v
}

// common fills in what every category asks for.
func common(f url.Values, target string) url.Values {
	for name, v := range map[string]string{"summary": "A small step", "justification": "It is time, says @sam.", "component": "web", "target": target,
		"rb.text": "Put it back.", "x.0.who": servertest.CI, "x.0.repo": servertest.Repo, "x.0.pipe": servertest.Pipeline} {
		f.Set(name, v)
	}
	return f
}

func bound(f url.Values, kind, name string) url.Values {
	f.Set("b.0.kind", kind)
	f.Set("b.0.name", name)
	f.Set("b.0.digest", seal.Raw([]byte(name)))
	return f
}

// The page of each category of the pack asks what the category needs; filled in, it is filed and submitted
// as it was typed.
func TestEachCategoryIsFiledThroughItsForm(t *testing.T) {
	t.Parallel()
	s := company(t)
	b := s.Browse(servertest.Alice).In(t)
	start := b.Get("/changes/new").Wants(http.StatusOK, "Software deployment", "Feature toggle", "Access control authorization", "Switch a feature toggle")
	for category, fill := range map[string]func(url.Values) url.Values{
		"deploy": func(f url.Values) url.Values {
			for _, n := range []string{"job_name", "build_id", "action", "branch", "environment"} {
				f.Set("d."+n, "x-"+n)
			}
			f.Set("d.links", "https://git.example.com/acme/web/pull/7\nhttps://git.example.com/acme/web/pull/8")
			f.Set("d.scans", "security-scan")
			return bound(common(f, "web-test"), "oci-image", "web")
		},
		"feature-toggle": func(f url.Values) url.Values { return bound(common(f, "web-test"), "feature-flag", "checkout") },
		"network":        func(f url.Values) url.Values { return bound(common(f, "edge-firewall"), "config-file", "fw.conf") },
		"access": func(f url.Values) url.Values {
			f.Set("g.0.op", "grant")
			f.Set("g.0.role", "implementer")
			f.Set("g.0.who", servertest.Rita)
			f.Set("g.0.until", "2031-01-02T03:04")
			return common(f, "change-control")
		},
		"provisioning":  func(f url.Values) url.Values { return bound(common(f, "web-test"), "runbook", "new-host.sh") },
		"configuration": func(f url.Values) url.Values { return bound(common(f, "web-test"), "config-file", "web.yaml") },
		"patch":         func(f url.Values) url.Values { return bound(common(f, "web-test"), "package-set", "packages.txt") },
		"other":         func(f url.Values) url.Values { return bound(common(f, "web-test"), "runbook", "steps.md") },
	} {
		t.Run(category, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(start.Body, "/changes/new?category="+category) {
				t.Errorf("the first page does not offer %s", category)
			}
			page := b.Get("/changes/new?category="+category).Wants(http.StatusOK, "Who has to approve", "Security Lead", "Still to fill in")
			f := fill(page.Form("/changes/new"))
			if page.Form("/changes/new").Has("e.0.target") {
				f.Set("e.0.target", f.Get("target"))
				f.Set("e.0.path", "state")
				f.Set("e.0.op", "update")
			}
			f.Set("do", "submit")
			v := filed(t, s, b.Send("/changes/new", f))
			m := v.Material
			if v.Change.State != change.Assessing || m.Category != category || m.Summary != "A small step" || len(m.Bindings) != 1 ||
				len(m.Implementers) != 1 || m.Implementers[0].Account != s.People[servertest.CI] || m.Implementers[0].Pipe != servertest.Pipeline {
				t.Errorf("filed %s: %+v", v.Change.State, m)
			}
			if g := m.Bindings[0].Grant; category == "access" && (g == nil || g.Person != s.People[servertest.Rita] || g.Role != "implementer" || g.Until == 0) {
				t.Errorf("grant = %+v", g)
			}
			if category == "deploy" && (len(m.Deploy.Links) != 2 || m.Deploy.BuildID != "x-build_id" || len(m.Deploy.Scans) != 1) {
				t.Errorf("deploy = %+v", m.Deploy)
			}
		})
	}
}

// A colleague who is named after an @ finds the change on the first page.
func TestAMentionIsFoundOnTheFirstPage(t *testing.T) {
	t.Parallel()
	s := company(t)
	b := s.Browse(servertest.Alice).In(t)
	f := bound(common(b.Get("/changes/new?category=configuration").Form("/changes/new"), "web-test"), "config-file", "mention.yaml")
	f.Set("summary", "Ask Dora whether this is right")
	f.Set("justification", "It is for @dora to know.")
	f.Set("do", "file")
	filed(t, s, b.Send("/changes/new", f))
	s.Browse(servertest.Dora).In(t).Get("/").Wants(http.StatusOK, "Mentions you", "Ask Dora whether this is right", "It is for @dora to know.")
}

// What is missing is named at its field and nothing is filed; everything typed is there again.
func TestAnIncompleteFormComesBackAsItWasTyped(t *testing.T) {
	t.Parallel()
	s := company(t)
	b := s.Browse(servertest.Alice).In(t)
	f := b.Get("/changes/new?category=deploy").Form("/changes/new")
	typed := map[string]string{"summary": `A <b>bold</b> "title" & more`, "justification": "two\nlines", "component": "web", "target": "web-prod", "d.branch": "main",
		"d.links": "https://git.example.com/a/b/pull/1", "from": "2031-01-01T10:00", "until": "2031-01-01T12:00", "risk_floor": "high", "x.0.who": "nobody-like-that",
		"b.0.kind": "oci-image", "b.0.name": "web", "b.0.digest": "not a digest", "rb.text": "back", "rb.max_minutes": "soon", "e.0.target": "web-prod", "e.0.path": "p"}
	for name, v := range typed {
		f.Set(name, v)
	}
	f.Set("do", "submit")
	p := b.Send("/changes/new", f).Wants(http.StatusBadRequest, "is a whole number", "is the username of an active person")
	back := p.Form("/changes/new")
	for name, v := range typed {
		if strings.ReplaceAll(back.Get(name), "\r\n", "\n") != v {
			t.Errorf("%s came back as %q, want %q", name, back.Get(name), v)
		}
	}
	f.Set("x.0.who", servertest.Ivy)
	f.Set("rb.max_minutes", "10")
	b.Send("/changes/new", f).Wants(http.StatusBadRequest, "is not a digest")
	f.Set("b.0.digest", strings.Repeat("ab", 32)+"  web.tar")
	p = b.Send("/changes/new", f).Wants(http.StatusBadRequest, "nothing was filed", "is missing")
	if p.Form("/changes/new").Get("d.branch") != "main" {
		t.Error("the branch is lost")
	}
}

// The policy is asked without anything being filed: as a page, and as the part that refreshes itself.
func TestThePolicyIsAskedBeforeAnythingIsFiled(t *testing.T) {
	t.Parallel()
	s := company(t)
	b := s.Browse(servertest.Alice).In(t)
	f := bound(common(b.Get("/changes/new?category=configuration").Form("/changes/new"), "billing-prod"), "config-file", "billing.yaml")
	f.Set("do", "preview")
	b.Send("/changes/new", f).Wants(http.StatusOK, "high risk", "Critical data", "Sally, Sam", "Evidence before anybody is asked", "tests", "Approvals live for")
	part := b.Post("/changes/new/preview", f, "HX-Request", "true").Wants(http.StatusOK, "high risk", "Sally, Sam")
	if strings.Contains(part.Body, "<!DOCTYPE") || strings.Contains(part.Body, "<form") {
		t.Error("the part is a whole page")
	}
	for i, who := range []string{servertest.Sam, servertest.Sally} {
		f.Set(fmt.Sprintf("x.%d.who", i), who)
		f.Del(fmt.Sprintf("x.%d.repo", i))
		f.Del(fmt.Sprintf("x.%d.pipe", i))
	}
	b.Post("/changes/new/preview", f, "HX-Request", "true").Wants(http.StatusOK, "Nobody could approve this", "Security Lead", "executes it")
	f.Set("do", "submit")
	b.Send("/changes/new", f).Wants(http.StatusForbidden, "Nobody could approve this")
	f.Set("component", "no-such-component")
	b.Post("/changes/new/preview", f, "HX-Request", "true").Wants(http.StatusOK, "not in the policy's catalogue")
}

func TestADraftIsKeptGoneOnWithAndDeleted(t *testing.T) {
	t.Parallel()
	s := company(t)
	b := s.Browse(servertest.Alice).In(t)
	f := bound(common(b.Get("/changes/new?category=network").Form("/changes/new"), "edge-firewall"), "config-file", "fw.conf")
	f.Set("summary", "Open port 8443 for the draft")
	f.Set("paste", "a secret that is pasted")
	f.Set("do", "draft")
	to := b.Send("/changes/new", f)
	if to.Status != http.StatusBadRequest {
		t.Fatalf("status %d, want the paste refused: %s", to.Status, to.Text())
	}
	f.Del("paste")
	to = b.Send("/changes/new", f)
	p := b.Follow(to).Wants(http.StatusOK, "Kept.")
	back := p.Form("/changes/new")
	for _, name := range []string{"summary", "justification", "component", "target", "b.0.digest", "b.0.name", "rb.text", "x.0.who", "x.0.pipe", "category"} {
		if back.Get(name) != f.Get(name) {
			t.Errorf("%s came back as %q, want %q", name, back.Get(name), f.Get(name))
		}
	}
	b.Get("/changes/new").Wants(http.StatusOK, "Open port 8443 for the draft")
	if p := s.Browse(servertest.Rita).In(t).Get(to.Header.Get("Location")); p.Status != http.StatusNotFound {
		t.Errorf("somebody else's draft answers %d", p.Status)
	}
	id := back.Get("draft")
	back.Set("summary", "Open port 8444 for the draft")
	back.Set("paste", "sk-live-secret")
	if saved := b.Post("/changes/new/draft", back); saved.Status != http.StatusOK || saved.Body != id {
		t.Errorf("autosave gave %d %q, want %s again", saved.Status, saved.Body, id)
	}
	again := b.Get("/changes/new?draft="+id).Wants(http.StatusOK, "high risk")
	if strings.Contains(again.Body, "sk-live-secret") || !strings.Contains(again.Body, "Open port 8444") {
		t.Error("the draft keeps a paste, or not the title")
	}
	f = again.Form("/changes/new")
	f.Set("do", "file")
	if v := filed(t, s, b.Send("/changes/new", f)); v.Change.State != change.Draft || v.Material.Summary != "Open port 8444 for the draft" {
		t.Errorf("filed %+v", v.Change)
	}
	b.Get("/changes/new?draft="+id).Wants(http.StatusNotFound, "no such draft")
	saved := b.Post("/changes/new/draft", url.Values{"category": {"other"}, "summary": {"To be dropped"}})
	b.Post("/changes/new/drop", url.Values{"draft": {saved.Body}})
	if p := b.Get("/changes/new"); strings.Contains(p.Text(), "To be dropped") {
		t.Error("a deleted draft is listed")
	}
}

// A clone has the words of the other change, not its window or evidence, and what it runs is marked.
func TestACloneIsToBeRenewed(t *testing.T) {
	t.Parallel()
	s := company(t)
	b := s.Browse(servertest.Alice).In(t)
	c := s.Filed()
	p := b.Get("/changes/new?from="+string(c.ID)).Wants(http.StatusOK, "Worded like "+string(c.ID), "renew it", "Who has to approve")
	f := p.Form("/changes/new")
	if f.Get("seen") != "" || f.Get("change") != "" || f.Get("from") != "" {
		t.Errorf("the clone is bound to its origin: %v", f)
	}
	f.Set("b.0.digest", seal.Raw([]byte("another")))
	f.Set("do", "file")
	v := filed(t, s, b.Send("/changes/new", f))
	if v.Change.ID == c.ID || v.Material.Summary != "Give the web servers four workers" || v.Material.Bindings[0].Digest != seal.Raw([]byte("another")) || len(v.Checks) > 0 ||
		v.Material.Effects[0].After != "4" {
		t.Errorf("clone = %+v", v.Material)
	}
	b.Get("/changes/new?from=CHG-999999").Wants(http.StatusNotFound)
	b.Get("/changes/new?from=nonsense").Wants(http.StatusBadRequest)
}

func TestAStandardModelFixesWhatItFixes(t *testing.T) {
	t.Parallel()
	s := company(t)
	b := s.Browse(servertest.Alice).In(t)
	p := b.Get("/changes/new?model=toggle-in-app").Wants(http.StatusOK, "fixed by the model", "These people are asked unless every criterion holds")
	f := p.Form("/changes/new")
	if f.Get("type") != "standard" || f.Get("model") != "toggle-in-app" || f.Get("category") != "feature-toggle" {
		t.Errorf("form = %v", f)
	}
	if strings.Contains(p.Body, `value="edge-firewall"`) {
		t.Error("a target outside the model's bounds is offered")
	}
	f = bound(common(f, "web-test"), "feature-flag", "checkout")
	f.Set("e.0.target", "web-test")
	f.Set("e.0.path", "checkout")
	f.Set("do", "file")
	if v := filed(t, s, b.Send("/changes/new", f)); v.Material.Type != "standard" || v.Material.Model != "toggle-in-app" {
		t.Errorf("filed %+v", v.Material)
	}
	b.Get("/changes/new?model=none").Wants(http.StatusNotFound)
	b.Get("/changes/new?category=none").Wants(http.StatusNotFound)
}

func TestAChangeIsEditedAndNothingIsLostWhenSomebodyWasFaster(t *testing.T) {
	t.Parallel()
	s := company(t)
	b := s.Browse(servertest.Alice).In(t)
	c := s.Filed()
	path := "/changes/" + string(c.ID) + "/edit"
	mine := b.Get(path).Wants(http.StatusOK, "Edit "+string(c.ID)).Form(path)
	other := b.Get(path).Form(path)
	other.Set("justification", "The queue grows at nine.")
	other.Set("do", "save")
	b.Follow(b.Send(path, other)).Wants(http.StatusOK, "revision 2")
	mine.Set("summary", "Give the web servers five workers")
	mine.Set("rb.trigger", "The queue does not shrink.")
	mine.Set("do", "save")
	p := b.Send(path, mine).Wants(http.StatusPreconditionFailed, "at revision 2 now", "The queue grows at nine.", "Save mine over revision 2")
	back := p.Form(path)
	if back.Get("summary") != "Give the web servers five workers" || back.Get("rb.trigger") != "The queue does not shrink." || back.Get("seen") != mine.Get("seen") {
		t.Errorf("came back as %v", back)
	}
	b.Send(path, mine).Wants(http.StatusPreconditionFailed)
	back.Set("do", "over")
	b.Follow(b.Send(path, back)).Wants(http.StatusOK, "revision 3")
	v := s.Shown(c.ID)
	if v.Change.Rev != 3 || v.Material.Summary != "Give the web servers five workers" || v.Material.Implementers[0].Account != s.People[servertest.CI] ||
		v.Material.Bindings[0].Digest != seal.Raw([]byte(servertest.File)) {
		t.Errorf("after all: %+v", v.Material)
	}
	same := b.Get(path).Form(path)
	same.Set("do", "save")
	b.Send(path, same).Wants(http.StatusConflict, "wording that is there already")
	stranger := s.Browse(servertest.Rita).In(t)
	theirs := stranger.Get(path).Form(path)
	theirs.Set("summary", "Mine now")
	theirs.Set("do", "save")
	p = stranger.Send(path, theirs).Wants(http.StatusForbidden, "reworded by its authors")
	if p.Form(path).Get("summary") != "Mine now" {
		t.Error("what was typed is lost")
	}
	same = b.Get(path).Form(path)
	same.Set("do", "submit")
	same.Set("summary", "Give the web servers six workers")
	if v := filed(t, s, b.Send(path, same)); v.Change.State != change.Assessing || v.Change.Rev != 4 {
		t.Errorf("after save and submit: %+v", v.Change)
	}
}

// An edit that is kept for later goes on at the change that it belongs to.
func TestADraftOfAnEditKnowsItsChange(t *testing.T) {
	t.Parallel()
	s := company(t)
	b := s.Browse(servertest.Alice).In(t)
	c := s.Filed()
	path := "/changes/" + string(c.ID) + "/edit"
	f := b.Get(path).Form(path)
	f.Set("summary", "Later more")
	saved := b.Post("/changes/new/draft", f)
	p := b.Follow(b.Get("/changes/new?draft="+saved.Body)).Wants(http.StatusOK, "Edit "+string(c.ID))
	f = p.Form(path)
	f.Set("do", "save")
	b.Follow(b.Send(path, f)).Wants(http.StatusOK, "revision 2")
	if v := s.Shown(c.ID); v.Material.Summary != "Later more" {
		t.Errorf("saved %q", v.Material.Summary)
	}
}

func TestNamesAreFoundByTheirBegin(t *testing.T) {
	t.Parallel()
	s := company(t)
	b := s.Browse(servertest.Alice).In(t)
	p := b.Get("/people/names?q=sa").Wants(http.StatusOK, "Sam", "@sally")
	if strings.Contains(p.Text(), "Erin") || strings.Contains(b.Get("/people/names?q=").Body, "<button") || strings.Contains(b.Get("/people/names?q=ci").Text(), "@ci") {
		t.Error("others are offered, or everybody, or a service account")
	}
}

// Auditors write nothing, and a stranger is asked to sign in.
func TestWhoMayNotFileSeesNoForm(t *testing.T) {
	t.Parallel()
	s := company(t)
	a := s.Browse(servertest.Audra).In(t)
	for _, path := range []string{"/changes/new", "/changes/new?category=deploy"} {
		a.Get(path).Wants(http.StatusForbidden, "Auditors read everything and write nothing")
	}
	a.Post("/changes/new", url.Values{"category": {"deploy"}, "do": {"file"}}).Wants(http.StatusForbidden)
	if p := s.Browse("").In(t).Get("/changes/new"); p.Status != http.StatusSeeOther || !strings.HasPrefix(p.Header.Get("Location"), "/login") {
		t.Errorf("a stranger gets %d", p.Status)
	}
}
