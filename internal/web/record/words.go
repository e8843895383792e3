package record

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"golang.org/x/mod/sumdb/tlog"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/evidence"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/web/ui"
	"plumbline.dev/plumb/internal/wire"
)

// did are the events of a change in words.
var did = map[string]string{
	"change.filed": "filed it", "change.edited": "reworded it", "change.submitted": "submitted it", "change.approved": "approved it",
	"change.rejected": "rejected it", "change.approval_withdrawn": "withdrew the approval", "change.approval_void": "An approval no longer counts",
	"change.commented": "commented", "change.held": "put it on hold", "change.released": "ended the hold", "change.scheduled": "scheduled it",
	"change.conflict_acknowledged": "accepted a conflict", "change.verified": "verified the result", "change.closed": "closed it",
	"change.cancelled": "cancelled it", "change.expired": "It expired", "change.timer_cleared": "A timer ended",
	"evidence.added": "added evidence", "evidence.exported": "exported evidence", "gate.opened": "opened the gate", "gate.closed": "reported the end of a run",
	"gate.denied": "was refused at the gate", "gate.advised": "asked the gate", "gate.renewed": "renewed the lease of a run",
	"gate.outcome_unknown": "A run ended without a report", "request.denied": "was refused",
}

// deedWords says what an event is, by whom.
func (x *view) deedWords(e ledger.Entry) string {
	words := did[e.Leaf.Verb]
	if words == "" {
		words = ui.Words(strings.ReplaceAll(e.Leaf.Verb, ".", " "))
	}
	if words[0] >= 'A' && words[0] <= 'Z' {
		return words + "."
	}
	who := x.name(e.Leaf.Actor.Person)
	if e.Leaf.Actor.Kind == "service" {
		who = x.name(e.Leaf.Actor.Account)
	}
	return who + " " + words + "."
}

// said is what an event holds in words: a comment or a reason, and beside it where it brought the change.
func said(e ledger.Entry) (text, rest string) {
	var d map[string]any
	if e.Detail == "" || json.Unmarshal([]byte(e.Detail), &d) != nil {
		return "", ""
	}
	word := func(names ...string) string {
		for _, n := range names {
			if s, ok := d[n].(string); ok && s != "" {
				return s
			}
		}
		return ""
	}
	text = word("comment", "reason", "text", "why", "note", "message")
	if e.Leaf.Verb == "gate.denied" || e.Leaf.Verb == "gate.advised" {
		text = gateWords(text)
	}
	var facts []string
	for _, n := range []string{"state", "kind", "status", "outcome", "closure", "verdict", "code", "risk", "with"} {
		if s := word(n); s != "" {
			facts = append(facts, ui.Words(n)+": "+ui.Words(s))
		}
	}
	return text, strings.Join(facts, " · ")
}

func toneOf(e ledger.Entry) string {
	switch {
	case e.Leaf.Outcome == "denied" || e.Leaf.Outcome == "failed" || slices.Contains([]string{"change.rejected", "gate.denied", "change.approval_withdrawn", "change.expired"}, e.Leaf.Verb):
		return "bad"
	case e.Leaf.Verb == "change.approved" || e.Leaf.Verb == "change.closed" || e.Leaf.Verb == "change.verified":
		return "good"
	case strings.HasPrefix(e.Leaf.Verb, "gate."):
		return "accent"
	}
	return ""
}

func riskTone(r policy.Risk) ui.Tone {
	switch r {
	case policy.Low:
		return ui.Good
	case policy.Medium:
		return ui.Warn
	case policy.High:
		return ui.Bad
	}
	return ui.Calm
}

// counts says what a result holds, in words.
func counts(r evidence.Result) string {
	var out []string
	add := func(n int, one string) {
		if n > 0 {
			out = append(out, fmt.Sprintf("%d %s", n, one))
		}
	}
	c := r.Counts
	add(c.Failed, "failed")
	add(c.Errors, "broken")
	add(c.Passed, "passed")
	add(c.Skipped, "skipped")
	add(c.Critical, "critical")
	add(c.High, "high")
	add(c.Medium, "medium")
	add(c.Low, "low")
	add(c.Info, "for information")
	add(c.Suppressed, "suppressed by the file itself")
	add(c.Components, "components")
	if len(out) == 0 {
		return "no counts"
	}
	return strings.Join(out, ", ")
}

func statusTone(status string) ui.Tone {
	switch status {
	case "pass", "success", "done":
		return ui.Good
	case "fail", "failure", "failed":
		return ui.Bad
	case "running", "started", "unknown":
		return ui.Warn
	}
	return ui.Calm
}

// conflictTone and conflictWord say how far a conflict stands in the way.
func conflictTone(c wire.Conflict) ui.Tone {
	switch c.Severity {
	case "block":
		return ui.Bad
	case "ack":
		return ui.Warn
	}
	return ui.Calm
}

func conflictWord(c wire.Conflict) string {
	switch c.Severity {
	case "block":
		return "in the way"
	case "ack":
		return "must be accepted"
	}
	return "for information"
}

// standing says in one sentence what the change waits for.
func (x *view) standing() string {
	c := x.R.Change
	switch c.State {
	case change.Draft:
		return "A draft. It asks nobody anything until it is submitted."
	case change.Assessing:
		return "It waits for evidence: " + ui.Bare(strings.Join(x.R.NeedCheck, ", ")) + "."
	case change.AwaitingApproval:
		return "It waits for people to decide."
	case change.Authorized:
		return "It is approved and may start in its window."
	case change.Scheduled:
		return "It is approved and has its time."
	case change.Implementing:
		return "It is being carried out."
	case change.Verifying:
		if len(x.R.Verify) > 0 {
			return "It ran; still to verify: " + ui.Bare(strings.Join(x.R.Verify, ", ")) + "."
		}
		return "It ran; the result is being looked at."
	case change.InReview:
		return "It ran and waits to be closed."
	case change.Closed:
		return "Closed: " + ui.Words(string(c.Body.Closure)) + "."
	case change.Rejected:
		return "Rejected. It goes on only as a new revision."
	case change.Cancelled:
		return "Cancelled."
	case change.Expired:
		return "Its approvals ran out. Submit it again."
	}
	return ""
}

// pathWords makes the path of a member of the wording readable.
func pathWords(path string) string { return strings.ReplaceAll(path, "_", " ") }

// leafText shows a canonical JSON leaf as a person would write it.
func leafText(leaf string) string {
	var s string
	if json.Unmarshal([]byte(leaf), &s) == nil {
		return s
	}
	return leaf
}

// filled keeps the texts that say something.
func filled(list ...string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}

func owned(t policy.Target) string {
	if t.Owner == "" {
		return ""
	}
	return "owned by " + t.Owner
}

// decided is what somebody did to a wording.
func decided(v change.Verb) string {
	switch v {
	case change.Approval:
		return "approved"
	case change.Rejection:
		return "rejected"
	}
	return ui.Words(string(v))
}

func comma(s string) string {
	if s == "" {
		return ""
	}
	return ", " + s
}

func joined(list []string) string { return strings.Join(list, ", ") }

func closures(list []change.Closure) []ui.Option {
	var names []string
	for _, c := range list {
		names = append(names, string(c))
	}
	return ui.Options(names...)
}

// leafHash is the hash of an event's leaf in the tree (RFC 6962, 2.1).
func leafHash(e ledger.Entry) string {
	h := tlog.RecordHash([]byte(e.Text))
	return h.String()
}

// viewedBy reads what a decision's statement says was shown.
func viewedBy(d change.Decision) change.Viewed {
	var env seal.Envelope
	if json.Unmarshal([]byte(d.Statement), &env) != nil {
		return change.Viewed{}
	}
	payload, err := base64.StdEncoding.DecodeString(env.Payload)
	var s seal.Statement[change.ApprovalPredicate]
	if err != nil || json.Unmarshal(payload, &s) != nil {
		return change.Viewed{}
	}
	return s.Predicate.Viewed
}
