package api

import (
	"sync"

	"plumbline.dev/plumb/internal/fault"
)

// How many large bodies are taken at once, in all and of one account: each can need as much memory as it
// has bytes.
const (
	maxUploads    = 16
	maxOwnUploads = 4
	largeBody     = 4 << 20 // announced smaller ones are not counted
)

// uploads counts the large bodies that are being taken.
type uploads struct {
	mu    sync.Mutex
	all   int            // guarded by mu
	owned map[string]int // guarded by mu
}

// begin takes one, or refuses it; leave gives its place back.
func (u *uploads) begin(account string, announced int64) (leave func(), err error) {
	if announced >= 0 && announced < largeBody {
		return func() {}, nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.all >= maxUploads || u.owned[account] >= maxOwnUploads {
		return nil, fault.New(fault.Limited, "too_many_uploads", "Too many large documents are being sent at once.").Then("try again in a moment").
			FixedBy("you")
	}
	if u.owned == nil {
		u.owned = map[string]int{}
	}
	u.all++
	u.owned[account]++
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.all--
		if u.owned[account]--; u.owned[account] == 0 {
			delete(u.owned, account)
		}
	}, nil
}
