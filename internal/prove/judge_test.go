package prove

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
	"plumbline.dev/plumb/policies"
)

// This file takes the judges of a pack one by one: a small record in memory that passes, and beside it
// each single lie. Whole packs with such lies are in the other files; there one judge can hide another.

const (
	someID    = "CHG-000001"
	someBytes = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	moreBytes = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	at0       = int64(1_800_000_000_000_000)
)

func checker() *verifier {
	return &verifier{ctx: context.Background(), r: bytes.NewReader(nil), report: &Report{}, m: manifest{Install: "install_x", Kind: oneChange, Change: someID},
		tallies: map[string]*tally{}, packs: map[string]*policy.Pack{}, archives: map[string]entry{}, refs: map[[32]byte]bool{}, used: map[[2]string][]int64{}}
}

func wording() change.Material {
	return change.Material{Type: "normal", Category: "configuration", Summary: "s", Bindings: []change.Binding{{Kind: "config-file", Name: "a", Digest: someBytes}},
		Rollback: change.Rollback{Binding: &change.Binding{Kind: "runbook", Name: "b", Digest: moreBytes}}, Implementers: []change.Executor{{Person: "per_ivo"}}}
}

func canonicalOf(t *testing.T, x any) string {
	t.Helper()
	b, err := seal.Canonical(x)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// deed is an event by a person in their own session.
func deed(seq int64, verb, person, rev string) event {
	return event{seq: seq, leaf: ledger.Leaf{V: 1, TS: at0 + seq, Verb: verb, Policy: moreBytes, Outcome: "ok", Object: ledger.LeafObject{Type: "change", ID: someID, Rev: rev},
		Actor: ledger.LeafActor{Person: person, Account: "acc_" + person, Kind: string(fault.Human), Authn: string(fault.Session)}}}
}

// answering is a story in which these events answer for one row.
func answering(table, id string, by ...event) *story {
	s := &story{id: someID, number: 1, events: by, wrote: map[rowKey][]int{}}
	for i := range by {
		s.wrote[rowKey{table, id}] = append(s.wrote[rowKey{table, id}], i)
	}
	return s
}

func cells(list ...string) map[string]string {
	out := map[string]string{}
	for i := 0; i < len(list); i += 2 {
		out[list[i]] = list[i+1]
	}
	return out
}

// rowLie is what one lie may touch.
type rowLie struct {
	row rowLine
	s   *story
	r   *record
}

func TestTheRequestIsWhatItsFirstEventSays(t *testing.T) {
	t.Parallel()
	for name, lie := range map[string]func(*rowLie){
		"":                 func(*rowLie) {},
		"another number":   func(x *rowLie) { x.row.Cells["number"] = "i2" },
		"another person":   func(x *rowLie) { x.row.Cells["requester"] = "sper_bob" },
		"another instant":  func(x *rowLie) { x.row.Cells["created"] = "i1" },
		"another deed":     func(x *rowLie) { x.s.events[0].leaf.Verb = "change.edited" },
		"a body of no use": func(x *rowLie) { x.row.Cells["body"] = "s[" },
	} {
		x := &rowLie{row: rowLine{Table: "change_change", ID: someID, Cells: cells("number", "i1", "requester", "sper_ann", "created", fmt.Sprint("i", at0+1), "body", "s{}")},
			s: &story{id: someID, number: 1, events: []event{deed(1, "change.filed", "per_ann", "")}}}
		lie(x)
		r := &record{story: x.s}
		if err := r.readShell(x.row); (err == nil) != (name == "") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestAWordingIsWhatOneEventBrought(t *testing.T) {
	t.Parallel()
	canonical, digest, err := wording().Digest()
	if err != nil {
		t.Fatal(err)
	}
	for name, lie := range map[string]func(*rowLie){
		"":                    func(*rowLie) {},
		"another digest":      func(x *rowLie) { x.row.Cells["digest"] = "s" + someBytes },
		"another spelling":    func(x *rowLie) { x.row.Cells["canonical"] = "s " + string(canonical) },
		"no event":            func(x *rowLie) { x.s.wrote = nil },
		"another deed":        func(x *rowLie) { x.s.events[0].leaf.Verb = "change.edited" },
		"an event of another": func(x *rowLie) { x.s.events[0].leaf.Object.Rev = someBytes },
		"another person":      func(x *rowLie) { x.row.Cells["author"] = "sper_bob" },
		"another account":     func(x *rowLie) { x.row.Cells["account"] = "sacc_bob" },
		"another instant":     func(x *rowLie) { x.row.Cells["at"] = "i1" },
		"a number missing":    func(x *rowLie) { x.row.Cells["n"] = "i2"; x.s.events[0].leaf.Verb = "change.edited" },
	} {
		x := &rowLie{row: rowLine{Table: "change_revision", ID: someID + ".1", Cells: cells("n", "i1", "digest", "s"+digest, "canonical", "s"+string(canonical),
			"author", "sper_ann", "account", "sacc_per_ann", "at", fmt.Sprint("i", at0+1))}, s: answering("change_revision", someID+".1", deed(1, "change.filed", "per_ann", digest))}
		lie(x)
		r := &record{story: x.s}
		if err := r.readRevision(x.row); (err == nil) != (name == "") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestADemandIsWhatOneSubmissionFroze(t *testing.T) {
	t.Parallel()
	body := canonicalOf(t, policy.Demand{Policy: moreBytes})
	digest := change.DemandDigest(body)
	for name, lie := range map[string]func(*rowLie){
		"":                func(*rowLie) {},
		"no event":        func(x *rowLie) { x.s.wrote = nil },
		"another deed":    func(x *rowLie) { x.s.events[0].leaf.Verb = "change.held" },
		"another digest":  func(x *rowLie) { x.row.Cells["digest"] = "s" + someBytes },
		"another round's": func(x *rowLie) { x.r.shell.Body.Frozen = someBytes },
		"another instant": func(x *rowLie) { x.r.shell.Body.Since++ },
	} {
		x := &rowLie{row: rowLine{Table: "change_demand", ID: someID + ".1", Cells: cells("n", "i1", "digest", "s"+digest, "body", "s"+body)},
			s: answering("change_demand", someID+".1", deed(1, "change.submitted", "per_ann", ""))}
		x.r = &record{story: x.s, shell: change.Change{Body: change.Body{Round: 1, Frozen: digest, Since: at0 + 1}}}
		lie(x)
		if err := x.r.readDemand(x.row); (err == nil) != (name == "") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestEvidenceIsWhatItsProducerBrought(t *testing.T) {
	t.Parallel()
	for name, lie := range map[string]func(*rowLie){
		"":                 func(*rowLie) {},
		"no event":         func(x *rowLie) { x.s.wrote = nil },
		"another deed":     func(x *rowLie) { x.s.events[0].leaf.Verb = "change.held" },
		"another producer": func(x *rowLie) { x.row.Cells["producer"] = "sacc_bob" },
		"another instant":  func(x *rowLie) { x.row.Cells["at"] = "i1" },
	} {
		x := &rowLie{row: rowLine{Table: "change_check", ID: "chk_1", Cells: cells("producer", "sacc_per_ann", "at", fmt.Sprint("i", at0+1))},
			s: answering("change_check", "chk_1", deed(1, "evidence.added", "per_ann", ""))}
		lie(x)
		r := &record{story: x.s}
		if err := r.readCheck(x.row); (err == nil) != (name == "") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestTheCurrentWordingIsTheNewestAndCarriesItsLike(t *testing.T) {
	t.Parallel()
	for name, lie := range map[string]func(*record){
		"":                      func(*record) {},
		"no wording":            func(r *record) { r.revisions = nil },
		"no wording at all":     func(r *record) { r.revisions, r.shell.Rev = nil, 0 },
		"no request":            func(r *record) { r.shell.ID = "" },
		"another number":        func(r *record) { r.shell.Rev = 1 },
		"another digest":        func(r *record) { r.shell.RevDigest = moreBytes },
		"an unknown like":       func(r *record) { r.shell.Body.Carried = []string{moreBytes} },
		"a like that runs more": func(r *record) { r.shell.Body.Carried = []string{"sha256:1"} },
	} {
		r := &record{story: &story{id: someID}, shell: change.Change{ID: someID, Rev: 2, RevDigest: someBytes},
			revisions: []revision{{Revision: change.Revision{Digest: "sha256:1", Material: wording()}}, {Revision: change.Revision{Digest: someBytes}}}}
		lie(r)
		if err := checker().readCurrent(r); (err == nil) != (name == "") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// granted is a key, and a signed statement of it.
func statement[P any](t *testing.T, key *seal.Key, kind string, p P, subject ...seal.Subject) string {
	t.Helper()
	env, err := seal.Sign(key, seal.Statement[P]{PredicateType: kind, Predicate: p, Subject: subject})
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(env)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func newKey(t *testing.T) *seal.Key {
	t.Helper()
	key, err := seal.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// decided is a decision with its row and event; a lie changes any of them before the signature.
type decided struct {
	p       change.ApprovalPredicate
	subject []seal.Subject
	id      string
	cells   map[string]string
	by      []event
	r       *record
}

func TestADecisionIsTheDeedOfOnePerson(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	model := func(x *decided) {
		x.p.Person, x.p.Account, x.p.Roles, x.cells = "", "system", nil, nil
		x.by[0].leaf.Verb, x.by[0].leaf.Actor = "change.submitted", ledger.LeafActor{Kind: "human", Person: "per_ann"}
	}
	for name, x := range map[string]struct {
		good bool
		lie  func(*decided)
	}{
		"a person's":               {true, func(*decided) {}},
		"withheld":                 {true, func(x *decided) { x.cells = nil }},
		"a model's":                {true, model},
		"no event's":               {false, func(x *decided) { x.by = nil }},
		"two events'":              {false, func(x *decided) { x.by = append(x.by, x.by[0]) }},
		"another row's":            {false, func(x *decided) { x.p.ID, x.cells = "dec_2", nil }},
		"another change's":         {false, func(x *decided) { x.p.Change = "CHG-000002" }},
		"another install's":        {false, func(x *decided) { x.p.Install = "install_y" }},
		"told otherwise":           {false, func(x *decided) { x.cells["verb"] = "sreject" }},
		"on no wording":            {false, func(x *decided) { x.r.revisions = nil }},
		"about nothing":            {false, func(x *decided) { x.subject = nil }},
		"about something else":     {false, func(x *decided) { x.subject[0].Digest["sha256"] = strings.TrimPrefix(moreBytes, "sha256:") }},
		"an event's about another": {false, func(x *decided) { x.by[0].leaf.Object.Rev = moreBytes }},
		"of no policy":             {false, func(x *decided) { x.p.Policy, x.cells["policy"], x.by[0].leaf.Policy = "", "s", "" }},
		"of another policy":        {false, func(x *decided) { x.by[0].leaf.Policy = someBytes }},
		"of another instant":       {false, func(x *decided) { x.by[0].leaf.TS++ }},
		"another deed's":           {false, func(x *decided) { x.by[0].leaf.Verb = "change.rejected" }},
		"another person's":         {false, func(x *decided) { x.by[0].leaf.Actor.Person = "per_bob" }},
		"another account's":        {false, func(x *decided) { x.by[0].leaf.Actor.Account = "acc_bob" }},
		"a pipeline's":             {false, func(x *decided) { x.by[0].leaf.Actor.Kind = string(fault.Service) }},
		"a token's":                {false, func(x *decided) { x.by[0].leaf.Actor.Authn = string(fault.Token) }},
		"the author's":             {false, func(x *decided) { x.r.shell.Requester = "per_sam" }},
		"a model's by a hand":      {false, func(x *decided) { model(x); x.by[0].leaf.Verb = "change.approved" }},
		"a model's no":             {false, func(x *decided) { model(x); x.p.Decision = string(change.Rejection) }},
		"a model's in a role":      {false, func(x *decided) { model(x); x.p.Roles = []string{"security-lead"} }},
	} {
		d := &decided{id: "dec_1", by: []event{deed(5, "change.approved", "per_sam", someBytes)}, r: &record{shell: change.Change{Requester: "per_ann"},
			revisions: []revision{{Revision: change.Revision{Digest: someBytes, Author: "per_ann", Material: wording()}}}},
			subject: []seal.Subject{{Name: someID, Digest: map[string]string{"sha256": strings.TrimPrefix(someBytes, "sha256:")}}},
			p: change.ApprovalPredicate{Install: "install_x", ID: "dec_1", Change: someID, Rev: someBytes, Policy: moreBytes, Decision: string(change.Approval),
				Roles: []string{"security-lead"}, Person: "per_sam", Account: "acc_per_sam", Authn: "session", At: at0 + 5},
			cells: cells("roles", `s["security-lead"]`, "rev_digest", "s"+someBytes, "policy", "s"+moreBytes, "person", "sper_sam", "verb", "sapprove", "at", fmt.Sprint("i", at0+5))}
		x.lie(d)
		row := rowLine{Table: "change_decision", ID: d.id, Cells: d.cells, Envelope: statement(t, key, change.ApprovalType, d.p, d.subject...)}
		if row.Cells != nil {
			row.Cells["statement"], row.Envelope = "s"+row.Envelope, ""
		}
		d.r.story = answering("change_decision", d.id, d.by...)
		v := checker()
		v.permit = key
		if err := v.readDecision(d.r, row); (err == nil) != x.good {
			t.Errorf("a decision, %s: %v", name, err)
		}
	}
}

func somePermit() change.PermitPredicate {
	return change.PermitPredicate{V: 1, Install: "install_x", ID: "prm_1", Change: someID, Rev: someBytes, Policy: moreBytes, Executor: "acc_per_ivo",
		Kind: wire.KindApply, Attempt: 1, Fence: 1, NotBefore: at0 + 9, Expires: at0 + 10, Nonce: "n_1"}
}

func TestAPermitLeavesNothingOpen(t *testing.T) {
	t.Parallel()
	if err := soundPermit(somePermit()); err != nil {
		t.Fatal(err)
	}
	for name, lie := range map[string]func(*change.PermitPredicate){
		"version": func(p *change.PermitPredicate) { p.V = 2 }, "id": func(p *change.PermitPredicate) { p.ID = "" }, "install": func(p *change.PermitPredicate) { p.Install = "" },
		"change": func(p *change.PermitPredicate) { p.Change = "" }, "executor": func(p *change.PermitPredicate) { p.Executor = "" }, "nonce": func(p *change.PermitPredicate) { p.Nonce = "" },
		"kind": func(p *change.PermitPredicate) { p.Kind = "" }, "revision": func(p *change.PermitPredicate) { p.Rev = "x" }, "attempt": func(p *change.PermitPredicate) { p.Attempt = 0 },
		"fence": func(p *change.PermitPredicate) { p.Fence = 0 }, "beginning": func(p *change.PermitPredicate) { p.NotBefore, p.Expires = 0, 1 },
		"end": func(p *change.PermitPredicate) { p.Expires = p.NotBefore }, "life": func(p *change.PermitPredicate) { p.Expires = p.NotBefore + change.PermitLife.Microseconds() + 1 },
	} {
		p := somePermit()
		lie(&p)
		if soundPermit(p) == nil {
			t.Errorf("a permit without a sound %s is sound", name)
		}
	}
}

func TestAPermitIsWhatTheGateOpened(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	type opened struct {
		p     change.PermitPredicate
		cells map[string]string
		by    []event
	}
	for name, x := range map[string]struct {
		good bool
		lie  func(*opened)
	}{
		"as it was":          {true, func(*opened) {}},
		"withheld":           {true, func(x *opened) { x.cells = nil }},
		"of no event":        {false, func(x *opened) { x.by = nil }},
		"of another deed":    {false, func(x *opened) { x.by[0].leaf.Verb = "change.held" }},
		"of another row":     {false, func(x *opened) { x.p.ID, x.cells = "prm_2", nil }},
		"of another change":  {false, func(x *opened) { x.p.Change = "CHG-000002" }},
		"of another install": {false, func(x *opened) { x.p.Install = "install_y" }},
		"told otherwise":     {false, func(x *opened) { x.cells["fence"] = "i2" }},
		"another account's":  {false, func(x *opened) { x.by[0].leaf.Actor.Account = "acc_bob" }},
		"another person's":   {false, func(x *opened) { x.cells["person"] = "sper_bob" }},
		"another instant's":  {false, func(x *opened) { x.by[0].leaf.TS++ }},
		"another wording's":  {false, func(x *opened) { x.by[0].leaf.Object.Rev = moreBytes }},
		"ended otherwise":    {false, func(x *opened) { x.cells["outcome"] = "ssuccess" }},
	} {
		o := &opened{p: somePermit(), by: []event{deed(9, "gate.opened", "per_ivo", someBytes)},
			cells: cells("kind", "sapply", "stage", "s", "attempt", "i1", "fence", "i1", "account", "sacc_per_ivo", "person", "sper_ivo", "rev", "s"+someBytes,
				"issued", fmt.Sprint("i", at0+9), "expires", fmt.Sprint("i", at0+10), "outcome", "srunning")}
		x.lie(o)
		row := rowLine{Table: "change_permit", ID: "prm_1", Cells: o.cells, Envelope: statement(t, key, change.PermitType, o.p)}
		if row.Cells != nil {
			row.Cells["envelope"], row.Envelope = "s"+row.Envelope, ""
		}
		v := checker()
		v.permit = key
		if err := v.readPermit(&record{story: answering("change_permit", "prm_1", o.by...)}, row); (err == nil) != x.good {
			t.Errorf("a permit %s: %v", name, err)
		}
	}
}

func TestAPermitReleasesWhatItsWordingBinds(t *testing.T) {
	t.Parallel()
	m := wording()
	targets, err := change.TargetsDigest(m)
	if err != nil {
		t.Fatal(err)
	}
	seen := func(list ...wire.Observed) map[string]jsontext.Value {
		return map[string]jsontext.Value{"observed": jsontext.Value(canonicalOf(t, list))}
	}
	right := wire.Observed{Kind: "config-file", Digest: someBytes}
	for name, x := range map[string]struct {
		good bool
		lie  func(*record, *permit)
	}{
		"as bound": {true, func(*record, *permit) {}},
		"its way back": {true, func(_ *record, p *permit) {
			p.Kind, p.Bindings, p.detail = wire.KindRollback, []change.Binding{*m.Rollback.Binding}, nil
		}},
		"a plan, which runs nothing of it": {true, func(_ *record, p *permit) {
			p.Kind, p.Bindings, p.detail = wire.KindPlan, nil, nil
		}},
		"a plan of an older server": {true, func(_ *record, p *permit) { p.Kind, p.detail = wire.KindPlan, nil }},
		"a plan with something else": {false, func(_ *record, p *permit) {
			p.Kind, p.Bindings, p.detail = wire.KindPlan, []change.Binding{*m.Rollback.Binding}, nil
		}},
		"of no wording": {false, func(r *record, p *permit) { r.revisions = nil; p.Bindings = nil }},
		"no way back": {false, func(r *record, p *permit) {
			r.revisions[0].Material.Rollback.Binding, p.Kind, p.Bindings = nil, wire.KindRollback, nil
		}},
		"something else":       {false, func(_ *record, p *permit) { p.Bindings = nil }},
		"elsewhere":            {false, func(_ *record, p *permit) { p.Targets = someBytes }},
		"something else seen":  {false, func(_ *record, p *permit) { p.detail = seen(wire.Observed{Kind: "config-file", Digest: moreBytes}) }},
		"nothing seen":         {false, func(_ *record, p *permit) { p.detail = seen() }},
		"more seen than bound": {false, func(_ *record, p *permit) { p.detail = seen(right, right) }},
	} {
		r := &record{revisions: []revision{{Revision: change.Revision{Digest: someBytes, Material: wording()}}}}
		p := permit{PermitPredicate: somePermit(), event: event{detail: seen(right)}}
		p.Bindings, p.Targets = m.Bindings, targets
		x.lie(r, &p)
		if err := r.ranWhat(p); (err == nil) != x.good {
			t.Errorf("a permit, %s: %v", name, err)
		}
	}
	empty := &record{}
	p := permit{PermitPredicate: somePermit()}
	p.Targets, _ = change.TargetsDigest(change.Material{})
	if empty.ranWhat(p) == nil {
		t.Error("a permit for a wording that the change never had releases nothing and passes")
	}
}

// shippedPack is the pack that judges here.
func shippedPack(t *testing.T) *policy.Pack {
	t.Helper()
	files, err := policies.Pack(policies.Default)
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestCriteriaOnRecordAreThoseOfThePolicy(t *testing.T) {
	t.Parallel()
	p := shippedPack(t)
	model := p.Models[0]
	digest, err := p.ModelDigest(model.ID)
	if err != nil {
		t.Fatal(err)
	}
	for name, lie := range map[string]func(*record, *decision){
		"":           func(*record, *decision) {},
		"no record":  func(r *record, _ *decision) { r.shell.Body.Auto = nil },
		"not passed": func(r *record, _ *decision) { r.shell.Body.Auto.Passed = false },
		"a criterion not passed": func(r *record, _ *decision) {
			r.shell.Body.Auto.Criteria = append(r.shell.Body.Auto.Criteria, policy.Criterion{ID: "more"})
		},
		"a normal change":        func(r *record, _ *decision) { r.current.Type = "normal" },
		"another model":          func(r *record, _ *decision) { r.current.Model = "other" },
		"another version":        func(r *record, _ *decision) { r.shell.Body.Auto.Digest = someBytes },
		"another one decided by": func(_ *record, d *decision) { d.Inputs["model_digest"] = someBytes },
		"an unknown policy":      func(r *record, _ *decision) { r.frozen.Policy = someBytes },
		"a criterion forgotten":  func(r *record, _ *decision) { r.shell.Body.Auto.Criteria = r.shell.Body.Auto.Criteria[1:] },
	} {
		r := &record{frozen: policy.Demand{Policy: p.Digest()}, current: change.Material{Type: "standard", Model: model.ID}}
		r.shell.Body.Auto = &change.AutoApproval{Model: model.ID, Digest: digest, Passed: true}
		for _, c := range model.Criteria {
			r.shell.Body.Auto.Criteria = append(r.shell.Body.Auto.Criteria, policy.Criterion{ID: c.ID, Passed: true})
		}
		r.shell.Body.Auto.Criteria = append(r.shell.Body.Auto.Criteria, policy.Criterion{ID: "built-in", Passed: true})
		d := decision{ApprovalPredicate: change.ApprovalPredicate{Inputs: map[string]string{"model_digest": digest}}}
		lie(r, &d)
		v := checker()
		v.packs[p.Digest()] = p
		if err := v.judgeModel(r, d); (err == nil) != (name == "") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// replayed is a record that ran, without any demand of the policy.
func replayed() *record {
	said := func(seq int64, person string) decision {
		return decision{event: deed(seq, "change.approved", person, someBytes), ApprovalPredicate: change.ApprovalPredicate{ID: fmt.Sprint("dec_", seq),
			Rev: someBytes, Decision: string(change.Approval), Person: person, Roles: []string{"lead"}}}
	}
	r := &record{story: answering("change_change", someID, deed(1, "change.filed", "per_ann", someBytes), deed(20, "change.closed", "per_ann", someBytes)),
		decisions: []decision{said(5, "per_sam"), said(6, "per_erin")}, equal: []string{someBytes}, current: wording(),
		frozen: policy.Demand{Policy: moreBytes, Slots: []policy.Slot{{ID: "lead", Role: "lead", Min: 2, Distinct: true}}}}
	r.shell = change.Change{ID: someID, State: change.Verifying, Requester: "per_ann", Body: change.Body{Decided: at0 + 6, Expires: at0 + 100,
		Approvals: change.ApprovalsDigest([]string{"dec_5", "dec_6"})}}
	m := wording()
	r.revisions = []revision{{Revision: change.Revision{Digest: someBytes, Author: "per_ann", Material: m}}}
	p := permit{PermitPredicate: somePermit(), event: deed(9, "gate.opened", "per_ivo", someBytes), outcome: change.Success}
	p.Bindings, p.Approvals = m.Bindings, r.shell.Body.Approvals
	p.Targets, _ = change.TargetsDigest(m)
	r.permits = []permit{p}
	r.shell.Body.Applied = change.Success
	return r
}

func TestReplayHoldsEachRuleByItself(t *testing.T) {
	t.Parallel()
	closed := func(r *record) {
		r.shell.State, r.shell.Body.Closure = change.Closed, change.Successful
	}
	approval, permits, closure := (*verifier).judgeApproval, (*verifier).judgePermits, (*verifier).judgeClosure
	for name, x := range map[string]struct {
		judge func(*verifier, *record) error
		good  bool
		lie   func(*verifier, *record)
	}{
		"authorized":                 {approval, true, func(*verifier, *record) {}},
		"authorized by nothing":      {approval, false, func(_ *verifier, r *record) { r.shell.Body.Approvals, r.decisions = "", nil }},
		"at no instant":              {approval, false, func(_ *verifier, r *record) { r.shell.Body.Decided = 0 }},
		"without its set":            {approval, false, func(_ *verifier, r *record) { r.shell.Body.Approvals = "" }},
		"at another instant":         {approval, false, func(_ *verifier, r *record) { r.shell.Body.Decided++ }},
		"by others":                  {approval, false, func(_ *verifier, r *record) { r.shell.Body.Approvals = someBytes }},
		"by a no":                    {approval, false, func(_ *verifier, r *record) { r.decisions[0].Decision = string(change.Rejection) }},
		"by too few":                 {approval, false, func(_ *verifier, r *record) { r.frozen.Slots[0].Min = 3 }},
		"by another policy":          {approval, false, func(_ *verifier, r *record) { r.decisions[1].leaf.Policy = someBytes }},
		"in an unknown policy's day": {approval, false, func(v *verifier, _ *record) { v.history = []inForce{{digest: someBytes, n: 1, seq: 2}} }},
		"after an older pack": {approval, true, func(v *verifier, r *record) {
			v.history, r.shell.Body.PackN = []inForce{{digest: someBytes, n: 1, seq: 2}}, 1
		}},
		"before a later pack":  {approval, true, func(v *verifier, _ *record) { v.history = []inForce{{digest: someBytes, n: 1, seq: 50}} }},
		"on an older wording":  {approval, false, func(_ *verifier, r *record) { r.decisions[1].Rev = moreBytes }},
		"by a word on another": {approval, false, func(_ *verifier, r *record) { r.decisions[0].Rev = moreBytes }},
		"in an earlier round":  {approval, false, func(_ *verifier, r *record) { r.shell.Body.Before = 1 }},

		"released":               {permits, true, func(*verifier, *record) {}},
		"a plan before anything": {permits, true, func(_ *verifier, r *record) { r.permits[0].Kind, r.decisions = wire.KindPlan, nil }},
		"released twice":         {permits, false, func(_ *verifier, r *record) { r.permits = append(r.permits, r.permits[0]); r.permits[1].Fence++ }},
		"released in stages": {permits, false, func(_ *verifier, r *record) {
			r.permits = append(r.permits, r.permits[0])
			r.permits[1].Fence, r.permits[1].Stage = r.permits[1].Fence+1, "two"
		}},
		"in another order":            {permits, false, func(_ *verifier, r *record) { r.permits[0].Fence = 0 }},
		"before it was approved":      {permits, false, func(_ *verifier, r *record) { r.permits[0].seq = 6 }},
		"for other approvals":         {permits, false, func(_ *verifier, r *record) { r.permits[0].Approvals = someBytes }},
		"for an older wording":        {permits, false, func(_ *verifier, r *record) { r.revisions[0].Digest, r.permits[0].Rev = moreBytes, moreBytes }},
		"too late":                    {permits, false, func(_ *verifier, r *record) { r.shell.Body.Expires = r.permits[0].NotBefore }},
		"to somebody else":            {permits, false, func(_ *verifier, r *record) { r.permits[0].leaf.Actor.Person = "per_pia" }},
		"by another policy, its own":  {permits, false, func(_ *verifier, r *record) { r.permits[0].leaf.Policy, r.permits[0].Policy = someBytes, someBytes }},
		"by another policy, in words": {permits, false, func(_ *verifier, r *record) { r.permits[0].Policy = someBytes }},
		"in an unknown pack's day":    {permits, false, func(v *verifier, _ *record) { v.history = []inForce{{digest: someBytes, n: 1, seq: 8}} }},

		"ended":                    {closure, true, func(*verifier, *record) {}},
		"closed":                   {closure, true, func(_ *verifier, r *record) { closed(r) }},
		"ended otherwise":          {closure, false, func(_ *verifier, r *record) { r.shell.Body.Applied = change.Failure }},
		"rolled back by nothing":   {closure, false, func(_ *verifier, r *record) { r.shell.Body.RolledBack = change.Success }},
		"closed as something else": {closure, false, func(_ *verifier, r *record) { closed(r); r.shell.Body.Closure = change.BackedOut }},
		"closed by another policy": {closure, false, func(_ *verifier, r *record) { closed(r); r.events[1].leaf.Policy = someBytes }},
		"closed unverified": {closure, false, func(_ *verifier, r *record) {
			closed(r)
			r.frozen.Verify = []policy.Slot{{ID: "owner", Role: "lead", Min: 1}}
		}},
		"closed in an unknown day": {closure, false, func(v *verifier, r *record) { closed(r); v.history = []inForce{{digest: someBytes, n: 1, seq: 10}} }},
		"closed on another outcome": {closure, false, func(_ *verifier, r *record) {
			closed(r)
			r.permits[0].outcome, r.shell.Body.Applied = change.Failure, change.Failure
		}},
	} {
		r, v := replayed(), checker()
		x.lie(v, r)
		if err := x.judge(v, r); (err == nil) != x.good {
			t.Errorf("%s: %v", name, err)
		}
	}
	r := replayed()
	r.shell.Body.Since = at0 + 1
	if checker().judgeDemand(r) == nil {
		t.Error("a demand that no submission brought passes")
	}
	r.events[0].leaf.Verb, r.events[0].leaf.Policy = "change.submitted", ""
	r.frozen.Policy = someBytes
	if checker().judgeDemand(r) == nil {
		t.Error("a demand of another policy than the submission's passes")
	}
}
