package directory

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"hash/crc32"
	"strings"

	"plumbline.dev/plumb/internal/seal"
)

// The forms of a bearer secret: a prefix that scanners for leaked secrets know, 256 random bits and a
// checksum, all in lower-case base32. Only its SHA-256 is stored: the bits are random, so a slow hash
// would add nothing but cost.
const (
	sessionPrefix = "plb_ses_"
	tokenPrefix   = "plb_pat_"
	prefixLen     = len(sessionPrefix)
	randomLen     = 52 // 32 bytes in base32
	checkLen      = 7  // 4 bytes in base32
	bearerLen     = prefixLen + randomLen + checkLen
)

var letters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// newBearer makes a secret.
func newBearer(prefix string) seal.Secret {
	var b [32]byte
	rand.Read(b[:])
	s := prefix + letters.EncodeToString(b[:])
	return seal.Secret(s + checksum(s))
}

// checksum is the CRC-32 of all before it. It lets a mistyped or shortened secret be told from a
// revoked one without asking the database; it proves nothing.
func checksum(s string) string {
	n := crc32.ChecksumIEEE([]byte(s))
	return letters.EncodeToString([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

// readBearer takes a secret apart; ok is false for anything that this program never made.
func readBearer(s string) (prefix string, sum [32]byte, ok bool) {
	if len(s) != bearerLen {
		return "", sum, false
	}
	prefix = s[:prefixLen]
	if prefix != sessionPrefix && prefix != tokenPrefix || checksum(s[:bearerLen-checkLen]) != s[bearerLen-checkLen:] {
		return "", sum, false
	}
	return prefix, sha256.Sum256([]byte(s)), true
}

// stored is the form of a secret in the database.
func storedForm(s seal.Secret) string {
	sum := sha256.Sum256([]byte(s.Reveal()))
	return hex.EncodeToString(sum[:])
}

// newCode makes a one-time code for people to copy: five groups of five, 125 random bits.
func newCode() seal.Secret {
	var b [16]byte
	rand.Read(b[:])
	s := strings.ToUpper(letters.EncodeToString(b[:]))[:25]
	return seal.Secret(strings.Join([]string{s[:5], s[5:10], s[10:15], s[15:20], s[20:]}, "-"))
}

// codeForm is the stored form of a one-time code, however it was typed.
func codeForm(code seal.Secret) string {
	plain := strings.NewReplacer("-", "", " ", "").Replace(strings.ToUpper(strings.TrimSpace(code.Reveal())))
	return storedForm(seal.Secret("plumb.code.v1\n" + plain))
}
