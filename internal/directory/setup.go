package directory

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"sync"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
)

// Install is what this server is: one install serves one company.
type Install struct {
	ID      string `json:"id"` // install_…; enters every signed statement
	Company string `json:"company"`
	Prefix  string `json:"prefix"` // of change ids
	Zone    string `json:"zone"`   // IANA time zone in which windows are written and pages show times
	Created int64  `json:"created"`
}

// Setup is what the first-start ceremony is told.
type Setup struct {
	Company  string        `json:"company"`
	Prefix   string        `json:"prefix"` // of change ids; "" for CHG
	Zone     string        `json:"zone"`   // "" for UTC
	People   []SetupPerson `json:"people"` // three or more
	Officers []string      `json:"officers"`
}

// SetupPerson is one of the first people. Without a password they get a one-time code.
type SetupPerson struct {
	Name     string      `json:"name"`
	Email    string      `json:"email"`
	Username string      `json:"username"`
	Password seal.Secret `json:"password"`
	Roles    []RoleName  `json:"roles"`
}

// Ending is what the ceremony ends with; the caller knows the policy pack, this room does not.
type Ending struct {
	Install string        // id for the install; "" for a new one
	Roles   []policy.Role // the roles of the pack that comes into force
	// Check says that every base rule can be satisfied by these people; its error names the gap, and
	// then nothing of the ceremony is kept. It is required.
	Check func(people []policy.Person) error
	// Activate brings the pack into force in the transaction of the ceremony, as one of the officers,
	// and answers for what it writes with an event of its own. It is required.
	Activate func(tx *db.Tx, officer PersonID) error
}

// Settled is what came out of the ceremony.
type Settled struct {
	Install Install
	People  map[string]PersonID    // by username, as typed
	Codes   map[string]seal.Secret // one-time codes by username, for people without a password
}

// SetupDone reports whether the ceremony has finished. Until then nothing is decided and the gate denies.
func (d *Desk) SetupDone(ctx context.Context) (done bool, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		_, done, err = InstallIn(tx)
		return err
	})
	return done, err
}

// Install gives this install; Unavailable before the ceremony has finished.
func (d *Desk) Install(ctx context.Context) (i Install, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		var done bool
		if i, done, err = InstallIn(tx); err == nil && !done {
			err = notSetUp()
		}
		return err
	})
	return i, err
}

// EnsureSetupCode gives the one-time code that the ceremony asks for, while there are no people; "" once
// there are. kept is a code that the caller still has from an earlier start: it stays in force if it is
// the right one, else a new one takes the place of the old. Only its digest is stored.
func (d *Desk) EnsureSetupCode(ctx context.Context, kept seal.Secret) (code seal.Secret, err error) {
	err = d.db.Update(ctx, fault.SystemActor("setup"), func(tx *db.Tx) error {
		code = ""
		_, done, err := InstallIn(tx)
		if err != nil || done {
			return err
		}
		hash, err := setupHash(tx)
		if err != nil {
			return err
		}
		if kept != "" && hash == codeForm(kept) {
			code = kept
			return nil
		}
		code = newCode()
		if err := saveSetup(tx, codeForm(code), tx.Now().UnixMicro(), 0); err != nil {
			return fmt.Errorf("save setup code: %w", err)
		}
		_, err = ledger.Append(tx, ledger.Event{Verb: "setup.code_made", Type: "install", Object: "setup"})
		return err
	})
	return code, err
}

// Ceremony fills an empty server with its first people, in one transaction: it needs the setup code,
// three people or more, exactly two of them security officers, and ends only if every base rule of the
// policy can then be satisfied; else nothing is kept and the error names the gap. It runs once.
func (d *Desk) Ceremony(ctx context.Context, code seal.Secret, s Setup, end Ending, source, request string) (out Settled, err error) {
	if end.Check == nil || end.Activate == nil {
		return out, fault.New(fault.Internal, "setup_unchecked", "The set-up cannot tell whether the policy can be satisfied, so it does not begin.").
			FixedBy("the operator of the server").Then("report the defect; the server's log has the cause")
	}
	c := &ceremony{Setup: s, known: knownFrom(end.Roles), out: Settled{People: map[string]PersonID{}, Codes: map[string]seal.Secret{}}}
	if err := c.check(); err != nil {
		return out, err
	}
	actor := fault.Actor{Kind: fault.Human, Authn: fault.Setup, Account: "setup", Source: source, Request: request}
	if err := d.db.View(ctx, func(tx *db.Tx) error { return d.mayBegin(tx, code) }); err != nil {
		return out, err // before any password is hashed for a stranger
	}
	hashes, err := c.hash(ctx, d.hashing)
	if err != nil {
		return out, err
	}
	err = d.db.Update(ctx, actor, func(tx *db.Tx) error {
		if err := d.mayBegin(tx, code); err != nil {
			return err
		}
		if err := d.admit(tx, c, hashes); err != nil {
			return err
		}
		if err := end.Check(c.roster()); err != nil {
			return err
		}
		if err := d.settle(tx, c, end.Install); err != nil {
			return err
		}
		if err := end.Activate(tx, c.out.People[s.Officers[0]]); err != nil {
			return fmt.Errorf("activate policy: %w", err)
		}
		return nil
	})
	if err != nil {
		return Settled{}, err
	}
	return c.out, nil
}

// mayBegin: no install yet, and the code is the one that was given out.
func (d *Desk) mayBegin(tx *db.Tx, code seal.Secret) error {
	_, done, err := InstallIn(tx)
	if err != nil {
		return err
	}
	if done {
		return fault.New(fault.Conflict, "set_up_already", "This server is set up already; people are added by a security officer now.").
			Then("plumb login").FixedBy("a security officer")
	}
	hash, err := setupHash(tx)
	if err != nil {
		return err
	}
	if hash == "" || hash != codeForm(code) {
		return fault.New(fault.Unauthenticated, "wrong_setup_code", "That is not the setup code of this server.").
			FixedBy("the operator of the server").Then("read the code from the file setup-code in the data folder")
	}
	return nil
}

// ceremony is one run: what was typed, and what becomes of it.
type ceremony struct {
	Setup
	known known
	out   Settled
}

var prefixForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Z]{2,8}$`) })

// check refuses what no policy could make good.
func (c *ceremony) check() error {
	if c.Prefix == "" {
		c.Prefix = "CHG"
	}
	if c.Zone == "" {
		c.Zone = "UTC"
	}
	e := fault.New(fault.Invalid, "bad_setup", "The set-up cannot begin like that.")
	Settings{c.Company, c.Prefix, c.Zone}.check(e)
	if len(c.People) < 3 {
		e.At("people", "are at least three: whoever asks, and two who approve")
	}
	if len(c.Officers) != 2 || c.Officers[0] == c.Officers[1] {
		e.At("officers", "are exactly two people, by username")
	}
	for _, o := range c.Officers {
		if !slices.ContainsFunc(c.People, func(p SetupPerson) bool { return p.Username == o }) {
			e.At("officers", "are among the people, by username")
		}
	}
	c.checkPeople(e)
	if len(e.Fields) > 0 {
		return e
	}
	return nil
}

func (c *ceremony) checkPeople(e *fault.Error) {
	names, mails := map[string]bool{}, map[string]bool{}
	for i, p := range c.People {
		at := func(member string) string { return fmt.Sprintf("people[%d].%s", i, member) }
		checkLine(e, at("name"), p.Name, maxTitle, true)
		checkEmail(e, at("email"), p.Email)
		fold, err := Fold(p.Username)
		switch {
		case err != nil:
			e.At(at("username"), fault.Of(err).Message)
		case names[fold]:
			e.At(at("username"), "reads the same as another one")
		case mails[foldEmail(p.Email)]:
			e.At(at("email"), "is another person's")
		}
		names[fold], mails[foldEmail(p.Email)] = true, true
		if p.Password != "" {
			if err := CheckPassword(p.Password, p.Username, p.Name, c.Company); err != nil {
				e.At(at("password"), fault.Of(err).Message)
			}
		}
		c.checkRoles(e, at("roles"), p)
	}
}

func (c *ceremony) checkRoles(e *fault.Error, path string, p SetupPerson) {
	officer := slices.Contains(c.Officers, p.Username)
	if slices.Contains(p.Roles, Officer) && !officer {
		e.At(path, "holds security-officer, but the officers are exactly the two named as such")
	}
	approves := officer
	for _, role := range p.Roles {
		if _, ok := c.known[role]; !ok {
			e.At(path, "holds a role that the policy does not know")
		}
		approves = approves || c.known.approving(role)
	}
	if approves && slices.Contains(p.Roles, Auditor) {
		e.At(path, "would both audit and approve")
	}
}

// rolesOf lists the roles of a person, each once; the officers hold theirs whether it was typed or not.
func (c *ceremony) rolesOf(p SetupPerson) []RoleName {
	roles := slices.Clone(p.Roles)
	if slices.Contains(c.Officers, p.Username) {
		roles = append(roles, Officer)
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}

// hash hashes the passwords, "" for people without one.
func (c *ceremony) hash(ctx context.Context, h hashing) ([]string, error) {
	out := make([]string, len(c.People))
	for i, p := range c.People {
		if p.Password == "" {
			continue
		}
		password, _ := prepare(p.Password)
		var err error
		if out[i], err = h.hash(ctx, password); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// admit saves the people with their accounts and roles, one event each.
func (d *Desk) admit(tx *db.Tx, c *ceremony, hashes []string) error {
	now := tx.Now().UnixMicro()
	for i, p := range c.People {
		person := Person{ID: PersonID(seal.NewID("per")), Name: p.Name, Email: p.Email, Created: now}
		a, err := newAccount(person.ID, Local, p.Username, "", now)
		if err != nil {
			return err
		}
		if a.choose(hashes[i]); hashes[i] == "" {
			code := newCode()
			a.lend(code, "", now)
			c.out.Codes[p.Username] = code
		}
		c.out.People[p.Username] = person.ID
		if err := insertPerson(tx, person); err != nil {
			return fmt.Errorf("save person: %w", err)
		}
		if err := insertAccount(tx, a); err != nil {
			return fmt.Errorf("save account: %w", err)
		}
		roles := c.rolesOf(p)
		for _, role := range roles {
			if err := saveGrant(tx, RoleGrant{Role: role, Holder: string(person.ID), Change: "setup", Since: now}); err != nil {
				return fmt.Errorf("save role: %w", err)
			}
		}
		if err := d.recordPeople(tx, ledger.Event{Verb: "person.added", Type: "person", Object: string(person.ID),
			Detail: map[string]any{"name": p.Name, "email": p.Email, "username": p.Username, "roles": roles}}); err != nil {
			return err
		}
	}
	return nil
}

// roster is the people as the policy sees them.
func (c *ceremony) roster() []policy.Person {
	out := make([]policy.Person, 0, len(c.People))
	for _, p := range c.People {
		roles := []string{}
		for _, r := range c.rolesOf(p) {
			roles = append(roles, string(r))
		}
		out = append(out, policy.Person{ID: string(c.out.People[p.Username]), Roles: roles})
	}
	return out
}

// settle makes the install and uses the code up.
func (d *Desk) settle(tx *db.Tx, c *ceremony, id string) error {
	if id == "" {
		id = seal.NewID("install")
	}
	now := tx.Now().UnixMicro()
	c.out.Install = Install{ID: id, Company: c.Company, Prefix: c.Prefix, Zone: c.Zone, Created: now}
	if err := insertInstall(tx, c.out.Install); err != nil {
		return fmt.Errorf("save install: %w", err)
	}
	if err := saveSetup(tx, "", now, now); err != nil {
		return fmt.Errorf("use setup code: %w", err)
	}
	return d.recordPeople(tx, ledger.Event{Verb: "setup.finished", Type: "install", Object: id,
		Detail: map[string]any{"company": c.Company, "officers": []string{
			string(c.out.People[c.Officers[0]]), string(c.out.People[c.Officers[1]])}, "people": len(c.People)}})
}
