package inventory

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/db"
)

// Question is something about the inventory itself that a person has to answer: two things or one, whose word is right.
type Question struct {
	ID     string  `json:"id"`
	Kind   string  `json:"kind"` // identity_conflict, source_conflict, key_shared, attribute_conflict
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
	return w.askAbout(key("que", kind, string(asset), string(other)), Question{Kind: kind, Asset: asset, Other: other, Detail: detail})
}

// askAbout is ask for a question that is named already.
func (w *observer) askAbout(id string, q Question) error {
	_, err := w.tx.Exec("INSERT INTO inventory_question (id, kind, asset, other, detail, since, ended, person) VALUES ($1, $2, $3, $4, $5, $6, 0, '')"+
		" ON CONFLICT (id) DO UPDATE SET detail = excluded.detail, ended = 0", id, q.Kind, string(q.Asset), string(q.Other), q.Detail, w.now)
	if err != nil {
		return err
	}
	return w.wrote(1)
}

// sourceConflict is the kind of question about labels that sources give otherwise than they stand.
const sourceConflict = "source_conflict"

// keyShared and identityConflict are kinds of question about who is who.
const (
	keyShared        = "key_shared"
	identityConflict = "identity_conflict"
)

// questionKinds are the kinds of question that there are.
var questionKinds = []string{identityConflict, keyShared, sourceConflict, SourcesDisagree}

// shownOpen bounds the open questions of one kind that are shown at once: of a table with one wrong column people see some of its lines, and
// still everything else. The rest come up, the oldest first, as these are answered.
const shownOpen = 200

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

// oneNow closes the questions whether two things are one that a merge answered: both are names of one.
func oneNow(tx *db.Tx, word IdentityWord) error {
	ids, words, err := family(tx, word.Asset)
	if err != nil {
		return err
	}
	for _, id := range ids {
		list, err := db.Collect(tx, scanQuestion, questionColumns+" WHERE ended = 0 AND asset = $1 AND kind = $2 AND other <> ''", string(id), identityConflict)
		if err != nil {
			return err
		}
		for _, q := range list {
			if words.end(q.Asset) != words.end(q.Other) {
				continue
			}
			if err := tx.ExecOne("UPDATE inventory_question SET ended = $1, person = $2 WHERE id = $3", word.At, word.Person, q.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// Questions lists what about the inventory itself a person has to answer, the oldest first: of each kind 200 at most, so that many of one kind
// hide nothing of another. Behind counts the rest.
func (d *Desk) Questions(ctx context.Context) (list []Question, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		list, err = shownQuestions(tx)
		return err
	})
	return list, err
}

func shownQuestions(tx *db.Tx) (list []Question, err error) {
	for _, kind := range questionKinds {
		some, err := db.Collect(tx, scanQuestion, questionColumns+" WHERE ended = 0 AND kind = $1 ORDER BY since, id LIMIT $2", kind, shownOpen)
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
	}
	slices.SortFunc(list, older)
	return list, nil
}

// older puts questions into the order in which they were asked.
func older(a, b Question) int {
	return cmp.Or(cmp.Compare(a.Since, b.Since), strings.Compare(a.ID, b.ID))
}

// Behind counts the open questions that Questions does not list yet, by kind. They come up as those before them are answered; each asset shows
// its own in any case.
func (d *Desk) Behind(ctx context.Context) (behind map[string]int64, err error) {
	behind = map[string]int64{}
	err = d.db.View(ctx, func(tx *db.Tx) error {
		for _, kind := range questionKinds {
			n, _, err := db.One(tx, scanInt, "SELECT COUNT(*) FROM inventory_question WHERE ended = 0 AND kind = $1", kind)
			if err != nil {
				return err
			}
			if n > shownOpen {
				behind[kind] = n - shownOpen
			}
		}
		return nil
	})
	return behind, err
}

// QuestionsAbout lists the open questions about one asset, the oldest first.
func (d *Desk) QuestionsAbout(ctx context.Context, id AssetID) (list []Question, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		list = nil
		for _, column := range []string{"asset", "other"} {
			some, err := db.Collect(tx, scanQuestion, questionColumns+" WHERE ended = 0 AND "+column+" = $1 ORDER BY since, id LIMIT $2", string(id), shownOpen)
			if err != nil {
				return err
			}
			list = append(list, some...)
		}
		slices.SortFunc(list, older)
		return nil
	})
	return list, err
}

// maxOfSource bounds the questions that a source's health shows.
const maxOfSource = 20

// shownBy asks which of some assets a source shows, by the assets: the source's name is wrapped so that no engine goes through all its records.
const shownBy = "SELECT DISTINCT asset FROM inventory_record WHERE source || '' = $1 AND asset "

// questionsOf gives those of the open questions that are about what a source shows, the oldest first.
func questionsOf(tx *db.Tx, source string) (list []Question, err error) {
	shown, err := shownQuestions(tx)
	if err != nil {
		return nil, err
	}
	for part := range slices.Chunk(shown, db.AtOnce) {
		args := []any{source}
		var ids []string
		for _, q := range part {
			ids = append(ids, string(q.Asset))
		}
		its, err := db.Collect(tx, scanText, shownBy+db.Among(&args, ids), args...)
		if err != nil {
			return nil, err
		}
		for _, q := range part {
			if slices.Contains(its, string(q.Asset)) && len(list) < maxOfSource {
				list = append(list, q)
			}
		}
	}
	return list, nil
}
