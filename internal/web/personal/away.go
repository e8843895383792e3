package personal

import (
	"context"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
)

// Away is when somebody is out of office. It is information for who looks for an approver, and the one
// thing here that others see: it takes no power away and gives none, and no rule reads it.
type Away struct {
	From  int64  // microseconds
	Until int64  // exclusive
	Note  string // such as who stands in
}

// At reports whether somebody is away at an instant.
func (a Away) At(now time.Time) bool {
	return a.From <= now.UnixMicro() && now.UnixMicro() < a.Until
}

// longestAway bounds what one person sets; an office that is empty for longer needs another holder.
const longestAway = 400 * 24 * time.Hour

// SetAway keeps when the actor is out of office, in place of what was kept; the zero Away forgets it.
func (d *Desk) SetAway(ctx context.Context, actor fault.Actor, a Away) error {
	if a == (Away{}) {
		return d.db.Update(ctx, actor, func(tx *db.Tx) error {
			_, err := tx.Exec("DELETE FROM web_away WHERE person = $1", actor.Person)
			return wrap("forget absence", err)
		})
	}
	e := fault.New(fault.Invalid, "bad_absence", "The absence cannot be kept like that.").FixedBy("you").Then("give a first day and a last day that is not over")
	switch {
	case a.From <= 0 || a.Until <= a.From:
		e.At("until", "is not before the first day")
	case a.Until <= d.db.Now().UnixMicro():
		e.At("until", "is over already")
	case a.Until-a.From > longestAway.Microseconds():
		e.At("until", "is more than 400 days after the first day")
	}
	if len([]rune(a.Note)) > 2*maxName {
		e.At("note", "is longer than 160 characters")
	}
	if len(e.Fields) > 0 {
		return e
	}
	return d.db.Update(ctx, actor, func(tx *db.Tx) error {
		_, err := tx.Exec("INSERT INTO web_away (person, since, until, note, updated) VALUES ($1, $2, $3, $4, $5)"+
			" ON CONFLICT (person) DO UPDATE SET since = $2, until = $3, note = $4, updated = $5", actor.Person, a.From, a.Until, a.Note, tx.Now().UnixMicro())
		return wrap("save absence", err)
	})
}

// Absences gives everybody's absence that is not over, by person: those of today and those that come.
func (d *Desk) Absences(ctx context.Context) (map[string]Away, error) {
	type row struct {
		person string
		Away
	}
	out := map[string]Away{}
	err := d.db.View(ctx, func(tx *db.Tx) error {
		list, err := db.Collect(tx, func(s db.Scanner) (r row, err error) { return r, s.Scan(&r.person, &r.From, &r.Until, &r.Note) },
			"SELECT person, since, until, note FROM web_away WHERE until > $1 ORDER BY until LIMIT 10000", tx.Now().UnixMicro())
		for _, r := range list {
			out[r.person] = r.Away
		}
		return err
	})
	return out, err
}
