package fleet

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// How long an enrolment token lives, and how often the server wishes to hear of a host.
const (
	usualTokenLife = 24 * time.Hour
	maxTokenLife   = 14 * 24 * time.Hour
	wishedEvery    = 15 * time.Minute
)

// tokenPrefix lets scanners for leaked secrets know an enrolment token.
const tokenPrefix = "plb_enr_"

// MakeToken makes a token by which one host enrols, once. Its secret is given this once.
func (d *Desk) MakeToken(ctx context.Context, actor fault.Actor, note string, life time.Duration) (t EnrolToken, secret seal.Secret, err error) {
	if life == 0 {
		life = usualTokenLife
	}
	if life < 0 || life > maxTokenLife {
		return t, "", fault.New(fault.Invalid, "bad_agent_token", "An enrolment token lives between a moment and two weeks.").
			FixedBy("you").Then("plumb agent token --life 24h")
	}
	var b [32]byte
	rand.Read(b[:])
	secret = seal.Secret(tokenPrefix + base64.RawURLEncoding.EncodeToString(b[:]))
	err = d.db.Update(ctx, actor, func(tx *db.Tx) error {
		if err := d.people.ConfirmIn(tx, actor); err != nil {
			return err
		}
		now := tx.Now()
		t = EnrolToken{ID: newID("aet"), Note: line(note), Person: actor.Person, Created: now.UnixMicro(), Expires: now.Add(life).UnixMicro(),
			hash: stored(secret.Reveal())}
		if err := insertToken(tx, t); err != nil {
			return err
		}
		return record(tx, "agent_token.made", t.ID, map[string]any{"note": t.Note, "expires": t.Expires})
	})
	return t, secret, err
}

// stored is the form of a token in the database; the bits are random, so a plain hash is enough.
func stored(secret string) string { return seal.Digest("plumb.agent.token.v1", []byte(secret)) }

// Tokens lists the newest enrolment tokens, without their secrets.
func (d *Desk) Tokens(ctx context.Context) (out []EnrolToken, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		out, err = listTokens(tx)
		return err
	})
	return out, err
}

// RevokeToken ends a token that nobody used yet.
func (d *Desk) RevokeToken(ctx context.Context, actor fault.Actor, id string) error {
	return d.db.Update(ctx, actor, func(tx *db.Tx) error {
		if err := d.people.ConfirmIn(tx, actor); err != nil {
			return err
		}
		t, found, err := loadToken(tx, "id", id)
		switch {
		case err != nil:
			return err
		case !found:
			return fault.New(fault.NotFound, "no_agent_token", "There is no such enrolment token.").FixedBy("you").Then("plumb agent tokens")
		case t.Revoked != 0 || t.Used != 0:
			return nil
		}
		t.Revoked = tx.Now().UnixMicro()
		if err := updateToken(tx, t); err != nil {
			return err
		}
		return record(tx, "agent_token.revoked", t.ID, map[string]any{"note": t.Note})
	})
}

// Enrol takes a new host in. Whoever asks again with the same token and the same key gets the same answer, so that a lost answer
// costs no token.
func (d *Desk) Enrol(ctx context.Context, body []byte, signature string) (out wire.Enrolled, err error) {
	var e wire.Enrolment
	if err := seal.Decode(body, &e); err != nil {
		return out, err
	}
	if err := verify(e.Key, wire.EnrolmentDomain, body, signature); err != nil {
		return out, err
	}
	pub, err := base64.RawURLEncoding.DecodeString(e.Key)
	if err != nil || len(pub) != ed25519.PublicKeySize || base64.RawURLEncoding.EncodeToString(pub) != e.Key || e.V != 1 {
		return out, wrongSignature()
	}
	actor := fault.SystemActor("agents")
	err = d.db.Update(ctx, actor, func(tx *db.Tx) error {
		t, found, err := loadToken(tx, "hash", stored(e.Token))
		if err != nil {
			return err
		}
		a, known, err := agentByKey(tx, e.Key)
		if err != nil {
			return err
		}
		out = wire.Enrolled{Every: int64(wishedEvery / time.Second), At: tx.Now().UnixMicro()}
		if err := mayEnrol(t, found, a, known, tx.Now()); err != nil {
			return err
		}
		if known {
			out.Agent = a.ID
			return nil
		}
		if a, err = welcome(tx, t, e); err != nil {
			return err
		}
		out.Agent = a.ID
		return record(tx, "agent.enrolled", a.ID, map[string]any{"name": a.Name, "token": t.ID, "made_by": t.Person,
			"key": seal.Raw(pub)})
	})
	return out, err
}

// mayEnrol is the rule for who comes in: with a token that lives, once, and with a key that no other agent has.
func mayEnrol(t EnrolToken, found bool, a Agent, known bool, now time.Time) error {
	no := fault.New(fault.Unauthenticated, "enrolment_refused", "The enrolment token is not known, was used, was revoked or has expired.").
		FixedBy("a security officer").Then("plumb agent token")
	switch {
	case !found, t.Revoked != 0:
		return no
	case t.Used != 0 && known && t.Agent == a.ID:
		return a.mayReport()
	case t.Used != 0, now.UnixMicro() >= t.Expires:
		return no
	case known:
		return fault.New(fault.Conflict, "key_taken", "An agent with this key is enrolled already.").
			FixedBy("whoever runs the host").Then("rm -r the agent's folder; plumb agent enrol")
	}
	return nil
}

func welcome(tx *db.Tx, t EnrolToken, e wire.Enrolment) (a Agent, err error) {
	a = Agent{ID: newID("agt"), Name: line(e.Name), Key: e.Key, Token: t.ID, Enrolled: tx.Now().UnixMicro()}
	if a.N, err = nextAgent(tx); err != nil {
		return a, err
	}
	t.Used, t.Agent = a.Enrolled, a.ID
	if err := updateToken(tx, t); err != nil {
		return a, err
	}
	if err := insertAgent(tx, a); err != nil {
		return a, err
	}
	return a, savePresence(tx, a.ID, Presence{Seen: a.Enrolled, Skew: e.Sent - a.Enrolled})
}
