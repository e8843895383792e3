package change

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
	"plumbline.dev/plumb/policies"
)

// This file explores the approval machine exhaustively: the rules themselves, in every order in which
// seven people, two executors, edits, lost roles, a disabled person, a tightened and loosened policy and
// the passing of time can meet within the bounds below. Beside the machine runs a history of what
// people did; after each release by the gate the history is judged by a specification that shares no
// code with the machine.

// The people. Kim both approves and executes; Lou holds both roles.
const (
	ann = "per_ann" // asks
	bob = "per_bob" // security-lead
	cat = "per_cat" // engineering-lead
	lou = "per_lou" // security-lead and engineering-lead
	eve = "per_eve" // executor
	kim = "per_kim" // second executor, engineering-lead
	off = "per_off" // security-officer
)

var modelRoles = map[string][]string{
	ann: {"engineering-lead"}, bob: {"security-lead"}, cat: {"engineering-lead"},
	lou: {"engineering-lead", "security-lead"}, eve: {"implementer"}, kim: {"engineering-lead", "implementer"},
	off: {"security-officer"},
}

// world is one state of the machine with its history.
type world struct {
	snap    Snapshot
	strict  bool            // the stricter pack is in force
	history history         //
	lost    map[string]bool // people who lost their approving roles
	gone    map[string]bool // disabled people
	late    bool            // the approvals' life is over
	later   []*policy.Pack  // packs that came into force since the submission
	lending lending         // whose account an officer can use
}

// history is what happened, in the specification's own words.
type history struct {
	authors map[string]bool
	words   map[string]string // person → digest they approved last, "no" for a rejection; withdrawn ones are absent
	strict  bool              // a stricter pack was in force at or after the submission
	runs    int
	lent    lentHistory
}

const (
	goodBytes  = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	otherBytes = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	modelNow   = int64(1_800_000_000_000_000)
	muchLater  = modelNow + 40*24*3600*1_000_000
)

// machine holds what all worlds share.
type machine struct {
	base, tight *policy.Pack
	rosters     map[string]*directory.Roster // by who lost what; the same people give the same roster
	held        map[string]Snapshot          // by packs and wording; the same give the same demand
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	base, err := policy.Load(shipped(t))
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	for _, f := range base.Files() {
		text := strings.Replace(f.Text, "- {role: security-lead, min: 1}\n      - {role: engineering-lead, min: 1}",
			"- {role: security-lead, min: 1}\n      - {role: engineering-lead, min: 1}\n      - {role: security-officer, min: 1}", 1)
		files[f.Path] = &fstest.MapFile{Data: []byte(text)}
	}
	tight, err := policy.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	if tight.Digest() == base.Digest() {
		t.Fatal("the stricter pack is the same pack")
	}
	return &machine{base: base, tight: tight, rosters: map[string]*directory.Roster{}, held: map[string]Snapshot{}}
}

func shipped(t *testing.T) fs.FS {
	t.Helper()
	f, err := policies.Pack(policies.Default)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// start is a draft of ann's. Its first wording names further people to carry it out, who may reword it by
// that; no later wording does.
func (m *machine) start(t *testing.T, named ...string) *world {
	t.Helper()
	mat := Material{Type: "normal", Category: "configuration", Summary: "rev 1", Justification: "needed",
		Components: []string{"web"}, Targets: []string{"web-prod"}, Rollback: Rollback{Text: "put it back", Binding: &Binding{Kind: "runbook", Name: "back.sh", Digest: otherBytes}},
		Bindings:     []Binding{{Kind: "config-file", Name: "app.conf", Digest: goodBytes, Repo: "example-web"}},
		Implementers: []Executor{{Person: eve}, {Person: kim}}}
	for _, p := range named {
		mat.Implementers = append(mat.Implementers, Executor{Person: p})
	}
	canonical, digest, err := mat.Digest()
	if err != nil {
		t.Fatal(err)
	}
	c := Change{ID: "CHG-000001", Number: 1, State: Draft, Type: "normal", Category: mat.Category, Requester: ann, Rev: 1,
		RevDigest: digest, Body: Body{Authors: []string{ann}}}
	w := &world{lost: map[string]bool{}, gone: map[string]bool{},
		history: history{authors: map[string]bool{ann: true}, words: map[string]string{}}}
	w.snap = Snapshot{Change: c, Revision: Revision{N: 1, Digest: digest, Canonical: string(canonical), Material: mat},
		Checks: []CheckResult{{Kind: "tests", Subject: goodBytes, Status: "pass", At: modelNow - 1}}, SetUp: true}
	m.refresh(w)
	return w
}

// refresh recomputes what a load would read from elsewhere: people and policy.
func (m *machine) refresh(w *world) {
	s := &w.snap
	s.Pack = m.base
	if w.strict {
		s.Pack = m.tight
	}
	key := fmt.Sprint(s.Frozen.Policy, s.Change.RevDigest, w.strict, slices.Contains(w.later, m.base), slices.Contains(w.later, m.tight))
	h, known := m.held[key]
	if !known {
		s.holdTo(w.later)
		h = Snapshot{Demand: s.Demand, PackNo: s.PackNo}
		m.held[key] = h
	}
	s.Demand, s.PackNo = h.Demand, h.PackNo
	key = fmt.Sprint(w.lost, w.gone, w.lending)
	if m.rosters[key] == nil {
		m.rosters[key] = w.people()
	}
	s.Roster = m.rosters[key]
	s.findAuthors()
}

// people are those who are there in this world, with the roles they hold.
func (w *world) people() *directory.Roster {
	var persons []directory.Person
	var grants []directory.RoleGrant
	for id, roles := range modelRoles {
		p := directory.Person{ID: directory.PersonID(id), Name: id}
		if w.gone[id] {
			p.Disabled = 1
		}
		persons = append(persons, p)
		for _, r := range roles {
			if !(w.lost[id] && r != "implementer") {
				grants = append(grants, directory.RoleGrant{Role: directory.RoleName(r), Holder: id, Since: 1})
			}
		}
	}
	return directory.RosterOf(persons, nil, grants, modelNow, w.lending.list()...)
}

// now is the instant of the world.
func (w *world) now() int64 {
	if w.late {
		return muchLater
	}
	return modelNow + w.lending.tick
}

func session(person string) fault.Actor {
	return fault.Actor{Person: person, Account: "acc_" + person, Kind: fault.Human, Authn: fault.Session}
}

// step is one thing that somebody tries. It returns false where the machine refused.
type step struct {
	name string
	try  func(*machine, *world) bool
}

func edit(by string) step {
	return step{"edit by " + by, func(m *machine, w *world) bool {
		s := &w.snap
		if s.Change.Rev >= 2 || s.mayEdit(session(by), s.Change.RevDigest) != nil {
			return false
		}
		mat := s.Revision.Material
		mat.Summary = fmt.Sprintf("rev %d", s.Change.Rev+1)
		mat.Implementers = mat.Implementers[:2]
		canonical, digest, _ := mat.Digest()
		if _, err := s.reword(session(by), mat, digest); err != nil {
			return false
		}
		s.Revision = Revision{N: s.Change.Rev, Digest: digest, Canonical: string(canonical), Material: mat}
		w.history.authors[by] = true
		return true
	}}
}

func submit() step {
	return step{"submit", func(m *machine, w *world) bool {
		s := &w.snap
		if s.submit(session(ann), s.Change.RevDigest, w.now()) != nil {
			return false
		}
		s.assess(w.now())
		w.history.words = map[string]string{} // a new round: earlier words are about another submission
		w.history.strict, w.later = w.strict, nil
		return true
	}}
}

func word(verb Verb, by string, seen func(*world) string) step {
	return step{string(verb) + " by " + by, func(m *machine, w *world) bool {
		s := &w.snap
		digest := seen(w)
		var err error
		switch verb {
		case Approval:
			s.reopen()
			err = s.approve(session(by), digest, "", w.now())
		case Rejection:
			err = s.reject(session(by), digest, "no")
		default:
			err = s.withdraw(session(by), "")
		}
		if err != nil {
			return false
		}
		s.Decisions = append(slices.Clone(s.Decisions), Decision{ID: fmt.Sprintf("dec_%d", len(s.Decisions)), RevDigest: s.Change.RevDigest,
			Policy: s.Demand.Policy, Person: by, Verb: verb, Roles: s.Roster.Roles(directory.PersonID(by)), At: w.now()})
		switch verb {
		case Approval:
			w.history.words[by] = digest
			w.history.lent.word(by, w.lending)
			if s.approved() {
				s.authorize(w.now())
			}
		case Rejection:
			w.history.words[by] = "no"
			s.Change.State = Rejected
		default:
			delete(w.history.words, by)
			s.reopen()
		}
		return true
	}}
}

func current(w *world) string { return w.snap.Change.RevDigest }

// outdated is the digest of the first wording, which somebody may still have on the screen.
func outdated(w *world) string {
	mat := w.snap.Revision.Material
	mat.Summary = "rev 1"
	_, digest, _ := mat.Digest()
	return digest
}

func lose(person string) step {
	return step{person + " loses roles", func(m *machine, w *world) bool {
		if w.lost[person] {
			return false
		}
		w.lost[person] = true
		return true
	}}
}

func regain(person string) step {
	return step{person + " gets roles back", func(m *machine, w *world) bool {
		if !w.lost[person] {
			return false
		}
		delete(w.lost, person)
		return true
	}}
}

func disable(person string) step {
	return step{person + " is disabled", func(m *machine, w *world) bool {
		if w.gone[person] {
			return false
		}
		w.gone[person] = true
		return true
	}}
}

func policyTo(strict bool) step {
	return step{fmt.Sprintf("policy strict=%v", strict), func(m *machine, w *world) bool {
		if w.strict == strict {
			return false
		}
		w.strict = strict
		next := m.base
		if strict {
			next = m.tight
		}
		if !slices.Contains(w.later, next) {
			w.later = append(slices.Clone(w.later), next)
		}
		w.history.strict = w.history.strict || strict && w.snap.Change.Body.Submitted > 0
		return true
	}}
}

func open(by, kind, bytes string) step {
	return step{kind + " opened by " + by, func(m *machine, w *world) bool {
		s := &w.snap
		q := wire.GateRequest{Schema: wire.GateRequestSchema, Kind: kind, Observed: []wire.Observed{{Kind: "config-file", Name: "app.conf", Digest: bytes}}}
		if kind == wire.KindRollback {
			q.Observed = []wire.Observed{{Kind: "runbook", Name: "back.sh", Digest: bytes}}
		}
		q.Stage = "of " + by // each invents a stage of their own
		v := s.verdict(session(by), q, w.now())
		if (v.Code == wire.ExitAllowed) != (v.Verdict == wire.Allow) {
			panic("verdict and code disagree")
		}
		if v.Code != wire.ExitAllowed {
			return false
		}
		s.started(Permit{ID: seal.NewID("prm"), Kind: kind, Stage: q.Stage, Attempt: 1, Person: by, Account: "acc_" + by, Outcome: Running, Rev: s.Change.RevDigest, Key: "key of " + by})
		return true
	}}
}

func finish(outcome string) step {
	return step{"run ends " + outcome, func(m *machine, w *world) bool {
		s := &w.snap
		for _, p := range s.Permits {
			if p.Outcome == Running {
				p.Outcome = outcome
				s.ended(p, w.now())
				return true
			}
		}
		return false
	}}
}

func expire() step {
	return step{"time passes", func(m *machine, w *world) bool {
		if w.late {
			return false
		}
		w.late = true
		return true
	}}
}

func steps() []step {
	list := []step{edit(ann), edit(bob), edit(lou), submit(), lose(bob), regain(bob), lose(kim), disable(cat), policyTo(true), policyTo(false),
		open(eve, wire.KindApply, goodBytes), open(kim, wire.KindApply, goodBytes), open(bob, wire.KindApply, goodBytes),
		open(eve, wire.KindApply, otherBytes), open(eve, wire.KindRollback, otherBytes), finish(Success), finish(Failure), expire(),
		word(Rejection, cat, current)}
	for _, p := range []string{ann, bob, cat, lou, kim, off, eve} {
		list = append(list, word(Approval, p, current))
	}
	list = append(list, word(Approval, cat, outdated), word(Withdrawal, bob, current), word(Withdrawal, lou, current))
	return list
}

// clone copies what a step can change.
func (w *world) clone() *world {
	c := *w
	c.lost, c.gone = map[string]bool{}, map[string]bool{}
	for k := range w.lost {
		c.lost[k] = true
	}
	for k := range w.gone {
		c.gone[k] = true
	}
	c.history.authors, c.history.words = map[string]bool{}, map[string]string{}
	for k := range w.history.authors {
		c.history.authors[k] = true
	}
	for k, v := range w.history.words {
		c.history.words[k] = v
	}
	return &c
}

// key names a state; what differs in it can make a difference later.
func (w *world) key() string {
	s := &w.snap
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d %v %v %v %v|%s %s|", s.Change.State, s.Change.Rev, w.strict, w.history.strict, w.late, s.Change.Body.Expires > modelNow+20*24*3600*1_000_000,
		s.Change.Body.Applied, s.Change.Body.RolledBack)
	for _, p := range []string{ann, bob, cat, lou, eve, kim, off} {
		d := s.standing()[p]
		fmt.Fprintf(&b, "%s%v%v%v%s;", d.Verb, w.lost[p], w.gone[p], w.history.authors[p], w.history.words[p])
	}
	for _, p := range s.Permits {
		fmt.Fprintf(&b, "%s %s %s,", p.Kind, p.Person, p.Outcome)
	}
	fmt.Fprintf(&b, "|%d %v %v %v", len(s.Demand.Slots), slices.Contains(w.later, w.snap.Pack), w.lending, w.history.lent)
	return b.String()
}

// toExecute reports whether the wording names somebody to carry it out.
func (w *world) toExecute(p string) bool {
	return slices.Contains(w.snap.Revision.Material.Implementers, Executor{Person: p})
}

// authorized is the specification: may this execution happen, judged by the history alone?
func (h history) authorized(w *world, executor string) error {
	digest := w.snap.Change.RevDigest
	voters := []string{}
	for p, d := range h.words {
		if d == "no" {
			return fmt.Errorf("%s rejected it", p)
		}
		if d != digest || w.gone[p] || w.lost[p] {
			continue
		}
		if h.authors[p] || p == executor || w.toExecute(p) || h.lent.barred(p, h.authors) {
			continue
		}
		voters = append(voters, p)
	}
	holds := func(p, role string) bool { return slices.Contains(modelRoles[p], role) }
	for _, x := range voters {
		for _, y := range voters {
			if x == y || h.lent.same(x, y) || !holds(x, "security-lead") || !holds(y, "engineering-lead") {
				continue
			}
			if !h.strict {
				return nil
			}
			for _, z := range voters {
				if z != x && z != y && !h.lent.same(x, z) && !h.lent.same(y, z) && holds(z, "security-officer") {
					return nil
				}
			}
		}
	}
	return fmt.Errorf("only %v approved %s", voters, digest[:12])
}

func TestNoExecutionWithoutTheApprovalsThePolicyDemands(t *testing.T) {
	t.Parallel()
	mustHappen(t, explore(t, steps(), bob))
}

// explore walks through every order of these steps, and counts which were taken.
func explore(t *testing.T, all []step, named ...string) map[string]int {
	t.Helper()
	m := newMachine(t)
	type node struct {
		w    *world
		path string
	}
	queue := []node{{m.start(t, named...), ""}}
	seen := map[string]bool{queue[0].w.key(): true}
	taken := map[string]int{}
	for i := 0; i < len(queue) && !t.Failed(); i++ {
		n := queue[i]
		queue[i].w = nil
		for _, st := range all {
			w := n.w.clone()
			if !st.try(m, w) {
				continue
			}
			m.refresh(w)
			taken[st.name]++
			path := n.path + "; " + st.name
			if strings.Contains(st.name, "apply opened") {
				judge(t, w, path)
			}
			if k := w.key(); !seen[k] {
				seen[k] = true
				queue = append(queue, node{w, path})
			}
		}
	}
	t.Logf("%d states", len(seen))
	return taken
}

// judge holds one release against the specification.
func judge(t *testing.T, w *world, path string) {
	executor := w.snap.Permits[len(w.snap.Permits)-1].Person
	w.history.runs++
	if err := w.history.authorized(w, executor); err != nil {
		t.Errorf("unauthorized execution: %v, after%s", err, path)
	}
	if w.history.runs > 1 {
		t.Errorf("executed twice, after%s", path)
	}
	if w.late && w.snap.Change.Body.Expires <= w.now() {
		t.Errorf("executed after the approvals' life, after%s", path)
	}
}

// mustHappen guards the test itself: a machine that refuses everything would pass too.
func mustHappen(t *testing.T, taken map[string]int) {
	for _, name := range []string{"apply opened by " + eve, "apply opened by " + kim, "rollback opened by " + eve, "approve by " + off,
		"edit by " + bob, "reject by " + cat, "withdraw by " + lou, "policy strict=true", "time passes"} {
		if taken[name] == 0 {
			t.Errorf("%q never happened: the exploration proves nothing about it", name)
		}
	}
	for _, name := range []string{"approve by " + ann, "apply opened by " + bob, "approve by " + eve, "approve by " + kim, "edit by " + lou} {
		if taken[name] > 0 {
			t.Errorf("%q happened %d times", name, taken[name])
		}
	}
}
