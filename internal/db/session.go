package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
)

// session is one connection with its prepared statements. It belongs to one goroutine at a time.
type session struct {
	lite   *lite // on SQLite; then there is no conn
	conn   *sql.Conn
	stmts  map[string]*sql.Stmt
	writes map[string]write // what each writing statement does, read once
}

// maxStmts bounds the prepared statements of one session; SQL texts are constants, so a real
// program stays far below it.
const maxStmts = 512

// open opens a connection of its own, for writing or for reading only.
func (d *DB) open(ctx context.Context, pool *sql.DB) (*session, error) {
	if dsn, ok := d.sqlite[pool]; ok {
		l, err := openLite(pool.Driver(), dsn)
		if err != nil {
			return nil, err
		}
		return &session{lite: l, writes: map[string]write{}}, nil
	}
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &session{conn: conn, stmts: map[string]*sql.Stmt{}, writes: map[string]write{}}, nil
}

// target reads what a writing statement does.
func (s *session) target(text string) (write, error) {
	if w, ok := s.writes[text]; ok {
		return w, nil
	}
	w, err := parseWrite(text)
	if err == nil && len(s.writes) < maxStmts {
		s.writes[text] = w
	}
	return w, err
}

func (s *session) prepare(text string) (*sql.Stmt, error) {
	if st, ok := s.stmts[text]; ok {
		return st, nil
	}
	if len(s.stmts) >= maxStmts {
		if err := s.forget(); err != nil {
			return nil, err
		}
	}
	st, err := s.conn.PrepareContext(context.Background(), text)
	if err != nil {
		return nil, err
	}
	s.stmts[text] = st
	return st, nil
}

// exec runs a statement without results. The context is the background on purpose: a transaction is
// finished or rolled back whole, and a cancelled request must not tear its neighbours' commit.
func (s *session) exec(text string, args ...any) (int64, error) {
	if s.lite != nil {
		return s.lite.exec(text, args)
	}
	st, err := s.prepare(text)
	if err != nil {
		return 0, err
	}
	res, err := st.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (s *session) query(text string, args ...any) (Rows, error) {
	if s.lite != nil {
		return s.lite.query(text, args)
	}
	st, err := s.prepare(text)
	if err != nil {
		return nil, err
	}
	rows, err := st.QueryContext(context.Background(), args...)
	if err != nil {
		return nil, err // not rows that are nil inside an interface
	}
	return rows, nil
}

func (s *session) close() error {
	if s.lite != nil {
		return errors.Join(s.lite.forget(), s.lite.conn.Close())
	}
	return errors.Join(s.forget(), s.conn.Close())
}

// forget closes the prepared statements. It must come before the end of their connection.
func (s *session) forget() error {
	var errs []error
	for text, st := range s.stmts {
		errs = append(errs, st.Close())
		delete(s.stmts, text)
	}
	return errors.Join(errs...)
}

// drop throws the connection away, for use after an error that leaves its state unknown.
func (s *session) drop() {
	if s.lite != nil {
		_ = s.close()
		return
	}
	_ = s.forget()
	// Only this error makes database/sql close the connection instead of keeping it for the next user.
	_ = s.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = s.conn.Close()
}
