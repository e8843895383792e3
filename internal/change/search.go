package change

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
)

// The index of words is made behind the use-cases, so that none of them waits for it: Index takes up what
// was updated since it last ran. What it missed by a crash it takes up again.

// indexBatch is how many changes one transaction takes up.
const indexBatch = 200

// titled is one change whose summary is to be taken up.
type titled struct {
	id              string
	number, updated int64
	summary         string
	was             string // the summary that the index knows; "" for none
}

// Index takes up to 200 changes into the index of words, and reports whether there may be more.
func (d *Desk) Index(ctx context.Context) (more bool, err error) {
	var list []titled
	err = d.db.View(ctx, func(tx *db.Tx) error {
		list, err = unindexed(tx)
		return err
	})
	if err != nil || len(list) == 0 {
		return false, err
	}
	err = d.db.Update(ctx, fault.SystemActor("index"), func(tx *db.Tx) error {
		list, err := unindexed(tx)
		if err != nil {
			return err
		}
		more = len(list) == indexBatch
		for _, t := range list {
			if err := t.takeUp(tx); err != nil {
				return fmt.Errorf("index change %d: %w", t.number, err)
			}
		}
		return nil
	})
	return more, err
}

// unindexed lists what was updated after the newest that the index knows. Instants can be equal, so those of
// that very instant are looked at again.
func unindexed(tx *db.Tx) ([]titled, error) {
	return db.Collect(tx, func(row db.Scanner) (t titled, err error) {
		return t, row.Scan(&t.id, &t.number, &t.updated, &t.summary, &t.was)
	}, "SELECT c.id, c.number, c.updated, c.summary, COALESCE(t.summary, '') FROM change_change c LEFT JOIN change_titled t ON t.id = c.id"+
		" WHERE c.updated >= (SELECT COALESCE(MAX(updated), 0) FROM change_titled) AND (t.updated IS NULL OR t.updated < c.updated OR t.summary <> c.summary)"+
		" ORDER BY c.updated, c.number LIMIT 200")
}

func (t titled) takeUp(tx *db.Tx) error {
	if t.was != t.summary {
		if _, err := tx.Exec("DELETE FROM change_word WHERE number = $1", t.number); err != nil {
			return err
		}
		for i, w := range wordsOf(t.summary) {
			if _, err := tx.Exec("INSERT INTO change_word (id, word, number) VALUES ($1, $2, $3)", fmt.Sprintf("%d.%d", t.number, i), hexed(w), t.number); err != nil {
				return err
			}
		}
	}
	_, err := tx.Exec("INSERT INTO change_titled (id, number, summary, updated) VALUES ($1, $2, $3, $4)"+
		" ON CONFLICT (id) DO UPDATE SET summary = $3, updated = $4", t.id, t.number, t.summary, t.updated)
	return err
}

// Limits of a search.
const (
	maxWords    = 40 // of one summary
	maxWordRune = 40
	maxAsked    = 6 // words of one question
)

// wordsOf gives the distinct words of a text, folded so that case and accents do not matter.
func wordsOf(text string) []string {
	folded := strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r):
			return -1
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return ' '
	}, norm.NFKD.String(text))
	out := []string{}
	for _, w := range strings.Fields(folded) {
		if r := []rune(w); len(r) > maxWordRune {
			w = string(r[:maxWordRune])
		}
		if !slices.Contains(out, w) {
			out = append(out, w)
		}
		if len(out) == maxWords {
			break
		}
	}
	return out
}

// hexed makes the order of words that of their bytes, whatever the database's collation is.
func hexed(word string) string { return hex.EncodeToString([]byte(word)) }

// rareWord is how many rows an index may give before it is quicker to go through the changes themselves,
// the newest first, until a page is full.
const rareWord = 2000

// wordPiece is the condition that a summary has a word with this begin. Of a rare word its changes are
// listed; of a common one each change is asked, so that neither reads more than a page needs.
func wordPiece(tx *db.Tx, q *question, word string) (string, error) {
	from, to := hexed(word), hexed(word)+"g" // "g" stands behind every hex digit
	n, _, err := db.One(tx, func(row db.Scanner) (n int64, err error) { return n, row.Scan(&n) },
		"SELECT COUNT(*) FROM (SELECT number FROM change_word WHERE word >= $1 AND word < $2 LIMIT 2001) w", from, to)
	if err != nil {
		return "", fmt.Errorf("count word: %w", err)
	}
	if n <= rareWord {
		return "number IN (SELECT number FROM change_word WHERE " + q.with("word >= $%d", from) + q.with(" AND word < $%d", to) + ")", nil
	}
	return "EXISTS (SELECT 1 FROM change_word w WHERE w.number = change_change.number AND " + q.with("w.word >= $%d", from) + q.with(" AND w.word < $%d", to) + ")", nil
}

// Search gives the newest changes whose summary has words that begin with each word of the question.
func (d *Desk) Search(ctx context.Context, asked string, limit int) (out []Change, err error) {
	if len(wordsOf(asked)) == 0 {
		return nil, nil
	}
	out, _, err = d.Page(ctx, Browse{Words: asked, Limit: min(limit, 200)})
	return out, err
}
