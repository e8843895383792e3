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

// markdown lays texts out as CommonMark. What comes out is written from the tree alone, so what the tree
// cannot hold cannot come out: raw HTML is turned into text, pictures into their words, and a link that
// leads to no address of the web into what it says.
var markdown = sync.OnceValue(func() goldmark.Markdown {
	return goldmark.New(goldmark.WithParserOptions(parser.WithASTTransformers(util.Prioritized(sieve{}, 100))))
})

// sieve takes out of a tree what could run, load or deceive.
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
			p := ast.NewParagraph()
			p.AppendChild(p, words(lines(n.Lines(), r)))
			n.Parent().ReplaceChild(n.Parent(), n, p)
		case *ast.Image:
			unwrap(n)
		case *ast.Link:
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

// unwrap puts what stands in a node in its place.
func unwrap(n ast.Node) {
	parent := n.Parent()
	for c := n.FirstChild(); c != nil; c = n.FirstChild() {
		parent.InsertBefore(parent, n, c)
	}
	parent.RemoveChild(parent, n)
}

func swap(n ast.Node, s string) { n.Parent().ReplaceChild(n.Parent(), n, words(s)) }

// words is a text that is escaped on its way out.
func words(s string) ast.Node { return ast.NewString([]byte(s)) }

func lines(list *text.Segments, r text.Reader) string {
	var b strings.Builder
	for i := range list.Len() {
		at := list.At(i)
		b.Write(at.Value(r.Source()))
	}
	return b.String()
}

// Prose shows a text of people as Markdown, sanitised, with what is hidden in it marked.
func Prose(s string) templ.Component {
	if len(s) > longestProse {
		return Marked(s)
	}
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, prose(s))
		return err
	})
}

func prose(s string) string {
	var b bytes.Buffer
	if err := markdown().Convert([]byte(s), &b); err != nil {
		return markup(s)
	}
	return `<div class="prose" dir="auto">` + markOutsideTags(b.String()) + `</div>`
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
