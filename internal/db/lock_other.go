//go:build !unix

package db

import (
	"fmt"
	"os"
	"path/filepath"
)

// lockFolder keeps a second server away from the same SQLite folder: on these systems by a file that
// cannot be opened twice.
func lockFolder(dir string) (func(), error) {
	path := filepath.Join(dir, "plumb.lock")
	_ = os.Remove(path) // fails while another process holds it open
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock data folder: %w", err)
	}
	return func() { f.Close() }, nil
}

// writable reports whether this process can make files in a folder; where that cannot be told, it says yes.
func writable(string) bool { return true }
