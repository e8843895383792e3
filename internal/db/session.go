package db

import (
	"context"
	"database/sql"
	"errors"
)

// session is one connection with its prepared statements. It belongs to one goroutine at a time.
type session struct {
	conn   *sql.Conn
	stmts  map[string]*sql.Stmt
	writes map[string]write // what each writing statement does, read once
}

// maxStmts bounds the prepared statements of one session; SQL texts are constants, so a real
// program stays far below it.
const maxStmts = 512

func openSession(ctx context.Context, pool *sql.DB) (*session, error) {
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
		for k, st := range s.stmts {
			st.Close()
			delete(s.stmts, k)
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

func (s *session) query(text string, args ...any) (*sql.Rows, error) {
	st, err := s.prepare(text)
	if err != nil {
		return nil, err
	}
	return st.QueryContext(context.Background(), args...)
}

func (s *session) close() error {
	errs := []error{}
	for _, st := range s.stmts {
		errs = append(errs, st.Close())
	}
	return errors.Join(append(errs, s.conn.Close())...)
}

// drop throws the connection away, for use after an error that leaves its state unknown.
func (s *session) drop() {
	_ = s.conn.Raw(func(any) error { return errBroken })
	_ = s.close()
}

var errBroken = errors.New("db: connection dropped")
