package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/goccy/go-yaml"
	"golang.org/x/term"
)

// emit writes one answer: the server's own JSON, the same as YAML, or what human writes.
func (a *app) emit(raw jsontext.Value, human func(io.Writer) error) error {
	switch a.opts.output {
	case "json":
		return writeJSON(a.out, raw)
	case "yaml":
		b, err := yaml.JSONToYAML(raw)
		if err != nil {
			return fmt.Errorf("write YAML: %w", err)
		}
		_, err = a.out.Write(b)
		return err
	}
	return human(a.out)
}

// emitValue is emit for a value made here.
func (a *app) emitValue(v any, human func(io.Writer) error) error {
	raw, err := marshal(v)
	if err != nil {
		return err
	}
	return a.emit(raw, human)
}

// emitList writes a list as {"items": […]}, as the API does.
func (a *app) emitList(items []jsontext.Value, human func(io.Writer) error) error {
	return a.emitValue(struct {
		Items []jsontext.Value `json:"items"`
	}{items}, human)
}

// done writes {"ok": true} or one sentence.
func (a *app) done(format string, args ...any) error {
	return a.emitValue(struct {
		OK bool `json:"ok"`
	}{true}, func(w io.Writer) error {
		p := &page{w: w, cols: width(w)}
		p.flow("", fmt.Sprintf(format, args...))
		return p.err
	})
}

func marshal(v any) (jsontext.Value, error) {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("write JSON: %w", err)
	}
	return b, nil
}

// note says something beside the answer.
func (a *app) note(format string, args ...any) {
	p := &page{w: a.err, cols: width(a.err)}
	p.folded("", fmt.Sprintf(format, args...))
}

// Colours, used sparingly: a word that must be seen, and what may be overlooked.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	bold   = "1"
	dim    = "2"
)

// paint gives the function that colours words on a terminal, and leaves them alone elsewhere.
func (a *app) paint(w io.Writer) func(code, s string) string {
	if _, no := a.env("NO_COLOR"); no || a.opts.noColor || a.getenv("TERM") == "dumb" || !isTerminal(w) {
		return func(_, s string) string { return s }
	}
	return func(code, s string) string {
		if s == "" {
			return s
		}
		return "\x1b[" + code + "m" + s + "\x1b[0m"
	}
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// width is how many columns the terminal has; 0 where there is none.
func width(stream any) int {
	if f, ok := stream.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil {
			return w
		}
	}
	return 0
}

// clean makes what control and direction-changing characters would do visible, so that a line on the
// terminal reads as it is stored.
func clean(s string) string {
	if !strings.ContainsFunc(s, misleading) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		if misleading(r) {
			fmt.Fprintf(&b, "<U+%04X>", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func misleading(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || unicode.Is(unicode.Cf, r)
}

// cleanText is clean for text of several lines.
func cleanText(s string) string {
	lines := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for i := range lines {
		lines[i] = clean(strings.ReplaceAll(lines[i], "\t", "    "))
	}
	return strings.Join(lines, "\n")
}

// shorten cuts a line to n columns with an ellipsis.
func shorten(s string, n int) string {
	if utf8.RuneCountInString(s) <= n || n < 2 {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// brief shows the beginning of a digest, enough to compare by eye; -o json has the whole.
func brief(digest string) string {
	alg, hex, ok := strings.Cut(digest, ":")
	if !ok || len(hex) <= 12 {
		return digest
	}
	return alg + ":" + hex[:12] + "…"
}

// at shows an instant in UTC, to the minute.
func at(micros int64) string {
	if micros == 0 {
		return "-"
	}
	return time.UnixMicro(micros).UTC().Format("2006-01-02 15:04Z")
}

// ago shows how long ago an instant was, or how far off it is, roughly.
func (a *app) ago(micros int64) string {
	if micros == 0 {
		return "-"
	}
	d := a.now().Sub(time.UnixMicro(micros))
	if d < 0 {
		return "in " + span(-d)
	}
	return span(d) + " ago"
}

// span shows a duration in its largest unit, with the next one while that matters.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		if m := int(d.Minutes()) % 60; m > 0 && d < 10*time.Hour {
			return fmt.Sprintf("%dh%02dm", int(d.Hours()), m)
		}
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours())/24)
}

// counted says how many of a thing there are: 1 record, 2 records.
func counted(n int64, what string) string {
	if n != 1 {
		what += "s"
	}
	return number(n) + " " + what
}

func join(list []string) string { return strings.Join(list, ", ") }
