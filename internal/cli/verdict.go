package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/wire"
)

// gateFormats are the further forms of a verdict, each for one CI system's own display.
var gateFormats = []string{"junit", "sarif", "github", "gitlab", "bitbucket"}

// verdict writes the gate's answer: the one line (or document) on standard output, everything that
// stands in the way on standard error. Its error carries the exit code.
func (a *app) verdict(v wire.GateVerdict, raw jsontext.Value) error {
	if raw == nil {
		var err error
		if raw, err = marshal(v); err != nil {
			return err
		}
	}
	if err := a.writeVerdict(v, raw); err != nil {
		return err
	}
	if v.Code != wire.ExitAllowed && a.opts.output != "json" && a.opts.output != "yaml" {
		a.explainVerdict(v)
	}
	return a.exitOf(v)
}

// exitOf is the verdict's code as an error; an advisory one ends well, save where nobody was asked.
func (a *app) exitOf(v wire.GateVerdict) error {
	switch {
	case v.Code == wire.ExitAllowed:
		return nil
	case v.Advisory && v.Code != wire.ExitUsage && v.Code != wire.ExitIdentity:
		a.note("Advisory: exit 0 instead of %d.", v.Code)
		return nil
	}
	return status(v.Code)
}

func (a *app) writeVerdict(v wire.GateVerdict, raw jsontext.Value) error {
	if slices.Contains(gateFormats, a.opts.output) {
		b, err := gateDocument(a.opts.output, v)
		if err != nil {
			return err
		}
		_, err = a.out.Write(b)
		return err
	}
	if a.opts.output == "table" {
		_, err := fmt.Fprintln(a.out, verdictLine(v, a.paint(a.out)))
		return err
	}
	return a.emit(raw, nil)
}

// verdictLine is the one final line: ALLOW CHG-000123 rev 4 sha256:ab12… env=prod permit exp 14:32Z.
func verdictLine(v wire.GateVerdict, paint func(code, s string) string) string {
	word := paint(red, "DENY")
	if v.Verdict == wire.Allow {
		word = paint(green, "ALLOW")
	}
	parts := []string{word}
	if v.Change != "" {
		parts = append(parts, clean(v.Change))
	}
	if v.Rev > 0 {
		parts = append(parts, fmt.Sprintf("rev %d %s", v.Rev, brief(clean(v.RevDigest))))
	}
	if v.Env != "" {
		parts = append(parts, "env="+clean(v.Env))
	}
	if v.Kind != "" && v.Kind != wire.KindApply {
		parts = append(parts, "kind="+clean(v.Kind))
	}
	if v.PermitID != "" && v.Verdict == wire.Allow {
		parts = append(parts, "permit exp "+v.Expires.UTC().Format("15:04Z"))
	}
	if v.Verdict != wire.Allow {
		parts = append(parts, fmt.Sprintf("exit %d %s", v.Code, codeWord(v.Code)))
	}
	if v.Exit != nil {
		parts = append(parts, fmt.Sprintf("command exit %d", *v.Exit))
	}
	return strings.Join(parts, " ")
}

// finding is one thing that stands in the way, in words.
type finding struct {
	kind, code, text, rule, clause, who string
}

// findings lists all of them: what waiting does not mend first.
func findings(v wire.GateVerdict) []finding {
	var out []finding
	for _, d := range v.Denials {
		out = append(out, finding{"denied", d.Code, d.Text, d.Rule, d.Clause, d.Who})
	}
	for _, m := range v.Mismatches {
		out = append(out, finding{"mismatch", m.Field, fmt.Sprintf("%s: approved %s, observed %s.", m.Field, brief(m.Approved), brief(m.Observed)),
			"binding", "policy statement (b)", "the requester"})
	}
	for _, m := range v.Missing {
		text, who := m.Why, "whoever can bring the evidence"
		if m.Kind != "check" {
			who = fmt.Sprintf("a holder of %s (%d can)", m.Slot, m.Candidates)
		} else {
			text = m.Slot + ": " + text
		}
		out = append(out, finding{"missing", m.Slot, text, m.Rule, m.Clause, who})
	}
	if v.Window != nil && !v.Window.Open {
		out = append(out, finding{"window", "window", strings.TrimSpace(v.Window.Text + " " + windowSpan(*v.Window)), "window", "", "the change's owner"})
	}
	for _, c := range v.Conflicts {
		if c.Severity != "info" {
			out = append(out, finding{"conflict", c.With, fmt.Sprintf("%s: %s", c.With, c.Text), "conflict", "", conflictMender(c)})
		}
	}
	return out
}

func conflictMender(c wire.Conflict) string {
	if c.Severity == "ack" {
		return "a slot holder: plumb change ack CHANGE --with " + c.With
	}
	return "whoever set it, or time"
}

func windowSpan(w wire.Window) string {
	show := func(t time.Time) string {
		if t.IsZero() {
			return "any time"
		}
		return t.UTC().Format("2006-01-02 15:04Z")
	}
	if w.From.IsZero() && w.Until.IsZero() {
		return ""
	}
	return fmt.Sprintf("It is open from %s to %s.", show(w.From), show(w.Until))
}

// explainVerdict says what, why, who can mend it, how to go on, and where to read more.
func (a *app) explainVerdict(v wire.GateVerdict) {
	paint := a.paint(a.err)
	for _, f := range findings(v) {
		fmt.Fprintf(a.err, "%s %s %s\n", paint(red, f.kind+":"), clean(f.text), paint(dim, "["+clean(f.code)+"]"))
		if why := ruleText(f.rule, f.clause); why != "" {
			fmt.Fprintf(a.err, "  %s  %s\n", paint(dim, "why "), clean(why))
		}
		if f.who != "" {
			fmt.Fprintf(a.err, "  %s  %s\n", paint(dim, "who "), clean(f.who))
		}
	}
	for _, n := range v.Next {
		fmt.Fprintf(a.err, "  %s  %s\n", paint(dim, "next"), clean(n))
	}
	if v.URL != "" {
		fmt.Fprintf(a.err, "  %s  %s\n", paint(dim, "link"), clean(v.URL))
	}
}

// refusedVerdict turns an error on the way to an answer into a verdict: no answer is a no.
func (a *app) refusedVerdict(change, kind string, err error) wire.GateVerdict {
	p := client.ProblemOf(err)
	v := wire.GateVerdict{Schema: wire.GateVerdictSchema, Verdict: wire.Deny, Code: codeOf(err, a.usesToken()), Change: change, Kind: kind,
		Denials: []wire.Denial{{Code: p.Code, Text: p.Error(), Rule: p.Rule, Clause: p.Clause, Who: p.Who}}, URL: p.Type}
	if p.Next != "" {
		v.Next = []string{p.Next}
	}
	return v
}

// gateEnd ends a gate command: an error is shown as a verdict too, so that whoever reads the output
// finds one in every case.
func (a *app) gateEnd(change, kind string, advisory bool, err error) error {
	var s status
	if err == nil || errors.As(err, &s) || interrupted(err) {
		return err
	}
	v := a.refusedVerdict(change, kind, err)
	v.Advisory = advisory
	raw, encodeErr := marshal(v)
	if encodeErr != nil {
		return encodeErr
	}
	if err := a.writeVerdict(v, raw); err != nil {
		return err
	}
	if a.opts.output == "json" || a.opts.output == "yaml" {
		a.problemData(err)
	} else {
		a.explain(err, v.Code)
	}
	return a.exitOf(v)
}
