package record

import (
	"strings"
	"testing"
)

func TestAFileIsShownAsFarAsItIsAText(t *testing.T) {
	t.Parallel()
	for what, x := range map[string]struct {
		raw  string
		most int
		want textView
	}{
		"a text":                     {"a\nb\n", 9, textView{Text: "a\nb\n", Lines: 2}},
		"a text without a last end":  {"a\nb", 9, textView{Text: "a\nb", Lines: 2}},
		"nothing":                    {"", 9, textView{}},
		"a text that fills the page": {"abc", 3, textView{Text: "abc", Lines: 1}},
		"a long text":                {"abcd", 3, textView{Text: "abc", Lines: 1, Cut: true}},
		"a character at the end":     {"ab€", 4, textView{Text: "ab", Lines: 1, Cut: true}},
		"another encoding":           {"ab\xff", 9, textView{Raw: true}},
		"a file that only ends so":   {"abc\xff\xff\xff\xff\xff", 7, textView{Raw: true}},
		"bytes":                      {"ab\x00c", 9, textView{Raw: true}},
		"line ends of Windows":       {"a\r\nb\r\n", 9, textView{Text: "a\nb\n", Lines: 2}},
	} {
		if got := textOf([]byte(x.raw), x.most); got != x.want {
			t.Errorf("%s: %+v, want %+v", what, got, x.want)
		}
	}
	if got := textOf([]byte(strings.Repeat("x", maxShown+1)), maxShown); len(got.Text) != maxShown || !got.Cut {
		t.Errorf("a long file shows %d bytes, cut: %v", len(got.Text), got.Cut)
	}
}

func TestLinesThatDiffer(t *testing.T) {
	t.Parallel()
	show := func(list []line) (out string) {
		for _, l := range list {
			out += string(l.Op) + l.Text + "|"
		}
		return out
	}
	for _, x := range []struct{ a, b, want string }{
		{"a b c", "a b c", "@|"},
		{"a b c", "a x c", " a|-b|+x| c|"},
		{"a b", "a b c", " a| b|+c|"},
		{"a b c", "b c", "-a| b| c|"},
		{"1 2 3 4 5 6 7 8 9", "1 2 3 4 X 6 7 8 9", "@| 2| 3| 4|-5|+X| 6| 7| 8|@|"},
		{"a a b", "a b", " a|-a| b|"},
		{"", "a", "-|+a|"},
	} {
		if got := show(lineDiff(strings.Split(x.a, " "), strings.Split(x.b, " "))); got != x.want {
			t.Errorf("%q to %q: %s, want %s", x.a, x.b, got, x.want)
		}
	}
	many := strings.Split(strings.Repeat("x ", maxLines+1), " ")
	if got := lineDiff(append([]string{"a"}, many...), append(append([]string{"b"}, many...), "c")); got != nil {
		t.Errorf("too many lines are compared: %d", len(got))
	}
}

func TestTheGateSaysInWordsWhyItStaysShut(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		"missing:engineering-lead, missing:security-lead": "Still missing: engineering lead, security lead.",
		"attempt_used, attempt_used":                      "The permit of this run was used already.",
		"mismatch:tf-plan tfplan":                         "Not what was approved: tf-plan tfplan.",
		"executor_not_named, missing:tests":               "Still missing: tests; the change does not name who asked.",
		"something_new":                                   "Something new.",
		"":                                                "",
	} {
		if got := gateWords(code); got != want {
			t.Errorf("%q: %q, want %q", code, got, want)
		}
	}
}
