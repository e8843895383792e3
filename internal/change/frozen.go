package change

import (
	"fmt"
	"sync"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
)

// Frozen is a row of change_demand: what the policy asked at one submission of a change. It is written
// once, with the submission; the shell names the newest by its digest, so that what never changes again is
// neither written nor read with every later step.
type Frozen struct {
	ID     string // change, dot, round
	Change ID
	N      int64  // round: how often the change had been submitted, with this time
	Digest string // of Body, domain plumb.demand.v1
	Body   string // the policy.Demand, JSON
}

// DemandDigest names a demand by the JSON that is stored of it.
func DemandDigest(body string) string { return seal.Digest("plumb.demand.v1", []byte(body)) }

// demandRow gives the row of the change's newest submission.
func (s *Snapshot) demandRow() (Frozen, error) {
	body, err := json.Marshal(s.Frozen, json.Deterministic(true))
	if err != nil {
		return Frozen{}, fmt.Errorf("encode demand: %w", err)
	}
	c := s.Change
	return Frozen{ID: fmt.Sprintf("%s.%d", c.ID, c.Body.Round), Change: c.ID, N: c.Body.Round, Digest: DemandDigest(string(body)), Body: string(body)}, nil
}

// freeze keeps the demand of a submission.
func (d *Desk) freeze(tx *db.Tx, s *Snapshot) error {
	f, err := s.demandRow()
	if err != nil {
		return err
	}
	s.Change.Body.Frozen = f.Digest
	if _, err := tx.Exec("INSERT INTO change_demand (id, change_id, n, digest, body) VALUES ($1, $2, $3, $4, $5)",
		f.ID, string(f.Change), f.N, f.Digest, f.Body); err != nil {
		return fmt.Errorf("save demand: %w", err)
	}
	d.demands.keep(f.Digest, s.Frozen)
	return nil
}

// loadFrozen reads the demand of the newest submission; the zero value before the first. The digest in the
// shell is what counts: it names the demand wherever it was read.
func (d *Desk) loadFrozen(tx *db.Tx, c Change) (f policy.Demand, err error) {
	if c.Body.Frozen == "" {
		return f, nil
	}
	if f, ok := d.demands.get(c.Body.Frozen); ok {
		return f, nil
	}
	body, _, err := db.One(tx, scanString, "SELECT body FROM change_demand WHERE change_id = $1 AND n = $2", string(c.ID), c.Body.Round)
	switch {
	case err != nil:
		return f, fmt.Errorf("load demand: %w", err)
	case DemandDigest(body) != c.Body.Frozen: // nor is a body that is gone
		return f, fmt.Errorf("load demand: what is stored of %s is not what was frozen; nothing is decided by it", c.ID)
	}
	if err := json.Unmarshal([]byte(body), &f); err != nil {
		return f, fmt.Errorf("read demand: %w", err)
	}
	d.demands.keep(c.Body.Frozen, f)
	return f, nil
}

// demandCache keeps demands by digest; a digest names its content for ever. What it gives is shared and
// must not be changed.
type demandCache struct {
	mu       sync.RWMutex
	byDigest map[string]policy.Demand // guarded by mu
}

// maxDemands bounds the demands kept; changes of one kind under one pack share theirs.
const maxDemands = 1000

func (c *demandCache) get(digest string) (policy.Demand, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	f, ok := c.byDigest[digest]
	return f, ok
}

func (c *demandCache) keep(digest string, f policy.Demand) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byDigest == nil || len(c.byDigest) >= maxDemands {
		c.byDigest = map[string]policy.Demand{}
	}
	c.byDigest[digest] = f
}
