package db

// Exempt lists the tables that hold no business fact, each with the reason. Every other table is
// covered: each write must be answered for by a ledger event that carries the row's digest, and
// verification compares every row with the digest in its last event.
var Exempt = map[string]string{
	"ledger_event":         "is the ledger itself; the Merkle tree answers for it",
	"ledger_detail":        "the words behind the commitments in the leaf; each checks against its commitment",
	"ledger_tile":          "hashes that can be recomputed from the events",
	"ledger_checkpoint":    "signed tree heads; each proves itself",
	"goose_db_version":     "which migrations ran; the program refuses to start on a wrong one",
	"sqlite_sequence":      "SQLite's own counter of row numbers",
	"api_idempotent":       "answers kept so that a retry gets the first one; thrown away after a day",
	"api_webhook_delivery": "attempts to deliver events that the ledger already holds",
	"api_webhook_cursor":   "how far each webhook was served out of the ledger",
	"change_reservation":   "an index of the effects in the current revisions; can be rebuilt from them",
	"change_word":          "an index of the words of summaries; can be rebuilt from them",
	"change_titled":        "which summary the index of words was made from",
	"change_put":           "an index of what runs put in place; can be rebuilt from permits and revisions",
	"directory_presence":   "when a session or token was last used",
	"directory_attempt":    "counters of wrong passwords",
	"fleet_presence":       "when an agent was last heard, and how far its facts were taken into the inventory",
	"fleet_boot":           "how far each boot of an agent has counted, so that nothing is taken twice",
	"fleet_fact":           "what an agent last said, on its way into the inventory; checked against the digest that it signed",
	"inventory_unlabelled": "an index of the assets that lack a label; can be rebuilt from them",
	"reconcile_cursor":     "how far differences and events were read; no proof rests on it, verification compares every difference with its verdict",
	"web_preference":       "how a person likes to see pages",
	"web_view":             "filters of lists that a person gave a name",
	"web_draft":            "forms that a person has not sent yet; what is sent is a change",
	"web_away":             "when a person is out of office; it takes no power away",
	"web_sent":             "forms that were sent, so that one sent again does not do it twice; thrown away after a week",
	"web_seen":             "pages of a long plan that a person has read; the decision records their digest",
}

// Covered lists the tables of this database that hold business facts, sorted: all that are not in
// Exempt, so that a table nobody declared is covered too.
func (d *DB) Covered(tx *Tx) ([]string, error) {
	names, err := Collect(tx, func(row Scanner) (s string, err error) { return s, row.Scan(&s) }, d.dialect.tables)
	if err != nil {
		return nil, err
	}
	out := names[:0]
	for _, n := range names {
		if _, exempt := Exempt[n]; !exempt {
			out = append(out, n)
		}
	}
	return out, nil
}
