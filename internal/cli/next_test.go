package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What a refusal names as the next command is typed by somebody in trouble: it must be there, with
// every flag.
func TestEveryNextCommandExists(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	named, word := regexp.MustCompile(`Then\("plumb ([^"]*)"`), regexp.MustCompile(`^[a-z][a-z-]*$`)
	root, seen := (&app{}).root(commandGroups), 0
	root.InitDefaultHelpCmd()
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(string(text), -1) {
			seen++
			first := m[1]
			if i := strings.IndexAny(first, ",;"); i >= 0 {
				first = first[:i] // what follows is for the reader
			}
			words := strings.Fields(first)
			var path []string
			for _, w := range words {
				if !word.MatchString(w) {
					break
				}
				path = append(path, w)
			}
			cmd, rest, err := root.Find(path)
			if err != nil || cmd == root || cmd.HasSubCommands() && len(rest) > 0 {
				t.Errorf("%s: there is no command: plumb %s", file, first)
				continue
			}
			cmd.InitDefaultHelpFlag()
			for _, w := range words {
				flag, long := strings.CutPrefix(w, "--")
				flag, _, _ = strings.Cut(flag, "=")
				if long && flag != "" && cmd.Flag(flag) == nil {
					t.Errorf("%s: plumb %s: there is no flag %s", file, first, w)
				}
			}
		}
	}
	if seen < 50 {
		t.Errorf("only %d commands were found", seen)
	}
}
