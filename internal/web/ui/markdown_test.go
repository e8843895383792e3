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
		{"[go](javascript:alert(1))", "go (javascript:alert(1))", "href"},
		{"[go](JaVaScRiPt:alert(1))", "go (JaVaScRiPt:alert(1))", "href"},
		{"[go](data:text/html,x)", "go (data:text/html,x)", "href"},
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

// Who approves a text is shown all of it: nothing that Markdown keeps to itself is left out.
func TestProseLeavesNothingOut(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"fine\n\n[ok]: https://a.example \"drop the database\"\n\nfine": "drop the database",
		"[a]: /x 'one'\n[a]: /y 'drop it'\n\n[a]":                       "drop it",
		"[the runbook](https://elsewhere.example/x)":                    "(https://elsewhere.example/x)",
		"[the runbook](https://a.example \"drop it\")":                  "drop it",
		"![picture](https://a.example/drop.png \"drop it\")":            "drop.png &quot;drop it&quot;",
		"```sh drop it\nls\n```":                                        "sh drop it",
		"<!-- a\nb --> drop it\n\nfine":                                 "drop it",
		"<script>\nx\n</script> drop it":                                "drop it",
		"<pre>\ndrop\\*it":                                              `drop\*it`,
	} {
		if got := prose(in); !strings.Contains(got, want) {
			t.Errorf("prose(%q) = %s, want %q in it", in, got, want)
		}
	}
	if got := prose("[https://a.example](https://a.example)"); strings.Contains(got, "(https") {
		t.Errorf("an address is said twice: %s", got)
	}
}

// A text that is made to be slow to lay out, or so deep that a browser chokes on it, is shown as typed.
func TestProseThatIsATrapIsShownAsItIs(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"[a](", "[a](<b", "> ", ">", "- ", "1) ", "+ > ", "![", "[a\n"} {
		if got := prose(strings.Repeat(s, longestProse/len(s))); strings.Contains(got, "prose") || len(got) > 8*longestProse {
			t.Errorf("%d bytes of %q are laid out: %d bytes", longestProse, s, len(got))
		}
	}
	if got := prose("> - quoted\n\n" + strings.Repeat("- [a](https://a.example)\n", 50) + "\n---------\n"); !strings.Contains(got, "<li>") {
		t.Errorf("a usual text is not laid out: %s", got)
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
