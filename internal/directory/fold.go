package directory

import (
	"net/mail"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"

	"plumbline.dev/plumb/internal/fault"
)

// maxUsername is the longest username, in characters.
const maxUsername = 64

// Fold gives the one form under which a username or a group's name is compared and kept unique: RFC
// 8265 UsernameCaseMapped, letters of one script only. Names that a reader could take for one another
// because of case, width, composition or a borrowed alphabet have the same fold or none. It is applied
// once, when the name is made; trust model 5.
func Fold(name string) (string, error) {
	fold, err := precis.UsernameCaseMapped.String(name)
	if err == nil {
		var again string // a profile is idempotent for the names that we take
		again, err = precis.UsernameCaseMapped.String(fold)
		if err == nil && (again != fold || norm.NFKC.String(fold) != fold) {
			err = badName("holds characters that have more than one form")
		}
	}
	if err != nil {
		return "", badName("holds characters that a name cannot have").From(err)
	}
	if e := shape(fold); e != nil {
		return "", e
	}
	return fold, nil
}

func badName(problem string) *fault.Error {
	return fault.New(fault.Invalid, "bad_name", "That name %s.", problem).
		Then("use letters of one alphabet, digits and . _ - @ +, %d at most", maxUsername)
}

func shape(fold string) *fault.Error {
	switch n := utf8.RuneCountInString(fold); {
	case n == 0:
		return badName("is empty")
	case n > maxUsername:
		return badName("is too long")
	}
	before := rune(0)
	for i, c := range fold {
		word := unicode.IsLetter(c) || unicode.IsDigit(c)
		switch {
		case unicode.IsMark(c) && (unicode.Is(unicode.Latin, before) || before < utf8.RuneSelf):
			return badName("holds an accent that is easily overlooked") // all usual ones are part of their letter by now
		case !word && i == 0:
			return badName("does not begin with a letter or digit")
		case !word && !unicode.IsMark(c) && !strings.ContainsRune("._-@+", c):
			return badName("holds characters that a name cannot have")
		}
		before = c
	}
	if !oneScript(fold) {
		return badName("mixes letters of different alphabets")
	}
	if looksLatin(fold) {
		return badName("looks like another name in Latin letters")
	}
	for _, prefix := range []string{"per_", "acc_", "grp_", "ses_", "tok_"} {
		if strings.HasPrefix(fold, prefix) {
			return badName("looks like an id of this program")
		}
	}
	return nil
}

// families are the sets of scripts that one writing system uses together.
var families = [][]string{
	{"Han", "Hiragana", "Katakana"},
	{"Han", "Bopomofo"},
	{"Han", "Hangul"},
}

// oneScript reports whether all letters belong to one writing system.
func oneScript(s string) bool {
	var scripts []string
	for _, c := range s {
		name := scriptOf(c)
		if name != "" && !slices.Contains(scripts, name) {
			scripts = append(scripts, name)
		}
	}
	if len(scripts) < 2 {
		return true
	}
	return slices.ContainsFunc(families, func(family []string) bool {
		return !slices.ContainsFunc(scripts, func(s string) bool { return !slices.Contains(family, s) })
	})
}

// scriptOf names a character's script, "" for those that all scripts share.
func scriptOf(c rune) string {
	if c < utf8.RuneSelf {
		if unicode.IsLetter(c) {
			return "Latin"
		}
		return ""
	}
	if unicode.In(c, unicode.Common, unicode.Inherited) {
		return ""
	}
	if unicode.In(c, unicode.Latin) {
		return "Latin"
	}
	for name, table := range unicode.Scripts {
		if unicode.Is(table, c) {
			return name
		}
	}
	return "unknown"
}

// latinLike are the letters of other alphabets that are drawn like Latin ones.
const latinLike = "асеорхуіјѕһԁԛԝӏԍνοωικρυ"

// looksLatin reports whether every letter is of another alphabet and drawn like a Latin one.
func looksLatin(s string) bool {
	letters := false
	for _, c := range s {
		if !unicode.IsLetter(c) {
			continue
		}
		if !strings.ContainsRune(latinLike, c) {
			return false
		}
		letters = true
	}
	return letters
}

// foldEmail gives the form under which mail addresses are compared: lower case, without a +tag, because
// that is the same mailbox and so the same human.
func foldEmail(address string) string {
	s := strings.ToLower(norm.NFKC.String(strings.TrimSpace(address)))
	local, domain, ok := strings.Cut(s, "@")
	if !ok {
		return s
	}
	local, _, _ = strings.Cut(local, "+")
	return local + "@" + domain
}

// checkEmail notes on e what is wrong with a mail address.
func checkEmail(e *fault.Error, path, address string) {
	a, err := mail.ParseAddress(address)
	if err != nil || a.Address != address || len(address) > 254 || foldEmail(address)[0] == '@' {
		e.At(path, "is not a mail address")
	}
}

// checkLine notes on e what is wrong with a text of one line: empty where required, too long, or with
// characters that cannot be shown safely.
func checkLine(e *fault.Error, path, text string, limit int, required bool) {
	switch {
	case required && strings.TrimSpace(text) == "":
		e.At(path, "is missing")
	case utf8.RuneCountInString(text) > limit:
		e.At(path, "is too long")
	case strings.ContainsFunc(text, unseen):
		e.At(path, "holds characters that cannot be shown")
	}
}

// unseen reports control characters, those that turn the reading direction around or take no room, and
// bytes that are no text.
func unseen(c rune) bool {
	return unicode.IsControl(c) || unicode.Is(unicode.Cf, c) || c == utf8.RuneError
}

// Limits of texts, in characters.
const (
	maxTitle = 200
	maxNote  = 1000
)
