package api

import "context"

type Webhooks struct{ api *API }

func newWebhooks(a *API) *Webhooks { return &Webhooks{a} }

func (h *Webhooks) Run(ctx context.Context) { <-ctx.Done() }
