package client

import (
	"context"
	"net/http"

	"plumbline.dev/plumb/internal/wire"
)

// EnrolAgent shows the server a new agent's key with a one-time token. The body is signed with that key.
func (c *Client) EnrolAgent(ctx context.Context, body []byte, signature string) (Reply[wire.Enrolled], error) {
	return call[wire.Enrolled](ctx, c, request{method: http.MethodPost, path: path("agent", "enrol"), raw: body, once: true,
		signed: wire.AgentScheme + " new " + signature})
}

// ReportAgent sends a signed message of an agent.
func (c *Client) ReportAgent(ctx context.Context, agent string, body []byte, signature string) (Reply[wire.ReportAnswer], error) {
	return call[wire.ReportAnswer](ctx, c, request{method: http.MethodPost, path: path("agent", "report"), raw: body, once: true,
		signed: wire.AgentScheme + " " + agent + " " + signature})
}

// AgentToken lets one host enrol, once.
type AgentToken struct {
	ID      string `json:"id"`
	Note    string `json:"note"`
	Person  string `json:"person"`
	Created int64  `json:"created"`
	Expires int64  `json:"expires"`
	Revoked int64  `json:"revoked"`
	Used    int64  `json:"used"`
	Agent   string `json:"agent"`
}

// MadeAgentToken is an enrolment token with its secret.
type MadeAgentToken struct {
	Token  AgentToken `json:"token"`
	Secret string     `json:"secret"`
}

// NewAgentToken says for which host an enrolment token is, and how long it lives.
type NewAgentToken struct {
	Note    string `json:"note,omitempty"`
	Minutes int64  `json:"minutes,omitempty"`
}

// Agent is an enrolled host with when it was heard.
type Agent struct {
	Agent struct {
		ID       string `json:"id"`
		Name     string `json:"name"`
		Enrolled int64  `json:"enrolled"`
		Revoked  int64  `json:"revoked"`
		Conflict int64  `json:"conflict"`
		Detail   string `json:"detail"`
	} `json:"agent"`
	Presence struct {
		Seen  int64  `json:"seen"`
		Skew  int64  `json:"skew"`
		Root  string `json:"root"`
		Taken string `json:"taken"`
		Lost  int64  `json:"lost"`
	} `json:"presence"`
}

// MakeAgentToken makes an enrolment token.
func (c *Client) MakeAgentToken(ctx context.Context, n NewAgentToken) (Reply[MadeAgentToken], error) {
	return post[MadeAgentToken](ctx, c, path("agent", "tokens"), n)
}

// AgentTokens lists enrolment tokens.
func (c *Client) AgentTokens(ctx context.Context, cursor string) (Reply[Page[AgentToken]], error) {
	return get[Page[AgentToken]](ctx, c, path("agent", "tokens"), values("cursor", cursor, "limit", "200"))
}

// RevokeAgentToken ends an enrolment token that nobody used.
func (c *Client) RevokeAgentToken(ctx context.Context, id string) error {
	_, err := call[none](ctx, c, request{method: http.MethodDelete, path: path("agent", "tokens", id)})
	return err
}

// Agents lists agents.
func (c *Client) Agents(ctx context.Context, cursor string) (Reply[Page[Agent]], error) {
	return get[Page[Agent]](ctx, c, path("agents"), values("cursor", cursor, "limit", "200"))
}

// RevokeAgent ends an agent.
func (c *Client) RevokeAgent(ctx context.Context, id, reason string) error {
	_, err := post[none](ctx, c, path("agents", id, "revoke"), map[string]string{"reason": reason})
	return err
}
