package server_test

import (
	"slices"

	"plumbline.dev/plumb/internal/server/servertest"
	"plumbline.dev/plumb/internal/wire"
)

// This file is the written rules again, as a plain model of one change: what the design says about
// states, guards and people, told without the engine's code. The API is held against it step by step.

// who asks: their way in, the person behind it, and the account that the gate knows them by.
type asker struct{ name, person, account string }

func askerOf(name string) asker {
	switch {
	case name == servertest.CI:
		return asker{name, servertest.Ivy, servertest.CI}
	case len(name) > 6 && name[:6] == "token:":
		return asker{name, name[6:], name[6:]}
	}
	return asker{name, name, name}
}

func (a asker) session() bool { return a.name == a.person && a.name != servertest.Strange }

// no is what the rules object to: with must the answer is no, with may the rules leave it open, and
// then nothing is to be concluded from a yes. Several rules can object at once; which one is named is
// not part of the rules.
type no struct {
	must, may []string
}

func (n *no) when(holds bool, code string) {
	if holds {
		n.must = append(n.must, code)
	}
}

func (n *no) open(holds bool, code string) {
	if holds {
		n.may = append(n.may, code)
	}
}

// door is what is refused before any rule about the change is asked: nobody, auditors who write, and
// tokens that decide.
func door(a asker, decides bool) string {
	switch {
	case a.name == servertest.Strange:
		return "not_signed_in"
	case decides && !a.session(), a.person == servertest.Audra:
		return "not_allowed"
	}
	return ""
}

// wording is what the model knows of a revision.
type wording struct {
	Summary int    // one of a few texts, so that people edit back to what was there
	Bytes   string // what is to be run
	Who     int    // index into crews
}

// crews are the executors that a wording can name: the pipeline, Ivy in person, both, and Emil, who
// holds an approving role but not that of an implementer.
var crews = [][]string{{servertest.CI}, {servertest.Ivy}, {servertest.CI, servertest.Ivy}, {servertest.CI, servertest.Emil}}

// run is one permit that the gate gave.
type run struct {
	ID, Kind, Holder, Key, Outcome string
	Fence                          int64
}

// report is one result of tests that somebody brought.
type report struct {
	asker
	passed bool
}

// book is one change as the rules have it.
type book struct {
	State     string
	Rev       int
	Now       wording
	Requester string
	Authors   []string
	Words     map[string]string   // person → approve or reject, this round on this wording
	Tests     map[string][]report // bytes → what was reported of them, in that order
	Holder    string              // who put it on hold, "" for none
	Runs      []run
	Verified  bool
	Demanded  bool // it was submitted, so the policy has said what it demands
}

func newBook(a asker, w wording) *book {
	return &book{State: "draft", Rev: 1, Now: w, Requester: a.person, Authors: []string{a.person}, Words: map[string]string{}, Tests: map[string][]report{}}
}

func (b *book) in(states ...string) bool { return slices.Contains(states, b.State) }

// executors are the people behind those whom the wording names.
func (b *book) executors() []string {
	var out []string
	for _, x := range crews[b.Now.Who] {
		out = append(out, askerOf(x).person)
	}
	return out
}

// barred says why somebody's word cannot count: approvers are neither authors nor executors.
func (b *book) barred(person string) []string {
	var why []string
	if slices.Contains(b.Authors, person) || person == b.Requester {
		why = append(why, "self_approval")
	}
	if b.ran(askerOf(person)) || slices.Contains(b.executors(), person) {
		why = append(why, "executor_approval")
	}
	return why
}

// filled counts how many of the two slots these people fill, each person at most one.
func filled(people []string) int {
	best := 0
	holds := func(p, role string) bool { return slices.Contains(approvers[p], role) }
	for _, x := range append(people, "") {
		for _, y := range append(people, "") {
			n := 0
			if holds(x, "security-lead") {
				n++
			}
			if x != y && holds(y, "engineering-lead") {
				n++
			}
			best = max(best, n)
		}
	}
	return best
}

// counting are the people whose approval counts, with a further executor known or not.
func (b *book) counting(executor string) []string {
	var out []string
	for p, word := range b.Words {
		if word == "approve" && len(b.barred(p)) == 0 && p != executor {
			out = append(out, p)
		}
	}
	return out
}

func (b *book) satisfiable() bool {
	var left []string
	for p := range approvers {
		if len(b.barred(p)) == 0 {
			left = append(left, p)
		}
	}
	return filled(left) == 2
}

func (b *book) running() bool {
	return slices.ContainsFunc(b.Runs, func(r run) bool { return r.Outcome == "running" })
}

// outcome is how the newest run of a kind ended, "" when there was none.
func (b *book) outcome(kind string) string {
	for _, r := range slices.Backward(b.Runs) {
		if r.Kind == kind {
			return r.Outcome
		}
	}
	return ""
}

// The rules, one function per thing that can be asked for. seen is the wording that the asker looked at.

func (b *book) edit(a asker, w wording, fresh bool) (n no) {
	n.when(!slices.Contains(b.Authors, a.person) && !slices.Contains(crews[b.Now.Who], a.account), "not_author")
	n.when(!fresh, "stale")
	n.when(!b.in("draft", "assessing", "awaiting_approval", "authorized", "rejected"), "not_editable")
	n.when(w == b.Now, "no_difference")
	return n
}

func (b *book) edited(a asker, w wording) {
	b.Now, b.State, b.Words = w, "draft", map[string]string{}
	b.Rev++
	if !slices.Contains(b.Authors, a.person) {
		b.Authors = append(b.Authors, a.person)
	}
}

func (b *book) submit(a asker, fresh bool) (n no) {
	n.when(!fresh, "stale")
	n.when(!slices.Contains(b.Authors, a.person), "not_author")
	n.when(b.in("rejected"), "needs_new_revision")
	n.when(!b.in("draft", "rejected"), "not_draft")
	n.when(!b.satisfiable(), "unsatisfiable")
	return n
}

func (b *book) submitted() {
	b.Words, b.Demanded = map[string]string{}, true
	b.assess("assessing")
}

// assess lets approvals begin once the bytes are tested; what turns red later closes the gate only.
func (b *book) assess(from string) {
	b.State = from
	if from == "assessing" && b.passes(b.Now.Bytes) {
		b.State = "awaiting_approval"
	}
}

func (b *book) approve(a asker, fresh bool) (n no) {
	n.when(!fresh, "stale")
	n.when(b.in("assessing"), "checks_missing")
	n.when(!b.in("awaiting_approval"), "not_awaiting")
	n.must = append(n.must, b.barred(a.person)...)
	n.when(b.Words[a.person] != "", "decided_already")
	n.when(filled(append(b.counting(""), a.person)) <= filled(b.counting("")), "no_slot")
	return n
}

func (b *book) approved(a asker) {
	b.Words[a.person] = "approve"
	if filled(b.counting("")) == 2 {
		b.State = "authorized"
	}
}

func (b *book) reject(a asker, fresh, reason bool) (n no) {
	n.when(!fresh, "stale")
	n.when(!reason, "no_reason")
	n.when(!b.in("assessing", "awaiting_approval", "authorized"), "not_pending")
	n.must = append(n.must, b.barred(a.person)...)
	n.when(filled([]string{a.person}) == 0, "no_slot")
	n.open(!b.Demanded, "no_slot") // nothing is demanded before the submission, so nobody holds a slot
	return n
}

func (b *book) withdraw(a asker) (n no) {
	n.when(len(b.Runs) > 0, "permit_used")
	n.when(b.Words[a.person] != "approve", "nothing_to_withdraw")
	return n
}

func (b *book) withdrawn(a asker) {
	delete(b.Words, a.person)
	if b.in("authorized") {
		b.State = "awaiting_approval"
	}
}

// mayHold: an author, or somebody whose role approves.
func (b *book) mayHold(a asker) bool {
	return slices.Contains(b.Authors, a.person) || len(approvers[a.person]) > 0
}

func (b *book) hold(a asker, reason bool) (n no) {
	n.when(!reason, "no_reason")
	n.when(!b.mayHold(a), "not_allowed")
	n.when(b.in("closed", "cancelled"), "over")
	n.open(b.in("rejected"), "over")
	return n
}

func (b *book) release(a asker) (n no) {
	author := slices.Contains(b.Authors, a.person)
	n.when(b.Holder == "", "not_held")
	n.when(a.person != b.Holder && (author || len(approvers[a.person]) == 0), "not_allowed")
	return n
}

func (b *book) cancel(a asker, reason bool) (n no) {
	n.when(!reason, "no_reason")
	n.when(!slices.Contains(b.Authors, a.person), "not_author")
	n.when(!b.in("draft", "assessing", "awaiting_approval", "authorized", "rejected"), "permit_used")
	return n
}

func (b *book) evidence(bytes string) (n no) {
	n.when(b.in("closed", "cancelled"), "over")
	n.open(b.in("rejected"), "over")
	n.when(bytes != b.Now.Bytes, "wrong_subject")
	return n
}

func (b *book) tested(a asker, bytes, result string) {
	b.Tests[bytes] = append(b.Tests[bytes], report{a, result == "pass"})
	b.assess(b.State)
}

// passes: something passed, and each failure before it was answered: by the same account; else by nobody who wrote the change, and
// where a program failed, by a program.
func (b *book) passes(bytes string) bool {
	var open []report
	for _, r := range b.Tests[bytes] {
		if !r.passed {
			open = append(open, r)
			continue
		}
		author := r.person == b.Requester || slices.Contains(b.Authors, r.person)
		open = slices.DeleteFunc(open, func(f report) bool {
			return r.account == f.account || !author && (r.name == servertest.CI || f.name != servertest.CI)
		})
	}
	return len(b.Tests[bytes]) > 0 && len(open) == 0
}

// gate is the exit code for what is presented, by the written order of codes. Only implementers carry
// out in person; of a draft that role is not demanded yet, so its executor may hear the other code.
func (b *book) gate(a asker, kind, bytes string) (code, other int) {
	unfit := a.name != servertest.CI && a.person != servertest.Ivy
	code = b.verdict(a, kind, bytes, unfit)
	if b.in("draft") {
		return code, b.verdict(a, kind, bytes, false)
	}
	return code, code
}

func (b *book) verdict(a asker, kind, bytes string, unfit bool) int {
	apply := kind == wire.KindApply
	named := slices.Contains(crews[b.Now.Who], a.account)
	denied := b.in("rejected", "cancelled", "closed") || b.Holder != "" || !named || unfit ||
		b.Words[a.person] == "approve" || b.outcome(kind) != "" || apply && b.in("verifying", "in_review") ||
		!apply && !b.in("implementing", "verifying")
	for _, word := range b.Words {
		denied = denied || word == "reject"
	}
	right := b.Now.Bytes
	if !apply {
		right = "back"
	}
	pending := filled(b.counting(a.person)) < 2 || b.in("draft") || apply && !b.passes(b.Now.Bytes)
	switch {
	case denied:
		return wire.ExitDenied
	case bytes != right:
		return wire.ExitMismatch
	case pending:
		return wire.ExitPending
	}
	return wire.ExitAllowed
}

// ended follows a run's end: nothing is verified while anything runs; a success waits for the owner's
// word, and what did not go as wished for somebody who closes it.
func (b *book) ended() {
	switch {
	case b.running():
		b.State = "implementing"
	case b.outcome(wire.KindApply) == "success" && b.outcome(wire.KindRollback) == "" && b.Verified:
		b.State = "in_review"
	default:
		b.State = "verifying"
	}
}

func (b *book) finish(i int, a asker, fence int64) (n no) {
	r := b.Runs[i]
	n.when(a.account != r.Holder, "not_holder")
	n.when(fence != r.Fence, "fenced_off")
	n.when(r.Outcome != "running", "closed_already")
	return n
}

// verify: the owner of a target that nobody knows is the Security Lead, and nobody judges their own work.
func (b *book) verify(a asker) (n no) {
	n.when(!b.in("implementing", "verifying"), "not_verifying")
	n.open(b.in("implementing"), "not_verifying")
	n.when(b.Verified, "no_verification")
	n.when(!slices.Contains(approvers[a.person], "security-lead"), "not_owner")
	n.when(b.ran(a), "executor_verification")
	n.when(len(b.barred(a.person)) > 0, "own_check")
	return n
}

func (b *book) verified() {
	b.Verified = true
	b.ended()
}

// ran reports whether somebody carried out any of it.
func (b *book) ran(a asker) bool {
	return slices.ContainsFunc(b.Runs, func(r run) bool { return askerOf(r.Holder).person == a.person })
}

// settled: what failed or was brought back is closed as it is, when nothing runs any more.
func (b *book) settled() bool {
	return b.in("in_review") || b.in("verifying") && (b.outcome(wire.KindApply) == "failure" || b.outcome(wire.KindRollback) != "")
}

// close: what ended well and was not risky may be closed by who ran it; what risk there is, the server says.
func (b *book) close(a asker, code string, risky bool) (n no) {
	rolled, applied := b.outcome(wire.KindRollback) == "success", b.outcome(wire.KindApply)
	n.when(!b.settled(), "not_in_review")
	n.open(b.in("verifying", "implementing"), "not_verified")
	n.open(b.in("implementing"), "still_running")
	n.when(code == "successful" && (applied != "success" || b.outcome(wire.KindRollback) != ""), "dishonest_closure")
	n.when(code == "backed_out" && !rolled, "dishonest_closure")
	n.open(code == "failed" && (applied != "failure" || rolled), "dishonest_closure")
	n.when((risky || code != "successful") && b.ran(a), "own_review")
	return n
}
