package cli

import (
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

// decodeFile reads a request written as YAML, of which JSON is a part, strictly: what is misspelled is
// refused, not passed over. Anchors, aliases and tags are refused: a reader would not see what they make.
func decodeFile(file string, raw []byte, into any) error {
	b, err := toJSON(raw)
	if err != nil {
		line, _, _ := strings.Cut(err.Error(), "\n")
		return fault.New(fault.Invalid, "bad_yaml", "%s cannot be read: %s", file, clean(line)).FixedBy("you").Then("mend the file").From(err)
	}
	if err := seal.Decode(b, into); err != nil {
		e := fault.Of(err)
		e.Message = file + ": " + e.Message
		return e.FixedBy("you").Then("mend the file")
	}
	return nil
}

func toJSON(raw []byte) ([]byte, error) {
	if nestsTooDeep(raw) {
		return nil, errShape
	}
	doc, err := parser.ParseBytes(raw, 0)
	if err != nil {
		return nil, err
	}
	if len(doc.Docs) != 1 || doc.Docs[0].Body == nil {
		return nil, errShape
	}
	odd := oddities{}
	ast.Walk(&odd, doc.Docs[0].Body)
	if odd.found {
		return nil, errShape
	}
	return yaml.YAMLToJSON(raw)
}

var errShape = fault.New(fault.Invalid, "bad_yaml", "it holds no single document, or an anchor, alias, tag or nesting that a request may not use").
	Then("write one plain document")

// nestsTooDeep looks at brackets and indentation before a parser recurses into them.
func nestsTooDeep(raw []byte) bool {
	depth := 0
	for _, line := range strings.Split(string(raw), "\n") {
		if len(line)-len(strings.TrimLeft(line, " -")) > 8*seal.MaxDepth {
			return true
		}
		for _, c := range line {
			switch c {
			case '[', '{':
				if depth++; depth > seal.MaxDepth {
					return true
				}
			case ']', '}':
				depth = max(depth-1, 0)
			}
		}
	}
	return false
}

// oddities looks for what a request may not use.
type oddities struct{ found bool }

// Visit is called for each node.
func (o *oddities) Visit(n ast.Node) ast.Visitor {
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.DirectiveNode, *ast.MergeKeyNode:
		o.found = true
		return nil
	}
	return o
}
