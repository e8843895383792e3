package server

import (
	"context"

	"plumbline.dev/plumb/internal/api"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/web/office"
)

// hooks shows the webhooks that the API delivers to the pages; the two surfaces do not know each other.
type hooks struct{ desk *api.Webhooks }

// List gives the webhooks that work.
func (h hooks) List(ctx context.Context) ([]office.Hook, error) {
	list, err := h.desk.List(ctx)
	out := make([]office.Hook, len(list))
	for i, x := range list {
		out[i] = office.Hook{ID: x.ID, URL: x.URL, Verbs: x.Verbs, Person: x.Person, Created: x.Created}
	}
	return out, err
}

// Make makes a webhook and gives its secret, this once.
func (h hooks) Make(ctx context.Context, who fault.Actor, url string, verbs []string) (secret string, err error) {
	made, err := h.desk.Make(ctx, who, api.NewHook{URL: url, Verbs: verbs})
	return made.Secret, err
}

// End ends a webhook.
func (h hooks) End(ctx context.Context, who fault.Actor, id string) error {
	return h.desk.End(ctx, who, id)
}

// Replay serves a webhook again from an event on.
func (h hooks) Replay(ctx context.Context, who fault.Actor, id string, from int64) error {
	return h.desk.Replay(ctx, who, id, from)
}

// Deliveries lists what became of events at a webhook, the newest first.
func (h hooks) Deliveries(ctx context.Context, id string, before int64, limit int) ([]office.Delivery, error) {
	list, err := h.desk.Deliveries(ctx, id, before, limit)
	out := make([]office.Delivery, len(list))
	for i, x := range list {
		out[i] = office.Delivery(x)
	}
	return out, err
}
