package server_test

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/server/servertest"
	"plumbline.dev/plumb/internal/wire"
)

// The steps of a walk: each asks the model, asks the server, and lets the model follow.

func (w *walk) wording() wording {
	return wording{Summary: rapid.IntRange(0, 2).Draw(w.T, "summary"), Bytes: w.draw("a", "a", "b"), Who: rapid.IntRange(0, len(crews)-1).Draw(w.T, "crew")}
}

// material writes a wording. Every binding claims the same tree, whatever its bytes are.
func (w *walk) material(x wording) change.Material {
	m := w.f.usual(x.Bytes)
	m.Targets = []string{w.target}
	m.Summary = []string{"first wording", "second wording", "third wording"}[x.Summary]
	m.Bindings[0].Tree = "the same tree"
	pipeline := m.Implementers[0]
	m.Implementers = nil
	for _, name := range crews[x.Who] {
		if name == servertest.CI {
			m.Implementers = append(m.Implementers, pipeline)
			continue
		}
		m.Implementers = append(m.Implementers, change.Executor{Person: w.f.People[name]})
	}
	return m
}

func (w *walk) file() {
	x, a := w.wording(), w.anyone()
	w.target = seal.NewID("host")
	r, done := w.try(a, false, no{}, "POST", "/changes", w.material(x))
	if !done {
		a = askerOf(servertest.Alice)
		if r, done = w.try(a, false, no{}, "POST", "/changes", w.material(x)); !done {
			w.fail("nothing could be filed")
		}
	}
	var c change.Change
	r.into(w, &c)
	w.taken.add("filed")
	w.id, w.book, w.digests, w.past, w.round = c.ID, newBook(a, x), map[wording]string{}, nil, 0
	w.worded(c)
}

// worded notes a revision's digest: the same wording has one digest, another has another.
func (w *walk) worded(c change.Change) {
	now := w.book.Now
	for x, d := range w.digests {
		if (x == now) != (d == c.RevDigest) {
			w.fail("wordings %+v and %+v have digests %s and %s", x, now, d, c.RevDigest)
		}
	}
	w.digests[now] = c.RevDigest
	w.past = append(w.past, c.RevDigest)
}

// seen is the If-Match of somebody who mostly looked at the current wording; fresh says so.
func (w *walk) seen() (header []string, fresh bool, n no) {
	current := w.digests[w.book.Now]
	digest := current
	switch {
	case w.chance(5):
		return nil, true, no{must: []string{"if_match_required"}}
	case w.chance(5):
		digest = seal.Raw([]byte("never seen"))
	case w.chance(10):
		digest = rapid.SampledFrom(w.past).Draw(w.T, "seen")
	}
	return []string{"If-Match", `"` + digest + `"`}, digest == current, no{}
}

// decide is the frame of what needs an If-Match.
func (w *walk) decide(a asker, decides bool, verb string, body any, rule func(fresh bool) no) (change.Change, bool) {
	header, fresh, n := w.seen()
	if len(n.must) == 0 {
		n = rule(fresh)
	}
	method := "POST"
	if verb == "" {
		method = "PUT"
	}
	return w.asked(a, decides, n, method, verb, body, header...)
}

// asked asks about this change and reads the change that comes back.
func (w *walk) asked(a asker, decides bool, n no, method, verb string, body any, headers ...string) (c change.Change, done bool) {
	r, done := w.try(a, decides, n, method, "/changes/"+string(w.id)+verb, body, headers...)
	if done {
		r.into(w, &c)
	}
	return c, done
}

func (w *walk) edit(a asker) {
	x := w.wording()
	if c, done := w.decide(a, false, "", w.material(x), func(fresh bool) no { return w.book.edit(a, x, fresh) }); done {
		w.taken.add("edited")
		w.book.edited(a, x)
		w.worded(c)
	}
}

func (w *walk) submit(a asker) {
	if _, done := w.decide(a, false, "/submit", map[string]any{}, func(fresh bool) no { return w.book.submit(a, fresh) }); done {
		w.taken.add("submitted")
		w.book.submitted()
		w.round = len(w.view.Decisions)
	}
}

func (w *walk) approve(a asker) {
	if _, done := w.decide(a, true, "/approve", map[string]any{"comment": "fine"}, func(fresh bool) no { return w.book.approve(a, fresh) }); done {
		w.taken.add("approved")
		w.book.approved(a)
	}
}

// reason is mostly there.
func (w *walk) reason() (body map[string]any, given bool) {
	if w.chance(10) {
		return map[string]any{"comment": "  "}, false
	}
	return map[string]any{"comment": "for a reason"}, true
}

func (w *walk) reject(a asker) {
	body, given := w.reason()
	if _, done := w.decide(a, true, "/reject", body, func(fresh bool) no { return w.book.reject(a, fresh, given) }); done {
		w.taken.add("rejected")
		w.book.Words[a.person], w.book.State = "reject", "rejected"
	}
}

func (w *walk) withdraw(a asker) {
	if _, done := w.asked(a, true, w.book.withdraw(a), "POST", "/withdraw", map[string]any{}); done {
		w.taken.add("withdrawn")
		w.book.withdrawn(a)
	}
}

func (w *walk) hold() {
	a := w.anyone()
	if w.book.Holder != "" {
		if w.chance(60) {
			a = askerOf(servertest.Dora)
		}
		if _, done := w.asked(a, true, w.book.release(a), "POST", "/release", map[string]any{}); done {
			w.taken.add("released")
			w.book.Holder = ""
		}
		return
	}
	body, given := w.reason()
	if _, done := w.asked(a, true, w.book.hold(a, given), "POST", "/hold", body); done {
		w.taken.add("held")
		w.book.Holder = a.person
	}
}

func (w *walk) cancel() {
	a := w.anyone()
	body, given := w.reason()
	if _, done := w.asked(a, false, w.book.cancel(a, given), "POST", "/cancel", body); done {
		w.taken.add("cancelled")
		w.book.State = "cancelled"
	}
}

const failingTests = `<testsuite name="web" tests="1" failures="1"><testcase name="starts"><failure message="no"/></testcase></testsuite>`

func (w *walk) evidence(a asker, bytes, result string) {
	file := servertest.JUnit()
	if result == "fail" {
		file = []byte(failingTests)
	}
	path := "/changes/" + string(w.id) + "/evidence?format=junit&subject=" + seal.Raw([]byte(bytes))
	if _, done := w.try(a, false, w.book.evidence(bytes), "POST", path, file); done {
		w.taken.add("tested")
		w.book.tested(a, bytes, result)
	}
}

// gate checks or opens. What is presented is mostly right, and a key is sometimes used again.
func (w *walk) gate(a asker, verb string) {
	kind := wire.KindApply
	if w.book.in("implementing", "verifying") && w.chance(70) || w.chance(10) {
		kind = wire.KindRollback
	}
	bytes := w.bytes()
	if kind == wire.KindRollback && bytes == w.book.Now.Bytes {
		bytes = "back"
	}
	w.present(a, verb, kind, bytes)
}

func (w *walk) present(a asker, verb, kind, bytes string) {
	var before *run
	if len(w.book.Runs) > 0 && w.chance(30) {
		before = &w.book.Runs[rapid.IntRange(0, len(w.book.Runs)-1).Draw(w.T, "run")]
	}
	w.presentAgain(a, verb, kind, bytes, before)
}

// presentAgain uses the key of an earlier permit, if one is given.
func (w *walk) presentAgain(a asker, verb, kind, bytes string, before *run) {
	q := presented(change.Change{ID: w.id}, kind, bytes)
	q.Key = seal.NewID("key")
	if before != nil {
		q.Key = before.Key
	}
	r := w.send(a, "POST", "/gate/"+verb, q)
	if code := door(a, false); code != "" {
		w.judge(no{must: []string{code}}, r)
		return
	}
	mine := slices.IndexFunc(w.book.Runs, func(x run) bool {
		return x.Key == q.Key && x.Holder == a.account && x.Kind == kind && x.Outcome == "running"
	})
	if verb == "open" && mine >= 0 && w.book.Holder == "" {
		w.repeated(r, w.book.Runs[mine], bytes)
		return
	}
	want, other := w.book.gate(a, kind, bytes)
	if other != want && r.has(fmt.Sprintf(`"code":%d`, other)) {
		want = other
	}
	w.verdict(a, r, want, verb == "open", run{Kind: kind, Holder: a.account, Key: q.Key, Outcome: "running"})
}

// repeated: the key that opened the gate gets the same permit while it runs, and only for the same.
func (w *walk) repeated(r reply, before run, bytes string) {
	right := bytes == w.book.Now.Bytes && before.Kind == wire.KindApply || bytes == "back" && before.Kind == wire.KindRollback
	if !right {
		if r.ok() {
			w.fail("a permit's key released other bytes: %s", r)
		}
		return
	}
	var v wire.GateVerdict
	r.into(w, &v)
	if r.status != 200 || v.PermitID != before.ID {
		w.fail("a permit's key was answered %s, want permit %s again", r, before.ID)
	}
	w.taken.add("same:permit")
}

func (w *walk) verdict(a asker, r reply, want int, opens bool, p run) {
	var v wire.GateVerdict
	r.into(w, &v)
	if v.Code != want || (v.Verdict == wire.Allow) != (want == 0) || r.ok() != (want == 0) || !r.ok() && r.status != 403 {
		w.fail("the gate said %s, want code %d", r, want)
	}
	w.taken.add("gate:" + string(rune('0'+want)))
	if !opens || want != 0 {
		if v.Permit != nil {
			w.fail("a verdict that opens nothing holds a permit: %s", r)
		}
		return
	}
	p.ID = v.PermitID
	w.book.Runs = append(w.book.Runs, p)
	w.book.State = "implementing"
	w.taken.add("opened:" + p.Kind)
	var shown change.View
	w.send(a, "GET", "/changes/"+string(w.id), nil).into(w, &shown)
	for _, x := range shown.Permits {
		if x.ID == p.ID {
			w.book.Runs[len(w.book.Runs)-1].Fence = x.Fence
		}
	}
	w.specification(shown, a)
}

// specification judges a release by what the server itself has on record, in as few words as the
// policy: two different people who hold the two roles approved this very wording in this round, neither
// of them author or executor; nobody's rejection stands; the bytes were tested; and it is the first.
func (w *walk) specification(v change.View, executor asker) {
	newest := map[string]change.Decision{}
	for _, d := range v.Decisions[w.round:] {
		newest[w.name(d.Person)] = d
	}
	var yes []string
	for p, d := range newest {
		switch {
		case d.Verb == change.Rejection:
			w.fail("executed although %s rejected it", p)
		case d.Verb == change.Approval && d.RevDigest == v.Change.RevDigest && p != executor.person &&
			!slices.Contains(w.book.Authors, p) && !slices.Contains(w.book.executors(), p):
			yes = append(yes, p)
		}
	}
	if filled(yes) < 2 {
		w.fail("executed with the approvals of %v only", yes)
	}
	applies := 0
	for _, p := range v.Permits {
		if p.Kind == wire.KindApply {
			applies++
		}
	}
	if applies != 1 {
		w.fail("executed %d times", applies)
	}
}

func (w *walk) finish(a asker) {
	if len(w.book.Runs) == 0 {
		return
	}
	i := rapid.IntRange(0, len(w.book.Runs)-1).Draw(w.T, "run")
	if w.book.running() {
		i = slices.IndexFunc(w.book.Runs, func(r run) bool { return r.Outcome == "running" })
	}
	p := &w.book.Runs[i]
	end := wire.GateClose{Permit: p.ID, Fence: p.Fence}
	if w.chance(10) {
		end.Fence++
	}
	if end.Outcome = w.draw("success", "failure"); end.Outcome == "failure" {
		end.Exit = 1
	}
	if _, done := w.try(a, false, w.book.finish(i, a, end.Fence), "POST", "/gate/close", end); done {
		w.taken.add("finished:" + end.Outcome)
		p.Outcome = end.Outcome
		w.book.ended()
	}
}

func (w *walk) verify(a asker) {
	slot := "asset-owner"
	if len(w.view.Verify) > 0 {
		slot = w.view.Verify[0]
	}
	if _, done := w.asked(a, true, w.book.verify(a), "POST", "/verify", map[string]any{"slot": slot, "passed": true}); done {
		w.taken.add("verified")
		w.book.verified()
	}
}

func (w *walk) close(a asker) {
	honest := "successful"
	switch {
	case w.book.outcome(wire.KindRollback) == "success":
		honest = "backed_out"
	case w.book.outcome(wire.KindApply) != "success":
		honest = "failed"
	}
	code := honest
	if w.chance(25) {
		code = w.draw("successful", "backed_out", "failed")
	}
	body := map[string]any{"closure": code, "review": map[string]any{"outcome": "it is as it is", "causes": "known",
		"actions": []map[string]any{{"text": "look closer", "owner": w.f.People[servertest.Alice], "due": time.Now().AddDate(0, 1, 0).UTC().Format(time.RFC3339)}}}}
	if _, done := w.asked(a, true, w.book.close(a, code, w.view.Demand.Risk == "high"), "POST", "/close", body); done {
		w.taken.add("closed:" + code)
		w.book.State = "closed"
	}
}

// name gives the username of a person id; other ids stay as they are.
func (w *walk) name(id string) string {
	for name, p := range w.f.People {
		if p == id {
			return name
		}
	}
	return id
}

func (w *walk) names(ids []string) (out []string) {
	for _, id := range ids {
		out = append(out, w.name(id))
	}
	return out
}

func (w *walk) holder() string {
	if h := w.view.Change.Body.Hold; h != nil {
		return w.name(h.By)
	}
	return ""
}

// runs are the permits in the model's form.
func (w *walk) runs() (out []run) {
	for i, p := range w.view.Permits {
		r := run{ID: p.ID, Kind: p.Kind, Holder: w.name(p.Person), Outcome: p.Outcome, Fence: p.Fence}
		if i < len(w.book.Runs) { // the model knows accounts by name
			if askerOf(w.book.Runs[i].Holder).person == r.Holder {
				r.Holder = w.book.Runs[i].Holder
			}
			r.Key = w.book.Runs[i].Key
		}
		out = append(out, r)
	}
	return out
}
