package change

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
)

// Mention is a place where somebody wrote another person's username after an @.
type Mention struct {
	Change  ID     `json:"change"`
	Summary string `json:"summary"` // of the change
	By      string `json:"by"`      // person id
	At      int64  `json:"at"`
	Comment bool   `json:"comment"` // in a comment; else in the justification
	Text    string `json:"text"`    // what was written, at most 200 characters around the name
}

// How far back mentions are looked for. A mention is a courtesy: no rule reads it, and who has to decide
// finds the change by that.
const (
	mentionedComments  = 2000
	mentionedRevisions = 500
)

// Mentions gives where others mention a person: in the newest 2,000 comments and in the justifications of
// the newest 500 wordings, each change once, the newest first.
func (d *Desk) Mentions(ctx context.Context, person string, limit int) (out []Mention, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		roster, err := d.people.RosterIn(tx)
		if err != nil {
			return err
		}
		names := []string{}
		for _, a := range roster.Accounts(directory.PersonID(person)) {
			if a.Kind == directory.Local && a.Ended == 0 {
				names = append(names, a.Username)
			}
		}
		all, err := written(tx)
		if err != nil {
			return fmt.Errorf("look for mentions: %w", err)
		}
		slices.SortStableFunc(all, func(a, b Mention) int { return int(max(-1, min(1, b.At-a.At))) })
		seen := map[ID]bool{}
		for _, m := range all {
			at := mentioned(m.Text, names)
			if at < 0 || m.By == person || seen[m.Change] || len(out) == limit {
				continue
			}
			c, err := loadChange(tx, m.Change)
			if err != nil {
				return err
			}
			seen[m.Change] = true
			m.Summary, m.Text = c.Summary, around(m.Text, at)
			out = append(out, m)
		}
		return nil
	})
	return out, err
}

// written lists the newest texts with an @ in them.
func written(tx *db.Tx) ([]Mention, error) {
	out, err := db.Collect(tx, func(row db.Scanner) (m Mention, err error) {
		m.Comment = true
		return m, row.Scan(&m.Change, &m.By, &m.At, &m.Text)
	}, "SELECT change_id, person, at, body FROM (SELECT change_id, person, at, body FROM change_comment ORDER BY at DESC LIMIT $1) c WHERE body LIKE '%@%'", mentionedComments)
	if err != nil {
		return nil, err
	}
	revisions, err := db.Collect(tx, scanRevision, revisionColumns+" WHERE canonical LIKE '%@%' AND id IN (SELECT id FROM change_revision ORDER BY at DESC LIMIT $1)", mentionedRevisions)
	for _, r := range revisions {
		out = append(out, Mention{Change: r.Change, By: r.Author, At: r.At, Text: r.Material.Justification})
	}
	return out, err
}

// mentioned finds one of the names after an @ in a text, as a whole word; -1 where none is.
func mentioned(text string, names []string) int {
	folded := strings.ToLower(text)
	for at := 0; ; {
		i := strings.IndexByte(folded[at:], '@')
		if i < 0 {
			return -1
		}
		at += i + 1
		before, _ := utf8.DecodeLastRuneInString(folded[:at-1])
		for _, n := range names {
			rest, ok := strings.CutPrefix(folded[at:], strings.ToLower(n))
			if ok && !inWord(before) && !goesOn(rest) {
				return at - 1
			}
		}
	}
}

func inWord(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' || r == '-')
}

// goesOn reports whether a name that ends here is only the begin of a longer one; a full stop ends it
// unless a word follows at once.
func goesOn(rest string) bool {
	r, size := utf8.DecodeRuneInString(rest)
	if r == '.' {
		r, _ = utf8.DecodeRuneInString(rest[size:])
	}
	return inWord(r)
}

// around is the part of a text around a place in it.
func around(text string, at int) string {
	at = min(at, len(text)) // folding can change the length of a text
	begin := len([]rune(strings.ToValidUTF8(text[:at], "")))
	runes := []rune(text)
	from := max(0, begin-80)
	return strings.TrimSpace(string(runes[from:min(len(runes), from+200)]))
}
