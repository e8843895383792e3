package server_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/server/servertest"
	"plumbline.dev/plumb/internal/wire"
)

// The real API and the model of oracle_test.go are led through the same random steps by random people;
// after each step both must tell the same. The usual run walks the same paths each time, so that it
// fails for who broke something and not for who came next; PLUMB_API_CHECKS asks for that many new ones.
// A failing sequence is shrunk and printed.
func TestAPIAgreesWithTheModel(t *testing.T) {
	// Not parallel: rapid's flags belong to the process, and the lanes keep the cores busy by themselves.
	checks, lanes, seed := 150, 1, "20261123"
	if n, err := strconv.Atoi(os.Getenv("PLUMB_API_CHECKS")); err == nil {
		checks, lanes, seed = n, 3, "0" // lanes run at once, each on changes of its own
	}
	for name, value := range map[string]string{"rapid.checks": strconv.Itoa((checks + lanes - 1) / lanes), "rapid.steps": "25",
		"rapid.nofailfile": "true", "rapid.seed": seed} {
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	f := found(t)
	for _, name := range everybody() {
		f.client(name)
	}
	taken := &tally{count: map[string]int{}}
	t.Run("lanes", func(t *testing.T) {
		for i := range lanes {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				rapid.Check(t, func(rt *rapid.T) { newWalk(rt, f, taken).run() })
			})
		}
	})
	if !t.Failed() {
		taken.complete(t, checks)
		whole(t, f.Server)
	}
}

func everybody() []string {
	out := []string{servertest.Olga, servertest.Sam, servertest.Sally, servertest.Erin, servertest.Emil, servertest.Dora, lou,
		servertest.Alice, servertest.Rita, servertest.Ivy, servertest.Audra, servertest.CI, servertest.Strange}
	return append(out, "token:"+servertest.Alice, "token:"+servertest.Sam, "token:"+servertest.Ivy)
}

// tally guards the test itself: a server that refuses everything would agree with a lazy walk too.
type tally struct {
	mu    sync.Mutex
	count map[string]int // guarded by mu
}

func (y *tally) add(what string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.count[what]++
}

// complete asks that the walks went everywhere.
func (y *tally) complete(t *testing.T, checks int) {
	t.Helper()
	want := strings.Fields("filed edited submitted approved rejected withdrawn held released cancelled tested opened:apply opened:rollback " +
		"finished:success finished:failure verified closed:successful closed:backed_out repeated same:permit " +
		"gate:3 gate:4 gate:5 not_signed_in not_allowed self_approval executor_approval no_slot stale if_match_required " +
		"not_awaiting checks_missing decided_already needs_new_revision nothing_to_withdraw permit_used idempotency_mismatch")
	var lines []string
	for what, n := range y.count {
		lines = append(lines, fmt.Sprintf("%s %d", what, n))
	}
	slices.Sort(lines)
	t.Logf("taken: %s", strings.Join(lines, ", "))
	for _, what := range want {
		if y.count[what] == 0 && checks >= 100 {
			t.Errorf("in no sequence: %s", what)
		}
	}
}

// walk is one sequence on one change.
type walk struct {
	*rapid.T
	f       *firm
	taken   *tally
	id      change.ID
	target  string
	book    *book
	digests map[wording]string
	past    []string // every digest that was current, in turn
	round   int      // decisions from before the newest submission
	view    change.View
	trail   []string
}

func newWalk(rt *rapid.T, f *firm, taken *tally) *walk { return &walk{T: rt, f: f, taken: taken} }

func (w *walk) run() {
	w.file()
	w.compare()
	next := w.next
	w.Repeat(map[string]func(*rapid.T){
		"a next": w.with(next), "b next": w.with(next), "c next": w.with(next), "d next": w.with(next), "e next": w.with(next), "f next": w.with(next),
		"g next": w.with(next), "h next": w.with(next), "i next": w.with(next),
		"approve": w.with(func() { w.approve(w.anyone()) }), "edit": w.with(func() { w.edit(w.anyone()) }),
		"submit": w.with(func() { w.submit(w.anyone()) }), "reject": w.with(func() { w.reject(w.anyone()) }),
		"withdraw": w.with(func() { w.withdraw(w.anyone()) }), "hold": w.with(w.hold), "cancel": w.with(w.cancel),
		"evidence": w.with(func() { w.evidence(w.anyone(), w.bytes(), w.draw("pass", "fail")) }),
		"check":    w.with(func() { w.gate(w.anyone(), "check") }), "open": w.with(func() { w.gate(w.anyone(), "open") }),
		"finish": w.with(func() { w.finish(w.anyone()) }), "verify": w.with(func() { w.verify(w.anyone()) }),
		"close": w.with(func() { w.close(w.anyone()) }),
	})
}

func (w *walk) with(step func()) func(*rapid.T) {
	return func(*rapid.T) {
		step()
		w.compare()
	}
}

// fail ends the sequence with everything that led to it. The failure's own text has no ids in it, so that
// rapid knows it again when it shrinks the sequence.
func (w *walk) fail(format string, args ...any) {
	w.Helper()
	w.Logf("%s\nafter\n  %s", fmt.Sprintf(format, args...), strings.Join(w.trail, "\n  "))
	w.Fatalf("%q", format)
}

func (w *walk) draw(list ...string) string { return rapid.SampledFrom(list).Draw(w.T, "one of") }

func (w *walk) chance(percent int) bool {
	return rapid.IntRange(1, 100).Draw(w.T, "chance") > 100-percent
}

func (w *walk) anyone() asker { return askerOf(rapid.SampledFrom(everybody()).Draw(w.T, "who")) }

func (w *walk) someone(names ...string) asker { return askerOf(w.draw(names...)) }

// bytes are mostly those of the wording.
func (w *walk) bytes() string {
	if w.chance(20) {
		return w.draw("a", "b", "back")
	}
	return w.book.Now.Bytes
}

// next is a step that leads on, by somebody who could do it.
func (w *walk) next() {
	b := w.book
	switch b.State {
	case "draft":
		if !b.passes(b.Now.Bytes) && w.chance(50) {
			w.evidence(askerOf(servertest.CI), b.Now.Bytes, "pass")
			return
		}
		w.submit(w.someone(b.Authors...))
	case "assessing":
		w.evidence(askerOf(servertest.CI), b.Now.Bytes, "pass")
	case "awaiting_approval":
		w.approve(w.someone(servertest.Sam, servertest.Sally, servertest.Erin, servertest.Emil, lou))
	case "rejected":
		if w.draw("edit", "submit") == "submit" {
			w.submit(w.someone(b.Authors...))
			return
		}
		w.edit(w.someone(b.Authors...))
	case "authorized":
		w.start()
	case "implementing", "verifying", "in_review":
		w.onward()
	default:
		w.file()
	}
}

// start leads through the gate, mostly.
func (w *walk) start() {
	b := w.book
	switch by := w.someone(crews[b.Now.Who]...); {
	case b.Holder != "":
		w.hold()
	case w.chance(15):
		w.withdraw(w.someone(slices.Sorted(maps.Keys(b.Words))...))
	case w.chance(25):
		w.present(by, "open", wire.KindApply, "other bytes")
	default:
		w.present(by, "open", wire.KindApply, b.Now.Bytes)
	}
}

// onward leads on after the gate.
func (w *walk) onward() {
	b := w.book
	switch {
	case b.running():
		r := b.Runs[slices.IndexFunc(b.Runs, func(r run) bool { return r.Outcome == "running" })]
		if w.draw("finish", "retry") == "retry" {
			w.presentAgain(askerOf(r.Holder), "open", r.Kind, map[string]string{wire.KindApply: b.Now.Bytes, wire.KindRollback: "back"}[r.Kind], &r)
			return
		}
		w.finish(askerOf(r.Holder))
	case b.outcome(wire.KindApply) == "failure" && b.outcome(wire.KindRollback) == "":
		w.present(w.someone(crews[b.Now.Who]...), "open", wire.KindRollback, "back")
	case b.State == "verifying" && !b.Verified:
		w.verify(w.someone(servertest.Sam, servertest.Sally, lou))
	default:
		w.close(w.someone(servertest.Alice, servertest.Rita, servertest.Erin))
	}
}

// statusOf is the HTTP status that goes with a code.
func statusOf(code string) int {
	switch code {
	case "not_signed_in":
		return 401
	case "if_match_required":
		return 428
	case "stale":
		return 412
	case "idempotency_mismatch":
		return 422
	case "no_reason", "wrong_subject", "dishonest_closure", "review_missing", "bad_review", "no_verification":
		return 400
	case "not_allowed", "not_author", "self_approval", "executor_approval", "no_slot", "unsatisfiable", "not_holder", "fenced_off",
		"not_owner", "executor_verification", "own_check", "own_review":
		return 403
	}
	return 409
}

// try asks, holds the answer against what the rules object to, and sometimes asks the very same again.
// It reports whether it was done.
func (w *walk) try(a asker, decides bool, n no, method, path string, body any, headers ...string) (reply, bool) {
	if code := door(a, decides); code != "" {
		n = no{must: []string{code}}
	}
	key, raw := "", encoded(w, body)
	if w.chance(20) {
		key = seal.NewID("key")
		headers = append(slices.Clone(headers), "Idempotency-Key", key)
	}
	r := w.send(a, method, path, raw, headers...)
	w.judge(n, r)
	if key == "" {
		return r, r.ok()
	}
	again := w.send(a, method, path, raw, headers...)
	switch {
	case r.ok():
		w.taken.add("repeated")
		if again.status != r.status || string(again.body) != string(r.body) || again.etag != r.etag {
			w.fail("a repeated key was answered %s, first %s", again, r)
		}
		if other := w.send(a, method, path, append(slices.Clone(raw), ' '), headers...); other.code != "idempotency_mismatch" || other.status != 422 {
			w.fail("another request under the same key was answered %s", other)
		}
		w.taken.add("idempotency_mismatch")
	default:
		w.judge(n, again)
	}
	return r, r.ok()
}

// encoded gives a body's bytes.
func encoded(w *walk, body any) []byte {
	if raw, ok := body.([]byte); ok {
		return raw
	}
	raw, err := json.Marshal(body)
	if err != nil {
		w.fail("encode %v: %v", body, err)
	}
	return raw
}

func (w *walk) send(a asker, method, path string, body any, headers ...string) reply {
	r, err := send(w.f.client(a.name).Request(method, path, body, headers...))
	if err != nil {
		w.fail("%s %s: %v", method, path, err)
	}
	w.trail = append(w.trail, fmt.Sprintf("%s %s as %s %v: %d %s", method, path, a.name, headers, r.status, r.code))
	return r
}

func (w *walk) judge(n no, r reply) {
	switch {
	case r.ok() && len(n.must) > 0:
		w.fail("it was done; the rules object: %v", n.must)
	case !r.ok() && len(n.must)+len(n.may) == 0:
		w.fail("it was refused (%s); the rules allow it", r)
	case !r.ok() && !slices.Contains(append(slices.Clone(n.must), n.may...), r.code):
		w.fail("it was refused with %s; the rules object: %v %v", r, n.must, n.may)
	case !r.ok() && r.status != statusOf(r.code):
		w.fail("%s came with status %d, want %d", r.code, r.status, statusOf(r.code))
	case !r.ok():
		w.taken.add(r.code)
	}
}

// compare holds the change, as everybody can read it, against the model.
func (w *walk) compare() {
	r := w.send(askerOf(servertest.Rita), "GET", "/changes/"+string(w.id), nil)
	w.trail = w.trail[:len(w.trail)-1]
	w.view = change.View{}
	r.into(w, &w.view)
	v, b := w.view, w.book
	got := fmt.Sprintf("%s rev %d %s authors %v hold %q runs %v", v.Change.State, v.Change.Rev, v.Change.RevDigest, w.names(v.Change.Body.Authors), w.holder(), w.runs())
	want := fmt.Sprintf("%s rev %d %s authors %v hold %q runs %v", b.State, b.Rev, w.digests[b.Now], b.Authors, b.Holder, b.Runs)
	if got != want {
		w.fail("the change and the model differ:\n got %s\nwant %s", got, want)
	}
	barred := map[string]bool{}
	for id := range v.Excluded {
		barred[w.name(id)] = true
	}
	for _, p := range append(everybody(), servertest.Ivan) {
		if !strings.Contains(p, ":") && p != servertest.CI && (len(b.barred(p)) > 0) != barred[p] {
			w.fail("%s is excluded: %v, by the rules %v", p, barred[p], b.barred(p))
		}
	}
	if b.in("awaiting_approval", "authorized") {
		need := 0
		for _, m := range v.Missing {
			need += m.Need
		}
		if need != 2-filled(b.counting("")) {
			w.fail("%d approvals are said to be missing (%+v), want %d", need, []policy.Missing(v.Missing), 2-filled(b.counting("")))
		}
	}
}
