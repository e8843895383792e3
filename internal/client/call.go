package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

// request is one call before it is sent; it can be sent again, with the same key.
type request struct {
	method, path string
	query        url.Values
	body         any    // sent as JSON
	raw          []byte // sent as it is
	match        string // If-Match, a digest
	key          string // Idempotency-Key; a writer without one gets a random one
	also         int    // a further status whose JSON is the answer, such as a gate's 403
	once         bool   // not tried again when the server is busy
	timeout      time.Duration
	signed       string // Authorization of a message that is signed; it needs no token and no key
}

// call sends a request and reads the answer into T. An answer may hold members that T does not: a
// newer server adds some.
func call[T any](ctx context.Context, c *Client, q request) (Reply[T], error) {
	var r Reply[T]
	res, body, err := c.send(ctx, q)
	if err != nil {
		return r, err
	}
	r.Status, r.Raw = res.StatusCode, body
	r.ETag = strings.Trim(strings.TrimPrefix(res.Header.Get("ETag"), "W/"), `"`)
	if len(bytes.TrimSpace(body)) == 0 {
		return r, nil
	}
	if err := json.Unmarshal(body, &r.Value); err != nil {
		return r, fault.New(fault.Internal, "bad_answer", "The server's answer cannot be read.").
			FixedBy("whoever runs the server").Then("plumb version; compare with the server's").From(err)
	}
	return r, nil
}

// send tries until there is an answer, the patience is over, or trying again would not help.
func (c *Client) send(ctx context.Context, q request) (*http.Response, []byte, error) {
	payload, contentType, err := q.payload()
	if err != nil {
		return nil, nil, err
	}
	if q.key == "" && q.signed == "" && q.method != http.MethodGet {
		q.key = seal.NewID("idk")
	}
	until := time.Now().Add(c.config.RetryFor)
	for attempt := 0; ; attempt++ {
		res, body, err := c.exchange(ctx, q, payload, contentType)
		wait, again := c.patience(res, body, err, q, attempt)
		if !again || time.Now().Add(wait).After(until) {
			return c.settle(ctx, q, res, body, err)
		}
		c.config.Warn("The server is not ready; trying again in %s.", wait.Round(100*time.Millisecond))
		select {
		case <-ctx.Done():
			return c.settle(ctx, q, res, body, ctx.Err())
		case <-time.After(wait):
		}
	}
}

func (c *Client) settle(ctx context.Context, q request, res *http.Response, body []byte, err error) (*http.Response, []byte, error) {
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, nil, context.Cause(ctx)
	case err != nil:
		return nil, nil, unreachable(c.URL(), err)
	case res.StatusCode >= 200 && res.StatusCode < 300:
		return res, body, nil
	case res.StatusCode == q.also && !strings.HasPrefix(res.Header.Get("Content-Type"), "application/problem+json"):
		return res, body, nil
	}
	return nil, nil, refusal(res.StatusCode, res.Header.Get("Content-Type"), body)
}

// patience says whether trying again can help and how long to wait: with jitter, so that many
// pipelines do not come back at once, and no less than the server asks for.
func (c *Client) patience(res *http.Response, body []byte, err error, q request, attempt int) (time.Duration, bool) {
	wait := min(200*time.Millisecond<<min(attempt, 6), 10*time.Second)
	wait = wait/2 + rand.N(wait)
	switch {
	case err != nil:
		return wait, !errors.Is(err, context.Canceled)
	case q.once:
		return 0, false
	case res.StatusCode != http.StatusTooManyRequests && res.StatusCode < 500:
		return 0, false
	case fault.Is(refusal(res.StatusCode, res.Header.Get("Content-Type"), body), NotSetUp):
		return 0, false // people must act first
	}
	if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && s >= 0 {
		wait = max(wait, time.Duration(s)*time.Second)
	}
	return wait, true
}

func (c *Client) exchange(ctx context.Context, q request, payload []byte, contentType string) (*http.Response, []byte, error) {
	limit := q.timeout
	if limit == 0 {
		limit = answerTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	res, err := c.open(ctx, q, payload, contentType)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return nil, nil, fmt.Errorf("read answer: %w", err)
	}
	if len(body) > maxAnswer {
		return nil, nil, errors.New("the answer is too large")
	}
	return res, body, nil
}

// open sends the request and gives the answer with its body still to be read.
func (c *Client) open(ctx context.Context, q request, payload []byte, contentType string) (*http.Response, error) {
	u := *c.base
	u.Path, u.RawPath = u.Path+decoded(q.path), u.EscapedPath()+q.path
	u.RawQuery = q.query.Encode()
	req, err := http.NewRequestWithContext(ctx, q.method, u.String(), bytes.NewReader(payload))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	h := req.Header
	h.Set("Accept", "application/json, */*")
	h.Set("User-Agent", c.config.Agent)
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	if t := c.config.Token.Reveal(); t != "" {
		h.Set("Authorization", "Bearer "+t)
	}
	if q.signed != "" {
		h.Set("Authorization", q.signed)
	}
	if q.match != "" {
		h.Set("If-Match", `"`+q.match+`"`)
	}
	if q.key != "" {
		h.Set("Idempotency-Key", q.key)
	}
	res, err := c.http.Do(req)
	if err == nil {
		c.skew(res.Header.Get("Date"))
	}
	return res, err
}

func decoded(path string) string {
	p, err := url.PathUnescape(path)
	if err != nil {
		return path
	}
	return p
}

// skew warns when this machine's clock and the server's differ: permits are judged by both.
func (c *Client) skew(date string) {
	t, err := http.ParseTime(date)
	if err != nil {
		return
	}
	if d := time.Since(t).Round(time.Second); d.Abs() > maxSkew {
		c.skewed.Do(func() {
			c.config.Warn("This machine's clock differs from the server's by %s; permits may look expired or not yet valid.", d)
		})
	}
}

func (q request) payload() (body []byte, contentType string, err error) {
	switch {
	case q.raw != nil:
		return q.raw, "application/octet-stream", nil
	case q.body == nil:
		return nil, "", nil
	}
	body, err = json.Marshal(q.body, json.Deterministic(true))
	if err != nil {
		return nil, "", fmt.Errorf("encode request: %w", err)
	}
	return body, "application/json", nil
}

// path joins segments under the base of the API; each is escaped.
func path(segments ...string) string {
	var b strings.Builder
	b.WriteString("/api/v1")
	for _, s := range segments {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(s))
	}
	return b.String()
}

// values makes a query of name and value pairs, without the empty ones.
func values(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	return v
}

// get reads one object.
func get[T any](ctx context.Context, c *Client, path string, query url.Values) (Reply[T], error) {
	return call[T](ctx, c, request{method: http.MethodGet, path: path, query: query})
}

// post sends one object.
func post[T any](ctx context.Context, c *Client, path string, body any) (Reply[T], error) {
	return call[T](ctx, c, request{method: http.MethodPost, path: path, body: body})
}

// none is a body without members.
type none struct{}

// Page is one page of a list; Next is the cursor of the following page, "" on the last.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
}

// All follows the cursor of a list to its end, or to most items; 0 means all of them.
func All[T any](ctx context.Context, most int, page func(ctx context.Context, cursor string) (Reply[Page[T]], error)) ([]T, []jsontext.Value, error) {
	var out []T
	var raw []jsontext.Value
	for cursor := ""; ; {
		r, err := page(ctx, cursor)
		if err != nil {
			return nil, nil, err
		}
		var rest Page[jsontext.Value]
		if err := json.Unmarshal(r.Raw, &rest); err != nil {
			return nil, nil, fmt.Errorf("read list: %w", err)
		}
		out, raw = append(out, r.Value.Items...), append(raw, rest.Items...)
		if most > 0 && len(out) >= most {
			return out[:most], raw[:most], nil
		}
		if r.Value.Next == "" || r.Value.Next == cursor {
			return out, raw, nil
		}
		cursor = r.Value.Next
	}
}
