package office

import (
	"net/url"
	"strconv"
	"strings"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/web/frame"
)

// tokenRow is one token with whose it is.
type tokenRow struct {
	directory.Token
	Name    string // of the person
	Account string // username
	Service bool
	Live    bool
}

type tokensView struct {
	desk
	Rows         []tokenRow
	Newer, Older string
}

type sessionRow struct {
	directory.Session
	Name    string
	Current bool // the one that asks
}

type sessionsView struct {
	desk
	Rows         []sessionRow
	Newer, Older string
}

// from reads where a list goes on; what cannot be read begins at the newest.
func from(v *frame.Visit) directory.Key {
	at, id, ok := strings.Cut(v.Value("from"), ".")
	n, err := strconv.ParseInt(at, 10, 64)
	if !ok || err != nil {
		return directory.Key{}
	}
	return directory.Key{At: n, ID: id}
}

// onward is the address of the next page of a list; "" at the end.
func onward(path string, k directory.Key) string {
	if k.ID == "" {
		return ""
	}
	return path + "?from=" + url.QueryEscape(strconv.FormatInt(k.At, 10)+"."+k.ID)
}

func back(v *frame.Visit, path string) string {
	if v.Value("from") == "" {
		return ""
	}
	return path
}

func (p Pages) listTokens(v *frame.Visit) error {
	r, err := p.People.Roster(v.Ctx())
	if err != nil {
		return err
	}
	list, next, err := p.People.AllTokens(v.Ctx(), v.Actor, from(v), pageSize)
	if err != nil {
		return err
	}
	t := tokensView{desk: p.desk(v, "Tokens", "/admin/tokens"), Newer: back(v, "/admin/tokens"), Older: onward("/admin/tokens", next)}
	for _, x := range list {
		t.Rows = append(t.Rows, tokenOf(r, x, v.Now.UnixMicro()))
	}
	return v.Show(t.Frame, tokens_(t))
}

func tokenOf(r *directory.Roster, t directory.Token, now int64) tokenRow {
	a, _ := r.Account(t.Account)
	return tokenRow{t, r.Name(t.Person), a.Username, a.Kind == directory.Service, t.Revoked == 0 && now < t.Expires}
}

func (p Pages) revokeToken(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	if err := p.People.RevokeToken(v.Ctx(), v.Actor, directory.TokenID(v.R.PathValue("id"))); err != nil {
		return err
	}
	return v.Go(backTo(v, "/admin/tokens"), "The token is revoked; it works no more.")
}

// backTo is the page that a form was on.
func backTo(v *frame.Visit, path string) string {
	if to := v.Value("back"); to != "" {
		return to
	}
	return path
}

func (p Pages) listSessions(v *frame.Visit) error {
	r, err := p.People.Roster(v.Ctx())
	if err != nil {
		return err
	}
	list, next, err := p.People.AllSessions(v.Ctx(), v.Actor, from(v), pageSize)
	if err != nil {
		return err
	}
	s := sessionsView{desk: p.desk(v, "Sessions", "/admin/sessions"), Newer: back(v, "/admin/sessions"), Older: onward("/admin/sessions", next)}
	for _, x := range list {
		s.Rows = append(s.Rows, sessionRow{x, r.Name(x.Person), string(x.ID) == v.Actor.Via})
	}
	return v.Show(s.Frame, sessions_(s))
}

func (p Pages) endSession(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	if err := p.People.EndSession(v.Ctx(), v.Actor, directory.SessionID(v.R.PathValue("id"))); err != nil {
		return err
	}
	return v.Go(backTo(v, "/admin/sessions"), "The session has ended.")
}
