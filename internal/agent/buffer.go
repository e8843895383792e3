package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// state is what the server has and what it does not have yet. It survives a kill: it is written before anything is sent, and again when
// the server has answered.
type state struct {
	Have  wire.Facts `json:"have"`  // what the server has
	Queue []step     `json:"queue"` // how it went on, the oldest first
	Lost  int64      `json:"lost"`  // states that there was no room for
}

// step is one state of the host, as its difference from the one before.
type step struct {
	Set  wire.Facts `json:"set,omitempty"`
	Gone []string   `json:"gone,omitempty"`
	Last wire.Facts `json:"last,omitempty"`
}

// The most that is kept for a server that is away: 200 states, and 2 MiB of them. Beyond it the oldest two become one, so
// that the newest state is never lost.
const (
	maxSteps = 200
	maxBytes = 2 << 20
)

func (a *Agent) load() error {
	b, err := os.ReadFile(filepath.Join(a.cfg.Dir, stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read state: %w", err)
	}
	if json.Unmarshal(b, &a.state) != nil {
		a.state = state{} // it is only a memory: the server says what it has
	}
	return nil
}

func (a *Agent) save() error {
	b, err := json.Marshal(a.state, json.Deterministic(true))
	if err == nil {
		err = seal.WriteFile(filepath.Join(a.cfg.Dir, stateFile), b, 0o600)
	}
	if err != nil {
		return fmt.Errorf("keep state: %w", err)
	}
	return nil
}

// latest gives the newest state that was read.
func (s *state) latest() wire.Facts {
	out := s.Have
	for _, x := range s.Queue {
		out = out.With(x.Set, x.Gone)
	}
	return out
}

// add notes a look at the host; changed is false when it is as it was.
func (s *state) add(l Look) (changed bool) {
	set, gone := s.latest().Difference(l.Facts)
	if len(set)+len(gone) == 0 {
		return false
	}
	s.Queue = append(s.Queue, step{Set: set, Gone: gone, Last: l.Last})
	for len(s.Queue) > 1 && (len(s.Queue) > maxSteps || s.bytes() > maxBytes) {
		s.Queue[1] = s.Queue[0].then(s.Queue[1])
		s.Queue = s.Queue[1:]
		s.Lost++
	}
	return true
}

// then makes one step of two.
func (x step) then(next step) step {
	out := step{Set: maps.Clone(x.Set), Last: next.Last}
	if out.Set == nil {
		out.Set = wire.Facts{}
	}
	gone := map[string]bool{}
	for _, path := range x.Gone {
		gone[path] = true
	}
	for _, path := range next.Gone {
		gone[path] = true
		delete(out.Set, path)
	}
	for path, v := range next.Set {
		out.Set[path] = v
		delete(gone, path)
	}
	out.Gone = sorted(gone)
	return out
}

func (s *state) bytes() (n int) {
	for _, x := range s.Queue {
		for path, v := range x.Set {
			n += len(path) + len(v) + 8
		}
		for _, path := range x.Gone {
			n += len(path) + 4
		}
	}
	return n
}
