package directory

import (
	"context"
	"fmt"
	"slices"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/policy"
)

// RoleGrant says that a person or a group holds a role.
type RoleGrant struct {
	Role   RoleName `json:"role"`
	Holder string   `json:"holder"`           // id of a person or a group
	Change string   `json:"change,omitempty"` // id of the access change that granted it; "setup" for the ceremony
	Since  int64    `json:"since"`
	Until  int64    `json:"until"` // 0 is without end
}

// GrantOp says what a Grant does.
type GrantOp string

// The operations. The zero value is none and is refused.
const (
	GrantRole  GrantOp = "grant"  // Person or Group gets Role
	RevokeRole GrantOp = "revoke" // Person or Group loses Role
	JoinGroup  GrantOp = "join"   // Person or Group gets a place in Into
	LeaveGroup GrantOp = "leave"  // Person or Group loses its place in Into
)

// Grant is one change of who holds what. Exactly one of Person and Group is set.
type Grant struct {
	Op     GrantOp  `json:"op"`
	Role   RoleName `json:"role,omitempty"`
	Person PersonID `json:"person,omitempty"`
	Group  GroupID  `json:"group,omitempty"`
	Into   GroupID  `json:"into,omitempty"`
	Until  int64    `json:"until,omitempty"` // of a granted role; 0 is without end
}

// who is the id of the holder or member.
func (g Grant) who() string {
	if g.Person != "" {
		return string(g.Person)
	}
	return string(g.Group)
}

// known is which roles there are and which of them approve.
type known map[RoleName]bool

// approving reports whether a role can approve. An unknown role counts as one that can.
func (k known) approving(r RoleName) bool {
	approves, ok := k[r]
	return approves || !ok
}

// knownRoles asks the pack in force. Admin and Auditor never approve unless a pack says so; Officer
// always counts as approving, because it manages the people who do.
func (d *Desk) knownRoles(tx *db.Tx) (known, error) {
	var roles []policy.Role
	if d.hooks.Roles != nil {
		var err error
		if roles, err = d.hooks.Roles(tx); err != nil {
			return nil, fmt.Errorf("load roles of the policy: %w", err)
		}
	}
	return knownFrom(roles), nil
}

func knownFrom(roles []policy.Role) known {
	k := known{Admin: false, Auditor: false}
	for _, r := range roles {
		k[RoleName(r.Name)] = r.Approves
	}
	k[Officer] = true
	return k
}

// Assign grants or revokes a role, or gives or takes a place in a group, where no approving role is
// gained or lost by it; an officer does it. Who may approve is changed only by an approved access
// change (policy: Security grants access; requirement A16), which calls Apply.
func (d *Desk) Assign(ctx context.Context, actor fault.Actor, g Grant) error {
	return d.manage(ctx, actor, PeopleManage, func(tx *db.Tx, r *Roster) error {
		k, err := d.knownRoles(tx)
		if err != nil {
			return err
		}
		if err := r.mayGrant(g, k, tx.Now().UnixMicro()); err != nil {
			return err
		}
		if touched := r.touches(g); slices.ContainsFunc(touched, k.approving) {
			return fault.New(fault.Denied, "grant_needs_change", "That changes who can approve, so it needs an approved access change.").
				Because("approving-roles", "provision/portal-access").About(g.who()).FixedBy("an approved access change").
				Then("plumb change new --category access")
		}
		return d.perform(tx, g, "")
	})
}

// Apply carries out what an approved access change says, inside the transaction that executes it. Only
// the change engine calls it, with the id of that change; it answers for its rows with an event of its
// own. Rules that hold for every grant hold here too: roles and holders must be known, groups sound, an
// officer must remain.
func (d *Desk) Apply(tx *db.Tx, g Grant, changeID string) error {
	if changeID == "" {
		return fault.New(fault.Denied, "grant_needs_change", "A grant of this kind names the change that allows it.").
			FixedBy("whoever asks for the role").Then("plumb access request")
	}
	r, err := d.RosterIn(tx)
	if err != nil {
		return err
	}
	k, err := d.knownRoles(tx)
	if err != nil {
		return err
	}
	if err := r.mayGrant(g, k, tx.Now().UnixMicro()); err != nil {
		return err
	}
	if err := d.perform(tx, g, changeID); err != nil || g.Op == GrantRole || g.Op == JoinGroup {
		return err
	}
	return d.staffed(tx, r)
}

// staffed asks whether enough people are left, after one lost a place that before shows.
func (d *Desk) staffed(tx *db.Tx, before *Roster) error {
	if d.hooks.Staffed == nil {
		return nil
	}
	after, err := d.RosterIn(tx)
	if err != nil {
		return err
	}
	return d.hooks.Staffed(tx, before.People(), after.People())
}

// touches lists the roles that somebody gains or loses by a grant.
func (r *Roster) touches(g Grant) []RoleName {
	if g.Op == JoinGroup || g.Op == LeaveGroup {
		return r.confers(g.Into)
	}
	return []RoleName{g.Role}
}

// mayGrant refuses grants that make no sense or break what must always hold.
func (r *Roster) mayGrant(g Grant, k known, now int64) error {
	if err := r.wellFormed(g, k, now); err != nil {
		return err
	}
	switch g.Op {
	case GrantRole:
		return r.auditorApart(g.who(), append(r.confers(g.Group), g.Role), k)
	case RevokeRole:
		if !r.granted(g.Role, g.who()) {
			return fault.New(fault.Conflict, "role_not_held", "The role is not held by that grant.").About(g.who()).
				FixedBy("you").Then("plumb roles list")
		}
		return r.officersRemain(g)
	case JoinGroup:
		if slices.Contains(r.into[g.who()], g.Into) {
			return fault.New(fault.Conflict, "member_already", "It is a member of that group already.").About(g.who()).
				FixedBy("you").Then("plumb groups list")
		}
		if err := r.nests(g.Into, Member{Person: g.Person, Group: g.Group}); err != nil {
			return err
		}
		return r.auditorApart(g.who(), append(r.confers(g.Group), r.confers(g.Into)...), k)
	}
	if !slices.Contains(r.into[g.who()], g.Into) {
		return fault.New(fault.Conflict, "not_member", "It is not a member of that group.").About(g.who()).
			FixedBy("you").Then("plumb groups list")
	}
	return r.officersRemain(g)
}

func (r *Roster) wellFormed(g Grant, k known, now int64) error {
	e := fault.New(fault.Invalid, "bad_grant", "The grant cannot be taken.")
	role := g.Op == GrantRole || g.Op == RevokeRole
	if !role && g.Op != JoinGroup && g.Op != LeaveGroup {
		e.At("op", "is one of grant, revoke, join, leave")
	}
	_, isGroup := r.groups[g.Group]
	switch {
	case (g.Person == "") == (g.Group == ""):
		e.At("person", "name either a person or a group")
	case g.Person != "" && !r.Active(g.Person):
		if g.Op == GrantRole || g.Op == JoinGroup || r.persons[g.Person] == nil {
			e.At("person", "is not an active person")
		}
	case g.Group != "" && !isGroup:
		e.At("group", "is not a group")
	}
	if _, known := k[g.Role]; role && !known && g.Op == GrantRole {
		e.At("role", "is not a role of the policy in force")
	}
	if _, known := r.groups[g.Into]; !role && !known {
		e.At("into", "is not a group")
	}
	if g.Until != 0 && (g.Op != GrantRole || g.Until <= now) {
		e.At("until", "is an instant in the future, for a granted role")
	}
	if len(e.Fields) > 0 {
		return e
	}
	return nil
}

func (r *Roster) granted(role RoleName, holder string) bool {
	return slices.ContainsFunc(r.grants, func(g RoleGrant) bool { return g.Role == role && g.Holder == holder })
}

// auditorApart keeps who audits apart from who approves: no person may do both.
func (r *Roster) auditorApart(who string, gains []RoleName, k known) error {
	audits, approves := slices.Contains(gains, Auditor), slices.ContainsFunc(gains, k.approving)
	if !audits && !approves {
		return nil
	}
	for _, p := range r.peopleIn(who) {
		for _, held := range r.Roles(p) {
			if audits && k.approving(RoleName(held)) || approves && RoleName(held) == Auditor {
				return fault.New(fault.Denied, "auditor_approves", "%s would both audit and approve.", r.Name(p)).
					Because("auditor_apart", "").About(string(p)).
					FixedBy("its approvers, by an access change that takes the other role away first").Then("plumb access request --revoke --role ROLE --person %s", p)
			}
		}
	}
	if audits && approves {
		return fault.New(fault.Denied, "auditor_approves", "Members of that group would both audit and approve.").
			Because("auditor_apart", "").
			FixedBy("its approvers, by an access change that takes the other role away first").Then("plumb access request --revoke --role ROLE --person PERSON")
	}
	return nil
}

// peopleIn lists the people that an id stands for: the person, or everybody in the group.
func (r *Roster) peopleIn(who string) []PersonID {
	if r.persons[PersonID(who)] != nil {
		return []PersonID{PersonID(who)}
	}
	var out []PersonID
	for p := range flatten(GroupID(who), r.groups, map[GroupID]*flat{}).since {
		out = append(out, p)
	}
	slices.Sort(out)
	return out
}

// officersRemain refuses a grant that would take the last officer away.
func (r *Roster) officersRemain(g Grant) error {
	after := r.without(g)
	if len(r.lasting(Officer)) > 0 && len(after.lasting(Officer)) == 0 {
		return fault.New(fault.Denied, "last_officer", "No security officer would be left; nobody could manage people afterwards.").
			Because("officer_remains", "").About(g.who()).
			FixedBy("its approvers, by an access change that names another officer first").Then("plumb access request --role %s --person PERSON", Officer)
	}
	return nil
}

// without works out who would hold what after a role is revoked or a place in a group is taken.
func (r *Roster) without(g Grant) *Roster {
	s := stored{groups: map[GroupID]Group{}}
	for _, p := range r.persons {
		s.persons = append(s.persons, p.Person)
	}
	for id, x := range r.groups {
		if g.Op == LeaveGroup && id == g.Into {
			x.Members = slices.DeleteFunc(slices.Clone(x.Members), func(m Member) bool { return m.key() == g.who() })
		}
		s.groups[id] = x
	}
	s.grants = slices.DeleteFunc(slices.Clone(r.grants), func(x RoleGrant) bool {
		return g.Op == RevokeRole && x.Role == g.Role && x.Holder == g.who()
	})
	return newRoster(s, r.from)
}

// perform saves a grant and records it.
func (d *Desk) perform(tx *db.Tx, g Grant, changeID string) error {
	now := tx.Now().UnixMicro()
	ev := ledger.Event{Type: "person", Object: g.who(), Detail: map[string]any{"change": changeID}}
	if g.Group != "" {
		ev.Type = "group"
	}
	var err error
	switch g.Op {
	case GrantRole:
		ev.Verb = "role.granted"
		err = saveGrant(tx, RoleGrant{Role: g.Role, Holder: g.who(), Change: changeID, Since: now, Until: g.Until})
	case RevokeRole:
		ev.Verb = "role.revoked"
		err = deleteGrant(tx, g.Role, g.who())
	case JoinGroup:
		ev.Verb = "group.joined"
		err = insertMember(tx, g.Into, Member{Person: g.Person, Group: g.Group, Change: changeID, Since: now})
	case LeaveGroup:
		ev.Verb = "group.left"
		err = deleteMember(tx, g.Into, g.who())
	}
	if err != nil {
		return fmt.Errorf("save grant: %w", err)
	}
	if g.Op == GrantRole || g.Op == RevokeRole {
		ev.Detail["role"], ev.Detail["until"] = string(g.Role), g.Until
	} else {
		ev.Detail["into"] = string(g.Into)
	}
	return d.recordPeople(tx, ev)
}
