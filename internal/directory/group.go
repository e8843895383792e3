package directory

import (
	"context"
	"fmt"
	"slices"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/seal"
)

// Group is a named set of people and groups; it can hold roles like a person.
type Group struct {
	ID      GroupID  `json:"id"`
	Name    string   `json:"name"`
	Note    string   `json:"note"`
	Created int64    `json:"created"`
	Members []Member `json:"members"` // sorted

	fold string
}

// Member is one place in a group: of a person or of a group, never both.
type Member struct {
	Person PersonID `json:"person,omitempty"`
	Group  GroupID  `json:"group,omitempty"`
	Change string   `json:"change,omitempty"` // id of the access change that gave the place, where one was needed
	Since  int64    `json:"since"`
}

func (m Member) key() string {
	if m.Person != "" {
		return string(m.Person)
	}
	return string(m.Group)
}

// AddGroup makes an empty group without a role. An officer does it.
func (d *Desk) AddGroup(ctx context.Context, actor fault.Actor, name, note string) (g Group, err error) {
	fold, err := Fold(name)
	if err != nil {
		return g, err
	}
	e := fault.New(fault.Invalid, "bad_group", "The group cannot be made like that.")
	if checkLine(e, "note", note, maxNote, false); len(e.Fields) > 0 {
		return g, e
	}
	err = d.manage(ctx, actor, PeopleManage, func(tx *db.Tx, r *Roster) error {
		if _, taken := r.GroupNamed(name); taken {
			return fault.New(fault.Conflict, "group_taken", "A group of that name is there already.").
				FixedBy("you").Then("take another name than those of plumb groups list")
		}
		g = Group{ID: GroupID(seal.NewID("grp")), Name: name, Note: note, Created: tx.Now().UnixMicro(), fold: fold}
		if err := insertGroup(tx, g); err != nil {
			return fmt.Errorf("save group: %w", err)
		}
		return d.recordPeople(tx, ledger.Event{Verb: "group.added", Type: "group", Object: string(g.ID),
			Detail: map[string]any{"name": name}})
	})
	return g, err
}

// DropGroup removes a group that is empty, holds no role and is in no group: what it gave was taken
// away before, step by step. An officer does it.
func (d *Desk) DropGroup(ctx context.Context, actor fault.Actor, id GroupID) error {
	return d.manage(ctx, actor, PeopleManage, func(tx *db.Tx, r *Roster) error {
		g, ok := r.groups[id]
		switch {
		case !ok:
			return noGroup()
		case len(g.Members) > 0 || len(r.confers(id)) > 0 || len(r.into[string(id)]) > 0:
			return fault.New(fault.Conflict, "group_in_use", "The group still has members, roles or a place in another group.").About(string(id)).
				FixedBy("a security officer").Then("plumb groups leave GROUP PERSON, for each of them")
		}
		if err := deleteGroup(tx, id); err != nil {
			return fmt.Errorf("drop group: %w", err)
		}
		return d.recordPeople(tx, ledger.Event{Verb: "group.dropped", Type: "group", Object: string(id),
			Detail: map[string]any{"name": g.Name}})
	})
}

func noGroup() *fault.Error {
	return fault.New(fault.NotFound, "no_group", "There is no such group.").Then("plumb groups list")
}

// Groups lists the groups with their members, sorted by name.
func (d *Desk) Groups(ctx context.Context) ([]Group, error) {
	r, err := d.Roster(ctx)
	if err != nil {
		return nil, err
	}
	return r.Groups(), nil
}

// nests refuses a place that would make a cycle or nest too deep: in such a group nobody would count.
func (r *Roster) nests(into GroupID, m Member) error {
	groups := make(map[GroupID]Group, len(r.groups))
	for id, g := range r.groups {
		groups[id] = g
	}
	g := groups[into]
	g.Members = append(slices.Clone(g.Members), m)
	groups[into] = g
	done := map[GroupID]*flat{}
	for id := range groups {
		if !flatten(id, groups, done).sound {
			return fault.New(fault.Conflict, "group_nesting", "Groups cannot hold themselves, nor nest deeper than %d levels.", MaxNesting).About(string(into)).
				FixedBy("you").Then("plumb groups list")
		}
	}
	return nil
}
