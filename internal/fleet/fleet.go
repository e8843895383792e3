// Package fleet knows the agents: who may report, by which key, how far each was heard, and what it last said. It is not the
// inventory: what a host is becomes a record there by a connector, and a report proves nothing but that the holder of a key sent it.
//
// Read in this order: fleet.go (what there is), rule.go (what is taken and what is not), enrol.go, report.go, conflict.go, sql.go.
package fleet

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/seal"
)

// EnrolToken lets one host enrol, once.
type EnrolToken struct {
	ID      string `json:"id"`
	Note    string `json:"note"`
	Person  string `json:"person"` // who made it
	Created int64  `json:"created"`
	Expires int64  `json:"expires"`
	Revoked int64  `json:"revoked"`
	Used    int64  `json:"used"`
	Agent   string `json:"agent"` // that came in by it

	hash string
}

// Agent is one enrolled host.
type Agent struct {
	ID       string `json:"id"`
	N        int64  `json:"n"`
	Name     string `json:"name"`     // as it called itself when it came
	Key      string `json:"key"`      // its public key, base64
	Token    string `json:"token"`    // by which it came
	Enrolled int64  `json:"enrolled"` //
	Revoked  int64  `json:"revoked"`
	Person   string `json:"person"` // who revoked it
	Why      string `json:"why"`
	Conflict int64  `json:"conflict"` // since when two hosts are known to use this key; 0 for never
	Detail   string `json:"detail"`
}

// Presence is when an agent was last heard, and how far its facts have come.
type Presence struct {
	Boot      string `json:"boot"`
	Seen      int64  `json:"seen"`      // the server's clock at its newest report
	Skew      int64  `json:"skew"`      // its clock less the server's then, microseconds; the way of the message included
	Root      string `json:"root"`      // of the facts it has reported; "" for none yet
	Changed   int64  `json:"changed"`   // when these were reported first
	Taken     string `json:"taken"`     // root of the facts that the inventory has
	Confirmed int64  `json:"confirmed"` // how long after that the inventory knows them to be true
	Lost      int64  `json:"lost"`      // states it read and had to drop while the server was away

	horizon int64 // messages of a boot that is not known any more are older than this, by the agent's clock
}

// Standing is an agent with its presence.
type Standing struct {
	Agent    Agent    `json:"agent"`
	Presence Presence `json:"presence"`
}

// People says whether who acts may still do so.
type People interface {
	ConfirmIn(tx *db.Tx, actor fault.Actor) error
}

// Desk holds the use-cases of the fleet. It is safe for concurrent use.
type Desk struct {
	db     *db.DB
	people People
	speed  speeds
}

// New makes the desk; it does no I/O.
func New(d *db.DB, people People) *Desk { return &Desk{db: d, people: people} }

// How fast one agent may send: one message in two seconds over time, and forty at once, which is what a host that was cut
// off for a day needs to catch up.
const (
	perSecond = rate.Limit(0.5)
	burst     = 40
	maxSpeeds = 1 << 16 // beyond it all begin anew
)

// speeds bounds how often each agent is heard.
type speeds struct {
	mu   sync.Mutex
	byID map[string]*rate.Limiter // guarded by mu
}

func (s *speeds) take(agent string, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.byID[agent]
	if l == nil {
		if s.byID == nil || len(s.byID) >= maxSpeeds {
			s.byID = map[string]*rate.Limiter{}
		}
		l = rate.NewLimiter(perSecond, burst)
		s.byID[agent] = l
	}
	if !l.AllowN(now, 1) {
		return fault.New(fault.Limited, "too_many_reports", "This agent reports more often than a host needs to.").
			FixedBy("whoever runs the host").Then("journalctl -u plumb-agent")
	}
	return nil
}

// verify checks a signature over a body of one kind of message.
func verify(key, domain string, body []byte, signature string) error {
	pub, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil || len(pub) != ed25519.PublicKeySize {
		return wrongSignature()
	}
	sig, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil || !ed25519.Verify(pub, append([]byte(domain), body...), sig) {
		return wrongSignature()
	}
	return nil
}

func wrongSignature() error {
	return fault.New(fault.Unauthenticated, "wrong_signature", "The message is not signed by the key of that agent.").
		FixedBy("whoever runs the host").Then("plumb agent enrol")
}

func record(tx *db.Tx, verb, object string, detail map[string]any) error {
	if _, err := ledger.Append(tx, ledger.Event{Verb: verb, Type: "agent", Object: object, Detail: detail}); err != nil {
		return fmt.Errorf("record %s: %w", verb, err)
	}
	return nil
}

// Agents lists the agents in the order of their coming, from the one after the number given.
func (d *Desk) Agents(ctx context.Context, after int64, limit int) (out []Standing, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		out, err = listStandings(tx, after, limit)
		return err
	})
	return out, err
}

// Revoke ends an agent: nothing that its key signs is taken any more.
func (d *Desk) Revoke(ctx context.Context, actor fault.Actor, id, why string) error {
	return d.db.Update(ctx, actor, func(tx *db.Tx) error {
		if err := d.people.ConfirmIn(tx, actor); err != nil {
			return err
		}
		a, found, err := loadAgent(tx, id)
		switch {
		case err != nil:
			return err
		case !found:
			return fault.New(fault.NotFound, "no_agent", "There is no such agent.").FixedBy("you").Then("plumb agent list")
		case a.Revoked != 0:
			return nil
		}
		a.Revoked, a.Person, a.Why = tx.Now().UnixMicro(), actor.Person, line(why)
		if err := updateAgent(tx, a); err != nil {
			return err
		}
		return record(tx, "agent.revoked", a.ID, map[string]any{"name": a.Name, "why": a.Why})
	})
}

// newID makes the id of a row of this room.
func newID(prefix string) string { return seal.NewID(prefix) }
