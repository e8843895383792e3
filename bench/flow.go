package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
)

const (
	boundFile = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	junit     = `<testsuite name="unit" tests="1"><testcase name="a"/></testsuite>`
)

var filed atomic.Int64 // numbers the targets, so that no two changes collide

// courier is one client of the hot path, on a connection of its own, with all but the changing parts of
// its requests prepared.
type courier struct {
	*wire
	bearers       map[string]string
	before, after []byte // a filing's body around the number of its target
	body          []byte
}

// couriers opens so many clients, and gives what closes their connections.
func (o *office) couriers(ctx context.Context, n int) (all []*courier, hangUp func(), err error) {
	material, err := json.Marshal(map[string]any{"type": "normal", "category": "configuration", "summary": "Shorter idle timeout",
		"justification": "The policy asks for it", "components": []string{"web"}, "targets": []string{"host-%"},
		"bindings": []any{map[string]any{"kind": "config-file", "name": "app.conf", "digest": boundFile}},
		"rollback": map[string]any{"text": "Put the old file back"}, "implementers": []any{map[string]any{"person": o.people["ivo"]}}})
	if err != nil {
		return nil, nil, err
	}
	before, after, _ := bytes.Cut(material, []byte("%"))
	wires, hangUp, err := dialAll(ctx, o.url, n)
	for _, w := range wires {
		all = append(all, &courier{wire: w, bearers: o.bearers, before: before, after: after})
	}
	return all, hangUp, err
}

// file files one change and gives its id and the digest of its revision.
func (c *courier) file() (id, rev string, err error) {
	c.body = strconv.AppendInt(append(c.body[:0], c.before...), filed.Add(1), 10)
	c.body = append(c.body, c.after...)
	answer, err := c.post(headOf("/api/v1/changes", c.bearers["ann"], jsonBody), c.body)
	if err != nil {
		return "", "", err
	}
	if id, err = member(answer, "id"); err == nil {
		rev, err = member(answer, "rev_digest")
	}
	return id, rev, err
}

// transitions is how many durable steps one flow takes.
const transitions = 5

// flow files a change, brings its tests, submits it and approves it twice: five durable transitions.
func (c *courier) flow() (id string, err error) {
	id, rev, err := c.file()
	if err != nil {
		return id, err
	}
	path := "/api/v1/changes/" + id
	if _, err = c.post(headOf(path+"/evidence?format=junit&subject="+boundFile, c.bearers["ann"], "Content-Type: application/xml"), []byte(junit)); err != nil {
		return id, err
	}
	var answer []byte
	match := `If-Match: "` + rev + `"`
	for _, step := range [][2]string{{"ann", "/submit"}, {"sam", "/approve"}, {"erin", "/approve"}} {
		if answer, err = c.post(headOf(path+step[1], c.bearers[step[0]], match, jsonBody), []byte("{}")); err != nil {
			return id, err
		}
	}
	if state, err := member(answer, "state"); err != nil || state != "authorized" {
		return id, fmt.Errorf("%s is %q after the flow: %w", id, state, err)
	}
	return id, nil
}

// flowClients is how many people act at once.
const flowClients = 32

// referenceSync is how much a sync takes on the disk of the machine on which the bound of P2 was set: it made 1,126 such commits a second.
const referenceSync = 800 * time.Microsecond

// benchFlow: create, test, submit and two approvals at 32 clients against single-connection commits. With
// it stands what the machine allows: how often a server that says hello answers the same clients, and the
// processor time that ours takes for one transition.
func benchFlow(ctx context.Context, e *env) ([]goal, error) {
	g := goal{ID: "P2", What: "durable transitions at 32 clients, of one connection's SQLite FULL commits", Unit: "×", Bound: 3, AtLeast: true}
	c := goal{ID: "P2c", What: "server processor time of one durable transition", Unit: "ms", Bound: 0.15}
	ratios, costs, err := flowOn(ctx, e, &g, 0)
	if err != nil {
		return nil, err
	}
	if g.Rates["hello/s"], err = helloRate(ctx, e.span); err != nil {
		return nil, err
	}
	return []goal{g.over(ratios), c.over(costs)}, nil
}

// benchFlowDisk is the same where a sync costs what it did where the bound was set. Each sync of both sides is held back
// alike; on a disk that syncs at once nothing is left to share.
func benchFlowDisk(ctx context.Context, e *env) ([]goal, error) {
	g := goal{ID: "P2d", What: "the same for both on a disk whose sync takes 0.8 ms longer", Unit: "×", Bound: 3, AtLeast: true}
	ratios, _, err := flowOn(ctx, e, &g, referenceSync)
	return []goal{g.over(ratios)}, err
}

// flowOn measures the flow against the commits of the twin, with each sync of both held back.
func flowOn(ctx context.Context, e *env, g *goal, delay time.Duration) (ratios, costs []float64, err error) {
	dir := filepath.Join(e.dir, "flow"+delay.String())
	o, err := startOn(ctx, e, dir, delay)
	if err != nil {
		return nil, nil, err
	}
	defer o.stop()
	if err := o.setUp(ctx); err != nil {
		return nil, nil, err
	}
	couriers, hangUp, err := o.couriers(ctx, flowClients)
	if err != nil {
		return nil, nil, err
	}
	defer hangUp()
	g.Rates = map[string]float64{}
	for range e.rounds {
		twin, err := commitRate(ctx, e, dir, delay)
		if err != nil {
			return nil, nil, err
		}
		before, err := o.processor()
		if err != nil {
			return nil, nil, err
		}
		var done atomic.Int64
		flows, err := closed(ctx, flowClients, e.span, func(_ context.Context, client int) error {
			_, err := couriers[client].flow()
			done.Add(transitions)
			return err
		})
		if err != nil {
			return nil, nil, err
		}
		after, err := o.processor()
		if err != nil {
			return nil, nil, err
		}
		ratios = append(ratios, flows*transitions/twin)
		costs = append(costs, (after-before).Seconds()*1000/float64(done.Load()))
		g.Rates["transitions/s"], g.Rates["twin commits/s"] = flows*transitions, twin
	}
	return ratios, costs, nil
}

// commitRate runs the commit twin as a program of its own.
func commitRate(ctx context.Context, e *env, dir string, delay time.Duration) (rate float64, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	var out bytes.Buffer
	cmd, err := slowly(ctx, delay, self, "-commit-twin", dir, "-span", e.span.String())
	if err != nil {
		return 0, err
	}
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Run(); err != nil {
		return 0, err
	}
	return strconv.ParseFloat(strings.TrimSpace(out.String()), 64)
}

// helloRate is how many requests a second the same clients get answered by a server that only says hello.
func helloRate(ctx context.Context, span time.Duration) (float64, error) {
	url, stop, err := helloTwin()
	if err != nil {
		return 0, err
	}
	defer stop()
	wires, hangUp, err := dialAll(ctx, url, flowClients)
	if err != nil {
		return 0, err
	}
	defer hangUp()
	head := headOf("/", "", jsonBody)
	return closed(ctx, flowClients, span, func(_ context.Context, client int) error {
		_, err := wires[client].post(head, []byte("{}"))
		return err
	})
}
