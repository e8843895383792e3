package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"plumbline.dev/plumb/internal/server/servertest"
	"plumbline.dev/plumb/internal/web"
)

// maker is a form that makes something, and how it is filled in.
type maker struct {
	route  string            // of web.Routes
	who    string            // who sends it
	page   string            // where the form stands; "" where it is sent to
	action string            // where it is sent to
	typed  map[string]string // what is typed into it
	other  string            // the field that says something else when the form is sent with other words
	verb   string            // of the event that it makes
}

// makers are the forms that make something. A browser sends a form again when its answer is loaded again,
// and people do when an answer was lost.
func makers(t *testing.T, s *servertest.Server) []maker {
	t.Helper()
	olga := s.As(servertest.Olga)
	c := s.Filed()
	at := "/changes/" + string(c.ID)
	var made struct {
		Webhook struct {
			ID string `json:"id"`
		} `json:"webhook"`
	}
	olga.Want(http.StatusCreated, "POST", "/webhooks", map[string]any{"url": "https://example.com/hooks", "verbs": []string{"change.closed"}}).Into(&made)
	hook := "/admin/webhooks/" + made.Webhook.ID
	olga.Want(http.StatusCreated, "POST", "/sources", map[string]any{"name": "stock", "kind": "csv"})
	olga.Want(http.StatusCreated, "POST", "/sources/stock/documents", []byte("name\nweb-1\n"))
	rita := "/admin/people/" + s.People[servertest.Rita]
	tomorrow := time.Now().Add(24 * time.Hour)
	reset := ""
	for _, to := range posts(s.Browse(servertest.Olga).In(t).Get(rita)) {
		if strings.HasSuffix(to, "/reset") {
			reset = to
		}
	}
	return []maker{
		{route: "POST /profile/tokens", who: servertest.Sam, page: "/profile", action: "/profile/tokens", typed: map[string]string{"name": "twice"}, other: "name", verb: "token.made"},
		{route: "POST /admin/people/new", who: servertest.Olga, action: "/admin/people/new", other: "name", verb: "person.added",
			typed: map[string]string{"name": "Nina", "email": "nina@example.com", "username": "nina"}},
		{route: "POST /admin/people/{id}/account", who: servertest.Olga, page: rita, action: rita + "/account", typed: map[string]string{"username": "rita2"}, other: "username", verb: "account.added"},
		{route: "POST /admin/people/{id}/account/{account}/reset", who: servertest.Olga, page: rita, action: reset, verb: "account.reset"},
		{route: "POST /admin/groups", who: servertest.Olga, action: "/admin/groups", typed: map[string]string{"name": "writers"}, other: "name", verb: "group.added"},
		{route: "POST /admin/services", who: servertest.Olga, action: "/admin/services", other: "note", verb: "service.added",
			typed: map[string]string{"username": "bot", "owner": s.People[servertest.Ivy], "note": "builds"}},
		{route: "POST /admin/webhooks", who: servertest.Olga, action: "/admin/webhooks", typed: map[string]string{"url": "https://example.com/twice"}, other: "url", verb: "webhook.made"},
		{route: "POST /admin/webhooks/{id}/replay", who: servertest.Olga, page: hook, action: hook + "/replay",
			typed: map[string]string{"from": "3"}, other: "from", verb: "webhook.replayed"},
		{route: "POST /campaigns/new", who: servertest.Olga, action: "/campaigns/new", other: "name", verb: "campaign.opened",
			typed: map[string]string{"name": "Autumn", "kind": "attestation", "due": tomorrow.Format("2006-01-02T15:04"), "share": "100", "fallbacks": "rita"}},
		{route: "POST /exceptions/new", who: servertest.Alice, page: "/exceptions/new?name=web-*&path=size", action: "/exceptions/new", other: "reason", verb: "mute.proposed",
			typed: map[string]string{"reason": "the autoscaler keeps it within bounds"}},
		{route: "POST /changes/calendar", who: servertest.Sam, action: "/changes/calendar", other: "reason", verb: "freeze.set",
			typed: map[string]string{"kind": "freeze", "from": tomorrow.Format("2006-01-02T15:04"), "until": tomorrow.Add(time.Hour).Format("2006-01-02T15:04"), "reason": "stocktaking"}},
		{route: "POST /changes/{id}/comment", who: servertest.Sam, page: at, action: at + "/comment", typed: map[string]string{"text": "Looks fine."}, other: "text", verb: "change.commented"},
	}
}

// posts lists where the forms of a page are sent to.
func posts(p servertest.Page) (out []string) {
	for _, n := range p.All("form") {
		if strings.EqualFold(servertest.Attr(n, "method"), "post") {
			out = append(out, servertest.Attr(n, "action"))
		}
	}
	return out
}

// events counts what the ledger has of a verb.
func events(b *servertest.Browser, verb string) (n int) {
	for _, row := range b.Get("/ledger?verb=" + url.QueryEscape(verb)).All("tr") {
		if slices.ContainsFunc(row.Attr, func(a html.Attribute) bool { return a.Key == "data-row" }) {
			n++
		}
	}
	return n
}

func TestAFormThatMakesSomethingMakesItOnce(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	all := makers(t, s)
	for _, m := range all {
		if m.page == "" {
			m.page = m.action
		}
		b := s.Browse(m.who).In(t)
		f := b.Get(m.page).Wants(http.StatusOK).Form(m.action)
		if f.Get("once") == "" {
			t.Errorf("%s: the form has no name of its own", m.route)
			continue
		}
		for name, text := range m.typed {
			f.Set(name, text)
		}
		before := events(b, m.verb)
		to := make([]string, 3)
		var wg sync.WaitGroup
		for i := range to {
			wg.Go(func() {
				if p := b.Post(m.action, f); p.Status >= 400 {
					to[i] = p.Text()
				}
			})
		}
		wg.Wait()
		if x := strings.Join(to, ""); x != "" {
			t.Errorf("%s: sent three times at once, one is refused: %.1500s", m.route, x)
		}
		again := b.Post(m.action, f)
		if again.Status != http.StatusSeeOther {
			t.Errorf("%s: sent again it answers %d: %.1500s", m.route, again.Status, again.Text())
			continue
		}
		b.Follow(again).Wants(http.StatusOK, "came twice and was taken once")
		if n := events(b, m.verb) - before; n != 1 {
			t.Errorf("%s: sent four times it made %d events %s, want 1", m.route, n, m.verb)
		}
		if m.other == "" {
			continue
		}
		f.Set(m.other, f.Get(m.other)+"4")
		p := b.Post(m.action, f).Wants(http.StatusConflict, "worded otherwise")
		if back := p.Form(m.action); back.Get("once") == f.Get("once") || back.Get("once") == "" {
			t.Errorf("%s: with other words the form comes back with the same name", m.route)
		}
		if n := events(b, m.verb) - before; n != 1 {
			t.Errorf("%s: with other words it made %d", m.route, n)
		}
	}
}

// harmless says of every other form why it does no more when it comes twice.
var harmless = map[string]string{
	"POST /setup":                                     "a server is set up once",
	"POST /login":                                     "one more session is what was asked for",
	"POST /logout":                                    "the session is gone",
	"POST /changes/new":                               "it files once: filing/again_test.go",
	"POST /changes/{id}/edit":                         "the revision that it was typed on is gone: filing/again_test.go",
	"POST /changes/{id}/evidence":                     "each file of the form is taken once: filing/twice_test.go",
	"POST /changes/new/draft":                         "the form has one draft: filing/twice_test.go",
	"POST /changes/new/drop":                          "the draft is gone",
	"POST /changes/new/preview":                       "nothing is kept",
	"POST /changes/views":                             "the name has one view",
	"POST /changes/views/{id}/drop":                   "the view is gone",
	"POST /changes/calendar/{id}/lift":                "it is lifted",
	"POST /changes/{id}/submit":                       "it left its state",
	"POST /changes/{id}/approve":                      "one person decides once on a revision",
	"POST /changes/{id}/reject":                       "it left its state",
	"POST /changes/{id}/withdraw":                     "there is nothing left to withdraw",
	"POST /changes/{id}/cancel":                       "it left its state",
	"POST /changes/{id}/hold":                         "it is held already",
	"POST /changes/{id}/release":                      "it is held no more",
	"POST /changes/{id}/acknowledge":                  "the conflict is accepted already",
	"POST /changes/{id}/schedule":                     "the same time again",
	"POST /changes/{id}/apply":                        "the form carries the key of the attempt",
	"POST /changes/{id}/verify":                       "the slot is filled; another no changes nothing",
	"POST /changes/{id}/close":                        "it left its state",
	"POST /changes/{id}/plan":                         "a page that was read is read",
	"POST /admin/people/{id}/edit":                    "the same words again",
	"POST /admin/people/{id}/disable":                 "it is done",
	"POST /admin/people/{id}/enable":                  "it is done",
	"POST /admin/people/{id}/account/{account}/end":   "it is done",
	"POST /admin/people/{id}/account/{account}/vouch": "it is done",
	"POST /admin/people/{id}/sessions/end":            "they are ended",
	"POST /admin/roles/grant":                         "it is held already",
	"POST /admin/roles/revoke":                        "it is gone",
	"POST /admin/groups/{id}/drop":                    "it is gone",
	"POST /admin/groups/{id}/join":                    "who is in is in",
	"POST /admin/groups/{id}/leave":                   "who is out is out",
	"POST /admin/services/{id}/edit":                  "the same words again",
	"POST /admin/services/{id}/end":                   "it is done",
	"POST /admin/services/{id}/owner":                 "it has that owner",
	"POST /admin/sessions/{id}/end":                   "it is done",
	"POST /admin/tokens/{id}/revoke":                  "it is done",
	"POST /admin/settings":                            "the same words again",
	"POST /admin/webhooks/{id}/end":                   "it is gone",
	"POST /profile/away":                              "the same days again",
	"POST /profile/back":                              "nobody is away",
	"POST /profile/password":                          "the old password is another",
	"POST /profile/preferences":                       "the same again",
	"POST /profile/tokens/{id}/revoke":                "it is done",
	"POST /profile/sessions/end":                      "they are ended",
	"POST /profile/sessions/{id}/end":                 "it is done",
	"POST /ledger/export":                             "who asks for a file twice gets two; both are on record",
	"POST /policy/simulate":                           "nothing is kept",
	"POST /inventory/{id}/labels":                     "the same labels again",
	"POST /questions/{id}/answer":                     "it is answered",
	"POST /questions/{id}/decide":                     "it is answered",
	"POST /inventory/{id}/merge":                      "they are one thing already",
	"POST /inventory/{id}/split":                      "the record belongs to another thing already",
	"POST /identity/{id}/undo":                        "it is undone",
	"POST /diagrams/propose":                          "the same drawing waits already",
	"POST /diagrams/of-record/{id}/approve":           "it left its state",
	"POST /diagrams/of-record/{id}/refuse":            "it left its state",
	"POST /findings/{id}/adopt":                       "it left its state",
	"POST /findings/{id}/revert":                      "it left its state",
	"POST /findings/{id}/waive":                       "it left its state",
	"POST /exceptions/{id}/accept":                    "it left its state",
	"POST /exceptions/{id}/refuse":                    "it left its state",
	"POST /exceptions/{id}/end":                       "it left its state",
	"POST /campaigns/{id}/sign":                       "one person signs once",
	"POST /campaigns/{id}/items/{asset}":              "the same answer again",
	"POST /source-kinds/{kind}":                       "a source's name is taken once",
	"POST /sources/{name}/edit":                       "the same words again",
	"POST /sources/{name}/pause":                      "it is paused",
	"POST /sources/{name}/remove":                     "it is removed",
	"POST /sources/{name}/resume":                     "it is read",
	"POST /sources/{name}/read":                       "what was read is there already",
}

// A new page that takes a form says what happens when the form comes twice: it makes something and is
// tried above, or here stands why that needs nothing.
func TestEveryFormIsOneOfTheseThatMakeSomethingOrHarmlessTwice(t *testing.T) {
	t.Parallel()
	known := harmless
	s := servertest.Start(t)
	tried := []string{}
	for _, m := range makers(t, s) {
		tried = append(tried, m.route)
	}
	for _, r := range web.Routes() {
		name := r.Method + " " + r.Path
		if r.Method == http.MethodPost && known[name] == "" && !slices.Contains(tried, name) {
			t.Errorf("%s: what happens when this form comes twice?", name)
		}
	}
}
