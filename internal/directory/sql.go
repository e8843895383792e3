package directory

import (
	"fmt"
	"strings"

	"plumbline.dev/plumb/internal/db"
)

func scanEpoch(row db.Scanner) (e epoch, err error) { return e, row.Scan(&e.people, &e.bearers) }

func loadEpoch(tx *db.Tx) (epoch, error) {
	e, _, err := db.One(tx, scanEpoch, "SELECT people, bearers FROM directory_epoch WHERE id = 'epoch'")
	return e, err
}

// epochIn is loadEpoch inside a use-case: the writer knows it while nothing was written to the table.
func (d *Desk) epochIn(tx *db.Tx) (epoch, error) {
	return d.epochs.Recall(tx, "directory_epoch", func() (epoch, error) { return loadEpoch(tx) })
}

func saveEpoch(tx *db.Tx, e epoch) error {
	_, err := tx.Exec("INSERT INTO directory_epoch (id, people, bearers) VALUES ('epoch', $1, $2)"+
		" ON CONFLICT (id) DO UPDATE SET people = excluded.people, bearers = excluded.bearers", e.people, e.bearers)
	return err
}

const personColumns = "SELECT id, name, email, note, disabled, created FROM directory_person"

func scanPerson(row db.Scanner) (p Person, err error) {
	return p, row.Scan(&p.ID, &p.Name, &p.Email, &p.Note, &p.Disabled, &p.Created)
}

func insertPerson(tx *db.Tx, p Person) error {
	_, err := tx.Exec("INSERT INTO directory_person (id, name, email, email_fold, note, disabled, created)"+
		" VALUES ($1, $2, $3, $4, $5, $6, $7)", string(p.ID), p.Name, p.Email, foldEmail(p.Email), p.Note, p.Disabled, p.Created)
	return err
}

func savePerson(tx *db.Tx, p Person) error {
	return tx.ExecOne("UPDATE directory_person SET name = $1, email = $2, email_fold = $3, note = $4, disabled = $5 WHERE id = $6",
		p.Name, p.Email, foldEmail(p.Email), p.Note, p.Disabled, string(p.ID))
}

const accountColumns = "SELECT id, person, kind, username, fold, password, once, once_until, lent_by, lent_at, note, repos, ended, created" +
	" FROM directory_account"

func scanAccount(row db.Scanner) (a Account, err error) {
	var repos string
	err = row.Scan(&a.ID, &a.Person, &a.Kind, &a.Username, &a.fold, &a.password, &a.once, &a.OnceUntil,
		&a.LentBy, &a.LentAt, &a.Note, &repos, &a.Ended, &a.Created)
	a.Repos = strings.Fields(repos)
	return a, err
}

func loadAccount(tx *db.Tx, id AccountID) (Account, bool, error) {
	return db.One(tx, scanAccount, accountColumns+" WHERE id = $1", string(id))
}

func accountByFold(tx *db.Tx, fold string) (Account, bool, error) {
	return db.One(tx, scanAccount, accountColumns+" WHERE fold = $1", fold)
}

func insertAccount(tx *db.Tx, a Account) error {
	_, err := tx.Exec("INSERT INTO directory_account (id, person, kind, username, fold, password, once, once_until, lent_by, lent_at, note, repos, ended, created)"+
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
		string(a.ID), string(a.Person), string(a.Kind), a.Username, a.fold, a.password, a.once, a.OnceUntil,
		string(a.LentBy), a.LentAt, a.Note, strings.Join(a.Repos, " "), a.Ended, a.Created)
	return err
}

// saveAccount writes what may change of an account; its kind, username and creation never do.
func saveAccount(tx *db.Tx, a Account) error {
	return tx.ExecOne("UPDATE directory_account SET person = $1, password = $2, once = $3, once_until = $4, lent_by = $5, lent_at = $6, note = $7, repos = $8, ended = $9"+
		" WHERE id = $10", string(a.Person), a.password, a.once, a.OnceUntil, string(a.LentBy), a.LentAt, a.Note,
		strings.Join(a.Repos, " "), a.Ended, string(a.ID))
}

func insertGroup(tx *db.Tx, g Group) error {
	_, err := tx.Exec("INSERT INTO directory_group (id, name, fold, note, created) VALUES ($1, $2, $3, $4, $5)",
		string(g.ID), g.Name, g.fold, g.Note, g.Created)
	return err
}

func deleteGroup(tx *db.Tx, id GroupID) error {
	return tx.ExecOne("DELETE FROM directory_group WHERE id = $1", string(id))
}

func memberID(into GroupID, member string) string { return string(into) + "|" + member }

func insertMember(tx *db.Tx, into GroupID, m Member) error {
	_, err := tx.Exec("INSERT INTO directory_member (id, group_id, member, change_id, since) VALUES ($1, $2, $3, $4, $5)",
		memberID(into, m.key()), string(into), m.key(), m.Change, m.Since)
	return err
}

func deleteMember(tx *db.Tx, from GroupID, member string) error {
	return tx.ExecOne("DELETE FROM directory_member WHERE id = $1", memberID(from, member))
}

func grantID(role RoleName, holder string) string { return string(role) + "|" + holder }

// saveGrant writes a grant; one that is there already gets a new end and change, and keeps its
// beginning while it has not ended.
func saveGrant(tx *db.Tx, g RoleGrant) error {
	_, err := tx.Exec("INSERT INTO directory_grant (id, role, holder, change_id, since, until) VALUES ($1, $2, $3, $4, $5, $6)"+
		" ON CONFLICT (id) DO UPDATE SET change_id = excluded.change_id, until = excluded.until,"+
		" since = CASE WHEN directory_grant.until = 0 OR directory_grant.until > excluded.since THEN directory_grant.since ELSE excluded.since END",
		grantID(g.Role, g.Holder), string(g.Role), g.Holder, g.Change, g.Since, g.Until)
	return err
}

func deleteGrant(tx *db.Tx, role RoleName, holder string) error {
	return tx.ExecOne("DELETE FROM directory_grant WHERE id = $1", grantID(role, holder))
}

// loadAll reads the whole directory but sessions and tokens.
func loadAll(tx *db.Tx) (s stored, err error) {
	if s.persons, err = db.Collect(tx, scanPerson, personColumns); err != nil {
		return s, fmt.Errorf("load persons: %w", err)
	}
	if s.accounts, err = db.Collect(tx, scanAccount, accountColumns); err != nil {
		return s, fmt.Errorf("load accounts: %w", err)
	}
	if s.groups, err = loadGroups(tx); err != nil {
		return s, fmt.Errorf("load groups: %w", err)
	}
	s.grants, err = db.Collect(tx, func(row db.Scanner) (g RoleGrant, err error) {
		return g, row.Scan(&g.Role, &g.Holder, &g.Change, &g.Since, &g.Until)
	}, "SELECT role, holder, change_id, since, until FROM directory_grant ORDER BY role, holder")
	if err != nil {
		return s, fmt.Errorf("load grants: %w", err)
	}
	s.lendings, err = listLendings(tx)
	return s, err
}

func loadGroups(tx *db.Tx) (map[GroupID]Group, error) {
	list, err := db.Collect(tx, func(row db.Scanner) (g Group, err error) {
		return g, row.Scan(&g.ID, &g.Name, &g.fold, &g.Note, &g.Created)
	}, "SELECT id, name, fold, note, created FROM directory_group")
	if err != nil {
		return nil, err
	}
	groups := make(map[GroupID]Group, len(list))
	for _, g := range list {
		g.Members = []Member{}
		groups[g.ID] = g
	}
	type place struct {
		into GroupID
		who  string
		Member
	}
	places, err := db.Collect(tx, func(row db.Scanner) (p place, err error) {
		return p, row.Scan(&p.into, &p.who, &p.Change, &p.Since)
	}, "SELECT group_id, member, change_id, since FROM directory_member ORDER BY id")
	if err != nil {
		return nil, err
	}
	for _, p := range places {
		m := p.Member
		if _, isGroup := groups[GroupID(p.who)]; isGroup {
			m.Group = GroupID(p.who)
		} else {
			m.Person = PersonID(p.who)
		}
		g := groups[p.into]
		g.Members = append(g.Members, m)
		groups[p.into] = g
	}
	return groups, nil
}
