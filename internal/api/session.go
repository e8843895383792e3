package api

import (
	"context"
	"encoding/hex"
	"slices"
	"time"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

// Login is what somebody shows to come in. With a new password, the password is the one-time code that
// an officer gave out.
type Login struct {
	Username    string      `json:"username"`
	Password    seal.Secret `json:"password"`
	NewPassword seal.Secret `json:"new_password,omitempty"`
	Label       string      `json:"label,omitempty" doc:"what the session is shown as"`
}

// Opened is a new session. Its token is shown this once.
type Opened struct {
	Token   string           `json:"token"`
	Session string           `json:"session"`
	Expires time.Time        `json:"expires"`
	Person  directory.Person `json:"person"`
}

type loginIn struct {
	In JSON[Login]
}

func (a *API) login(ctx context.Context, in *loginIn) (*body[Opened], error) {
	l, c := in.In.value, callOf(ctx)
	creds := directory.Credentials{Username: l.Username, Password: l.Password, Address: c.address, Label: l.Label,
		Source: "api", Request: c.actor.Request}
	enter := a.People.Login
	if l.NewPassword != "" {
		creds.Password, creds.Code, enter = l.NewPassword, l.Password, a.People.Redeem
	}
	o, err := enter(ctx, creds)
	if err != nil {
		return nil, err
	}
	return give(Opened{Token: o.Bearer.Reveal(), Session: string(o.Session.ID), Expires: instant(o.Session.Expires), Person: o.Person}, nil)
}

func instant(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

func (a *API) logout(ctx context.Context, _ *none) (*none, error) {
	return nil, a.People.EndSession(ctx, actorOf(ctx), directory.SessionID(actorOf(ctx).Via))
}

// Me is who asks, and what they may.
type Me struct {
	Person      directory.Person       `json:"person"`
	Account     string                 `json:"account"`
	Kind        string                 `json:"kind"`
	Authn       string                 `json:"authn"`
	Via         string                 `json:"via"`
	Roles       []string               `json:"roles"`
	Scopes      []string               `json:"scopes"`
	Repo        string                 `json:"repo,omitempty"`
	Pipeline    string                 `json:"pipeline,omitempty"`
	Permissions []directory.Permission `json:"permissions"`
}

func (a *API) me(ctx context.Context, _ *none) (*body[Me], error) {
	r, err := a.People.Roster(ctx)
	if err != nil {
		return nil, err
	}
	who := actorOf(ctx)
	p, _ := r.Person(directory.PersonID(who.Person))
	out := Me{Person: p, Account: who.Account, Kind: string(who.Kind), Authn: string(who.Authn), Via: who.Via,
		Roles: append([]string{}, r.Roles(p.ID)...), Scopes: slices.Clone(who.Scopes), Repo: who.Repo, Pipeline: who.Pipe}
	for _, x := range directory.Permissions() {
		if directory.Allowed(who, out.Roles, x) == nil {
			out.Permissions = append(out.Permissions, x)
		}
	}
	return give(out, nil)
}

// Passwords is the old one and the one that comes.
type Passwords struct {
	Old seal.Secret `json:"old"`
	New seal.Secret `json:"new"`
}

type passwordIn struct {
	In JSON[Passwords]
}

func (a *API) changePassword(ctx context.Context, in *passwordIn) (*none, error) {
	return nil, a.People.ChangePassword(ctx, actorOf(ctx), in.In.value.Old, in.In.value.New, callOf(ctx).address)
}

type ownedIn struct {
	Paging
	Person string `query:"person" maxLength:"60" doc:"person id; empty for one's own"`
}

func (in *ownedIn) person(who fault.Actor) directory.PersonID {
	if in.Person == "" {
		return directory.PersonID(who.Person)
	}
	return directory.PersonID(in.Person)
}

func (a *API) listSessions(ctx context.Context, in *ownedIn) (*body[Page[directory.Session]], error) {
	all, err := a.People.Sessions(ctx, actorOf(ctx), in.person(actorOf(ctx)))
	return listed(in.Paging, all, err)
}

type idIn struct {
	ID string `path:"id" maxLength:"60"`
}

func (a *API) endSession(ctx context.Context, in *idIn) (*none, error) {
	return nil, a.People.EndSession(ctx, actorOf(ctx), directory.SessionID(in.ID))
}

func (a *API) listTokens(ctx context.Context, in *ownedIn) (*body[Page[directory.Token]], error) {
	all, err := a.People.Tokens(ctx, actorOf(ctx), in.person(actorOf(ctx)))
	return listed(in.Paging, all, err)
}

// NewToken is what making a token asks for.
type NewToken struct {
	Account  directory.AccountID `json:"account,omitempty" doc:"a service account that one owns; empty for one's own"`
	Name     string              `json:"name"`
	Scopes   []directory.Scope   `json:"scopes"`
	Repo     string              `json:"repo,omitempty"`
	Pipeline string              `json:"pipeline,omitempty"`
	Sources  []string            `json:"sources,omitempty" doc:"names or ids of the sources that it may send documents to, with the scope observe; left out for none"`
	Days     int64               `json:"days,omitempty" minimum:"0" maximum:"366" doc:"life; 90 when left out"`
}

// MadeToken is a new token with its secret, which is shown this once.
type MadeToken struct {
	Token  directory.Token `json:"token"`
	Secret string          `json:"secret"`
}

type newTokenIn struct {
	In JSON[NewToken]
}

func (a *API) makeToken(ctx context.Context, in *newTokenIn) (*body[MadeToken], error) {
	n := in.In.value
	if n.Days < 0 || n.Days > 366 {
		return nil, fault.New(fault.Invalid, "bad_token", "The token cannot be made like that.").At("days", "is between 1 and 366")
	}
	sources := make([]string, len(n.Sources))
	for i, name := range n.Sources {
		c, err := a.Things.SourceOf(ctx, name)
		if err != nil {
			return nil, err
		}
		sources[i] = c.ID
	}
	t, secret, err := a.People.MakeToken(ctx, actorOf(ctx), directory.NewToken{Account: n.Account, Name: n.Name, Scopes: n.Scopes,
		Repo: n.Repo, Pipe: n.Pipeline, Sources: sources, Life: time.Duration(n.Days) * 24 * time.Hour})
	return give(MadeToken{Token: t, Secret: secret.Reveal()}, err)
}

func (a *API) revokeToken(ctx context.Context, in *idIn) (*none, error) {
	return nil, a.People.RevokeToken(ctx, actorOf(ctx), directory.TokenID(in.ID))
}

type repoIn struct {
	Repo string `query:"repo" required:"true" maxLength:"300"`
}

// RepositoryKey hashes the sensitive values of one repository's plans.
type RepositoryKey struct {
	Repo string `json:"repo"`
	Key  string `json:"key" doc:"32 bytes in hex"`
}

func (a *API) repositoryKey(ctx context.Context, in *repoIn) (*body[RepositoryKey], error) {
	key, err := a.People.RepoKey(ctx, actorOf(ctx), in.Repo)
	return give(RepositoryKey{Repo: in.Repo, Key: hex.EncodeToString([]byte(key.Reveal()))}, err)
}
