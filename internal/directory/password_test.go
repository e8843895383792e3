package directory_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/seal"
)

func TestPasswordsThatGuessersTryEarlyAreRefused(t *testing.T) {
	t.Parallel()
	for _, p := range []string{
		"", "short", "elevenchars", "passwordpassword", "Password1234", "P@ssw0rd2024!", "qwertyuiop123", "1q2w3e4r5t6y",
		"123456789012", "aaaaaaaaaaaaaaaa", "abcabcabcabcabc", "abcdefghijklmnop", "letmeinletmein", "CorrectHorseBatteryStaple",
		"welcome12345", "Summer2026!!", "samsamsamsam", "Example12345", "administrator1", "Sam.Smith2026", "plumbline-admin", "password\x00password",
		strings.Repeat("x7", 129), strings.Repeat("violet anchors hum quietly ", 10), "violet\x00anchors hum quietly", "violet\nanchors hum quietly",
	} {
		if err := directory.CheckPassword(seal.Secret(p), "sam.smith", "Example"); err == nil {
			t.Errorf("%q was taken", p)
		}
	}
}

func TestPassphrasesAreTaken(t *testing.T) {
	t.Parallel()
	for _, p := range []string{password, "tvr8-kqmz-1lxd", "violet anchors hum quietly", "größere Äpfel rollen weit", "vier Züge nach Ulm um 7"} {
		if err := directory.CheckPassword(seal.Secret(p), "sam", "Example"); err != nil {
			t.Errorf("%q: %v", p, err)
		}
	}
}

func TestOnlyOwnHashesWithinBoundsAreRead(t *testing.T) {
	t.Parallel()
	good := "$argon2id$v=19$m=65536,t=1,p=2$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"
	if !directory.ParsePHC(good) {
		t.Fatal("a usual hash is not read")
	}
	for _, change := range [][2]string{{"argon2id", "argon2i"}, {"v=19", "v=16"}, {"m=65536", "m=999999999"}, {"m=65536", "m=-1"}, {"m=65536", "m=0"},
		{"t=1", "t=0"}, {"t=1", "t=9999"}, {"p=2", "p=0"}, {"p=2", "p=2,x=1"}, {"$MDEyMzQ1Njc4OWFiY2RlZg$", "$$"}, {"ZjAxMjM0NTY3ODlhYmNkZWY", ""}} {
		if bad := strings.Replace(good, change[0], change[1], 1); directory.ParsePHC(bad) {
			t.Errorf("%s was read", bad)
		}
	}
	for _, bad := range []string{"", "x", "$", "plain password", "$2a$10$abcdefghijklmnopqrstuv"} {
		if directory.ParsePHC(bad) {
			t.Errorf("%q was read", bad)
		}
	}
}

// The real cost, once: 64 MiB of argon2id, and an unknown name takes as long as a known one.
func TestAnUnknownNameTakesAsLongAsAWrongPassword(t *testing.T) {
	t.Parallel()
	h := open(t)
	d := directory.New(h.db, nil) // hashes at the standard cost
	actor := h.as("dev")
	_, err := d.Roster(t.Context())
	h.must(err)
	chosen := seal.Secret("seven brass kettles sing")
	h.must(d.ChangePassword(t.Context(), actor, password, chosen, office))
	took := map[string]time.Duration{"dev": time.Hour, "nobody": time.Hour}
	for range 4 {
		for name, best := range took {
			begin := time.Now()
			_, err := d.Login(t.Context(), directory.Credentials{Username: name, Password: "not this password", Address: office})
			h.refused(err, "wrong_credentials")
			took[name] = min(best, time.Since(begin))
		}
	}
	if took["dev"] > 3*took["nobody"] || took["nobody"] > 3*took["dev"] {
		t.Errorf("a known and an unknown name take %v", took)
	}
	c := creds("dev")
	c.Password = chosen
	_, err = d.Login(t.Context(), c)
	h.must(err)
}

func TestAHashOfAnotherCostIsRenewedAtLogin(t *testing.T) {
	t.Parallel()
	h := open(t)
	other := h.desk()
	other.HashDearer()
	read := func() (phc string) {
		h.must(h.db.View(t.Context(), func(tx *dbTx) error {
			return tx.QueryRow("SELECT password FROM directory_account WHERE fold = 'sam'").Scan(&phc)
		}))
		return phc
	}
	before := read()
	_, err := other.Login(t.Context(), creds("sam"))
	h.must(err)
	if after := read(); after == before || !strings.Contains(after, "m=128,t=2") {
		t.Errorf("hash before %s, after %s", before, after)
	}
	_, err = h.Login(t.Context(), creds("sam"))
	h.must(err)
	h.whole()
}

func TestACrowdAtTheDoorIsBounded(t *testing.T) {
	t.Parallel()
	h := open(t)
	release := h.FillHashing()
	ctx, cancel := context.WithCancel(t.Context())
	waiting := make(chan error, 64)
	for range 64 {
		go func() { waiting <- h.Hash(ctx) }()
	}
	for h.HashingQueue() < 64 {
		runtime.Gosched()
	}
	h.refused(h.Hash(t.Context()), "too_many_logins")
	cancel() // whoever gave up waits no longer
	for range 64 {
		if err := <-waiting; !errors.Is(err, context.Canceled) {
			t.Errorf("waiting ended with %v", err)
		}
	}
	release()
	h.must(h.Hash(t.Context()))
}
