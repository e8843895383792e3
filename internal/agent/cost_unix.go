//go:build unix

package agent

import (
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime gives the processor time of this process so far.
func cpuTime() time.Duration {
	var r unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
