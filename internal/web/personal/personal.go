// Package personal keeps what people keep for themselves on the pages: how they like to see them, named
// filters of lists, forms they have not sent or have sent just now, and which parts of a long plan they
// have read. Nothing here is a business fact: no rule reads it, and nobody sees another person's, but for
// when they are out of office.
package personal

import (
	"context"
	"fmt"
	"slices"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

// Desk is where the use-cases are.
type Desk struct{ db *db.DB }

// New makes a desk.
func New(d *db.DB) *Desk { return &Desk{d} }

// Limits of what one person keeps.
const (
	maxViews   = 50
	maxDrafts  = 50
	maxQuery   = 4 << 10
	maxDraft   = 512 << 10
	maxName    = 80
	draftsKept = 90 * 24 * time.Hour
	seenKept   = 30 * 24 * time.Hour
)

// Preference is how a person likes to see pages.
type Preference struct {
	Zone  string // IANA name; "" for the company's
	Theme string // light, dark, or "" for what the system says
}

// Preference gives how a person likes pages; the zero value if they never said.
func (d *Desk) Preference(ctx context.Context, person string) (p Preference, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		p, _, err = db.One(tx, func(row db.Scanner) (p Preference, err error) { return p, row.Scan(&p.Zone, &p.Theme) },
			"SELECT zone, theme FROM web_preference WHERE person = $1", person)
		return err
	})
	return p, err
}

// SetPreference keeps how the actor likes pages.
func (d *Desk) SetPreference(ctx context.Context, actor fault.Actor, p Preference) error {
	if !slices.Contains([]string{"", "light", "dark"}, p.Theme) {
		return fault.New(fault.Invalid, "bad_theme", "The theme is light, dark or that of the system.").FixedBy("you").Then("choose one of the three")
	}
	if _, err := time.LoadLocation(p.Zone); err != nil || p.Zone == "Local" || len(p.Zone) > maxName {
		return fault.New(fault.Invalid, "bad_zone", "That is no time zone.").At("zone", "is an IANA name such as Europe/Vienna").FixedBy("you").Then("choose one from the list")
	}
	return d.db.Update(ctx, actor, func(tx *db.Tx) error {
		_, err := tx.Exec("INSERT INTO web_preference (person, zone, theme, updated) VALUES ($1, $2, $3, $4)"+
			" ON CONFLICT (person) DO UPDATE SET zone = $2, theme = $3, updated = $4", actor.Person, p.Zone, p.Theme, tx.Now().UnixMicro())
		return wrap("save preference", err)
	})
}

// View is a filter of a list with a name.
type View struct {
	ID    string
	Name  string
	Query string // as it stands in the address
}

// Views lists a person's named filters of one list, by name.
func (d *Desk) Views(ctx context.Context, person, page string) (out []View, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		out, err = db.Collect(tx, func(row db.Scanner) (v View, err error) { return v, row.Scan(&v.ID, &v.Name, &v.Query) },
			"SELECT id, name, query FROM web_view WHERE person = $1 AND page = $2 ORDER BY name, id LIMIT 50", person, page)
		return err
	})
	return out, err
}

// SaveView keeps a filter under a name; the same name again replaces it.
func (d *Desk) SaveView(ctx context.Context, actor fault.Actor, page, name, query string) error {
	if name == "" || len(name) > maxName || len(query) > maxQuery {
		return fault.New(fault.Invalid, "bad_view", "A saved view needs a name of at most 80 characters and a filter of at most 4 KiB.").
			FixedBy("you").Then("choose another name")
	}
	return d.db.Update(ctx, actor, func(tx *db.Tx) error {
		if _, err := tx.Exec("DELETE FROM web_view WHERE person = $1 AND page = $2 AND name = $3", actor.Person, page, name); err != nil {
			return wrap("replace view", err)
		}
		if err := d.room(tx, "SELECT COUNT(*) FROM web_view WHERE person = $1", actor.Person, maxViews); err != nil {
			return err
		}
		_, err := tx.Exec("INSERT INTO web_view (id, person, page, name, query, created) VALUES ($1, $2, $3, $4, $5, $6)",
			seal.NewID("viw"), actor.Person, page, name, query, tx.Now().UnixMicro())
		return wrap("save view", err)
	})
}

// DropView forgets one of the actor's own views.
func (d *Desk) DropView(ctx context.Context, actor fault.Actor, id string) error {
	return d.db.Update(ctx, actor, func(tx *db.Tx) error {
		_, err := tx.Exec("DELETE FROM web_view WHERE id = $1 AND person = $2", id, actor.Person)
		return wrap("drop view", err)
	})
}

func (d *Desk) room(tx *db.Tx, text, person string, most int) error {
	var n int
	if err := tx.QueryRow(text, person).Scan(&n); err != nil {
		return fmt.Errorf("count: %w", err)
	}
	if n >= most {
		return fault.New(fault.Conflict, "too_many_kept", "You keep %d of these already; that is as many as one person can.", most).
			FixedBy("you").Then("delete one that you do not need")
	}
	return nil
}

func wrap(verb string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", verb, err)
	}
	return nil
}

// Sweep forgets drafts that nobody touched for 90 days, reading marks of 30 days ago, and which forms were
// sent a week ago.
func (d *Desk) Sweep(ctx context.Context) error {
	return d.db.Update(ctx, fault.SystemActor("sweep"), func(tx *db.Tx) error {
		if _, err := tx.Exec("DELETE FROM web_draft WHERE updated < $1", tx.Now().Add(-draftsKept).UnixMicro()); err != nil {
			return wrap("forget drafts", err)
		}
		if _, err := tx.Exec("DELETE FROM web_away WHERE until < $1", tx.Now().UnixMicro()); err != nil {
			return wrap("forget absences", err)
		}
		if _, err := tx.Exec("DELETE FROM web_sent WHERE at < $1", tx.Now().Add(-sentKept).UnixMicro()); err != nil {
			return wrap("forget forms", err)
		}
		_, err := tx.Exec("DELETE FROM web_seen WHERE at < $1", tx.Now().Add(-seenKept).UnixMicro())
		return wrap("forget marks", err)
	})
}
