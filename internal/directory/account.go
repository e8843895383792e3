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
	"plumbline.dev/plumb/internal/seal"
)

// codeLife is how long a one-time code waits to be redeemed.
const codeLife = 72 * time.Hour

// newAccount makes an account that lets nobody in yet.
func newAccount(person PersonID, kind AccountKind, username, note string, now int64) (Account, error) {
	fold, err := Fold(username)
	return Account{ID: AccountID(seal.NewID("acc")), Person: person, Kind: kind, Username: username, fold: fold,
		Note: note, Created: now}, err
}

// lend gives an account a one-time code instead of a password: whoever has the code must choose a
// password before they are let in, so no officer ever knows a password that lasts.
func (a *Account) lend(code seal.Secret, by PersonID, now int64) {
	a.password, a.once, a.OnceUntil = "", codeForm(code), now+codeLife.Microseconds()
	a.LentBy, a.LentAt = by, now
}

// choose gives an account the password that its person chose.
func (a *Account) choose(phc string) {
	a.password, a.once, a.OnceUntil = phc, "", 0
}

// redeemable reports whether the code opens the account now.
func (a Account) redeemable(code seal.Secret, now int64) bool {
	return a.Kind == Local && a.Ended == 0 && a.once != "" && now < a.OnceUntil && a.once == codeForm(code)
}

// AddAccount adds a further account to a person, and gives the code with which they choose its
// password. Every rule sees the same person behind all of them. An officer does it.
func (d *Desk) AddAccount(ctx context.Context, actor fault.Actor, person PersonID, username string) (a Account, code seal.Secret, err error) {
	code = newCode()
	err = d.manage(ctx, actor, PeopleManage, func(tx *db.Tx, r *Roster) (err error) {
		if err := r.active(person); err != nil {
			return err
		}
		if err := usernameFree(r, username); err != nil {
			return err
		}
		if actor.Person == string(person) {
			return ownCredential()
		}
		now := tx.Now().UnixMicro()
		if a, err = newAccount(person, Local, username, "", now); err != nil {
			return err
		}
		a.lend(code, PersonID(actor.Person), now)
		if err := insertAccount(tx, a); err != nil {
			return fmt.Errorf("save account: %w", err)
		}
		if err := d.lent(tx, a); err != nil {
			return err
		}
		return d.recordPeople(tx, ledger.Event{Verb: "account.added", Type: "person", Object: string(person),
			Detail: map[string]any{"username": username, "account": string(a.ID)}})
	})
	return a, code, err
}

func ownCredential() *fault.Error {
	return fault.New(fault.Denied, "own_credential", "An officer cannot issue a credential to themselves.").
		FixedBy("another security officer").Because("own_credential", "").Then("plumb people reset-password PERSON")
}

// active refuses a person who is not there or disabled.
func (r *Roster) active(id PersonID) error {
	p, err := r.known(id)
	if err == nil && p.Disabled != 0 {
		err = fault.New(fault.Conflict, "person_disabled", "%s is disabled.", p.Name).About(string(id)).
			FixedBy("a security officer").Then("plumb people enable %s", id)
	}
	return err
}

// NewService is what making a service account asks for.
type NewService struct {
	Username string   `json:"username"`
	Owner    PersonID `json:"owner"`
	Note     string   `json:"note"`
	Repos    []string `json:"repos"` // the repositories that its tokens may be bound to
}

func (n NewService) check() error {
	e := fault.New(fault.Invalid, "bad_account", "The account cannot be made like that.")
	checkLine(e, "note", n.Note, maxNote, false)
	for _, repo := range n.Repos {
		checkLine(e, "repos", repo, maxTitle, true)
		if strings.ContainsAny(repo, " |") {
			e.At("repos", "holds a character that repository names do not have")
		}
	}
	if len(e.Fields) > 0 {
		return e
	}
	return nil
}

// AddService makes a service account: a program that acts with tokens, for which its owner answers. To
// every rule it is its owner, and it never fills a slot. Which repositories it speaks for is the
// officer's word, not the owner's: a binding that its owner could choose would bind nothing. An officer
// does it.
func (d *Desk) AddService(ctx context.Context, actor fault.Actor, n NewService) (a Account, err error) {
	if err := n.check(); err != nil {
		return a, err
	}
	err = d.manage(ctx, actor, PeopleManage, func(tx *db.Tx, r *Roster) (err error) {
		if err := r.active(n.Owner); err != nil {
			return err
		}
		if err := usernameFree(r, n.Username); err != nil {
			return err
		}
		if a, err = newAccount(n.Owner, Service, n.Username, n.Note, tx.Now().UnixMicro()); err != nil {
			return err
		}
		a.Repos = n.Repos
		if err := insertAccount(tx, a); err != nil {
			return fmt.Errorf("save account: %w", err)
		}
		return d.recordPeople(tx, ledger.Event{Verb: "service.added", Type: "account", Object: string(a.ID),
			Detail: map[string]any{"username": n.Username, "owner": string(n.Owner), "repos": n.Repos}})
	})
	return a, err
}

// EditService changes the note of a service account and the repositories that it speaks for. Tokens
// bound to a repository that is not among them any more end. An officer does it.
func (d *Desk) EditService(ctx context.Context, actor fault.Actor, id AccountID, note string, repos []string) error {
	if err := (NewService{Note: note, Repos: repos}).check(); err != nil {
		return err
	}
	return d.manage(ctx, actor, PeopleManage, func(tx *db.Tx, r *Roster) error {
		a, err := openAccount(tx, id)
		if err != nil {
			return err
		}
		if a.Kind != Service {
			return fault.New(fault.Conflict, "not_service", "That is a person's account.").About(string(id)).
				FixedBy("you").Then("plumb service-account list")
		}
		a.Note, a.Repos = note, repos
		if err := saveAccount(tx, a); err != nil {
			return fmt.Errorf("save account: %w", err)
		}
		if err := d.recordPeople(tx, ledger.Event{Verb: "service.edited", Type: "account", Object: string(id),
			Detail: map[string]any{"note": note, "repos": repos}}); err != nil {
			return err
		}
		return d.endTokensOf(tx, a.Person, "repository withdrawn", func(t Token) bool {
			return t.Account == id && t.Repo != "" && !slices.Contains(repos, t.Repo)
		})
	})
}

// MoveService gives a service account another owner. Its tokens end, because the old owner may know
// them. An officer does it.
func (d *Desk) MoveService(ctx context.Context, actor fault.Actor, id AccountID, owner PersonID) error {
	return d.manage(ctx, actor, PeopleManage, func(tx *db.Tx, r *Roster) error {
		if err := r.active(owner); err != nil {
			return err
		}
		a, err := openAccount(tx, id)
		if err != nil {
			return err
		}
		if a.Kind != Service || a.Person == owner {
			return fault.New(fault.Conflict, "not_movable", "Only a service account of somebody else moves to a new owner.").About(string(id)).
				FixedBy("you").Then("plumb service-account list")
		}
		was := a.Person
		a.Person = owner
		if err := saveAccount(tx, a); err != nil {
			return fmt.Errorf("save account: %w", err)
		}
		if err := d.recordPeople(tx, ledger.Event{Verb: "service.moved", Type: "account", Object: string(id),
			Detail: map[string]any{"owner": string(owner), "was": string(was)}}); err != nil {
			return err
		}
		return d.endTokens(tx, was, id, "owner changed")
	})
}

// openAccount loads an account that is not ended.
func openAccount(tx *db.Tx, id AccountID) (Account, error) {
	a, found, err := loadAccount(tx, id)
	switch {
	case err != nil:
		return a, fmt.Errorf("load account: %w", err)
	case !found:
		return a, fault.New(fault.NotFound, "no_account", "There is no such account.").
			Then("plumb people show PERSON")
	case a.Ended != 0:
		return a, fault.New(fault.Conflict, "account_ended", "The account has ended.").About(string(id)).
			FixedBy("you").Then("name another account: plumb people show %s", a.Person)
	}
	return a, nil
}

// EndAccount ends one account for good, with its sessions and tokens; its name stays taken. An officer
// does it. The last account of an active person with a password stays: to shut somebody out, disable
// the person.
func (d *Desk) EndAccount(ctx context.Context, actor fault.Actor, id AccountID, reason string) error {
	if err := checkReason(reason); err != nil {
		return err
	}
	return d.manage(ctx, actor, PeopleManage, func(tx *db.Tx, r *Roster) error {
		a, err := openAccount(tx, id)
		if err != nil {
			return err
		}
		if a.Kind == Local && r.onlyAccount(a) {
			return fault.New(fault.Conflict, "only_account", "This is the person's only account.").About(string(id)).
				FixedBy("you").Then("plumb people disable %s", a.Person)
		}
		a.Ended, a.password, a.once = tx.Now().UnixMicro(), "", ""
		if err := saveAccount(tx, a); err != nil {
			return fmt.Errorf("save account: %w", err)
		}
		if err := endLending(tx, id, a.Ended, ""); err != nil {
			return err
		}
		if err := d.recordPeople(tx, ledger.Event{Verb: "account.ended", Type: "account", Object: string(id),
			Detail: map[string]any{"reason": reason, "person": string(a.Person)}}); err != nil {
			return err
		}
		if err := d.endSessions(tx, a.Person, id, "account ended"); err != nil {
			return err
		}
		return d.endTokens(tx, a.Person, id, "account ended")
	})
}

func (r *Roster) onlyAccount(a Account) bool {
	for _, other := range r.accounts {
		if other.Person == a.Person && other.ID != a.ID && other.Kind == Local && other.Ended == 0 {
			return false
		}
	}
	return true
}

// Accounts lists all accounts of a person with the service accounts that they own, or of everybody when
// person is "".
func (d *Desk) Accounts(ctx context.Context, person PersonID) ([]Account, error) {
	r, err := d.Roster(ctx)
	if err != nil {
		return nil, err
	}
	if person != "" {
		return r.Accounts(person), nil
	}
	out := []Account{}
	for p := range r.persons {
		out = append(out, r.Accounts(p)...)
	}
	sortAccounts(out)
	return out, nil
}
