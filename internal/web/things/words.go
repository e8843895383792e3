package things

import (
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/web/ui"
)

// lacks lists the demanded labels that nobody gave.
func lacks(a inventory.Asset) string { return strings.Join(a.Unlabelled(), ", ") }

// stateTone is the colour of an asset's presence.
func stateTone(s inventory.Presence) ui.Tone {
	switch s {
	case inventory.Present:
		return ui.Good
	case inventory.Silent:
		return ui.Warn
	case inventory.Missing:
		return ui.Bad
	}
	return ui.Calm
}

// environmentTone marks what matters most.
func environmentTone(env string) ui.Tone {
	switch env {
	case "prod":
		return ui.Accent
	case "shared":
		return ui.Warn
	}
	return ui.Calm
}

func classificationTone(c string) ui.Tone {
	switch c {
	case "critical":
		return ui.Bad
	case "confidential":
		return ui.Warn
	}
	return ui.Calm
}

// healthTone is the colour of a source's health.
func healthTone(state string) ui.Tone {
	switch state {
	case "fresh":
		return ui.Good
	case "late":
		return ui.Warn
	case "failing":
		return ui.Bad
	}
	return ui.Calm
}

func confidenceTone(c inventory.Confidence) ui.Tone {
	switch c {
	case inventory.Asserted:
		return ui.Good
	case inventory.Derived:
		return ui.Accent
	}
	return ui.Warn
}

func opTone(op inventory.Op) ui.Tone {
	switch op {
	case inventory.Created:
		return ui.Good
	case inventory.Deleted:
		return ui.Bad
	case inventory.Updated:
		return ui.Accent
	}
	return ui.Calm
}

// choices makes a choice out of words, with one that chooses none of them.
func choices(none string, values []string) []ui.Option {
	out := []ui.Option{{Text: none}}
	for _, v := range values {
		out = append(out, ui.Option{Value: v, Text: ui.Words(v)})
	}
	return out
}

func classes() []string {
	var out []string
	for _, c := range inventory.Classes() {
		out = append(out, string(c))
	}
	return out
}

func states() []string {
	return []string{string(inventory.Present), string(inventory.Silent), string(inventory.Missing), string(inventory.Gone), string(inventory.Folded), "all"}
}

func sorted[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }

// every is a source's interval as people read it.
func every(seconds int64) string {
	if seconds == 0 {
		return "when something is sent"
	}
	return "every " + ui.Span(time.Duration(seconds)*time.Second)
}

// title begins a word with a capital.
func title(word string) string {
	if word == "" {
		return ""
	}
	r, size := utf8.DecodeRuneInString(word)
	return string(unicode.ToUpper(r)) + word[size:]
}

// settingIn is the field of one setting. A secret is never typed: its field holds the name of a file on the server.
func settingIn(s inventory.Setting) ui.In {
	in := ui.In{Name: settingName(s.Key), Label: title(ui.Words(s.Key)), Hint: title(s.Help) + ".", Required: s.Required && s.Default == "",
		Longest: 4096, Sample: s.Default, Complete: "off"}
	if s.Secret {
		in.Hint += " This is the name of a file in the server's secrets folder, not the secret."
	}
	return in
}

// settingNames are the fields that say themselves what is wrong with them.
func settingNames(k inventory.Kind) []string {
	out := []string{"every"}
	for _, s := range k.Settings {
		out = append(out, settingName(s.Key))
	}
	return out
}
