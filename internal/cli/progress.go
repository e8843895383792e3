package cli

import (
	"fmt"
	"io"
	"strings"

	"plumbline.dev/plumb/internal/plan"
)

// progress shows an apply as it goes: a line for each resource that is done, and on a terminal one
// living line below them.
type progress struct {
	w        io.Writer // the masked log
	tty      io.Writer // nil where there is none
	paint    func(code, s string) string
	cols     int
	done, of int
	running  []string
	live     bool
}

func (a *app) progress(log io.Writer, of int) *progress {
	p := &progress{w: log, of: of, paint: a.paint(a.err)}
	if isTerminal(a.err) {
		p.tty, p.cols = a.err, width(a.err)
	}
	return p
}

var actionWords = map[string]string{"create": "created", "update": "updated", "delete": "deleted", "read": "read", "replace": "replaced",
	"remove": "forgotten", "import": "imported", "move": "moved"}

// event shows one line of the apply.
func (p *progress) event(e plan.Event) {
	p.clear()
	r := e.Receipt
	switch e.Type {
	case "apply_start":
		p.running = append(p.running, r.Address)
	case "apply_complete":
		p.over(r.Address)
		if r.Action != "read" {
			p.done++
		}
		p.line(green, either(actionWords[r.Action], r.Action), r.Address, seconds(r.Seconds))
	case "apply_errored":
		p.over(r.Address)
		p.line(red, "failed", r.Address, seconds(r.Seconds))
	case "apply_progress":
		if p.tty == nil && r.Seconds > 0 && r.Seconds%60 == 0 {
			p.line("", "still", r.Address, seconds(r.Seconds))
		}
	case "diagnostic", "text", "provision_progress", "provision_errored":
		p.say(e)
	}
	p.draw()
}

func (p *progress) say(e plan.Event) {
	code := ""
	switch e.Level {
	case "error":
		code = red
	case "warn":
		code = yellow
	}
	for _, l := range strings.Split(strings.TrimRight(e.Message, "\n"), "\n") {
		fmt.Fprintf(p.w, "  %s\n", p.paint(code, clean(l)))
	}
}

func (p *progress) line(code, word, address, took string) {
	fmt.Fprintf(p.w, "  %s %s%s\n", p.paint(code, fmt.Sprintf("%-9s", word)), clean(address), p.paint(dim, took))
}

func seconds(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("  %ds", n)
}

func (p *progress) over(address string) {
	for i, r := range p.running {
		if r == address {
			p.running = append(p.running[:i], p.running[i+1:]...)
			return
		}
	}
}

// draw writes the living line; it is no part of the log.
func (p *progress) draw() {
	if p.tty == nil || len(p.running) == 0 {
		return
	}
	text := fmt.Sprintf("  %d of %d  %s", p.done, p.of, clean(strings.Join(p.running, ", ")))
	fmt.Fprint(p.tty, p.paint(dim, shorten(text, max(20, p.cols-1))))
	p.live = true
}

func (p *progress) clear() {
	if p.live {
		fmt.Fprint(p.tty, "\r\x1b[K")
		p.live = false
	}
}

func (p *progress) end() { p.clear() }
