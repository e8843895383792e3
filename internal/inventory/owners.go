package inventory

import (
	"context"
	"slices"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
)

// This file says which owners of production answer for it no longer. Nothing is stored: an owner who is named anew, or comes back, is
// no gap from that moment on.

// OwnerGap is why an owner does not answer for what is theirs; "" where they do.
type OwnerGap string

// The gaps.
const (
	Departed OwnerGap = "departed" // a person who is disabled
	Nobody   OwnerGap = "nobody"   // a group without an active person
	Unknown  OwnerGap = "unknown"  // no person, group, or the name of exactly one of them
)

// owners tells who answers for what is theirs.
type owners struct {
	roster *directory.Roster
	called callable
}

func ownersOf(r *directory.Roster) owners { return owners{r, calls(r)} }

// Gap says why the owner of an asset does not answer for it, by the people and groups there are; "" where they do, and for what is not living
// production. No owner at all is no gap: it is a label that is missing.
func (a Asset) Gap(r *directory.Roster) OwnerGap {
	if env := a.Label(LabelEnvironment); env == "dev" || env == "test" || a.State == Gone || a.State == Folded {
		return ""
	}
	return ownersOf(r).gap(a.Label(LabelOwner))
}

func (o owners) gap(owner string) OwnerGap {
	if owner == "" || o.called.person(owner) != "" {
		return ""
	}
	if g, known := o.roster.GroupOf(owner); known {
		if slices.ContainsFunc(o.roster.PeopleIn(g), o.roster.Active) {
			return ""
		}
		return Nobody
	}
	if _, known := o.roster.Person(directory.PersonID(owner)); known {
		return Departed
	}
	return Unknown
}

// Unanswered is an owner who does not answer for assets of production.
type Unanswered struct {
	Owner  string      `json:"owner"`  // as the label says
	Called string      `json:"called"` // what people call them
	Gap    OwnerGap    `json:"gap"`
	Assets int64       `json:"assets"` // how many; 1,000 stands for at least as many
	First  []AskedItem `json:"first"`  // the first of them, by number; five at most
}

// Bounds of one look at the owners.
const (
	maxOwners     = 2_000 // different owners that are looked at, in their order
	maxUnanswered = 50    // that are listed
	maxTheirs     = 1_000 // assets that are counted
	firstTheirs   = 5
)

// inProduction is the condition for an asset that must have an owner: all that is not development or test, and not gone for good.
const inProduction = " environment NOT IN ('dev', 'test') AND state NOT IN ('merged', 'retired')"

// Unanswered lists the owners of production who left or are unknown, for whoever may name others; nobody else is told that it waits for them.
// It reads each owner once, whatever they own, and the assets of those who do not answer only.
func (d *Desk) Unanswered(ctx context.Context, actor fault.Actor) (out []Unanswered, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		out = nil
		r, err := d.rosterIn(tx)
		if err != nil {
			return err
		}
		person := actor
		person.Kind, person.Authn = fault.Human, fault.Session // what a person may in their own session, whoever asks for them
		if directory.Allowed(person, r.Roles(directory.PersonID(actor.Person)), directory.InventoryManage) != nil {
			return nil
		}
		who := ownersOf(r)
		list, err := unansweredBy(tx, who)
		for _, owner := range list {
			if len(out) == maxUnanswered {
				break
			}
			u := Unanswered{Owner: owner, Called: r.Called(owner), Gap: who.gap(owner)}
			if u.Assets, u.First, err = theirs(tx, owner); err != nil {
				return err
			}
			if u.Assets > 0 {
				out = append(out, u)
			}
		}
		return err
	})
	return out, err
}

// ownersQuery walks from one owner to the next over their index.
const ownersQuery = "WITH RECURSIVE owner_of (owner) AS (SELECT MIN(owner) FROM inventory_asset WHERE owner > ''" +
	" UNION ALL SELECT (SELECT MIN(a.owner) FROM inventory_asset a WHERE a.owner > owner_of.owner) FROM owner_of WHERE owner_of.owner IS NOT NULL)" +
	" SELECT owner FROM owner_of WHERE owner IS NOT NULL LIMIT $1"

// unansweredBy gives the owners of anything who do not answer for it, in their order.
func unansweredBy(tx *db.Tx, who owners) ([]string, error) {
	list, err := db.Collect(tx, scanText, ownersQuery, maxOwners)
	return slices.DeleteFunc(list, func(owner string) bool { return who.gap(owner) == "" }), err
}

// theirs counts what of production an owner has, and names the first.
func theirs(tx *db.Tx, owner string) (n int64, first []AskedItem, err error) {
	n, _, err = db.One(tx, scanInt, "SELECT COUNT(*) FROM (SELECT n FROM inventory_asset WHERE owner = $1 AND"+inProduction+" LIMIT $2) some_of", owner, maxTheirs)
	if err != nil || n == 0 {
		return n, nil, err
	}
	first, err = db.Collect(tx, func(row db.Scanner) (i AskedItem, err error) { return i, row.Scan(&i.Asset, &i.Name) },
		"SELECT id, name FROM inventory_asset WHERE owner = $1 AND"+inProduction+" ORDER BY n LIMIT $2", owner, firstTheirs)
	return n, first, err
}

// narrowed makes a filter ready that asks for what nobody answers for: of 200 such owners at once, in their order.
func (d *Desk) narrowed(tx *db.Tx, f Filter) (Filter, error) {
	if !f.Unanswered {
		return f, nil
	}
	r, err := d.rosterIn(tx)
	if err != nil {
		return f, err
	}
	list, err := unansweredBy(tx, ownersOf(r))
	f.owners = list[:min(len(list), db.AtOnce)]
	return f, err
}
