package diagram

import (
	"fmt"
	"html"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// Sizes of a drawing, in pixels.
const (
	boxWide, boxHigh = 240, 44
	gapWide, gapHigh = 120, 16
	margin           = 24
	top              = 84
	longest          = 32 // characters of a line that fit into a box
)

// readable leaves out what XML cannot hold and what reorders or hides text.
func readable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r >= 0xFFFE && r <= 0xFFFF {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

func text(s string) string { return html.EscapeString(readable(s)) }

func short(s string) string {
	r := []rune(s)
	if len(r) <= longest {
		return s
	}
	return string(r[:longest-1]) + "…"
}

type point struct{ x, y int }

// lefts gives the left edge of each column that holds something; an empty one takes no room.
func lefts(k Kind, g Graph) map[int]int {
	used := map[int]int{}
	for _, n := range g.Nodes {
		c, _ := column(k, n)
		used[c] = 0
	}
	for i, c := range slices.Sorted(maps.Keys(used)) {
		used[c] = margin + i*(boxWide+gapWide)
	}
	return used
}

// place gives each node its corner: columns by what the kind orders by, rows in the order of the selection.
func place(k Kind, g Graph, left map[int]int) (at map[string]point, wide, high int) {
	at = map[string]point{}
	rows := map[int]int{}
	for _, n := range g.Nodes {
		c, _ := column(k, n)
		p := point{left[c], top + rows[c]*(boxHigh+gapHigh)}
		rows[c]++
		at[n.ID] = p
		wide, high = max(wide, p.x+boxWide+margin), max(high, p.y+boxHigh+margin)
	}
	return at, max(wide, 640), max(high, 120)
}

// SVG draws a kind of diagram as an image without scripts, styles or links.
func SVG(k Kind, g Graph) string {
	g = Select(k, g)
	left := lefts(k, g)
	at, wide, high := place(k, g, left)
	var b strings.Builder
	says := text(caption(k, g))
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" font-family="sans-serif" font-size="12"><title>%s</title><desc>head %d</desc>`+
		`<rect width="100%%" height="100%%" fill="#ffffff"/><text x="%d" y="28" fill="#1a1f2b">%s</text>`, wide, high, wide, high, says, g.Head, margin, says)
	if note := legend(k, g); note != "" {
		fmt.Fprintf(&b, `<text x="%d" y="46" fill="#475467">%s</text>`, margin, text(note))
	}
	for c, head := range ranks[k] {
		if x, used := left[c]; used {
			fmt.Fprintf(&b, `<text x="%d" y="%d" fill="#475467" font-weight="bold">%s</text>`, x, top-10, text(head))
		}
	}
	for _, e := range g.Edges {
		from, to := at[e.From], at[e.To]
		fmt.Fprintf(&b, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#667085"><title>%s</title></line>`,
			from.x+boxWide, from.y+boxHigh/2, to.x, to.y+boxHigh/2, text(e.From+" "+e.Verb+" "+e.To))
	}
	for _, n := range g.Nodes {
		box(&b, k, n, at[n.ID])
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// box draws one node.
func box(b *strings.Builder, k Kind, n Node, p point) {
	edge, dashes := `stroke="#475467"`, ""
	if n.Mixed {
		edge = `stroke="#b42318" stroke-width="2"`
	}
	if n.lacks(label(k)) {
		dashes = ` stroke-dasharray="5 3"`
	}
	fmt.Fprintf(b, `<g><title>%s</title><rect x="%d" y="%d" width="%d" height="%d" rx="4" fill="#f2f4f7" %s%s/><text x="%d" y="%d" fill="#1a1f2b">%s</text><text x="%d" y="%d" fill="#475467" font-size="11">%s</text></g>`,
		text(n.ID+" "+n.Name+": "+below(k, n)), p.x, p.y, boxWide, boxHigh, edge, dashes, p.x+8, p.y+18, text(short(n.Name)), p.x+8, p.y+34, text(short(below(k, n))))
}
