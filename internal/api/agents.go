package api

import (
	"context"
	"io"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/fleet"
	"plumbline.dev/plumb/internal/wire"
)

// agentRoutes are how hosts report, and how people say which may. What an agent sends is signed by its key, so those two routes are open:
// nobody's session stands behind them, and nothing that they take decides.
func agentRoutes() []Route {
	const tag = "Agents"
	const read, manage = directory.InventoryRead, directory.InventoryManage
	return []Route{
		{Method: post, Path: "/agent/enrol", Open: true, Tag: tag, Summary: "Enrol a host's agent with a one-time token", bind: answers((*API).enrolAgent)},
		{Method: post, Path: "/agent/report", Open: true, Tag: tag, Summary: "Take a signed report of an agent", bind: answers((*API).agentReport)},
		{Method: get, Path: "/agent/tokens", Need: manage, Tag: tag, Summary: "List enrolment tokens", bind: answers((*API).listAgentTokens)},
		{Method: post, Path: "/agent/tokens", Need: manage, Repeats: byAnswer, Tag: tag, Status: 201, Summary: "Make an enrolment token for one host", bind: answers((*API).makeAgentToken)},
		{Method: del, Path: "/agent/tokens/{id}", Need: manage, Repeats: byAnswer, Tag: tag, Summary: "End an enrolment token that nobody used", bind: answers((*API).revokeAgentToken)},
		{Method: get, Path: "/agents", Need: read, Tag: tag, Summary: "List agents and when they were heard", bind: answers((*API).listAgents)},
		{Method: post, Path: "/agents/{id}/revoke", Need: manage, Repeats: byAnswer, Tag: tag, Summary: "End an agent", bind: answers((*API).revokeAgent)},
	}
}

type signedIn struct {
	In Stream
}

// signedBy takes a signed message: who it says sent it, its bytes and its signature.
func (in *signedIn) read(ctx context.Context) (agent string, body []byte, signature string, err error) {
	shown := callOf(ctx).r.Header.Values("Authorization")
	if len(shown) != 1 {
		return "", nil, "", unsigned()
	}
	w := strings.Split(shown[0], " ")
	if len(w) != 3 || w[0] != wire.AgentScheme {
		return "", nil, "", unsigned()
	}
	body, err = io.ReadAll(in.In.reader)
	return w[1], body, w[2], err
}

func unsigned() error {
	return fault.New(fault.Unauthenticated, "not_signed", "A message of an agent is signed with its key.").FixedBy("whoever runs the host").
		Then("plumb agent enrol")
}

func (a *API) enrolAgent(ctx context.Context, in *signedIn) (*body[wire.Enrolled], error) {
	_, text, signature, err := in.read(ctx)
	if err != nil {
		return nil, err
	}
	return give(a.Fleet.Enrol(ctx, text, signature))
}

func (a *API) agentReport(ctx context.Context, in *signedIn) (*body[wire.ReportAnswer], error) {
	agent, text, signature, err := in.read(ctx)
	if err != nil {
		return nil, err
	}
	return give(a.Fleet.Report(ctx, agent, text, signature))
}

func (a *API) listAgentTokens(ctx context.Context, in *pagingIn) (*body[Page[fleet.EnrolToken]], error) {
	all, err := a.Fleet.Tokens(ctx)
	return listed(in.Paging, all, err)
}

// NewAgentToken says for which host an enrolment token is, and how long it lives.
type NewAgentToken struct {
	Note    string `json:"note,omitempty" doc:"for which host it is"`
	Minutes int64  `json:"minutes,omitempty" doc:"how long it lives; a day when left out, two weeks at most"`
}

// MadeAgentToken is an enrolment token with its secret, which is shown this once.
type MadeAgentToken struct {
	Token  fleet.EnrolToken `json:"token"`
	Secret string           `json:"secret"`
}

type newAgentTokenIn struct {
	In JSON[NewAgentToken]
}

func (a *API) makeAgentToken(ctx context.Context, in *newAgentTokenIn) (*body[MadeAgentToken], error) {
	t, secret, err := a.Fleet.MakeToken(ctx, actorOf(ctx), in.In.value.Note, time.Duration(in.In.value.Minutes)*time.Minute)
	return give(MadeAgentToken{Token: t, Secret: secret.Reveal()}, err)
}

type agentTokenIn struct {
	ID string `path:"id" maxLength:"60" doc:"id of the enrolment token"`
}

func (a *API) revokeAgentToken(ctx context.Context, in *agentTokenIn) (*none, error) {
	return nil, a.Fleet.RevokeToken(ctx, actorOf(ctx), in.ID)
}

func (a *API) listAgents(ctx context.Context, in *pagingIn) (*body[Page[fleet.Standing]], error) {
	after, err := in.from(0)
	if err != nil {
		return nil, err
	}
	list, err := a.Fleet.Agents(ctx, after, int(in.Limit))
	out := Page[fleet.Standing]{Items: list}
	if n := len(list); n > 0 && int64(n) == in.Limit {
		out.Next = cursor(list[n-1].Agent.N)
	}
	if out.Items == nil {
		out.Items = []fleet.Standing{}
	}
	return give(out, err)
}

type revokeAgentIn struct {
	ID string `path:"id" maxLength:"60" doc:"id of the agent"`
	In JSON[Reason]
}

func (a *API) revokeAgent(ctx context.Context, in *revokeAgentIn) (*none, error) {
	return nil, a.Fleet.Revoke(ctx, actorOf(ctx), in.ID, in.In.value.Reason)
}
