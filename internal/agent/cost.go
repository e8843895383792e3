package agent

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// What the agent may cost a host. A look that uses more processor time ends there; an agent that keeps more memory ends, and the system's
// supervisor starts it anew.
const (
	maxCPU     = 2 * time.Second
	maxMemory  = 60 << 20
	softMemory = 40 << 20 // from here on the memory is cleaned more often
)

var errCPU = errors.New("no processor time was left for it")

func withinCPU(used time.Duration) error {
	if used > maxCPU {
		return errCPU
	}
	return nil
}

func withinMemory(bytes int64) error {
	if bytes > maxMemory {
		return fmt.Errorf("agent: it keeps %d MiB of memory, %d at most; it ends to be started anew", bytes>>20, maxMemory>>20)
	}
	return nil
}

// memory gives what the process keeps in memory: what the kernel says, else what the runtime has taken.
func memory() int64 {
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		if w := strings.Fields(string(b)); len(w) > 1 {
			if pages, err := strconv.ParseInt(w[1], 10, 64); err == nil {
				return pages * int64(os.Getpagesize())
			}
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys - m.HeapReleased)
}
