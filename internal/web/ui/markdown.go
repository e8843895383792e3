package ui

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"

	"github.com/a-h/templ"
	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
)

// longestProse is how much of a text is laid out as Markdown; a longer one is shown as it was typed.
const longestProse = 64 << 10

// markdown lays texts out; raw HTML in them is not passed on.
var markdown = sync.OnceValue(func() goldmark.Markdown {
	return goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.Linkify))
})

// sieve lets through what cannot run, load or deceive: no image, no style, no id, no script, and links
// that open beside the page, give no credit and hold no handle on it.
var sieve = sync.OnceValue(func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "br", "hr", "em", "strong", "del", "code", "pre", "blockquote", "ul", "ol", "li",
		"h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td")
	p.AllowAttrs("href").OnElements("a")
	p.AllowURLSchemes("https", "http", "mailto")
	p.RequireParseableURLs(true)
	p.RequireNoFollowOnLinks(true)
	p.AddTargetBlankToFullyQualifiedLinks(true) // which adds noopener
	return p
})

// Prose shows a text of people as Markdown, sanitised, with what is hidden in it marked.
func Prose(text string) templ.Component {
	if len(text) > longestProse {
		return Marked(text)
	}
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, prose(text))
		return err
	})
}

func prose(text string) string {
	var b bytes.Buffer
	if err := markdown().Convert([]byte(text), &b); err != nil {
		return markup(text)
	}
	// Headings of a comment stand below those of the page.
	laid := strings.NewReplacer("<h1", "<h3", "</h1", "</h3", "<h2", "<h4", "</h2", "</h4").Replace(b.String())
	return `<div class="prose" dir="auto">` + markOutsideTags(sieve().Sanitize(laid)) + `</div>`
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
