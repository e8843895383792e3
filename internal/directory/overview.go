package directory

import (
	"context"
	"fmt"
	"math"
	"slices"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
)

// Key is where a list goes on: behind the row with this instant and id. The zero Key begins at the newest.
type Key struct {
	At int64
	ID string
}

func (k Key) before() int64 {
	if k.ID == "" {
		return math.MaxInt64
	}
	return k.At
}

// AllSessions lists the live sessions of everybody, those that began last first, and says behind which
// the next page begins; the zero Key at the end. Officers, admins and auditors see them.
func (d *Desk) AllSessions(ctx context.Context, actor fault.Actor, from Key, limit int) (out []Session, next Key, err error) {
	err = d.overview(ctx, actor, func(tx *db.Tx) error {
		now := tx.Now().UnixMicro()
		list, err := sessionsBefore(tx, now, from, limit)
		if err != nil {
			return fmt.Errorf("load sessions: %w", err)
		}
		if len(list) == limit {
			next = Key{list[limit-1].Expires, string(list[limit-1].ID)}
		}
		for _, s := range list {
			s.Used = d.used(string(s.ID), s.Used)
			if s.live(now, s.Used) == nil {
				out = append(out, s)
			}
		}
		return nil
	})
	return out, next, err
}

// AllTokens lists everybody's tokens, newest first, also those that ended, and says behind which the next
// page begins; the zero Key at the end. Officers, admins and auditors see them.
func (d *Desk) AllTokens(ctx context.Context, actor fault.Actor, from Key, limit int) (out []Token, next Key, err error) {
	err = d.overview(ctx, actor, func(tx *db.Tx) error {
		out, err = tokensBefore(tx, from, limit)
		if err != nil {
			return fmt.Errorf("load tokens: %w", err)
		}
		for i, t := range out {
			out[i].Used = d.used(string(t.ID), t.Used)
		}
		if len(out) == limit {
			next = Key{out[limit-1].Created, string(out[limit-1].ID)}
		}
		return nil
	})
	return out, next, err
}

// AnyToken reports whether somebody has a token that works.
func (d *Desk) AnyToken(ctx context.Context) (there bool, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		_, there, err = db.One(tx, scanText, "SELECT id FROM directory_token WHERE revoked = 0 AND expires > $1 LIMIT 1", tx.Now().UnixMicro())
		return err
	})
	return there, err
}

// overview runs a reading use-case of those who look after the server.
func (d *Desk) overview(ctx context.Context, actor fault.Actor, run func(*db.Tx) error) error {
	if err := d.Allow(ctx, actor, OfficeRead); err != nil {
		return err
	}
	return d.db.View(ctx, run)
}

// Way is one way by which a person holds a role: granted to them, or to a group that they are in.
type Way struct {
	Role    RoleName
	Through []GroupID // from the group that the person is directly in to the one that holds the role; empty for their own grant
	Change  string    // the access change behind it: of the grant, else of the first place in a group that has one; "" where none was needed
	Since   int64     // microseconds
	Until   int64     // 0 is without end
}

// Ways tells by which ways a person holds their roles, sorted by role. Like Roles it knows nothing of
// somebody disabled.
func (r *Roster) Ways(p PersonID) []Way {
	if !r.Active(p) {
		return nil
	}
	var out []Way
	for _, g := range r.grants {
		if g.Holder == string(p) {
			out = append(out, Way{Role: g.Role, Change: g.Change, Since: g.Since, Until: g.Until})
			continue
		}
		for _, path := range r.paths(string(p), GroupID(g.Holder)) {
			out = append(out, r.way(g, string(p), path))
		}
	}
	return slices.DeleteFunc(out, func(w Way) bool { return !r.Holds(p, w.Role) })
}

// way is how somebody holds a role through groups: since the youngest of all the places on the path.
func (r *Roster) way(g RoleGrant, member string, path []GroupID) Way {
	w := Way{Role: g.Role, Through: path, Change: g.Change, Since: g.Since, Until: g.Until}
	for _, into := range path {
		since, change := r.place(into, member)
		w.Since = max(w.Since, since)
		if w.Change == "" {
			w.Change = change
		}
		member = string(into)
	}
	return w
}

// paths lists how a member is inside a group, each as the groups from the innermost to that group.
func (r *Roster) paths(member string, to GroupID) (out [][]GroupID) {
	queue := [][]GroupID{}
	for _, g := range r.into[member] {
		queue = append(queue, []GroupID{g})
	}
	for ; len(queue) > 0; queue = queue[1:] {
		path := queue[0]
		last := path[len(path)-1]
		if last == to {
			out = append(out, path)
			continue
		}
		if len(path) >= MaxNesting {
			continue
		}
		for _, up := range r.into[string(last)] {
			if !slices.Contains(path, up) {
				queue = append(queue, append(slices.Clone(path), up))
			}
		}
	}
	return out
}

// place says since when, and by which change, somebody is in a group.
func (r *Roster) place(g GroupID, member string) (since int64, change string) {
	for _, m := range r.groups[g].Members {
		if m.key() == member {
			return m.Since, m.Change
		}
	}
	return 0, ""
}

// Group gives a group.
func (r *Roster) Group(id GroupID) (Group, bool) { g, ok := r.groups[id]; return g, ok }

// Confers lists the roles that members of a group get from it, or from a group around it, sorted.
func (r *Roster) Confers(g GroupID) []RoleName {
	return slices.Sorted(slices.Values(r.confers(g)))
}

// PeopleIn lists everybody in a group, through other groups too, sorted.
func (r *Roster) PeopleIn(g GroupID) []PersonID {
	if _, known := r.groups[g]; !known {
		return nil
	}
	return r.peopleIn(string(g))
}

// LendingOf gives the lending of an account that lasts: who issued its code and has not been vouched away.
func (r *Roster) LendingOf(a Account) (Lending, bool) {
	list := r.lendings[a.Person]
	for i := len(list) - 1; i >= 0; i-- {
		if l := list[i]; l.Account == a.ID && l.Until == 0 {
			return l, true
		}
	}
	return Lending{}, false
}
