package server_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/server/servertest"
	"plumbline.dev/plumb/internal/wire"
)

// Eighty clients edit, submit, approve, reject, withdraw and open one change at once, round after round,
// each round on a change of its own. Whatever they do to each other: no second permit, none without the
// approvals that stood when it was given, no acknowledged word lost or doubled, and never a 5xx.
// PLUMB_CROWD_ROUNDS sets how many rounds.
func TestEightyClientsOneChange(t *testing.T) {
	// Not parallel: eighty clients keep the cores busy by themselves.
	rounds := 8
	if n, err := strconv.Atoi(os.Getenv("PLUMB_CROWD_ROUNDS")); err == nil {
		rounds = n
	}
	f := found(t)
	for _, name := range everybody() {
		f.client(name)
	}
	released := 0
	for i := range rounds {
		c := crowd{firm: f, t: t, seed: uint64(i), words: map[string]int{}, permits: map[string]bool{}}
		c.round()
		released += len(c.permits)
	}
	if released == 0 {
		t.Error("in no round anything was released")
	}
	t.Logf("released in %d of %d rounds", released, rounds)
	whole(t, f.Server)
}

// crowd is one round.
type crowd struct {
	*firm
	t    *testing.T
	seed uint64
	m    change.Material
	id   change.ID

	mu      sync.Mutex
	words   map[string]int  // guarded by mu: acknowledged decisions, by person, verb and revision
	permits map[string]bool // guarded by mu: ids of permits that were given
	edits   int             // guarded by mu
}

const crowdSize, crowdTries = 80, 3

func (c *crowd) round() {
	c.m = c.usual("workers: 4\n")
	filed := c.filed(c.t, c.m)
	c.id = filed.ID
	c.done(c.t, nil, servertest.Alice, "POST", at(filed, "/submit"), map[string]any{}, servertest.Seen(filed)...)
	c.done(c.t, nil, servertest.CI, "POST", at(filed, "/evidence?format=junit&subject="+c.m.Bindings[0].Digest), servertest.JUnit())
	var all sync.WaitGroup
	for i := range crowdSize {
		all.Go(func() {
			r := rand.New(rand.NewPCG(c.seed, uint64(i)))
			for range crowdTries {
				c.act(i, r)
			}
		})
	}
	all.Wait()
	c.judge()
}

// act is one thing that one client does, mostly to what they just read.
func (c *crowd) act(i int, r *rand.Rand) {
	var v change.View
	path := "/changes/" + string(c.id)
	c.done(c.t, &v, servertest.Rita, "GET", path, nil)
	seen := servertest.Seen(v.Change)
	who := []string{servertest.Sam, servertest.Sally, servertest.Erin, servertest.Emil, lou}[r.IntN(5)]
	switch n := r.IntN(100); {
	case i%8 == 0:
		c.open(v.Change)
	case n < 4:
		m := c.m
		m.Summary = fmt.Sprintf("wording %d", r.IntN(5))
		if reply := c.polite(servertest.Alice, "PUT", path, m, seen...); reply.ok() {
			c.mu.Lock()
			c.edits++
			c.mu.Unlock()
		}
	case n < 20:
		c.polite(servertest.Alice, "POST", path+"/submit", map[string]any{}, seen...)
	case n < 22:
		c.decide(who, change.Rejection, path+"/reject", v.Change.RevDigest, seen)
	case n < 32:
		c.decide(who, change.Withdrawal, path+"/withdraw", v.Change.RevDigest, nil)
	default:
		c.decide(who, change.Approval, path+"/approve", v.Change.RevDigest, seen)
	}
}

// polite asks and never takes a 5xx for an answer.
func (c *crowd) polite(who, method, path string, body any, headers ...string) reply {
	r := c.ask(c.t, who, method, path, body, headers...)
	if r.status >= 500 {
		c.t.Errorf("%s %s as %s: %s", method, path, who, r)
	}
	return r
}

func (c *crowd) decide(who string, verb change.Verb, path, digest string, seen []string) {
	r := c.polite(who, "POST", path, map[string]any{"comment": "as one of many"}, seen...)
	if !r.ok() {
		return
	}
	if verb == change.Withdrawal {
		digest = "" // it is about whatever stood
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.words[who+" "+string(verb)+" "+digest]++
}

func (c *crowd) open(x change.Change) {
	q := presented(x, wire.KindApply, "workers: 4\n")
	q.Key = seal.NewID("key")
	r := c.polite(servertest.CI, "POST", "/gate/open", q)
	var v wire.GateVerdict
	r.into(c.t, &v)
	if !r.ok() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.permits[v.PermitID] = true
}

// judge holds what the server has on record against what it acknowledged.
func (c *crowd) judge() {
	t := c.t
	var v change.View
	c.done(t, &v, servertest.Alice, "GET", "/changes/"+string(c.id), nil)
	if len(c.permits) > 1 || len(v.Permits) != len(c.permits) {
		t.Fatalf("%s: %d permits were given, %d are on record", c.id, len(c.permits), len(v.Permits))
	}
	if want := 1 + c.edits; int(v.Change.Rev) != want {
		t.Errorf("%s is at revision %d, %d edits were acknowledged", c.id, v.Change.Rev, c.edits)
	}
	names := map[string]string{}
	for name, id := range c.People {
		names[id] = name
	}
	recorded, standing := map[string]int{}, map[string]string{}
	for i, d := range v.Decisions {
		if d.N != int64(i)+1 {
			t.Errorf("decision %d has number %d", i+1, d.N)
		}
		digest := d.RevDigest
		if d.Verb == change.Withdrawal {
			digest = ""
		}
		recorded[names[d.Person]+" "+string(d.Verb)+" "+digest]++
		if d.RevDigest == v.Change.RevDigest && int64(i) >= v.Change.Body.Before {
			standing[names[d.Person]] = string(d.Verb)
		}
	}
	if fmt.Sprint(recorded) != fmt.Sprint(c.words) {
		t.Errorf("%s: on record %v, acknowledged %v", c.id, recorded, c.words)
	}
	if len(v.Permits) == 0 {
		return
	}
	// No decision is taken once a permit is used, so what stands now stood then.
	var yes []string
	for name, verb := range standing {
		if verb == string(change.Approval) && !slices.Contains([]string{servertest.Alice, servertest.Ivy}, name) {
			yes = append(yes, name)
		}
	}
	if v.Change.State != change.Implementing || v.Permits[0].Rev != v.Change.RevDigest || filled(yes) < 2 {
		t.Errorf("%s is %s at %s; the permit is for %s, by the approvals of %v", c.id, v.Change.State, v.Change.RevDigest, v.Permits[0].Rev, yes)
	}
}
