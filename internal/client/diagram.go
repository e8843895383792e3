package client

import (
	"context"
	"net/http"
	"net/url"
)

// Slice says what a diagram is drawn of; an empty member does not narrow.
type Slice struct {
	Kind           string `json:"kind"` // network, environment or data-flow
	Environment    string `json:"environment,omitempty"`
	Classification string `json:"classification,omitempty"`
	Owner          string `json:"owner,omitempty"`
	Role           string `json:"role,omitempty"`
}

func (s Slice) query() url.Values {
	return values("environment", s.Environment, "classification", s.Classification, "owner", s.Owner, "role", s.Role)
}

// Drawing is what a diagram shows, without its things themselves.
type Drawing struct {
	Slice   Slice    `json:"slice"`
	Digest  string   `json:"digest"`
	Head    int64    `json:"head"`
	Covered int      `json:"covered"`
	Mixed   []string `json:"mixed"`
}

// Diagram is a diagram of record with what moved since.
type Diagram struct {
	ID       string `json:"id"`
	Slice    Slice  `json:"slice"`
	State    string `json:"state"`
	Digest   string `json:"digest"`
	Head     int64  `json:"head"`
	Nodes    int64  `json:"nodes"`
	Edges    int64  `json:"edges"`
	Covered  int64  `json:"covered"`
	Person   string `json:"person"`
	Proposed int64  `json:"proposed"`
	Reason   string `json:"reason"`
	Decider  string `json:"decider"`
	Decided  int64  `json:"decided"`
	Note     string `json:"note"`
	Moved    *struct {
		Since  int64    `json:"since"`
		Came   []string `json:"came"`
		Left   []string `json:"left"`
		Other  []string `json:"other"`
		Joined []string `json:"joined"`
		Parted []string `json:"parted"`
		More   int      `json:"more"`
	} `json:"moved"`
}

// Drawing shows what a diagram shows now.
func (c *Client) Drawing(ctx context.Context, s Slice) (Reply[Drawing], error) {
	return get[Drawing](ctx, c, path("drawings", s.Kind), s.query())
}

// Draw draws the inventory as it is now, as svg or dot.
func (c *Client) Draw(ctx context.Context, s Slice, form string) ([]byte, error) {
	_, body, err := c.send(ctx, request{method: http.MethodGet, path: path("drawings", s.Kind, form), query: s.query()})
	return body, err
}

// Diagrams lists the diagrams of record, the newest first.
func (c *Client) Diagrams(ctx context.Context, limit int, cursor string) (Reply[Page[Diagram]], error) {
	return get[Page[Diagram]](ctx, c, path("diagrams"), values("limit", number(int64(limit)), "cursor", cursor))
}

// Diagram shows one diagram of record.
func (c *Client) Diagram(ctx context.Context, id string) (Reply[Diagram], error) {
	return get[Diagram](ctx, c, path("diagrams", id), nil)
}

// DiagramFile gives a diagram of record as it was proposed, as svg or dot.
func (c *Client) DiagramFile(ctx context.Context, id, form string) ([]byte, error) {
	_, body, err := c.send(ctx, request{method: http.MethodGet, path: path("diagrams", id, form)})
	return body, err
}

// ProposeDiagram proposes a slice for the diagram of record; digest is that of the drawing that was looked at.
func (c *Client) ProposeDiagram(ctx context.Context, s Slice, digest, reason string) (Reply[Diagram], error) {
	return post[Diagram](ctx, c, path("diagrams"), struct {
		Slice  Slice  `json:"slice"`
		Digest string `json:"digest"`
		Reason string `json:"reason,omitempty"`
	}{s, digest, reason})
}

// DecideDiagram approves or refuses a proposed diagram; an approval names the digest that was looked at.
func (c *Client) DecideDiagram(ctx context.Context, id, word, digest, note string) (Reply[Diagram], error) {
	return post[Diagram](ctx, c, path("diagrams", id, word), struct {
		Digest string `json:"digest,omitempty"`
		Note   string `json:"note,omitempty"`
	}{digest, note})
}
