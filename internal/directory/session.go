package directory

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
)

// How long a session lives: without use, and in all; trust model 5.3.
const (
	sessionIdle = 30 * time.Minute
	sessionLife = 12 * time.Hour
)

// Session is one sign-in of a person. Only a session decides.
type Session struct {
	ID      SessionID `json:"id"`
	Account AccountID `json:"account"`
	Person  PersonID  `json:"person"`
	Source  string    `json:"source"` // address that it was opened from
	Label   string    `json:"label"`
	Created int64     `json:"created"`
	Expires int64     `json:"expires"` // the latest end, however much it is used
	Ended   int64     `json:"ended"`   // 0 while nobody ended it
	Why     string    `json:"why"`     // why it ended
	Used    int64     `json:"used"`    // last use that is known, about a minute behind

	hash string
}

// live refuses a session that ended, ran out or was idle too long; used is its last use.
func (s Session) live(now, used int64) error {
	switch {
	case s.Ended != 0:
		return over("The session was ended: %s.", s.Why)
	case now >= s.Expires:
		return over("The session is older than %d hours.", int(sessionLife.Hours()))
	case now-max(used, s.Created) >= sessionIdle.Microseconds():
		return over("The session was not used for %d minutes.", int(sessionIdle.Minutes()))
	}
	return nil
}

func over(format string, args ...any) *fault.Error {
	return fault.New(fault.Unauthenticated, "session_over", format, args...).Then("plumb login").FixedBy("you")
}

// label keeps what can be shown of what a client calls itself.
func label(s string) string {
	s = strings.Map(func(c rune) rune {
		if unseen(c) {
			return -1
		}
		return c
	}, s)
	if r := []rune(s); len(r) > maxTitle {
		s = string(r[:maxTitle])
	}
	return s
}

// Sessions lists the live sessions of a person, newest first. People see their own; whoever manages
// tokens, and auditors, see all.
func (d *Desk) Sessions(ctx context.Context, actor fault.Actor, person PersonID) (out []Session, err error) {
	if err := d.ownOr(ctx, actor, person); err != nil {
		return nil, err
	}
	err = d.db.View(ctx, func(tx *db.Tx) error {
		list, err := liveSessions(tx, person, tx.Now().UnixMicro())
		if err != nil {
			return fmt.Errorf("load sessions: %w", err)
		}
		out = slices.DeleteFunc(list, func(s Session) bool { return s.live(tx.Now().UnixMicro(), d.used(string(s.ID), s.Used)) != nil })
		return nil
	})
	return out, err
}

// ownOr lets people see what is their own, and the officer, the admin and the auditor what is others'.
func (d *Desk) ownOr(ctx context.Context, actor fault.Actor, person PersonID) error {
	if actor.IsPerson() && actor.Person == string(person) {
		return d.Allow(ctx, actor, TokensOwn)
	}
	if actor.Authn != fault.Session {
		return notAllowed(TokensManage, "No token may do that; it needs a person's own session.").Then("plumb login")
	}
	r, err := d.Roster(ctx)
	if err != nil {
		return err
	}
	if r.Holds(PersonID(actor.Person), Auditor) {
		return d.Allow(ctx, actor, PeopleRead)
	}
	return d.Allow(ctx, actor, TokensManage)
}

// EndSession ends one session: its person does, or an officer or admin. The person's own current one is
// how they sign out.
func (d *Desk) EndSession(ctx context.Context, actor fault.Actor, id SessionID) error {
	return d.db.Update(ctx, actor, func(tx *db.Tx) error {
		s, found, err := sessionByID(tx, id)
		if err != nil {
			return fmt.Errorf("load session: %w", err)
		}
		why, err := d.mayEnd(tx, actor, s.Person, found && s.Ended == 0)
		if err != nil {
			return err
		}
		s.Ended, s.Why = tx.Now().UnixMicro(), why
		if err := saveSession(tx, s); err != nil {
			return fmt.Errorf("save session: %w", err)
		}
		return d.recordBearers(tx, ledger.Event{Verb: "session.ended", Type: "person", Object: string(s.Person),
			Detail: map[string]any{"session": string(id), "why": why}})
	})
}

// mayEnd says why a session or token of a person ends by this actor. What is gone or another's is not
// found, so that ids cannot be tried out.
func (d *Desk) mayEnd(tx *db.Tx, actor fault.Actor, owner PersonID, there bool) (why string, err error) {
	if err := d.ConfirmIn(tx, actor); err != nil {
		return "", err
	}
	r, err := d.RosterIn(tx)
	if err != nil {
		return "", err
	}
	roles := r.Roles(PersonID(actor.Person))
	if there && actor.Person == string(owner) {
		return "ended by its person", Allowed(actor, roles, TokensOwn)
	}
	if err := Allowed(actor, roles, TokensManage); err != nil {
		return "", err
	}
	if !there {
		return "", fault.New(fault.NotFound, "no_session", "There is no such live session or token.").
			Then("plumb session list")
	}
	return "ended by an officer", nil
}

// EndSessions ends all sessions of a person: the person does for themselves, and keeps the current one,
// or an officer or admin.
func (d *Desk) EndSessions(ctx context.Context, actor fault.Actor, person PersonID) error {
	return d.db.Update(ctx, actor, func(tx *db.Tx) error {
		why, err := d.mayEnd(tx, actor, person, true)
		if err != nil {
			return err
		}
		return d.endSessions(tx, person, "", why, SessionID(actor.Via))
	})
}

// recordBearers ends a use-case that only ended sessions or tokens.
func (d *Desk) recordBearers(tx *db.Tx, ev ledger.Event) error {
	if err := d.touchBearers(tx); err != nil {
		return err
	}
	_, err := ledger.Append(tx, ev)
	return err
}

// perEvent bounds how many rows one event answers for, well below the size of a leaf.
const perEvent = 100

// endSessions ends the sessions of a person, or of one account of theirs, but those kept.
func (d *Desk) endSessions(tx *db.Tx, person PersonID, account AccountID, why string, keep ...SessionID) error {
	list, err := liveSessions(tx, person, tx.Now().UnixMicro())
	if err != nil {
		return fmt.Errorf("load sessions: %w", err)
	}
	list = slices.DeleteFunc(list, func(s Session) bool {
		return slices.Contains(keep, s.ID) || account != "" && s.Account != account
	})
	for part := range slices.Chunk(list, perEvent) {
		ids := make([]string, len(part))
		for i, s := range part {
			s.Ended, s.Why = tx.Now().UnixMicro(), why
			if err := saveSession(tx, s); err != nil {
				return fmt.Errorf("save session: %w", err)
			}
			ids[i] = string(s.ID)
		}
		if err := d.recordBearers(tx, ledger.Event{Verb: "session.ended", Type: "person", Object: string(person),
			Detail: map[string]any{"sessions": ids, "why": why}}); err != nil {
			return err
		}
	}
	return nil
}
