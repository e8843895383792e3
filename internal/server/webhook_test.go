package server_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"plumbline.dev/plumb/internal/server"
	"plumbline.dev/plumb/internal/server/servertest"
)

// receiver is somebody who takes webhooks; answer is what it says to each.
type receiver struct {
	*httptest.Server
	answer atomic.Int64
	got    chan message
}

type message struct {
	header http.Header
	body   []byte
	id     string
	seq    int64
	verb   string
}

func receive(t *testing.T) *receiver {
	r := &receiver{got: make(chan message, 1000)}
	r.answer.Store(http.StatusNoContent)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		b, err := io.ReadAll(q.Body)
		if err != nil {
			t.Error(err)
		}
		var m struct {
			ID   string `json:"id"`
			Data struct {
				Seq  int64  `json:"seq"`
				Verb string `json:"verb"`
			} `json:"data"`
		}
		if err := json.Unmarshal(b, &m); err != nil {
			t.Error(err)
		}
		r.got <- message{q.Header, b, m.ID, m.Data.Seq, m.Data.Verb}
		w.Header().Set("Location", "http://192.0.2.1/")
		w.WriteHeader(int(r.answer.Load()))
	}))
	t.Cleanup(r.Close)
	return r
}

// next waits for a message.
func (r *receiver) next(t *testing.T) message {
	t.Helper()
	select {
	case m := <-r.got:
		return m
	case <-time.After(20 * time.Second):
		t.Fatal("no message came")
		return message{}
	}
}

func inside(c *server.Config) { c.WebhookAllow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }

type hook struct {
	Webhook struct {
		ID string `json:"id"`
	} `json:"webhook"`
	Secret string `json:"secret"`
}

func TestReceiversGetSignedEventsInOrder(t *testing.T) {
	t.Parallel()
	s, r := servertest.Start(t, inside), receive(t)
	var h hook
	s.As(servertest.Olga).Want(201, "POST", "/webhooks", map[string]any{"url": r.URL + "/in", "verbs": []string{"change.*"}}).Into(&h)
	s.Approved()
	wh, err := standardwebhooks.NewWebhook(h.Secret)
	if err != nil {
		t.Fatal(err)
	}
	last := int64(-1)
	for _, verb := range []string{"change.filed", "change.submitted", "change.approved", "change.approved"} {
		m := r.next(t)
		if m.verb != verb || m.seq <= last {
			t.Errorf("event %d is %s, want %s after %d", m.seq, m.verb, verb, last)
		}
		if err := wh.Verify(m.body, m.header); err != nil {
			t.Errorf("%s: %v", verb, err)
		}
		if wh.Verify(append(m.body, ' '), m.header) == nil || m.header.Get("webhook-id") != m.id {
			t.Error("the signature fits another body, or the id is not the event's")
		}
		last = m.seq
	}
	list := s.As(servertest.Olga).Want(200, "GET", "/webhooks", nil)
	if bytes.Contains(list.Body, []byte(strings.TrimPrefix(h.Secret, "whsec_"))) {
		t.Errorf("the secret is shown again: %s", list.Body)
	}
}

func TestAFailingReceiverIsTriedAgainAndCanBeServedAnew(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	s, r := servertest.Start(t, inside, func(c *server.Config) {
		c.Clock = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	}), receive(t)
	var h hook
	olga := s.As(servertest.Olga)
	olga.Want(201, "POST", "/webhooks", map[string]any{"url": r.URL, "verbs": []string{"change.filed"}}).Into(&h)
	for tries, answer := range []int64{http.StatusInternalServerError, http.StatusFound} { // a redirect is not followed
		r.answer.Store(answer)
		ahead.Add(int64(time.Minute))
		s.Filed()
		if m := r.next(t); m.verb != "change.filed" {
			t.Errorf("got %s", m.verb)
		}
		for recorded(s, h)[0].Tries != int64(tries)+1 { // else the clock would move while the failure is noted
		}
	}
	r.answer.Store(http.StatusOK)
	ahead.Add(int64(time.Minute))
	s.Filed()
	first := r.next(t)
	second, third := r.next(t), r.next(t)
	if first.seq >= second.seq || second.seq >= third.seq {
		t.Errorf("the order is %d, %d, %d", first.seq, second.seq, third.seq)
	}
	olga.Want(204, "POST", "/webhooks/"+h.Webhook.ID+"/replay", map[string]any{"from": first.seq})
	if again := r.next(t); again.id != first.id || again.seq != first.seq {
		t.Errorf("the replay begins with %s, want %s", again.id, first.id)
	}
	r.next(t)
	r.next(t)
	if log := recorded(s, h); len(log) != 3 || log[2].Seq != first.seq {
		t.Errorf("deliveries: %+v", log)
	}
}

type delivery struct {
	Seq   int64  `json:"seq"`
	State string `json:"state"`
	Tries int64  `json:"tries"`
}

// recorded lists the deliveries of a webhook, newest first; at least an empty one.
func recorded(s *servertest.Server, h hook) []delivery {
	var log struct {
		Items []delivery `json:"items"`
	}
	s.As(servertest.Olga).Want(200, "GET", "/webhooks/"+h.Webhook.ID+"/deliveries", nil).Into(&log)
	return append(log.Items, make([]delivery, max(0, 1-len(log.Items)))...)
}

func TestADisabledOwnerGetsNothingMore(t *testing.T) {
	t.Parallel()
	s, r := servertest.Start(t, inside), receive(t)
	s.As(servertest.Olga).Want(201, "POST", "/webhooks", map[string]any{"url": r.URL, "verbs": []string{"change.filed"}})
	s.Filed()
	r.next(t)
	s.As(servertest.Otto).Want(204, "POST", "/people/"+s.People[servertest.Olga]+"/disable", map[string]any{"reason": "left"})
	var other hook
	s.As(servertest.Otto).Want(201, "POST", "/webhooks", map[string]any{"url": r.URL + "/otto", "verbs": []string{"change.filed"}}).Into(&other)
	s.Filed()
	mine := r.next(t) // of Otto's; Olga's was due before it
	s.Filed()
	if next := r.next(t); next.seq == mine.seq {
		t.Error("an event came twice: a disabled person's webhook still works")
	}
}

func TestWebhooksDoNotLeadInside(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	for _, url := range []string{"http://example.com/", "https://127.0.0.1/", "https://[::1]/", "https://10.0.0.1/", "https://192.168.1.1/",
		"https://169.254.169.254/latest", "https://[fd00:ec2::254]/", "https://[::ffff:127.0.0.1]/", "https://[64:ff9b::7f00:1]/",
		"https://0.0.0.0/", "https://100.64.0.1/", "https://user@example.com/", "https://example.com/#x", "ftp://example.com/",
		"https://1.1.1.1:22/", "/relative", "https://", "gopher://127.0.0.1:6379/_"} {
		s.As(servertest.Olga).Refused(400, "bad_webhook_url", "POST", "/webhooks", map[string]any{"url": url})
	}
}
