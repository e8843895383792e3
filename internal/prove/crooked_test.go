package prove_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/prove"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// In this file the ledger is whole and every signature holds, but what was recorded broke the rules: the
// engine had a mistake, or somebody with its keys wrote past it. Replay must say so.

// record writes rows and their event past the engine.
func (c *company) record(t testing.TB, actor fault.Actor, x change.Change, verb string, statements ...statement) {
	t.Helper()
	must(t, c.db.Update(context.Background(), actor, func(tx *db.Tx) error {
		for _, s := range statements {
			if err := tx.ExecOne(s.text, s.args...); err != nil {
				return err
			}
		}
		_, err := ledger.Append(tx, ledger.Event{Verb: verb, Type: "change", Object: string(x.ID), Rev: x.RevDigest, Policy: c.pack.Digest()})
		return err
	}))
}

type statement struct {
	text string
	args []any
}

// shell writes a change's state and body as told.
func shell(t testing.TB, x change.Change, state change.State, edit func(b *change.Body)) statement {
	t.Helper()
	edit(&x.Body)
	body, err := seal.Canonical(x.Body)
	must(t, err)
	return statement{"UPDATE change_change SET state = $1, body = $2, version = version + 1 WHERE id = $3", []any{string(state), string(body), string(x.ID)}}
}

// vote is a decision with a good signature.
func (c *company) vote(t testing.TB, x change.Change, key *seal.Key, person, account, verb string, roles ...string) (statement, string) {
	t.Helper()
	p := change.ApprovalPredicate{Install: c.install, ID: seal.NewID("dec"), Change: string(x.ID), Rev: x.RevDigest, Policy: c.pack.Digest(), Decision: verb,
		Roles: roles, Person: person, Account: account, Authn: "session", At: c.clock.Now().UnixMicro(), Expires: x.Body.Expires}
	env, err := seal.Sign(key, seal.Statement[change.ApprovalPredicate]{PredicateType: change.ApprovalType, Predicate: p,
		Subject: []seal.Subject{{Name: string(x.ID), Digest: map[string]string{"sha256": strings.TrimPrefix(x.RevDigest, "sha256:")}}}})
	must(t, err)
	text, err := json.Marshal(env)
	must(t, err)
	list, err := seal.Canonical(roles)
	must(t, err)
	return statement{"INSERT INTO change_decision (id, change_id, rev_digest, policy, person, verb, roles, comment, at, statement, n)" +
		" VALUES ($1, $2, $3, $4, $5, $6, $7, '', $8, $9, $10)",
		[]any{p.ID, p.Change, p.Rev, p.Policy, person, verb, string(list), p.At, string(text), 90}}, p.ID
}

// release is a permit with a good signature, for what the change binds unless edited.
func (c *company) release(t testing.TB, x change.Change, a fault.Actor, edit func(p *change.PermitPredicate)) statement {
	t.Helper()
	m := c.wording(t, x)
	targets, err := change.TargetsDigest(m)
	must(t, err)
	now := c.clock.Now().UnixMicro()
	p := change.PermitPredicate{V: 1, Install: c.install, ID: seal.NewID("prm"), Change: string(x.ID), Rev: x.RevDigest, Approvals: x.Body.Approvals,
		Policy: c.pack.Digest(), Bindings: m.Bindings, Targets: targets, Env: "prod", Executor: a.Account, Kind: wire.KindApply, Attempt: 1,
		Fence: 1000 + x.Number, NotBefore: now, Expires: now + change.PermitLife.Microseconds(), Nonce: seal.NewID("n")}
	edit(&p)
	env, err := seal.Sign(c.key, seal.Statement[change.PermitPredicate]{PredicateType: change.PermitType, Predicate: p})
	must(t, err)
	text, err := json.Marshal(env)
	must(t, err)
	return statement{"INSERT INTO change_permit (id, change_id, kind, stage, attempt, fence, person, account, rev, idem, issued, expires, lease, outcome," +
		" ended, exit_code, claimed, report, envelope) VALUES ($1, $2, $3, '', $4, $5, $6, $7, $8, '', $9, $10, 0, 'running', 0, 0, '{}', '', $11)",
		[]any{p.ID, p.Change, p.Kind, p.Attempt, p.Fence, a.Person, a.Account, p.Rev, p.NotBefore, p.Expires, string(text)}}
}

// resubmit records another submission past the engine, with a demand as told.
func (c *company) resubmit(t testing.TB, x change.Change, edit func(d *policy.Demand)) {
	t.Helper()
	v, err := c.Show(context.Background(), x.ID)
	must(t, err)
	edit(&v.Demand)
	body, err := json.Marshal(v.Demand)
	must(t, err)
	digest, n := change.DemandDigest(string(body)), x.Body.Round+1
	c.record(t, c.as(t, "ann"), x, "change.submitted",
		statement{"INSERT INTO change_demand (id, change_id, n, digest, body) VALUES ($1, $2, $3, $4, $5)",
			[]any{fmt.Sprintf("%s.%d", x.ID, n), string(x.ID), n, digest, string(body)}},
		shell(t, x, x.State, func(b *change.Body) { b.Round, b.Frozen, b.Since = n, digest, c.clock.Now().UnixMicro() }))
}

func (c *company) wording(t testing.TB, x change.Change) change.Material {
	t.Helper()
	v, err := c.Show(context.Background(), x.ID)
	must(t, err)
	return v.Material
}

// crook breaks one rule on a change of its own, and says what replay must answer.
type crook struct {
	name string
	want string
	lie  func(t testing.TB, c *company) change.Change
}

func keep(*change.Body)                              {}
func same(*change.PermitPredicate)                   {}
func waiting(t testing.TB, c *company) change.Change { return c.ready(t, usual()) }

func authorized(t testing.TB, c *company) change.Change {
	return c.approve(t, c.ready(t, usual()), "sam", "erin")
}

var decisionLies = []crook{
	{"authorized by nobody", "no decisions that authorize it", func(t testing.TB, c *company) change.Change {
		x := waiting(t, c)
		c.record(t, c.as(t, "ann"), x, "change.approved", shell(t, x, change.Authorized, keep))
		return x
	}},
	{"approved by the author", "an author or executor", func(t testing.TB, c *company) change.Change {
		x := waiting(t, c)
		v, _ := c.vote(t, x, c.key, c.id("ann"), c.as(t, "ann").Account, "approve", "security-lead")
		c.record(t, c.as(t, "ann"), x, "change.approved", v)
		return x
	}},
	{"approved by the executor", "an author or executor", func(t testing.TB, c *company) change.Change {
		x := waiting(t, c)
		v, _ := c.vote(t, x, c.key, c.id("ivo"), c.as(t, "ivo").Account, "approve", "security-lead")
		c.record(t, c.as(t, "ivo"), x, "change.approved", v)
		return x
	}},
	{"approved in another's name", "not the deed of that person", func(t testing.TB, c *company) change.Change {
		x := waiting(t, c)
		v, _ := c.vote(t, x, c.key, c.id("sam"), c.as(t, "sam").Account, "approve", "security-lead")
		c.record(t, c.as(t, "ann"), x, "change.approved", v)
		return x
	}},
	{"approved by a token", "not the deed of that person", func(t testing.TB, c *company) change.Change {
		x, a := waiting(t, c), c.as(t, "sam")
		a.Authn = fault.Token
		v, _ := c.vote(t, x, c.key, c.id("sam"), a.Account, "approve", "security-lead")
		c.record(t, a, x, "change.approved", v)
		return x
	}},
	{"approved with another key", "signature", func(t testing.TB, c *company) change.Change {
		x := waiting(t, c)
		key, err := seal.NewKey()
		must(t, err)
		v, _ := c.vote(t, x, key, c.id("sam"), c.as(t, "sam").Account, "approve", "security-lead")
		c.record(t, c.as(t, "sam"), x, "change.approved", v)
		return x
	}},
	{"approved by a rejection", "another kind than the decision", func(t testing.TB, c *company) change.Change {
		x := waiting(t, c)
		v, _ := c.vote(t, x, c.key, c.id("sam"), c.as(t, "sam").Account, "approve", "security-lead")
		c.record(t, c.as(t, "sam"), x, "change.rejected", v)
		return x
	}},
	{"authorized by one person", "did not fill every slot", func(t testing.TB, c *company) change.Change {
		x := waiting(t, c)
		v, id := c.vote(t, x, c.key, c.id("sam"), c.as(t, "sam").Account, "approve", "security-lead", "engineering-lead")
		c.record(t, c.as(t, "sam"), x, "change.approved", v, shell(t, x, change.Authorized, func(b *change.Body) {
			b.Decided, b.Approvals = c.clock.Now().UnixMicro(), change.ApprovalsDigest([]string{id})
		}))
		return x
	}},
	{"authorized by other decisions than stand", "not the decisions that stood", func(t testing.TB, c *company) change.Change {
		x := authorized(t, c)
		c.record(t, c.as(t, "ann"), x, "change.held", shell(t, x, change.Authorized, func(b *change.Body) { b.Approvals = change.ApprovalsDigest([]string{"dec_none"}) }))
		return x
	}},
	{"a weaker demand", "demands something else", func(t testing.TB, c *company) change.Change {
		x := waiting(t, c)
		c.resubmit(t, x, func(d *policy.Demand) { d.Slots = d.Slots[:1] })
		return x
	}},
	{"a demand of another policy", "no submission under that policy", func(t testing.TB, c *company) change.Change {
		x := waiting(t, c)
		c.resubmit(t, x, func(d *policy.Demand) { d.Policy = fileDigest })
		return x
	}},
	{"a demand rewritten later", "not exactly one submission", func(t testing.TB, c *company) change.Change {
		x := waiting(t, c)
		c.record(t, c.as(t, "ann"), x, "change.held", statement{"UPDATE change_demand SET body = '{}' WHERE change_id = $1", []any{string(x.ID)}})
		return x
	}},
	{"a demand under a false digest", "digest is not that of the demand", func(t testing.TB, c *company) change.Change {
		x := waiting(t, c)
		c.record(t, c.as(t, "ann"), x, "change.submitted", statement{"INSERT INTO change_demand (id, change_id, n, digest, body) VALUES ($1, $2, 9, $3, '{}')",
			[]any{string(x.ID) + ".9", string(x.ID), fileDigest}})
		return x
	}},
	{"a shell that names another demand", "not the one that the change names", func(t testing.TB, c *company) change.Change {
		x := waiting(t, c)
		c.record(t, c.as(t, "ann"), x, "change.held", shell(t, x, x.State, func(b *change.Body) { b.Frozen = fileDigest }))
		return x
	}},
	{"a round without its demand", "what the policy demanded at the submission is missing", func(t testing.TB, c *company) change.Change {
		x := waiting(t, c)
		c.record(t, c.as(t, "ann"), x, "change.held", shell(t, x, x.State, func(b *change.Body) { b.Round++ }))
		return x
	}},
	{"decisions carried over to something else", "would run something else", func(t testing.TB, c *company) change.Change {
		x := authorized(t, c)
		m := usual()
		m.Implementers, m.Bindings[0].Digest = nil, backDigest
		y, err := c.Edit(context.Background(), c.as(t, "ann"), x.ID, x.RevDigest, m)
		must(t, err)
		c.record(t, c.as(t, "ann"), y, "change.held", shell(t, y, change.Authorized, func(b *change.Body) {
			*b = x.Body
			b.Carried = []string{x.RevDigest}
		}))
		return y
	}},
	{"automatic without criteria", "no record of passed criteria", func(t testing.TB, c *company) change.Change {
		x := waiting(t, c)
		v, id := c.vote(t, x, c.key, "", "system", "approve")
		c.record(t, c.as(t, "ann"), x, "evidence.added", v, shell(t, x, change.Authorized, func(b *change.Body) {
			b.Decided, b.Approvals = c.clock.Now().UnixMicro(), change.ApprovalsDigest([]string{id})
		}))
		return x
	}},
	{"asked for by another", "requester is not who", func(t testing.TB, c *company) change.Change {
		x := waiting(t, c)
		c.record(t, c.as(t, "ann"), x, "change.held", statement{"UPDATE change_change SET requester = $1 WHERE id = $2", []any{c.id("pia"), string(x.ID)}})
		return x
	}},
	{"a wording with another digest", "digest is not that of the wording", func(t testing.TB, c *company) change.Change {
		x := waiting(t, c)
		c.record(t, c.as(t, "ann"), x, "change.edited", statement{"UPDATE change_revision SET canonical = $1 WHERE change_id = $2",
			[]any{`{"category":"configuration","summary":"harmless","type":"normal"}`, string(x.ID)}})
		return x
	}},
}

var executionLies = []crook{
	{"opened without approvals", "without the decisions that authorize it", func(t testing.TB, c *company) change.Change {
		x := waiting(t, c)
		c.record(t, c.as(t, "ivo"), x, "gate.opened", c.release(t, x, c.as(t, "ivo"), same))
		return x
	}},
	{"something else released", "releases something else", func(t testing.TB, c *company) change.Change {
		x := authorized(t, c)
		c.record(t, c.as(t, "ivo"), x, "gate.opened", c.release(t, x, c.as(t, "ivo"), func(p *change.PermitPredicate) {
			p.Bindings = []change.Binding{{Kind: "config-file", Name: "app.conf", Digest: backDigest}}
		}))
		return x
	}},
	{"released elsewhere", "releases something else", func(t testing.TB, c *company) change.Change {
		x := authorized(t, c)
		c.record(t, c.as(t, "ivo"), x, "gate.opened", c.release(t, x, c.as(t, "ivo"), func(p *change.PermitPredicate) { p.Targets = backDigest }))
		return x
	}},
	{"opened by a stranger", "does not name who opened it", func(t testing.TB, c *company) change.Change {
		x := authorized(t, c)
		c.record(t, c.as(t, "pia"), x, "gate.opened", c.release(t, x, c.as(t, "pia"), same))
		return x
	}},
	{"opened in another's name", "opened by somebody else", func(t testing.TB, c *company) change.Change {
		x := authorized(t, c)
		c.record(t, c.as(t, "pia"), x, "gate.opened", c.release(t, x, c.as(t, "ivo"), same))
		return x
	}},
	{"a permit for ever", "lives too long", func(t testing.TB, c *company) change.Change {
		x := authorized(t, c)
		c.record(t, c.as(t, "ivo"), x, "gate.opened", c.release(t, x, c.as(t, "ivo"), func(p *change.PermitPredicate) { p.Expires += 1 }))
		return x
	}},
	{"opened after the approvals expired", "outside the life of the approvals", func(t testing.TB, c *company) change.Change {
		x := authorized(t, c)
		c.record(t, c.as(t, "ivo"), x, "gate.opened", c.release(t, x, c.as(t, "ivo"), same), shell(t, x, change.Implementing, func(b *change.Body) { b.Expires = b.Decided }))
		return x
	}},
	{"opened after a rejection", "though the change was rejected", func(t testing.TB, c *company) change.Change {
		x := authorized(t, c)
		_, err := c.Reject(context.Background(), c.as(t, "sam"), x.ID, x.RevDigest, "on second thoughts, no")
		must(t, err)
		c.record(t, c.as(t, "ivo"), x, "gate.opened", c.release(t, x, c.as(t, "ivo"), same))
		return x
	}},
	{"opened after a withdrawal", "without the executor's own", func(t testing.TB, c *company) change.Change {
		x := authorized(t, c)
		_, err := c.Withdraw(context.Background(), c.as(t, "sam"), x.ID, "on second thoughts")
		must(t, err)
		c.record(t, c.as(t, "ivo"), x, "gate.opened", c.release(t, x, c.as(t, "ivo"), same), shell(t, x, change.Implementing, keep))
		return x
	}},
	{"another policy in the permit", "another policy than the one in force", func(t testing.TB, c *company) change.Change {
		x := authorized(t, c)
		c.record(t, c.as(t, "ivo"), x, "gate.opened", c.release(t, x, c.as(t, "ivo"), func(p *change.PermitPredicate) { p.Policy = backDigest }))
		return x
	}},
	{"released twice", "fencing numbers", func(t testing.TB, c *company) change.Change {
		x := authorized(t, c)
		x = c.run(t, x, wire.KindApply, 1, usual().Bindings...)
		c.record(t, c.as(t, "ivo"), x, "gate.opened", c.release(t, x, c.as(t, "ivo"), func(p *change.PermitPredicate) { p.Attempt, p.Fence = 2, 1 }))
		return x
	}},
	{"a failure closed as a success", "do not allow the closure code", func(t testing.TB, c *company) change.Change {
		x := c.run(t, authorized(t, c), wire.KindApply, 3, usual().Bindings...)
		c.record(t, c.as(t, "ann"), x, "change.closed", shell(t, x, change.Closed, func(b *change.Body) { b.Closure = change.Successful }))
		return x
	}},
	{"a failure talked up", "not that of the executions", func(t testing.TB, c *company) change.Change {
		x := c.run(t, authorized(t, c), wire.KindApply, 3, usual().Bindings...)
		c.record(t, c.as(t, "ann"), x, "change.held", shell(t, x, change.Verifying, func(b *change.Body) { b.Applied = change.Success }))
		return x
	}},
	{"a permit's outcome talked up", "not what the newest event says", func(t testing.TB, c *company) change.Change {
		x := c.run(t, authorized(t, c), wire.KindApply, 3, usual().Bindings...)
		c.record(t, c.as(t, "ann"), x, "change.held", statement{"UPDATE change_permit SET outcome = 'success' WHERE change_id = $1", []any{string(x.ID)}})
		return x
	}},
	{"closed before it was verified", "before it was verified", func(t testing.TB, c *company) change.Change {
		x := c.run(t, authorized(t, c), wire.KindApply, 0, usual().Bindings...)
		c.record(t, c.as(t, "ann"), x, "change.closed", shell(t, x, change.Closed, func(b *change.Body) { b.Closure = change.Successful }))
		return x
	}},
	{"run untested", "evidence was missing", func(t testing.TB, c *company) change.Change {
		x := authorized(t, c)
		_, err := c.AddEvidence(context.Background(), c.as(t, "ann"), x.ID, change.Evidence{Format: "junit", Subject: fileDigest},
			strings.NewReader(`<testsuite name="unit" tests="1" failures="1"><testcase name="a"><failure message="no"/></testcase></testsuite>`))
		must(t, err)
		c.record(t, c.as(t, "ivo"), x, "gate.opened", c.release(t, x, c.as(t, "ivo"), same), shell(t, x, change.Implementing, keep))
		return x
	}},
}

func TestReplayFindsWhatBrokeTheRules(t *testing.T) {
	t.Parallel()
	c := found(t, "install_crooked")
	for _, group := range [][]crook{decisionLies, executionLies} {
		for _, lie := range group {
			x := lie.lie(t, c)
			r := verify(t, c.export(t, prove.Selection{Change: x.ID}), c.pinned())
			if !strings.Contains(fmt.Sprint(r.Faults), lie.want) {
				t.Errorf("%s: faults %v, want %q", lie.name, r.Faults, lie.want)
			}
		}
	}
}
