package plan

import (
	"bytes"
	"math"
	"strings"
)

// span is a part of a text that must not be seen. learnt is set where only the context gave the part
// away (a name before it, a place in a URL), so that it must also be looked for elsewhere.
type span struct {
	from, to int
	learnt   bool
}

// Classes of bytes, for one cheap pass that decides whether a text needs a closer look.
const (
	lower = 1 << iota
	upper
	digit
	joint // - _ + = / ~ : bytes inside a token that count as nothing
	sign  // = : space, before which the name of a secret may stand
)

var classes = func() (t [256]byte) {
	for c := 'a'; c <= 'z'; c++ {
		t[c] = lower
	}
	for c := 'A'; c <= 'Z'; c++ {
		t[c] = upper
	}
	for c := '0'; c <= '9'; c++ {
		t[c] = digit
	}
	for _, c := range "-_+/~" {
		t[c] = joint
	}
	t['='] = joint | sign
	t[':'] = sign
	return t
}()

// scan finds the parts of a text that look like secrets by themselves: tokens of known issuers, keys,
// random-looking strings, credentials in URLs, values behind a secret's name. digestOK lets long
// hexadecimal runs pass. The spans may overlap.
func scan(dst []span, s []byte, digestOK bool) []span {
	longest, run := 0, 0
	for _, c := range s {
		if classes[c]&^sign != 0 {
			run++
			continue
		}
		longest = max(longest, run)
		run = 0
	}
	if max(longest, run) >= 8 || bytes.IndexByte(s, '.') > 0 {
		dst = scanTokens(dst, s, digestOK)
	}
	return scanContext(dst, s)
}

// scanContext finds only what its surroundings give away, and marks it as learnt.
func scanContext(dst []span, s []byte) []span {
	colon := bytes.IndexByte(s, ':') >= 0
	for _, hook := range hooks {
		if !colon && !bytes.ContainsRune(s, '/') {
			break
		}
		if i := bytes.Index(s, []byte(hook)); i >= 0 {
			dst = append(dst, span{from: i + len(hook), to: wordEnd(s, i+len(hook)), learnt: true})
		}
	}
	if colon && bytes.IndexByte(s, '@') >= 0 {
		dst = scanURLs(dst, s)
	}
	if colon || bytes.IndexByte(s, '=') >= 0 {
		dst = scanNamed(dst, s)
	}
	if bytes.IndexByte(s, ' ') >= 0 {
		dst = scanSpoken(dst, s)
		dst = scanCommands(dst, s)
	}
	return dst
}

// hooks are addresses whose rest is the credential.
var hooks = []string{"hooks.slack.com/services/", "hooks.slack.com/workflows/", "/api/webhooks/", "webhook.office.com/webhookb2/"}

// wordEnd gives the end of what a space, a quote or a bracket ends.
func wordEnd(s []byte, i int) int {
	for i < len(s) && !strings.ContainsRune(" \t\r\n\"'<>`", rune(s[i])) {
		i++
	}
	return i
}

func scanTokens(dst []span, s []byte, digestOK bool) []span {
	if i := bytes.Index(s, []byte("-----BEGIN ")); i >= 0 {
		dst = append(dst, pemSpan(s, i))
	}
	for i := 0; i < len(s); {
		if classes[s[i]]&^sign == 0 {
			i++
			continue
		}
		j := i + 1
		for j < len(s) && classes[s[j]]&^sign != 0 {
			j++
		}
		if j-i >= 8 || j < len(s) && s[j] == '.' {
			dst = judge(dst, s, i, j, digestOK)
		}
		i = j
	}
	return dst
}

// pemSpan masks from the first BEGIN to the last END line; without one, to the end.
func pemSpan(s []byte, from int) span {
	end := bytes.LastIndex(s, []byte("-----END "))
	if end < from {
		return span{from: from, to: len(s)}
	}
	tail := s[end+9:]
	if n := bytes.Index(tail, []byte("-----")); n >= 0 {
		return span{from: from, to: end + 9 + n + 5}
	}
	return span{from: from, to: len(s)}
}

func judge(dst []span, s []byte, i, j int, digestOK bool) []span {
	tok := s[i:j]
	if n := issued(s, i, j); n > 0 {
		return append(dst, span{from: i, to: n})
	}
	if len(tok) < 16 || digestOK && fingerprint(tok) || fingerprintBefore(s, i) && fingerprint(tok) {
		return dst
	}
	if random(tok) {
		return append(dst, span{from: i, to: j})
	}
	return dst
}

// issuers are beginnings of tokens whose issuers marked them so that scanners find them, with the
// least length of the whole.
var issuers = []struct {
	prefix string
	least  int
}{
	{"AKIA", 16}, {"ASIA", 16}, {"ABIA", 16}, {"ACCA", 16}, {"AIza", 30}, {"ya29.", 20}, {"GOCSPX-", 20},
	{"ghp_", 20}, {"gho_", 20}, {"ghu_", 20}, {"ghs_", 20}, {"ghr_", 20}, {"github_pat_", 20},
	{"glpat-", 16}, {"gldt-", 16}, {"glrt-", 16}, {"xoxb-", 12}, {"xoxp-", 12}, {"xoxa-", 12}, {"xoxr-", 12},
	{"xoxs-", 12}, {"xoxe-", 12}, {"xapp-", 12}, {"sk_live_", 12}, {"sk_test_", 12}, {"rk_live_", 12},
	{"whsec_", 12}, {"sk-ant-", 20}, {"sk-proj-", 20}, {"npm_", 20}, {"pypi-", 20}, {"hvs.", 12}, {"hvb.", 12}, {"hvr.", 12}, {"SG.", 20}, {"dop_v1_", 20},
	{"doo_v1_", 20}, {"shpat_", 20}, {"eyJ", 10}, {"dckr_pat_", 16}, {"PMAK-", 20},
	{"NRAK-", 16}, {"lin_api_", 16}, {"figd_", 16}, {"ATATT3", 16}, {"ATBB", 16}, {"tskey-", 16}, {"AGE-SECRET-KEY-", 20},
}

// issued gives the end of a token of a known issuer that begins at i, or 0. Such tokens may hold
// dots, which part the others.
func issued(s []byte, i, j int) int {
	for _, p := range issuers {
		if s[i] != p.prefix[0] || !bytes.HasPrefix(s[i:], []byte(p.prefix)) {
			continue
		}
		for j < len(s) && (classes[s[j]]&^sign != 0 || s[j] == '.') {
			j++
		}
		if j-i >= p.least {
			return j
		}
	}
	return 0
}

// fingerprintBefore sees "sha256:" and its kin, as in image references.
func fingerprintBefore(s []byte, i int) bool {
	for _, p := range []string{"sha256:", "sha512:", "sha1:", "md5:"} {
		if bytes.HasSuffix(s[:i], []byte(p)) {
			return true
		}
	}
	return false
}

// fingerprint reports whether a token is nothing but one of the common lengths of hexadecimal.
func fingerprint(tok []byte) bool {
	switch len(tok) {
	case 16, 20, 24, 32, 40, 56, 64, 96, 128:
		return hexOnly(tok)
	}
	return false
}

func hexOnly(tok []byte) bool {
	for _, c := range tok {
		if classes[c] != digit && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// random reports whether a token looks made by a generator: many kinds of bytes, often alternating.
// Names that people give alternate rarely. The shares are the expected ones of base32, hexadecimal and
// base64 (0.30, 0.47, 0.45 changes for each byte), less two deviations at the least length.
func random(tok []byte) bool {
	rest := withoutIDs(tok)
	whole := len(rest) <= 512 && rest[0] != '/' && bytes.Count(rest, []byte("/")) <= len(rest)/20
	if whole && generated(rest, 0.3) {
		return true
	}
	for len(rest) > 0 {
		piece := rest
		if n := bytes.IndexByte(rest, '/'); n >= 0 {
			piece, rest = rest[:n], rest[n+1:]
		} else {
			rest = nil
		}
		if generated(piece, 0.2) {
			return true
		}
	}
	return false
}

func generated(tok []byte, share float64) bool {
	var seen, last byte
	n, changes := 0, 0
	for _, c := range tok {
		k := classes[c] &^ sign
		if k == joint {
			last = 0
			continue
		}
		n++
		seen |= k
		if last != 0 && k != last && (last != upper || k != lower) {
			changes++
		}
		last = k
	}
	rate := float64(changes) / float64(max(n, 1))
	if len(tok) == 40 && seen == lower|upper|digit && rate >= 0.15 && entropy(tok) >= 4 {
		return true // the form of the secret keys of AWS, in which digits may be few
	}
	switch {
	case n < 16, seen&digit == 0 && rate < 0.3, seen&(lower|upper) == 0:
		return false
	case n < 20 && (seen != lower|upper|digit || rate < 0.3):
		return false
	}
	return rate >= share && entropy(tok) >= 3.2
}

// entropy is Shannon's, in bits for each byte.
func entropy(tok []byte) float64 {
	var count [256]int
	for _, c := range tok {
		count[c]++
	}
	h, n := 0.0, float64(len(tok))
	for _, k := range count {
		if k > 0 {
			p := float64(k) / n
			h -= p * math.Log2(p)
		}
	}
	return h
}

// withoutIDs takes UUIDs and cloud identifiers such as subnet-0a1b2c3d4e5f67890 out of a token: they
// name things and open none.
func withoutIDs(tok []byte) []byte {
	if id := bytes.IndexByte(tok, '-'); id > 0 && id <= 16 && len(tok) > id+8 {
		if tail := tok[id+1:]; (len(tail) == 8 || len(tail) == 17) && hexOnly(tail) && classes[tok[0]] == lower {
			return []byte("id")
		}
	}
	for i := 0; i+36 <= len(tok); i++ {
		if isUUID(tok[i : i+36]) {
			rest := append([]byte("id"), tok[:i]...)
			return append(rest, withoutIDs(append([]byte("id"), tok[i+36:]...))...)
		}
	}
	return tok
}

func isUUID(s []byte) bool {
	if s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return false
	}
	for i, c := range s {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			continue
		}
		if !hexOnly([]byte{c | 0x20}) {
			return false
		}
	}
	return true
}

// scanURLs masks the credentials in scheme://user:password@host.
func scanURLs(dst []span, s []byte) []span {
	for i := 0; ; {
		n := bytes.Index(s[i:], []byte("://"))
		if n < 0 {
			return dst
		}
		i += n + 3
		end := wordEnd(s, i)
		if at := userinfo(s[i:end]); at > 0 && string(s[i:i+at]) != "git" {
			if colon := bytes.IndexByte(s[i:i+at], ':'); colon >= 0 && colon+1 < at {
				dst = append(dst, span{from: i + colon + 1, to: i + at, learnt: true})
			}
			dst = append(dst, span{from: i, to: i + at})
		}
	}
}

// userinfo gives the length of the credentials in what follows "://". A password with an unescaped
// slash is taken as one too, where what stands before the slash cannot be a host and its port.
func userinfo(rest []byte) int {
	stop := bytes.IndexAny(rest, "/?#")
	if stop < 0 {
		stop = len(rest)
	}
	if at := bytes.LastIndexByte(rest[:stop], '@'); at > 0 {
		return at
	}
	colon := bytes.IndexByte(rest[:stop], ':')
	if colon < 0 || len(bytes.Trim(rest[colon+1:stop], "0123456789")) == 0 {
		return 0
	}
	return max(0, bytes.LastIndexByte(rest, '@'))
}
