package client

import (
	"context"
	"io"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/wire"
)

// Entry is one event of the ledger.
type Entry struct {
	Seq    int64          `json:"seq"`
	Leaf   Leaf           `json:"leaf"`
	Detail jsontext.Value `json:"detail"`
}

// Leaf is what stands in the tree.
type Leaf struct {
	TS    int64 `json:"ts"`
	Actor struct {
		Person  string `json:"person"`
		Account string `json:"account"`
		Kind    string `json:"kind"`
		Via     string `json:"via"`
	} `json:"actor"`
	Verb   string `json:"verb"`
	Object struct {
		Type string `json:"type"`
		ID   string `json:"id"`
		Rev  string `json:"rev"`
	} `json:"object"`
	Outcome string `json:"outcome"`
}

// Events lists the events of the ledger from seq on, limit of them at most; object narrows to one
// object.
func (c *Client) Events(ctx context.Context, from int64, limit int, object string) (Reply[Page[Entry]], error) {
	return get[Page[Entry]](ctx, c, path("ledger", "events"), values("from", number(from), "limit", number(int64(limit)), "object", object))
}

// Checkpoint fetches the newest signed tree head, verbatim.
func (c *Client) Checkpoint(ctx context.Context) ([]byte, error) {
	_, body, err := c.send(ctx, request{method: http.MethodGet, path: "/ledger/checkpoint"})
	return body, err
}

// Export asks for an evidence pack and copies it to w as it comes; it is not tried again once bytes
// have come.
func (c *Client) Export(ctx context.Context, q ExportRequest, w io.Writer) (int64, error) {
	body, err := json.Marshal(q)
	if err != nil {
		return 0, err
	}
	return c.fetch(ctx, request{method: http.MethodPost, path: path("export")}, body, w)
}

// fetch copies an answer to w as it comes. One that breaks off is an error.
func (c *Client) fetch(ctx context.Context, q request, body []byte, w io.Writer) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, streamTimeout)
	defer cancel()
	contentType := ""
	if body != nil {
		contentType = "application/json"
	}
	res, err := c.open(ctx, q, body, contentType)
	if err != nil {
		return 0, unreachable(c.URL(), err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
		if err != nil {
			return 0, unreachable(c.URL(), err)
		}
		return 0, refusal(res.StatusCode, res.Header.Get("Content-Type"), text)
	}
	n, err := io.Copy(w, res.Body)
	if err != nil {
		return n, unreachable(c.URL(), err)
	}
	return n, nil
}

// ExportRequest names what goes into a pack: one change, or the changes of a period (RFC 3339), and
// what is withheld with the proofs still holding: names, details.
type ExportRequest struct {
	Change   string   `json:"change,omitempty"`
	From     string   `json:"from,omitempty"`
	To       string   `json:"to,omitempty"`
	Withhold []string `json:"withhold,omitempty"`
	Short    bool     `json:"short,omitempty"` // end with the period, not with the newest checkpoint
	Since    int64    `json:"since,omitempty"` // size of an earlier checkpoint that the pack continues
}

// Metrics are the figures of a period.
type Metrics struct {
	From    string   `json:"from"`
	To      string   `json:"to"`
	Query   string   `json:"query"`
	Changes int64    `json:"changes"`
	Figures []Figure `json:"figures"`
}

// Figure is one number with its definition.
type Figure struct {
	Name    string `json:"name"`
	Meaning string `json:"meaning"`
	Count   int64  `json:"count"`
	Of      int64  `json:"of"`
	Percent int64  `json:"percent"`
	Each    int64  `json:"per_hundred"`
	P50     int64  `json:"p50_s"`
	P90     int64  `json:"p90_s"`
}

// Metrics asks for the figures of a period, RFC 3339; "" leaves a bound to the server.
func (c *Client) Metrics(ctx context.Context, from, to string) (Reply[Metrics], error) {
	return get[Metrics](ctx, c, path("metrics", "changes"), values("from", from, "to", to))
}

// Window is a one-off window or freeze.
type Window struct {
	ID     string `json:"id"`
	Kind   string `json:"kind"`
	Scope  Scope  `json:"scope"`
	Starts int64  `json:"starts"`
	Ends   int64  `json:"ends"`
	Hard   bool   `json:"hard"`
	Reason string `json:"reason"`
	Person string `json:"person"`
}

// Scope says what a window or freeze is about; an empty list means everything.
type Scope struct {
	Environments []string `json:"environments,omitempty"`
	Categories   []string `json:"categories,omitempty"`
	Components   []string `json:"components,omitempty"`
	Targets      []string `json:"targets,omitempty"`
	ExemptTypes  []string `json:"exempt_types,omitempty"`
	ExemptRoles  []string `json:"exempt_roles,omitempty"`
	Running      bool     `json:"running,omitzero"`
}

// NewWindow is what setting a window or freeze asks for; the instants are RFC 3339.
type NewWindow struct {
	Kind   string `json:"kind"`
	Scope  Scope  `json:"scope"`
	Starts string `json:"starts"`
	Ends   string `json:"ends"`
	Hard   bool   `json:"hard"`
	Reason string `json:"reason"`
}

// Windows lists the windows and freezes that are not over.
func (c *Client) Windows(ctx context.Context) (Reply[Page[Window]], error) {
	return get[Page[Window]](ctx, c, path("windows"), nil)
}

// SetWindow declares a window or freeze.
func (c *Client) SetWindow(ctx context.Context, w NewWindow) (Reply[Window], error) {
	return post[Window](ctx, c, path("windows"), w)
}

// Reached is one change that a window or freeze would reach; the instants are microseconds, 0 for none.
type Reached struct {
	Change  string `json:"change"`
	Summary string `json:"summary"`
	State   string `json:"state"`
	Starts  int64  `json:"starts"`
	Ends    int64  `json:"ends"`
}

// Preview is what a window or freeze would reach; More says that there may be others beyond those listed.
type Preview struct {
	Items []Reached `json:"items"`
	More  bool      `json:"more"`
}

// PreviewWindow lists what a window or freeze would reach, and sets nothing.
func (c *Client) PreviewWindow(ctx context.Context, w NewWindow) (Reply[Preview], error) {
	return post[Preview](ctx, c, path("windows", "preview"), w)
}

// LiftWindow ends one before its time.
func (c *Client) LiftWindow(ctx context.Context, id, reason string) error {
	_, err := post[struct{}](ctx, c, path("windows", id, "lift"), comment{reason})
	return err
}

// Policy fetches the pack in force, readable.
func (c *Client) Policy(ctx context.Context) (Reply[jsontext.Value], error) {
	return get[jsontext.Value](ctx, c, path("policy"), nil)
}

// PolicyArchive fetches the pack in force as its archive.
func (c *Client) PolicyArchive(ctx context.Context) ([]byte, error) {
	_, body, err := c.send(ctx, request{method: http.MethodGet, path: path("policy", "archive")})
	return body, err
}

// PolicyHistory lists which packs were in force.
func (c *Client) PolicyHistory(ctx context.Context) (Reply[Page[PolicyVersion]], error) {
	return get[Page[PolicyVersion]](ctx, c, path("policy", "history"), nil)
}

// PolicyVersion is one pack that was brought into force.
type PolicyVersion struct {
	Digest  string `json:"digest"`
	Name    string `json:"name"`
	Version string `json:"version"`
	Change  string `json:"change"`
	Since   int64  `json:"since"`
}

// Explanation is what one rule says about one change.
type Explanation struct {
	Rule    string            `json:"rule"`
	Clause  string            `json:"clause"`
	Title   string            `json:"title"`
	Text    string            `json:"text"`
	When    string            `json:"when"`
	Holds   bool              `json:"holds"`
	Reads   map[string]string `json:"reads"`
	Demands []string          `json:"demands"`
	Error   string            `json:"error"`
}

// ExplainRequest names a change, or holds the material of one that is not filed.
type ExplainRequest struct {
	Change   string         `json:"change,omitempty"`
	Material *wire.Material `json:"material,omitempty"`
}

// Explained is what the policy says about one wording.
type Explained struct {
	Policy  string        `json:"policy"`
	Demand  *Demand       `json:"demand"`
	Refused string        `json:"refused"`
	Message string        `json:"message"`
	Rules   []Explanation `json:"rules"`

	Excluded []struct {
		Name string `json:"name"`
		Text string `json:"text"`
	} `json:"excluded"`
	Conflicts []wire.Conflict `json:"conflicts"`
	Advice    []string        `json:"advice"`
}

// Explain asks every rule about a change.
func (c *Client) Explain(ctx context.Context, q ExplainRequest) (Reply[Explained], error) {
	return post[Explained](ctx, c, path("policy", "explain"), q)
}

// SimulateRequest asks what a pack would have demanded of past changes.
type SimulateRequest struct {
	Archive jsontext.Value `json:"archive,omitzero"`
	From    string         `json:"from,omitempty"`
	To      string         `json:"to,omitempty"`
}

// SimulateRow is what a pack would have demanded of one change.
type SimulateRow struct {
	ID      string `json:"id"`
	Demand  Demand `json:"demand"`
	Refused string `json:"refused"`
	Rule    string `json:"rule"`
	Message string `json:"message"`
}

// Simulation holds the rows under the pack that was tried, and under the one in force.
type Simulation struct {
	Policy string        `json:"policy"`
	Now    string        `json:"now"`
	Rows   []SimulateRow `json:"rows"`
	Before []SimulateRow `json:"before"`
}

// Simulate asks for it.
func (c *Client) Simulate(ctx context.Context, q SimulateRequest) (Reply[Simulation], error) {
	return post[Simulation](ctx, c, path("policy", "simulate"), q)
}

// Model is the standing of one standard model.
type Model struct {
	ID        string `json:"id"`
	Digest    string `json:"digest"`
	State     string `json:"state"`
	Change    string `json:"change"`
	Since     int64  `json:"since"`
	Uses      int64  `json:"uses"`
	Successes int64  `json:"successes"`
	Reason    string `json:"reason"`
}

// Models are the standard models of the policy in force, and how those that were activated stand.
type Models struct {
	Models []struct {
		ID    string `json:"id"`
		Title string `json:"title"`
		Owner string `json:"owner"`
	} `json:"models"`
	Standing []Model `json:"standing"`
}

// Models lists the standard models.
func (c *Client) Models(ctx context.Context) (Reply[Models], error) {
	return get[Models](ctx, c, path("models"), nil)
}

// Webhook is one receiver of events; an empty list of verbs stands for all.
type Webhook struct {
	ID      string   `json:"id"`
	URL     string   `json:"url"`
	Verbs   []string `json:"verbs"`
	Created int64    `json:"created"`
	Ended   int64    `json:"ended"`
}

// MadeWebhook is a new receiver; Secret is shown this once.
type MadeWebhook struct {
	Webhook Webhook `json:"webhook"`
	Secret  string  `json:"secret"`
}

// Webhooks lists the receivers.
func (c *Client) Webhooks(ctx context.Context) (Reply[Page[Webhook]], error) {
	return get[Page[Webhook]](ctx, c, path("webhooks"), nil)
}

// AddWebhook adds a receiver.
func (c *Client) AddWebhook(ctx context.Context, to string, verbs []string) (Reply[MadeWebhook], error) {
	return post[MadeWebhook](ctx, c, path("webhooks"), struct {
		URL   string   `json:"url"`
		Verbs []string `json:"verbs"`
	}{to, verbs})
}

// DropWebhook removes a receiver.
func (c *Client) DropWebhook(ctx context.Context, id string) error {
	_, err := call[struct{}](ctx, c, request{method: http.MethodDelete, path: path("webhooks", id)})
	return err
}

// ReplayWebhook sends the events from seq on again.
func (c *Client) ReplayWebhook(ctx context.Context, id string, from int64) error {
	_, err := post[struct{}](ctx, c, path("webhooks", id, "replay"), struct {
		From int64 `json:"from"`
	}{from})
	return err
}

// Delivery is what became of one event for one receiver.
type Delivery struct {
	Seq     int64  `json:"seq"`
	State   string `json:"state"`
	Tries   int64  `json:"tries"`
	Next    int64  `json:"next"`
	Status  int64  `json:"status"`
	Problem string `json:"problem"`
	At      int64  `json:"at"`
}

// Deliveries lists one page of them, newest first.
func (c *Client) Deliveries(ctx context.Context, id string, limit int, cursor string) (Reply[Page[Delivery]], error) {
	return get[Page[Delivery]](ctx, c, path("webhooks", id, "deliveries"), values("limit", strconv.Itoa(limit), "cursor", cursor))
}
