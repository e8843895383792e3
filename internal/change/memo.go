package change

import (
	"strings"
	"sync"

	"plumbline.dev/plumb/internal/policy"
)

// memo keeps the matching of people to slots for a snapshot that nobody changes any more: the gate's
// cache has such, and many pipelines ask about the same one. It is safe for concurrent use.
type memo struct {
	mu      sync.Mutex
	matches map[string]policy.Matching // guarded by mu; by the executors who are left out
}

// maxMemo bounds how many sets of executors are kept for one snapshot.
const maxMemo = 64

// match gives what is kept, or works it out. The result is shared and must not be changed.
func (m *memo) match(executors []string, work func() policy.Matching) policy.Matching {
	key := strings.Join(executors, "\n")
	m.mu.Lock()
	defer m.mu.Unlock()
	if kept, ok := m.matches[key]; ok {
		return kept
	}
	if m.matches == nil || len(m.matches) >= maxMemo {
		m.matches = map[string]policy.Matching{}
	}
	found := work()
	m.matches[key] = found
	return found
}
