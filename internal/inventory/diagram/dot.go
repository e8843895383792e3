package diagram

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// caption is what every form of a diagram says about itself.
func caption(k Kind, g Graph) string {
	at := "nothing observed yet"
	if !g.At.IsZero() {
		at = g.At.UTC().Format(time.RFC3339)
	}
	of := ""
	if g.Of != "" {
		of = " of " + g.Of
	}
	return fmt.Sprintf("%s diagram%s, inventory head %d, %s, %d of %d assets fully labelled", k, of, g.Head, at, g.Covered(), len(g.Nodes))
}

// legend explains the marks of a drawing; "" where it has none.
func legend(k Kind, g Graph) string {
	var out []string
	if slices.ContainsFunc(g.Nodes, func(n Node) bool { return n.lacks(label(k)) }) {
		out = append(out, "dashed, assumed: nobody gave the "+label(k)+", and this is what it counts as")
	}
	if slices.ContainsFunc(g.Nodes, func(n Node) bool { return n.Mixed }) {
		out = append(out, "red, mixed tiers: frontend and backend are not apart")
	}
	return strings.Join(out, "; ")
}

// label is the label that a kind of diagram tells of its nodes.
func label(k Kind) string {
	if k == DataFlow {
		return "classification"
	}
	return "environment"
}

// below is the second line of a node.
func below(k Kind, n Node) string {
	value := n.Environment
	if k == DataFlow {
		value = n.Classification
	}
	text := strings.TrimSpace(n.Class + " " + value)
	if n.lacks(label(k)) {
		text += " (assumed)"
	}
	if n.Mixed {
		text += ", mixed tiers"
	}
	return text
}

// quoted is a text as Graphviz reads it in double quotes.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", " ", "\r", " ").Replace(readable(s)) + `"`
}

// DOT draws a kind of diagram for Graphviz.
func DOT(k Kind, g Graph) string {
	g = Select(k, g)
	var b strings.Builder
	fmt.Fprintf(&b, "digraph plumbline {\n  rankdir=LR;\n  node [shape=box];\n  label=%s;\n", quoted(caption(k, g)))
	if text := legend(k, g); text != "" {
		fmt.Fprintf(&b, "  // %s\n", text)
	}
	for _, n := range g.Nodes {
		marks := ""
		if n.lacks(label(k)) {
			marks += ", style=dashed"
		}
		if n.Mixed {
			marks += ", color=red"
		}
		fmt.Fprintf(&b, "  %s [label=%s, tooltip=%s%s];\n", quoted(n.ID), quoted(n.Name), quoted(below(k, n)), marks)
	}
	for _, e := range g.Edges {
		fmt.Fprintf(&b, "  %s -> %s [label=%s];\n", quoted(e.From), quoted(e.To), quoted(e.Verb))
	}
	b.WriteString("}\n")
	return b.String()
}
