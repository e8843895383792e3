package directory

import (
	"context"
	"fmt"
	"net/netip"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/seal"
)

// Credentials are what somebody shows to come in.
type Credentials struct {
	Username string
	Password seal.Secret // of Redeem: the password chosen now
	Code     seal.Secret // of Redeem: the one-time code
	Address  netip.Addr  // where the request comes from; counted by IPv4 address or IPv6 /64
	Label    string      // what the person will know the session by, such as a browser or a host
	Source   string      // api, cli, page
	Request  string      // request id
	Replaces seal.Secret // bearer of a session that this one takes the place of; "" for none
}

// Opened is a new session with its secret, which is shown this once.
type Opened struct {
	Bearer  seal.Secret
	Session Session
	Person  Person
}

// wrong is the one answer to every failed login: it does not tell an unknown name from a wrong
// password, nor from a disabled person.
func wrong() *fault.Error {
	return fault.New(fault.Unauthenticated, "wrong_credentials", "The username and the password do not fit, or the person is disabled.").
		FixedBy("you, or a security officer").Then("plumb login; or ask a security officer for a new code")
}

// Login opens a session for a username and password. Every attempt is counted before it is tried.
func (d *Desk) Login(ctx context.Context, c Credentials) (Opened, error) {
	o, err := d.login(ctx, c)
	d.note(err)
	return o, err
}

func (d *Desk) note(err error) {
	if err != nil {
		d.refusals.Add(1)
	}
}

func (d *Desk) login(ctx context.Context, c Credentials) (Opened, error) {
	fold, _ := Fold(c.Username) // a name that cannot be has the fold "", which nobody has
	a, keys, err := d.begin(ctx, fold, c.Address)
	if err != nil {
		return Opened{}, err
	}
	password, fits := prepare(c.Password)
	if !fits {
		password = ""
	}
	right, err := d.hashing.verify(ctx, a.password, password)
	if err != nil {
		return Opened{}, err
	}
	switch {
	case !right && a.redeemable(c.Password, d.db.Now().UnixMicro()):
		return Opened{}, fault.New(fault.Unauthenticated, "password_needed", "That is the one-time code; choose a password with it.").
			Then("plumb login --code-file FILE").FixedBy("you")
	case !right || a.Kind != Local:
		return Opened{}, wrong()
	}
	better := ""
	if d.hashing.stale(a.password) {
		if better, err = d.hashing.hash(ctx, password); err != nil {
			return Opened{}, err
		}
	}
	return d.open(ctx, c, a, keys, func(tx *db.Tx, now *Account) error {
		if now.password != a.password {
			return wrong() // it was changed while this one was being checked
		}
		if better == "" {
			return nil
		}
		now.password = better // the same password at the cost that is usual now
		return saveAccount(tx, *now)
	})
}

// open makes the session in one transaction, after the account was looked at again there.
func (d *Desk) open(ctx context.Context, c Credentials, a Account, keys [2]string, again func(*db.Tx, *Account) error) (o Opened, err error) {
	bearer := newBearer(sessionPrefix)
	id := SessionID(seal.NewID("ses"))
	actor := fault.Actor{Person: string(a.Person), Account: string(a.ID), Kind: fault.Human, Authn: fault.Session,
		Via: string(id), Source: c.Source, Request: c.Request}
	err = d.db.Update(ctx, actor, func(tx *db.Tx) error {
		p, now, err := d.mayEnter(tx, a.ID)
		if err != nil {
			return err
		}
		if err := again(tx, &now); err != nil {
			return err
		}
		at := tx.Now().UnixMicro()
		s := Session{ID: id, Account: a.ID, Person: p.ID, Source: c.Address.String(), Label: label(c.Label),
			Created: at, Expires: at + sessionLife.Microseconds(), hash: storedForm(bearer)}
		if !c.Address.IsValid() {
			s.Source = ""
		}
		if err := d.replace(tx, c.Replaces, p.ID); err != nil {
			return err
		}
		if err := insertSession(tx, s); err != nil {
			return fmt.Errorf("save session: %w", err)
		}
		if err := forgive(tx, keys); err != nil {
			return fmt.Errorf("clear attempts: %w", err)
		}
		o = Opened{Bearer: bearer, Session: s, Person: p}
		_, err = ledger.Append(tx, ledger.Event{Verb: "session.opened", Type: "person", Object: string(p.ID),
			Detail: map[string]any{"session": string(id), "source": s.Source, "label": s.Label}})
		return err
	})
	return o, err
}

// mayEnter is the one place that lets a person in, by whatever way they come: the account is a live
// local one and its person is not disabled. Disabled is the end of every way in (trust model 8).
func (d *Desk) mayEnter(tx *db.Tx, id AccountID) (p Person, a Account, err error) {
	a, found, err := loadAccount(tx, id)
	if err != nil {
		return p, a, fmt.Errorf("load account: %w", err)
	}
	if !found || a.Kind != Local || a.Ended != 0 {
		return p, a, wrong()
	}
	p, found, err = db.One(tx, scanPerson, personColumns+" WHERE id = $1", string(a.Person))
	if err != nil {
		return p, a, fmt.Errorf("load person: %w", err)
	}
	if !found || p.Disabled != 0 {
		return p, a, wrong()
	}
	return p, a, nil
}

// replace ends the session that a new one takes the place of, if it is the same person's.
func (d *Desk) replace(tx *db.Tx, bearer seal.Secret, person PersonID) error {
	if bearer == "" {
		return nil
	}
	s, found, err := sessionByHash(tx, storedForm(bearer))
	if err != nil || !found || s.Person != person || s.Ended != 0 {
		return err
	}
	s.Ended, s.Why = tx.Now().UnixMicro(), "replaced"
	if err := saveSession(tx, s); err != nil {
		return fmt.Errorf("save session: %w", err)
	}
	return d.touchBearers(tx)
}

// Redeem exchanges a one-time code for a password that the person chooses, and opens a session with it.
// The code works once.
func (d *Desk) Redeem(ctx context.Context, c Credentials) (Opened, error) {
	o, err := d.redeem(ctx, c)
	d.note(err)
	return o, err
}

func (d *Desk) redeem(ctx context.Context, c Credentials) (Opened, error) {
	if err := CheckPassword(c.Password, c.Username); err != nil {
		return Opened{}, err
	}
	fold, _ := Fold(c.Username)
	a, keys, err := d.begin(ctx, fold, c.Address)
	if err != nil {
		return Opened{}, err
	}
	password, _ := prepare(c.Password)
	phc, err := d.hashing.hash(ctx, password) // for every name and code, so that every answer takes as long
	if err != nil {
		return Opened{}, err
	}
	return d.open(ctx, c, a, keys, func(tx *db.Tx, now *Account) error {
		if !now.redeemable(c.Code, tx.Now().UnixMicro()) {
			return wrong()
		}
		now.choose(phc)
		if err := saveAccount(tx, *now); err != nil {
			return fmt.Errorf("save account: %w", err)
		}
		return d.recordPeople(tx, ledger.Event{Verb: "account.password_chosen", Type: "person", Object: string(now.Person),
			Detail: map[string]any{"account": string(now.ID)}})
	})
}

// ChangePassword lets a person change the password of the account that they are signed in with. It
// needs the old one, counts as an attempt, and ends all their other sessions.
func (d *Desk) ChangePassword(ctx context.Context, actor fault.Actor, old, chosen seal.Secret, from netip.Addr) error {
	if !actor.IsPerson() {
		return notAllowed(TokensOwn, "A password is changed by its person, in their own session.")
	}
	r, err := d.Roster(ctx)
	if err != nil {
		return err
	}
	account := r.accounts[AccountID(actor.Account)] // of an unknown one nothing fits below
	if err := CheckPassword(chosen, account.Username, r.Name(account.Person)); err != nil {
		return err
	}
	a, keys, err := d.begin(ctx, account.fold, from)
	if err != nil {
		return err
	}
	before, _ := prepare(old)
	right, err := d.hashing.verify(ctx, a.password, before)
	if err != nil {
		return err
	}
	if after, _ := prepare(chosen); !right || before == after {
		return oldPassword(right)
	}
	phc, err := d.rehash(ctx, chosen)
	if err != nil {
		return err
	}
	return d.db.Update(ctx, actor, func(tx *db.Tx) error {
		if err := d.ConfirmIn(tx, actor); err != nil {
			return err
		}
		now, err := openAccount(tx, a.ID)
		if err != nil || now.password != a.password {
			return oldPassword(false)
		}
		now.choose(phc)
		if err := saveAccount(tx, now); err != nil {
			return fmt.Errorf("save account: %w", err)
		}
		if err := forgive(tx, keys); err != nil {
			return fmt.Errorf("clear attempts: %w", err)
		}
		if err := d.recordPeople(tx, ledger.Event{Verb: "account.password_changed", Type: "person", Object: actor.Person,
			Detail: map[string]any{"account": actor.Account}}); err != nil {
			return err
		}
		return d.endSessions(tx, now.Person, "", "password changed", SessionID(actor.Via))
	})
}

func (d *Desk) rehash(ctx context.Context, password seal.Secret) (string, error) {
	s, _ := prepare(password)
	return d.hashing.hash(ctx, s)
}

func oldPassword(right bool) *fault.Error {
	if right {
		return fault.New(fault.Invalid, "same_password", "The new password is the old one.").At("password", "is the old one")
	}
	return fault.New(fault.Unauthenticated, "wrong_credentials", "The old password is not right.").
		FixedBy("you, or a security officer").Then("plumb password")
}

// Reset gives an account a one-time code in place of its password, and ends the person's sessions and
// their own tokens. An officer does it for somebody else, never for themselves; the record names them,
// and what the account does counts as theirs, too, until another officer vouches for it (Vouch).
func (d *Desk) Reset(ctx context.Context, actor fault.Actor, id AccountID) (code seal.Secret, err error) {
	code = newCode()
	err = d.manage(ctx, actor, PeopleManage, func(tx *db.Tx, r *Roster) error {
		a, err := openAccount(tx, id)
		switch {
		case err != nil:
			return err
		case a.Kind != Local:
			return fault.New(fault.Conflict, "no_password", "A service account has no password; make it a token.").About(string(id)).
				FixedBy("its owner").Then("plumb token create --account NAME")
		case string(a.Person) == actor.Person:
			return ownCredential()
		}
		if err := r.active(a.Person); err != nil {
			return err
		}
		a.lend(code, PersonID(actor.Person), tx.Now().UnixMicro())
		if err := saveAccount(tx, a); err != nil {
			return fmt.Errorf("save account: %w", err)
		}
		if err := d.lent(tx, a); err != nil {
			return err
		}
		if err := d.recordPeople(tx, ledger.Event{Verb: "account.reset", Type: "person", Object: string(a.Person),
			Detail: map[string]any{"account": string(id)}}); err != nil {
			return err
		}
		if err := d.endSessions(tx, a.Person, "", "password reset"); err != nil {
			return err
		}
		return d.endOwnTokens(tx, r, a.Person, "password reset")
	})
	return code, err
}
