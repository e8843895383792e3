package cli

import (
	"bytes"
	"context"
	"io"
	"slices"
	"testing"
	"time"
)

// Only the branch that is called is made. Its name in the table must be its own, or it could not be
// called without its flags being read by another.
func TestEachCommandOfTheTableIsMadeUnderItsName(t *testing.T) {
	t.Parallel()
	for _, g := range commandGroups {
		for _, c := range g.commands {
			cmd := c.make(&app{})
			if cmd.Name() != c.name || len(cmd.Aliases) > 0 {
				t.Errorf("%s in the table calls itself %s %v", c.name, cmd.Name(), cmd.Aliases)
			}
			only := called([]string{c.name, "--anything"})
			if len(only) != 1 || only[0].id != g.id || len(only[0].commands) != 1 || only[0].commands[0].name != c.name {
				t.Errorf("calling %s makes %v", c.name, only)
			}
		}
	}
	for _, args := range [][]string{nil, {""}, {"--help"}, {"-o", "json", "version"}, {"help", "gate"}, {"__complete", "ga"}, {"gat"}} {
		if n := len(called(args)); n != len(commandGroups) {
			t.Errorf("%q makes %d groups of %d", args, n, len(commandGroups))
		}
	}
}

// What a command says of itself must not depend on whether its neighbours were made.
func TestACommandAloneSaysWhatItSaysAmongAll(t *testing.T) {
	t.Parallel()
	for _, g := range commandGroups {
		for _, c := range g.commands {
			for _, args := range [][]string{{c.name, "--help"}, {c.name, "no-such-word", "--no-such-flag"}} {
				alone, all := said(called(args), args), said(commandGroups, args)
				if alone != all {
					t.Errorf("%q says\n%s\nand among all\n%s", args, alone, all)
				}
			}
		}
	}
}

func said(groups []commandGroup, args []string) string {
	var b bytes.Buffer
	a := &app{in: bytes.NewReader(nil), out: &b, err: &b, env: func(string) (string, bool) { return "", false }, now: time.Now}
	root := a.root(slices.Clone(groups))
	root.SetArgs(args)
	root.SetOut(&b)
	root.SetErr(io.Discard)
	if err := root.ExecuteContext(context.Background()); err != nil {
		b.WriteString(err.Error())
	}
	return b.String()
}
