package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"go/types"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

// most is how many errors of one package are named, as the compiler does.
const most = 10

// reader parses each file once, whichever systems it is compiled for.
type reader struct {
	files *token.FileSet

	mu   sync.Mutex
	read map[string]func() (*ast.File, error) // guarded by mu; by path
}

func newReader() *reader {
	return &reader{files: token.NewFileSet(), read: map[string]func() (*ast.File, error){}}
}

func (r *reader) parse(path string, whole bool) (*ast.File, error) {
	r.mu.Lock()
	once, ok := r.read[path]
	if !ok {
		once = sync.OnceValues(func() (*ast.File, error) {
			f, err := parser.ParseFile(r.files, path, nil, parser.SkipObjectResolution)
			if f != nil && !whole {
				empty(f)
			}
			return f, err
		})
		r.read[path] = once
	}
	r.mu.Unlock()
	return once()
}

// empty lets go of what stands in functions, which is most of a file and is not looked at.
func empty(f *ast.File) {
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
			fn.Body = &ast.BlockStmt{Lbrace: fn.Body.Lbrace, Rbrace: fn.Body.Rbrace}
		}
	}
}

// typing is the check of one system's packages.
type typing struct {
	dir   string
	sizes types.Sizes
	read  *reader
	turn  chan struct{}      // a token for each package that may be at work
	all   map[string]*result // by import path
}

// result is what became of one package; pkg and lines may be read once done is closed.
type result struct {
	*source
	done  chan struct{}
	pkg   *types.Package // nil where it, or something that it imports, does not compile
	lines []string       // what is wrong in this package
}

// typed checks the packages, each after what it imports, as many at once as there are processors. It
// gives what is wrong, in the packages' order.
func typed(dir, goarch string, list []*source, read *reader) ([]string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	t := &typing{dir: dir, sizes: types.SizesFor("gc", goarch), read: read, turn: make(chan struct{}, runtime.GOMAXPROCS(0)), all: map[string]*result{}}
	if t.sizes == nil {
		return nil, fmt.Errorf("the compiler knows no %s", goarch)
	}
	for _, s := range list {
		t.all[s.ImportPath] = &result{source: s, done: make(chan struct{})}
	}
	for _, s := range list {
		go t.check(t.all[s.ImportPath])
	}
	var lines []string
	for _, s := range list {
		r := t.all[s.ImportPath]
		<-r.done
		if len(r.lines) > 0 {
			lines = append(append(lines, "# "+s.ImportPath), r.lines...)
		}
	}
	return lines, nil
}

func (t *typing) check(r *result) {
	defer close(r.done)
	if r.ImportPath == "unsafe" {
		r.pkg = types.Unsafe
		return
	}
	for _, path := range r.Imports {
		if on := t.all[path]; on != nil {
			<-on.done
			if on.pkg == nil {
				return // said there; here it would only be said again in other words
			}
		}
	}
	t.turn <- struct{}{}
	defer func() { <-t.turn }()
	var files []*ast.File
	for _, path := range r.paths() {
		f, err := t.read.parse(path, r.own())
		if err != nil {
			t.note(r, err)
			continue
		}
		files = append(files, f)
		if r.own() && len(r.SFiles) == 0 {
			t.bodies(r, f)
		}
	}
	if len(r.lines) > 0 {
		return // types of half a package would only blame what is right
	}
	cfg := types.Config{Importer: from{t, r.source}, Sizes: t.sizes, GoVersion: r.language(), IgnoreFuncBodies: !r.own(),
		Error: func(err error) { t.note(r, err) }}
	pkg, err := cfg.Check(r.ImportPath, t.read.files, files, nil)
	if err == nil {
		r.pkg = pkg // otherwise Error has noted why not
	}
}

// bodies notes the functions that are declared only: without assembler beside them there is no such code.
func (t *typing) bodies(r *result, f *ast.File) {
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body == nil {
			t.note(r, types.Error{Fset: t.read.files, Pos: fn.Name.Pos(), Msg: "missing function body"})
		}
	}
}

// note keeps an error as the compiler would print it.
func (t *typing) note(r *result, err error) {
	var list scanner.ErrorList
	var wrong types.Error
	switch {
	case errors.As(err, &list):
		for _, e := range list {
			t.line(r, e.Pos, e.Msg)
		}
	case errors.As(err, &wrong):
		t.line(r, wrong.Fset.Position(wrong.Pos), wrong.Msg)
	default:
		t.line(r, token.Position{}, err.Error())
	}
}

func (t *typing) line(r *result, at token.Position, message string) {
	switch {
	case len(r.lines) > most:
		return
	case len(r.lines) == most:
		message = "too many errors"
	case at.IsValid():
		if rel, err := filepath.Rel(t.dir, at.Filename); err == nil && !strings.HasPrefix(rel, "..") {
			at.Filename = rel
		}
		message = at.String() + ": " + message
	}
	r.lines = append(r.lines, message)
}

// from gives a package its imports.
type from struct {
	t *typing
	s *source
}

// Import gives the package that an import declaration of the source means.
func (f from) Import(path string) (*types.Package, error) {
	if meant, ok := f.s.ImportMap[path]; ok {
		path = meant
	}
	on := f.t.all[path]
	if on == nil || on.pkg == nil {
		return nil, fmt.Errorf("package %s is not listed", path)
	}
	return on.pkg, nil
}
