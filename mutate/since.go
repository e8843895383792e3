package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// span is a run of lines of a file, both ends among them.
type span struct{ first, last int }

// changes are the lines that a tree has and a revision before it had not, by file.
type changes map[string][]span

// hunk is the head of a piece of a difference without context: where it stands in the new text, and how long it is there.
var hunk = regexp.MustCompile(`^@@ -\S+ \+(\d+)(?:,(\d+))? @@`)

// since asks git which lines differ from a revision.
func since(ctx context.Context, revision string) (changes, error) {
	out, err := exec.CommandContext(ctx, "git", "diff", "--unified=0", "--no-renames", "--no-color", "--no-ext-diff", "--end-of-options", revision, "--", "*.go").Output()
	if err != nil {
		return nil, fmt.Errorf("git does not tell what changed since %q: %w", revision, err)
	}
	return readChanges(out)
}

// readChanges reads a difference as git prints it without context.
func readChanges(diff []byte) (changes, error) {
	c, file := changes{}, ""
	lines := bufio.NewScanner(bytes.NewReader(diff))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if name, ok := strings.CutPrefix(lines.Text(), "+++ b/"); ok {
			file = name
			continue
		}
		m := hunk.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		first, err := strconv.Atoi(m[1])
		if err != nil {
			return nil, err
		}
		length := 1
		if m[2] != "" {
			if length, err = strconv.Atoi(m[2]); err != nil {
				return nil, err
			}
		}
		if length > 0 {
			c[file] = append(c[file], span{first, first + length - 1})
		}
	}
	return c, lines.Err()
}

// has tells whether a guard stands on such a line.
func (c changes) has(g guard) bool {
	for _, s := range c[g.file] {
		if s.first <= g.line && g.line <= s.last {
			return true
		}
	}
	return false
}
