package ui

import (
	"context"
	"fmt"
	"html"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/a-h/templ"
)

// named are the invisible characters that people know by a short name.
var named = map[rune]string{
	0x00A0: "NBSP", 0x00AD: "SHY", 0x061C: "ALM", 0x180E: "MVS", 0x200B: "ZWSP", 0x200C: "ZWNJ", 0x200D: "ZWJ", 0x200E: "LRM", 0x200F: "RLM",
	0x202A: "LRE", 0x202B: "RLE", 0x202C: "PDF", 0x202D: "LRO", 0x202E: "RLO", 0x2060: "WJ",
	0x2066: "LRI", 0x2067: "RLI", 0x2068: "FSI", 0x2069: "PDI", 0xFEFF: "BOM", 0x3164: "HANGUL FILLER", 0x2800: "BRAILLE BLANK",
}

// Hidden reports whether a character cannot be seen, or changes the order in which others are read
// (CVE-2021-42574, "Trojan Source"). Line ends, tabs and the plain space are none.
func Hidden(r rune) bool {
	switch {
	case r == '\n' || r == '\t' || r == ' ':
		return false
	case r == utf8.RuneError:
		return true
	case named[r] != "":
		return true
	}
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r >= 0xE0000 && r <= 0xE0FFF || r >= 0xFE00 && r <= 0xFE0F ||
		unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) || unicode.Is(unicode.Zs, r)
}

// Marked shows a text so that what is hidden in it is seen: each such character becomes a labelled box,
// and each text is isolated from the direction of what stands around it.
func Marked(text string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, markup(text))
		return err
	})
}

func markup(text string) string {
	if !strings.ContainsFunc(text, Hidden) {
		return "<bdi>" + html.EscapeString(text) + "</bdi>"
	}
	var b strings.Builder
	b.WriteString("<bdi>")
	clean := 0
	for i, r := range text {
		if !Hidden(r) {
			continue
		}
		b.WriteString(html.EscapeString(text[clean:i]))
		clean = i + len(string(r))
		if r == utf8.RuneError {
			_, size := utf8.DecodeRuneInString(text[i:])
			clean = i + size
		}
		b.WriteString(hiddenChar(r))
	}
	b.WriteString(html.EscapeString(text[clean:]))
	b.WriteString("</bdi>")
	return b.String()
}

// hiddenChar is the labelled box in place of one character.
func hiddenChar(r rune) string {
	name := named[r]
	if name == "" {
		name = fmt.Sprintf("U+%04X", r)
	}
	return fmt.Sprintf(`<span class="hiddenchar" title="hidden character U+%04X">%s</span>`, r, name)
}

// Bare is Marked for where only text can stand, such as a title, a badge or an attribute: what is hidden
// becomes its name in angle brackets.
func Bare(text string) string {
	if !strings.ContainsFunc(text, Hidden) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case !Hidden(r):
			b.WriteRune(r)
		case named[r] != "":
			b.WriteString("⟨" + named[r] + "⟩")
		default:
			fmt.Fprintf(&b, "⟨U+%04X⟩", r)
		}
	}
	return b.String()
}

// HiddenIn counts the hidden characters of a text.
func HiddenIn(text string) (n int) {
	for _, r := range text {
		if Hidden(r) {
			n++
		}
	}
	return n
}
