package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
)

// claim says what holds a guard that no test of its own package can hold.
type claim struct {
	by  string // "PACKAGE TEST", the keys of other guards with " + " between them, or "nothing"
	why string
}

// readClaims reads the list of guards that are held elsewhere: a line with the guard's key, and below
// it, indented, "by:" and "why:".
func readClaims(file string) (map[string]claim, error) {
	out := map[string]claim{}
	if file == "" {
		return out, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	key := ""
	for line := range strings.Lines(string(b)) {
		text := strings.TrimSpace(line)
		c := out[key]
		switch {
		case text == "" || strings.HasPrefix(text, "#"):
			continue
		case line[0] != ' ' && line[0] != '\t':
			if _, twice := out[text]; twice {
				return nil, fmt.Errorf("%s: %q stands there twice", file, text)
			}
			key, c = text, claim{}
		case key != "" && strings.HasPrefix(text, "by: "):
			c.by = text[len("by: "):]
		case key != "" && strings.HasPrefix(text, "why: "):
			c.why = text[len("why: "):]
		default:
			return nil, fmt.Errorf("%s: %q is neither a guard nor what holds it", file, text)
		}
		out[key] = c
	}
	for key, c := range out {
		if c.by == "" || len(strings.Fields(c.why)) < 4 {
			return nil, fmt.Errorf("%s: %q lacks by or why", file, key)
		}
	}
	return out, nil
}

// shown puts a claim to the test: without the guard the named test must fail, or without the guard and
// those named some test of the package. It gives what was seen, "" if the claim does not hold.
func (r *runner) shown(ctx context.Context, g guard, c claim) (string, error) {
	if c.by == "nothing" {
		return "nothing", nil
	}
	if others := r.named(c.by); others != nil {
		s, off := r.suites[g.pkg], append(others, g.n)
		by, err := s.killer(ctx, s.meeting(off), off)
		if by == "" {
			return "", err
		}
		return "without the others too: " + by, err
	}
	pkg, name, ok := strings.Cut(c.by, " ")
	if !ok {
		return "", fmt.Errorf("%q is neither a guard nor a package and a test", c.by)
	}
	s, err := r.suite(ctx, pkg)
	if err != nil {
		return "", err
	}
	names := []string{name}
	if by, err := s.run(ctx, names, nil, r.limit); err != nil || by != "" {
		return "", fmt.Errorf("%s fails with every guard in place (%s): %w", c.by, by, err)
	}
	by, err := s.run(ctx, names, []int{g.n}, r.limit)
	if by == "" {
		return "", err
	}
	return pkg + " " + by, err
}

// named finds guards by their keys; nil if one of them is none.
func (r *runner) named(keys string) []int {
	var out []int
	for _, key := range strings.Split(keys, " + ") {
		i := slices.IndexFunc(r.o.guards, func(g guard) bool { return g.key() == key })
		if i < 0 {
			return nil
		}
		out = append(out, r.o.guards[i].n)
	}
	return out
}
