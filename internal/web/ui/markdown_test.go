package ui

import (
	"strings"
	"testing"
)

// What somebody writes in a comment is laid out, and nothing in it runs, loads or deceives.
func TestProseIsSieved(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, has, hasNot string }{
		{"**bold** and `code`", "<strong>bold</strong>", ""},
		{"# Big", "<h3>Big</h3>", "<h1"},
		{"<script>alert(1)</script>", "", "<script"},
		{"<b onclick=alert(1)>x</b>", "&lt;b onclick", "<b"},
		{"![x](https://elsewhere.example/track.png)", "", "<img"},
		{"![x](data:image/png;base64,AAAA)", "", "<img"},
		{"[go](javascript:alert(1))", "go", "javascript"},
		{"[go](JaVaScRiPt:alert(1))", "go", "cript:"},
		{"[go](data:text/html,x)", "go", "data:"},
		{"[go](//elsewhere.example)", "", `href="//`},
		{"see <https://example.com/x>", `rel="nofollow noopener"`, ""},
		{"<javascript:alert(1)>", "javascript", "href"},
		{"[a](https://example.com \"t\" )", `href="https://example.com"`, "title="},
		{"a\u202eb", "RLO", "\u202e"},
		{"a&#x202E;b", "RLO", "\u202e"},
		{"zero\u200bwidth", "ZWSP", "\u200b"},
		{"[x](https://example.com/\u202ea)", "", "\u202e"},
		{"<a href='x' style='position:fixed'>x</a>", "&lt;a href", "<a"},
		{"<iframe src=x></iframe><svg/onload=alert(1)>", "", "<svg"},
		{"<div onclick=x>\nblock\n</div>", "&lt;div onclick=x&gt;", "<div onclick"},
		{"a <!-- hidden --> b", "&lt;!-- hidden --&gt;", "<!--"},
		{"[![x](https://a.example/p.png)](https://b.example)", `href="https://b.example"`, "<img"},
		{"[a]\n\n[a]: javascript:alert(1)", "a", "href"},
	} {
		got := prose(c.in)
		if !strings.Contains(got, c.has) || c.hasNot != "" && strings.Contains(got, c.hasNot) {
			t.Errorf("prose(%q) = %s, want %q and not %q", c.in, got, c.has, c.hasNot)
		}
	}
}

// A text too long to lay out is shown as it was typed.
func TestLongProseIsShownAsItIs(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := Prose("<script>"+strings.Repeat("*", longestProse)).Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "<script>") || !strings.Contains(b.String(), "&lt;script&gt;") {
		t.Error("a long text is not escaped")
	}
}
