package cli

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// page writes "name  value" lines and headings in one rhythm.
type page struct {
	w     io.Writer
	paint func(code, s string) string
	cols  int // of the terminal; 0 for no wrapping
	err   error
}

// page makes a page as wide as the terminal that is written to.
func (a *app) page(w io.Writer) *page { return &page{w: w, paint: a.paint(w), cols: width(w)} }

// nameWidth is the width of the names; what follows begins behind it.
const nameWidth = 12

func (p *page) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

// item writes one member; long text goes on under itself.
func (p *page) item(name, value string) {
	if strings.TrimSpace(value) == "" {
		return
	}
	for _, line := range strings.Split(cleanText(value), "\n") {
		p.row(dim, name, line)
		name = ""
	}
}

// row writes one line behind a name in a colour; the text may have colours of its own. What does not fit goes on under itself; a name that
// leaves too little room stands on a line of its own.
func (p *page) row(code, name, text string) {
	name = clean(name)
	room := p.cols - max(nameWidth, utf8.RuneCountInString(name)) - 4
	if p.cols > 0 && room < narrowest*2 && utf8.RuneCountInString(name) > nameWidth {
		p.folded("  ", name)
		name, room = "", p.cols-nameWidth-4
	}
	for _, part := range wrap(text, room) {
		p.printf("  %s %s\n", p.paint(code, fmt.Sprintf("%-*s", nameWidth, name)), part)
		name = ""
	}
}

// visible is how many columns a text takes: our own colours take none.
func visible(s string) (n int) {
	colour := false
	for _, r := range s {
		switch {
		case r == '\x1b':
			colour = true
		case !colour:
			n++
		case r == 'm':
			colour = false
		}
	}
	return n
}

// wrap breaks a line between words; widths below 20 columns mean no terminal.
func wrap(s string, cols int) []string {
	if cols < 20 || visible(s) <= cols {
		return []string{s}
	}
	var out []string
	line := ""
	for _, word := range strings.Fields(s) {
		if line != "" && visible(line)+1+visible(word) > cols {
			out = append(out, line)
			line = ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return append(out, line)
}

// flow writes a line of a head and a text, which may have colours of their own; it goes on under itself, a little further in.
func (p *page) flow(head, text string) {
	room := p.cols - max(visible(head), len(more))
	if p.cols > 0 && room < 2*narrowest { // the head leaves too little: it is text, too
		head, text, room = "", strings.TrimSpace(head)+" "+text, p.cols-len(more)
	}
	for _, part := range wrap(text, room) {
		p.printf("%s%s\n", head, part)
		head = more
	}
}

// folded writes a sentence behind an indent; it goes on under itself, a little further in. A word that is wider than the terminal, such as
// an address of code, is broken as in a table.
func (p *page) folded(indent, text string) {
	parts := []string{clean(text)}
	if room := p.cols - len(indent) - len(more); room >= 20 {
		parts = broken(parts[0], room)
	}
	for _, part := range parts {
		p.printf("%s%s\n", indent, part)
		if !strings.HasSuffix(indent, more) {
			indent += more
		}
	}
}

// more is how much further in a folded line goes on.
const more = "    "

// items writes a list, its name only once.
func (p *page) items(name string, list []string) {
	for _, s := range list {
		p.item(name, s)
		name = ""
	}
}

func (p *page) heading(s string) { p.printf("\n%s\n", p.paint(bold, clean(s))) }
