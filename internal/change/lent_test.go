package change_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// taken is what an officer can do: reset somebody's password, redeem the code themselves, and sign in.
func (o *office) taken(t *testing.T, officer, victim string) fault.Actor {
	t.Helper()
	code, err := o.dir.Reset(t.Context(), o.as(officer), directory.AccountID(o.as(victim).Account))
	must(t, err)
	return o.redeem(t, victim, code)
}

func (o *office) redeem(t *testing.T, name string, code seal.Secret) fault.Actor {
	t.Helper()
	s, err := o.dir.Redeem(t.Context(), directory.Credentials{Username: name, Code: code, Password: "seven brass kettles sing",
		Address: netip.MustParseAddr("192.0.2.9")})
	must(t, err)
	a, err := o.dir.Recognise(t.Context(), s.Bearer.Reveal())
	must(t, err)
	return a
}

// by files and submits the usual change as somebody else than ann.
func (o *office) by(t *testing.T, who string) change.Change {
	t.Helper()
	c, err := o.File(t.Context(), o.as(who), configChange(o))
	must(t, err)
	o.tested(t, c.ID)
	c, err = o.Submit(t.Context(), o.as(who), c.ID, c.RevDigest)
	must(t, err)
	return c
}

// Whoever issued a one-time code could have redeemed it: an officer who resets a lead's password and
// signs in with it is still the author of their own change.
func TestAnOfficerCannotApproveTheirOwnChangeThroughAnAccountThatTheyReset(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	c := o.by(t, "olga")
	sam := o.taken(t, "olga", "sam")
	_, err := o.Approve(t.Context(), sam, c.ID, c.RevDigest, "")
	refused(t, err, "lent_account")
	must(t, o.dir.ChangePassword(t.Context(), sam, "seven brass kettles sing", "eight tin whistles blow", netip.MustParseAddr("192.0.2.9")))
	_, err = o.Approve(t.Context(), sam, c.ID, c.RevDigest, "the officer could have changed the password, too")
	refused(t, err, "lent_account")
	o.clock.Add(time.Second)
	v, err := o.Show(t.Context(), c.ID)
	must(t, err)
	if v.Excluded[sam.Person] != "lent_account" {
		t.Errorf("excluded = %v, want sam with the reason", v.Excluded)
	}
	x, err := o.ExplainChange(t.Context(), c.ID)
	must(t, err)
	if !slices.ContainsFunc(x.Excluded, func(e change.Excluded) bool {
		return e.Person == sam.Person && e.Code == "lent_account" && e.Because == string(o.people["olga"])
	}) {
		t.Errorf("explained = %+v, want it to say that sam counts as olga", x.Excluded)
	}
	o.whole(t)
}

// What the owner of a lent account asked for, the issuer may have asked for.
func TestTheIssuerOfACodeCannotApproveWhatTheAccountAskedFor(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	ann := o.taken(t, "olga", "ann")
	o.mu.Lock()
	o.sessions["ann"] = ann
	o.mu.Unlock()
	c := o.grant(t, "grant", "devops-lead", "pia")
	_, err := o.Approve(t.Context(), o.as("olga"), c.ID, c.RevDigest, "")
	refused(t, err, "lent_account")
	o.approve(t, c, "otto")
}

// One human behind several accounts fills one slot.
func TestDecisionsOfALentAccountAndOfItsIssuerAreOnePersons(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	c := o.grant(t, "grant", "devops-lead", "pia")
	sam := o.taken(t, "olga", "sam")
	_, err := o.Approve(t.Context(), sam, c.ID, c.RevDigest, "")
	must(t, err)
	_, err = o.Approve(t.Context(), o.as("olga"), c.ID, c.RevDigest, "")
	refused(t, err, "lent_account")
	erin := o.taken(t, "olga", "erin")
	_, err = o.Approve(t.Context(), erin, c.ID, c.RevDigest, "")
	refused(t, err, "lent_account")
	_, err = o.Reject(t.Context(), o.as("olga"), c.ID, c.RevDigest, "no is always one's own")
	must(t, err)
}

// A password that is reset later takes nothing from what its person decided before.
func TestADecisionFromBeforeTheCodeStaysItsPersons(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	c := o.by(t, "olga")
	o.approve(t, c, "sam", "erin")
	o.clock.Add(time.Second)
	o.taken(t, "olga", "sam")
	if got := o.code(t, "ivo", request(c.ID)); got != wire.ExitAllowed {
		t.Errorf("code %d, want 0: sam decided while the account was theirs", got)
	}
}

// Another officer vouches that the person has the account; then it is theirs, from then on.
func TestTheOtherOfficerVouchesThatAnAccountIsItsPersons(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	c := o.by(t, "olga")
	sam := o.taken(t, "olga", "sam")
	account := directory.AccountID(sam.Account)
	refused(t, o.dir.Vouch(t.Context(), o.as("olga"), account, "it is fine"), "own_voucher")
	refused(t, o.dir.Vouch(t.Context(), sam, account, "it is me"), "not_allowed")
	refused(t, o.dir.Vouch(t.Context(), o.as("otto"), account, ""), "no_reason")
	o.clock.Add(time.Second)
	must(t, o.dir.Vouch(t.Context(), o.as("otto"), account, "Sam chose the password alone; I asked at the desk"))
	_, err := o.Approve(t.Context(), sam, c.ID, c.RevDigest, "")
	refused(t, err, "session_over")
	s, err := o.dir.Login(t.Context(), directory.Credentials{Username: "sam", Password: "seven brass kettles sing", Address: netip.MustParseAddr("192.0.2.9")})
	must(t, err)
	sam, err = o.dir.Recognise(t.Context(), s.Bearer.Reveal())
	must(t, err)
	o.clock.Add(time.Second)
	_, err = o.Approve(t.Context(), sam, c.ID, c.RevDigest, "")
	must(t, err)
	refused(t, o.dir.Vouch(t.Context(), o.as("otto"), account, "again"), "not_lent")
	o.whole(t)
}

// A decision made while the account was lent stays the issuer's; only a new one is the person's.
func TestVouchingChangesNothingAboutEarlierDecisions(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	c := o.grant(t, "grant", "devops-lead", "pia")
	sam := o.taken(t, "olga", "sam")
	_, err := o.Approve(t.Context(), sam, c.ID, c.RevDigest, "")
	must(t, err)
	o.clock.Add(time.Second)
	must(t, o.dir.Vouch(t.Context(), o.as("otto"), directory.AccountID(sam.Account), "asked"))
	o.clock.Add(time.Second)
	_, err = o.Approve(t.Context(), o.as("olga"), c.ID, c.RevDigest, "")
	refused(t, err, "lent_account")
}

// The codes of the first-start ceremony name no issuer: a company of three can begin.
func TestTheCeremonysCodesAreNobodys(t *testing.T) {
	t.Parallel()
	o := company(t)
	o.authorized(t)
	r, err := o.dir.Roster(t.Context())
	must(t, err)
	for name, p := range o.people {
		if got := r.Lenders(p, o.clock.Now().UnixMicro()); len(got) > 0 {
			t.Errorf("%s counts as %v after the ceremony", name, got)
		}
	}
}

// Who may sign in as whoever may sign in as somebody may sign in as that somebody.
func TestLendingReachesThroughTheIssuersOwnAccount(t *testing.T) {
	t.Parallel()
	people := []directory.Person{{ID: "a"}, {ID: "b"}, {ID: "c"}}
	r := directory.RosterOf(people, nil, nil, 100,
		directory.Lending{Person: "b", By: "a", At: 10}, directory.Lending{Person: "c", By: "b", At: 20, Until: 30})
	for at, want := range map[int64][]directory.PersonID{19: nil, 20: {"a", "b"}, 29: {"a", "b"}, 30: nil} {
		if got := r.Lenders("c", at); !slices.Equal(got, want) {
			t.Errorf("at %d: %v, want %v", at, got, want)
		}
	}
}
