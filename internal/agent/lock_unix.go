//go:build unix

package agent

import (
	"os"

	"golang.org/x/sys/unix"
)

// lock takes a file for this process; it ends with the file.
func lock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }
