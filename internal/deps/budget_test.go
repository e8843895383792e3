package deps_test

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// Budgets of the house.
const (
	maxFunction  = 60
	maxFile      = 500
	maxInterface = 5
)

// allowed lists what may break a rule, and why. An entry that nothing needs any more fails.
type allowed map[string]string

// check reports place unless one of the keys is on the list.
func (a allowed) check(t *testing.T, used map[string]bool, message string, keys ...string) {
	t.Helper()
	for _, k := range keys {
		if _, ok := a[k]; ok {
			used[k] = true
			return
		}
	}
	t.Error(message)
}

func (a allowed) stale(t *testing.T, used map[string]bool) {
	t.Helper()
	for k, why := range a {
		if !used[k] {
			t.Errorf("%s is allowed something that it does not do any more", k)
		}
		if len(strings.Fields(why)) < 3 {
			t.Errorf("%s: %q is no reason", k, why)
		}
	}
}

// longFunctions are tables or linear wiring.
var longFunctions = allowed{}

func TestFunctionsFitOnAScreen(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := fset.Position(fn.End()).Line - fset.Position(fn.Pos()).Line + 1; n > maxFunction {
				longFunctions.check(t, used, f.at(fn)+": "+fn.Name.Name+" is longer than 60 lines", f.path+" "+fn.Name.Name)
			}
		}
	}
	longFunctions.stale(t, used)
}

// longFiles are tables or linear wiring.
var longFiles = allowed{}

func TestFilesAreReadInOneGo(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, f := range sources(t) {
		if f.lines > maxFile && !f.test {
			longFiles.check(t, used, f.path+" is longer than 500 lines", f.path)
		}
	}
	longFiles.stale(t, used)
}

func TestInterfacesAreSmall(t *testing.T) {
	t.Parallel()
	for _, f := range sources(t) {
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if i, ok := n.(*ast.InterfaceType); ok && i.Methods.NumFields() > maxInterface {
				t.Errorf("%s: an interface of %d methods; its users need fewer", f.at(n), i.Methods.NumFields())
			}
			return true
		})
	}
}

func TestNothingHappensAtImportTime(t *testing.T) {
	t.Parallel()
	for _, f := range sources(t) {
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: an init function: what happens at import time cannot be ordered, tested or refused", f.at(fn))
			}
		}
	}
}

// Every call of plumb, and so every gate call of a pipeline, pays for what package variables do.
func TestNothingIsCompiledBeforeItIsNeeded(t *testing.T) {
	t.Parallel()
	for _, f := range sources(t) {
		if f.test || !strings.HasPrefix(f.pkg, "internal/") {
			continue
		}
		for _, d := range f.ast.Decls {
			ast.Inspect(d, func(n ast.Node) bool {
				if pkg, name := f.call(n); pkg == "regexp" && name == "MustCompile" || pkg == "html/template" && name == "Must" {
					t.Errorf("%s: %s.%s for a package variable: make it with sync.OnceValue", f.at(n), pkg, name)
				}
				_, own := n.(*ast.FuncDecl)
				_, later := n.(*ast.FuncLit)
				return !own && !later
			})
		}
	}
}

// clocks may read the machine's clock: rules take the transaction's instant.
var clocks = allowed{
	"internal/db":                            "the one clock that decisions use",
	"bench":                                  "measures how long things take",
	"internal/api/guard.go":                  "measures how long an answer took, for the metrics",
	"internal/cli/cli.go":                    "the terminal's clock, handed down once",
	"internal/cli/demo_steps.go":             "says how long the server took to be ready",
	"internal/web/frame/live.go":             "sets the deadlines of a connection that stays open",
	"internal/connect/connecttest/linear.go": "measures in tests whether work grows with what is sent",
	"internal/client/call.go":                "bounds retries, and warns of a clock that differs from the server's",
}

func TestRulesDoNotReadTheClock(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if pkg, name := f.call(n); pkg == "time" && slices.Contains([]string{"Now", "Since", "Until"}, name) {
				clocks.check(t, used, f.at(n)+": time."+name+" outside the kernel and the loops: take the instant from the transaction", f.pkg, f.path)
			}
			return true
		})
	}
	clocks.stale(t, used)
}

// panics may use panic.
var panics = allowed{
	"internal/api/guard.go":       "http.ErrAbortHandler is how net/http breaks an answer off",
	"internal/web/frame/frame.go": "http.ErrAbortHandler is how net/http breaks an answer off",
}

func TestInputNeverPanics(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if c, ok := n.(*ast.CallExpr); ok {
				if id, ok := c.Fun.(*ast.Ident); ok && id.Name == "panic" {
					panics.check(t, used, f.at(n)+": a panic: return an error", f.path)
				}
			}
			return true
		})
	}
	panics.stale(t, used)
}

// bannedNames are the doors that lead past the one sanctioned helper.
var bannedNames = []struct{ pkg, name, reason string }{
	{"net/http", "DefaultClient", "it has no time limit and follows redirects anywhere"},
	{"net/http", "Get", "it uses http.DefaultClient"},
	{"net/http", "Post", "it uses http.DefaultClient"},
	{"net/http", "PostForm", "it uses http.DefaultClient"},
	{"net/http", "Head", "it uses http.DefaultClient"},
	{"net/http", "DefaultServeMux", "any imported package can add routes to it"},
	{"net/http", "HandleFunc", "it uses http.DefaultServeMux"},
	{"net/http", "ListenAndServe", "it has no time limits"},
}

// weakening are names that make a server easier to break into, so that tests are quick; and where they are
// made or used. No other place of the program says them.
var weakening = map[string]allowed{
	"HashCheaply": {
		"internal/directory/password.go":           "the method itself",
		"internal/server/config.go":                "the field, which no flag and no variable sets",
		"internal/server/server.go":                "hands the field on",
		"internal/server/servertest/servertest.go": "servers of tests only",
	},
}

func TestOnlyTestsAreWeakened(t *testing.T) {
	t.Parallel()
	for name, places := range weakening {
		used := map[string]bool{}
		for _, f := range sources(t) {
			if f.test {
				continue
			}
			ast.Inspect(f.ast, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok && id.Name == name {
					places.check(t, used, f.at(n)+": "+name+" is for tests", f.path)
				}
				return true
			})
		}
		places.stale(t, used)
	}
}

// bannedImports are packages whose place is taken.
var bannedImports = []struct {
	pkg, reason string
	except      allowed
}{
	{"encoding/json", "it takes duplicate and case-shadowed members: use seal.Decode and go-json-experiment/json", allowed{}},
	{"math/rand", "use crypto/rand, or math/rand/v2 in tests", allowed{}},
	{"reflect", "types say what they are", allowed{
		"internal/api":           "the OpenAPI document is made from the types of the requests",
		"internal/db/lite.go":    "columns are scanned into kinds of text and integer, as database/sql does",
		"internal/policy/cel.go": "CEL learns the facts' fields from their Go type",
	}},
	{"unsafe", "nothing here needs it", allowed{}},
	{"log", "log/slog at the edges", allowed{}},
	{"io/ioutil", "it is in io and os", allowed{}},
}

func TestNoWayPastTheSanctionedHelpers(t *testing.T) {
	t.Parallel()
	for _, f := range sources(t) {
		ast.Inspect(f.ast, func(n ast.Node) bool {
			pkg, name := f.call(n)
			for _, b := range bannedNames {
				if pkg == b.pkg && name == b.name {
					t.Errorf("%s: %s.%s: %s", f.at(n), pkg, name, b.reason)
				}
			}
			return true
		})
	}
	for _, b := range bannedImports {
		used := map[string]bool{}
		for _, f := range sources(t) {
			if slices.Contains(f.imports, b.pkg) && !(f.test && b.pkg == "reflect") {
				b.except.check(t, used, f.path+" imports "+b.pkg+": "+b.reason, f.path, f.pkg)
			}
		}
		b.except.stale(t, used)
	}
}

func TestTestsNeitherSkipNorSleep(t *testing.T) {
	t.Parallel()
	for _, f := range sources(t) {
		if !f.test && !strings.HasSuffix(f.pkg, "test") {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if pkg, name := f.call(n); pkg == "time" && name == "Sleep" {
				t.Errorf("%s: a test sleeps: wait for the thing itself", f.at(n))
			}
			if sel, ok := n.(*ast.SelectorExpr); ok && slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, sel.Sel.Name) {
				if x, ok := sel.X.(*ast.Ident); ok && slices.Contains([]string{"t", "b", "f", "tb"}, x.Name) {
					t.Errorf("%s: a skipped test proves nothing", f.at(n))
				}
			}
			return true
		})
	}
}

func TestNothingIsLeftUndone(t *testing.T) {
	t.Parallel()
	words := []string{"TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"}
	for _, f := range sources(t) {
		for _, group := range f.ast.Comments {
			for _, c := range group.List {
				for _, w := range words {
					if strings.Contains(c.Text, w) {
						t.Errorf("%s: a comment says %s: do it, or open an issue", f.at(c), w)
					}
				}
			}
		}
	}
}

func TestExportedNamesSayWhatTheyAre(t *testing.T) {
	t.Parallel()
	for _, f := range sources(t) {
		if f.test || f.ast.Name.Name == "main" {
			continue
		}
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && exportedReceiver(d) && !begins(d.Doc, d.Name.Name) {
					t.Errorf("%s: %s has no sentence that begins with its name", f.at(d), d.Name.Name)
				}
			case *ast.GenDecl:
				undocumented(t, f, d)
			}
		}
	}
}

func undocumented(t *testing.T, f file, d *ast.GenDecl) {
	t.Helper()
	for _, s := range d.Specs {
		switch s := s.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && !begins(s.Doc, s.Name.Name) && !begins(s.Comment, s.Name.Name) && !begins(d.Doc, s.Name.Name) {
				t.Errorf("%s: %s has no sentence that begins with its name", f.at(s), s.Name.Name)
			}
		case *ast.ValueSpec:
			for _, name := range s.Names {
				grouped := d.Lparen != token.NoPos && (d.Doc != nil || s.Doc != nil || s.Comment != nil)
				if name.IsExported() && !grouped && !begins(s.Doc, name.Name) && !begins(d.Doc, name.Name) {
					t.Errorf("%s: %s has no sentence that begins with its name, nor has its group", f.at(name), name.Name)
				}
			}
		}
	}
}

func begins(doc *ast.CommentGroup, name string) bool {
	if doc == nil {
		return false
	}
	text := doc.Text()
	for _, article := range []string{"A ", "An ", "The "} {
		text = strings.TrimPrefix(text, article)
	}
	first := strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' })
	return len(first) > 1 && strings.EqualFold(first[0], name)
}

// exportedReceiver reports whether a method can be seen from outside; a plain function can.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	name := ""
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && name == "" {
			name = id.Name
		}
		return true
	})
	return ast.IsExported(name)
}
