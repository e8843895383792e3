package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/seal"
)

// Webhooks delivers ledger events to webhooks: each event at least once, in order per webhook. The ledger
// is the outbox and each webhook has a cursor in it.
type Webhooks struct {
	api *API
	out *egress

	mu   sync.Mutex
	busy map[string]bool // guarded by mu: webhooks that a goroutine serves now
}

func newWebhooks(a *API) *Webhooks {
	return &Webhooks{api: a, out: newEgress(a.Egress), busy: map[string]bool{}}
}

const (
	lookEvery  = 5 * time.Second // at the latest, for retries and other replicas' events
	holdFor    = time.Minute     // how long a webhook belongs to who took it
	atOnce     = 100             // events read at once
	maxTries   = 24              // then the event is given up: about a day
	firstRetry = 5 * time.Second
	lastRetry  = 2 * time.Hour
	keepsFor   = 30 * 24 * time.Hour // deliveries
)

// Run serves the webhooks until ctx ends, then waits for what is being sent. It is started once, by the
// server.
func (w *Webhooks) Run(ctx context.Context) {
	var all sync.WaitGroup
	defer w.out.close()
	defer all.Wait()
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	for {
		rung := w.api.moved.listen()
		w.look(ctx, &all)
		select {
		case <-rung:
		case <-t.C:
		case <-ctx.Done():
			return
		}
	}
}

// look starts serving each webhook that is due and not being served.
func (w *Webhooks) look(ctx context.Context, all *sync.WaitGroup) {
	due, err := w.due(ctx)
	if err != nil {
		if ctx.Err() == nil {
			w.api.Logger.Warn("webhooks could not be looked at", "err", err)
		}
		return
	}
	for _, h := range due {
		if !w.take(h.ID) {
			continue
		}
		all.Go(func() {
			defer w.leave(h.ID)
			if err := w.serve(ctx, h); err != nil && ctx.Err() == nil {
				w.api.Logger.Warn("a webhook could not be served", "webhook", h.ID, "err", err)
			}
		})
	}
}

func (w *Webhooks) take(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.busy[id] {
		return false
	}
	w.busy[id] = true
	return true
}

func (w *Webhooks) leave(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.busy, id)
}

// due lists the webhooks with events to deliver whose owner may still have them.
func (w *Webhooks) due(ctx context.Context) (out []Hook, err error) {
	err = w.api.DB.View(ctx, func(tx *db.Tx) error {
		out, err = dueHooks(tx, tx.Now().UnixMicro())
		if err != nil {
			return err
		}
		r, err := w.api.People.RosterIn(tx)
		out = slices.DeleteFunc(out, func(h Hook) bool { return !h.stands(r) })
		return err
	})
	return out, err
}

// stands: whoever was disabled, or may not make webhooks any more, gets no more events (trust model 9).
func (h Hook) stands(r *directory.Roster) bool {
	if r == nil || h.Ended != 0 {
		return false
	}
	p := directory.PersonID(h.Person)
	owner := fault.Actor{Person: h.Person, Account: h.account, Kind: fault.Human, Authn: fault.Session}
	return r.Active(p) && directory.Allowed(owner, r.Roles(p), directory.WebhooksManage) == nil
}

// stands looks again, in the transaction that takes the next events.
func (w *Webhooks) stands(tx *db.Tx, id string) (bool, error) {
	h, found, err := loadHook(tx, id)
	if err != nil || !found {
		return false, err
	}
	r, err := w.api.People.RosterIn(tx)
	return h.stands(r), err
}

// serve delivers what is due at one webhook until nothing is left or something fails.
func (w *Webhooks) serve(ctx context.Context, h Hook) error {
	key, err := w.api.openText("webhook", h.ID, h.sealed)
	if err != nil {
		return fmt.Errorf("open secret: %w", err)
	}
	signer, err := standardwebhooks.NewWebhookRaw(key)
	if err != nil {
		return fmt.Errorf("read secret: %w", err)
	}
	for ctx.Err() == nil {
		at, batch, err := w.claim(ctx, h)
		if err != nil || len(batch) == 0 {
			return err
		}
		for _, e := range batch {
			if !h.takes(e.Leaf.Verb) {
				continue
			}
			more, err := w.deliver(ctx, h, signer, at, e)
			if err != nil || !more {
				return err
			}
			at = cursorAt{seq: e.Seq + 1}
		}
		if err := w.moveOn(ctx, h, at, batch[len(batch)-1].Seq+1); err != nil {
			return err
		}
	}
	return nil
}

// claim takes the webhook for this process and reads the next events. Another replica leaves it alone
// until holdFor is over.
func (w *Webhooks) claim(ctx context.Context, h Hook) (at cursorAt, batch []ledger.Entry, err error) {
	err = w.api.DB.Update(ctx, fault.SystemActor("webhooks"), func(tx *db.Tx) error {
		batch = nil
		now := tx.Now()
		if ok, err := w.stands(tx, h.ID); err != nil || !ok {
			return err
		}
		var found bool
		if at, found, err = loadCursor(tx, h.ID); err != nil || !found || at.next > now.UnixMicro() {
			return err
		}
		if batch, err = ledger.ReadIn(tx, at.seq, atOnce); err != nil || len(batch) == 0 {
			return err
		}
		return saveCursor(tx, h.ID, at, cursorAt{at.seq, at.tries, now.Add(holdFor).UnixMicro()})
	})
	if err != nil {
		return at, nil, fmt.Errorf("claim webhook: %w", err)
	}
	return at, batch, nil
}

// moveOn puts the cursor behind what was served and gives the webhook free.
func (w *Webhooks) moveOn(ctx context.Context, h Hook, at cursorAt, seq int64) error {
	return w.api.DB.Update(ctx, fault.SystemActor("webhooks"), func(tx *db.Tx) error {
		return saveCursor(tx, h.ID, at, cursorAt{seq: seq})
	})
}

// deliver sends one event and records what became of it. more says whether to go on with the next.
func (w *Webhooks) deliver(ctx context.Context, h Hook, signer *standardwebhooks.Webhook, at cursorAt, e ledger.Entry) (more bool, err error) {
	tries := int64(1)
	if at.seq == e.Seq {
		tries += at.tries
	}
	status, problem := w.send(ctx, h, signer, e)
	if ctx.Err() != nil { // stopping: it is sent again on the next start
		return false, w.moveOn(context.WithoutCancel(ctx), h, at, at.seq)
	}
	w.api.Metrics.hooks.WithLabelValues(map[bool]string{true: "delivered", false: "failed"}[problem == ""]).Inc()
	err = w.api.DB.Update(context.WithoutCancel(ctx), fault.SystemActor("webhooks"), func(tx *db.Tx) error {
		now := tx.Now()
		d := Delivery{Seq: e.Seq, State: delivered, Tries: tries, Status: int64(status), Problem: problem, At: now.UnixMicro()}
		next := cursorAt{seq: e.Seq + 1, next: now.Add(holdFor).UnixMicro()}
		more = problem == ""
		switch {
		case more:
		case status == http.StatusGone:
			if err := w.api.endIn(tx, h, "the receiver says it is gone"); err != nil {
				return err
			}
			d.State = givenUp
		case tries >= maxTries:
			d.State, more = givenUp, true
		default:
			d.State, d.Next = pending, now.Add(retryIn(tries)).UnixMicro()
			next = cursorAt{seq: e.Seq, tries: tries, next: d.Next}
		}
		if err := saveDelivery(tx, h.ID, d); err != nil {
			return fmt.Errorf("save delivery: %w", err)
		}
		return saveCursor(tx, h.ID, at, next)
	})
	return more && err == nil, err
}

// retryIn is how long to wait after so many tries: doubling, a fifth more or less, so that receivers are
// not asked by all at once.
func retryIn(tries int64) time.Duration {
	wait := min(firstRetry<<min(tries-1, 20), lastRetry)
	return wait + time.Duration(rand.Int64N(int64(wait)*2/5)) - wait/5
}

// Message is what a webhook gets: a CloudEvent with ids, and nothing that would have to be kept secret.
type Message struct {
	SpecVersion string      `json:"specversion"`
	ID          string      `json:"id"`
	Source      string      `json:"source"`
	Type        string      `json:"type"`
	Subject     string      `json:"subject"`
	Time        time.Time   `json:"time"`
	ContentType string      `json:"datacontenttype"`
	Data        MessageData `json:"data"`
}

// MessageData names what happened; whoever wants to know more asks the API.
type MessageData struct {
	Seq     int64             `json:"seq"`
	Verb    string            `json:"verb"`
	Object  ledger.LeafObject `json:"object"`
	Outcome string            `json:"outcome"`
	Person  string            `json:"person,omitempty"`
	Kind    string            `json:"kind"`
	URL     string            `json:"url"`
}

func (w *Webhooks) message(e ledger.Entry) Message {
	l, a := e.Leaf, w.api
	return Message{SpecVersion: "1.0", ID: messageID(a.Install, e.Seq), Source: a.Log.Origin(), Type: "dev.plumbline." + l.Verb,
		Subject: l.Object.Type + "/" + l.Object.ID, Time: instant(l.TS), ContentType: "application/json",
		Data: MessageData{Seq: e.Seq, Verb: l.Verb, Object: l.Object, Outcome: l.Outcome, Person: l.Actor.Person, Kind: l.Actor.Kind,
			URL: a.reachable(Base + "/ledger/events?from=" + strconv.FormatInt(e.Seq, 10) + "&limit=1")}}
}

// messageID is the same for every try and every replay of an event.
func messageID(install string, seq int64) string { return install + "." + strconv.FormatInt(seq, 10) }

// send makes one try. problem is "" when the receiver took it; it never holds what the receiver said.
func (w *Webhooks) send(ctx context.Context, h Hook, signer *standardwebhooks.Webhook, e ledger.Entry) (status int, problem string) {
	m := w.message(e)
	text, err := seal.Canonical(m)
	if err != nil {
		return 0, "the message cannot be written"
	}
	now := w.api.DB.Now()
	signature, err := signer.Sign(m.ID, now, text)
	if err != nil {
		return 0, "the message cannot be signed"
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(text))
	if err != nil {
		return 0, "the address cannot be read"
	}
	r.Header.Set("Content-Type", "application/cloudevents+json")
	r.Header.Set("User-Agent", "plumbline")
	r.Header.Set(standardwebhooks.HeaderWebhookID, m.ID)
	r.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	r.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	res, err := w.out.do(ctx, r)
	if err != nil {
		return 0, unreached(err)
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, egressBody) // so that the connection can be used again
	if res.StatusCode/100 != 2 {
		return res.StatusCode, "the receiver answered " + strconv.Itoa(res.StatusCode)
	}
	return res.StatusCode, ""
}

func unreached(err error) string {
	switch {
	case errors.Is(err, errForbidden):
		return errForbidden.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "the receiver did not answer in time"
	}
	return "the receiver cannot be reached"
}
