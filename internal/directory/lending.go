package directory

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/seal"
)

// Lending is the time in which an account may be another's than its person's: from the instant at which
// an officer issued a one-time code for it, because whoever issues a code can redeem it, until another
// officer vouches for the person, or issues the next code. docs/adr/0011 says why nothing that is done
// with the account itself ends it.
type Lending struct {
	ID      string    `json:"id"`
	Account AccountID `json:"account"`
	Person  PersonID  `json:"person"` // whose account it is
	By      PersonID  `json:"by"`     // who issued the code
	At      int64     `json:"at"`     // microseconds
	Until   int64     `json:"until"`  // exclusive; 0 while it lasts
	Voucher PersonID  `json:"voucher,omitempty"`
}

// lent opens a lending and closes the one before it, which the new code ended: the old password and the
// sessions opened with it are gone.
func (d *Desk) lent(tx *db.Tx, a Account) error {
	if err := endLending(tx, a.ID, a.LentAt, ""); err != nil || a.LentBy == "" {
		return err
	}
	return insertLending(tx, Lending{ID: seal.NewID("lnd"), Account: a.ID, Person: a.Person, By: a.LentBy, At: a.LentAt})
}

// Vouch says that an account is in the hands of its person: an officer asked them whether they chose its
// password themselves. It cannot be the officer who issued the code, nor the person. The person's
// sessions and own tokens end, because somebody else may have opened them; decisions made before stay
// what they were.
func (d *Desk) Vouch(ctx context.Context, actor fault.Actor, id AccountID, reason string) error {
	if err := checkReason(reason); err != nil {
		return err
	}
	return d.manage(ctx, actor, PeopleManage, func(tx *db.Tx, r *Roster) error {
		a, err := openAccount(tx, id)
		if err != nil {
			return err
		}
		l, open := r.lending(a)
		if err := r.mayVouch(actor, a, l, open); err != nil {
			return err
		}
		if err := endLending(tx, id, tx.Now().UnixMicro(), PersonID(actor.Person)); err != nil {
			return err
		}
		if err := d.recordPeople(tx, ledger.Event{Verb: "account.vouched", Type: "person", Object: string(a.Person),
			Detail: map[string]any{"account": string(id), "issuer": string(l.By), "reason": reason}}); err != nil {
			return err
		}
		if err := d.endSessions(tx, a.Person, "", "account vouched for"); err != nil {
			return err
		}
		return d.endOwnTokens(tx, r, a.Person, "account vouched for")
	})
}

// mayVouch asks for a second officer, one who is neither the issuer, nor the person, nor somebody whom
// one of them could sign in as.
func (r *Roster) mayVouch(actor fault.Actor, a Account, l Lending, open bool) error {
	if err := r.active(a.Person); err != nil {
		return err
	}
	who := PersonID(actor.Person)
	selves := append(r.Lenders(who, math.MaxInt64), who)
	same := func(p PersonID) bool { return slices.Contains(selves, p) }
	switch {
	case !open:
		return fault.New(fault.Conflict, "not_lent", "Nobody else could sign in with that account.").About(string(a.ID)).FixedBy("nobody: there is nothing to mend").
			Then("plumb people show %s", a.Person)
	case a.once != "":
		return fault.New(fault.Conflict, "not_redeemed", "The code of that account was not redeemed yet.").About(string(a.ID)).FixedBy(r.Name(a.Person)).
			Then("plumb login --code-file FILE")
	case same(l.By) || same(a.Person):
		return fault.New(fault.Denied, "own_voucher", "Another officer than the one who issued the code vouches for an account.").
			About(string(a.ID)).Because("exclude", "policy statement (e)").FixedBy("another security officer").
			Then("plumb people vouch %s", a.Person)
	}
	return nil
}

// lending gives the lending of an account that lasts.
func (r *Roster) lending(a Account) (Lending, bool) {
	i := slices.IndexFunc(r.lendings[a.Person], func(l Lending) bool { return l.Account == a.ID && l.Until == 0 })
	if i < 0 {
		return Lending{}, false
	}
	return r.lendings[a.Person][i], true
}

// Lent lists the people as whom somebody else could act now, sorted.
func (r *Roster) Lent() []PersonID {
	var out []PersonID
	for p, list := range r.lendings {
		if slices.ContainsFunc(list, func(l Lending) bool { return l.Until == 0 }) {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return out
}

// EverLent lists the people, disabled ones too, as whom somebody else could act at some time; sorted.
func (r *Roster) EverLent() []PersonID { return slices.Sorted(maps.Keys(r.lendings)) }

// Lenders lists who could act as a person at an instant (microseconds) because they issued the code of
// one of their accounts, or could act as who did; sorted, without the person.
func (r *Roster) Lenders(p PersonID, at int64) []PersonID { return r.lenders(p, at, at) }

// LendersSince lists who could act as a person at any instant from then on.
func (r *Roster) LendersSince(p PersonID, from int64) []PersonID {
	return r.lenders(p, from, math.MaxInt64)
}

// Same reports whether who acts now as a person may be who acted as another at an instant (microseconds): one of the two, or
// somebody else, could act as both.
func (r *Roster) Same(person, other PersonID, at int64) bool {
	mine := append(r.Lenders(person, math.MaxInt64), person)
	return slices.ContainsFunc(append(r.Lenders(other, at), other), func(p PersonID) bool { return slices.Contains(mine, p) })
}

func (r *Roster) lenders(p PersonID, from, to int64) []PersonID {
	var out []PersonID
	for _, l := range r.lendings[p] {
		if l.At <= to && (l.Until == 0 || l.Until > from) {
			r.through(p, l.By, l.At, &out)
		}
	}
	slices.Sort(out)
	return out
}

// through adds an issuer, and who could act as the issuer when the code was issued.
func (r *Roster) through(p, by PersonID, at int64, out *[]PersonID) {
	if by == p || slices.Contains(*out, by) {
		return
	}
	*out = append(*out, by)
	for _, l := range r.lendings[by] {
		if l.At <= at && (l.Until == 0 || at < l.Until) {
			r.through(p, l.By, l.At, out)
		}
	}
}

func insertLending(tx *db.Tx, l Lending) error {
	_, err := tx.Exec("INSERT INTO directory_lending (id, account, person, issuer, since, until, voucher) VALUES ($1, $2, $3, $4, $5, $6, $7)",
		l.ID, string(l.Account), string(l.Person), string(l.By), l.At, l.Until, string(l.Voucher))
	if err != nil {
		return fmt.Errorf("save lending: %w", err)
	}
	return nil
}

func endLending(tx *db.Tx, account AccountID, at int64, voucher PersonID) error {
	if _, err := tx.Exec("UPDATE directory_lending SET until = $1, voucher = $2 WHERE account = $3 AND until = 0",
		at, string(voucher), string(account)); err != nil {
		return fmt.Errorf("end lending: %w", err)
	}
	return nil
}

// LendingRows gives the rows of all lendings as they stand, oldest first: for evidence.
func LendingRows(tx *db.Tx, each func(row db.Row) error) error {
	rows, err := tx.Query("SELECT * FROM directory_lending ORDER BY since, id")
	if err == nil {
		err = db.EachRow(rows, each)
	}
	if err != nil {
		return fmt.Errorf("read lendings: %w", err)
	}
	return nil
}

func scanLending(row db.Scanner) (l Lending, err error) {
	return l, row.Scan(&l.ID, &l.Account, &l.Person, &l.By, &l.At, &l.Until, &l.Voucher)
}

func listLendings(tx *db.Tx) ([]Lending, error) {
	list, err := db.Collect(tx, scanLending, "SELECT id, account, person, issuer, since, until, voucher FROM directory_lending ORDER BY since, id")
	if err != nil {
		return nil, fmt.Errorf("load lendings: %w", err)
	}
	return list, nil
}
