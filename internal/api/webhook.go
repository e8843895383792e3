package api

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/seal"
)

// Hook is one webhook: where events are sent. It works while the person who made it may make webhooks.
type Hook struct {
	ID      string   `json:"id"`
	URL     string   `json:"url"`
	Verbs   []string `json:"verbs" doc:"which events; change.* stands for all that begin so, an empty list for all"`
	Person  string   `json:"person" doc:"who made it"`
	Starts  int64    `json:"starts" doc:"the first event that it was made for"`
	Created int64    `json:"created"`
	Ended   int64    `json:"ended" doc:"0 while it works"`

	account string
	sealed  string // secret, under the root key
}

// takes reports whether an event is one of those that the hook is for.
func (h Hook) takes(verb string) bool {
	return len(h.Verbs) == 0 || slices.ContainsFunc(h.Verbs, func(v string) bool {
		prefix, all := strings.CutSuffix(v, "*")
		return v == verb || all && strings.HasPrefix(verb, prefix)
	})
}

// Delivery is what became of one event at one webhook.
type Delivery struct {
	Seq     int64  `json:"seq" doc:"sequence number of the event"`
	State   string `json:"state" doc:"delivered, waiting or given_up"`
	Tries   int64  `json:"tries"`
	Next    int64  `json:"next" doc:"instant of the next try; 0 for none"`
	Status  int64  `json:"status" doc:"HTTP status of the newest answer; 0 for none"`
	Problem string `json:"problem"`
	At      int64  `json:"at"`
}

// States of a delivery.
const (
	delivered = "delivered"
	pending   = "waiting"
	givenUp   = "given_up"
)

// maxHooks bounds the webhooks of one install.
const maxHooks = 100

var verbForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(\*|[a-z_]+\.(\*|[a-z_]+))$`) })

// NewHook is what making a webhook asks for.
type NewHook struct {
	URL   string   `json:"url"`
	Verbs []string `json:"verbs,omitempty"`
}

// MadeHook is a new webhook with the secret that signs its messages, which is shown this once.
type MadeHook struct {
	Webhook Hook   `json:"webhook"`
	Secret  string `json:"secret" doc:"for the Standard Webhooks libraries"`
}

type newHookIn struct {
	In JSON[NewHook]
}

// mayHook lets somebody manage webhooks, inside the transaction.
func (a *API) mayHook(tx *db.Tx) error {
	if err := a.People.ConfirmIn(tx, tx.Actor()); err != nil {
		return err
	}
	r, err := a.People.RosterIn(tx)
	if err != nil {
		return err
	}
	return directory.Allowed(tx.Actor(), r.Roles(directory.PersonID(tx.Actor().Person)), directory.WebhooksManage)
}

func (a *API) addHook(ctx context.Context, in *newHookIn) (*body[MadeHook], error) {
	return give(a.hooks.Make(ctx, actorOf(ctx), in.In.value))
}

// Make makes a webhook and gives its secret, this once. Whoever manages webhooks does it; it works while
// they may.
func (w *Webhooks) Make(ctx context.Context, who fault.Actor, n NewHook) (made MadeHook, err error) {
	a := w.api
	if err := w.out.check(n.URL); err != nil {
		return made, err
	}
	for i, v := range n.Verbs {
		if !verbForm().MatchString(v) || len(n.Verbs) > 50 {
			return made, fault.New(fault.Invalid, "bad_verbs", "The webhook cannot be made like that.").
				At(fmt.Sprintf("verbs[%d]", i), "is not like change.approved or change.*, or there are too many")
		}
	}
	key := make([]byte, 32)
	rand.Read(key)
	h := Hook{ID: seal.NewID("whk"), URL: n.URL, Verbs: slices.Compact(slices.Sorted(slices.Values(n.Verbs)))}
	if h.sealed, err = a.sealText("webhook", h.ID, key); err != nil {
		return made, err
	}
	err = a.DB.Update(ctx, who, func(tx *db.Tx) error {
		if err := a.mayHook(tx); err != nil {
			return err
		}
		list, err := liveHooks(tx)
		if err != nil {
			return fmt.Errorf("list webhooks: %w", err)
		}
		if len(list) >= maxHooks {
			return fault.New(fault.Conflict, "too_many_webhooks", "There are %d webhooks already.", maxHooks).
				FixedBy("a security officer, or an administrator").Then("plumb webhook remove ID")
		}
		last, _, err := ledger.LastIn(tx)
		if err != nil {
			return err
		}
		h.Person, h.account, h.Created, h.Starts = who.Person, who.Account, tx.Now().UnixMicro(), last.Seq+1
		if err := insertHook(tx, h); err != nil {
			return fmt.Errorf("save webhook: %w", err)
		}
		if err := setCursor(tx, h.ID, h.Starts); err != nil {
			return fmt.Errorf("save cursor: %w", err)
		}
		_, err = ledger.Append(tx, ledger.Event{Verb: "webhook.made", Type: "webhook", Object: h.ID,
			Detail: map[string]any{"url": h.URL, "verbs": h.Verbs}})
		return err
	})
	if err != nil {
		return made, err
	}
	return MadeHook{Webhook: h, Secret: "whsec_" + base64.StdEncoding.EncodeToString(key)}, nil
}

func (a *API) listHooks(ctx context.Context, in *pagingIn) (*body[Page[Hook]], error) {
	all, err := a.hooks.List(ctx)
	return listed(in.Paging, all, err)
}

// List gives the webhooks that work.
func (w *Webhooks) List(ctx context.Context) (all []Hook, err error) {
	err = w.api.DB.View(ctx, func(tx *db.Tx) error {
		all, err = liveHooks(tx)
		return err
	})
	return all, err
}

// manage is the frame of what is done to one webhook.
func (w *Webhooks) manage(ctx context.Context, who fault.Actor, id string, do func(*db.Tx, Hook) error) error {
	return w.api.DB.Update(ctx, who, func(tx *db.Tx) error {
		if err := w.api.mayHook(tx); err != nil {
			return err
		}
		h, found, err := loadHook(tx, id)
		if err != nil {
			return fmt.Errorf("load webhook: %w", err)
		}
		if !found || h.Ended != 0 {
			return noHook()
		}
		return do(tx, h)
	})
}

func noHook() *fault.Error {
	return fault.New(fault.NotFound, "no_webhook", "There is no such webhook.").Then("plumb webhook list")
}

func (a *API) endHook(ctx context.Context, in *idIn) (*none, error) {
	return nil, a.hooks.End(ctx, actorOf(ctx), in.ID)
}

// End ends a webhook. Whoever manages webhooks does it.
func (w *Webhooks) End(ctx context.Context, who fault.Actor, id string) error {
	return w.manage(ctx, who, id, func(tx *db.Tx, h Hook) error { return w.api.endIn(tx, h, "ended by hand") })
}

func (a *API) endIn(tx *db.Tx, h Hook, why string) error {
	if err := tx.ExecOne("UPDATE api_webhook SET ended = $1, sealed = '' WHERE id = $2 AND ended = 0", tx.Now().UnixMicro(), h.ID); err != nil {
		return fmt.Errorf("end webhook: %w", err)
	}
	_, err := ledger.Append(tx, ledger.Event{Verb: "webhook.ended", Type: "webhook", Object: h.ID, Detail: map[string]any{"why": why}})
	return err
}

// Replay says from which event on a webhook is served again.
type Replay struct {
	From int64 `json:"from" minimum:"0"`
}

type replayIn struct {
	ID string `path:"id" maxLength:"60"`
	In JSON[Replay]
}

func (a *API) replayHook(ctx context.Context, in *replayIn) (*none, error) {
	return nil, a.hooks.Replay(ctx, actorOf(ctx), in.ID, in.In.value.From)
}

// Replay serves a webhook again from an event on. Whoever manages webhooks does it.
func (w *Webhooks) Replay(ctx context.Context, who fault.Actor, id string, from int64) error {
	if from < 0 {
		return fault.New(fault.Invalid, "bad_replay", "The replay cannot begin there.").At("from", "is a sequence number")
	}
	return w.manage(ctx, who, id, func(tx *db.Tx, h Hook) error {
		if err := setCursor(tx, h.ID, from); err != nil {
			return fmt.Errorf("save cursor: %w", err)
		}
		_, err := ledger.Append(tx, ledger.Event{Verb: "webhook.replayed", Type: "webhook", Object: h.ID, Detail: map[string]any{"from": from}})
		return err
	})
}

type deliveriesIn struct {
	ID string `path:"id" maxLength:"60"`
	Paging
}

func (a *API) deliveries(ctx context.Context, in *deliveriesIn) (*body[Page[Delivery]], error) {
	before, err := in.from(1 << 62)
	if err != nil {
		return nil, err
	}
	var out Page[Delivery]
	out.Items, err = a.hooks.Deliveries(ctx, in.ID, before, int(in.Limit))
	if len(out.Items) == int(in.Limit) {
		out.Next = cursor(out.Items[len(out.Items)-1].Seq)
	}
	return give(out, err)
}

// Behind counts the events between the slowest webhook and the newest event; 0 without webhooks.
func (w *Webhooks) Behind(ctx context.Context) (events int64, err error) {
	err = w.api.DB.View(ctx, func(tx *db.Tx) error {
		return tx.QueryRow("SELECT COALESCE((SELECT MAX(seq) FROM ledger_event) + 1 - MIN(c.seq), 0) FROM api_webhook_cursor c" +
			" JOIN api_webhook h ON h.id = c.id WHERE h.ended = 0").Scan(&events)
	})
	return events, err
}

// Deliveries lists what became of events at a webhook, the newest first, below an event's number.
func (w *Webhooks) Deliveries(ctx context.Context, id string, before int64, limit int) (out []Delivery, err error) {
	err = w.api.DB.View(ctx, func(tx *db.Tx) error {
		if _, found, err := loadHook(tx, id); err != nil || !found {
			return firstOf(err, noHook())
		}
		out, err = listDeliveries(tx, id, before, limit)
		return err
	})
	return out, err
}

func firstOf(err error, other *fault.Error) error {
	if err != nil {
		return err
	}
	return other
}
