package prove_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/prove"
	"plumbline.dev/plumb/internal/wire"
)

// lend has an officer reset somebody's password; from then on as gives the session that the code opened.
func (c *company) lend(t testing.TB, officer, name string) {
	t.Helper()
	code, err := c.dir.Reset(t.Context(), c.as(t, officer), directory.AccountID(c.as(t, name).Account))
	must(t, err)
	s, err := c.dir.Redeem(t.Context(), directory.Credentials{Username: name + "-quill", Code: code, Password: "seven brass kettles sing",
		Address: netip.MustParseAddr("192.0.2.9")})
	must(t, err)
	c.sessions[name], err = c.dir.Recognise(t.Context(), s.Bearer.Reveal())
	must(t, err)
}

// lenders is a company in which sam decided with an account that olga had reset; otto vouched for it
// afterwards. dirk's account, which is nobody's here, was lent twice, and another code was issued for sam.
func lenders(t *testing.T) (c *company, x change.Change, all prove.Selection) {
	t.Helper()
	c = found(t, "install_lent")
	all.From = c.clock.Now()
	c.minute()
	c.lend(t, "olga", "dirk")
	c.lend(t, "otto", "dirk")
	c.lend(t, "olga", "sam")
	m := usual()
	x = c.approve(t, c.ready(t, m), "sam", "erin")
	account := directory.AccountID(c.as(t, "sam").Account)
	must(t, c.dir.Vouch(t.Context(), c.as(t, "otto"), account, "I asked them on the phone"))
	c.run(t, x, wire.KindApply, 0, m.Bindings...)
	_, err := c.dir.Reset(t.Context(), c.as(t, "otto"), account)
	must(t, err)
	all.To = c.minute()
	return c, x, all
}

// A pack shows whose an account could have been when it decided, and what somebody leaves out of that is
// found wherever the pack holds all events.
func TestAPackShowsWhichAccountsWereLent(t *testing.T) {
	t.Parallel()
	c, x, all := lenders(t)
	period := c.export(t, all)
	says(t, whole(t, period, c.pinned()).Proved, "4 times in which an account could have been another's are, each shown")
	list := unpack(t, period)
	one := c.export(t, prove.Selection{Change: x.ID, Withhold: []string{prove.Names, prove.Details}})
	r := whole(t, one, c.pinned())
	says(t, r.Proved, "2 times in which an account could have been another's are, each shown")
	says(t, r.NotProved, "no officer issued one-time codes for these accounts beyond those shown")
	if text := string(one); strings.Contains(text, "on the phone") || strings.Contains(text, surname) {
		t.Error("the pack holds words that were withheld")
	}

	lines := func(lie func(string) string) []member {
		return edit(t, list, "lendings.jsonl", func(_ int, l string) string { return lie(l) })
	}
	without := slices.DeleteFunc(slices.Clone(list), func(m member) bool { return m.name == "lendings.jsonl" })
	for what, y := range map[string]struct {
		list  []member
		fault string
	}{
		"nothing shown":      {without, "lending"},
		"a lending left out": {lines(drop(`"row"`, `"voucher":"sper`)), "lending"},
		"an event left out":  {lines(drop(`"event"`, `account.vouched`)), "lending"},
		"a lending ended":    {lines(swap(`"until":"i0"`, `"until":"i1"`)), "lending"},
		"a lending twice": {lines(func(l string) string {
			if strings.Contains(l, `"until":"i0"`) {
				return l + l
			}
			return l
		}), "lending"},
		"a row of something else":    {lines(swap(`"table":"directory_lending"`, `"table":"directory_lender"`)), "lending"},
		"an event edited":            {lines(swap("account.vouched", "account.vouches")), "event"},
		"events in another order":    {swapLines(t, list, "lendings.jsonl", 0, 1), "lending"},
		"shown against its word":     {manifested(t, list, func(m map[string]any) { delete(m, "lendings") }), "member"},
		"an event behind the rows":   {swapLines(t, list, "lendings.jsonl", 4, 5), "lending"},
		"a row told in two ways":     {lines(swap(`"table":"directory_lending"}`, `"file":"x","table":"directory_lending"}`)), "lending"},
		"an event without its end":   {lines(swap(`"proof":["`, `"prove":["`)), "member"},
		"an event with words":        {lines(swap(`{"event":{`, `{"event":{"detail":{},`)), "lending"},
		"a row with a digest beside": {lines(swap(`},"id":"lnd_`, `},"digest":"x","id":"lnd_`)), "lending"},
	} {
		t.Run(what, func(t *testing.T) {
			has(t, verify(t, signed(t, c.key, y.list), c.pinned()), y.fault)
		})
	}

	before := manifested(t, without, func(m map[string]any) { delete(m, "lendings") })
	r = whole(t, signed(t, c.key, before), c.pinned())
	says(t, r.NotProved, "the pack is from before that was shown")
}
