package evidence

import (
	"math"
	"regexp"
	"sync"
)

const masked = "***"

// secretShapes are the written shapes of credentials. RE2 takes linear time on any input.
var secretShapes = sync.OnceValue(func() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)`),
		regexp.MustCompile(`\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b`),                                           // AWS key ids
		regexp.MustCompile(`\b(?:gh[oprsu]_[A-Za-z0-9]{16,}|github_pat_\w{20,}|glpat-[\w-]{16,})`),              // code hosts
		regexp.MustCompile(`\b(?:plb_[a-z]+_\w{8,}|xox[a-z]-[\w-]{8,}|npm_\w{20,}|pypi-[\w-]{16,}|dop_v1_\w+)`), // tokens by prefix
		regexp.MustCompile(`\b(?:[rs]k_(?:live|test)_\w{8,}|sk-[\w-]{20,}|AIza[\w-]{30,}|hvs\.[\w-]{16,}|SG\.[\w-]{16,}\.[\w-]{16,})`),
		regexp.MustCompile(`\beyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?`), // JSON web tokens
	}
})

// keptPrefix are the shapes of which the first group is shown, and the rest hidden.
var keptPrefix = sync.OnceValue(func() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://[^\s/@:]*:)[^\s@/]+`),                    // scheme://user:password
		regexp.MustCompile(`(?i)(\bauthorization["']?\s*[:=]\s*["']?(?:\w+\s+)?)[^\s"',;]{4,}`), // headers
		regexp.MustCompile(`(?i)(\b(?:bearer|basic)\s+)[A-Za-z0-9+/_.~=-]{8,}`),                 //
		regexp.MustCompile(`(?i)([a-z0-9_.-]*(?:passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|client[_-]?secret|credential)[a-z0-9_.-]*["']?\s*[:=]\s*["']?)[^\s"',;&)]{3,}`), // name = value
	}
})

var longRun = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[A-Za-z0-9+/_=-]{32,}`) })

// Mask hides in s whatever is written like a credential, and long runs that look random. It is a net
// under findings, which should hold no secret at all; it knows shapes, not values, and so is no
// substitute for redaction by known values. Hexadecimal digests and commit ids stay.
func Mask(s string) string {
	for _, re := range secretShapes() {
		s = re.ReplaceAllLiteralString(s, masked)
	}
	for _, re := range keptPrefix() {
		s = re.ReplaceAllString(s, "${1}"+masked)
	}
	return longRun().ReplaceAllStringFunc(s, func(run string) string {
		if random(run) {
			return masked
		}
		return run
	})
}

// random tells base64 of a key from a long name: a key uses all three classes of character, changes
// between them at every second or third character, and repeats little. A change across a sign does
// not count, for in names every word begins so.
func random(s string) bool {
	const lower, upper, digit, sign = 0, 1, 2, 3
	var seen [256]int
	var classes [4]int
	last, changes := sign, 0
	for i := range len(s) {
		c, class := s[i], sign
		seen[c]++
		switch {
		case c >= 'a' && c <= 'z':
			class = lower
		case c >= 'A' && c <= 'Z':
			class = upper
		case c >= '0' && c <= '9':
			class = digit
		}
		classes[class]++
		if last != sign && class != sign && class != last {
			changes++
		}
		last = class
	}
	if classes[lower] < 3 || classes[upper] < 3 || classes[digit] < 2 {
		return false
	}
	return entropy(seen[:], len(s)) >= 4.2 && changes*10 >= len(s)*3
}

// entropy is Shannon's, in bits for each of n characters.
func entropy(seen []int, n int) float64 {
	e := 0.0
	for _, k := range seen {
		if k > 0 {
			p := float64(k) / float64(n)
			e -= p * math.Log2(p)
		}
	}
	return e
}
