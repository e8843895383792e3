package api

import (
	"fmt"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/db"
)

func loadKept(tx *db.Tx, id string) (kept, bool, error) {
	return db.One(tx, func(row db.Scanner) (k kept, err error) {
		return k, row.Scan(&k.id, &k.request, &k.seq, &k.object, &k.status, &k.etag, &k.body, &k.created)
	}, "SELECT id, request, seq, object, status, etag, body, created FROM api_idempotent WHERE id = $1", id)
}

func insertKept(tx *db.Tx, k kept) error {
	_, err := tx.Exec("INSERT INTO api_idempotent (id, request, seq, object, status, etag, body, created) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
		k.id, k.request, k.seq, k.object, k.status, k.etag, k.body, k.created)
	return err
}

func saveAnswer(tx *db.Tx, id string, status int64, etag, body string) error {
	return tx.ExecOne("UPDATE api_idempotent SET status = $1, etag = $2, body = $3 WHERE id = $4 AND status = 0", status, etag, body, id)
}

func forgetKept(tx *db.Tx, before time.Time) error {
	_, err := tx.Exec("DELETE FROM api_idempotent WHERE created < $1", before.UnixMicro())
	return err
}

const hookColumns = "SELECT h.id, h.url, h.verbs, h.sealed, h.person, h.account, h.starts, h.created, h.ended FROM api_webhook h"

func scanHook(row db.Scanner) (h Hook, err error) {
	var verbs string
	err = row.Scan(&h.ID, &h.URL, &verbs, &h.sealed, &h.Person, &h.account, &h.Starts, &h.Created, &h.Ended)
	h.Verbs = strings.Fields(verbs)
	return h, err
}

func insertHook(tx *db.Tx, h Hook) error {
	_, err := tx.Exec("INSERT INTO api_webhook (id, url, verbs, sealed, person, account, starts, created, ended) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
		h.ID, h.URL, strings.Join(h.Verbs, " "), h.sealed, h.Person, h.account, h.Starts, h.Created, h.Ended)
	return err
}

func loadHook(tx *db.Tx, id string) (Hook, bool, error) {
	return db.One(tx, scanHook, hookColumns+" WHERE h.id = $1", id)
}

func liveHooks(tx *db.Tx) ([]Hook, error) {
	return db.Collect(tx, scanHook, hookColumns+" WHERE h.ended = 0 ORDER BY h.created, h.id")
}

// dueHooks lists live webhooks that may be served now and have events after their cursor.
func dueHooks(tx *db.Tx, now int64) ([]Hook, error) {
	return db.Collect(tx, scanHook, hookColumns+" JOIN api_webhook_cursor c ON c.id = h.id WHERE h.ended = 0 AND c.next <= $1"+
		" AND c.seq <= (SELECT COALESCE(MAX(seq), -1) FROM ledger_event) ORDER BY h.id", now)
}

// cursorAt is how far a webhook was served: the next event, how often that was tried, and not before
// when.
type cursorAt struct {
	seq, tries, next int64
}

func loadCursor(tx *db.Tx, id string) (cursorAt, bool, error) {
	return db.One(tx, func(row db.Scanner) (c cursorAt, err error) { return c, row.Scan(&c.seq, &c.tries, &c.next) },
		"SELECT seq, tries, next FROM api_webhook_cursor WHERE id = $1", id)
}

// setCursor puts the cursor somewhere, whoever serves the webhook.
func setCursor(tx *db.Tx, id string, seq int64) error {
	_, err := tx.Exec("INSERT INTO api_webhook_cursor (id, seq, tries, next) VALUES ($1, $2, 0, 0)"+
		" ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, tries = 0, next = 0", id, seq)
	return err
}

// saveCursor moves the cursor on from where it was; one that a replay has moved meanwhile stays there.
func saveCursor(tx *db.Tx, id string, was, now cursorAt) error {
	_, err := tx.Exec("UPDATE api_webhook_cursor SET seq = $1, tries = $2, next = $3 WHERE id = $4 AND seq = $5",
		now.seq, now.tries, now.next, id, was.seq)
	return err
}

func saveDelivery(tx *db.Tx, webhook string, d Delivery) error {
	_, err := tx.Exec("INSERT INTO api_webhook_delivery (id, webhook, seq, state, tries, next, status, problem, at)"+
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO UPDATE SET state = excluded.state, tries = excluded.tries,"+
		" next = excluded.next, status = excluded.status, problem = excluded.problem, at = excluded.at",
		fmt.Sprintf("%s.%d", webhook, d.Seq), webhook, d.Seq, d.State, d.Tries, d.Next, d.Status, d.Problem, d.At)
	return err
}

func listDeliveries(tx *db.Tx, webhook string, before int64, limit int) ([]Delivery, error) {
	return db.Collect(tx, func(row db.Scanner) (d Delivery, err error) {
		return d, row.Scan(&d.Seq, &d.State, &d.Tries, &d.Next, &d.Status, &d.Problem, &d.At)
	}, "SELECT seq, state, tries, next, status, problem, at FROM api_webhook_delivery WHERE webhook = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3",
		webhook, before, limit)
}

func forgetDeliveries(tx *db.Tx, before time.Time) error {
	_, err := tx.Exec("DELETE FROM api_webhook_delivery WHERE at < $1", before.UnixMicro())
	return err
}
