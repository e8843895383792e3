package record

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"plumbline.dev/plumb/internal/change"
)

// A file is shown where it is a text: as much of one, and of all together, as a person reads on a page. Of
// what is longer the page says that it shows the begin only.
const (
	maxShown    = 64 << 10
	maxAllShown = 256 << 10
)

// textView is a document of the change as the page shows it.
type textView struct {
	Text  string
	Lines int
	Cut   bool // it goes on
	Raw   bool // it is no text, and nothing of it is shown
}

// textsOf reads the files that a wording binds, by the digests of their documents; plans are shown otherwise.
func (p Pages) textsOf(ctx context.Context, m change.Material) (map[string]textView, error) {
	out, left := map[string]textView{}, maxAllShown
	for _, b := range bound(m) {
		if _, known := out[b.Document]; known || b.Document == "" || b.Kind == "tf-plan" {
			continue
		}
		t, err := p.text(ctx, b.Document, min(left, maxShown))
		if err != nil {
			return nil, err
		}
		left -= len(t.Text)
		out[b.Document] = t
	}
	return out, nil
}

// bound is all that a wording binds, the way back last.
func bound(m change.Material) []change.Binding {
	if b := m.Rollback.Binding; b != nil {
		return append(m.Bindings[:len(m.Bindings):len(m.Bindings)], *b)
	}
	return m.Bindings
}

func (p Pages) text(ctx context.Context, digest string, most int) (t textView, err error) {
	r, err := p.Changes.OpenDocument(ctx, digest)
	if err != nil {
		return t, err
	}
	defer r.Close()
	raw, err := io.ReadAll(io.LimitReader(r, int64(most)+1))
	if err != nil {
		return t, fmt.Errorf("read document: %w", err)
	}
	return textOf(raw, most), nil
}

// textOf makes of the begin of a file what is shown of it.
func textOf(raw []byte, most int) (t textView) {
	if t.Cut = len(raw) > most; t.Cut {
		raw = raw[:most]
		for range utf8.UTFMax - 1 { // a character that was cut is no sign of another encoding
			if r, n := utf8.DecodeLastRune(raw); r != utf8.RuneError || n != 1 {
				break
			}
			raw = raw[:len(raw)-1]
		}
	}
	if !utf8.Valid(raw) || bytes.IndexByte(raw, 0) >= 0 {
		return textView{Raw: true}
	}
	t.Text = string(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")))
	t.Lines = bytes.Count(raw, []byte("\n"))
	if len(raw) > 0 && raw[len(raw)-1] != '\n' {
		t.Lines++
	}
	return t
}

// edited is a file that two wordings bind under the same name, with other bytes.
type edited struct {
	Name  string
	Lines []line // none where one of them is not shown whole
}

// line is one line of a file that differs, or stands near one that does.
type line struct {
	Op   byte // '-' only before, '+' only now, ' ' in both, '@' where lines are left out
	Text string
}

func (l line) class() string {
	return map[byte]string{'-': "gone", '+': "come", '@': "soft"}[l.Op]
}

// sign says without colour what the line is.
func (l line) sign() string {
	return map[byte]string{'-': "−", '+': "+", '@': "⋯"}[l.Op]
}

// textsEdited lays the files of two wordings beside each other, by what they are and are called.
func textsEdited(a, b change.Material, before, after map[string]textView) (out []edited) {
	for _, now := range bound(b) {
		for _, was := range bound(a) {
			if was.Kind != now.Kind || was.Name != now.Name || was.Document == now.Document {
				continue
			}
			x, known := before[was.Document]
			y, also := after[now.Document]
			if !known || !also {
				continue
			}
			out = append(out, laid(now.Name, x, y))
		}
	}
	return out
}

// laid lays two versions of a file beside each other.
func laid(name string, before, after textView) edited {
	e := edited{Name: name}
	if !before.Raw && !before.Cut && !after.Raw && !after.Cut {
		e.Lines = lineDiff(linesOf(before.Text, after.Text), linesOf(after.Text, before.Text))
	}
	return e
}

// linesOf splits a text; where both end their last line, nothing stands below it.
func linesOf(text, other string) []string {
	if strings.HasSuffix(text, "\n") && strings.HasSuffix(other, "\n") {
		text = text[:len(text)-1]
	}
	return strings.Split(text, "\n")
}

// The bounds of what is compared line by line, and how many lines are shown around what differs.
const (
	maxLines = 1000
	around   = 3
)

// lineDiff gives the lines that differ, with a few around them; nil for texts with too many lines between
// the first and the last that differ.
func lineDiff(a, b []string) []line {
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	mid, now := a[head:len(a)-tail], b[head:len(b)-tail]
	if len(mid) > maxLines || len(now) > maxLines {
		return nil
	}
	var all []line
	for _, s := range a[:head] {
		all = append(all, line{' ', s})
	}
	all = append(all, changed(mid, now)...)
	for _, s := range a[len(a)-tail:] {
		all = append(all, line{' ', s})
	}
	return near(all)
}

// changed turns one list of lines into the other with the fewest lines that go or come (by their longest
// common subsequence).
func changed(a, b []string) (out []line) {
	common := make([][]int32, len(a)+1) // of what follows
	for i := range common {
		common[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			out = append(out, line{' ', a[i]})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			out = append(out, line{'-', a[i]})
			i++
		default:
			out = append(out, line{'+', b[j]})
			j++
		}
	}
	return out
}

// near leaves out what stands far from any line that differs.
func near(all []line) (out []line) {
	keep := make([]bool, len(all))
	for i, l := range all {
		if l.Op != ' ' {
			for k := max(0, i-around); k <= min(len(all)-1, i+around); k++ {
				keep[k] = true
			}
		}
	}
	gap := false
	for i, l := range all {
		if keep[i] {
			out, gap = append(out, l), false
		} else if !gap {
			out, gap = append(out, line{'@', ""}), true
		}
	}
	return out
}
