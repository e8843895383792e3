package api

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
)

// kept is what a request with an idempotency key left.
type kept struct {
	id      string
	request string // digest of body and query
	seq     int64  // of the event that the use-case ended with; -1 for none
	object  string // what that event is about
	status  int64  // 0 while the answer is not kept
	etag    string
	body    string // "plain:" and the answer, or "sealed:" and what the root key opens
	created int64
}

// Marks of a kept body.
const (
	plainMark  = "plain:"
	sealedMark = "sealed:"
)

// changeAnswer makes the answer that a route gives about a change, as it stands in the transaction.
func (a *API) changeAnswer(tx *db.Tx, route *Route, id string) (status int64, tag, body string, err error) {
	c, err := a.Changes.ChangeIn(tx, change.ID(id))
	if err != nil {
		return 0, "", "", fmt.Errorf("read the change: %w", err)
	}
	var text strings.Builder
	if err := marshal(&text, c); err != nil {
		return 0, "", "", fmt.Errorf("encode the change: %w", err)
	}
	return int64(route.status()), etag(c), plainMark + text.String(), nil
}

// keepAnswer keeps an answer right after its use-case. It can hold a secret that is shown once, so it is
// sealed at rest.
func (a *API) keepAnswer(ctx context.Context, id string, out *held) error {
	sealed, err := a.sealText("answer", id, out.body.Bytes())
	if err != nil {
		return err
	}
	return a.DB.Update(ctx, fault.SystemActor("idempotency"), func(tx *db.Tx) error {
		return saveAnswer(tx, id, int64(out.status), out.header.Get("ETag"), sealedMark+sealed)
	})
}

// opened gives the bytes of a kept answer.
func (a *API) opened(k kept) ([]byte, error) {
	if text, ok := strings.CutPrefix(k.body, plainMark); ok {
		return []byte(text), nil
	}
	sealed, _ := strings.CutPrefix(k.body, sealedMark)
	b, err := a.openText("answer", k.id, sealed)
	if err != nil {
		return nil, fmt.Errorf("open kept answer: %w", err)
	}
	return b, nil
}

// rebuilt makes the first answer again when the server stopped between the use-case and its answer. The
// event of the use-case names the row that it made. A secret that was shown to nobody is lost.
func (a *API) rebuilt(ctx context.Context, c *call, k kept) (kept, error) {
	made, err := a.madeBy(ctx, k)
	if err != nil {
		return k, err
	}
	if made == nil {
		return k, fault.New(fault.Conflict, "answer_lost", "The first request with this key was carried out, but its answer is lost with the secret in it.").
			About(k.object).FixedBy("you").Then("look at %s; where a secret is needed, revoke it and make another with a new key", k.object)
	}
	var text strings.Builder
	if err := marshal(&text, made); err != nil {
		return k, err
	}
	k.status, k.body = int64(c.route.status()), plainMark+text.String()
	return k, nil
}

// madeBy finds the row that a use-case made, by the table and the id in its event; nil when the row
// holds a secret that was to be shown, or when there is none.
func (a *API) madeBy(ctx context.Context, k kept) (made any, err error) {
	err = a.DB.View(ctx, func(tx *db.Tx) error {
		if k.seq < 0 {
			return nil
		}
		list, err := ledger.ReadIn(tx, k.seq, 1)
		if err != nil || len(list) == 0 || list[0].Seq != k.seq {
			return errors.Join(err, fault.New(fault.Conflict, "answer_lost", "The first request with this key cannot be found any more.").
				FixedBy("you").Then("look whether it was done; then repeat it with a new key"))
		}
		made, err = a.rowOf(tx, list[0].Leaf.Rows, k.object)
		return err
	})
	return made, err
}

func (a *API) rowOf(tx *db.Tx, rows [][3]string, object string) (any, error) {
	for _, row := range rows {
		switch row[0] {
		case "change_check":
			return a.Changes.CheckIn(tx, row[1])
		case "change_comment":
			return a.Changes.CommentIn(tx, row[1])
		case "change_window":
			return a.Changes.WindowIn(tx, row[1])
		case "change_permit", "directory_person", "directory_token", "api_webhook":
			return nil, nil // a secret went with it
		case "change_change":
			return a.Changes.ChangeIn(tx, change.ID(object))
		case "directory_group":
			r, err := a.People.RosterIn(tx)
			if err != nil {
				return nil, err
			}
			for _, g := range r.Groups() {
				if g.ID == directory.GroupID(row[1]) {
					return g, nil
				}
			}
		}
	}
	return nil, nil
}

// box is the cipher for one kind of secret, with a key of its own below the root key.
func (a *API) box(kind string) (cipher.AEAD, error) {
	if len(a.Root) != 32 {
		return nil, fault.New(fault.Unavailable, "no_root_key", "The server has no root key, so it keeps no secrets.").
			FixedBy("the operator of the server").Then("restore keys/root.key from the backup")
	}
	k, err := hkdf.Key(sha256.New, a.Root, nil, "plumb.api."+kind+".v1", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// sealText encrypts a text and binds it to the row that holds it.
func (a *API) sealText(kind, row string, text []byte) (string, error) {
	box, err := a.box(kind)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, box.NonceSize())
	rand.Read(nonce)
	return base64.StdEncoding.EncodeToString(box.Seal(nonce, nonce, text, []byte(row))), nil
}

func (a *API) openText(kind, row, sealed string) ([]byte, error) {
	box, err := a.box(kind)
	if err != nil {
		return nil, err
	}
	b, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil || len(b) < box.NonceSize() {
		return nil, errors.New("api: a sealed text is not readable")
	}
	return box.Open(nil, b[:box.NonceSize()], b[box.NonceSize():], []byte(row))
}

// status is the HTTP status of the route's success.
func (r *Route) status() int {
	if r.Status != 0 {
		return r.Status
	}
	return http.StatusOK
}
