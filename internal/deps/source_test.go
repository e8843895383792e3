package deps_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// file is one parsed source file of the module.
type file struct {
	path    string // from the module's root, with slashes
	pkg     string // folder, from the module's root
	test    bool
	lines   int
	imports []string
	ast     *ast.File
}

var fset = token.NewFileSet()

var read = sync.OnceValues(func() ([]file, error) {
	var out []file
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			switch name := d.Name(); {
			case path == root:
				return nil
			case name == "testdata" || name == "build" || name[0] == '.' || name[0] == '_':
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		f, err := parse(path)
		if err == nil {
			out = append(out, f)
		}
		return err
	})
	return out, err
})

// root is the module's root, seen from this package.
const root = "../.."

func parse(path string) (file, error) {
	src, err := os.ReadFile(path)
	if err != nil {
		return file{}, err
	}
	tree, err := parser.ParseFile(fset, path, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return file{}, err
	}
	rel, err := filepath.Rel(root, path)
	if err != nil {
		return file{}, err
	}
	rel = filepath.ToSlash(rel)
	f := file{path: rel, pkg: rel[:max(strings.LastIndexByte(rel, '/'), 0)], test: strings.HasSuffix(rel, "_test.go"),
		lines: strings.Count(string(src), "\n"), ast: tree}
	if ast.IsGenerated(tree) { // its imports count, its length and its names are the generator's
		f.lines, tree.Decls, tree.Doc = 0, nil, nil
	}
	for _, s := range tree.Imports {
		name, err := strconv.Unquote(s.Path.Value)
		if err != nil {
			return file{}, err
		}
		f.imports = append(f.imports, name)
	}
	return f, nil
}

func sources(t *testing.T) []file {
	t.Helper()
	all, err := read()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 20 {
		t.Fatalf("only %d source files were found", len(all))
	}
	return all
}

func keys[V any](m map[string]V) iter.Seq[string] { return maps.Keys(m) }

// at gives the place of a node as path:line.
func (f file) at(n ast.Node) string {
	return f.path + ":" + strconv.Itoa(fset.Position(n.Pos()).Line)
}

// call gives the package path and name of a selector such as time.Now, "" for anything else.
func (f file) call(n ast.Node) (pkg, name string) {
	sel, ok := n.(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	x, ok := sel.X.(*ast.Ident)
	if !ok {
		return "", ""
	}
	for i, s := range f.ast.Imports {
		local := f.imports[i][strings.LastIndexByte(f.imports[i], '/')+1:]
		if s.Name != nil {
			local = s.Name.Name
		}
		if local == x.Name {
			return f.imports[i], sel.Sel.Name
		}
	}
	return "", ""
}
