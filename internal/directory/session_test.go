package directory_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

func TestASessionEndsWithoutUseAndAfterTwelveHours(t *testing.T) {
	t.Parallel()
	h := open(t)
	_, unused := h.signIn("sam")
	_, used := h.signIn("sam")
	for range 24 {
		h.clock.Add(29 * time.Minute)
		_, err := h.Recognise(t.Context(), used)
		h.must(err)
	}
	_, err := h.Recognise(t.Context(), unused)
	h.refused(err, "session_over")
	h.clock.Add(24 * time.Minute) // now it is twelve hours old
	_, err = h.Recognise(t.Context(), used)
	h.refused(err, "session_over")

	_, idle := h.signIn("sam")
	h.clock.Add(30*time.Minute - time.Microsecond)
	_, err = h.Recognise(t.Context(), idle)
	h.must(err)
	h.clock.Add(30 * time.Minute)
	_, err = h.Recognise(t.Context(), idle)
	h.refused(err, "session_over")
	_, err = h.Recognise(t.Context(), idle) // looking does not wake it
	h.refused(err, "session_over")
}

func TestUseIsKnownToOtherReplicasAndAfterARestart(t *testing.T) {
	t.Parallel()
	h := open(t)
	_, bearer := h.signIn("sam")
	h.clock.Add(20 * time.Minute)
	_, err := h.Recognise(t.Context(), bearer)
	h.must(err)
	h.must(h.Flush(t.Context()))
	h.must(h.Flush(t.Context())) // nothing is due
	h.clock.Add(20 * time.Minute)
	_, err = h.desk().Recognise(t.Context(), bearer)
	h.must(err)
	h.clock.Add(3 * time.Hour)
	h.must(h.Flush(t.Context())) // forgets what is long over
	_, err = h.Recognise(t.Context(), bearer)
	h.refused(err, "session_over")
	h.whole()
}

func TestAnythingButABearerOfOursIsNobody(t *testing.T) {
	t.Parallel()
	h := open(t)
	_, bearer := h.signIn("sam")
	flipped := []byte(bearer)
	flipped[20] ^= 1
	for i := range bearer {
		changed := []byte(bearer)
		changed[i] ^= 1
		if _, _, ok := directory.ReadBearer(string(changed)); ok {
			t.Errorf("a secret with character %d changed is read", i)
		}
	}
	for what, s := range map[string]string{
		"nothing": "", "a word": "Bearer", "cut": bearer[:len(bearer)-1], "longer": bearer + "a", "upper case": strings.ToUpper(bearer),
		"another prefix": strings.Replace(bearer, "plb_ses_", "plb_pat_", 1), "one character changed": string(flipped),
		"a fresh one of the right form": fresh(), "spaces": " " + bearer, "very long": strings.Repeat("a", 1<<20),
	} {
		if a, err := h.Recognise(t.Context(), s); !fault.Is(err, "not_signed_in") || a.Person != "" {
			t.Errorf("%s: %+v, %s", what, a, describe(err))
		}
	}
}

// fresh is a well-formed secret that this server never gave out.
func fresh() string {
	o := directory.NewBearer(directory.SessionPrefix)
	return o.Reveal()
}

func FuzzReadBearer(f *testing.F) {
	f.Add(fresh())
	f.Add(directory.NewBearer(directory.TokenPrefix).Reveal())
	f.Add("plb_ses_")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		prefix, _, ok := directory.ReadBearer(s)
		if ok && (len(s) != 67 || !strings.HasPrefix(s, prefix) || prefix == "") {
			t.Fatalf("%q was read with the prefix %q", s, prefix)
		}
	})
}

func TestOnlyItsDigestIsStored(t *testing.T) {
	t.Parallel()
	h := open(t)
	sam, bearer := h.signIn("sam")
	_, token := h.token(sam, directory.NewToken{Name: "own", Scopes: []directory.Scope{directory.ScopeRead}})
	code, err := h.Reset(t.Context(), h.as("olga"), directory.AccountID(h.as("erin").Account))
	h.must(err)
	for _, secret := range []string{bearer, token, code.Reveal(), password, strings.ReplaceAll(code.Reveal(), "-", "")} {
		if where := h.contains(secret); where != "" {
			t.Errorf("a secret stands in %s", where)
		}
	}
	if h.contains("sam@example.com") == "" {
		t.Error("the search finds nothing at all")
	}
	if s := seal.Secret(bearer); strings.Contains(s.String(), "plb") {
		t.Error("a secret prints itself")
	}
}

func TestALabelIsShownSafely(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := creds("sam")
	c.Label, c.Address = "laptop\u202e\n"+strings.Repeat("x", 1000), netip.Addr{}
	o, err := h.Login(t.Context(), c)
	h.must(err)
	if want := "laptop" + strings.Repeat("x", 194); o.Session.Label != want || o.Session.Source != "" {
		t.Errorf("session = %+v", o.Session)
	}
}

func TestLoginReplacesTheSessionThatItWasAskedTo(t *testing.T) {
	t.Parallel()
	h := open(t)
	_, old := h.signIn("sam")
	_, others := h.signIn("erin")
	for _, replaces := range []string{old, others, "nonsense"} {
		c := creds("sam")
		c.Replaces = seal.Secret(replaces)
		_, err := h.Login(t.Context(), c)
		h.must(err)
	}
	_, err := h.Recognise(t.Context(), old)
	h.refused(err, "session_over")
	_, err = h.Recognise(t.Context(), others) // nobody ends another's session that way
	h.must(err)
	h.whole()
}

func TestPeopleSeeAndEndTheirOwnSessionsAndOfficersAll(t *testing.T) {
	t.Parallel()
	h := open(t)
	sam, samBearer := h.signIn("sam")
	second, secondBearer := h.signIn("sam")
	erin, erinBearer := h.signIn("erin")
	olga := h.as("olga")

	list, err := h.Sessions(t.Context(), sam, h.people["sam"])
	h.must(err)
	if len(list) != 2 || list[0].Source != office.String() || list[0].Label != "test" {
		t.Errorf("sam's sessions = %+v", list)
	}
	_, err = h.Sessions(t.Context(), erin, h.people["sam"])
	h.refused(err, "not_allowed")
	audra := h.as("audra")
	_, err = h.Sessions(t.Context(), audra, h.people["sam"])
	h.must(err)
	_, secret := h.token(audra, directory.NewToken{Name: "own", Scopes: directory.Scopes()})
	auditorsToken, err := h.Recognise(t.Context(), secret)
	h.must(err)
	_, err = h.Sessions(t.Context(), auditorsToken, h.people["sam"])
	h.refused(err, "not_allowed")
	h.refused(h.EndSession(t.Context(), erin, directory.SessionID(sam.Via)), "not_allowed")
	h.refused(h.EndSession(t.Context(), h.as("audra"), directory.SessionID(sam.Via)), "not_allowed")
	h.refused(h.EndSession(t.Context(), erin, "ses_nothing"), "not_allowed")
	h.refused(h.EndSession(t.Context(), olga, "ses_nothing"), "no_session")

	h.must(h.EndSession(t.Context(), sam, directory.SessionID(second.Via)))
	_, err = h.Recognise(t.Context(), secondBearer)
	h.refused(err, "session_over")
	_, err = h.Recognise(t.Context(), samBearer)
	h.must(err)
	h.must(h.EndSession(t.Context(), olga, directory.SessionID(erin.Via)))
	_, err = h.Recognise(t.Context(), erinBearer)
	h.refused(err, "session_over")
	h.must(h.EndSessions(t.Context(), olga, h.people["sam"]))
	_, err = h.Recognise(t.Context(), samBearer)
	h.refused(err, "session_over")
	h.must(h.EndSession(t.Context(), olga, directory.SessionID(olga.Via))) // signing out
	h.refused(h.EndSessions(t.Context(), olga, h.people["sam"]), "session_over")
	h.whole()
}
