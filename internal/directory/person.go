package directory

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/seal"
)

// Person is one human. Instants are microseconds since 1970, UTC, here and below; 0 is never.
type Person struct {
	ID       PersonID `json:"id"`
	Name     string   `json:"name"`
	Email    string   `json:"email"`
	Note     string   `json:"note"`
	Disabled int64    `json:"disabled"` // since when; 0 while they may come in
	Created  int64    `json:"created"`
}

// AccountKind says what an account is for.
type AccountKind string

// The kinds of account. The zero value is none and lets nobody in.
const (
	Local   AccountKind = "local"   // a person signs in with a password
	Service AccountKind = "service" // a program acts, with tokens only; its person answers for it
)

// Account is one way to come in. All accounts of a person are that person to every rule.
type Account struct {
	ID        AccountID   `json:"id"`
	Person    PersonID    `json:"person"` // for a service account the owner
	Kind      AccountKind `json:"kind"`
	Username  string      `json:"username"`
	OnceUntil int64       `json:"once_until"` // a one-time code waits to be redeemed until then
	LentBy    PersonID    `json:"lent_by"`    // who last issued a one-time code for it; stays when it is redeemed
	LentAt    int64       `json:"lent_at"`
	Note      string      `json:"note"`
	Repos     []string    `json:"repos,omitempty"` // of a service account: what its tokens may be bound to
	Ended     int64       `json:"ended"`
	Created   int64       `json:"created"`

	fold     string
	password string // PHC string; "" lets nobody in
	once     string // digest of the one-time code; "" for none
}

// NewPerson is what adding a person asks for.
type NewPerson struct {
	Name     string `json:"name"`
	Email    string `json:"email"`
	Username string `json:"username"`
	Note     string `json:"note"`
}

// manage runs a use-case of somebody who may manage people: their session is looked at again, and who
// holds what is read, in the same transaction.
func (d *Desk) manage(ctx context.Context, actor fault.Actor, p Permission, run func(*db.Tx, *Roster) error) error {
	return d.db.Update(ctx, actor, func(tx *db.Tx) error {
		if err := d.ConfirmIn(tx, actor); err != nil {
			return err
		}
		r, err := d.RosterIn(tx)
		if err != nil {
			return err
		}
		if err := Allowed(actor, r.Roles(PersonID(actor.Person)), p); err != nil {
			return err
		}
		return run(tx, r)
	})
}

// AddPerson adds a person with one account and no role, and gives the code with which they choose
// their password. An officer does it.
func (d *Desk) AddPerson(ctx context.Context, actor fault.Actor, n NewPerson) (p Person, code seal.Secret, err error) {
	p, err = n.person()
	if err != nil {
		return p, "", err
	}
	code = newCode()
	err = d.manage(ctx, actor, PeopleManage, func(tx *db.Tx, r *Roster) error {
		if err := n.free(r); err != nil {
			return err
		}
		now := tx.Now().UnixMicro()
		p.Created = now
		if err := insertPerson(tx, p); err != nil {
			return fmt.Errorf("save person: %w", err)
		}
		a, err := newAccount(p.ID, Local, n.Username, "", now)
		if err != nil {
			return err
		}
		a.lend(code, PersonID(actor.Person), now)
		if err := insertAccount(tx, a); err != nil {
			return fmt.Errorf("save account: %w", err)
		}
		if err := d.lent(tx, a); err != nil {
			return err
		}
		return d.recordPeople(tx, ledger.Event{Verb: "person.added", Type: "person", Object: string(p.ID),
			Detail: map[string]any{"name": p.Name, "email": p.Email, "username": n.Username}})
	})
	return p, code, err
}

// person checks what was typed and makes the record; it is not saved yet.
func (n NewPerson) person() (Person, error) {
	e := fault.New(fault.Invalid, "bad_person", "The person cannot be added like that.")
	checkLine(e, "name", n.Name, maxTitle, true)
	checkLine(e, "note", n.Note, maxNote, false)
	checkEmail(e, "email", n.Email)
	if _, err := Fold(n.Username); err != nil {
		e.At("username", fault.Of(err).Message)
	}
	if len(e.Fields) > 0 {
		return Person{}, e
	}
	return Person{ID: PersonID(seal.NewID("per")), Name: n.Name, Email: n.Email, Note: n.Note}, nil
}

// free refuses a username or a mailbox that somebody has already: a second record for one human would
// be a second vote.
func (n NewPerson) free(r *Roster) error {
	if err := usernameFree(r, n.Username); err != nil {
		return err
	}
	if p, taken := r.byEmail[foldEmail(n.Email)]; taken {
		return fault.New(fault.Conflict, "email_taken", "A person with that mail address is there already.").
			About(string(p)).Then("plumb people add-account %s USERNAME, or plumb people enable %s", p, p).FixedBy("you")
	}
	return nil
}

func usernameFree(r *Roster, username string) error {
	fold, err := Fold(username)
	if err != nil {
		return err
	}
	if _, taken := r.byFold[fold]; taken {
		return fault.New(fault.Conflict, "username_taken", "That username, or one that reads the same, is taken.").
			FixedBy("you").Then("take another username")
	}
	return nil
}

// recordPeople ends a use-case that changed people: a new epoch, then the event.
func (d *Desk) recordPeople(tx *db.Tx, ev ledger.Event) error {
	if err := d.touchPeople(tx); err != nil {
		return err
	}
	_, err := ledger.Append(tx, ev)
	return err
}

// EditPerson changes the name, mail address and note of a person. An officer does it.
func (d *Desk) EditPerson(ctx context.Context, actor fault.Actor, id PersonID, name, email, note string) (p Person, err error) {
	e := fault.New(fault.Invalid, "bad_person", "The person cannot be changed like that.")
	checkLine(e, "name", name, maxTitle, true)
	checkLine(e, "note", note, maxNote, false)
	checkEmail(e, "email", email)
	if len(e.Fields) > 0 {
		return p, e
	}
	err = d.manage(ctx, actor, PeopleManage, func(tx *db.Tx, r *Roster) error {
		if p, err = r.known(id); err != nil {
			return err
		}
		if other, taken := r.byEmail[foldEmail(email)]; taken && other != id {
			return fault.New(fault.Conflict, "email_taken", "Another person has that mail address.").About(string(other)).
				FixedBy("you").Then("plumb people show %s", other)
		}
		p.Name, p.Email, p.Note = name, email, note
		if err := savePerson(tx, p); err != nil {
			return fmt.Errorf("save person: %w", err)
		}
		return d.recordPeople(tx, ledger.Event{Verb: "person.edited", Type: "person", Object: string(id),
			Detail: map[string]any{"name": name, "email": email, "note": note}})
	})
	return p, err
}

// known gives a person's record or says that there is none.
func (r *Roster) known(id PersonID) (Person, error) {
	if p, ok := r.Person(id); ok {
		return p, nil
	}
	return Person{}, fault.New(fault.NotFound, "no_person", "There is no such person.").Then("plumb people list")
}

// Disable shuts a person out at once, in one transaction: sessions, tokens, those of the service
// accounts that they own, the effect of their groups and roles, and through the hook what they have
// open elsewhere. An officer does it; the last officer cannot be disabled.
func (d *Desk) Disable(ctx context.Context, actor fault.Actor, id PersonID, reason string) error {
	if err := checkReason(reason); err != nil {
		return err
	}
	return d.manage(ctx, actor, PeopleManage, func(tx *db.Tx, r *Roster) error {
		p, err := r.mayDisable(id)
		if err != nil {
			return err
		}
		p.Disabled = tx.Now().UnixMicro()
		if err := savePerson(tx, p); err != nil {
			return fmt.Errorf("save person: %w", err)
		}
		if err := d.recordPeople(tx, ledger.Event{Verb: "person.disabled", Type: "person", Object: string(id),
			Detail: map[string]any{"reason": reason}}); err != nil {
			return err
		}
		if err := d.staffed(tx, r); err != nil {
			return err
		}
		if err := d.endAll(tx, id, "person disabled"); err != nil {
			return err
		}
		if d.hooks.OnDisabled == nil {
			return nil
		}
		if err := d.hooks.OnDisabled(tx, id); err != nil {
			return fmt.Errorf("end open work: %w", err)
		}
		return nil
	})
}

// endAll ends every session and token of a person and of the service accounts that they own.
func (d *Desk) endAll(tx *db.Tx, id PersonID, why string) error {
	if err := d.endSessions(tx, id, "", why); err != nil {
		return err
	}
	return d.endTokens(tx, id, "", why)
}

func checkReason(reason string) error {
	e := fault.New(fault.Invalid, "no_reason", "This needs a reason, for whoever reads the record later.")
	checkLine(e, "reason", reason, maxNote, true)
	if len(e.Fields) > 0 {
		return e
	}
	return nil
}

// mayDisable refuses to disable nobody, somebody twice, and the last officer: without one nobody could
// ever be let in again, and there is no other way past the rules.
func (r *Roster) mayDisable(id PersonID) (Person, error) {
	p, err := r.known(id)
	switch {
	case err != nil:
		return p, err
	case p.Disabled != 0:
		return p, fault.New(fault.Conflict, "already_disabled", "%s is disabled already.", p.Name).About(string(id)).
			FixedBy("you").Then("plumb people show %s", id)
	}
	return p, r.officerRemains(id)
}

// officerRemains refuses what would leave no officer whose role lasts besides this person.
func (r *Roster) officerRemains(leaves PersonID) error {
	others := slices.DeleteFunc(r.lasting(Officer), func(p PersonID) bool { return p == leaves })
	if len(others) > 0 || !r.Holds(leaves, Officer) {
		return nil
	}
	return fault.New(fault.Denied, "last_officer", "This is the last security officer; nobody could manage people afterwards.").
		Because("officer_remains", "").About(string(leaves)).
		FixedBy("its approvers, by an access change that names another officer first").Then("plumb access request --role %s --person PERSON", Officer)
}

// Enable lets a disabled person come in again, without the approving roles and the groups that give
// such: those need an access change anew. An officer does it.
func (d *Desk) Enable(ctx context.Context, actor fault.Actor, id PersonID, reason string) error {
	if err := checkReason(reason); err != nil {
		return err
	}
	return d.manage(ctx, actor, PeopleManage, func(tx *db.Tx, r *Roster) error {
		p, err := r.known(id)
		switch {
		case err != nil:
			return err
		case p.Disabled == 0:
			return fault.New(fault.Conflict, "not_disabled", "%s is not disabled.", p.Name).About(string(id)).
				FixedBy("you").Then("plumb people show %s", id)
		}
		dropped, err := d.dropApproving(tx, r, id)
		if err != nil {
			return err
		}
		p.Disabled = 0
		if err := savePerson(tx, p); err != nil {
			return fmt.Errorf("save person: %w", err)
		}
		return d.recordPeople(tx, ledger.Event{Verb: "person.enabled", Type: "person", Object: string(id),
			Detail: map[string]any{"reason": reason, "dropped": dropped}})
	})
}

// dropApproving takes the approving roles from a person, and the places in groups that give such.
func (d *Desk) dropApproving(tx *db.Tx, r *Roster, id PersonID) (dropped []string, err error) {
	k, err := d.knownRoles(tx)
	if err != nil {
		return nil, err
	}
	dropped = []string{}
	for _, g := range r.grants {
		if g.Holder != string(id) || !k.approving(g.Role) {
			continue
		}
		if err := deleteGrant(tx, g.Role, g.Holder); err != nil {
			return nil, fmt.Errorf("drop role: %w", err)
		}
		dropped = append(dropped, string(g.Role))
	}
	for _, g := range r.into[string(id)] {
		if !slices.ContainsFunc(r.confers(g), k.approving) {
			continue
		}
		if err := deleteMember(tx, g, string(id)); err != nil {
			return nil, fmt.Errorf("drop group: %w", err)
		}
		dropped = append(dropped, string(g))
	}
	slices.Sort(dropped)
	return dropped, nil
}

// People lists all people, disabled ones too, sorted by name.
func (d *Desk) People(ctx context.Context) ([]Person, error) {
	r, err := d.Roster(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Person, 0, len(r.persons))
	for _, p := range r.persons {
		out = append(out, p.Person)
	}
	slices.SortFunc(out, func(a, b Person) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}
