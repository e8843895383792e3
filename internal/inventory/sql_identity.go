package inventory

import (
	"strings"

	"plumbline.dev/plumb/internal/db"
)

const identityColumns = "SELECT id, n, verb, asset, other, records, person, at, reason, undone FROM inventory_identity"

func scanIdentity(row db.Scanner) (w IdentityWord, err error) {
	var records string
	err = row.Scan(&w.ID, &w.N, &w.Verb, &w.Asset, &w.Other, &records, &w.Person, &w.At, &w.Reason, &w.Undone)
	w.Records = strings.Fields(records)
	return w, err
}

func insertIdentity(tx *db.Tx, w IdentityWord) error {
	_, err := tx.Exec("INSERT INTO inventory_identity (id, n, verb, asset, other, records, person, at, reason, undone)"+
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)", w.ID, w.N, w.Verb, string(w.Asset), string(w.Other), strings.Join(w.Records, " "),
		w.Person, w.At, w.Reason)
	return err
}

func undoIdentity(tx *db.Tx, w IdentityWord) error {
	return tx.ExecOne("UPDATE inventory_identity SET undone = $1 WHERE id = $2 AND undone = 0", w.Undone, w.ID)
}

func loadIdentity(tx *db.Tx, id string) (IdentityWord, bool, error) {
	return db.One(tx, scanIdentity, identityColumns+" WHERE id = $1", id)
}

// identityQuery finds what people said of an asset by it, not by reading the newest of all: its number is wrapped so that no engine goes by that.
const identityQuery = identityColumns + " WHERE asset = $1 OR other = $1 ORDER BY n + 0 DESC LIMIT 200"

func identityOf(tx *db.Tx, asset AssetID) ([]IdentityWord, error) {
	return db.Collect(tx, scanIdentity, identityQuery, string(asset))
}
