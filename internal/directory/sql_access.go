package directory

import (
	"fmt"
	"strings"

	"plumbline.dev/plumb/internal/db"
)

const sessionColumns = "SELECT s.id, s.account, s.person, s.hash, s.source, s.label, s.created, s.expires, s.ended, s.why, COALESCE(p.used, 0)" +
	" FROM directory_session s LEFT JOIN directory_presence p ON p.id = s.id"

func scanSession(row db.Scanner) (s Session, err error) {
	return s, row.Scan(&s.ID, &s.Account, &s.Person, &s.hash, &s.Source, &s.Label, &s.Created, &s.Expires, &s.Ended, &s.Why, &s.Used)
}

func sessionByHash(tx *db.Tx, hash string) (Session, bool, error) {
	return db.One(tx, scanSession, sessionColumns+" WHERE s.hash = $1", hash)
}

func sessionByID(tx *db.Tx, id SessionID) (Session, bool, error) {
	return db.One(tx, scanSession, sessionColumns+" WHERE s.id = $1", string(id))
}

// liveSessions lists the sessions of a person that nobody ended and that have not run out; idle ones too.
func liveSessions(tx *db.Tx, person PersonID, now int64) ([]Session, error) {
	return db.Collect(tx, scanSession, sessionColumns+" WHERE s.person = $1 AND s.expires > $2 AND s.ended = 0"+
		" ORDER BY s.created DESC, s.id", string(person), now)
}

// sessionsBefore lists the live sessions of everybody, those that began last first, from a key on.
func sessionsBefore(tx *db.Tx, now int64, from Key, limit int) ([]Session, error) {
	return db.Collect(tx, scanSession, sessionsBeforeText, now, from.before(), from.ID, limit)
}

// sessionsOverText and sessionsBeforeText find sessions by their end, for which there is one index.
const (
	sessionsOverText   = "SELECT id FROM directory_session WHERE expires < $1 ORDER BY expires, id LIMIT $2"
	sessionsBeforeText = sessionColumns + " WHERE s.ended = 0 AND s.expires > $1 AND (s.expires < $2 OR s.expires = $2 AND s.id > $3)" +
		" ORDER BY s.expires DESC, s.id LIMIT $4"
)

func insertSession(tx *db.Tx, s Session) error {
	_, err := tx.Exec("INSERT INTO directory_session (id, account, person, hash, source, label, created, expires, ended, why)"+
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)", string(s.ID), string(s.Account), string(s.Person), s.hash,
		s.Source, s.Label, s.Created, s.Expires, s.Ended, s.Why)
	return err
}

// saveSession writes the end of a session: nothing else of it ever changes, and an end stays.
func saveSession(tx *db.Tx, s Session) error {
	return tx.ExecOne("UPDATE directory_session SET ended = $1, why = $2 WHERE id = $3 AND ended = 0", s.Ended, s.Why, string(s.ID))
}

// sessionsOver lists sessions that ran out before an instant, as many as one event answers for.
func sessionsOver(tx *db.Tx, before int64) ([]string, error) {
	return db.Collect(tx, scanText, sessionsOverText, before, perEvent)
}

func deleteSession(tx *db.Tx, id string) error {
	if _, err := tx.Exec("DELETE FROM directory_presence WHERE id = $1", id); err != nil {
		return err
	}
	return tx.ExecOne("DELETE FROM directory_session WHERE id = $1", id)
}

const tokenColumns = "SELECT t.id, t.account, t.person, t.name, t.hash, t.scopes, t.repo, t.pipe, t.sources, t.created, t.expires, t.revoked, t.why, COALESCE(p.used, 0)" +
	" FROM directory_token t LEFT JOIN directory_presence p ON p.id = t.id"

func scanToken(row db.Scanner) (t Token, err error) {
	var scopes, sources string
	err = row.Scan(&t.ID, &t.Account, &t.Person, &t.Name, &t.hash, &scopes, &t.Repo, &t.Pipe, &sources, &t.Created, &t.Expires, &t.Revoked, &t.Why, &t.Used)
	for s := range strings.FieldsSeq(scopes) {
		t.Scopes = append(t.Scopes, Scope(s))
	}
	t.Sources = strings.Fields(sources)
	return t, err
}

func tokenByHash(tx *db.Tx, hash string) (Token, bool, error) {
	return db.One(tx, scanToken, tokenColumns+" WHERE t.hash = $1", hash)
}

func tokenByID(tx *db.Tx, id TokenID) (Token, bool, error) {
	return db.One(tx, scanToken, tokenColumns+" WHERE t.id = $1", string(id))
}

func tokensOf(tx *db.Tx, person PersonID) ([]Token, error) {
	return db.Collect(tx, scanToken, tokenColumns+" WHERE t.person = $1 ORDER BY t.created DESC, t.id", string(person))
}

// tokensBefore lists the tokens of everybody, newest first, from a key on.
func tokensBefore(tx *db.Tx, from Key, limit int) ([]Token, error) {
	return db.Collect(tx, scanToken, tokenColumns+" WHERE (t.created < $1 OR t.created = $1 AND t.id > $2)"+
		" ORDER BY t.created DESC, t.id LIMIT $3", from.before(), from.ID, limit)
}

func insertToken(tx *db.Tx, t Token) error {
	_, err := tx.Exec("INSERT INTO directory_token (id, account, person, name, hash, scopes, repo, pipe, sources, created, expires, revoked, why)"+
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)", string(t.ID), string(t.Account), string(t.Person), t.Name,
		t.hash, joinScopes(t.Scopes, " "), t.Repo, t.Pipe, strings.Join(t.Sources, " "), t.Created, t.Expires, t.Revoked, t.Why)
	return err
}

// saveToken writes the end of a token: nothing else of it ever changes, and an end stays.
func saveToken(tx *db.Tx, t Token) error {
	return tx.ExecOne("UPDATE directory_token SET revoked = $1, why = $2 WHERE id = $3 AND revoked = 0", t.Revoked, t.Why, string(t.ID))
}

func savePresence(tx *db.Tx, id string, used int64) error {
	_, err := tx.Exec("INSERT INTO directory_presence (id, used) VALUES ($1, $2)"+
		" ON CONFLICT (id) DO UPDATE SET used = excluded.used WHERE directory_presence.used < excluded.used", id, used)
	return err
}

func loadAttempt(tx *db.Tx, id string) (attempt, error) {
	a, found, err := db.One(tx, func(row db.Scanner) (a attempt, err error) {
		return a, row.Scan(&a.id, &a.failures, &a.last, &a.until)
	}, "SELECT id, failures, last, until FROM directory_attempt WHERE id = $1", id)
	if !found {
		a = attempt{id: id}
	}
	return a, err
}

func saveAttempt(tx *db.Tx, a attempt) error {
	_, err := tx.Exec("INSERT INTO directory_attempt (id, failures, last, until) VALUES ($1, $2, $3, $4)"+
		" ON CONFLICT (id) DO UPDATE SET failures = excluded.failures, last = excluded.last, until = excluded.until",
		a.id, a.failures, a.last, a.until)
	return err
}

func deleteAttempt(tx *db.Tx, id string) error {
	_, err := tx.Exec("DELETE FROM directory_attempt WHERE id = $1", id)
	return err
}

func forgetAttempts(tx *db.Tx, before int64) error {
	_, err := tx.Exec("DELETE FROM directory_attempt WHERE last < $1", before)
	return err
}

func scanText(row db.Scanner) (s string, err error) { return s, row.Scan(&s) }

func insertKey(tx *db.Tx, repo, sealed string, now int64) error {
	_, err := tx.Exec("INSERT INTO directory_key (id, sealed, created) VALUES ($1, $2, $3)", repo, sealed, now)
	return err
}

// insertIssue notes that a token got a repository's key; first is false when it had it before.
func insertIssue(tx *db.Tx, repo string, token TokenID, now int64) (first bool, err error) {
	n, err := tx.Exec("INSERT INTO directory_key_issue (id, repo, token, created) VALUES ($1, $2, $3, $4)"+
		" ON CONFLICT (id) DO NOTHING", repo+"|"+string(token), repo, string(token), now)
	return n == 1, err
}

// InstallIn gives this install inside a transaction; done is false before the ceremony has finished.
func InstallIn(tx *db.Tx) (i Install, done bool, err error) {
	i, done, err = db.One(tx, func(row db.Scanner) (i Install, err error) {
		return i, row.Scan(&i.ID, &i.Company, &i.Prefix, &i.Zone, &i.Created)
	}, "SELECT id, company, prefix, zone, created FROM directory_install ORDER BY created LIMIT 1")
	if err != nil {
		return i, false, fmt.Errorf("load install: %w", err)
	}
	return i, done, nil
}

func insertInstall(tx *db.Tx, i Install) error {
	_, err := tx.Exec("INSERT INTO directory_install (id, company, prefix, zone, created) VALUES ($1, $2, $3, $4, $5)",
		i.ID, i.Company, i.Prefix, i.Zone, i.Created)
	return err
}

// saveInstall writes what may change of an install; its id and its creation never do.
func saveInstall(tx *db.Tx, i Install) error {
	return tx.ExecOne("UPDATE directory_install SET company = $1, prefix = $2, zone = $3 WHERE id = $4", i.Company, i.Prefix, i.Zone, i.ID)
}

// setupHash gives the digest of the setup code; "" when there is none or it was used.
func setupHash(tx *db.Tx) (string, error) {
	hash, _, err := db.One(tx, scanText, "SELECT hash FROM directory_setup WHERE id = 'setup' AND used = 0")
	if err != nil {
		return "", fmt.Errorf("load setup code: %w", err)
	}
	return hash, nil
}

func saveSetup(tx *db.Tx, hash string, now, used int64) error {
	_, err := tx.Exec("INSERT INTO directory_setup (id, hash, created, used) VALUES ('setup', $1, $2, $3)"+
		" ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, used = excluded.used", hash, now, used)
	return err
}
