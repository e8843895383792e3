package evidence

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText is the most bytes of one text in a Result; maxRaw is how much of the file's text is looked
// at to make it. Masking shortens, so that the second is far larger than the first.
const (
	maxText = 300
	maxRaw  = 16 << 10
)

// clean makes a text from outside fit to be shown and kept: secrets masked, then every control,
// bidirectional, zero-width or otherwise invisible character written out as \u…, then cut.
func clean(s string) string {
	if len(s) > maxRaw {
		s = s[:maxRaw]
	}
	s = strings.TrimSpace(strings.ToValidUTF8(s, "\uFFFD"))
	s = Mask(s)
	var b strings.Builder
	for _, r := range s {
		part := string(r)
		switch {
		case r == '\n':
			part = `\n`
		case r == '\t':
			part = " "
		case hidden(r):
			part = fmt.Sprintf(`\u%04x`, r)
		}
		if b.Len()+len(part) > maxText-len("…") {
			return b.String() + "…"
		}
		b.WriteString(part)
	}
	return b.String()
}

// hidden reports whether a character is not plainly visible where it stands: controls, formats (the
// bidirectional ones are among them), private and unassigned ones, odd spaces, combining marks
// outside letters' use are left alone for the sake of real languages.
func hidden(r rune) bool {
	switch {
	case r == ' ' || r == utf8.RuneError:
		return false
	case r == 0x034F || r == 0x115F || r == 0x1160 || r == 0x3164 || r == 0xFFA0: // fillers
		return true
	case r >= 0xFE00 && r <= 0xFE0F || r >= 0xE0100 && r <= 0xE01EF: // variation selectors
		return true
	}
	return !unicode.IsPrint(r)
}
