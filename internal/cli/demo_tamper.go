package cli

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // to edit a copy as somebody with the file could
)

// tamper copies the database, edits one row as an administrator could, and asks that verification names
// it. The server's own database is not touched.
func (d *demo) tamper(ctx context.Context) (string, error) {
	from, to := filepath.Join(d.dir, "data"), filepath.Join(d.dir, "tampered")
	if err := os.MkdirAll(filepath.Join(to, "keys"), 0o700); err != nil {
		return "", err
	}
	for _, name := range []string{"plumb.db", "plumb.db-wal", "keys/ledger.key"} {
		b, err := os.ReadFile(filepath.Join(from, name))
		if err != nil && !os.IsNotExist(err) {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(to, name), b, 0o600); err != nil {
			return "", err
		}
	}
	pool, err := sql.Open("sqlite", filepath.Join(to, "plumb.db"))
	if err != nil {
		return "", err
	}
	_, err = pool.ExecContext(ctx, "UPDATE change_decision SET comment = 'I never read it' WHERE change_id = $1 AND verb = 'approve'", d.change)
	if closed := pool.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return "", fmt.Errorf("edit a row: %w", err)
	}
	o, err := d.want(ctx, 5, "olga", "ledger", "verify", "--data", to)
	if err == nil && !strings.Contains(o.out+o.err, "change_decision") {
		err = fmt.Errorf("verification does not name the table: %s", lastLine(o.out))
	}
	return "exit 5, and the edited rows of change_decision are named", err
}
