package deps_test

import (
	"go/ast"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Kinds of refusal that a rule or a state gives: somebody must be told who can mend it, and how.
// The other kinds say at least what to send instead, by a next step or member by member; Internal is a
// defect, for which the command line has one sentence.
var (
	ruled   = map[string]bool{"Denied": true, "Conflict": true, "Stale": true, "Unauthenticated": true, "Limited": true, "Unavailable": true}
	mending = map[string]bool{"Invalid": true, "NotFound": true, "TooLarge": true}
)

// told lists the refusals that get what they say somewhere else, with the reason. The key is the room and
// the code.
var told = map[code]string{
	{"change", "bad_change"}:       "names each wrong member as it finds it",
	{"change", "bad_comment"}:      "names what is wrong with the text as it finds it",
	{"change", "bad_evidence"}:     "names each wrong member as it finds it",
	{"change", "bad_gate_request"}: "names each wrong member as it finds it",
	{"change", "bad_report"}:       "names each wrong member as it finds it",
	{"change", "bad_review"}:       "names each wrong member as it finds it",
	{"change", "bad_window"}:       "names each wrong member as it finds it",
	{"change", "unknown_person"}:   "names each unknown person as it finds them",
	{"directory", "bad_account"}:   "names each wrong member as it finds it",
	{"directory", "bad_grant"}:     "names each wrong member as it finds it",
	{"directory", "bad_group"}:     "names each wrong member as it finds it",
	{"directory", "bad_person"}:    "names each wrong member as it finds it",
	{"directory", "bad_setup"}:     "names each wrong member as it finds it",
	{"directory", "bad_token"}:     "names each wrong member as it finds it",
	{"directory", "no_reason"}:     "names the member that lacks it, and what else is wrong with it",
	{"directory", "not_allowed"}:   "Allowed adds them: they depend on who asks",
	{"prove", "bad_selection"}:     "names each wrong member as it finds it",
	{"client", ""}:                 "repeats what the server said, and its kind",
}

// chain is one fault.New with the methods called on what it gives.
type chain struct {
	new  *ast.CallExpr
	said map[string]bool
}

// chains lists the refusals of a file.
func chains(f file) []chain {
	var out []chain
	inner := map[ast.Node]bool{}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || inner[n] {
			return true
		}
		c := chain{call, map[string]bool{}}
		for {
			inner[c.new] = true
			if pkg, fn := f.call(c.new.Fun); pkg == module+"internal/fault" && fn == "New" {
				out = append(out, c)
				return true
			}
			sel, ok := c.new.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, ok := sel.X.(*ast.CallExpr)
			if !ok {
				return true
			}
			c.said[sel.Sel.Name], c.new = true, x
		}
	})
	return out
}

// Whoever is refused is told who can mend it and what to do next, not only that it is so.
func TestEveryRefusalSaysWhoAndWhatNext(t *testing.T) {
	t.Parallel()
	used := map[code]bool{}
	for _, f := range sources(t) {
		parts := strings.Split(f.pkg, "/")
		if f.test || len(parts) < 2 || parts[0] != "internal" {
			continue
		}
		for _, c := range chains(f) {
			name, kind := refusal(f, c.new)
			key := code{parts[1], name}
			whole := kind == "Internal" || c.said["FixedBy"] && c.said["Then"] ||
				mending[kind] && (c.said["Then"] || c.said["At"])
			switch {
			case whole:
			case told[key] != "":
				used[key] = true
			case kind != "" && !ruled[kind] && !mending[kind]:
				t.Errorf("%s: kind %s is in neither table of this test", f.at(c.new), kind)
			default:
				t.Errorf("%s: the refusal %s (%s) does not say who mends it and what next: FixedBy=%v Then=%v At=%v",
					f.at(c.new), name, kind, c.said["FixedBy"], c.said["Then"], c.said["At"])
			}
		}
	}
	for key := range told {
		if !used[key] {
			t.Errorf("no refusal needs the exception for %s of %s", key.name, key.room)
		}
	}
}

var (
	printed = regexp.MustCompile(`(?:^|[\s(])plumb ([a-z][^;,)]*)`)
	verb    = regexp.MustCompile(`%[a-z]`)
	joining = regexp.MustCompile(` (?:or|and|with|then|of|in|on|that|>) |: `)
)

// A next step that names a command names one that exists, with its flags.
func TestNextStepsAreCommandsThatExist(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || sel.Sel.Name != "Then" && sel.Sel.Name != "FixedBy" {
				return true
			}
			lit, ok := call.Args[0].(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range printed.FindAllStringSubmatch(verb.ReplaceAllString(text, "X"), -1) {
				seen++
				command := joining.Split(m[1], 2)[0]
				if wrong := unknownPart(command); wrong != "" {
					t.Errorf("%s: the next step %q names `plumb %s`: %s", f.at(call), text, command, wrong)
				}
			}
			return true
		})
	}
	if seen < 100 {
		t.Errorf("only %d commands were found", seen)
	}
}
