package server_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/server"
	"plumbline.dev/plumb/internal/server/servertest"
	"plumbline.dev/plumb/internal/wire"
)

// serving is where the test binary, started again, serves until it is killed.
const serving = "PLUMB_TEST_SERVING"

type place struct{ Data, Database, Schema string }

// TestMain lets the test binary be a server that can be killed.
func TestMain(m *testing.M) {
	if text := os.Getenv(serving); text != "" {
		fmt.Fprintln(os.Stderr, serve(text))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func serve(text string) error {
	var p place
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return err
	}
	c := server.Default()
	c.Data, c.Database, c.Schema, c.Listen = p.Data, p.Database, p.Schema, "127.0.0.1:0"
	c.Ballast, c.AccountRate, c.StrangerRate, c.Terminal, c.LogLevel = 0, 0, 0, os.Stderr, slog.LevelError
	s, err := server.Open(context.Background(), c)
	if err != nil {
		return err
	}
	fmt.Println(s.URL())
	return s.Run(context.Background())
}

// victim is a server in a process of its own, on the data of a firm that it takes over.
type victim struct {
	*firm
	t   *testing.T
	cmd *exec.Cmd

	mu   sync.Mutex
	host string        // guarded by mu: "" while it is down
	up   chan struct{} // guarded by mu: closed once it is up
}

func takeOver(t *testing.T, f *firm) *victim {
	t.Helper()
	f.Stop()
	v := &victim{firm: f, t: t, up: make(chan struct{})}
	v.start()
	t.Cleanup(v.kill)
	return v
}

func (v *victim) start() {
	v.t.Helper()
	text, err := json.Marshal(place{v.Config.Data, v.Config.Database, v.Config.Schema})
	if err != nil {
		v.t.Fatal(err)
	}
	v.cmd = exec.Command(os.Args[0])
	v.cmd.Env = append(os.Environ(), serving+"="+string(text))
	v.cmd.Stderr = os.Stderr
	out, err := v.cmd.StdoutPipe()
	if err != nil {
		v.t.Fatal(err)
	}
	if err := v.cmd.Start(); err != nil {
		v.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		v.t.Fatalf("the server did not come up again: %v", err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.host = strings.TrimPrefix(strings.TrimSpace(line), "http://")
	close(v.up)
}

// kill ends the process the hard way; a second time does nothing.
func (v *victim) kill() {
	v.mu.Lock()
	if v.host == "" {
		v.mu.Unlock()
		return
	}
	v.host, v.up = "", make(chan struct{})
	v.mu.Unlock()
	if err := v.cmd.Process.Kill(); err != nil {
		v.t.Error(err)
	}
	_ = v.cmd.Wait() // it was killed
}

// where waits until the server is up.
func (v *victim) where() (string, bool) {
	for {
		v.mu.Lock()
		host, up := v.host, v.up
		v.mu.Unlock()
		if host != "" {
			return host, true
		}
		select {
		case <-up:
		case <-v.t.Context().Done():
			return "", false
		}
	}
}

// asked is one request with its idempotency key and the first answer that somebody got.
type asked struct {
	who, method, path string
	body              any
	headers           []string
	reply             reply
}

// until asks until there is an answer: the same request, with the same key, to whatever server is there.
func (v *victim) until(a *asked) error {
	for {
		host, ok := v.where()
		if !ok {
			return errors.New("the test ended")
		}
		r := v.client(a.who).Request(a.method, a.path, a.body, a.headers...)
		r.URL.Host, r.Host = host, ""
		got, err := send(r)
		if err != nil || got.status == http.StatusServiceUnavailable {
			continue // nobody knows whether it was done
		}
		if a.reply = got; got.status >= 500 {
			return fmt.Errorf("%s %s as %s: %s", a.method, a.path, a.who, got)
		}
		return nil
	}
}

// worker brings change after change through its life.
type worker struct {
	*victim
	n      int
	acks   chan<- struct{}
	failed func()
	said   []asked
	ended  []change.ID
	count  int
}

// ask is until with a key of its own; the answer must be a yes.
func (w *worker) ask(into any, who, method, path string, body any, headers ...string) error {
	w.count++
	a := asked{who: who, method: method, path: path, body: body,
		headers: append(headers, "Idempotency-Key", fmt.Sprintf("worker-%d-%d", w.n, w.count))}
	if err := w.until(&a); err != nil {
		return err
	}
	if !a.reply.ok() {
		return fmt.Errorf("%s %s as %s: %s", method, path, who, a.reply)
	}
	w.said = append(w.said, a)
	select {
	case w.acks <- struct{}{}:
	default:
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(a.reply.body, into)
}

func (w *worker) life() error {
	m := w.usual("workers: 4\n")
	var c change.Change
	if err := w.ask(&c, servertest.Alice, "POST", "/changes", m); err != nil {
		return err
	}
	for _, step := range []struct {
		who, path string
		body      any
		seen      bool
	}{
		{servertest.CI, "/evidence?format=junit&subject=" + m.Bindings[0].Digest, servertest.JUnit(), false},
		{servertest.Alice, "/submit", map[string]any{}, true},
		{servertest.Sam, "/approve", map[string]any{"comment": "fine"}, true},
		{servertest.Rita, "/comments", map[string]any{"text": "good luck"}, false},
		{servertest.Erin, "/approve", map[string]any{}, true},
	} {
		var headers []string
		if step.seen {
			headers = servertest.Seen(c)
		}
		if err := w.ask(nil, step.who, "POST", at(c, step.path), step.body, headers...); err != nil {
			return err
		}
	}
	q := presented(c, wire.KindApply, "workers: 4\n")
	q.Key = seal.NewID("key")
	var v wire.GateVerdict
	if err := w.ask(&v, servertest.CI, "POST", "/gate/open", q); err != nil {
		return err
	}
	w.said = w.said[:len(w.said)-1] // asked again after the end, a permit's key gets another answer
	var shown change.View
	if err := w.ask(&shown, servertest.Rita, "GET", at(c, ""), nil); err != nil {
		return err
	}
	w.said = w.said[:len(w.said)-1]
	end := wire.GateClose{Permit: v.PermitID, Fence: shown.Permits[0].Fence, Outcome: change.Success}
	if err := w.ask(nil, servertest.CI, "POST", "/gate/close", end); err != nil {
		return err
	}
	w.ended = append(w.ended, c.ID)
	return nil
}

// A server is killed at any moment under load and started on what it left, again and again. Everything
// that it acknowledged is there, nothing is there twice, a retry with the key gets the first answer, and
// the ledger is whole each time. PLUMB_KILLS sets how often.
func TestKillAtAnyMoment(t *testing.T) {
	// Not parallel: it waits for a process of its own, which tests beside it would starve.
	kills := 10
	if n, err := strconv.Atoi(os.Getenv("PLUMB_KILLS")); err == nil {
		kills = n
	}
	f := found(t)
	for _, name := range []string{servertest.Alice, servertest.Sam, servertest.Erin, servertest.Rita, servertest.CI} {
		f.client(name) // while it still runs here
	}
	var keys struct {
		Ledger string `json:"ledger"`
	}
	f.done(t, &keys, servertest.Alice, "GET", "/keys", nil)
	v := takeOver(t, f)
	at := db.Config{Dir: f.Config.Data, URL: f.Config.Database, Schema: f.Config.Schema}
	v.work(kills, func() {
		v.kill()
		verified(t, at, keys.Ledger)
		v.start()
	})
	v.kill()
	verified(t, at, keys.Ledger)
}

// PostgreSQL is killed and started under the same load, in the middle of whatever commits: the same holds.
func TestADatabaseThatRestartsUnderLoadLosesNothing(t *testing.T) {
	t.Parallel()
	pg, ok := dbtest.StartServer(t)
	if !ok {
		return // this run is the one on SQLite
	}
	f := found(t, func(c *server.Config) { c.Database, c.Schema = pg.URL, "" })
	v := &victim{firm: f, t: t, host: strings.TrimPrefix(f.URL, "http://")}
	v.work(3, func() {
		pg.Stop(t)
		pg.Start(t)
	})
	whole(t, f.Server)
}

// work lets workers work while the server is disturbed so often, then judges what is there.
func (v *victim) work(times int, disturb func()) {
	t := v.t
	for _, name := range []string{servertest.Alice, servertest.Sam, servertest.Erin, servertest.Rita, servertest.CI} {
		v.client(name)
	}
	acks, stop := make(chan struct{}, 1000), make(chan struct{})
	broken, fail := context.WithCancel(t.Context())
	defer fail()
	workers := make([]*worker, 6)
	var all sync.WaitGroup
	for i := range workers {
		workers[i] = &worker{victim: v, n: i, acks: acks, failed: fail}
		all.Go(func() { workers[i].work(stop) })
	}
	for range times {
		for range 1 + rand.IntN(30) {
			select {
			case <-acks:
			case <-broken.Done():
				t.FailNow()
			}
		}
		<-time.After(time.Duration(rand.IntN(8000)) * time.Microsecond) // not at the moment of an answer
		disturb()
	}
	close(stop)
	all.Wait()
	v.judge(workers)
}

func (w *worker) work(stop <-chan struct{}) {
	for {
		if err := w.life(); err != nil {
			w.t.Error(err)
			w.failed()
			return
		}
		select {
		case <-stop:
			return
		default:
		}
	}
}

// judge asks everything again and counts what is there.
func (v *victim) judge(workers []*worker) {
	t, lives := v.t, 0
	for _, w := range workers {
		lives += len(w.ended)
		for _, a := range w.said {
			again := a
			if err := v.until(&again); err != nil {
				t.Error(err)
				continue
			}
			if again.reply.status != a.reply.status || string(again.reply.body) != string(a.reply.body) || again.reply.etag != a.reply.etag || !again.reply.again {
				t.Errorf("%s %s as %s: asked again it is\n%s\nfirst it was\n%s", a.method, a.path, a.who, again.reply, a.reply)
			}
		}
		for _, id := range w.ended {
			a := asked{who: servertest.Rita, method: "GET", path: "/changes/" + string(id)}
			if err := v.until(&a); err != nil {
				t.Fatal(err)
			}
			var x change.View
			a.reply.into(t, &x)
			if x.Change.State != change.Verifying || len(x.Decisions) != 2 || len(x.Permits) != 1 || len(x.Checks) != 1 || len(x.Comments) != 1 {
				t.Errorf("%s is %s with %d decisions, %d permits, %d results and %d comments", id, x.Change.State, len(x.Decisions), len(x.Permits), len(x.Checks), len(x.Comments))
			}
		}
	}
	a := asked{who: servertest.Rita, method: "GET", path: "/changes?limit=1"}
	if err := v.until(&a); err != nil {
		t.Fatal(err)
	}
	var page struct {
		Items []change.Change `json:"items"`
	}
	a.reply.into(t, &page)
	if len(page.Items) != 1 || int(page.Items[0].Number) != lives {
		t.Errorf("the newest of %d changes is %+v", lives, page.Items)
	}
	t.Logf("%d changes", lives)
}
