package api

import (
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/ledger"
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

// lastEvent reads the newest event: at the end of a use-case, its own.
func lastEvent(tx *db.Tx) (e ledger.Entry, found bool, err error) {
	last, found, err := db.One(tx, func(row db.Scanner) (n int64, err error) { return n, row.Scan(&n) },
		"SELECT seq FROM ledger_event ORDER BY seq DESC LIMIT 1")
	if err != nil || !found {
		return e, false, err
	}
	list, err := ledger.ReadIn(tx, last, 1)
	if err != nil || len(list) == 0 {
		return e, false, err
	}
	return list[0], true, nil
}
