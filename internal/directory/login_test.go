package directory_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

func TestNoOtherWayIn(t *testing.T) {
	t.Parallel()
	h := open(t)
	olga := h.as("olga")
	_, err := h.AddService(t.Context(), olga, directory.NewService{Username: "ci", Owner: h.people["dev"]})
	h.must(err)
	_, code, err := h.AddPerson(t.Context(), olga, directory.NewPerson{Name: "New", Email: "new@example.com", Username: "new"})
	h.must(err)
	ended, _, err := h.AddAccount(t.Context(), olga, h.people["erin"], "erin-old")
	h.must(err)
	h.must(h.EndAccount(t.Context(), olga, ended.ID, "no longer used"))
	h.must(h.Disable(t.Context(), olga, h.people["sam"], "left the company"))

	for what, c := range map[string]directory.Credentials{
		"nothing":                          {Address: office},
		"no password":                      {Username: "dev", Address: office},
		"a blank password":                 {Username: "dev", Password: " ", Address: office},
		"a zero byte":                      {Username: "dev", Password: "\x00", Address: office},
		"the right one and more":           {Username: "dev", Password: password + "x", Address: office},
		"a service account":                {Username: "ci", Password: password, Address: office},
		"a service account without":        {Username: "ci", Address: office},
		"an account that has only a code":  {Username: "new", Password: password, Address: office},
		"the same without a password":      {Username: "new", Address: office},
		"an ended account":                 {Username: "erin-old", Password: password, Address: office},
		"an ended account without":         {Username: "erin-old", Address: office},
		"a disabled person":                {Username: "sam", Password: password, Address: office},
		"a lookalike name":                 {Username: "d\u0435v", Password: password, Address: office},
		"a name that cannot be":            {Username: "de\x00v", Password: password, Address: office},
		"no name":                          {Password: password, Address: office},
		"the mail address":                 {Username: "dev@example.com", Password: password, Address: office},
		"the person's id":                  {Username: string(h.people["dev"]), Password: password, Address: office},
		"a password longer than any":       {Username: "dev", Password: seal.Secret(strings.Repeat("x", 100_000)), Address: office},
		"the stored hash as the password":  {Username: "dev", Password: "$argon2id$v=19$m=64,t=1,p=1$", Address: office},
		"somebody else's right password?!": {Username: "nobody", Password: password, Address: office},
	} {
		if o, err := h.Login(t.Context(), c); !fault.Is(err, "wrong_credentials") || o.Bearer != "" {
			t.Errorf("%s: %s", what, describe(err))
		}
	}
	c := directory.Credentials{Username: "new", Password: code, Address: office}
	o, err := h.Login(t.Context(), c)
	h.refused(err, "password_needed") // the code alone opens nothing
	if o.Bearer != "" {
		t.Error("the code opened a session")
	}
}

func TestACodeIsRedeemedOnceForAPasswordOfOnesOwn(t *testing.T) {
	t.Parallel()
	h := open(t)
	p, code, err := h.AddPerson(t.Context(), h.as("olga"), directory.NewPerson{Name: "New", Email: "new@example.com", Username: "new"})
	h.must(err)
	c := directory.Credentials{Username: "new", Code: code, Password: "short", Address: office}
	_, err = h.Redeem(t.Context(), c)
	h.refused(err, "weak_password")
	c.Password = "seven brass kettles sing"
	c.Code = "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA"
	_, err = h.Redeem(t.Context(), c)
	h.refused(err, "wrong_credentials")
	c.Code = ""
	_, err = h.Redeem(t.Context(), c)
	h.refused(err, "wrong_credentials")
	c.Code = seal.Secret(" " + strings.ToLower(strings.ReplaceAll(code.Reveal(), "-", "")))
	o, err := h.Redeem(t.Context(), c)
	h.must(err)
	actor, err := h.Recognise(t.Context(), o.Bearer.Reveal())
	h.must(err)
	if !actor.IsPerson() || actor.Person != string(p.ID) {
		t.Errorf("actor = %+v", actor)
	}
	_, err = h.Redeem(t.Context(), c)
	h.refused(err, "wrong_credentials")
	c.Code = ""
	_, err = h.Login(t.Context(), c)
	h.must(err)
	if by := h.roster().Lenders(p.ID, h.clock.Now().UnixMicro()); !slices.Equal(by, []directory.PersonID{h.people["olga"]}) {
		t.Errorf("the code was issued by %s, want olga also after it was redeemed", by)
	}
	h.whole()
}

func TestACodeRunsOut(t *testing.T) {
	t.Parallel()
	h := open(t)
	_, code, err := h.AddPerson(t.Context(), h.as("olga"), directory.NewPerson{Name: "New", Email: "new@example.com", Username: "new"})
	h.must(err)
	h.clock.Add(72 * time.Hour)
	c := directory.Credentials{Username: "new", Code: code, Password: "seven brass kettles sing", Address: office}
	_, err = h.Redeem(t.Context(), c)
	h.refused(err, "wrong_credentials")
	c.Password, c.Code = code, ""
	_, err = h.Login(t.Context(), c)
	h.refused(err, "wrong_credentials")
}

func TestAPersonChangesTheirOwnPasswordAndOtherSessionsEnd(t *testing.T) {
	t.Parallel()
	h := open(t)
	sam, bearer := h.signIn("sam")
	_, elsewhere := h.signIn("sam")
	chosen := seal.Secret("seven brass kettles sing")
	h.refused(h.ChangePassword(t.Context(), sam, "not the old password", chosen, office), "wrong_credentials")
	h.refused(h.ChangePassword(t.Context(), sam, "", chosen, office), "wrong_credentials")
	h.refused(h.ChangePassword(t.Context(), sam, password, "short", office), "weak_password")
	h.refused(h.ChangePassword(t.Context(), sam, password, password, office), "same_password")
	h.refused(h.ChangePassword(t.Context(), fault.Actor{Person: sam.Person, Account: sam.Account, Kind: fault.Human, Authn: fault.Token}, password, chosen, office), "not_allowed")
	h.must(h.ChangePassword(t.Context(), sam, password, chosen, office))

	_, err := h.Recognise(t.Context(), bearer)
	h.must(err)
	_, err = h.Recognise(t.Context(), elsewhere)
	h.refused(err, "session_over")
	_, err = h.Login(t.Context(), creds("sam"))
	h.refused(err, "wrong_credentials")
	c := creds("sam")
	c.Password = chosen
	_, err = h.Login(t.Context(), c)
	h.must(err)
	h.whole()
}

func TestGuessingTheOldPasswordIsHeldLikeSigningIn(t *testing.T) {
	t.Parallel()
	h := open(t)
	sam := h.as("sam")
	for range directory.FreeAttempts {
		h.refused(h.ChangePassword(t.Context(), sam, "not the old password", "seven brass kettles sing", office), "wrong_credentials")
	}
	h.refused(h.ChangePassword(t.Context(), sam, password, "seven brass kettles sing", office), "too_many_attempts")
}

func TestAnOfficerResetsOthersAndNeverThemselves(t *testing.T) {
	t.Parallel()
	h := open(t)
	olga, sam := h.as("olga"), h.as("sam")
	_, samsToken := h.token(sam, directory.NewToken{Name: "own", Scopes: []directory.Scope{directory.ScopeRead}})
	ci, err := h.AddService(t.Context(), olga, directory.NewService{Username: "ci", Owner: h.people["sam"]})
	h.must(err)
	_, pipeline := h.token(sam, directory.NewToken{Account: ci.ID, Name: "ci", Scopes: []directory.Scope{directory.ScopeGate}})

	_, err = h.Reset(t.Context(), olga, directory.AccountID(olga.Account))
	h.refused(err, "own_credential")
	_, err = h.Reset(t.Context(), sam, directory.AccountID(olga.Account))
	h.refused(err, "not_allowed")
	_, err = h.Reset(t.Context(), olga, ci.ID)
	h.refused(err, "no_password")
	_, err = h.Reset(t.Context(), olga, "acc_nobody")
	h.refused(err, "no_account")
	code, err := h.Reset(t.Context(), olga, directory.AccountID(sam.Account))
	h.must(err)

	h.refused(h.EndSession(t.Context(), sam, directory.SessionID(sam.Via)), "session_over")
	_, err = h.Recognise(t.Context(), samsToken)
	h.refused(err, "token_over")
	_, err = h.Recognise(t.Context(), pipeline) // runs on: it is not the password's
	h.must(err)
	_, err = h.Login(t.Context(), creds("sam"))
	h.refused(err, "wrong_credentials")
	now := h.clock.Now().UnixMicro()
	if by := h.roster().Lenders(h.people["sam"], now); !slices.Equal(by, []directory.PersonID{h.people["olga"]}) {
		t.Errorf("the credential was issued by %s, want olga", by)
	}
	if by := h.roster().Lenders(h.people["sam"], now-1); by != nil {
		t.Errorf("before the reset %s could act as sam", by)
	}
	c := creds("sam")
	c.Code, c.Password = code, "seven brass kettles sing"
	o, err := h.Redeem(t.Context(), c)
	h.must(err)
	again, err := h.Recognise(t.Context(), o.Bearer.Reveal())
	h.must(err)
	h.must(h.ChangePassword(t.Context(), again, c.Password, "eight tin whistles blow", office))
	if by := h.roster().Lenders(h.people["sam"], now); len(by) != 1 { // she could have done all that herself
		t.Errorf("the issuer is forgotten: %s", by)
	}
	if by := h.roster().Lenders(h.people["erin"], now); by != nil {
		t.Errorf("erin's code was issued by %s", by)
	}
	h.noted("account.reset")
	h.whole()
}

func TestACodeAndAnOldPasswordWorkForOneOfMany(t *testing.T) {
	t.Parallel()
	h := open(t)
	_, code, err := h.AddPerson(t.Context(), h.as("olga"), directory.NewPerson{Name: "New", Email: "new@example.com", Username: "new"})
	h.must(err)
	sam := h.as("sam")
	redeemed, changed := make(chan error, 8), make(chan error, 8)
	for i := range 6 {
		chosen := seal.Secret(fmt.Sprint("seven brass kettles sing ", i))
		go func() {
			_, err := h.Redeem(t.Context(), directory.Credentials{Username: "new", Code: code, Password: chosen, Address: office})
			redeemed <- err
		}()
		go func() { changed <- h.ChangePassword(t.Context(), sam, password, chosen, office) }()
	}
	for what, results := range map[string]chan error{"the code": redeemed, "the old password": changed} {
		good := 0
		for range 6 {
			if err := <-results; err == nil {
				good++
			} else if !fault.Is(err, "wrong_credentials") {
				t.Errorf("%s: %s", what, describe(err))
			}
		}
		if good != 1 {
			t.Errorf("%s worked %d times", what, good)
		}
	}
	h.whole()
}

func TestAnEndedSessionChangesNothing(t *testing.T) {
	t.Parallel()
	h := open(t)
	sam := h.as("sam")
	h.must(h.EndSession(t.Context(), h.as("olga"), directory.SessionID(sam.Via)))
	h.refused(h.ChangePassword(t.Context(), sam, password, "seven brass kettles sing", office), "session_over")
	_, _, err := h.MakeToken(t.Context(), sam, directory.NewToken{Name: "x", Scopes: []directory.Scope{directory.ScopeRead}})
	h.refused(err, "session_over")
	h.refused(h.EndSessions(t.Context(), sam, h.people["sam"]), "session_over")
	h.signIn("sam")
}

func TestAPasswordChangedMeanwhileDoesNotOpenASession(t *testing.T) {
	t.Parallel()
	h := open(t)
	sam := h.as("sam")
	done := make(chan error, 8)
	for range 4 {
		go func() { _, err := h.Login(t.Context(), creds("sam")); done <- err }()
	}
	h.must(h.ChangePassword(t.Context(), sam, password, "seven brass kettles sing", office))
	for range 4 {
		if err := <-done; err != nil && !fault.Is(err, "wrong_credentials") {
			t.Errorf("login: %s", describe(err))
		}
	}
	list, err := h.Sessions(t.Context(), sam, h.people["sam"])
	h.must(err)
	for _, s := range list {
		if s.ID != directory.SessionID(sam.Via) {
			t.Errorf("session %s outlived the password", s.ID)
		}
	}
	h.whole()
}
