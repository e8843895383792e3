package directory_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
)

func TestATokenActsForItsPersonWithinItsScopesAndNeverDecides(t *testing.T) {
	t.Parallel()
	h := open(t)
	olga, dev := h.as("olga"), h.as("dev")
	ci, err := h.AddService(t.Context(), olga, directory.NewService{Username: "ci", Owner: h.people["dev"], Repos: []string{"acme/infra"}})
	h.must(err)
	_, own := h.token(dev, directory.NewToken{Name: "own", Scopes: []directory.Scope{directory.ScopeRead, directory.ScopeRead, directory.ScopeFile}})
	_, pipeline := h.token(dev, directory.NewToken{Account: ci.ID, Name: "deploy", Scopes: []directory.Scope{directory.ScopeGate},
		Repo: "acme/infra", Pipe: "deploy"})

	a, err := h.Recognise(t.Context(), own)
	h.must(err)
	if a.Kind != fault.Human || a.Authn != fault.Token || a.IsPerson() || a.Person != dev.Person || !slices.Equal(a.Scopes, []string{"file", "read"}) {
		t.Errorf("own token: %+v", a)
	}
	b, err := h.Recognise(t.Context(), pipeline)
	h.must(err)
	if b.Kind != fault.Service || b.IsPerson() || b.Person != dev.Person || b.Account != string(ci.ID) || b.Repo != "acme/infra" || b.Pipe != "deploy" {
		t.Errorf("pipeline token: %+v", b)
	}
	for _, scope := range directory.Scopes() {
		a.Scopes = append(a.Scopes, string(scope))
	}
	for _, p := range []directory.Permission{directory.ChangeDecide, directory.PeopleManage, directory.TokensOwn, directory.TokensManage, directory.WebhooksManage} {
		h.refused(directory.Allowed(a, []string{"security-officer", "security-lead", "admin"}, p), "not_allowed")
	}
	_, _, err = h.MakeToken(t.Context(), a, directory.NewToken{Name: "more", Scopes: directory.Scopes()})
	h.refused(err, "not_allowed") // a token makes no token
	if p, ok := h.roster().ServiceOwner(ci.ID); !ok || p != h.people["dev"] {
		t.Errorf("owner = %v, %v", p, ok)
	}
	h.whole()
}

func TestTokensAreMadeForOneselfAndOnesOwnServiceAccounts(t *testing.T) {
	t.Parallel()
	h := open(t)
	olga, dev := h.as("olga"), h.as("dev")
	ci, err := h.AddService(t.Context(), olga, directory.NewService{Username: "ci", Owner: h.people["dev"], Repos: []string{"acme/infra"}})
	h.must(err)
	read := []directory.Scope{directory.ScopeRead}
	for what, try := range map[string]struct {
		who  fault.Actor
		n    directory.NewToken
		code string
	}{
		"another's service account":        {olga, directory.NewToken{Account: ci.ID, Name: "x", Scopes: read}, "no_account"},
		"another's account":                {dev, directory.NewToken{Account: directory.AccountID(olga.Account), Name: "x", Scopes: read}, "no_account"},
		"no such account":                  {dev, directory.NewToken{Account: "acc_x", Name: "x", Scopes: read}, "no_account"},
		"a repository that it has not":     {dev, directory.NewToken{Account: ci.ID, Name: "x", Scopes: read, Repo: "acme/app"}, "repo_not_bound"},
		"a repository for oneself":         {dev, directory.NewToken{Name: "x", Scopes: read, Repo: "acme/infra"}, "repo_not_bound"},
		"no name":                          {dev, directory.NewToken{Scopes: read}, "bad_token"},
		"no scope":                         {dev, directory.NewToken{Name: "x"}, "bad_token"},
		"a scope that would approve":       {dev, directory.NewToken{Name: "x", Scopes: []directory.Scope{"approve"}}, "bad_token"},
		"an empty scope":                   {dev, directory.NewToken{Name: "x", Scopes: []directory.Scope{""}}, "bad_token"},
		"two scopes in one":                {dev, directory.NewToken{Name: "x", Scopes: []directory.Scope{"read gate"}}, "bad_token"},
		"more than a year":                 {dev, directory.NewToken{Name: "x", Scopes: read, Life: 367 * 24 * time.Hour}, "bad_token"},
		"a life that is over":              {dev, directory.NewToken{Name: "x", Scopes: read, Life: -time.Second}, "bad_token"},
		"a name that turns the text round": {dev, directory.NewToken{Name: "x\u202e", Scopes: read}, "bad_token"},
	} {
		if _, secret, err := h.MakeToken(t.Context(), try.who, try.n); !fault.Is(err, try.code) || secret != "" {
			t.Errorf("%s: %s, want %s", what, describe(err), try.code)
		}
	}
}

func TestATokenExpires(t *testing.T) {
	t.Parallel()
	h := open(t)
	usual, secret := h.token(h.as("dev"), directory.NewToken{Name: "usual", Scopes: []directory.Scope{directory.ScopeRead}})
	if got := time.Duration(usual.Expires-usual.Created) * time.Microsecond; got != 90*24*time.Hour {
		t.Errorf("lives %s, want 90 days", got)
	}
	h.clock.Add(90*24*time.Hour - time.Microsecond)
	actor, err := h.Recognise(t.Context(), secret)
	h.must(err)
	h.clock.Add(time.Microsecond)
	_, err = h.Recognise(t.Context(), secret)
	h.refused(err, "token_over")
	h.refused(h.db.View(t.Context(), func(tx *db.Tx) error { return h.ConfirmIn(tx, actor) }), "token_over")
}

func TestTokensAreListedAndRevoked(t *testing.T) {
	t.Parallel()
	h := open(t)
	dev, sam, olga := h.as("dev"), h.as("sam"), h.as("olga")
	first, firstSecret := h.token(dev, directory.NewToken{Name: "first", Scopes: []directory.Scope{directory.ScopeRead}})
	second, secondSecret := h.token(dev, directory.NewToken{Name: "second", Scopes: []directory.Scope{directory.ScopeRead}})
	h.clock.Add(time.Minute)
	actor, err := h.Recognise(t.Context(), firstSecret)
	h.must(err)
	list, err := h.Tokens(t.Context(), dev, h.people["dev"])
	h.must(err)
	if len(list) != 2 || list[0].Used+list[1].Used != h.clock.Now().UnixMicro() {
		t.Errorf("tokens = %+v, want two, one used now", list)
	}
	_, err = h.Tokens(t.Context(), sam, h.people["dev"])
	h.refused(err, "not_allowed")
	_, err = h.Tokens(t.Context(), actor, h.people["dev"])
	h.refused(err, "not_allowed")
	h.refused(h.RevokeToken(t.Context(), sam, first.ID), "not_allowed")
	h.refused(h.RevokeToken(t.Context(), sam, "tok_none"), "not_allowed")
	h.refused(h.RevokeToken(t.Context(), olga, "tok_none"), "no_session")
	h.must(h.RevokeToken(t.Context(), dev, first.ID))
	h.must(h.RevokeToken(t.Context(), olga, second.ID))
	h.refused(h.RevokeToken(t.Context(), olga, second.ID), "no_session")
	for _, s := range []string{firstSecret, secondSecret} {
		_, err := h.Recognise(t.Context(), s)
		h.refused(err, "token_over")
	}
	h.whole()
}

func TestARepositoryTakenFromAServiceAccountEndsItsTokens(t *testing.T) {
	t.Parallel()
	h := open(t)
	olga, dev := h.as("olga"), h.as("dev")
	ci, err := h.AddService(t.Context(), olga, directory.NewService{Username: "ci", Owner: h.people["dev"], Repos: []string{"acme/infra", "acme/app"}})
	h.must(err)
	gate := []directory.Scope{directory.ScopeGate}
	_, infra := h.token(dev, directory.NewToken{Account: ci.ID, Name: "infra", Scopes: gate, Repo: "acme/infra"})
	_, app := h.token(dev, directory.NewToken{Account: ci.ID, Name: "app", Scopes: gate, Repo: "acme/app"})
	h.refused(h.EditService(t.Context(), dev, ci.ID, "", nil), "not_allowed")
	h.refused(h.EditService(t.Context(), olga, directory.AccountID(dev.Account), "", nil), "not_service")
	h.refused(h.EditService(t.Context(), olga, ci.ID, "", []string{"a b"}), "bad_account")
	for _, n := range []directory.NewService{{Repos: []string{"a|b"}}, {Repos: []string{""}}, {Note: "x\u202e"}} {
		n.Username, n.Owner = "ci2", h.people["dev"]
		_, err := h.AddService(t.Context(), olga, n)
		h.refused(err, "bad_account")
	}
	h.must(h.EditService(t.Context(), olga, ci.ID, "only the app", []string{"acme/app"}))
	_, err = h.Recognise(t.Context(), infra)
	h.refused(err, "token_over")
	_, err = h.Recognise(t.Context(), app)
	h.must(err)
	h.must(h.MoveService(t.Context(), olga, ci.ID, h.people["erin"]))
	_, err = h.Recognise(t.Context(), app)
	h.refused(err, "token_over") // the old owner may still know it
	if p, ok := h.roster().ServiceOwner(ci.ID); !ok || p != h.people["erin"] {
		t.Errorf("owner = %v, %v", p, ok)
	}
	h.refused(h.MoveService(t.Context(), olga, ci.ID, h.people["erin"]), "not_movable")
	h.refused(h.MoveService(t.Context(), olga, directory.AccountID(dev.Account), h.people["erin"]), "not_movable")
	h.whole()
}

func TestARepositoryKeyIsGivenOnlyToATokenBoundToIt(t *testing.T) {
	t.Parallel()
	h := open(t)
	olga, dev := h.as("olga"), h.as("dev")
	ci, err := h.AddService(t.Context(), olga, directory.NewService{Username: "ci", Owner: h.people["dev"], Repos: []string{"acme/infra", "acme/app"}})
	h.must(err)
	bind := func(repo string, scope directory.Scope) fault.Actor {
		_, secret := h.token(dev, directory.NewToken{Account: ci.ID, Name: "for " + repo, Scopes: []directory.Scope{scope}, Repo: repo})
		a, err := h.Recognise(t.Context(), secret)
		h.must(err)
		return a
	}
	infra, app := bind("acme/infra", directory.ScopeGate), bind("acme/app", directory.ScopeGate)
	key, err := h.RepoKey(t.Context(), infra, "acme/infra")
	h.must(err)
	if len(key.Reveal()) != 32 {
		t.Fatalf("the key has %d bytes", len(key.Reveal()))
	}
	again, err := h.desk().RepoKey(t.Context(), bind("acme/infra", directory.ScopeGate), "acme/infra")
	h.must(err)
	other, err := h.RepoKey(t.Context(), app, "acme/app")
	h.must(err)
	if again != key || other == key {
		t.Error("one repository has one key, another another")
	}
	before := len(h.verbs())
	_, err = h.RepoKey(t.Context(), infra, "acme/infra")
	h.must(err)
	if got := len(h.verbs()); got != before {
		t.Errorf("the second issue to one token made %d events", got-before)
	}
	_, err = h.RepoKey(t.Context(), app, "acme/infra")
	h.refused(err, "repo_not_bound")
	_, err = h.RepoKey(t.Context(), bind("", directory.ScopeGate), "")
	h.refused(err, "repo_not_bound")
	_, err = h.RepoKey(t.Context(), dev, "acme/infra")
	h.refused(err, "repo_not_bound")
	forged := dev
	forged.Authn, forged.Repo = fault.Token, "acme/infra"
	_, err = h.RepoKey(t.Context(), forged, "acme/infra")
	h.refused(err, "not_signed_in")
	_, err = h.RepoKey(t.Context(), bind("acme/infra", directory.ScopeRead), "acme/infra")
	h.refused(err, "not_allowed")
	_, err = directory.New(h.db, nil).RepoKey(t.Context(), infra, "acme/infra")
	h.refused(err, "no_root_key")
	_, err = directory.New(h.db, []byte("another root key of 32 bytes ...")).RepoKey(t.Context(), infra, "acme/infra")
	h.refused(err, "wrong_root_key")
	if where := h.contains(key.Reveal()); where != "" {
		t.Errorf("the key stands in %s", where)
	}
	h.noted("repo_key.issued")
	h.whole()
}

func TestASealedKeyThatSomebodyTouchedIsNotUsed(t *testing.T) {
	t.Parallel()
	h := open(t)
	dev := h.as("dev")
	ci, err := h.AddService(t.Context(), h.as("olga"), directory.NewService{Username: "ci", Owner: h.people["dev"], Repos: []string{"acme/infra", "acme/app"}})
	h.must(err)
	actors := map[string]fault.Actor{}
	for _, repo := range ci.Repos {
		_, secret := h.token(dev, directory.NewToken{Account: ci.ID, Name: repo, Scopes: []directory.Scope{directory.ScopeGate}, Repo: repo})
		actors[repo], err = h.Recognise(t.Context(), secret)
		h.must(err)
		_, err = h.RepoKey(t.Context(), actors[repo], repo)
		h.must(err)
	}
	var other string
	h.must(h.db.View(t.Context(), func(tx *db.Tx) error {
		return tx.QueryRow("SELECT sealed FROM directory_key WHERE id = 'acme/app'").Scan(&other)
	}))
	for what, sealed := range map[string]string{"another repository's": other, "nothing": "", "a bare mark": "v1:", "no base64": "v1:!", "too short": "v1:AAAA",
		"zeros": "v1:" + strings.Repeat("A", 80), "another form": "v2" + other[2:], "no form": other[3:]} {
		h.must(h.db.Update(t.Context(), fault.SystemActor("test"), func(tx *db.Tx) error {
			if _, err := tx.Exec("UPDATE directory_key SET sealed = $1 WHERE id = 'acme/infra'", sealed); err != nil {
				return err
			}
			_, err := ledger.Append(tx, ledger.Event{Verb: "test.touched", Type: "test", Object: what})
			return err
		}))
		key, err := h.RepoKey(t.Context(), actors["acme/infra"], "acme/infra")
		if err == nil || key != "" || strings.Contains(err.Error(), "panic") {
			t.Errorf("%s: %q, %v", what, key.Reveal(), err)
		}
	}
}
