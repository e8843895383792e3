package diagram

import (
	"fmt"
	"strings"
	"time"
)

// caption is what every form of a diagram says about itself.
func caption(k Kind, g Graph) string {
	return fmt.Sprintf("%s diagram, inventory head %d, %s, %d of %d assets fully labelled", k, g.Head, g.At.UTC().Format(time.RFC3339), g.Covered, len(g.Nodes))
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
	for _, n := range g.Nodes {
		fmt.Fprintf(&b, "  %s [label=%s, tooltip=%s];\n", quoted(n.ID), quoted(n.Name), quoted(n.Class+" "+n.Environment+" "+n.Classification))
	}
	for _, e := range g.Edges {
		fmt.Fprintf(&b, "  %s -> %s [label=%s];\n", quoted(e.From), quoted(e.To), quoted(e.Verb))
	}
	b.WriteString("}\n")
	return b.String()
}
