package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/wire"
)

// exitInterrupted is the status after a signal: 128 and SIGINT's number, as a shell reports it. The
// contract's own codes stay below 64.
const exitInterrupted = 130

// status is an error that was already shown; it only carries the code.
type status int

// Error names the code.
func (s status) Error() string { return fmt.Sprintf("exit %d", int(s)) }

// kindCodes say what a refusal means as an exit code, for every command.
var kindCodes = map[fault.Kind]int{
	fault.Internal:        wire.ExitInternal,
	fault.Invalid:         wire.ExitUsage,
	fault.Unauthenticated: wire.ExitIdentity,
	fault.Denied:          wire.ExitDenied,
	fault.NotFound:        wire.ExitNoChange,
	fault.Conflict:        wire.ExitDenied,
	fault.Stale:           wire.ExitMismatch,
	fault.TooLarge:        wire.ExitUsage,
	fault.Limited:         wire.ExitUnreachable,
	fault.Unavailable:     wire.ExitUnreachable,
}

// codeOf gives the exit code of an error. token tells that the caller came with an API token: then a
// permission that the token's scopes lack is the identity's fault (8), where for a person it is a rule
// that says no (3).
func codeOf(err error, token bool) int {
	var s status
	switch {
	case err == nil:
		return wire.ExitAllowed
	case errors.As(err, &s):
		return int(s)
	case interrupted(err):
		return exitInterrupted
	}
	f := fault.Of(err)
	switch {
	case f.Code == client.NotSetUp:
		return wire.ExitDenied // there is an answer, and it is no
	case f.Kind == fault.Denied && token && permission(f):
		return wire.ExitIdentity
	case f.Kind == fault.Conflict && slices.Contains(notThen, f.Code):
		return wire.ExitWindow
	}
	return kindCodes[f.Kind]
}

// notThen are the refusals of a slot for when it is.
var notThen = []string{"outside_envelope", "outside_windows", "slot_frozen"}

func interrupted(err error) bool { return errors.Is(err, context.Canceled) }

// permission tells the refusal of a route from that of a policy rule: it names a permission, such as
// gate.use, as its rule.
func permission(f *fault.Error) bool {
	return f.Code == "not_allowed" && strings.Contains(f.Rule, ".")
}

// end shows an error and gives its code.
func (a *app) end(err error) int {
	code := codeOf(err, a.usesToken())
	var s status
	switch {
	case err == nil || errors.As(err, &s):
		return code
	case interrupted(err):
		fmt.Fprintln(a.err, "Interrupted.")
		return code
	case a.opts.output == "json" || a.opts.output == "yaml":
		a.problemData(err)
		return code
	}
	a.explain(err, code)
	return code
}

// problemData writes the problem document of an error.
func (a *app) problemData(err error) {
	b, encodeErr := marshal(client.ProblemOf(err))
	if encodeErr == nil && a.opts.output == "yaml" {
		b, encodeErr = yaml.JSONToYAML(b)
	}
	if encodeErr != nil {
		fmt.Fprintln(a.err, encodeErr)
		return
	}
	fmt.Fprintf(a.err, "%s\n", bytes.TrimRight(b, "\n"))
}

// explain says what happened, why, who can mend it, and how to go on.
func (a *app) explain(err error, code int) {
	p := client.ProblemOf(err)
	paint := a.paint(a.err)
	fmt.Fprintf(a.err, "%s %s %s\n", paint(red, codeWord(code)+":"), clean(p.Error()), paint(dim, "["+clean(p.Code)+"]"))
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(a.err, "  %s  %s\n", paint(dim, fmt.Sprintf("%-4s", name)), clean(text))
		}
	}
	for _, f := range p.Fields {
		line("", f.Path+" "+f.Problem)
	}
	usual := usually[fault.Of(err).Kind]
	line("why", either(ruleText(p.Rule, p.Clause), usual.why))
	line("who", either(p.Who, usual.who))
	line("next", either(p.Next, usual.next))
	line("link", p.Type)
	if cause := causeOf(err); p.Code == client.Unreachable || p.Code == "internal" {
		line("from", cause)
	}
	line("id", p.Request)
}

// usually says why, who and what next where a refusal does not say it itself.
var usually = map[fault.Kind]struct{ why, who, next string }{
	fault.Internal:        {"something broke", "whoever runs the server", "plumb version, and the server's log"},
	fault.Invalid:         {"the request cannot be taken as it is", "you", "mend it, and run the command again"},
	fault.Unauthenticated: {"nobody known is asking", "you", "plumb login"},
	fault.Denied:          {"a rule says no", "a security officer", "plumb whoami"},
	fault.NotFound:        {"it is not there, or not for you to see", "you", "look at the list of what there is"},
	fault.Conflict:        {"the state of things does not allow it", "you", "look at it again with show"},
	fault.Stale:           {"it was changed since it was read", "you", "read it again, then decide"},
	fault.TooLarge:        {"it is over a stated limit", "you", "send less"},
	fault.Limited:         {"too many requests", "you", "wait a little"},
	fault.Unavailable:     {"no answer is not a yes", "whoever runs the server", "try again, with --retry-for 2m"},
}

// causeOf gives the chain behind a refusal, for the person at this machine.
func causeOf(err error) string {
	if f := new(fault.Error); errors.As(err, &f) {
		if err = f.Unwrap(); err == nil {
			return ""
		}
	}
	return err.Error()
}

func ruleText(rule, clause string) string {
	switch {
	case rule == "" && clause == "":
		return ""
	case clause == "":
		return "rule " + rule
	case rule == "":
		return "clause " + clause
	}
	return "rule " + rule + ", clause " + clause
}

var codeWords = map[int]string{wire.ExitInternal: "broken", wire.ExitUsage: "usage", wire.ExitDenied: "denied",
	wire.ExitPending: "pending", wire.ExitMismatch: "mismatch", wire.ExitWindow: "not now", wire.ExitNoChange: "not found",
	wire.ExitIdentity: "not signed in", wire.ExitUnreachable: "unreachable", wire.ExitCommand: "failed"}

func codeWord(code int) string {
	if w, ok := codeWords[code]; ok {
		return w
	}
	return "error"
}

// exitTopic is the help page about the codes.
func exitTopic(*app) *cobra.Command {
	return &cobra.Command{Use: "exit-codes", Short: "What the exit codes mean", Long: `Exit codes, the same for every command:

   0  allowed, or done
   1  unexpected internal error
   2  usage or configuration error, unknown command or flag, input that cannot be taken
   3  denied by policy, rejected or cancelled; the object's state does not allow it
   4  pending: an approval or check is outstanding, or waiting timed out
   5  mismatch: what was observed differs from what was approved; an older revision was seen;
      a ledger or pack that is not whole
   6  outside the window, a freeze, or a conflict
   7  no such change or object
   8  not signed in, or the token lacks the scope
   9  server unreachable or too busy, and no valid permit at hand
  10  gate run: the permit was good, the wrapped command failed; its status is "exit" in -o json

Where several hold, the first of 2, 9, 8, 7, 3, 5, 4, 6 is the code. 124 and above are signals.`}
}

func writeJSON(w io.Writer, v jsontext.Value) error {
	b := v.Clone()
	if err := b.Indent(jsontext.WithIndent("  ")); err != nil {
		return err
	}
	_, err := w.Write(append(b, '\n'))
	return err
}
