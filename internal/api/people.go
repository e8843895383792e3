package api

import (
	"context"
	"time"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
)

func (a *API) listPeople(ctx context.Context, in *pagingIn) (*body[Page[Human]], error) {
	r, err := a.People.Roster(ctx)
	if err != nil {
		return nil, err
	}
	people, err := a.People.People(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]Human, len(people))
	for i, p := range people {
		all[i] = human(r, p)
	}
	return listed(in.Paging, all, nil)
}

// Human is a person with what they hold.
type Human struct {
	Person   directory.Person    `json:"person"`
	Roles    []string            `json:"roles"`
	Accounts []directory.Account `json:"accounts"`
}

func human(r *directory.Roster, p directory.Person) Human {
	h := Human{Person: p, Roles: r.Roles(p.ID), Accounts: r.Accounts(p.ID)}
	if h.Roles == nil {
		h.Roles = []string{}
	}
	return h
}

type newPersonIn struct {
	In JSON[directory.NewPerson]
}

// Lent is a new person or account with the one-time code to choose a password with. The code is shown
// this once.
type Lent struct {
	Person directory.Person `json:"person,omitzero"`
	Code   string           `json:"code"`
}

func (a *API) addPerson(ctx context.Context, in *newPersonIn) (*body[Lent], error) {
	p, code, err := a.People.AddPerson(ctx, actorOf(ctx), in.In.value)
	return give(Lent{Person: p, Code: code.Reveal()}, err)
}

type personIn struct {
	ID string `path:"id" maxLength:"60" doc:"person id"`
}

func (a *API) showPerson(ctx context.Context, in *personIn) (*body[Human], error) {
	r, err := a.People.Roster(ctx)
	if err != nil {
		return nil, err
	}
	p, ok := r.Person(directory.PersonID(in.ID))
	if !ok {
		return nil, noPerson()
	}
	return give(human(r, p), nil)
}

func noPerson() *fault.Error {
	return fault.New(fault.NotFound, "no_person", "There is no such person.").Then("plumb people list")
}

// PersonEdit says what changes; a member that is left out stays.
type PersonEdit struct {
	Name  *string `json:"name,omitempty"`
	Email *string `json:"email,omitempty"`
	Note  *string `json:"note,omitempty"`
}

type editPersonIn struct {
	ID string `path:"id" maxLength:"60"`
	In JSON[PersonEdit]
}

func (a *API) editPerson(ctx context.Context, in *editPersonIn) (*body[directory.Person], error) {
	r, err := a.People.Roster(ctx)
	if err != nil {
		return nil, err
	}
	p, ok := r.Person(directory.PersonID(in.ID))
	if !ok {
		return nil, noPerson()
	}
	e := in.In.value
	for _, m := range []struct{ to, from *string }{{&p.Name, e.Name}, {&p.Email, e.Email}, {&p.Note, e.Note}} {
		if m.from != nil {
			*m.to = *m.from
		}
	}
	return give(a.People.EditPerson(ctx, actorOf(ctx), p.ID, p.Name, p.Email, p.Note))
}

// Reason says why, for whoever reads the record later.
type Reason struct {
	Reason string `json:"reason"`
}

type reasonIn struct {
	ID string `path:"id" maxLength:"60"`
	In JSON[Reason]
}

func (a *API) disablePerson(ctx context.Context, in *reasonIn) (*none, error) {
	return nil, a.People.Disable(ctx, actorOf(ctx), directory.PersonID(in.ID), in.In.value.Reason)
}

func (a *API) enablePerson(ctx context.Context, in *reasonIn) (*none, error) {
	return nil, a.People.Enable(ctx, actorOf(ctx), directory.PersonID(in.ID), in.In.value.Reason)
}

// Reset names which of a person's accounts gets a code; it may be left out where there is one.
type Reset struct {
	Account directory.AccountID `json:"account,omitempty"`
}

type resetIn struct {
	ID string `path:"id" maxLength:"60"`
	In JSON[Reset]
}

func (a *API) resetPassword(ctx context.Context, in *resetIn) (*body[Lent], error) {
	account, err := a.accountOf(ctx, in.ID, in.In.value.Account)
	if err != nil {
		return nil, err
	}
	code, err := a.People.Reset(ctx, actorOf(ctx), account)
	return give(Lent{Code: code.Reveal()}, err)
}

// accountOf finds the account of a person that is meant; it may be left out where there is one.
func (a *API) accountOf(ctx context.Context, person string, id directory.AccountID) (directory.AccountID, error) {
	r, err := a.People.Roster(ctx)
	if err != nil {
		return "", err
	}
	var mine []directory.AccountID
	for _, x := range r.Accounts(directory.PersonID(person)) {
		if x.Kind == directory.Local && x.Ended == 0 && (id == "" || id == x.ID) {
			mine = append(mine, x.ID)
		}
	}
	if len(mine) != 1 {
		return "", fault.New(fault.NotFound, "no_account", "Name one live account of that person.").At("account", "is not one of theirs")
	}
	return mine[0], nil
}

// Voucher says that an account is in its person's hands, and how the officer knows.
type Voucher struct {
	Account directory.AccountID `json:"account,omitempty"`
	Reason  string              `json:"reason"`
}

type voucherIn struct {
	ID string `path:"id" maxLength:"60"`
	In JSON[Voucher]
}

func (a *API) vouch(ctx context.Context, in *voucherIn) (*none, error) {
	account, err := a.accountOf(ctx, in.ID, in.In.value.Account)
	if err != nil {
		return nil, err
	}
	return nil, a.People.Vouch(ctx, actorOf(ctx), account, in.In.value.Reason)
}

// NewAccount is a further account of a person.
type NewAccount struct {
	Username string `json:"username"`
}

type newAccountIn struct {
	ID string `path:"id" maxLength:"60"`
	In JSON[NewAccount]
}

func (a *API) addAccount(ctx context.Context, in *newAccountIn) (*body[Lent], error) {
	_, code, err := a.People.AddAccount(ctx, actorOf(ctx), directory.PersonID(in.ID), in.In.value.Username)
	return give(Lent{Code: code.Reveal()}, err)
}

func (a *API) endAccount(ctx context.Context, in *reasonIn) (*none, error) {
	return nil, a.People.EndAccount(ctx, actorOf(ctx), directory.AccountID(in.ID), in.In.value.Reason)
}

type personPageIn struct {
	ID string `path:"id" maxLength:"60"`
	Paging
}

func (a *API) personSessions(ctx context.Context, in *personPageIn) (*body[Page[directory.Session]], error) {
	all, err := a.People.Sessions(ctx, actorOf(ctx), directory.PersonID(in.ID))
	return listed(in.Paging, all, err)
}

func (a *API) listGroups(ctx context.Context, in *pagingIn) (*body[Page[directory.Group]], error) {
	all, err := a.People.Groups(ctx)
	return listed(in.Paging, all, err)
}

// NewGroup is what making a group asks for.
type NewGroup struct {
	Name string `json:"name"`
	Note string `json:"note,omitempty"`
}

type newGroupIn struct {
	In JSON[NewGroup]
}

func (a *API) addGroup(ctx context.Context, in *newGroupIn) (*body[directory.Group], error) {
	return give(a.People.AddGroup(ctx, actorOf(ctx), in.In.value.Name, in.In.value.Note))
}

func (a *API) dropGroup(ctx context.Context, in *personIn) (*none, error) {
	return nil, a.People.DropGroup(ctx, actorOf(ctx), directory.GroupID(in.ID))
}

type memberIn struct {
	ID     string `path:"id" maxLength:"60"`
	Member string `path:"member" maxLength:"60" doc:"person id or group id"`
}

func (a *API) joinGroup(ctx context.Context, in *memberIn) (*none, error) {
	return nil, a.assign(ctx, directory.Grant{Op: directory.JoinGroup, Into: directory.GroupID(in.ID)}, in.Member)
}

func (a *API) leaveGroup(ctx context.Context, in *memberIn) (*none, error) {
	return nil, a.assign(ctx, directory.Grant{Op: directory.LeaveGroup, Into: directory.GroupID(in.ID)}, in.Member)
}

// assign carries a grant out for a person or a group.
func (a *API) assign(ctx context.Context, g directory.Grant, holder string) error {
	r, err := a.People.Roster(ctx)
	if err != nil {
		return err
	}
	if _, isPerson := r.Person(directory.PersonID(holder)); isPerson {
		g.Person = directory.PersonID(holder)
	} else {
		g.Group = directory.GroupID(holder)
	}
	return a.People.Assign(ctx, actorOf(ctx), g)
}

// Roles are the roles of the policy in force and who holds them.
type Roles struct {
	Roles  []RoleHeld            `json:"roles"`
	Grants []directory.RoleGrant `json:"grants"`
}

// RoleHeld is one role with the active people who hold it now.
type RoleHeld struct {
	Name     string               `json:"name"`
	Title    string               `json:"title,omitempty"`
	Note     string               `json:"note,omitempty"`
	May      string               `json:"may,omitempty" doc:"what the program lets it do, whatever the pack says of it"`
	Approves bool                 `json:"approves"`
	Advised  int                  `json:"advised" doc:"fewest people who should hold it"`
	Holders  []directory.PersonID `json:"holders"`
}

func (a *API) listRoles(ctx context.Context, _ *none) (*body[Roles], error) {
	pack, err := a.Changes.Pack(ctx)
	if err != nil {
		return nil, err
	}
	r, err := a.People.Roster(ctx)
	if err != nil {
		return nil, err
	}
	out := Roles{Grants: r.Grants()}
	for _, role := range pack.Roles {
		out.Roles = append(out.Roles, RoleHeld{Name: role.Name, Title: role.Title, Note: role.Note, May: directory.May(directory.RoleName(role.Name)), Approves: role.Approves,
			Advised: role.Holders, Holders: r.Holders(directory.RoleName(role.Name))})
	}
	for _, name := range []directory.RoleName{directory.Admin, directory.Auditor} {
		if _, inPack := pack.Role(string(name)); !inPack {
			out.Roles = append(out.Roles, RoleHeld{Name: string(name), May: directory.May(name), Holders: r.Holders(name)})
		}
	}
	return give(out, nil)
}

type grantIn struct {
	Role   string    `path:"role" maxLength:"100"`
	Holder string    `path:"holder" maxLength:"60" doc:"person id or group id"`
	Until  time.Time `query:"until" doc:"end of the grant; none when left out"`
}

func (a *API) grantRole(ctx context.Context, in *grantIn) (*none, error) {
	g := directory.Grant{Op: directory.GrantRole, Role: directory.RoleName(in.Role), Until: micros(in.Until)}
	return nil, a.assign(ctx, g, in.Holder)
}

type revokeIn struct {
	Role   string `path:"role" maxLength:"100"`
	Holder string `path:"holder" maxLength:"60"`
}

func (a *API) revokeRole(ctx context.Context, in *revokeIn) (*none, error) {
	return nil, a.assign(ctx, directory.Grant{Op: directory.RevokeRole, Role: directory.RoleName(in.Role)}, in.Holder)
}

func (a *API) listServices(ctx context.Context, in *pagingIn) (*body[Page[directory.Account]], error) {
	all, err := a.People.Accounts(ctx, "")
	services := make([]directory.Account, 0, len(all))
	for _, x := range all {
		if x.Kind == directory.Service {
			services = append(services, x)
		}
	}
	return listed(in.Paging, services, err)
}

type newServiceIn struct {
	In JSON[directory.NewService]
}

func (a *API) addService(ctx context.Context, in *newServiceIn) (*body[directory.Account], error) {
	return give(a.People.AddService(ctx, actorOf(ctx), in.In.value))
}

// ServiceEdit is what a service account is for now.
type ServiceEdit struct {
	Note  string   `json:"note"`
	Repos []string `json:"repos" doc:"repositories that its tokens may be bound to"`
}

type editServiceIn struct {
	ID string `path:"id" maxLength:"60"`
	In JSON[ServiceEdit]
}

func (a *API) editService(ctx context.Context, in *editServiceIn) (*none, error) {
	return nil, a.People.EditService(ctx, actorOf(ctx), directory.AccountID(in.ID), in.In.value.Note, in.In.value.Repos)
}

// Owner is who answers for a service account from now on.
type Owner struct {
	Owner directory.PersonID `json:"owner"`
}

type moveServiceIn struct {
	ID string `path:"id" maxLength:"60"`
	In JSON[Owner]
}

func (a *API) moveService(ctx context.Context, in *moveServiceIn) (*none, error) {
	return nil, a.People.MoveService(ctx, actorOf(ctx), directory.AccountID(in.ID), in.In.value.Owner)
}
