package directory

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	_ "embed"
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/secure/precis"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

// cost is what one argon2id hash takes.
type cost struct {
	time    uint32
	memory  uint32 // KiB
	threads uint8
}

// standardCost is RFC 9106 with 64 MiB; trust model 5.4 and the floor of OWASP ASVS.
var standardCost = cost{time: 1, memory: 64 * 1024, threads: 2}

// cheapCost is for tests. It is no cost at all: whoever reads such hashes has the passwords.
var cheapCost = cost{time: 1, memory: 64, threads: 1}

// HashCheaply makes the desk hash passwords at a thousandth of the usual cost, for the tests, which sign in
// hundreds of people. Call it before the first use. internal/deps keeps the program from calling it.
func (d *Desk) HashCheaply() { d.hashing = newHashing(runtime.GOMAXPROCS(0), cheapCost) }

// Limits of what a stored hash may ask for, so that a falsified row cannot take the server down.
const (
	maxMemory  = 1024 * 1024 // KiB
	maxTime    = 16
	maxWaiting = 64
)

// hashing bounds how many passwords are hashed at once: each takes 64 MiB and a core.
type hashing struct {
	cost    cost
	slots   chan struct{}
	waiting *atomic.Int64
	dummy   string // hashed against where there is no account, so that both answers take as long
}

func newHashing(parallel int, c cost) hashing {
	b := make([]byte, 48)
	rand.Read(b)
	return hashing{cost: c, slots: make(chan struct{}, max(parallel, 1)), waiting: new(atomic.Int64),
		dummy: c.format(b[:16], b[16:])}
}

// enter waits for a place; a crowd or an ended request is refused.
func (h hashing) enter(ctx context.Context) error {
	if h.waiting.Add(1) > maxWaiting {
		h.waiting.Add(-1)
		return fault.New(fault.Limited, "too_many_logins", "Too many people are signing in at once; try again in a moment.").
			FixedBy("you").Then("try again in a moment")
	}
	defer h.waiting.Add(-1)
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h hashing) leave() { <-h.slots }

// hash gives the PHC string of a password.
func (h hashing) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, 16)
	rand.Read(salt)
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	return h.cost.format(salt, h.cost.key(password, salt)), nil
}

// verify reports whether the password has this PHC string. With none it takes as long and says no.
func (h hashing) verify(ctx context.Context, phc, password string) (bool, error) {
	c, salt, want, ok := parsePHC(phc)
	if !ok {
		c, salt, want, _ = parsePHC(h.dummy)
	}
	if err := h.enter(ctx); err != nil {
		return false, err
	}
	defer h.leave()
	same := subtle.ConstantTimeCompare(c.key(password, salt), want) == 1
	return same && ok && password != "", nil
}

func (c cost) key(password string, salt []byte) []byte {
	return argon2.IDKey([]byte(password), salt, c.time, c.memory, c.threads, 32)
}

func (c cost) format(salt, key []byte) string {
	b := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.memory, c.time, c.threads,
		b.EncodeToString(salt), b.EncodeToString(key))
}

// parsePHC reads a PHC string; anything but argon2id of this version within the limits is none.
func parsePHC(s string) (c cost, salt, key []byte, ok bool) {
	f := strings.Split(s, "$")
	if len(f) != 6 || f[0] != "" || f[1] != "argon2id" || f[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return c, nil, nil, false
	}
	if _, err := fmt.Sscanf(f[3], "m=%d,t=%d,p=%d", &c.memory, &c.time, &c.threads); err != nil {
		return c, nil, nil, false
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(f[4])
	key, err2 := base64.RawStdEncoding.DecodeString(f[5])
	bounded := c.memory >= 8 && c.memory <= maxMemory && c.time >= 1 && c.time <= maxTime && c.threads >= 1 && int(c.threads) <= max(runtime.NumCPU(), 16)
	return c, salt, key, bounded && err1 == nil && err2 == nil && len(salt) >= 8 && len(key) == 32 &&
		fmt.Sprintf("m=%d,t=%d,p=%d", c.memory, c.time, c.threads) == f[3]
}

// stale reports whether a hash was made at another cost than is usual now.
func (h hashing) stale(phc string) bool {
	c, _, _, ok := parsePHC(phc)
	return ok && c != h.cost
}

// Bounds of a password, in characters.
const (
	minPassword = 12
	maxPassword = 256
)

// prepare gives the form of a password that is hashed: RFC 8265 OpaqueString, so that the same keys on
// another keyboard give the same password.
func prepare(password seal.Secret) (string, bool) {
	s, err := precis.OpaqueString.String(password.Reveal())
	return s, err == nil && utf8.RuneCountInString(s) <= maxPassword
}

//go:embed common.txt
var commonWords string

// CheckPassword refuses a password that is too short, too long, or that a guesser tries early: one of
// the words in common.txt with digits or signs around it, a word of the person or the company, a
// repetition or a row of keys. The list is small and offline: it holds the roots of the passwords that
// leak most, not the millions of leaked ones. There are no rules of composition and no expiry, because
// these make passwords worse (NIST SP 800-63B).
func CheckPassword(password seal.Secret, about ...string) error {
	s, ok := prepare(password)
	switch {
	case !ok:
		return weak("is too long or holds characters that cannot be typed")
	case utf8.RuneCountInString(s) < minPassword:
		return weak(fmt.Sprintf("has fewer than %d characters", minPassword))
	case guessable(s, about):
		return weak("is little more than a common word, a name, or a row of keys: guessers try it early")
	}
	return nil
}

func weak(problem string) *fault.Error {
	return fault.New(fault.Invalid, "weak_password", "The password %s.", problem).
		At("password", problem).Then("take four or more words that do not belong together")
}

// unleet turns the usual stand-ins back into letters.
var unleet = strings.NewReplacer("@", "a", "4", "a", "3", "e", "1", "i", "!", "i", "0", "o", "$", "s", "5", "s", "7", "t")

// guessable reports whether little is left of a password once what everybody tries is taken out.
func guessable(password string, about []string) bool {
	s := strings.ToLower(password)
	return thin(s, about) || thin(unleet.Replace(s), about)
}

// minRest is how many characters must be left besides what is known or repeated.
const minRest = 6

func thin(s string, about []string) bool {
	for _, word := range about {
		word = strings.ToLower(strings.TrimSpace(word))
		if utf8.RuneCountInString(word) >= 4 {
			s = strings.ReplaceAll(s, word, "")
		}
	}
	for word := range strings.FieldsSeq(commonWords) {
		if len(word) >= 4 {
			s = strings.ReplaceAll(s, word, "")
		}
	}
	return variety(s) < minRest
}

// variety counts the characters that do not just repeat or continue the one before them, each pair of
// neighbours once.
func variety(s string) int {
	seen := map[[2]rune]bool{}
	n, before := 0, rune(-10)
	for _, c := range s {
		step := c - before
		pair := [2]rune{before, c}
		if step < -1 || step > 1 {
			if !seen[pair] {
				n++
			}
			seen[pair] = true
		}
		before = c
	}
	return n
}
