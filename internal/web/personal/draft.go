package personal

import (
	"context"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

// Draft is a form that was not sent yet.
type Draft struct {
	ID       string
	Form     string // by which name the form is known that it is of; only for saving
	Category string
	Title    string
	Body     string // the form as it was typed, encoded by its page
	Updated  int64  // microseconds
}

const draftColumns = "SELECT id, category, title, body, updated FROM web_draft"

func scanDraft(row db.Scanner) (x Draft, err error) {
	return x, row.Scan(&x.ID, &x.Category, &x.Title, &x.Body, &x.Updated)
}

// Drafts lists a person's drafts, the newest first.
func (d *Desk) Drafts(ctx context.Context, person string) (out []Draft, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		out, err = db.Collect(tx, scanDraft, draftColumns+" WHERE person = $1 ORDER BY updated DESC LIMIT 50", person)
		return err
	})
	return out, err
}

// Draft gives one of a person's own drafts.
func (d *Desk) Draft(ctx context.Context, person, id string) (x Draft, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		var found bool
		x, found, err = db.One(tx, scanDraft, draftColumns+" WHERE id = $1 AND person = $2", id, person)
		if err == nil && !found {
			err = fault.New(fault.NotFound, "no_draft", "You have no such draft; it may have been sent or deleted.").FixedBy("you").Then("begin a new change")
		}
		return err
	})
	return x, err
}

// SaveDraft keeps a form. Without an ID it is a new draft, of which a form has one however often it is sent; it
// gives the draft's ID.
func (d *Desk) SaveDraft(ctx context.Context, actor fault.Actor, x Draft) (id string, err error) {
	if len(x.Body) > maxDraft {
		return "", fault.New(fault.TooLarge, "draft_too_large", "The draft is larger than 512 KiB.").FixedBy("you").Then("attach the long part as a file")
	}
	fresh := seal.NewID("dft")
	if x.ID == "" && x.Form != "" && len(x.Form) <= longestToken {
		fresh = "dft_" + seal.Keyed(nil, actor.Person, "draft", x.Form)
		x.ID = fresh
	}
	err = d.db.Update(ctx, actor, func(tx *db.Tx) error {
		now := tx.Now().UnixMicro()
		if x.ID != "" {
			old, found, err := db.One(tx, scanDraft, draftColumns+" WHERE id = $1 AND person = $2", x.ID, actor.Person)
			if err != nil {
				return wrap("load draft", err)
			}
			if found {
				id = old.ID
				_, err = tx.Exec("UPDATE web_draft SET category = $3, title = $4, body = $5, updated = $6 WHERE id = $1 AND person = $2",
					id, actor.Person, x.Category, x.Title, x.Body, now)
				return wrap("save draft", err)
			}
		}
		if err := d.room(tx, "SELECT COUNT(*) FROM web_draft WHERE person = $1", actor.Person, maxDrafts); err != nil {
			return err
		}
		id = fresh
		_, err := tx.Exec("INSERT INTO web_draft (id, person, category, title, body, updated) VALUES ($1, $2, $3, $4, $5, $6)",
			id, actor.Person, x.Category, x.Title, x.Body, now)
		return wrap("save draft", err)
	})
	return id, err
}

// DropDraft forgets one of the actor's own drafts.
func (d *Desk) DropDraft(ctx context.Context, actor fault.Actor, id string) error {
	return d.db.Update(ctx, actor, func(tx *db.Tx) error {
		_, err := tx.Exec("DELETE FROM web_draft WHERE id = $1 AND person = $2", id, actor.Person)
		return wrap("drop draft", err)
	})
}
