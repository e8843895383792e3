package office_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/server/servertest"
	"plumbline.dev/plumb/internal/web/office"
)

// form is what a form sends, name and value in turn.
func form(pairs ...string) url.Values {
	out := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		out.Add(pairs[i], pairs[i+1])
	}
	return out
}

// secretIn is the secret that the page shows this once.
func secretIn(t *testing.T, p servertest.Page) string {
	t.Helper()
	for _, n := range p.All("pre") {
		if strings.Contains(servertest.Attr(n, "class"), "secret") {
			return n.FirstChild.Data
		}
	}
	t.Fatalf("the page shows no secret: %.1500s", p.Text())
	return ""
}

// actions lists where the forms of a page would post to, but for signing out.
func actions(p servertest.Page) (out []string) {
	for _, n := range p.All("form") {
		if to := servertest.Attr(n, "action"); strings.EqualFold(servertest.Attr(n, "method"), "post") && to != "/logout" {
			out = append(out, to)
		}
	}
	return out
}

func linkTo(p servertest.Page, part string) string {
	for _, n := range p.All("a") {
		if to := servertest.Attr(n, "href"); strings.Contains(to, part) {
			return to
		}
	}
	return ""
}

func TestAnOfficerAddsAPersonAndHandsOutACodeThatIsShownOnce(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	olga := s.Browse(servertest.Olga)
	add := form("name", "Nina Neu", "email", "nina@example.com", "username", "nina", "note", "")
	p := olga.Post("/admin/people/new", add).Wants(http.StatusOK, "Nina Neu", "shown this once", "72 hours")
	code := secretIn(t, p)
	link := s.URL + "/login?code=yes&user=nina"
	if !strings.Contains(p.Text(), link) {
		t.Errorf("the page does not give the invitation %s", link)
	}
	person := regexp.MustCompile(`per_[a-z0-9]+`).FindString(linkTo(p, "/admin/people/per_"))
	for _, path := range []string{"/admin/people", "/admin/people/" + person, "/admin/people/" + person + "/edit"} {
		if again := olga.Get(path).Wants(http.StatusOK); strings.Contains(again.Body, code) {
			t.Errorf("%s shows the code again", path)
		}
	}
	olga.Post("/admin/people/new", add).Wants(http.StatusConflict, "taken")
	olga.Post("/admin/people/new", form("name", "", "email", "x", "username", "-")).Wants(http.StatusBadRequest, "Name is missing.", "is not a mail address")

	nina := s.Browse("")
	in := nina.Get("/login?code=yes&user=nina").Wants(http.StatusOK).Form("/login")
	if in.Get("username") != "nina" {
		t.Error("the invitation does not fill the user name in")
	}
	in.Set("password", code)
	in.Set("new", servertest.Password)
	in.Set("again", servertest.Password)
	nina.Follow(nina.Post("/login", in)).Wants(http.StatusOK)
	nina.Get("/profile").Wants(http.StatusOK, "Nina Neu", "nina@example.com")
	olga.Get("/admin/people/"+person).Wants(http.StatusOK, "Olga made its code", "until another security officer vouches")
	if act := actions(olga.Get("/admin/people/" + person)); slices.ContainsFunc(act, func(a string) bool { return strings.HasSuffix(a, "/vouch") }) {
		t.Error("who made the code is offered to vouch for it")
	}

	otto := s.Browse(servertest.Otto)
	account := regexp.MustCompile(`acc_[a-z0-9]+`).FindString(strings.Join(actions(otto.Get("/admin/people/"+person)), " "))
	otto.Follow(otto.Post("/admin/people/"+person+"/account/"+account+"/vouch", form("reason", "asked her on the phone"))).Wants(http.StatusOK, "You vouched")
	if strings.Contains(otto.Get("/admin/people/"+person).Text(), "made its code") {
		t.Error("the account is still lent")
	}
}

func TestDisablingAPersonEndsTheirSessionAtOnce(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	olga, rita := s.Browse(servertest.Olga), s.Browse(servertest.Rita)
	rita.Get("/profile").Wants(http.StatusOK)
	at := "/admin/people/" + s.People[servertest.Rita]
	olga.Post(at+"/disable", form("reason", "")).Wants(http.StatusBadRequest, "needs a reason")
	olga.Follow(olga.Post(at+"/disable", form("reason", "left the company"))).Wants(http.StatusOK, "Disabled: nobody comes in", "shut out")
	if p := rita.Get("/profile"); p.Status != http.StatusSeeOther || !strings.HasPrefix(p.Header.Get("Location"), "/login") {
		t.Errorf("somebody disabled still sees their profile: %d", p.Status)
	}
	rita.Post("/login", form("username", servertest.Rita, "password", servertest.Password)).Wants(http.StatusUnauthorized)
	olga.Follow(olga.Post(at+"/enable", form("reason", "came back"))).Wants(http.StatusOK, "may come in again")
	if p := rita.Post("/login", form("username", servertest.Rita, "password", servertest.Password)); p.Status != http.StatusSeeOther {
		t.Errorf("somebody enabled cannot sign in: %d %s", p.Status, p.Text())
	}
}

func TestAForgottenPasswordBecomesACodeThatIsShownOnce(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	olga, rita := s.Browse(servertest.Olga), s.Browse(servertest.Rita)
	at := "/admin/people/" + s.People[servertest.Rita]
	reset := ""
	for _, a := range actions(olga.Get(at)) {
		if strings.HasSuffix(a, "/reset") {
			reset = a
		}
	}
	code := secretIn(t, olga.Post(reset, nil).Wants(http.StatusOK, "One-time code for Rita"))
	if strings.Contains(olga.Get(at).Body, code) {
		t.Error("the code is shown again")
	}
	if p := rita.Get("/profile"); p.Status != http.StatusSeeOther {
		t.Error("the old session lives on")
	}
	own := "/admin/people/" + s.People[servertest.Olga]
	for _, a := range actions(olga.Get(own)) {
		if strings.HasSuffix(a, "/reset") || strings.HasSuffix(a, "/disable") {
			t.Errorf("an officer is offered %s for herself", a)
		}
	}
}

// acts is every act of the administration, with a form that would be taken from an officer.
func acts(s *servertest.Server) map[string]url.Values {
	rita, ivy := s.People[servertest.Rita], s.People[servertest.Ivy]
	return map[string]url.Values{
		"/admin/people/new":                              form("name", "N", "email", "n@example.com", "username", "nn"),
		"/admin/people/" + rita + "/edit":                form("name", "Rita R", "email", "rita@example.com"),
		"/admin/people/" + rita + "/disable":             form("reason", "left"),
		"/admin/people/" + rita + "/enable":              form("reason", "back"),
		"/admin/people/" + rita + "/account":             form("username", "rita2"),
		"/admin/people/" + rita + "/account/acc_x/reset": nil,
		"/admin/people/" + rita + "/account/acc_x/vouch": form("reason", "asked"),
		"/admin/people/" + rita + "/account/acc_x/end":   form("reason", "old"),
		"/admin/people/" + rita + "/sessions/end":        nil,
		"/admin/roles/grant":                             form("role", "implementer", "holder", rita),
		"/admin/roles/revoke":                            form("role", "implementer", "holder", ivy),
		"/admin/groups":                                  form("name", "builders"),
		"/admin/groups/grp_x/join":                       form("member", rita),
		"/admin/groups/grp_x/leave":                      form("member", rita),
		"/admin/groups/grp_x/drop":                       nil,
		"/admin/services":                                form("username", "robot", "owner", ivy),
		"/admin/services/acc_x/edit":                     form("note", "n"),
		"/admin/services/acc_x/owner":                    form("owner", ivy),
		"/admin/services/acc_x/end":                      form("reason", "old"),
		"/admin/tokens/tok_x/revoke":                     nil,
		"/admin/sessions/ses_x/end":                      nil,
		"/admin/webhooks":                                form("url", "https://hooks.example.com/x"),
		"/admin/webhooks/whk_x/end":                      nil,
		"/admin/webhooks/whk_x/replay":                   form("from", "0"),
		"/admin/settings":                                form("company", "Mine", "prefix", "CHG", "zone", "UTC"),
	}
}

func TestNoActOfTheAdministrationIsForAuthorsOrAuditors(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	for _, name := range []string{servertest.Alice, servertest.Sam, servertest.Audra} {
		b := s.Browse(name)
		for path, f := range acts(s) {
			if p := b.Post(path, f); p.Status != http.StatusForbidden {
				t.Errorf("%s posted to %s: %d %.200s", name, path, p.Status, p.Text())
			}
		}
	}
	stranger := s.Browse("")
	for path, f := range acts(s) {
		if p := stranger.Post(path, f); p.Status != http.StatusUnauthorized {
			t.Errorf("a stranger posted to %s: %d", path, p.Status)
		}
	}
}

var readings = []string{"/admin/people", "/admin/roles", "/admin/groups", "/admin/services", "/admin/tokens", "/admin/sessions", "/admin/webhooks",
	"/admin/jobs", "/admin/keys", "/admin/settings"}

func TestAnAuditorSeesAllOfItAndNoButton(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	s.CI()
	audra := s.Browse(servertest.Audra)
	for _, path := range append(readings, "/admin/people/"+s.People[servertest.Sam], "/admin/services/"+s.People[servertest.CI]) {
		p := audra.Get(path).Wants(http.StatusOK, "You audit")
		if a := actions(p); len(a) > 0 {
			t.Errorf("%s offers the auditor %v", path, a)
		}
		if to := linkTo(p, "/changes/new"); to != "" {
			t.Errorf("%s leads the auditor to %s", path, to)
		}
	}
	alice := s.Browse(servertest.Alice)
	for _, path := range readings {
		want := http.StatusOK
		if slices.Contains([]string{"/admin/tokens", "/admin/sessions", "/admin/webhooks", "/admin/jobs"}, path) {
			want = http.StatusForbidden
		}
		p := alice.Get(path)
		if p.Status != want {
			t.Errorf("an author gets %d for %s, want %d", p.Status, path, want)
		}
		if a := actions(p); len(a) > 0 {
			t.Errorf("%s offers an author %v", path, a)
		}
	}
	if p := alice.Get("/admin/people/" + s.People[servertest.Sam]).Wants(http.StatusOK); strings.Contains(p.Text(), "Sessions and tokens") {
		t.Error("an author sees another's sessions")
	}
}

func TestARoleThatApprovesLeadsToItsChange(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	olga := s.Browse(servertest.Olga)
	rita := "/admin/people/" + s.People[servertest.Rita]
	to, err := url.Parse(linkTo(olga.Get(rita), "g.0.role=security-lead"))
	if err != nil || to.Path != "/changes/new" {
		t.Fatalf("no way to the change that grants a role: %v", to)
	}
	if q := to.Query(); q.Get("category") != "access" || q.Get("g.0.op") != "grant" || q.Get("g.0.who") != servertest.Rita {
		t.Errorf("the change is filled in with %v", q)
	}
	olga.Post("/admin/roles/grant", form("role", "security-lead", "holder", s.People[servertest.Rita])).
		Wants(http.StatusForbidden, "needs an approved access change")
	olga.Follow(olga.Post("/admin/roles/grant", form("role", "implementer", "holder", s.People[servertest.Rita], "back", rita))).
		Wants(http.StatusOK, "The role is given.", "Implementer")
	olga.Follow(olga.Post("/admin/roles/revoke", form("role", "implementer", "holder", s.People[servertest.Rita]))).Wants(http.StatusOK, "The role is taken.")
	olga.Get("/admin/people/"+s.People[servertest.Sam]).Wants(http.StatusOK, "Security Lead", "approves", "the set-up", "File a change to revoke")
}

func TestWhoIsOutOfOfficeIsSeenWherePeopleLookForAnApprover(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	ivan, olga := s.Browse(servertest.Ivan), s.Browse(servertest.Olga)
	p := olga.Get("/admin/roles").Wants(http.StatusOK, "Ivan")
	if strings.Contains(p.Text(), "out of office") {
		t.Error("somebody is out of office before they said so")
	}
	ivan.Post("/profile/away", form("from", "2000-01-01", "until", "2000-01-02")).Wants(http.StatusBadRequest, "is over already")
	ivan.Post("/profile/away", form("from", "", "until", "")).Wants(http.StatusBadRequest)
	now := time.Now()
	from, until := now.AddDate(0, 0, -1).Format(time.DateOnly), now.AddDate(0, 0, 3).Format(time.DateOnly)
	ivan.Follow(ivan.Post("/profile/away", form("from", from, "until", until, "note", "Dora stands in"))).
		Wants(http.StatusOK, "Out of office since "+from+" until "+until, "Dora stands in")
	olga.Get("/admin/roles").Wants(http.StatusOK, "out of office until "+until, "not today", "one more it-manager is needed")
	olga.Get("/admin/people").Wants(http.StatusOK, "out of office")
	olga.Get("/admin/people/"+s.People[servertest.Ivan]).Wants(http.StatusOK, "It is information")
	if me := s.As(servertest.Ivan).Ask("GET", "/me", nil); !strings.Contains(string(me.Body), "it-manager") {
		t.Errorf("who is out of office lost a role: %s", me.Body)
	}
	ivan.Follow(ivan.Post("/profile/back", nil)).Wants(http.StatusOK, "Welcome back.")
	if strings.Contains(olga.Get("/admin/roles").Text(), "out of office") {
		t.Error("who is back is still out of office")
	}
}

func TestGroupsGiveWhatTheyHold(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	olga := s.Browse(servertest.Olga)
	made := olga.Post("/admin/groups", form("name", "builders", "note", "who build"))
	at := made.Header.Get("Location")
	id := strings.TrimPrefix(at, "/admin/groups/")
	olga.Follow(made).Wants(http.StatusOK, "builders", "It is empty")
	olga.Post("/admin/groups", form("name", "Builders")).Wants(http.StatusConflict, "there already")
	olga.Follow(olga.Post(at+"/join", form("member", s.People[servertest.Rita]))).Wants(http.StatusOK, "Members (1 people in all)", "Rita")
	olga.Follow(olga.Post("/admin/roles/grant", form("role", "implementer", "holder", id))).Wants(http.StatusOK, "the group builders")
	olga.Get("/admin/people/"+s.People[servertest.Rita]).Wants(http.StatusOK, "Implementer", "builders")
	olga.Post(at+"/drop", nil).Wants(http.StatusConflict, "still has members")
	inner := olga.Post("/admin/groups", form("name", "night-shift")).Header.Get("Location")
	olga.Follow(olga.Post(at+"/join", form("member", strings.TrimPrefix(inner, "/admin/groups/")))).Wants(http.StatusOK, "night-shift")
	olga.Get(inner).Wants(http.StatusOK, "It is in builders", "implementer")
	olga.Follow(olga.Post(at+"/leave", form("member", s.People[servertest.Rita]))).Wants(http.StatusOK, "The member is out.")
	olga.Get("/admin/groups/grp_none").Wants(http.StatusNotFound, "no such group")
}

func TestServiceAccountsAndTheirTokens(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	olga, ivy := s.Browse(servertest.Olga), s.Browse(servertest.Ivy)
	made := olga.Post("/admin/services", form("username", "robot", "owner", s.People[servertest.Ivy], "repos", "web-infra shop", "note", "deploys"))
	at := made.Header.Get("Location")
	olga.Follow(made).Wants(http.StatusOK, "robot", "web-infra", "Ivy")
	account := strings.TrimPrefix(at, "/admin/services/")
	p := ivy.Post("/profile/tokens", form("name", "for deploys", "account", account, "scopes", "gate", "scopes", "read", "repo", "shop", "days", "30")).
		Wants(http.StatusOK, "Your new token, shown this once", "for deploys", "gate, read; only shop")
	secret := secretIn(t, p)
	if me := s.With(secret).Ask("GET", "/me", nil); me.Status != http.StatusOK {
		t.Errorf("the token does not work: %d %s", me.Status, me.Body)
	}
	if strings.Contains(ivy.Get("/profile").Body, secret) {
		t.Error("the secret is shown again")
	}
	ivy.Post("/profile/tokens", form("name", "other", "account", account, "scopes", "gate", "repo", "foreign", "days", "30")).
		Wants(http.StatusForbidden, "bound only to a repository", "Make a token")
	ivy.Post("/profile/tokens", form("name", "", "days", "30")).Wants(http.StatusBadRequest, "Name is missing.", "names at least one scope")
	ivy.Post("/profile/tokens", form("name", "x", "scopes", "read", "days", "4000")).Wants(http.StatusBadRequest, "from 1 to 366")
	olga.Get("/admin/tokens").Wants(http.StatusOK, "for deploys", "Ivy", "works")
	revoke := ""
	for _, a := range actions(olga.Get("/admin/tokens")) {
		revoke = a
	}
	olga.Follow(olga.Post(revoke, nil)).Wants(http.StatusOK, "revoked")
	if me := s.With(secret).Ask("GET", "/me", nil); me.Status != http.StatusUnauthorized {
		t.Errorf("a revoked token works: %d", me.Status)
	}
	olga.Follow(olga.Post(at+"/edit", form("note", "deploys the shop", "repos", "shop"))).Wants(http.StatusOK, "deploys the shop")
	olga.Follow(olga.Post(at+"/owner", form("owner", s.People[servertest.Dora]))).Wants(http.StatusOK, "Dora")
	olga.Follow(olga.Post(at+"/end", form("reason", "replaced"))).Wants(http.StatusOK, "ended")
}

func TestSessionsAreEndedByTheirPersonAndByOfficers(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	one, two, olga := s.Browse(servertest.Rita), s.Browse(servertest.Rita), s.Browse(servertest.Olga)
	one.Get("/profile").Wants(http.StatusOK, "this one", "End all but this one")
	one.Follow(one.Post("/profile/sessions/end", nil)).Wants(http.StatusOK, "Your other sessions ended")
	if p := two.Get("/profile"); p.Status != http.StatusSeeOther {
		t.Error("the other session lives on")
	}
	list := olga.Get("/admin/sessions").Wants(http.StatusOK, "Rita", "this one")
	ended := 0
	for _, a := range actions(list) {
		if strings.HasPrefix(a, "/admin/sessions/") {
			olga.Follow(olga.Post(a, nil)).Wants(http.StatusOK)
			ended++
		}
	}
	if p := one.Get("/profile"); ended == 0 || p.Status != http.StatusSeeOther {
		t.Errorf("after the officer ended %d sessions, the page still opens", ended)
	}
}

func TestSettingsChangeThePagesAndTheNextChange(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	olga := s.Browse(servertest.Olga)
	f := olga.Get("/admin/settings").Wants(http.StatusOK).Form("/admin/settings")
	if f.Get("company") != "Example Ltd" || f.Get("prefix") != "CHG" || f.Get("zone") != "Europe/Berlin" {
		t.Fatalf("settings = %v", f)
	}
	f.Set("prefix", "c1")
	olga.Post("/admin/settings", f).Wants(http.StatusBadRequest, "Prefix of changes is two to eight capital letters.")
	f.Set("prefix", "PROD")
	f.Set("company", "Other GmbH")
	f.Set("zone", "Asia/Tokyo")
	olga.Follow(olga.Post("/admin/settings", f)).Wants(http.StatusOK, "Other GmbH", "The settings are saved", "Times in Asia/Tokyo")
	if c := s.Filed(); !strings.HasPrefix(string(c.ID), "PROD-") {
		t.Errorf("the next change is %s", c.ID)
	}
}

func TestPreferencesApply(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	rita := s.Browse(servertest.Rita)
	theme := func(p servertest.Page) string { return servertest.Attr(p.All("html")[0], "data-theme") }
	if p := rita.Get("/profile"); theme(p) != "" {
		t.Error("a theme before one was chosen")
	}
	p := rita.Follow(rita.Post("/profile/preferences", form("zone", "America/New_York", "theme", "dark"))).Wants(http.StatusOK, "Times in America/New_York")
	if theme(p) != "dark" || theme(rita.Get("/help")) != "dark" {
		t.Error("the dark theme does not apply")
	}
	rita.Post("/profile/preferences", form("zone", "Mars/Olympus", "theme", "dark")).Wants(http.StatusBadRequest, "no time zone")
	rita.Post("/profile/preferences", form("zone", "", "theme", "neon")).Wants(http.StatusBadRequest, "light, dark")
	p = rita.Follow(rita.Post("/profile/preferences", form("zone", "", "theme", ""))).Wants(http.StatusOK, "Times in Europe/Berlin")
	if theme(p) != "" {
		t.Error("the system's theme does not come back")
	}
}

func TestAPasswordIsChangedWithTheOldOne(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	rita := s.Browse(servertest.Rita)
	const better = "violet harbour engine 77"
	rita.Post("/profile/password", form("old", "wrong wrong wrong", "new", better, "again", better)).Wants(http.StatusUnauthorized, "old password is not right")
	rita.Post("/profile/password", form("old", servertest.Password, "new", better, "again", "x")).Wants(http.StatusBadRequest, "not the same")
	rita.Post("/profile/password", form("old", servertest.Password, "new", "short", "again", "short")).Wants(http.StatusBadRequest)
	rita.Follow(rita.Post("/profile/password", form("old", servertest.Password, "new", better, "again", better))).Wants(http.StatusOK, "Your password is changed")
	if p := s.Browse("").Post("/login", form("username", servertest.Rita, "password", better)); p.Status != http.StatusSeeOther {
		t.Errorf("the new password does not work: %d", p.Status)
	}
}

func TestWebhooksAreMadeReplayedAndEnded(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	olga := s.Browse(servertest.Olga)
	p := olga.Post("/admin/webhooks", form("url", "https://hooks.example.com/plumb", "verbs", "change.* gate.denied")).
		Wants(http.StatusOK, "Secret of the new webhook", "hooks.example.com")
	secret := secretIn(t, p)
	if !strings.HasPrefix(secret, "whsec_") || strings.Contains(olga.Get("/admin/webhooks").Body, secret) {
		t.Error("the secret is none, or is shown again")
	}
	olga.Post("/admin/webhooks", form("url", "http://127.0.0.1/x")).Wants(http.StatusBadRequest, "cannot be sent there")
	at := linkTo(p, "/admin/webhooks/whk_")
	olga.Get(at).Wants(http.StatusOK, "What was sent", "change.*, gate.denied")
	olga.Post(at+"/replay", form("from", "never")).Wants(http.StatusBadRequest, "sequence number")
	olga.Follow(olga.Post(at+"/replay", form("from", "3"))).Wants(http.StatusOK, "from event 3 on")
	olga.Follow(olga.Post(at+"/end", nil)).Wants(http.StatusOK, "has ended", "No webhook")
	olga.Get(at).Wants(http.StatusNotFound)
}

func TestJobsAndKeysTellWhatTheServerIs(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	olga := s.Browse(servertest.Olga)
	olga.Get("/admin/jobs").Wants(http.StatusOK, "ledger", "webhooks", "timers", "sweep", "under a signed checkpoint")
	var keys struct {
		Ledger  string `json:"ledger"`
		KeyID   string `json:"key_id"`
		Permits string `json:"permits"`
		Install string `json:"install"`
	}
	s.As(servertest.Olga).Want(http.StatusOK, "GET", "/keys", nil).Into(&keys)
	olga.Get("/admin/keys").Wants(http.StatusOK, keys.Ledger, keys.KeyID, keys.Install, "plumb verify --ledger-key", strings.Fields(keys.Permits)[3])
}

func TestHelpAndComponentsAreForEverybodySignedIn(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	rita := s.Browse(servertest.Rita)
	rita.Get("/help").Wants(http.StatusOK, "awaiting approval", "in review", "What you approve is what you saw")
	rita.Get("/design").Wants(http.StatusOK, "A wrong field", "A notice, bad")
	if p := s.Browse("").Get("/help"); p.Status != http.StatusSeeOther {
		t.Error("a stranger reads the help")
	}
}

// Every page of these folders can be read with a screen reader: one first heading, a label on each field,
// and nothing that the content policy would refuse.
func TestPagesHaveOneHeadingLabelledFieldsAndNothingInline(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	s.CI()
	olga := s.Browse(servertest.Olga)
	at := olga.Post("/admin/groups", form("name", "builders")).Header.Get("Location")
	for _, path := range append(readings, "/admin/people/new", "/admin/people/"+s.People[servertest.Sam], "/admin/people/"+s.People[servertest.Sam]+"/edit",
		at, "/admin/services/"+s.People[servertest.CI], "/profile", "/help", "/design") {
		p := olga.Get(path).Wants(http.StatusOK)
		if n := len(p.All("h1")); n != 1 {
			t.Errorf("%s has %d first headings", path, n)
		}
		sound(t, path, p)
	}
}

func sound(t *testing.T, path string, p servertest.Page) {
	t.Helper()
	labelled, ids := map[string]bool{}, map[string]bool{}
	for _, n := range p.All("label") {
		labelled[servertest.Attr(n, "for")] = true
	}
	for _, element := range []string{"input", "select", "textarea", "section", "a", "button", "form", "div", "p"} {
		for _, n := range p.All(element) {
			if id := servertest.Attr(n, "id"); id != "" {
				if ids[id] {
					t.Errorf("%s has two elements with the id %s", path, id)
				}
				ids[id] = true
			}
			for _, a := range n.Attr {
				if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
					t.Errorf("%s: <%s %s>", path, element, a.Key)
				}
			}
			if !slices.Contains([]string{"input", "select", "textarea"}, element) || servertest.Attr(n, "type") == "hidden" {
				continue
			}
			if !labelled[servertest.Attr(n, "id")] && !insideLabel(n) {
				t.Errorf("%s: the field %s has no label", path, fmt.Sprint(servertest.Attr(n, "name")))
			}
		}
	}
}

func insideLabel(n *html.Node) bool {
	for up := n.Parent; up != nil; up = up.Parent {
		if up.Data == "label" {
			return true
		}
	}
	return false
}

func TestADemosServerSaysThatItsDataAreSamples(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	if p := s.Browse(servertest.Alice).Get("/admin/settings"); strings.Contains(p.Text(), "sample") {
		t.Errorf("a real server says that its data are samples: %s", p.Text())
	}
	s.Stop()
	if err := os.WriteFile(filepath.Join(s.Dir, "sample"), []byte("/tmp/some-demo\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Restart()
	s.Browse(servertest.Alice).Get("/admin/settings").Wants(http.StatusOK, "sample company of plumb demo", "plumb demo --remove /tmp/some-demo")
}

func TestFirstStepsLeadToTheFirstClosedChange(t *testing.T) {
	t.Parallel()
	drawn := func(s office.Steps) string {
		var b strings.Builder
		if err := office.FirstSteps(s).Render(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	if text := drawn(office.Steps{}); strings.Count(text, "class=\"button small\"") != 3 || strings.Contains(text, "done") {
		t.Errorf("an empty server's steps: %s", text)
	}
	if text := drawn(office.Steps{Token: true, Begun: change.Begun{Filed: true}}); strings.Count(text, ">done<") != 2 || !strings.Contains(text, "/changes") {
		t.Errorf("with two steps done: %s", text)
	}
	if text := drawn(office.Steps{Begun: change.Begun{Closed: true}}); text != "" {
		t.Errorf("after the first closed change: %s", text)
	}
}
