package prove

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// grants reads the events that gave or took roles. Which row they wrote stands in the clear in the leaf.
func (v *verifier) grants(b []byte) {
	last := int64(-1)
	v.eachLine(rolesFile, b, func(x line) bool {
		if x.Event == nil || !x.Event.bare() || x.Event.Seq <= last {
			v.fault("member", rolesFile, "The events that granted roles are not in order, or not proved.")
			return false
		}
		e, _, ok := v.proven(*x.Event)
		if !ok {
			return false
		}
		last = x.Event.Seq
		for _, r := range e.leaf.Rows {
			if r[0] != grantTable {
				continue
			}
			v.turns = append(v.turns, turn{id: r[1], seq: e.seq, held: r[2] != ""})
		}
		return true
	})
}

// turn is a role given or taken.
type turn struct {
	id   string
	seq  int64
	held bool
}

// checkRoles looks, for each role that a decision counted in, whether the events show that the person
// held it directly when they decided. Where they do not, it came through a group, and stays the
// server's word.
func (v *verifier) checkRoles() {
	latest := map[string][]turn{}
	for _, t := range v.turns {
		latest[t.id] = append(latest[t.id], t)
	}
	for k, seqs := range v.used {
		for _, seq := range seqs {
			v.told.roleSaid++
			if held, known := heldAt(latest[grantID(k[0], k[1])], seq); known && held {
				v.told.roleShown++
			}
		}
	}
	v.turns = nil
}

func heldAt(turns []turn, seq int64) (held, known bool) {
	for _, t := range turns {
		if t.seq < seq {
			held, known = t.held, true
		}
	}
	return held, known
}

func instant(micros int64) string { return time.UnixMicro(micros).UTC().Format(time.RFC3339) }

func many(n int64, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// conclude says what was proved; it is called for a whole pack only.
func (v *verifier) conclude() {
	r, t := v.report, v.told
	r.Decisions, r.Permitted = t.decisions, t.permits
	r.prove("Every byte of the file is as it was written: %s, signed by install %s.", many(r.Counts.Members, "member", "members"), r.Install)
	r.prove("The checkpoint of ledger %s is signed: %s, root %s.", r.Origin, many(r.Size, "event", "events"), r.Root)
	if v.run0.earlier != nil && v.run0.met {
		r.prove("The ledger continues the checkpoint of %s that you hold; nothing before it was changed.", many(v.run0.earlier.Size, "event", "events"))
	}
	v.concludePopulation()
	if t.outside > 0 && v.m.Run != nil {
		r.prove("%s outside the run, each with a proof that it is in the signed tree.", many(t.outside, "event stands", "events stand"))
	}
	r.prove("%s, and none that the events name is missing: requests, revisions, decisions, evidence, permits, comments.",
		many(t.rows+t.hidden, "row is as its last event left it", "rows are as their last events left them"))
	if t.details+t.opened > 0 {
		r.prove("The words of %s are those that the ledger committed to.", many(t.details+t.opened, "event", "events"))
	}
	r.prove("The digest of %s was computed again from its wording.", many(t.revisions, "revision", "revisions, each"))
	if t.decisions > 0 {
		r.prove("%s by a signed statement on one exact wording under one exact policy; no approval is by an author or executor of the change.",
			many(t.decisions, "decision is shown", "decisions are shown"))
	}
	v.concludeReplay()
	if r.Counts.Documents > 0 {
		r.prove("%s that the changes refer to.", many(r.Counts.Documents, "document is byte for byte the one", "documents are byte for byte those"))
	}
}

func (v *verifier) concludePopulation() {
	r, run := v.report, v.m.Run
	if run == nil {
		r.prove("%s of %s in the signed tree, each with its own proof; the newest is number %d.", many(v.told.outside, "event stands", "events stand"), r.Change, v.told.lastEvents)
		return
	}
	r.prove("The pack holds every event from number %d to %d without a gap: together they give the signed root.", run.First, run.Last)
	filed := ""
	if v.run0.filed > 0 {
		filed = fmt.Sprintf(", %s to %s without a gap", v.run0.low, v.run0.high)
	}
	r.prove("The population is complete: from %s to %s the events are about %s, and each is in the pack; %s filed then%s.",
		instant(r.From), instant(r.To), many(r.Counts.Changes, "change", "changes"), many(v.run0.filed, "was", "were"), filed)
}

func (v *verifier) concludeReplay() {
	r, t := v.report, v.told
	if t.approved > 0 {
		r.prove("%s: the archived policy demands again what was recorded, and the decisions fill every slot with at least %d different people.",
			many(t.approved, "authorization was replayed", "authorizations were replayed"), t.fewest)
	}
	if t.automatic > 0 {
		r.prove("%s by a standard model of the policy, each with all its criteria recorded as passed.", many(t.automatic, "change was authorized", "changes were authorized"))
	}
	if n := int64(len(v.lent.list)); n > 0 && t.decisions > 0 {
		r.prove("%s shown with the events that answer for it: no human counts twice through one, nor as approver of what they could have asked for, written or executed.",
			many(n, "time in which an account could have been another's is", "times in which an account could have been another's are, each"))
	}
	if t.roleShown > 0 {
		r.prove("%d of %s in which people decided are shown by the events that granted them.", t.roleShown, many(t.roleSaid, "role", "roles"))
	}
	if t.permits > 0 {
		r.prove("%s signed, each released once, in the order of fencing numbers, to an executor whom the change names, for exactly what it binds, within the life of its approvals.",
			many(t.permits, "permit is", "permits are"))
	}
	if t.runs > 0 {
		var list []string
		for _, k := range sortedKeys(t.outcomes) {
			list = append(list, fmt.Sprintf("%d %s", t.outcomes[k], k))
		}
		r.prove("%s: %s.", many(t.runs, "execution", "executions"), strings.Join(list, ", "))
	}
	if t.closed > 0 {
		r.prove("%s with a code that the recorded outcomes allow.", many(t.closed, "change is closed", "changes are closed"))
	}
}

// limits says what a pack cannot show, whole or not.
func (v *verifier) limits() {
	r, t := v.report, v.told
	if !r.Pinned && r.Ledger != "" {
		r.lack("The keys are those in the pack. Compare their fingerprints with ones you got another way: ledger %s, permits %s.", r.Ledger, r.Permits)
	}
	switch old := v.run0.earlier; {
	case old == nil:
		r.lack("That this is the only history: no independent witness has signed the checkpoint. Keep it, and give it to the next verification.")
	case !v.run0.met && old.Size > r.Size:
		r.lack("That the ledger continues the checkpoint you hold: the pack is older than it.")
	case !v.run0.met:
		r.lack("That the ledger continues the checkpoint you hold: export again with a proof since %d events.", old.Size)
	}
	if r.Kind == oneChange {
		r.lack("That nothing more happened to %s after event %d: only a pack of a period, which holds all events, shows that.", r.Change, t.lastEvents)
	}
	if run := v.m.Run; run != nil {
		if run.Last < r.Size-1 {
			r.lack("That nothing more happened to the changes after event %d: the run of events ends there.", run.Last)
		} else if !v.run0.after {
			r.lack("What comes after event %d: the period goes on past the newest checkpoint.", run.Last)
		}
	}
	r.lack("That the people themselves signed: decisions are asserted by the server, from a person's signed-in session.")
	r.lack("The time of day: instants are the server's clock. The order of events is proved, by number.")
	if t.approved+t.automatic > 0 {
		r.lack("How often earlier changes failed, and whether a standard model was active: these enter the policy's answer as the server recorded them.")
	}
	r.lack("Changes made outside the gate: those are found by comparing production with the record.")
	switch {
	case t.decisions == 0:
	case !v.m.Lendings:
		r.lack("Whether an account that decided could have been another's: the pack is from before that was shown.")
	case r.Kind == oneChange:
		r.lack("That no officer issued one-time codes for these accounts beyond those shown: only a pack of a period, which holds all events, shows that.")
	case v.m.Run.First > 0:
		r.lack("That no officer issued one-time codes beyond those shown before event %d.", v.m.Run.First)
	}
	v.limitsOfContent()
}

func (v *verifier) limitsOfContent() {
	r, t := v.report, v.told
	if slices.Contains(r.Withheld, Names) {
		r.lack("Who the people are: names are withheld, people are shown by opaque ids.")
	} else {
		r.lack("That the ids belong to the names: names are the server's word.")
	}
	if t.hidden > 0 {
		r.lack("What %s: shown by digest, decisions and permits by their signed statements too.", many(t.hidden, "withheld row says", "withheld rows say"))
	}
	if t.opened > 0 {
		r.lack("Part of the words of %s: withheld, or erased.", many(t.opened, "event", "events"))
	}
	if t.unsaid > 0 {
		r.lack("The words of %s: withheld, or erased.", many(t.unsaid, "event", "events"))
	}
	if n := t.roleSaid - t.roleShown; n > 0 {
		r.lack("That people held %s when they decided, beyond what their signed statements say: such come through groups.", many(n, "role", "roles"))
	}
	if n := int64(len(v.refs)) - r.Counts.Documents; n > 0 {
		r.lack("The content of %s: withheld, or not stored.", many(n, "document", "documents"))
	}
}
