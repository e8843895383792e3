package personal

import (
	"context"
	"errors"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/seal"
)

// sentKept is how long a form is remembered after it was sent: a tab can stand open over a long weekend.
const sentKept = 7 * 24 * time.Hour

// longestToken bounds what a browser sends back as the name of a form.
const longestToken = 64

// Token names a form that makes something once, however often it is sent.
func Token() string { return seal.NewID("frm") }

// Sent is what became of a form that makes something.
type Sent struct {
	Before  bool   // it was sent before; the use-case did not run
	Object  string // what it made then
	Wording string // what it said then

	id     string
	actor  fault.Actor
	wanted string // what it says now
}

// errSent ends a use-case whose form was sent before.
var errSent = errors.New("personal: the form was sent before")

// Once gives a context in which a use-case makes something out of a form once: what it made is kept in its
// very transaction. After the use-case the answer says whether it ran. A form without a usable token is
// taken as often as it comes.
func Once(ctx context.Context, actor fault.Actor, token, wording string) (context.Context, *Sent) {
	s := &Sent{id: seal.Keyed(nil, actor.Person, token), actor: actor, wanted: wording}
	if token == "" || len(token) > longestToken {
		return ctx, s
	}
	return db.Around(ctx, s.around), s
}

// Of gives what a form made that came before, with the same words: its answer leads there. Otherwise it
// gives the error of the use-case, or the refusal of a form that made something else already.
func (s *Sent) Of(err error) (made string, _ error) {
	switch {
	case !s.Before:
		return "", err
	case !s.Same():
		return "", fault.New(fault.Conflict, "sent_before", "This form was taken already, worded otherwise. What it says now is not done yet.").
			FixedBy("you").Then("look at what the first one made, or send the form once more for another")
	}
	return s.Object, nil
}

// Twice is what a page says of a form that came twice.
const Twice = "This form came twice and was taken once."

// Same reports whether the form says what it said when it was sent before.
func (s *Sent) Same() bool { return s.Before && s.Wording == s.wanted }

func (s *Sent) around(tx *db.Tx, run func(*db.Tx) error) error {
	if tx.Actor().Account != s.actor.Account {
		return run(tx)
	}
	old, found, err := loadSent(tx, s.id)
	if err != nil {
		return wrap("look for the form", err)
	}
	if found {
		s.Before, s.Object, s.Wording = true, old.Object, old.Wording
		return errSent
	}
	if err := run(tx); err != nil {
		return err
	}
	e, found, err := ledger.LastIn(tx)
	if err != nil || !found || e.Leaf.Request != s.actor.Request || e.Leaf.Outcome == "denied" {
		return wrap("read what came of the form", err)
	}
	return wrap("keep that the form was sent", insertSent(tx, s.id, s.wanted, e.Leaf.Object.ID))
}

func loadSent(tx *db.Tx, id string) (Sent, bool, error) {
	return db.One(tx, func(row db.Scanner) (s Sent, err error) { return s, row.Scan(&s.Wording, &s.Object) },
		"SELECT wording, object FROM web_sent WHERE id = $1", id)
}

func insertSent(tx *db.Tx, id, wording, object string) error {
	_, err := tx.Exec("INSERT INTO web_sent (id, wording, object, at) VALUES ($1, $2, $3, $4)", id, wording, object, tx.Now().UnixMicro())
	return err
}
