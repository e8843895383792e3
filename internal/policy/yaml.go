package policy

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"plumbline.dev/plumb/internal/seal"
)

// lineIndex knows the line of each value of a pack, by file and path such as "rules[2].when".
type lineIndex map[string]map[string]int

// line gives the line of the value, or of the nearest value around it, or 1.
func (x lineIndex) line(file, path string) int {
	for path != "" {
		if n, ok := x[file][path]; ok {
			return n
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return 1
}

// parseYAML reads one file strictly into a value: unknown and duplicate keys, anchors, aliases, tags
// and further documents are refused, each with its line.
func parseYAML(f File, into any) (lines map[string]int, bad *Finding) {
	at := func(line int, text string) *Finding {
		return &Finding{Severity: Error, File: f.Path, Line: max(line, 1), Code: "bad_yaml", Text: text}
	}
	if line := tooNested(f.Text); line > 0 {
		return nil, at(line, fmt.Sprintf("nests deeper than %d levels", seal.MaxDepth))
	}
	doc, err := parser.ParseBytes([]byte(f.Text), 0)
	if err != nil {
		return nil, at(yamlLine(err), yamlText(err))
	}
	if len(doc.Docs) != 1 || doc.Docs[0].Body == nil {
		return nil, at(1, "holds no document, or more than one")
	}
	lines = map[string]int{}
	if n := indexLines(doc.Docs[0].Body, "", lines, 0); n != nil {
		return nil, at(n.Position.Line, "uses an anchor, alias, merge, tag or nesting that a pack may not use")
	}
	if err := yaml.NodeToValue(doc.Docs[0].Body, into, yaml.Strict()); err != nil {
		return nil, at(yamlLine(err), yamlText(err))
	}
	return lines, nil
}

// tooNested finds the line where flow brackets nest too deep, before a parser recurses into them.
func tooNested(text string) int {
	depth, line := 0, 1
	for i := range len(text) {
		switch text[i] {
		case '\n':
			line++
		case '[', '{':
			if depth++; depth > seal.MaxDepth {
				return line
			}
		case ']', '}':
			depth = max(depth-1, 0)
		}
	}
	return 0
}

// indexLines fills in the line of every value, and gives the token of the first node that a pack may
// not use.
func indexLines(n ast.Node, path string, lines map[string]int, depth int) *token.Token {
	if n == nil {
		return nil
	}
	if depth > seal.MaxDepth {
		return n.GetToken()
	}
	if _, seen := lines[path]; !seen {
		lines[path] = n.GetToken().Position.Line
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, v := range n.Values {
			if bad := indexLines(v, path, lines, depth); bad != nil {
				return bad
			}
		}
	case *ast.MappingValueNode:
		if _, plain := n.Key.(ast.ScalarNode); !plain || n.Key.Type() == ast.MergeKeyType {
			return n.GetToken()
		}
		key := strings.TrimPrefix(path+"."+n.Key.GetToken().Value, ".")
		lines[key] = n.Key.GetToken().Position.Line
		return indexLines(n.Value, key, lines, depth+1)
	case *ast.SequenceNode:
		for i, v := range n.Values {
			if bad := indexLines(v, fmt.Sprintf("%s[%d]", path, i), lines, depth+1); bad != nil {
				return bad
			}
		}
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.DirectiveNode, *ast.MergeKeyNode:
		return n.GetToken()
	}
	return nil
}

// yamlError is what the YAML library tells of its errors.
type yamlError interface {
	GetToken() *token.Token
	GetMessage() string
}

func yamlLine(err error) int {
	if e, ok := err.(yamlError); ok && e.GetToken() != nil && e.GetToken().Position != nil {
		return e.GetToken().Position.Line
	}
	return 1
}

func yamlText(err error) string {
	if e, ok := err.(yamlError); ok {
		return firstLine(e.GetMessage())
	}
	return firstLine(err.Error())
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return clip(s, 200)
}

// clip shortens to n characters.
func clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n]) + "…"
}
