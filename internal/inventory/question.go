package inventory

import (
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/db"
)

// Question is something about the inventory itself that a person has to answer: two things or one, whose word is right.
type Question struct {
	ID     string  `json:"id"`
	Kind   string  `json:"kind"` // identity_conflict, source_conflict, key_shared
	Asset  AssetID `json:"asset"`
	Other  AssetID `json:"other,omitempty"`
	Detail string  `json:"detail"`
	Since  int64   `json:"since"`
	Ended  int64   `json:"ended,omitempty"`
	Person string  `json:"person,omitempty"` // who answered
}

const questionColumns = "SELECT id, kind, asset, other, detail, since, ended, person FROM inventory_question"

func scanQuestion(row db.Scanner) (q Question, err error) {
	return q, row.Scan(&q.ID, &q.Kind, &q.Asset, &q.Other, &q.Detail, &q.Since, &q.Ended, &q.Person)
}

// ask opens a question once; one that is open is not asked again.
func (w *observer) ask(kind string, asset, other AssetID, detail string) error {
	_, err := w.tx.Exec("INSERT INTO inventory_question (id, kind, asset, other, detail, since, ended, person) VALUES ($1, $2, $3, $4, $5, $6, 0, '')"+
		" ON CONFLICT (id) DO UPDATE SET detail = excluded.detail, ended = 0", key("que", kind, string(asset), string(other)), kind, string(asset),
		string(other), detail, w.now)
	if err != nil {
		return err
	}
	return w.wrote(1)
}

// sourceConflict is the kind of question about labels that sources give otherwise than they stand.
const sourceConflict = "source_conflict"

// maxConflicts bounds the open questions about labels: a table with one wrong column asks about some of its lines, not about all. Every
// asset says of itself what was not heard.
const maxConflicts = 200

// contradicted asks about what a source says otherwise than it stands, once for each wording of it, and closes the question where nobody
// does any more.
func (w *observer) contradicted(a Asset, heard []Unheard) error {
	switch {
	case slices.Equal(a.Unheard, heard):
		return nil
	case len(a.Unheard) == 0:
		if err := closeConflict(w.tx, a.ID, w.now); err != nil {
			return err
		}
		return w.wrote(1)
	}
	open, _, err := db.One(w.tx, scanInt, "SELECT COUNT(*) FROM inventory_question WHERE ended = 0 AND kind = $1 AND asset <> $2", sourceConflict, string(a.ID))
	if err != nil || open >= maxConflicts {
		return err
	}
	var words []string
	for _, u := range a.Unheard {
		words = append(words, u.Label+": "+u.Stands+" counts, "+w.r.sources[u.Source].Name+" says "+u.Value)
	}
	return w.ask(sourceConflict, a.ID, "", strings.Join(words, "; "))
}

// closeConflict closes the question about an asset's labels, if one is open.
func closeConflict(tx *db.Tx, id AssetID, now int64) error {
	_, err := tx.Exec("UPDATE inventory_question SET ended = $1 WHERE id = $2 AND ended = 0", now, key("que", sourceConflict, string(id), ""))
	return err
}

// questionsOf gives the open questions about what a source shows, the oldest first.
func questionsOf(tx *db.Tx, source string) ([]Question, error) {
	return db.Collect(tx, scanQuestion, "SELECT DISTINCT q.id, q.kind, q.asset, q.other, q.detail, q.since, q.ended, q.person FROM inventory_question q"+
		" JOIN inventory_record r ON r.asset = q.asset WHERE q.ended = 0 AND r.source = $1 ORDER BY q.since, q.id LIMIT 20", source)
}
