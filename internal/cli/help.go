package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// helpWidth is how wide help is where it goes to no terminal, and narrowHelp as narrow as it is made.
const (
	helpWidth  = 80
	narrowHelp = 40
)

// help writes what a command is for and how it is used, within the terminal.
func help(cmd *cobra.Command, _ []string) {
	w := cmd.OutOrStdout()
	cols := max(width(w), narrowHelp)
	if width(w) == 0 {
		cols = helpWidth
	}
	_, _ = io.WriteString(w, helpText(cmd, cols)) // a reader who went away is told nothing
}

func helpText(cmd *cobra.Command, cols int) string {
	return foldHelp(strings.TrimSpace(either(cmd.Long, cmd.Short))+"\n\n"+cmd.UsageString(), cols)
}

// foldHelp folds the lines of help that are too wide: what is said of a command or a flag goes on under itself, other text under its
// beginning. Examples stay as they are, to be copied.
func foldHelp(text string, cols int) string {
	var b strings.Builder
	example, hang := false, 0
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \n")
		indent := len(line) - len(strings.TrimLeft(line, " "))
		if indent == 0 {
			hang = 0
			example = example && !strings.HasSuffix(line, ":") || line == "Examples:"
		}
		if at := column(line, indent); at > 0 {
			hang = at
		}
		parts, under := []string{line}, indent
		switch room := cols - indent; {
		case example || visible(line) <= cols:
		case hang > indent && hang <= cols-narrowest && len(line) > hang && line[hang-1] == ' ':
			parts, under = wrapFrom(line, hang, cols), hang
		default:
			parts = broken(line[indent:], room)
			parts[0] = line[:indent] + parts[0]
		}
		for i, part := range parts {
			if i > 0 {
				part = strings.Repeat(" ", under) + part
			}
			fmt.Fprintln(&b, part)
		}
	}
	return b.String()
}

// wrapFrom breaks what a line says from a column on, and leaves what stands before it.
func wrapFrom(line string, from, cols int) []string {
	parts := broken(line[from:], cols-from)
	parts[0] = line[:from] + parts[0]
	return parts
}

// column is where in a line of a list its explanation begins: behind the first gap of two spaces or more; 0 where there is none.
func column(line string, indent int) int {
	gap := strings.Index(line[indent:], "  ")
	if indent == 0 || gap < 0 {
		return 0
	}
	return len(line) - len(strings.TrimLeft(line[indent+gap:], " "))
}
