//go:build unix

package db

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"plumbline.dev/plumb/internal/fault"
)

// lockFolder keeps a second server away from the same SQLite folder.
func lockFolder(dir string) (func(), error) {
	f, err := os.OpenFile(filepath.Join(dir, "plumb.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock data folder: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fault.New(fault.Conflict, "folder_in_use", "Another Plumbline server uses this data folder.").
			From(err).Then("stop the other server, or give this one its own --data folder").
			FixedBy("the operator of the server")
	}
	return func() {
		// Unlocked by name: a child that is just being forked shares the open file for a moment, and
		// would keep the lock beyond the Close.
		_ = unix.Flock(int(f.Fd()), unix.LOCK_UN)
		f.Close()
	}, nil
}

// writable reports whether this process can make files in a folder.
func writable(dir string) bool { return unix.Access(dir, unix.W_OK) == nil }
