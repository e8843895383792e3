package api

import (
	"context"
	"net/http"
	"net/netip"

	"plumbline.dev/plumb/internal/fault"
)

// call is what the middleware knows of one request.
type call struct {
	route    *Route
	actor    fault.Actor
	address  netip.Addr // of the client; behind a proxy, as the proxy says
	bearer   string     // the secret that was shown, "" when none
	recorded bool       // a rule's no to this request is in the ledger already
	again    *repeat    // set when the request has an idempotency key
	w        http.ResponseWriter
	r        *http.Request
}

type callKey struct{}

// callOf gives the call of a request's context, nil outside of one.
func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// actorOf gives who asks; nobody outside of a request.
func actorOf(ctx context.Context) fault.Actor {
	if c := callOf(ctx); c != nil {
		return c.actor
	}
	return fault.Actor{}
}
