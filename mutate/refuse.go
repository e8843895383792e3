package main

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// words are the functions that note a refusal and go on.
var words = []string{"deny", "fault", "bad", "say", "gap", "note", "At", "refuse"}

// lists are what findings and refusals are gathered in.
var lists = []string{"Denials", "Mismatches", "Missing", "Faults", "findings", "codes", "problems"}

// gates are asked for leave in every room, with a transaction or a context.
var gates = []string{"Allow", "Allowed", "ConfirmIn"}

// learn finds the functions of a package that only ever say no, and so make a refusal for others, and
// its rules: functions of values that refuse or let pass, alone or by asking another rule.
func (f *finder) learn(files map[string]*ast.File) {
	for again := true; again; {
		again = false
		for _, file := range files {
			for _, d := range file.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok || fn.Body == nil || lastResult(fn.Type) != "error" {
					continue
				}
				name := fn.Name.Name
				switch {
				case f.noes[name] || f.rules[name]:
				case f.onlyNo(fn):
					f.noes[name], again = true, true
				case f.isRule(fn):
					f.rules[name], again = true, true
				}
			}
		}
	}
}

func (f *finder) isRule(fn *ast.FuncDecl) bool {
	for _, p := range fn.Type.Params.List {
		switch f.text(p.Type) {
		case "*db.Tx", "context.Context", "io.Reader", "[]byte":
			return false
		}
	}
	found := false
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		if _, inner := n.(*ast.FuncLit); inner {
			return false
		}
		if r, ok := n.(*ast.ReturnStmt); ok && len(r.Results) > 0 {
			last := r.Results[len(r.Results)-1]
			call, isCall := last.(*ast.CallExpr)
			found = found || isCall && (f.makes(call) || f.asks(call))
			id, isID := last.(*ast.Ident)
			found = found || isID && id.Name == "e"
		}
		return true
	})
	return found
}

// asks tells calls of a rule.
func (f *finder) asks(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	switch fn := call.Fun.(type) {
	case *ast.Ident:
		return f.rules[fn.Name] || slices.Contains(gates, fn.Name)
	case *ast.SelectorExpr:
		return f.rules[fn.Sel.Name] || slices.Contains(gates, fn.Sel.Name)
	}
	return false
}

func (f *finder) onlyNo(fn *ast.FuncDecl) bool {
	if fn.Type.Results.NumFields() != 1 || lastResult(fn.Type) != "error" || passes(fn.Body) {
		return false
	}
	made, all := false, true
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.CallExpr:
			made = made || f.makes(n)
		case *ast.ReturnStmt:
			all = all && len(n.Results) == 1 && f.no(n.Results[0])
		}
		return true
	})
	return made && all
}

// lastResult gives the kind of a function's last result, as far as it matters here.
func lastResult(t *ast.FuncType) string {
	if t.Results.NumFields() == 0 {
		return ""
	}
	switch x := t.Results.List[len(t.Results.List)-1].Type.(type) {
	case *ast.Ident:
		return x.Name
	case *ast.StarExpr:
		if s, ok := x.X.(*ast.SelectorExpr); ok && s.Sel.Name == "Error" {
			return "error"
		}
		if id, ok := x.X.(*ast.Ident); ok && id.Name == "Error" {
			return "error"
		}
	}
	return ""
}

// refuses tells bodies that say no: they return a refusal, note one, or leave one item out of what
// counts.
func (f *finder) refuses(body []ast.Stmt, typ *ast.FuncType) bool {
	for _, s := range body {
		switch s := s.(type) {
		case *ast.BranchStmt:
			if s.Tok == token.CONTINUE {
				return true
			}
		case *ast.ReturnStmt:
			if f.returnsNo(s, typ) {
				return true
			}
		case *ast.ExprStmt:
			if f.notes(s.X) {
				return true
			}
		case *ast.AssignStmt:
			if f.assignsNo(s) {
				return true
			}
		}
	}
	return false
}

func (f *finder) returnsNo(s *ast.ReturnStmt, typ *ast.FuncType) bool {
	if len(s.Results) == 0 {
		return false
	}
	last := s.Results[len(s.Results)-1]
	switch lastResult(typ) {
	case "error":
		return f.no(last)
	case "bool":
		id, ok := last.(*ast.Ident)
		return ok && id.Name == "false"
	}
	return false
}

func (f *finder) assignsNo(s *ast.AssignStmt) bool {
	for i, r := range s.Rhs {
		if f.notes(r) {
			return true
		}
		if sel, ok := s.Lhs[min(i, len(s.Lhs)-1)].(*ast.SelectorExpr); ok && slices.Contains(lists, sel.Sel.Name) {
			return true
		}
		if id, ok := s.Lhs[min(i, len(s.Lhs)-1)].(*ast.Ident); ok && slices.Contains(lists, id.Name) {
			return true
		}
	}
	return false
}

// no tells expressions of kind error that are a refusal: made here, or kept in a variable that is not
// the error of a call passed on.
func (f *finder) no(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.CallExpr:
		return f.makes(e)
	case *ast.Ident:
		return e.Name != "nil" && !isErr(e) && e.Name != "failed"
	case *ast.SelectorExpr:
		return true
	}
	return false
}

// makes tells calls that make a refusal, whatever is chained behind it.
func (f *finder) makes(call *ast.CallExpr) bool {
	switch fn := call.Fun.(type) {
	case *ast.Ident:
		return f.noes[fn.Name] || fn.Name == "deny"
	case *ast.SelectorExpr:
		if inner, ok := fn.X.(*ast.CallExpr); ok && f.makes(inner) {
			return true
		}
		x, _ := fn.X.(*ast.Ident)
		if x == nil {
			return f.noes[fn.Sel.Name]
		}
		switch {
		case isFaultNew(call) || x.Name+"."+fn.Sel.Name == "errors.New":
			return true
		case x.Name+"."+fn.Sel.Name == "fmt.Errorf":
			return !wraps(call)
		}
		return f.noes[fn.Sel.Name]
	}
	return false
}

func isFaultNew(call *ast.CallExpr) bool {
	fn, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || fn.Sel.Name != "New" {
		return false
	}
	x, ok := fn.X.(*ast.Ident)
	return ok && x.Name == "fault"
}

// wraps tells calls that hand on the error of another one.
func wraps(call *ast.CallExpr) bool {
	lit, ok := call.Args[0].(*ast.BasicLit)
	return ok && strings.Contains(lit.Value, "%w") && slices.ContainsFunc(call.Args[1:], isErr)
}

// notes looks for the words of refusal in an expression.
func (f *finder) notes(e ast.Expr) bool {
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return !found
		}
		name := ""
		switch fn := call.Fun.(type) {
		case *ast.Ident:
			name = fn.Name
		case *ast.SelectorExpr:
			name = fn.Sel.Name
		}
		found = found || slices.Contains(words, name) || f.makes(call) || name == "add" && saysWhat(call)
		return !found
	})
	return found
}

// saysWhat tells a report's add from others by the name of the fault that it begins with.
func saysWhat(call *ast.CallExpr) bool {
	if len(call.Args) < 3 {
		return false
	}
	lit, ok := call.Args[0].(*ast.BasicLit)
	return ok && lit.Kind == token.STRING
}

func isNil(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == "nil"
}

// isErrCheck tells plain error passing, which is no rule.
func isErrCheck(e ast.Expr) bool {
	b, ok := e.(*ast.BinaryExpr)
	if !ok || b.Op != token.NEQ || !isNil(b.Y) {
		return false
	}
	return isErr(b.X)
}

func isErr(e ast.Expr) bool {
	x, ok := e.(*ast.Ident)
	return ok && strings.TrimRight(x.Name, "0123456789") == "err" // errNone is a refusal of one's own
}
