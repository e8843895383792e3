package change

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/wire"
)

// This file lets the exploration of model_test.go go through crashes. A step happens whole or not at all, because
// it is one transaction; what a crash takes is what no row holds, the answer that somebody waited for, and
// whoever was running something.

// restart is a server that dies and comes back in any state: it knows what the rows say. It must decide as it did
// before, know the permit whose answer was lost by its key, and release nothing for another key.
func restart() step {
	return step{"the server restarts", func(m *machine, w *world) bool {
		before, was := w.key(), verdicts(w)
		w.snap = fromRows(w.snap)
		m.refresh(w)
		if after := w.key(); after != before {
			panic(fmt.Sprintf("a restart made\n%s\nof\n%s", after, before))
		}
		if now := verdicts(w); !reflect.DeepEqual(was, now) {
			panic(fmt.Sprintf("a restart made verdicts\n%+v\nof\n%+v", now, was))
		}
		for _, p := range w.snap.Permits {
			q := wire.GateRequest{Schema: wire.GateRequestSchema, Kind: p.Kind, Key: p.Key}
			again, found := w.snap.again(session(p.Person), q)
			if !found || again.ID != p.ID {
				panic("the permit whose answer was lost is not known by its key")
			}
			if _, other := w.snap.again(session(p.Person), wire.GateRequest{Kind: p.Kind, Key: "another"}); other {
				panic("another key gets the permit")
			}
		}
		return true
	}}
}

// verdicts are the answers that the executors would get now.
func verdicts(w *world) (out []wire.GateVerdict) {
	for _, by := range []string{eve, kim} {
		q := wire.GateRequest{Schema: wire.GateRequestSchema, Kind: wire.KindApply, Observed: []wire.Observed{{Kind: "config-file", Name: "app.conf", Digest: goodBytes}}}
		out = append(out, w.snap.verdict(session(by), q, w.now()))
	}
	return out
}

// fromRows is the snapshot as it is read when nothing is in memory.
func fromRows(s Snapshot) Snapshot {
	read := func(from, into any) {
		b, err := json.Marshal(from)
		if err == nil {
			err = json.Unmarshal(b, into)
		}
		if err != nil {
			panic(err)
		}
	}
	next := Snapshot{Change: s.Change, Revision: s.Revision, SetUp: true}
	body, err := encodeBody(s.Change.Body)
	if err != nil {
		panic(err)
	}
	next.Change.Body, next.Revision.Material = Body{}, Material{}
	if err := json.Unmarshal([]byte(body), &next.Change.Body); err != nil {
		panic(err)
	}
	if err := json.Unmarshal([]byte(s.Revision.Canonical), &next.Revision.Material); err != nil {
		panic(err)
	}
	read(s.Decisions, &next.Decisions)
	read(s.Checks, &next.Checks)
	read(s.Permits, &next.Permits)
	if s.Frozen.Policy != "" {
		row, err := s.demandRow()
		if err != nil {
			panic(err)
		}
		if err := json.Unmarshal([]byte(row.Body), &next.Frozen); err != nil {
			panic(err)
		}
	}
	return next
}

// reports is an executor that comes back after its lease ran out and tells how the run ended after all.
func reports(by, outcome string) step {
	return step{by + " reports " + outcome + " late", func(m *machine, w *world) bool {
		s := &w.snap
		i := slices.IndexFunc(s.Permits, func(p Permit) bool { return p.Outcome == Unknown && p.Person == by })
		if i < 0 {
			return false
		}
		p := s.Permits[i]
		if s.finish(&p, session(by), wire.GateClose{Outcome: outcome}, w.now()) != nil {
			return false
		}
		s.ended(p, w.now())
		return true
	}}
}

// An execution never comes about by a crash: not of the server, whose memory is gone, and not of the executor, of whose
// run nobody knows the end until it reports, or never.
func TestNoExecutionThroughACrash(t *testing.T) {
	t.Parallel()
	list := []step{edit(ann), submit(), restart(), lose(bob), regain(bob), policyTo(true), word(Rejection, cat, current), word(Withdrawal, bob, current),
		open(eve, wire.KindApply, goodBytes), open(kim, wire.KindApply, goodBytes), open(eve, wire.KindRollback, otherBytes),
		finish(Success), finish(Failure), finish(Unknown), reports(eve, Success), reports(eve, Failure), reports(kim, Success), expire()}
	for _, p := range []string{bob, cat, lou, off} {
		list = append(list, word(Approval, p, current))
	}
	taken := explore(t, list)
	for _, name := range []string{"the server restarts", "run ends unknown", eve + " reports success late", "apply opened by " + kim, "rollback opened by " + eve} {
		if taken[name] == 0 {
			t.Errorf("%q never happened: the exploration proves nothing about it", name)
		}
	}
}
