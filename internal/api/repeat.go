package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/seal"
)

// repeats says what an idempotency key does on a route.
type repeats int

// The ways to answer a retry. The zero value ignores the key: reads, and writes that are the same
// however often they are made. A use-case of many transactions has to be one of those, as readings of a source
// are: its first transaction would keep the key, and read the body to its end for it.
const (
	ignored  repeats = iota
	byChange         // the answer is the change as the use-case left it; kept in its very transaction
	byAnswer         // the key is kept in the transaction, the answer right after it
	byDesk           // the use-case knows the key itself: the gate's permit belongs to it
)

// keptFor is how long a key is remembered.
const keptFor = 24 * time.Hour

// repeat is one request with an idempotency key. The key belongs to an account, a method and a path;
// the body's digest tells a retry from another request under the same key.
type repeat struct {
	api  *API
	call *call
	id   string
	body *digesting
	done bool  // the key is in the database, with this use-case
	kept *kept // what the first request with this key left
}

// digesting takes the digest of a body while somebody reads it.
type digesting struct {
	io.ReadCloser
	sum hash.Hash
}

// Read reads on.
func (d *digesting) Read(p []byte) (int, error) {
	n, err := d.ReadCloser.Read(p)
	d.sum.Write(p[:n])
	return n, err
}

// errRepeated ends a use-case whose key was used before; the first answer is given instead.
var errRepeated = errors.New("api: the idempotency key was used before")

// keyed looks for an idempotency key.
func (a *API) keyed(r *http.Request, c *call) error {
	keys := r.Header.Values("Idempotency-Key")
	if len(keys) == 0 || c.route.Repeats != byChange && c.route.Repeats != byAnswer {
		return nil
	}
	if !keyFits(keys) {
		return fault.New(fault.Invalid, "bad_idempotency_key", "An idempotency key is 1 to 200 printable characters, once.").
			Then("send one key of 1 to 200 printable characters")
	}
	c.again = &repeat{api: a, call: c, id: seal.Digest("plumb.idempotent.v1",
		[]byte(seal.Keyed(nil, c.actor.Account, r.Method, r.URL.Path, keys[0])))}
	return nil
}

func keyFits(keys []string) bool {
	if len(keys) != 1 || keys[0] == "" || len(keys[0]) > 200 || !utf8.ValidString(keys[0]) {
		return false
	}
	for _, c := range keys[0] {
		if !unicode.IsPrint(c) {
			return false
		}
	}
	return true
}

// repeatable runs a handler whose answer is kept, or gives the answer that was kept before.
func (a *API) repeatable(w http.ResponseWriter, r *http.Request, c *call, next http.Handler) {
	leave, err := a.turns.enter(r.Context(), c.again.id)
	if err != nil {
		a.answer(w, r, err)
		return
	}
	defer leave()
	c.again.body = &digesting{ReadCloser: r.Body, sum: sha256.New()}
	io.WriteString(c.again.body.sum, r.URL.RawQuery+"\n")
	r.Body = c.again.body
	out := &held{header: http.Header{}}
	next.ServeHTTP(out, r)
	switch {
	case c.again.kept != nil:
		a.replay(w, r, c.again)
		return
	case c.again.done && out.status < http.StatusMultipleChoices && c.route.Repeats == byAnswer:
		if err := a.keepAnswer(context.WithoutCancel(r.Context()), c.again.id, out); err != nil {
			a.Logger.ErrorContext(r.Context(), "an answer was not kept", "request", c.actor.Request, "err", err)
		}
	}
	out.send(w)
}

// request is the digest of the body and the query; what the handler left unread is read first.
func (q *repeat) request() (string, error) {
	if _, err := io.Copy(io.Discard, q.body); err != nil {
		return "", fmt.Errorf("read body: %w", err)
	}
	return hex.EncodeToString(q.body.sum.Sum(nil)), nil
}

// find looks for the key at the beginning of the use-case. Found, the use-case does not run.
func (q *repeat) find(tx *db.Tx) error {
	k, found, err := loadKept(tx, q.id)
	if err != nil {
		return fmt.Errorf("load idempotency key: %w", err)
	}
	if !found {
		return nil
	}
	q.kept = &k
	return errRepeated
}

// keep writes the key at the end of the use-case, in its transaction. A recorded no is not kept: asked
// again, it is decided again.
func (q *repeat) keep(tx *db.Tx) error {
	e, found, err := ledger.LastIn(tx)
	if err != nil {
		return fmt.Errorf("read last event: %w", err)
	}
	mine := found && e.Leaf.Request == q.call.actor.Request
	if mine && e.Leaf.Outcome == "denied" {
		return nil
	}
	k := kept{id: q.id, seq: -1, created: tx.Now().UnixMicro()}
	if mine {
		k.seq, k.object = e.Seq, e.Leaf.Object.ID
	}
	if k.request, err = q.request(); err != nil {
		return err
	}
	if q.call.route.Repeats == byChange {
		if k.status, k.etag, k.body, err = q.api.changeAnswer(tx, q.call.route, k.object); err != nil {
			return err
		}
	}
	if err := insertKept(tx, k); err != nil {
		return fmt.Errorf("keep idempotency key: %w", err)
	}
	q.done = true
	return nil
}

// replay gives the first answer again.
func (a *API) replay(w http.ResponseWriter, r *http.Request, q *repeat) {
	now, err := q.request()
	if err == nil && now != q.kept.request {
		err = fault.New(fault.Invalid, "idempotency_mismatch", "That idempotency key was used for another request.").
			Then("use a new key for a new request")
	}
	if err != nil {
		a.answer(w, r, err)
		return
	}
	k := *q.kept
	if k.status == 0 {
		if k, err = a.rebuilt(r.Context(), q.call, k); err != nil {
			a.answer(w, r, err)
			return
		}
	}
	body, err := a.opened(k)
	if err != nil {
		a.answer(w, r, err)
		return
	}
	h := w.Header()
	if k.etag != "" {
		h.Set("ETag", k.etag)
	}
	if len(body) > 0 {
		h.Set("Content-Type", "application/json")
	}
	h.Set("Idempotent-Replay", "true")
	w.WriteHeader(int(k.status))
	if _, err := w.Write(body); err != nil {
		a.Logger.DebugContext(r.Context(), "an answer was not taken", "err", err)
	}
}

// held keeps an answer back until it is known whether it is the one to give.
type held struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header gives the header to be sent.
func (h *held) Header() http.Header { return h.header }

// WriteHeader notes the status.
func (h *held) WriteHeader(status int) {
	if h.status == 0 {
		h.status = status
	}
}

// Write keeps a part of the body.
func (h *held) Write(b []byte) (int, error) {
	h.WriteHeader(http.StatusOK)
	return h.body.Write(b)
}

func (h *held) send(w http.ResponseWriter) {
	for name, values := range h.header {
		w.Header()[name] = values
	}
	if h.status == 0 {
		h.status = http.StatusOK
	}
	w.WriteHeader(h.status)
	_, _ = w.Write(h.body.Bytes()) // nobody listens any more if it fails
}

// turns lets requests with the same key go one after another in this process, so that the second finds
// the first one's answer.
type turns struct {
	mu   sync.Mutex
	busy map[string]chan struct{} // guarded by mu
}

// enter waits for the others and gives what leaves again.
func (t *turns) enter(ctx context.Context, id string) (leave func(), err error) {
	for {
		t.mu.Lock()
		before, taken := t.busy[id]
		if !taken {
			mine := make(chan struct{})
			t.busy[id] = mine
			t.mu.Unlock()
			return func() {
				t.mu.Lock()
				delete(t.busy, id)
				t.mu.Unlock()
				close(mine)
			}, nil
		}
		t.mu.Unlock()
		select {
		case <-before:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
