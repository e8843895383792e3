package cli

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// every calls a function with a command and all beneath it.
func every(cmd *cobra.Command, do func(*cobra.Command)) {
	do(cmd)
	for _, sub := range cmd.Commands() {
		every(sub, do)
	}
}

// The help of every command fits 80 columns, and loses no word of what the commands and flags say.
func TestHelpFitsTheTerminal(t *testing.T) {
	t.Parallel()
	a := &app{env: func(string) (string, bool) { return "", false }, now: time.Now}
	n := 0
	every(a.root(commandGroups), func(cmd *cobra.Command) {
		n++
		cmd.InitDefaultHelpFlag()
		text := helpText(cmd, 80)
		for line := range strings.Lines(text) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
				t.Errorf("%s: %d columns: %s", cmd.CommandPath(), n, line)
			}
		}
		if got, want := strings.Join(strings.Fields(text), " "), strings.Join(strings.Fields(helpText(cmd, 10_000)), " "); got != want {
			t.Errorf("%s: folded help says\n%s\nwant\n%s", cmd.CommandPath(), got, want)
		}
	})
	if n < 100 {
		t.Errorf("%d commands were looked at, want all", n)
	}
}

func TestHelpIsFoldedUnderWhatItSays(t *testing.T) {
	t.Parallel()
	got := foldHelp("Say it.\n\nExamples:\n  plumb say --with many --words as given\n\nFlags:\n      --all          also what is not said at all\n  -o, --out string   where\n\nUse \"plumb say\".\n", 36)
	want := `Say it.

Examples:
  plumb say --with many --words as given

Flags:
      --all          also what is
                     not said at all
  -o, --out string   where

Use "plumb say".
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
