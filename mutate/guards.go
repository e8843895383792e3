package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// guard is one condition that can be taken away.
type guard struct {
	n    int
	pkg  string // folder of its package, from the module's root
	file string // path from the module's root
	line int
	fn   string // function, with its receiver's type
	text string // the condition
}

// key names a guard in a way that survives edits elsewhere: file, function and condition.
func (g guard) key() string { return g.file + " " + g.fn + ": " + g.text }

// edit puts text into a file before the byte at an offset.
type edit struct {
	at   int
	text string
}

// finder goes through the files of one package.
type finder struct {
	fset   *token.FileSet
	pkg    string
	name   string          // of the package
	noes   map[string]bool // functions that only ever refuse
	rules  map[string]bool // functions that refuse or let pass, without reading or writing anything
	guards *[]guard

	file  string
	seen  map[string]int
	edits []edit
}

// find gives the guards of a package folder, numbered on from those found before, and the text of each
// of its files with every guard behind its switch. Line numbers stay what they are. With only, guards
// of other files are left as they are.
func find(pkg string, only []string, guards *[]guard) (name string, texts map[string][]byte, err error) {
	files, err := filepath.Glob(filepath.Join(pkg, "*.go"))
	if err != nil {
		return "", nil, err
	}
	f := finder{fset: token.NewFileSet(), pkg: pkg, guards: guards, noes: map[string]bool{}, rules: map[string]bool{}, seen: map[string]int{}}
	parsed, sources := map[string]*ast.File{}, map[string][]byte{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		if sources[file], err = os.ReadFile(file); err != nil {
			return "", nil, err
		}
		if parsed[file], err = parser.ParseFile(f.fset, file, sources[file], parser.SkipObjectResolution); err != nil {
			return "", nil, err
		}
		f.name = parsed[file].Name.Name
	}
	f.learn(parsed)
	texts = map[string][]byte{}
	for _, file := range files {
		if parsed[file] == nil || len(only) > 0 && !slices.Contains(only, file) {
			continue
		}
		f.file, f.edits = filepath.ToSlash(file), nil
		f.inFile(parsed[file])
		texts[file] = apply(sources[file], f.edits)
	}
	return f.name, texts, nil
}

func (f *finder) inFile(file *ast.File) {
	for _, d := range file.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
			f.inFunc(funcName(fn), fn.Type, fn.Body)
		}
	}
}

func funcName(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return fn.Name.Name
	}
	t := fn.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if x, ok := t.(*ast.IndexExpr); ok {
		t = x.X
	}
	if id, ok := t.(*ast.Ident); ok {
		return id.Name + "." + fn.Name.Name
	}
	return fn.Name.Name
}

// inFunc looks through one function; those written inside it have results of their own.
func (f *finder) inFunc(name string, typ *ast.FuncType, body *ast.BlockStmt) {
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			f.inFunc(name, n.Type, n.Body)
			return false
		case *ast.BlockStmt:
			f.inBlock(name, n.List)
		case *ast.CaseClause:
			f.inBlock(name, n.Body)
		case *ast.IfStmt:
			if f.refuses(n.Body.List, typ) {
				f.switched(name, n.Cond)
			}
		case *ast.ReturnStmt:
			f.inReturn(name, typ, n)
		case *ast.SwitchStmt:
			last := len(body.List) > 0 && body.List[len(body.List)-1] == ast.Stmt(n)
			f.inSwitch(name, typ, n, last)
		}
		return true
	})
	f.inTail(name, typ, body)
}

// inSwitch takes each clause that refuses: its conditions, where it has any, else its body. The body of
// the last statement of a function cannot be left out, for then nothing is returned.
func (f *finder) inSwitch(name string, typ *ast.FuncType, s *ast.SwitchStmt, last bool) {
	for _, c := range s.Body.List {
		clause := c.(*ast.CaseClause)
		switch {
		case !f.refuses(clause.Body, typ):
		case s.Tag == nil && clause.List != nil:
			for _, cond := range clause.List {
				f.switched(name, cond)
			}
		case !last:
			what := "default"
			if clause.List != nil {
				what = "case"
			}
			for i, e := range clause.List {
				what += strings.Repeat(",", min(i, 1)) + " " + f.text(e)
			}
			if s.Tag != nil {
				what = "switch " + f.text(s.Tag) + " " + what
			}
			n := f.add(name, clause.Pos(), what)
			f.put(clause.Colon+1, fmt.Sprintf(" if plumbGuardOn(%d) {", n))
			f.put(clause.Body[len(clause.Body)-1].End(), " }")
		}
	}
}

// inBlock takes the places where a rule was asked and its no is handed on.
func (f *finder) inBlock(name string, list []ast.Stmt) {
	for i, s := range list {
		cond, ok := s.(*ast.IfStmt)
		if !ok || !isErrCheck(cond.Cond) || cond.Else != nil {
			continue
		}
		asked := cond.Init
		if asked == nil && i > 0 {
			asked = list[i-1]
		}
		if a, ok := asked.(*ast.AssignStmt); ok && len(a.Rhs) == 1 && isErr(a.Lhs[len(a.Lhs)-1]) && f.asks(a.Rhs[0]) {
			n := f.add(name, cond.Pos(), "asks "+f.text(a.Rhs[0]))
			f.put(cond.Cond.End(), fmt.Sprintf(" && plumbGuardOn(%d)", n))
		}
	}
}

// inReturn takes the places where the answer of a rule is the function's own.
func (f *finder) inReturn(name string, typ *ast.FuncType, ret *ast.ReturnStmt) {
	if lastResult(typ) != "error" || len(ret.Results) != typ.Results.NumFields() {
		return
	}
	e := ret.Results[len(ret.Results)-1]
	if call, ok := e.(*ast.CallExpr); !ok || f.makes(call) || !f.asks(e) {
		return
	}
	n := f.add(name, e.Pos(), "asks "+f.text(e))
	f.put(e.Pos(), fmt.Sprintf("plumbGuardErr(%d, ", n))
	f.put(e.End(), ")")
}

// inTail takes a refusal that stands at the end of a function which lets pass before it.
func (f *finder) inTail(name string, typ *ast.FuncType, body *ast.BlockStmt) {
	if lastResult(typ) != "error" || len(body.List) == 0 || !passes(body) {
		return
	}
	ret, ok := body.List[len(body.List)-1].(*ast.ReturnStmt)
	if !ok || len(ret.Results) != typ.Results.NumFields() || !f.no(ret.Results[len(ret.Results)-1]) {
		return
	}
	e := ret.Results[len(ret.Results)-1]
	n := f.add(name, e.Pos(), "else "+f.code(e))
	f.put(e.Pos(), fmt.Sprintf("plumbGuardErr(%d, ", n))
	f.put(e.End(), ")")
}

// passes tells functions that let something pass: some return of theirs ends in nil.
func passes(body *ast.BlockStmt) bool {
	found := false
	ast.Inspect(body, func(n ast.Node) bool {
		if _, inner := n.(*ast.FuncLit); inner {
			return false
		}
		if r, ok := n.(*ast.ReturnStmt); ok && len(r.Results) > 0 {
			found = found || isNil(r.Results[len(r.Results)-1])
		}
		return true
	})
	return found
}

// switched puts each alternative of a condition behind a switch of its own.
func (f *finder) switched(name string, cond ast.Expr) {
	switch c := cond.(type) {
	case *ast.ParenExpr:
		f.switched(name, c.X)
		return
	case *ast.BinaryExpr:
		if c.Op == token.LOR {
			f.switched(name, c.X)
			f.switched(name, c.Y)
			return
		}
	}
	if isErrCheck(cond) {
		return
	}
	n := f.add(name, cond.Pos(), f.text(cond))
	f.put(cond.Pos(), "(")
	f.put(cond.End(), fmt.Sprintf(") && plumbGuardOn(%d)", n))
}

// add numbers a guard. A condition that a function writes twice gets its count behind it.
func (f *finder) add(fn string, at token.Pos, text string) int {
	g := guard{n: len(*f.guards) + 1, pkg: filepath.ToSlash(f.pkg), file: f.file, line: f.fset.Position(at).Line, fn: fn, text: text}
	f.seen[g.key()]++
	if n := f.seen[g.key()]; n > 1 {
		g.text += fmt.Sprintf(" #%d", n)
	}
	*f.guards = append(*f.guards, g)
	return g.n
}

func (f *finder) put(at token.Pos, text string) {
	f.edits = append(f.edits, edit{f.fset.Position(at).Offset, text})
}

func (f *finder) text(e ast.Expr) string {
	var b bytes.Buffer
	if err := format.Node(&b, f.fset, e); err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// code names a refusal by its code; words are changed more often.
func (f *finder) code(e ast.Expr) string {
	name := ""
	ast.Inspect(e, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && name == "" && isFaultNew(call) && len(call.Args) > 1 {
			name = f.text(call.Args[1])
		}
		return name == ""
	})
	if name == "" {
		return f.text(e)
	}
	return name
}

// apply makes all edits; those at one place keep their order.
func apply(src []byte, edits []edit) []byte {
	slices.SortStableFunc(edits, func(a, b edit) int { return a.at - b.at })
	var out []byte
	from := 0
	for _, e := range edits {
		out = append(append(out, src[from:e.at]...), e.text...)
		from = e.at
	}
	return append(out, src[from:]...)
}
