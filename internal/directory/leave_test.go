package directory_test

import (
	"net/netip"
	"runtime"
	"testing"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
)

// What a group gives is taken away before the group, step by step, so that each step is on record.
func TestAGroupThatGivesSomethingIsNotDropped(t *testing.T) {
	t.Parallel()
	h := open(t)
	olga := h.as("olga")
	inner, err := h.AddGroup(t.Context(), olga, "inner", "")
	h.must(err)
	outer, err := h.AddGroup(t.Context(), olga, "outer", "")
	h.must(err)
	for _, g := range []directory.Grant{
		{Op: directory.GrantRole, Role: "implementer", Group: inner.ID},
		{Op: directory.JoinGroup, Group: inner.ID, Into: outer.ID},
	} {
		h.must(h.apply(g))
		h.refused(h.DropGroup(t.Context(), olga, inner.ID), "group_in_use")
		g.Op = map[directory.GrantOp]directory.GrantOp{directory.GrantRole: directory.RevokeRole, directory.JoinGroup: directory.LeaveGroup}[g.Op]
		h.must(h.apply(g))
	}
	h.must(h.DropGroup(t.Context(), olga, inner.ID))
}

// A token ends no session, not even its own person's; and whoever is disabled sees none.
func TestSessionsAreThePersonsOwnAffair(t *testing.T) {
	t.Parallel()
	h := open(t)
	dev := h.as("dev")
	_, secret, err := h.MakeToken(t.Context(), dev, directory.NewToken{Name: "mine", Scopes: directory.Scopes()})
	h.must(err)
	token, err := h.Recognise(t.Context(), secret.Reveal())
	h.must(err)
	h.refused(h.EndSession(t.Context(), token, directory.SessionID(dev.Via)), "not_allowed")
	_, err = h.Sessions(t.Context(), dev, h.people["dev"])
	h.must(err)
	h.must(h.Disable(t.Context(), h.as("olga"), h.people["dev"], "left"))
	_, err = h.Sessions(t.Context(), dev, h.people["dev"])
	if fault.Of(err).Kind != fault.Unauthenticated {
		t.Errorf("somebody disabled lists sessions: %s", describe(err))
	}
}

// Vouching is an act with a reason, by an officer who did not issue the code.
func TestVouchingNeedsAReasonAndASecondOfficer(t *testing.T) {
	t.Parallel()
	h := open(t)
	olga, otto := h.as("olga"), h.as("otto")
	account := directory.AccountID(h.as("sam").Account)
	code, err := h.Reset(t.Context(), olga, account)
	h.must(err)
	c := creds("sam")
	c.Code, c.Password = code, "seven brass kettles sing"
	_, err = h.Redeem(t.Context(), c)
	h.must(err)
	h.refused(h.Vouch(t.Context(), otto, account, " "), "no_reason")
	h.refused(h.Vouch(t.Context(), olga, account, "it is fine"), "own_voucher")
	h.must(h.Vouch(t.Context(), otto, account, "I asked at the desk"))
	h.refused(h.Vouch(t.Context(), otto, account, "again"), "not_lent")
}

// A password that is changed while somebody signs in with the old one lets them in no more.
func TestAPasswordChangedMeanwhileIsTheOldOne(t *testing.T) {
	t.Parallel()
	h := open(t)
	dev := h.as("dev")
	other := h.desk() // of another process: it hashes by itself
	release := h.FillHashing()
	done := make(chan error)
	go func() {
		_, err := h.Login(t.Context(), creds("dev"))
		done <- err
	}()
	for h.HashingQueue() < 1 {
		runtime.Gosched()
	}
	h.must(other.ChangePassword(t.Context(), dev, password, "seven brass kettles sing", netip.MustParseAddr("192.0.2.8")))
	release()
	h.refused(<-done, "wrong_credentials")
}
