package ui

import (
	"bytes"
	"context"
	"io"
	"net/url"
	"strings"
	"sync"

	"github.com/a-h/templ"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// longestProse is how much of a text is laid out as Markdown; a longer one is shown as it was typed.
const longestProse = 64 << 10

// What a text may hold to be laid out: many more brackets, or marks of lists and quotes at the begin of one
// line, take time and depth that no reader gains by.
const (
	mostBrackets = 400
	mostMarks    = 32
)

// markdown lays texts out as CommonMark. What comes out is written from the tree alone, so what the tree
// cannot hold cannot come out: raw HTML is turned into text, pictures into their words, and a link that
// leads to no address of the web into what it says. Nothing is left out, because people approve what they
// read: addresses, titles and the words beside a fence are written out, and there are no definitions of
// links, which CommonMark does not show.
var markdown = sync.OnceValue(func() goldmark.Markdown {
	return goldmark.New(goldmark.WithParser(parser.NewParser(parser.WithBlockParsers(parser.DefaultBlockParsers()...),
		parser.WithInlineParsers(parser.DefaultInlineParsers()...), parser.WithASTTransformers(util.Prioritized(sieve{}, 100)))))
})

// sieve takes out of a tree what could run, load or deceive, and writes out what would not be seen.
type sieve struct{}

// Transform is called by the parser with each finished tree.
func (sieve) Transform(doc *ast.Document, r text.Reader, _ parser.Context) {
	var nodes []ast.Node
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // nothing in it fails
		if entering {
			nodes = append(nodes, n)
		}
		return ast.WalkContinue, nil
	})
	for _, n := range nodes {
		switch n := n.(type) {
		case *ast.Heading:
			n.Level = min(n.Level+2, 6) // headings of a comment stand below those of the page
		case *ast.RawHTML:
			swap(n, lines(n.Segments, r))
		case *ast.HTMLBlock:
			all := lines(n.Lines(), r)
			if n.HasClosure() {
				all += string(n.ClosureLine.Value(r.Source()))
			}
			n.Parent().ReplaceChild(n.Parent(), n, paragraph(all))
		case *ast.FencedCodeBlock:
			if n.Info != nil {
				n.Parent().InsertBefore(n.Parent(), n, paragraph(string(n.Info.Segment.Value(r.Source()))))
				n.Info = nil
			}
		case *ast.Image:
			aside(n, n.Destination, n.Title)
			unwrap(n)
		case *ast.Link:
			if !saysItself(n, r) || len(n.Title) > 0 {
				aside(n, n.Destination, n.Title)
			}
			n.Title = nil
			outward(n, string(n.Destination))
		case *ast.AutoLink:
			outward(n, string(n.URL(r.Source())))
		}
	}
}

// outward marks a link that leads away, and keeps only the words of one that leads nowhere good.
func outward(n ast.Node, address string) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "mailto" || strings.ContainsFunc(address, Hidden) {
		if _, bare := n.(*ast.AutoLink); bare {
			swap(n, address)
			return
		}
		unwrap(n)
		return
	}
	n.SetAttributeString("rel", []byte("nofollow noopener"))
	n.SetAttributeString("target", []byte("_blank"))
}

// aside writes behind a node where it leads and what it is called, which is not seen otherwise.
func aside(n ast.Node, address, title []byte) {
	text := " (" + string(address)
	if len(title) > 0 {
		text += ` "` + string(title) + `"`
	}
	n.Parent().InsertAfter(n.Parent(), n, words(text+")"))
}

// saysItself reports whether the words of a link are its address.
func saysItself(n *ast.Link, r text.Reader) bool {
	t, ok := n.FirstChild().(*ast.Text)
	return ok && n.ChildCount() == 1 && string(t.Segment.Value(r.Source())) == string(n.Destination)
}

// unwrap puts what stands in a node in its place.
func unwrap(n ast.Node) {
	parent := n.Parent()
	for c := n.FirstChild(); c != nil; c = n.FirstChild() {
		parent.InsertBefore(parent, n, c)
	}
	parent.RemoveChild(parent, n)
}

func swap(n ast.Node, s string) { n.Parent().ReplaceChild(n.Parent(), n, words(s)) }

// words is a text that is escaped on its way out, as it was typed.
func words(s string) ast.Node {
	n := ast.NewString([]byte(s))
	n.SetRaw(true)
	return n
}

func paragraph(s string) ast.Node {
	p := ast.NewParagraph()
	p.AppendChild(p, words(s))
	return p
}

func lines(list *text.Segments, r text.Reader) string {
	var b strings.Builder
	for i := range list.Len() {
		at := list.At(i)
		b.Write(at.Value(r.Source()))
	}
	return b.String()
}

// Prose shows a text of people as Markdown, sanitised, with what is hidden in it marked. One that would
// take long to lay out is shown as it was typed.
func Prose(s string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, prose(s))
		return err
	})
}

func prose(s string) string {
	if len(s) > longestProse || trap(s) {
		return markup(s)
	}
	var b bytes.Buffer
	if err := markdown().Convert([]byte(s), &b); err != nil {
		return markup(s)
	}
	return `<div class="prose" dir="auto">` + markOutsideTags(b.String()) + `</div>`
}

// trap reports whether a text is made to be slow or deep: what is written out of nested quotes and lists
// grows with the square of their depth, and so does the search for the ends of links.
func trap(s string) bool {
	if strings.Count(s, "[") > mostBrackets {
		return true
	}
	for line := range strings.Lines(s) {
		end := strings.IndexFunc(line, func(r rune) bool { return !strings.ContainsRune(" \t\n>-+*.)0123456789", r) })
		if end >= 0 {
			line = line[:end]
		}
		if strings.Count(line, ">")+len(strings.Fields(line)) > mostMarks {
			return true
		}
	}
	return false
}

// markOutsideTags marks hidden characters between the tags of sanitised HTML, whose attributes hold no
// angle bracket; inside tags they are dropped.
func markOutsideTags(html string) string {
	if !strings.ContainsFunc(html, Hidden) {
		return html
	}
	var b strings.Builder
	tag := false
	for _, r := range html {
		switch {
		case r == '<' || r == '>':
			tag = r == '<'
			b.WriteRune(r)
		case !Hidden(r):
			b.WriteRune(r)
		case !tag:
			b.WriteString(hiddenChar(r))
		}
	}
	return b.String()
}
