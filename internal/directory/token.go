package directory

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/seal"
)

// How long tokens live.
const (
	usualTokenLife = 90 * 24 * time.Hour
	maxTokenLife   = 366 * 24 * time.Hour
)

// maxTokenSources is how many sources one token may feed.
const maxTokenSources = 50

// Token is an API token: of a service account, or of a person for their own scripts. It never decides.
type Token struct {
	ID      TokenID   `json:"id"`
	Account AccountID `json:"account"`
	Person  PersonID  `json:"person"` // for a service account its owner
	Name    string    `json:"name"`
	Scopes  []Scope   `json:"scopes"`
	Repo    string    `json:"repo"`     // the only repository that it speaks for, one of its service account's; "" for none
	Pipe    string    `json:"pipeline"` // the only pipeline that it speaks for; "" for none
	Sources []string  `json:"sources"`  // ids of the sources that it may send documents to; "*" for all, in those from before there was a choice
	Created int64     `json:"created"`
	Expires int64     `json:"expires"`
	Revoked int64     `json:"revoked"`
	Why     string    `json:"why"`
	Used    int64     `json:"used"` // last use that is known, about a minute behind

	hash string
}

func (t Token) live(now int64) error {
	switch {
	case t.Revoked != 0:
		return tokenOver("The token was revoked.")
	case now >= t.Expires:
		return tokenOver("The token has expired.")
	}
	return nil
}

func tokenOver(sentence string) *fault.Error {
	return fault.New(fault.Unauthenticated, "token_over", "%s", sentence).FixedBy("its owner").Then("plumb token create")
}

// NewToken is what making a token asks for.
type NewToken struct {
	Account AccountID     `json:"account"` // "" for the actor's own account
	Name    string        `json:"name"`
	Scopes  []Scope       `json:"scopes"`
	Repo    string        `json:"repo"`
	Pipe    string        `json:"pipeline"`
	Sources []string      `json:"sources"` // ids of the sources that it may send documents to; none for none
	Life    time.Duration `json:"life"`    // 0 for 90 days; 366 days at most
}

func (n NewToken) check() error {
	e := fault.New(fault.Invalid, "bad_token", "The token cannot be made like that.")
	checkLine(e, "name", n.Name, maxTitle, true)
	checkLine(e, "repo", n.Repo, maxTitle, false)
	checkLine(e, "pipeline", n.Pipe, maxTitle, false)
	if len(n.Scopes) == 0 {
		e.At("scopes", "names at least one scope")
	}
	for _, s := range n.Scopes {
		if !slices.Contains(Scopes(), s) {
			e.At("scopes", "holds a scope that there is not; there is "+joinScopes(Scopes(), ", "))
		}
	}
	if len(n.Sources) > maxTokenSources {
		e.At("sources", "names at most 50 sources")
	}
	for _, s := range n.Sources {
		checkLine(e, "sources", s, maxTitle, true)
		if strings.ContainsAny(s, " *") {
			e.At("sources", "holds the ids of sources")
		}
	}
	if n.Life < 0 || n.Life > maxTokenLife {
		e.At("life", "is between a moment and 366 days")
	}
	if len(e.Fields) > 0 {
		return e
	}
	return nil
}

func joinScopes(list []Scope, by string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return strings.Join(out, by)
}

// MakeToken makes a token and gives its secret, this once. People make them for themselves and for
// service accounts that they own, in their own session: a token cannot make another.
func (d *Desk) MakeToken(ctx context.Context, actor fault.Actor, n NewToken) (t Token, secret seal.Secret, err error) {
	if err := n.check(); err != nil {
		return t, "", err
	}
	if n.Account == "" {
		n.Account = AccountID(actor.Account)
	}
	if n.Life == 0 {
		n.Life = usualTokenLife
	}
	secret = newBearer(tokenPrefix)
	err = d.manage(ctx, actor, TokensOwn, func(tx *db.Tx, r *Roster) error {
		a, err := openAccount(tx, n.Account)
		if err == nil {
			err = n.fits(a, PersonID(actor.Person))
		}
		if err != nil {
			return err
		}
		now := tx.Now()
		scopes := slices.Compact(slices.Sorted(slices.Values(n.Scopes)))
		t = Token{ID: TokenID(seal.NewID("tok")), Account: a.ID, Person: a.Person, Name: n.Name, Scopes: scopes,
			Repo: n.Repo, Pipe: n.Pipe, Sources: slices.Compact(slices.Sorted(slices.Values(n.Sources))), Created: now.UnixMicro(), Expires: now.Add(n.Life).UnixMicro(), hash: storedForm(secret)}
		if err := insertToken(tx, t); err != nil {
			return fmt.Errorf("save token: %w", err)
		}
		_, err = ledger.Append(tx, ledger.Event{Verb: "token.made", Type: "account", Object: string(a.ID),
			Detail: map[string]any{"token": string(t.ID), "name": t.Name, "scopes": joinScopes(scopes, " "),
				"repo": t.Repo, "pipeline": t.Pipe, "sources": strings.Join(t.Sources, " "), "expires": t.Expires}})
		return err
	})
	if err != nil {
		return Token{}, "", err
	}
	return t, secret, nil
}

// fits refuses a token for somebody else's account, and a binding that no officer gave the account.
func (n NewToken) fits(a Account, person PersonID) error {
	switch {
	case a.Person != person:
		return fault.New(fault.NotFound, "no_account", "You have no such account.").Then("plumb service-account list")
	case n.Repo != "" && !slices.Contains(a.Repos, n.Repo):
		return fault.New(fault.Denied, "repo_not_bound", "A token is bound only to a repository that its service account speaks for.").
			Because(string(RepoKeyUse), "").About(string(a.ID)).
			FixedBy("a security officer, who names the repositories of a service account").Then("plumb service-account edit NAME --repo %s", n.Repo)
	}
	return nil
}

// Tokens lists the tokens of a person and of the service accounts that they own, newest first, also
// those that ended. People see their own; whoever manages tokens, and auditors, see all.
func (d *Desk) Tokens(ctx context.Context, actor fault.Actor, person PersonID) (out []Token, err error) {
	if err := d.ownOr(ctx, actor, person); err != nil {
		return nil, err
	}
	err = d.db.View(ctx, func(tx *db.Tx) error {
		out, err = tokensOf(tx, person)
		return err
	})
	for i, t := range out {
		out[i].Used = d.used(string(t.ID), t.Used)
	}
	return out, err
}

// RevokeToken ends a token at once: its person does, or an officer or admin.
func (d *Desk) RevokeToken(ctx context.Context, actor fault.Actor, id TokenID) error {
	return d.db.Update(ctx, actor, func(tx *db.Tx) error {
		t, found, err := tokenByID(tx, id)
		if err != nil {
			return fmt.Errorf("load token: %w", err)
		}
		why, err := d.mayEnd(tx, actor, t.Person, found && t.Revoked == 0)
		if err != nil {
			return err
		}
		return d.revoke(tx, []Token{t}, why)
	})
}

// endTokens revokes the tokens of a person and of the service accounts that they own, or of one account.
func (d *Desk) endTokens(tx *db.Tx, person PersonID, account AccountID, why string) error {
	return d.endTokensOf(tx, person, why, func(t Token) bool { return account == "" || t.Account == account })
}

// endOwnTokens revokes the tokens of a person's own accounts; those of service accounts stay.
func (d *Desk) endOwnTokens(tx *db.Tx, r *Roster, person PersonID, why string) error {
	return d.endTokensOf(tx, person, why, func(t Token) bool { return r.accounts[t.Account].Kind != Service })
}

func (d *Desk) endTokensOf(tx *db.Tx, person PersonID, why string, of func(Token) bool) error {
	list, err := tokensOf(tx, person)
	if err != nil {
		return fmt.Errorf("load tokens: %w", err)
	}
	now := tx.Now().UnixMicro()
	list = slices.DeleteFunc(list, func(t Token) bool { return t.live(now) != nil || !of(t) })
	return d.revoke(tx, list, why)
}

func (d *Desk) revoke(tx *db.Tx, list []Token, why string) error {
	for part := range slices.Chunk(list, perEvent) {
		ids := make([]string, len(part))
		for i, t := range part {
			t.Revoked, t.Why = tx.Now().UnixMicro(), why
			if err := saveToken(tx, t); err != nil {
				return fmt.Errorf("save token: %w", err)
			}
			ids[i] = string(t.ID)
		}
		if err := d.recordBearers(tx, ledger.Event{Verb: "token.revoked", Type: "person", Object: string(part[0].Person),
			Detail: map[string]any{"tokens": ids, "why": why}}); err != nil {
			return err
		}
	}
	return nil
}
