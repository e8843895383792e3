package main

import (
	"context"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"plumbline.dev/plumb/internal/agent"
	"plumbline.dev/plumb/internal/probe"
	"plumbline.dev/plumb/internal/seal"
)

// tally counts what goes over the connections of a listener, both ways.
type tally struct {
	net.Listener
	bytes atomic.Int64
}

func (t *tally) Accept() (net.Conn, error) {
	c, err := t.Listener.Accept()
	return counted{c, t}, err
}

type counted struct {
	net.Conn
	t *tally
}

func (c counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.t.bytes.Add(int64(n))
	return n, err
}

func (c counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.t.bytes.Add(int64(n))
	return n, err
}

// benchWire: what an agent's connection carries when nothing changed and when three of a thousand facts of this host did, headers
// and answers among it, of what its first report took.
func benchWire(ctx context.Context, e *env) ([]goal, error) {
	o, err := startServer(ctx, e, filepath.Join(e.dir, "wire"))
	if err != nil {
		return nil, err
	}
	defer o.stop()
	if err := o.setUp(ctx); err != nil {
		return nil, err
	}
	var made struct {
		Secret string         `json:"secret"`
		Rest   map[string]any `json:",inline"`
	}
	if err := o.call(ctx, "olga", "POST", "/agent/tokens", nil, map[string]any{"note": "bench"}, &made); err != nil {
		return nil, err
	}
	server, err := url.Parse(o.base())
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	between := &tally{Listener: l}
	srv := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(server)) // with TLS and HTTP/2, as a server that is not on loopback
	_ = srv.Listener.Close()
	srv.Listener, srv.EnableHTTP2 = between, true
	srv.StartTLS()
	defer srv.Close()
	ca := filepath.Join(e.dir, "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600); err != nil {
		return nil, err
	}
	facts := map[string]string{}
	for path, v := range agent.Collect(ctx, agent.Config{Collectors: probe.Collectors(), Now: time.Now}, nil).Facts {
		facts[path] = string(v)
	}
	for i := range max(3, 1000-len(facts)) { // as many as a server with a database and a web server has
		facts[fmt.Sprintf("package.libexample%d-perl", i)] = fmt.Sprintf(`"%d.36.0-7+deb12u%d amd64"`, i%9, i%4)
	}
	full, same, three, err := reported(ctx, e, place{srv.URL, ca, seal.Secret(made.Secret)}, facts, &between.bytes)
	if err != nil {
		return nil, err
	}
	rates := map[string]float64{"full bytes": full, "unchanged bytes": same, "changed bytes": three}
	a := goal{ID: "P10", What: "% on the wire of a host that did not change, of its first report", Unit: "%", Bound: 1, Rates: rates}
	b := goal{ID: "P10c", What: "% on the wire of a host of which three facts changed", Unit: "%", Bound: 5, Rates: rates}
	return []goal{a.over([]float64{100 * same / full}), b.over([]float64{100 * three / full})}, nil
}

// place is where an agent enrols.
type place struct {
	url, ca string
	token   seal.Secret
}

// reported has the product's agent report three times, and gives the bytes of each.
func reported(ctx context.Context, e *env, at place, facts map[string]string, sum *atomic.Int64) (full, same, three float64, err error) {
	cfg := agent.Config{Dir: filepath.Join(e.dir, "agent"), Boot: "boot-1", Version: "bench", Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Collectors: []probe.Collector{{Name: "system", Collect: func(context.Context) (out []probe.Fact, err error) {
			for path, v := range facts {
				out = append(out, probe.Fact{Path: path, Value: v})
			}
			return out, nil
		}}}}
	if _, err := agent.Enrol(ctx, cfg, at.url, at.ca, at.token, "bench-1"); err != nil {
		return 0, 0, 0, err
	}
	a, err := agent.Open(cfg)
	if err != nil {
		return 0, 0, 0, err
	}
	defer a.Close()
	cost := func() float64 {
		before := sum.Load()
		if _, once := a.Once(ctx); once != nil {
			err = once
		}
		return float64(sum.Load() - before)
	}
	full, same = cost(), cost()
	for i := range 3 {
		facts[fmt.Sprintf("package.libexample%d-perl", i)] = `"9.9 amd64"`
	}
	three = cost()
	return full, same, three, err
}
