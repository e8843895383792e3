package policy

import (
	"sort"
	"strings"

	celast "cel.dev/cel-go/common/ast"
	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/seal"
)

// pathTree is which facts an expression reads: members by name; whole where the value itself is
// used; list where only members of a list's rows are.
type pathTree struct {
	whole bool
	list  bool
	kids  map[string]*pathTree
}

func (t *pathTree) at(path []string) *pathTree {
	for _, step := range path {
		if step == "[]" {
			t.list = true
			continue
		}
		if t.kids == nil {
			t.kids = map[string]*pathTree{}
		}
		if t.kids[step] == nil {
			t.kids[step] = &pathTree{}
		}
		t = t.kids[step]
	}
	return t
}

// readsOf walks a checked expression and gives the facts that it reads.
func readsOf(e celast.Expr) *pathTree {
	r := reader{out: &pathTree{}}
	r.visit(e, nil)
	return r.out
}

type reader struct{ out *pathTree }

// binding says what a comprehension's variable stands for; a nil path is a computed value, whose
// parts were recorded where it was computed.
type binding struct {
	name  string
	path  []string
	outer *binding
}

// path resolves names and selections down to a fact. fact is false where the value is computed.
func (r reader) path(e celast.Expr, scope *binding) (path []string, fact bool) {
	switch e.Kind() {
	case celast.IdentKind:
		for b := scope; b != nil; b = b.outer {
			if b.name == e.AsIdent() {
				return b.path, b.path != nil
			}
		}
		_, fact = variables[e.AsIdent()]
		return []string{e.AsIdent()}, fact
	case celast.SelectKind:
		path, fact = r.path(e.AsSelect().Operand(), scope)
		if !fact {
			return nil, false
		}
		return append(path[:len(path):len(path)], e.AsSelect().FieldName()), true
	}
	return nil, false
}

func (r reader) visit(e celast.Expr, scope *binding) {
	if path, fact := r.path(e, scope); fact {
		r.out.at(path).whole = true
		return
	}
	switch e.Kind() {
	case celast.SelectKind:
		r.visit(e.AsSelect().Operand(), scope)
	case celast.CallKind:
		if e.AsCall().IsMemberFunction() {
			r.visit(e.AsCall().Target(), scope)
		}
		for _, a := range e.AsCall().Args() {
			r.visit(a, scope)
		}
	case celast.ListKind:
		for _, x := range e.AsList().Elements() {
			r.visit(x, scope)
		}
	case celast.MapKind:
		for _, x := range e.AsMap().Entries() {
			r.visit(x.AsMapEntry().Key(), scope)
			r.visit(x.AsMapEntry().Value(), scope)
		}
	case celast.ComprehensionKind:
		r.comprehension(e.AsComprehension(), scope)
	}
}

func (r reader) comprehension(c celast.ComprehensionExpr, scope *binding) {
	path, fact := r.path(c.IterRange(), scope)
	if fact {
		r.out.at(append(path[:len(path):len(path)], "[]"))
		path = append(path[:len(path):len(path)], "[]")
	} else {
		r.visit(c.IterRange(), scope)
		path = nil
	}
	r.visit(c.AccuInit(), scope)
	inner := &binding{name: c.IterVar(), path: path, outer: scope}
	if c.HasIterVar2() {
		inner = &binding{name: c.IterVar2(), path: path, outer: inner}
	}
	inner = &binding{name: c.AccuVar(), outer: inner}
	r.visit(c.LoopCondition(), inner)
	r.visit(c.LoopStep(), inner)
	r.visit(c.Result(), inner)
}

// inputs gives each fact that the tree names as canonical JSON, keyed by its path. Of the rows of a
// list only the members that are read are in it.
func (t *pathTree) inputs(f *Facts) (map[string]string, error) {
	b, err := seal.Canonical(f)
	if err != nil {
		return nil, err
	}
	var all map[string]any
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, err
	}
	out := map[string]string{}
	return out, t.flatten(all, nil, out)
}

func (t *pathTree) flatten(value any, path []string, out map[string]string) error {
	if t.whole || t.list || len(t.kids) == 0 {
		if len(path) == 0 {
			return nil
		}
		b, err := seal.Canonical(t.project(value))
		if err != nil {
			return err
		}
		out[strings.Join(path, ".")] = string(b)
		return nil
	}
	object, _ := value.(map[string]any)
	for name, kid := range t.kids {
		if err := kid.flatten(object[name], append(path[:len(path):len(path)], name), out); err != nil {
			return err
		}
	}
	return nil
}

// project keeps of a value what the tree reads.
func (t *pathTree) project(value any) any {
	if t.whole || len(t.kids) == 0 && !t.list {
		return value
	}
	switch v := value.(type) {
	case []any:
		rows := make([]any, len(v))
		for i := range v {
			rows[i] = (&pathTree{kids: t.kids}).project(v[i])
		}
		return rows
	case map[string]any:
		kept := map[string]any{}
		for name, kid := range t.kids {
			kept[name] = kid.project(v[name])
		}
		return kept
	}
	return value
}

// names gives the paths in the tree, sorted, lists marked with [].
func (t *pathTree) names() []string {
	var out []string
	t.walk("", &out)
	sort.Strings(out)
	return out
}

func (t *pathTree) walk(path string, out *[]string) {
	if t.list {
		path += "[]"
	}
	if path != "" && (t.whole || len(t.kids) == 0) {
		*out = append(*out, path)
	}
	for name, kid := range t.kids {
		kid.walk(strings.TrimPrefix(path+"."+name, "."), out)
	}
}
