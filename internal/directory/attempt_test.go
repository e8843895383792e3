package directory_test

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
)

func wrongPassword(name string) directory.Credentials {
	c := creds(name)
	c.Password = "not the right password"
	return c
}

func TestTheDelayGrowsAndNeverLocksForGood(t *testing.T) {
	t.Parallel()
	last := time.Duration(0)
	for n := int64(0); n < 10_000; n++ {
		d := directory.AccountDelay(n)
		switch {
		case n < directory.FreeAttempts && d != 0:
			t.Fatalf("attempt %d costs %s", n, d)
		case n >= directory.FreeAttempts && (d < last || d <= 0 || d > 15*time.Minute):
			t.Fatalf("attempt %d costs %s after %s", n, d, last)
		}
		if s := directory.SourceDelay(n); s > 5*time.Minute {
			t.Fatalf("attempt %d from one source costs %s", n, s)
		}
		last = d
	}
}

func TestSourcesAreCountedByWhatOneCustomerGets(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.7": "source|192.0.2.7/32", "::ffff:192.0.2.7": "source|192.0.2.7/32",
		"2001:db8:1:2:3:4:5:6": "source|2001:db8:1:2::/64", "2001:db8:1:2:ffff::1": "source|2001:db8:1:2::/64", "fe80::1%eth0": "source|fe80::/64",
	} {
		if got := directory.SourceKey(netip.MustParseAddr(address)); got != want {
			t.Errorf("SourceKey(%s) = %s, want %s", address, got, want)
		}
	}
	if got := directory.SourceKey(netip.Addr{}); got != "source|unknown" {
		t.Errorf("SourceKey(none) = %s", got)
	}
}

func TestManyGuessesAtOnceGetNoMoreTriesThanOneAfterAnother(t *testing.T) {
	t.Parallel()
	h := open(t)
	var tried, held atomic.Int64
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			c := wrongPassword("sam")
			c.Address = netip.AddrFrom4([4]byte{198, 51, 100, byte(i)})
			switch _, err := h.Login(t.Context(), c); {
			case fault.Is(err, "wrong_credentials"):
				tried.Add(1)
			case fault.Is(err, "too_many_attempts"):
				held.Add(1)
			default:
				t.Errorf("login: %s", describe(err))
			}
		})
	}
	wg.Wait()
	if tried.Load() != directory.FreeAttempts || held.Load() != 60-directory.FreeAttempts {
		t.Errorf("%d guesses were tried and %d held, want %d tried", tried.Load(), held.Load(), directory.FreeAttempts)
	}
	_, err := h.Login(t.Context(), creds("sam"))
	h.refused(err, "too_many_attempts") // the right password is not tried either
	h.clock.Add(30 * time.Second)
	h.signIn("sam")
	h.signIn("sam") // a success begins the count anew
	if h.FailedLogins() != 61 {
		t.Errorf("counted %d refusals", h.FailedLogins())
	}
	h.whole()
}

func TestANameThatNobodyHasIsHeldLikeOneThatSomebodyHas(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, name := range []string{"sam", "nobody-of-that-name"} {
		for range directory.FreeAttempts {
			_, err := h.Login(t.Context(), wrongPassword(name))
			h.refused(err, "wrong_credentials")
		}
		_, err := h.Login(t.Context(), wrongPassword(name))
		h.refused(err, "too_many_attempts")
	}
}

func TestCountersSurviveARestart(t *testing.T) {
	t.Parallel()
	cfg, clock := dbtest.Config(t), dbtest.NewClock()
	cfg.Clock = clock.Now
	first := restartable(t, cfg, clock)
	for range directory.FreeAttempts {
		_, err := first.Login(t.Context(), wrongPassword("sam"))
		first.refused(err, "wrong_credentials")
	}
	first.must(first.db.Close())
	second := emptyOn(t, cfg, clock)
	_, err := second.Login(t.Context(), creds("sam"))
	second.refused(err, "too_many_attempts")
}

// restartable is a house whose database the test closes itself.
func restartable(t *testing.T, cfg db.Config, clock *dbtest.Clock) *house {
	t.Helper()
	d, err := db.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, clock: clock, db: d}
	h.Desk = h.desk()
	h.found()
	return h
}

func TestOneGoodAccountGivesNoTriesAtOthers(t *testing.T) {
	t.Parallel()
	h := open(t)
	names := []string{"olga", "otto", "sam", "erin", "audra", "n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9"}
	tried := 0
	for ; tried < 200; tried++ {
		_, err := h.Login(t.Context(), wrongPassword(names[tried/9%len(names)]))
		if fault.Is(err, "too_many_attempts") {
			break
		}
		h.refused(err, "wrong_credentials")
		_, err = h.Login(t.Context(), creds("dev")) // the thief's own account, from the same place
		if fault.Is(err, "too_many_attempts") {
			break
		}
		h.must(err)
	}
	if tried > 100 {
		t.Errorf("%d wrong guesses from one source were tried", tried)
	}
}

func TestARefusedLoginCountsWhateverTheSurfacePutsAroundIt(t *testing.T) {
	t.Parallel()
	h := open(t)
	// a surface that answers a repeated request from what it kept, without running it
	ctx := db.Around(t.Context(), func(*db.Tx, func(*db.Tx) error) error { return nil })
	for range directory.FreeAttempts {
		_, err := h.Login(ctx, wrongPassword("sam"))
		h.refused(err, "wrong_credentials")
	}
	_, err := h.Login(ctx, wrongPassword("sam"))
	h.refused(err, "too_many_attempts")
}

func TestACounterIsForgottenAfterADay(t *testing.T) {
	t.Parallel()
	h := open(t)
	for range 3 {
		for range directory.FreeAttempts - 1 {
			_, err := h.Login(t.Context(), wrongPassword("sam"))
			h.refused(err, "wrong_credentials")
		}
		h.clock.Add(24*time.Hour + time.Second)
	}
}

func TestOnesOwnGoodSignInsDoNotHoldTheOffice(t *testing.T) {
	t.Parallel()
	h := open(t)
	for i := range 99 {
		_, err := h.Login(t.Context(), wrongPassword(fmt.Sprint("nobody", i)))
		h.refused(err, "wrong_credentials")
	}
	h.signIn("sam") // the hundredth attempt from here, and a good one
	h.signIn("erin")
	_, err := h.Login(t.Context(), wrongPassword("nobody"))
	h.refused(err, "wrong_credentials")
	_, err = h.Login(t.Context(), creds("sam"))
	h.refused(err, "too_many_attempts")
}

func TestNamesThatNobodyHasHoldNobodyUp(t *testing.T) {
	t.Parallel()
	h := open(t)
	name := ""
	for i := 0; name == ""; i++ {
		if n := fmt.Sprint("x", i); directory.NameKey(n) == directory.NameKey("sam") {
			name = n
		}
	}
	for range directory.FreeAttempts {
		_, err := h.Login(t.Context(), wrongPassword(name))
		h.refused(err, "wrong_credentials")
	}
	_, err := h.Login(t.Context(), wrongPassword(name))
	h.refused(err, "too_many_attempts")
	h.signIn("sam")
}
