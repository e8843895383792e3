package deps_test

import (
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// code is an error code of one room.
type code struct{ room, name string }

var (
	codeRoom = regexp.MustCompile(`(?m)^### ([a-z]+): `)
	codeRow  = regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\| ([A-Za-z, ]+) \\| (.+) \\| (.+) \\|$")
)

// explained reads the tables of docs/words.md: code → kinds.
func explained(t *testing.T) map[code][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", "words.md"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[code][]string{}
	rooms := codeRoom.FindAllStringSubmatchIndex(string(text), -1)
	for i, at := range rooms {
		end := len(text)
		if i+1 < len(rooms) {
			end = rooms[i+1][0]
		}
		for _, m := range codeRow.FindAllStringSubmatch(string(text[at[1]:end]), -1) {
			c := code{string(text[at[2]:at[3]]), m[1]}
			if out[c] != nil {
				t.Errorf("docs/words.md explains %s of %s twice", c.name, c.room)
			}
			out[c] = strings.Split(m[2], ", ")
		}
	}
	return out
}

// Whoever meets a code finds it in docs/words.md, with its kind and what to do about it; and what is
// explained there can still be met.
func TestEveryErrorCodeIsExplained(t *testing.T) {
	t.Parallel()
	table := explained(t)
	words := map[code]bool{} // every word that stands as a text in a room
	for _, f := range sources(t) {
		parts := strings.Split(f.pkg, "/")
		if f.test || len(parts) < 2 || parts[0] != "internal" {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if b, ok := n.(*ast.BasicLit); ok && b.Kind == token.STRING {
				if s, err := strconv.Unquote(b.Value); err == nil {
					words[code{parts[1], s}] = true
				}
			}
			name, kind := refusal(f, n)
			if name == "" {
				return true
			}
			kinds, ok := table[code{parts[1], name}]
			switch {
			case !ok:
				t.Errorf("%s: the code %s has no row in docs/words.md, under %s", f.at(n), name, parts[1])
			case kind != "" && !slices.Contains(kinds, kind):
				t.Errorf("%s: the code %s is of kind %s; docs/words.md says %v", f.at(n), name, kind, kinds)
			}
			return true
		})
	}
	for c := range table {
		if !words[c] {
			t.Errorf("docs/words.md explains %s of %s, which nothing says", c.name, c.room)
		}
	}
}

// refusal gives the code and kind of a fault.New with a code in its text, "" for anything else.
func refusal(f file, n ast.Node) (name, kind string) {
	call, ok := n.(*ast.CallExpr)
	if !ok || len(call.Args) < 3 {
		return "", ""
	}
	if pkg, fn := f.call(call.Fun); pkg != module+"internal/fault" || fn != "New" {
		return "", ""
	}
	if b, ok := call.Args[1].(*ast.BasicLit); ok {
		name, _ = strconv.Unquote(b.Value)
	}
	if sel, ok := call.Args[0].(*ast.SelectorExpr); ok {
		kind = sel.Sel.Name
	}
	return name, kind
}
