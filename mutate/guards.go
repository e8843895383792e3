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
	"strings"
)

// guard is one condition that can be taken away.
type guard struct {
	n     int
	fn    string
	place string // file:line
	text  string // the condition
}

// key names a guard in a way that survives edits elsewhere in the file.
func (g guard) key() string { return g.fn + ": " + g.text }

// instrument writes a copy of each file of the package with every guard behind a switch, and returns
// the guards with the overlay that puts the copies in place.
func instrument(dir, work string) ([]guard, map[string]string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, nil, err
	}
	files, err := filepath.Glob(filepath.Join(abs, "*.go"))
	if err != nil {
		return nil, nil, err
	}
	var guards []guard
	overlay := map[string]string{}
	pkg := ""
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		src, name, err := rewrite(file, &guards)
		if err != nil {
			return nil, nil, err
		}
		pkg = name
		copied := filepath.Join(work, filepath.Base(file))
		if err := os.WriteFile(copied, src, 0o600); err != nil {
			return nil, nil, err
		}
		overlay[file] = copied
	}
	if len(guards) == 0 {
		return nil, nil, fmt.Errorf("%s: no guards found", dir)
	}
	switches := filepath.Join(work, "guard_switch.go")
	src := "package " + pkg + "\n\nimport \"os\"\n\nvar guardOff = os.Getenv(\"PLUMB_GUARD_OFF\")\n\n" +
		"func guardOn(n string) bool { return guardOff != n }\n"
	overlay[filepath.Join(abs, "guard_switch.go")] = switches
	return guards, overlay, os.WriteFile(switches, []byte(src), 0o600)
}

func rewrite(file string, guards *[]guard) (src []byte, pkg string, err error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, nil, parser.ParseComments)
	if err != nil {
		return nil, "", err
	}
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
			w := walker{fset: fset, fn: fn.Name.Name, file: filepath.Base(file), guards: guards}
			ast.Inspect(fn.Body, w.visit)
		}
	}
	var b bytes.Buffer
	if err := format.Node(&b, fset, f); err != nil {
		return nil, "", err
	}
	return b.Bytes(), f.Name.Name, nil
}

type walker struct {
	fset     *token.FileSet
	fn, file string
	guards   *[]guard
}

func (w walker) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.IfStmt:
		if refuses(n.Body.List) && !isErrCheck(n.Cond) {
			n.Cond = w.switched(n.Cond)
		}
	case *ast.SwitchStmt:
		if n.Tag != nil {
			return true
		}
		for _, c := range n.Body.List {
			clause := c.(*ast.CaseClause)
			if !refuses(clause.Body) {
				continue
			}
			for i := range clause.List {
				if !isErrCheck(clause.List[i]) {
					clause.List[i] = w.switched(clause.List[i])
				}
			}
		}
	}
	return true
}

// switched puts each alternative of a condition behind a switch of its own.
func (w walker) switched(cond ast.Expr) ast.Expr {
	if b, ok := cond.(*ast.BinaryExpr); ok && b.Op == token.LOR {
		return &ast.BinaryExpr{X: w.switched(b.X), Op: token.LOR, Y: w.switched(b.Y), OpPos: b.OpPos}
	}
	if isErrCheck(cond) {
		return cond
	}
	g := guard{n: len(*w.guards) + 1, fn: w.fn, place: fmt.Sprintf("%s:%d", w.file, w.fset.Position(cond.Pos()).Line), text: w.text(cond)}
	*w.guards = append(*w.guards, g)
	call := &ast.CallExpr{Fun: ast.NewIdent("guardOn"), Args: []ast.Expr{&ast.BasicLit{Kind: token.STRING, Value: fmt.Sprintf("%q", fmt.Sprint(g.n))}}}
	return &ast.BinaryExpr{X: &ast.ParenExpr{X: cond}, Op: token.LAND, Y: call}
}

func (w walker) text(e ast.Expr) string {
	var b bytes.Buffer
	_ = format.Node(&b, w.fset, e)
	return strings.Join(strings.Fields(b.String()), " ")
}

// isErrCheck tells plain error passing, which is no rule.
func isErrCheck(e ast.Expr) bool {
	b, ok := e.(*ast.BinaryExpr)
	if !ok || b.Op != token.NEQ {
		return false
	}
	x, okx := b.X.(*ast.Ident)
	y, oky := b.Y.(*ast.Ident)
	return okx && oky && strings.HasPrefix(x.Name, "err") && y.Name == "nil"
}

// refuses tells bodies that say no: they return a refusal, call deny, note a wrong member, or leave
// one item out.
func refuses(body []ast.Stmt) bool {
	for _, s := range body {
		switch s := s.(type) {
		case *ast.BranchStmt:
			if s.Tok == token.CONTINUE {
				return true
			}
		case *ast.ReturnStmt:
			for _, r := range s.Results {
				if says(r) {
					return true
				}
			}
		case *ast.ExprStmt:
			if says(s.X) {
				return true
			}
		case *ast.AssignStmt:
			for _, r := range s.Rhs {
				if says(r) {
					return true
				}
			}
		}
	}
	return false
}

// says looks for the words of refusal in an expression.
func says(e ast.Expr) bool {
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return !found
		}
		switch f := call.Fun.(type) {
		case *ast.Ident:
			found = found || f.Name == "deny" || f.Name == "stale" || f.Name == "notSetUp"
		case *ast.SelectorExpr:
			x, _ := f.X.(*ast.Ident)
			found = found || x != nil && x.Name == "fault" && f.Sel.Name == "New" || f.Sel.Name == "At" || f.Sel.Name == "notAwaiting"
		}
		return !found
	})
	return found
}
