package fleet

import (
	"context"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// Report takes one message of an agent. Who sent it is known by the key before anything in it is read; what it does is decided by
// rule.go within one transaction.
func (d *Desk) Report(ctx context.Context, agent string, body []byte, signature string) (out wire.ReportAnswer, err error) {
	r, err := d.recognise(ctx, agent, body, signature)
	if err != nil {
		return out, err
	}
	cloned := false
	err = d.db.Update(ctx, fault.SystemActor("agents"), func(tx *db.Tx) error {
		cloned = false
		a, found, err := loadAgent(tx, agent)
		if err == nil && !found {
			err = wrongSignature()
		}
		if err == nil {
			err = a.mayReport()
		}
		if err != nil {
			return err
		}
		p, err := loadPresence(tx, agent)
		if err != nil {
			return err
		}
		boot, known, err := loadBoot(tx, agent, r.Boot)
		if err != nil {
			return err
		}
		if !known {
			if boot.kernel, err = heardOfKernel(tx, agent, r.Boot); err != nil {
				return err
			}
		}
		if cloned, err = counted(p, boot, known, r); cloned {
			return conflict(tx, a, r)
		}
		if err != nil {
			return err
		}
		out, err = heed(tx, agent, p, heard{agent: agent, boot: r.Boot, seq: r.Seq, sent: r.Sent, firstAt: boot.firstAt}, r)
		return err
	})
	if err == nil && cloned {
		err = keyShared()
	}
	return out, err
}

// recognise finds out whether a message is the agent's, at the cost of one read and one signature.
func (d *Desk) recognise(ctx context.Context, agent string, body []byte, signature string) (r wire.Report, err error) {
	var a Agent
	err = d.db.View(ctx, func(tx *db.Tx) error {
		var found bool
		a, found, err = loadAgent(tx, agent)
		if err == nil && !found {
			err = wrongSignature()
		}
		return err
	})
	if err == nil {
		err = verify(a.Key, wire.ReportDomain, body, signature)
	}
	if err == nil {
		err = a.mayReport()
	}
	if err == nil {
		err = d.speed.take(agent, d.db.Now())
	}
	if err != nil {
		return r, err
	}
	if err := seal.Decode(body, &r); err != nil {
		return r, err
	}
	if r.V != 1 || r.Seq <= 0 || r.Boot == "" || len(r.Boot) > 100 || !plain(r.Boot) || len(r.Root) != 43 || r.Lost < 0 || check(r.Last) != nil {
		return r, badReport("it is not of a form that is known here")
	}
	return r, nil
}

// heed notes that a message was heard and does what it asks.
func heed(tx *db.Tx, agent string, p Presence, h heard, r wire.Report) (out wire.ReportAnswer, err error) {
	now := tx.Now().UnixMicro()
	var f held
	if r.Root != p.Root {
		if f, err = loadFacts(tx, agent); err != nil {
			return out, err
		}
	}
	next, out, err := take(f.facts, p.Root, r)
	if err != nil {
		return out, err
	}
	out.At = now
	if next != nil {
		if p.Root != p.Taken && now-p.Changed < untaken.Microseconds() {
			return out, fault.New(fault.Limited, "not_taken_yet", "What this host said before is still on its way into the inventory.").
				FixedBy("whoever runs the server").Then("try again in a moment")
		}
		if err := saveFacts(tx, agent, held{root: r.Root, facts: next, last: r.Last}); err != nil {
			return out, err
		}
		p.Root, p.Changed = r.Root, now
	}
	if h.firstAt == 0 {
		h.firstAt = now
		if p.horizon, err = forget(tx, agent, p.horizon); err != nil {
			return out, err
		}
	}
	p.Boot, p.Seen, p.Skew, p.Lost = r.Boot, now, r.Sent-now, max(p.Lost, r.Lost)
	if err := savePresence(tx, agent, p); err != nil {
		return out, err
	}
	return out, saveBoot(tx, h)
}

// conflict notes that two hosts use one key. It is kept whatever becomes of the message.
func conflict(tx *db.Tx, a Agent, r wire.Report) error {
	a.Conflict, a.Detail = tx.Now().UnixMicro(), "an earlier start of the agent went on after a later one: two hosts have this key"
	if err := updateAgent(tx, a); err != nil {
		return err
	}
	return record(tx, "agent.key_shared", a.ID, map[string]any{"name": a.Name, "boot": r.Boot})
}

// Word is one agent whose facts are to be taken into the inventory, or confirmed there.
type Word struct {
	Agent string `json:"agent"`
	Root  string `json:"root"`
	Seen  int64  `json:"seen"`
	Ended bool   `json:"ended,omitzero"` // nothing of it is believed any more: the inventory lets its host's record go

	fresh bool  // the inventory has other facts
	since int64 // until when it knows them to be true
}

// Words lists what the inventory has not heard of yet. due says whether something of it should not wait: facts that changed, or
// confirmations older than confirmEvery.
func (d *Desk) Words(ctx context.Context) (out []Word, due bool, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		if out, err = listWords(tx); err != nil {
			return err
		}
		now := tx.Now()
		for _, w := range out {
			due = due || w.fresh || now.UnixMicro()-w.since > confirmEvery.Microseconds()
		}
		return nil
	})
	return out, due, err
}

// Ended lists the agents that were revoked and that the inventory still believes.
func (d *Desk) Ended(ctx context.Context) (out []Word, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		out, err = listEnded(tx)
		return err
	})
	return out, err
}

// Shared lists the agents whose key two hosts use, until they are revoked.
func (d *Desk) Shared(ctx context.Context) (out []Agent, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		out, err = listShared(tx)
		return err
	})
	return out, err
}

// Told gives what the inventory makes a record of.
type Told struct {
	Agent Agent
	Skew  int64
	Root  string
	Facts wire.Facts
	Last  wire.Facts
}

// Facts gives what an agent last said.
func (d *Desk) Facts(ctx context.Context, agent string) (t Told, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		f, err := loadFacts(tx, agent)
		if err != nil {
			return err
		}
		if f.root != "" && f.facts.Root() != f.root { // the agent signed the digest: what does not have it is not its word
			return fault.New(fault.Internal, "facts_altered", "What is stored of an agent is not what it signed.").
				FixedBy("whoever looks after the server").Then("plumb ledger verify; then plumb agent revoke %s", agent)
		}
		p, err := loadPresence(tx, agent)
		if err != nil {
			return err
		}
		t = Told{Skew: p.Skew, Root: f.root, Facts: f.facts, Last: f.last}
		t.Agent, _, err = loadAgent(tx, agent)
		return err
	})
	return t, err
}

// Taken notes that the inventory has these words.
func (d *Desk) Taken(ctx context.Context, words []Word) error {
	return d.db.Update(ctx, fault.SystemActor("agents"), func(tx *db.Tx) error {
		for _, w := range words {
			if err := markTaken(tx, w); err != nil {
				return err
			}
		}
		return nil
	})
}
