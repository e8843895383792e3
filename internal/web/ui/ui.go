// Package ui is the design system of the pages: the tokens, the components and the one layout. It knows
// no change and no person, only what they look like; it asks nobody and decides nothing.
//
// Read in this order: css/1-tokens.css (every colour and size), layout.templ (the frame around every
// page), parts.templ (the components); the page /design shows them all.
package ui

import (
	"strings"
	"time"
	"unicode"
)

// Frame is what the layout shows around a page.
type Frame struct {
	Title   string
	Here    string // path of the entry of the navigation that the page belongs to
	Company string
	Name    string // of who is signed in; "" when nobody is
	Theme   string // "light", "dark" or "" for what the system says
	Zone    *time.Location
	Now     time.Time
	Nav     []Link
	Menu    []Link // of the person
	Flash   string // what the last step did
	Live    string // address of live updates; "" for none
	Version string
	Width   string // "narrow", "reading" or "" for the full width
}

// Link is one place to go.
type Link struct {
	Text string
	Path string
	Key  string // shortcut such as "g c"
}

// Initials are the first letters of a name's first and last word.
func Initials(name string) string {
	words := strings.Fields(name)
	if len(words) == 0 {
		return "?"
	}
	first := []rune(words[0])
	out := string(unicode.ToUpper(first[0]))
	if len(words) > 1 {
		last := []rune(words[len(words)-1])
		out += string(unicode.ToUpper(last[0]))
	}
	return out
}

// Tone is the colour of a badge, a notice or a step: what it means, never how it looks.
type Tone string

// The tones.
const (
	Calm   Tone = "calm"
	Good   Tone = "good"
	Warn   Tone = "warn"
	Bad    Tone = "bad"
	Accent Tone = "accent"
)

// Words turns a name such as awaiting_approval into words.
func Words(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "_", " "), "-", " ")
}

// ShortDigest is the part of a digest that people compare.
func ShortDigest(digest string) string {
	hex := strings.TrimPrefix(digest, "sha256:")
	if len(hex) <= 12 {
		return hex
	}
	return hex[:12]
}
