package record

import (
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/web/ui"
)

// shut are the codes by which the gate stays shut, in words. The ledger keeps the codes.
var shut = map[string]string{
	"attempt_not_allowed": "it can be run once", "attempt_used": "the permit of this run was used already", "already_running": "a run is under way",
	"executor_not_named": "the change does not name who asked", "executor_approved": "who approved it cannot run it", "executor_role": "who asked lacks the role to run it",
	"unknown_executor": "nobody knows who asked", "on_hold": "it is on hold", "rejected": "it is rejected", "not_running": "nothing runs that could be rolled back",
	"no_rollback_binding": "it has no way back that could be run", "unknown_kind": "there is no such kind of run", "not_set_up": "the server is not set up",
	"draft": "it is a draft", "submitted": "it is only submitted", "assessing": "evidence is missing", "expired": "its approvals ran out", "cancelled": "it is cancelled", "closed": "it is closed",
}

// gateWords says why the gate stayed shut, as its event has it: codes with commas between.
func gateWords(why string) string {
	var out, missing, other []string
	for code := range strings.SplitSeq(why, ", ") {
		if slot, is := strings.CutPrefix(code, "missing:"); is {
			missing = append(missing, ui.Words(slot))
		} else if what, is := strings.CutPrefix(code, "mismatch:"); is {
			other = append(other, what)
		} else if words := shut[code]; words != "" {
			out = append(out, words)
		} else if code != "" {
			out = append(out, ui.Words(code))
		}
	}
	if len(missing) > 0 {
		out = append(out, "still missing: "+strings.Join(missing, ", "))
	}
	if len(other) > 0 {
		out = append(out, "not what was approved: "+strings.Join(other, ", "))
	}
	slices.Sort(out)
	text := strings.Join(slices.Compact(out), "; ")
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
