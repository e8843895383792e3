package directory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/policy"
)

// Roster is who is there and holds what, at one instant: a value shared by all who ask, never changed
// after it is made. What it hands out must not be changed either.
type Roster struct {
	epoch       string // the state of the directory that it was read from
	from, until int64  // the instants between which no grant begins or ends

	people   []policy.Person
	persons  map[PersonID]*rosterPerson
	accounts map[AccountID]Account
	byFold   map[string]AccountID
	byEmail  map[string]PersonID
	groups   map[GroupID]Group
	grants   []RoleGrant
	into     map[string][]GroupID   // member → the groups that it is directly in
	lendings map[PersonID][]Lending // of each person, oldest first, ended ones too
}

type rosterPerson struct {
	Person
	roles map[RoleName]span
	names []string // of roles, sorted
}

// span is since when, and until when, a role is held; until 0 is without end.
type span struct{ since, until int64 }

// People lists the active people with the roles that they hold, sorted by id: what slots are matched
// with.
func (r *Roster) People() []policy.Person { return r.people }

// Active reports whether this is a known person who is not disabled.
func (r *Roster) Active(p PersonID) bool { return r.persons[p] != nil && r.persons[p].Disabled == 0 }

// Roles lists the roles that an active person holds now, directly and through groups, sorted. Nobody
// unknown or disabled holds any.
func (r *Roster) Roles(p PersonID) []string {
	if !r.Active(p) {
		return nil
	}
	return r.persons[p].names
}

// Holds reports whether an active person holds the role now.
func (r *Roster) Holds(p PersonID, role RoleName) bool {
	return slices.Contains(r.Roles(p), string(role))
}

// Since says since when an active person holds a role without a break, through the oldest of all ways;
// ok is false when they do not hold it. A policy that wants new holders to wait reads it.
func (r *Roster) Since(p PersonID, role RoleName) (since time.Time, ok bool) {
	if !r.Holds(p, role) {
		return time.Time{}, false
	}
	return time.UnixMicro(r.persons[p].roles[role].since).UTC(), true
}

// Holders lists the active people who hold a role now, sorted.
func (r *Roster) Holders(role RoleName) []PersonID {
	var out []PersonID
	for _, p := range r.people {
		if slices.Contains(p.Roles, string(role)) {
			out = append(out, PersonID(p.ID))
		}
	}
	return out
}

// Name is a person's name, also of a disabled one; the id where there is no such person.
func (r *Roster) Name(p PersonID) string {
	if x := r.persons[p]; x != nil {
		return x.Name
	}
	return string(p)
}

// Called is what a person or a group is called, by its id; what is neither stays as it is, such as a source's word for an owner.
func (r *Roster) Called(id string) string {
	if g, ok := r.groups[GroupID(id)]; ok {
		return g.Name
	}
	return r.Name(PersonID(id))
}

// Person gives a person's record, also of a disabled one.
func (r *Roster) Person(p PersonID) (Person, bool) {
	if x := r.persons[p]; x != nil {
		return x.Person, true
	}
	return Person{}, false
}

// PersonOf gives the person behind an account: for a service account its owner. Disabled people and
// ended accounts are found too, because what they did stays theirs.
func (r *Roster) PersonOf(a AccountID) (PersonID, bool) {
	x, ok := r.accounts[a]
	return x.Person, ok
}

// Account gives an account, also an ended one.
func (r *Roster) Account(id AccountID) (Account, bool) { a, ok := r.accounts[id]; return a, ok }

// Accounts lists the accounts of a person, ended ones too, sorted by id; service accounts that they own
// are among them.
func (r *Roster) Accounts(p PersonID) []Account {
	var out []Account
	for _, a := range r.accounts {
		if a.Person == p {
			out = append(out, a)
		}
	}
	sortAccounts(out)
	return out
}

func sortAccounts(list []Account) {
	slices.SortFunc(list, func(a, b Account) int { return cmp.Compare(a.ID, b.ID) })
}

// Named finds the active person who has a username.
func (r *Roster) Named(username string) (PersonID, bool) {
	a, ok := r.liveAccount(username, Local)
	return a.Person, ok
}

// ServiceNamed finds a live service account by its username; its owner is active.
func (r *Roster) ServiceNamed(username string) (AccountID, bool) {
	a, ok := r.liveAccount(username, Service)
	return a.ID, ok
}

// ServiceOwner gives the active person who answers for a live service account.
func (r *Roster) ServiceOwner(id AccountID) (PersonID, bool) {
	a := r.accounts[id] // an unknown one is of no kind
	if a.Kind != Service || a.Ended != 0 || !r.Active(a.Person) {
		return "", false
	}
	return a.Person, true
}

func (r *Roster) liveAccount(username string, kind AccountKind) (Account, bool) {
	fold, err := Fold(username)
	if err != nil {
		return Account{}, false
	}
	a := r.accounts[r.byFold[fold]] // an unknown one is of no kind
	if a.Kind != kind || a.Ended != 0 || !r.Active(a.Person) {
		return Account{}, false
	}
	return a, true
}

// WithEmail finds the people behind a mail address, disabled ones too. It errs to the strict side and
// is only for excluding: an address proves nobody's identity.
func (r *Roster) WithEmail(address string) []PersonID {
	if p, ok := r.byEmail[foldEmail(address)]; ok {
		return []PersonID{p}
	}
	return nil
}

// Groups lists the groups, sorted by name.
func (r *Roster) Groups() []Group {
	return slices.SortedFunc(maps.Values(r.groups), func(a, b Group) int { return cmp.Compare(a.Name, b.Name) })
}

// GroupNamed finds a group by its name.
func (r *Roster) GroupNamed(name string) (GroupID, bool) {
	fold, err := Fold(name)
	if err != nil {
		return "", false
	}
	for _, g := range r.groups {
		if g.fold == fold {
			return g.ID, true
		}
	}
	return "", false
}

// GroupOf finds the group that a word means: by its id, or else by its name.
func (r *Roster) GroupOf(word string) (GroupID, bool) {
	if _, known := r.Group(GroupID(word)); known {
		return GroupID(word), true
	}
	return r.GroupNamed(word)
}

// Grants lists the live grants of roles, sorted by role and holder.
func (r *Roster) Grants() []RoleGrant { return r.grants }

// confers lists the roles that members of a group get from it or from a group around it.
func (r *Roster) confers(g GroupID) []RoleName {
	seen := map[string]bool{string(g): true}
	for queue := []string{string(g)}; len(queue) > 0; queue = queue[1:] {
		for _, up := range r.into[queue[0]] {
			if !seen[string(up)] {
				seen[string(up)] = true
				queue = append(queue, string(up))
			}
		}
	}
	var out []RoleName
	for _, x := range r.grants {
		if seen[x.Holder] && !slices.Contains(out, x.Role) {
			out = append(out, x.Role)
		}
	}
	return out
}

// lasting lists the active people who hold a role without end.
func (r *Roster) lasting(role RoleName) []PersonID {
	return slices.DeleteFunc(r.Holders(role), func(p PersonID) bool { return r.persons[p].roles[role].until != 0 })
}

// MaxNesting is how deep groups may nest; trust model 6.
const MaxNesting = 8

// flat is a group with all that is below it.
type flat struct {
	sound  bool // no cycle and not too deep; else the group counts as empty
	height int
	since  map[PersonID]int64
	open   bool // being flattened: meeting it again is a cycle
}

// flatten gives the people of a group with the instant since when they are in it. A group in which a
// cycle or too deep a nest is reached has nobody: then nothing can be said for sure about it.
func flatten(g GroupID, groups map[GroupID]Group, done map[GroupID]*flat) *flat {
	if f := done[g]; f != nil {
		if f.open {
			return &flat{}
		}
		return f
	}
	f := &flat{open: true, sound: true, height: 1, since: map[PersonID]int64{}}
	done[g] = f
	for _, m := range groups[g].Members {
		if m.Person != "" {
			f.add(m.Person, m.Since)
			continue
		}
		sub := flatten(m.Group, groups, done)
		f.height = max(f.height, sub.height+1)
		f.sound = f.sound && sub.sound && f.height <= MaxNesting
		for p, since := range sub.since {
			f.add(p, max(since, m.Since))
		}
	}
	f.open = false
	if !f.sound {
		clear(f.since)
	}
	return f
}

func (f *flat) add(p PersonID, since int64) {
	if old, ok := f.since[p]; !ok || since < old {
		f.since[p] = since
	}
}

// stored is the whole directory as its rows say.
type stored struct {
	epoch    epoch
	persons  []Person
	accounts []Account
	groups   map[GroupID]Group
	grants   []RoleGrant
	lendings []Lending
}

// newRoster works out who holds what at the instant now (microseconds).
func newRoster(s stored, now int64) *Roster {
	r := &Roster{epoch: s.epoch.people, from: now, until: 1<<63 - 1, groups: s.groups,
		persons: make(map[PersonID]*rosterPerson, len(s.persons)), accounts: make(map[AccountID]Account, len(s.accounts)),
		byFold: make(map[string]AccountID, len(s.accounts)), byEmail: make(map[string]PersonID, len(s.persons)),
		into: map[string][]GroupID{}, lendings: map[PersonID][]Lending{}}
	for _, p := range s.persons {
		r.persons[p.ID] = &rosterPerson{Person: p, roles: map[RoleName]span{}}
		r.byEmail[foldEmail(p.Email)] = p.ID
	}
	for _, a := range s.accounts {
		a.password, a.once = "", ""
		r.accounts[a.ID] = a
		r.byFold[a.fold] = a.ID
	}
	for _, l := range s.lendings {
		r.lendings[l.Person] = append(r.lendings[l.Person], l)
	}
	for id, g := range s.groups {
		for _, m := range g.Members {
			r.into[m.key()] = append(r.into[m.key()], id)
		}
	}
	done := map[GroupID]*flat{}
	for _, g := range s.grants {
		if g.Until != 0 && g.Until <= now {
			continue
		}
		if g.Until != 0 {
			r.until = min(r.until, g.Until)
		}
		r.grants = append(r.grants, g)
		r.expand(g, done)
	}
	r.seal()
	return r
}

// expand gives a grant to its holder: a person, or everybody in a group.
func (r *Roster) expand(g RoleGrant, done map[GroupID]*flat) {
	if p := r.persons[PersonID(g.Holder)]; p != nil {
		p.hold(g.Role, span{g.Since, g.Until})
		return
	}
	for id, since := range flatten(GroupID(g.Holder), r.groups, done).since {
		if p := r.persons[id]; p != nil {
			p.hold(g.Role, span{max(since, g.Since), g.Until})
		}
	}
}

// hold adds one way of holding a role: the oldest beginning and the latest end count.
func (p *rosterPerson) hold(role RoleName, s span) {
	old, ok := p.roles[role]
	if ok {
		s.since = min(s.since, old.since)
		if old.until == 0 || s.until != 0 && old.until > s.until {
			s.until = old.until
		}
	}
	p.roles[role] = s
}

func (r *Roster) seal() {
	for id, p := range r.persons {
		for role := range p.roles {
			p.names = append(p.names, string(role))
		}
		slices.Sort(p.names)
		if p.Disabled == 0 {
			r.people = append(r.people, policy.Person{ID: string(id), Roles: p.names})
		}
	}
	slices.SortFunc(r.people, func(a, b policy.Person) int { return cmp.Compare(a.ID, b.ID) })
}

// current reports whether the roster still says what is true of this epoch at this instant.
func (r *Roster) current(people string, now int64) bool {
	return r != nil && r.epoch == people && r.from <= now && now < r.until
}

// Stands reports whether at that instant no role in the roster has begun or ended since it was read;
// whether the directory was written since is another question.
func (r *Roster) Stands(at time.Time) bool {
	return r != nil && r.from <= at.UnixMicro() && at.UnixMicro() < r.until
}

// RosterIn gives the people as this transaction sees them. It is kept between transactions and read
// anew only when the directory's epoch row says that something changed, or a grant has ended.
func (d *Desk) RosterIn(tx *db.Tx) (*Roster, error) {
	e, err := d.epochIn(tx)
	if err != nil {
		return nil, fmt.Errorf("load epoch: %w", err)
	}
	now := tx.Now().UnixMicro()
	if r := d.live.kept(); r.current(e.people, now) {
		return r, nil
	}
	s, err := loadAll(tx)
	if err != nil {
		return nil, fmt.Errorf("load people: %w", err)
	}
	s.epoch = e
	r := newRoster(s, now)
	d.live.keep(r)
	return r, nil
}

// Roster gives the people outside a transaction, for showing and for permissions. On PostgreSQL it can
// be up to a second behind another replica; decisions take RosterIn.
func (d *Desk) Roster(ctx context.Context) (r *Roster, err error) {
	now := d.db.Now()
	if err := d.catchUp(ctx, now); err != nil {
		return nil, err
	}
	if r := d.live.kept(); r.current(d.live.newest().people, now.UnixMicro()) {
		return r, nil
	}
	err = d.db.View(ctx, func(tx *db.Tx) error {
		r, err = d.RosterIn(tx)
		return err
	})
	return r, err
}
