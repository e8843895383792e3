package fleet

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// mayReport refuses an agent that is revoked, or whose key two hosts hold: neither is believed until somebody has looked.
func (a Agent) mayReport() error {
	switch {
	case a.Revoked != 0:
		return fault.New(fault.Denied, "agent_revoked", "This agent was revoked.").FixedBy("a security officer").
			Then("plumb agent token --out FILE; then, on the host, rm -r the agent's folder; plumb agent enrol --enrolment FILE")
	case a.Conflict != 0:
		return keyShared()
	}
	return nil
}

func keyShared() error {
	return fault.New(fault.Conflict, "key_shared", "Two hosts report with this agent's key, so neither is believed.").
		FixedBy("a security officer").Then("plumb agent revoke AGENT; then plumb agent token, for each host")
}

// heard is how far one boot of an agent has counted.
type heard struct {
	agent, boot        string
	seq, sent, firstAt int64
	kernel             bool // a start that is new, of a boot of the kernel that was heard before
}

// kernelOf gives the part of a boot that names the boot of the kernel; the rest names the start of the agent in it.
func kernelOf(boot string) string {
	kernel, _, _ := strings.Cut(boot, ".")
	return kernel
}

// counted is the rule against replays and clones. A message counts once, in the order of its boot. A boot that another one
// followed does not come back on one host: when it does, with a number that is new, two hosts use one key. So it is when a new start of the
// agent, as a timer makes them, is in a boot of the kernel that another one followed.
func counted(p Presence, known heard, found bool, r wire.Report) (cloned bool, err error) {
	stale := func(why string) error {
		return fault.New(fault.Conflict, "seen_before", "This message was counted before, or comes after a newer one: %s.", why).
			FixedBy("whoever runs the host").Then("plumb agent status")
	}
	switch {
	case found && r.Seq <= known.seq:
		return false, stale("its number is not above the last one of this boot")
	case found && p.Boot != r.Boot:
		return true, keyShared()
	case !found && r.Sent <= p.horizon:
		return false, stale("it is of a boot long past")
	case !found && known.kernel && kernelOf(p.Boot) != kernelOf(r.Boot):
		return true, keyShared()
	}
	return false, nil
}

// confirmEvery is how long facts that did not change may wait to be confirmed in the inventory.
const confirmEvery = 5 * time.Minute

// untaken is how long a state waits to be taken into the inventory before a newer one may stand in for it.
const untaken = 10 * time.Minute

// take is the rule for what a report does to the facts held of a host. next is nil when nothing changes.
func take(held wire.Facts, root string, r wire.Report) (next wire.Facts, a wire.ReportAnswer, err error) {
	if root == "" {
		held = nil
	}
	switch {
	case r.Root == root:
		a.State = wire.AgentUnchanged
		return nil, a, nil
	case r.Base != "" && r.Base == root:
		next = held.With(r.Set, r.Gone)
	case len(r.Whole) > 0:
		if next, err = replace(held, r); err != nil {
			return nil, a, err
		}
	case len(r.Buckets) > 0:
		a.State, a.Buckets, err = wire.AgentWhole, nil, nil
		if a.Buckets, err = differing(held, r.Buckets); err != nil {
			return nil, a, err
		}
		return nil, a, nil
	case root == "":
		a.State = wire.AgentWhole
		for i := range int64(wire.AgentBuckets) {
			a.Buckets = append(a.Buckets, i)
		}
		return nil, a, nil
	default:
		a.State = wire.AgentBucketsOf
		return nil, a, nil
	}
	if err := check(next); err != nil {
		return nil, a, err
	}
	if next.Root() != r.Root {
		return nil, a, badReport("its facts do not have the digest that it names")
	}
	a.State = wire.AgentAccepted
	return next, a, nil
}

// replace puts whole buckets in the place of those held.
func replace(held wire.Facts, r wire.Report) (wire.Facts, error) {
	var gone []string
	for path := range held {
		if slices.Contains(r.Whole, wire.Bucket(path)) {
			gone = append(gone, path)
		}
	}
	for path := range r.Set {
		if !slices.Contains(r.Whole, wire.Bucket(path)) {
			return nil, badReport("it sets a fact of a bucket that it does not send")
		}
	}
	return held.With(r.Set, gone), nil
}

// differing lists the buckets whose digests differ.
func differing(held wire.Facts, theirs []string) (out []int64, err error) {
	if len(theirs) != wire.AgentBuckets {
		return nil, badReport("it has not as many buckets as there are")
	}
	for i, mine := range held.Buckets() {
		if mine != theirs[i] {
			out = append(out, int64(i))
		}
	}
	if len(out) == 0 {
		return nil, badReport("its buckets are those held, and its root is not")
	}
	return out, nil
}

func badReport(why string) error {
	return fault.New(fault.Invalid, "bad_report", "The report cannot be taken: %s.", why).FixedBy("whoever runs the host").Then("plumb agent status")
}

// check refuses facts that nobody could show or compare: too many, too long, not in the one form.
func check(f wire.Facts) error {
	if len(f) > wire.MaxFacts {
		return badReport("it has more facts than one host has")
	}
	size := 0
	for path, v := range f {
		size += len(path) + len(v)
		switch {
		case path == "" || len(path) > wire.MaxFactPath || !plain(path):
			return badReport("a fact's path is empty, too long, or holds what cannot be shown")
		case len(v) > wire.MaxFactValue || !canonical(v):
			return badReport("a fact's value is too long or not in the one form for it")
		}
	}
	if size > wire.MaxReport {
		return badReport("it is larger than what one host has to say")
	}
	return nil
}

func plain(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) })
}

// canonical reports whether a value is a string, an integer, a boolean or a sorted set of strings, in the one way to write it.
func canonical(v jsontext.Value) bool {
	switch v.Kind() {
	case 't', 'f':
		return string(v) == "true" || string(v) == "false"
	case '0':
		n, err := strconv.ParseInt(string(v), 10, 64)
		return err == nil && strconv.FormatInt(n, 10) == string(v)
	case '"':
		return canonicalText(v)
	case '[':
		var list []string
		if json.Unmarshal(v, &list) != nil || !slices.IsSorted(list) || len(slices.Compact(slices.Clone(list))) != len(list) {
			return false
		}
		b := []byte{'['}
		for i, s := range list {
			if i > 0 {
				b = append(b, ',')
			}
			text, err := seal.AppendText(nil, s)
			if err != nil || !plain(s) {
				return false
			}
			b = append(b, text...)
		}
		return string(append(b, ']')) == string(v)
	}
	return false
}

func canonicalText(v jsontext.Value) bool {
	s, err := jsontext.AppendUnquote(nil, v)
	if err != nil || !plain(string(s)) {
		return false
	}
	b, err := seal.AppendText(nil, string(s))
	return err == nil && string(b) == string(v)
}

// line makes a text of somebody else one line that can be shown.
func line(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if s = strings.TrimSpace(s); len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "")
	}
	return s
}
