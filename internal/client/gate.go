package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"plumbline.dev/plumb/internal/wire"
)

// GateCheck asks what the gate would say. A no is an answer, not an error.
func (c *Client) GateCheck(ctx context.Context, q wire.GateRequest) (Reply[wire.GateVerdict], error) {
	return verdict(call[wire.GateVerdict](ctx, c, request{method: http.MethodPost, path: path("gate", "check"), body: q, also: http.StatusForbidden}))
}

// GateOpen redeems the permit. The key inside the request is what makes it happen once: a retry after a
// lost answer gets the same permit.
func (c *Client) GateOpen(ctx context.Context, q wire.GateRequest) (Reply[wire.GateVerdict], error) {
	return verdict(call[wire.GateVerdict](ctx, c, request{method: http.MethodPost, path: path("gate", "open"), body: q, also: http.StatusForbidden}))
}

// verdict makes an answer that does not say yes a no, whatever its code: zero, the code of a yes, is also that
// of a document in which nothing stands.
func verdict(r Reply[wire.GateVerdict], err error) (Reply[wire.GateVerdict], error) {
	if err == nil && r.Value.Verdict != wire.Allow && r.Value.Code == wire.ExitAllowed {
		r.Value.Verdict, r.Value.Code, r.Raw = wire.Deny, wire.ExitDenied, nil
	}
	return r, err
}

// GateClose reports how an execution ended; key is the same for every try of one report.
func (c *Client) GateClose(ctx context.Context, r wire.GateClose, key string) (Reply[Change], error) {
	return call[Change](ctx, c, request{method: http.MethodPost, path: path("gate", "close"), body: r, key: key})
}

// Lease is how long a run may go on, in microseconds.
type Lease struct {
	Lease int64 `json:"lease"`
}

// GateRenew prolongs the lease of a run.
func (c *Client) GateRenew(ctx context.Context, permit string, fence int64) (Reply[Lease], error) {
	return post[Lease](ctx, c, path("gate", "renew"), struct {
		Permit string `json:"permit"`
		Fence  int64  `json:"fence"`
	}{permit, fence})
}

// LongPoll is the longest time that the server keeps one GateWait open.
const LongPoll = 30 * time.Second

// GateWait returns when something was recorded that may concern the change, or after the timeout.
func (c *Client) GateWait(ctx context.Context, change, rev string, timeout time.Duration) error {
	secs := max(1, int(min(timeout, LongPoll)/time.Second))
	_, err := call[struct{}](ctx, c, request{method: http.MethodGet, path: path("gate", "wait"), timeout: LongPoll + answerTimeout,
		query: values("change", change, "rev", rev, "timeout", strconv.Itoa(secs))})
	return err
}

// RepositoryKey is the key under which a repository's sensitive values are hashed.
type RepositoryKey struct {
	Repo string `json:"repo"`
	Key  string `json:"key"` // hex
}

// RepositoryKey fetches the key; the token must be bound to the repository.
func (c *Client) RepositoryKey(ctx context.Context, repo string) (Reply[RepositoryKey], error) {
	return get[RepositoryKey](ctx, c, path("repository-key"), values("repo", repo))
}

// Keys are the public keys of one install.
type Keys struct {
	Install string `json:"install"`
	Origin  string `json:"origin"`
	Ledger  string `json:"ledger"`  // signed-note verifier key
	Permits string `json:"permits"` // PEM
	KeyID   string `json:"key_id"`
}

// Keys fetches the public keys.
func (c *Client) Keys(ctx context.Context) (Reply[Keys], error) {
	return get[Keys](ctx, c, path("keys"), nil)
}

// AddEvidence hands in a document; its result comes from what stands in it.
func (c *Client) AddEvidence(ctx context.Context, id string, q url.Values, body []byte) (Reply[CheckResult], error) {
	return call[CheckResult](ctx, c, request{method: http.MethodPost, path: path("changes", id, "evidence"), query: q, raw: whole(body),
		timeout: streamTimeout})
}

// AddDocument keeps a document for a revision to name, and tells what the server read in it.
func (c *Client) AddDocument(ctx context.Context, kind string, body []byte) (Reply[wire.Binding], error) {
	return call[wire.Binding](ctx, c, request{method: http.MethodPost, path: path("documents"), query: values("kind", kind), raw: whole(body),
		timeout: streamTimeout})
}

// Document fetches a document's bytes.
func (c *Client) Document(ctx context.Context, digest string) ([]byte, error) {
	_, body, err := c.send(ctx, request{method: http.MethodGet, path: path("documents", digest), timeout: streamTimeout})
	return body, err
}

// whole keeps an empty document from being taken for none.
func whole(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
