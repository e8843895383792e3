package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	_ "modernc.org/sqlite" // the twin commits with the driver that the product uses
)

// commitTwin commits one row at a time on one connection of SQLite with WAL and FULL: the floor under
// one durable transition.
func commitTwin(dir string, span time.Duration) (rate float64, err error) {
	pool, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "twin.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		return 0, err
	}
	defer pool.Close()
	pool.SetMaxOpenConns(1)
	if _, err := pool.Exec("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, body TEXT NOT NULL)"); err != nil {
		return 0, err
	}
	body := string(bytes.Repeat([]byte("x"), 600))
	n, start := 0, time.Now()
	for time.Since(start) < span {
		if _, err := pool.Exec("INSERT INTO t (body) VALUES (?)", body); err != nil {
			return 0, err
		}
		n++
	}
	return float64(n) / time.Since(start).Seconds(), nil
}

// echoTwin is a bare JSON server: it decodes a small request and encodes a small answer.
func echoTwin() (url string, stop func(), err error) {
	return serveTwin(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var v map[string]any
		if err := json.UnmarshalRead(http.MaxBytesReader(w, r.Body, 1<<20), &v); err != nil {
			http.Error(w, "bad", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.MarshalWrite(w, v)
	}))
}

// helloTwin is the least that an HTTP server can do.
func helloTwin() (url string, stop func(), err error) {
	return serveTwin(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
}

// serveTwin is a server on loopback that has nothing but one handler.
func serveTwin(h http.Handler) (url string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	srv := &http.Server{Handler: h}
	go srv.Serve(l)
	return "http://" + l.Addr().String(), func() { srv.Close() }, nil
}

// logTwin appends entries to one file with one fdatasync for all that wait: group commit and nothing
// else.
type logTwin struct {
	f    *os.File
	mu   sync.Mutex
	wait []chan error // guarded by mu
	buf  []byte       // guarded by mu
	wake chan struct{}
	done chan struct{}
}

func newLogTwin(dir string) (*logTwin, error) {
	f, err := os.Create(filepath.Join(dir, "twin.log"))
	if err != nil {
		return nil, err
	}
	t := &logTwin{f: f, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go t.loop()
	return t, nil
}

func (t *logTwin) loop() {
	defer close(t.done)
	for range t.wake {
		t.mu.Lock()
		wait, buf := t.wait, t.buf
		t.wait, t.buf = nil, nil
		t.mu.Unlock()
		_, err := t.f.Write(buf)
		if err == nil {
			err = fdatasync(t.f)
		}
		for _, c := range wait {
			c <- err
		}
	}
}

func (t *logTwin) append(entry []byte) error {
	c := make(chan error, 1)
	t.mu.Lock()
	t.wait, t.buf = append(t.wait, c), append(t.buf, entry...)
	t.mu.Unlock()
	select {
	case t.wake <- struct{}{}:
	default:
	}
	return <-c
}

func (t *logTwin) close() error {
	close(t.wake)
	<-t.done
	return t.f.Close()
}

// planTwin reads, parses and hashes a plan document, and does nothing with it.
func planTwin(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	var v map[string]any
	if err := json.UnmarshalRead(io.TeeReader(bufio.NewReaderSize(f, 1<<16), h), &v); err != nil {
		return err
	}
	if len(v) == 0 || len(h.Sum(nil)) == 0 {
		return errors.New("empty plan")
	}
	_, err = fmt.Fprintf(io.Discard, "%x", h.Sum(nil))
	return err
}

// post sends one JSON request on a shared client and reads the answer.
func post(ctx context.Context, c *http.Client, url, bearer string, body []byte, into any) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	res, err := c.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	if into == nil {
		_, err = io.Copy(io.Discard, res.Body)
		return res.StatusCode, err
	}
	return res.StatusCode, json.UnmarshalRead(res.Body, into)
}

// httpClient keeps enough connections for all clients.
func httpClient() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConns: 256, MaxIdleConnsPerHost: 256}}
}
