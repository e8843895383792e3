package directory

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

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/seal"
)

// RepoKey gives the 32-byte key under which sensitive values of a repository's plans are hashed, so
// that equal values can be told from changed ones without being known. It is made at first use, given
// only to a token that is bound to this very repository, and recorded the first time that a token gets
// it. At rest it is sealed under the root key.
func (d *Desk) RepoKey(ctx context.Context, actor fault.Actor, repo string) (seal.Secret, error) {
	switch {
	case actor.Authn != fault.Token || repo == "" || actor.Repo != repo:
		return "", fault.New(fault.Denied, "repo_not_bound", "Only a token that is bound to the repository gets its key.").
			Because(string(RepoKeyUse), "").FixedBy("the owner of the service account").Then("plumb token create --repo REPO")
	case len(d.root) != 32:
		return "", fault.New(fault.Unavailable, "no_root_key", "The server has no root key, so it keeps no repository keys.").
			FixedBy("the operator of the server").Then("restore keys/root.key from the backup")
	}
	var key []byte
	err := d.db.Update(ctx, actor, func(tx *db.Tx) error {
		if err := d.ConfirmIn(tx, actor); err != nil {
			return err
		}
		r, err := d.RosterIn(tx)
		if err != nil {
			return err
		}
		if err := Allowed(actor, r.Roles(PersonID(actor.Person)), RepoKeyUse); err != nil {
			return err
		}
		if key, err = d.keyOf(tx, repo); err != nil {
			return err
		}
		return d.issue(tx, repo, TokenID(actor.Via))
	})
	return seal.Secret(key), err
}

// keyOf opens the key of a repository, or makes it.
func (d *Desk) keyOf(tx *db.Tx, repo string) ([]byte, error) {
	sealed, found, err := db.One(tx, scanText, "SELECT sealed FROM directory_key WHERE id = $1", repo)
	if err != nil {
		return nil, fmt.Errorf("load repository key: %w", err)
	}
	if found {
		return d.unseal(repo, sealed)
	}
	key := make([]byte, 32)
	rand.Read(key)
	if sealed, err = d.seal(repo, key); err != nil {
		return nil, fmt.Errorf("seal repository key: %w", err)
	}
	if err := insertKey(tx, repo, sealed, tx.Now().UnixMicro()); err != nil {
		return nil, fmt.Errorf("save repository key: %w", err)
	}
	return key, nil
}

// issue records that a token got a key, once.
func (d *Desk) issue(tx *db.Tx, repo string, token TokenID) error {
	first, err := insertIssue(tx, repo, token, tx.Now().UnixMicro())
	if err != nil || !first {
		return err
	}
	_, err = ledger.Append(tx, ledger.Event{Verb: "repo_key.issued", Type: "repository", Object: repo,
		Detail: map[string]any{"token": string(token)}})
	return err
}

// box is the cipher for repository keys, with a key of its own below the root key.
func (d *Desk) box() (cipher.AEAD, error) {
	k, err := hkdf.Key(sha256.New, d.root, nil, "plumb.repo-key.v1", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// seal encrypts a key and binds it to its repository, so that rows cannot be swapped.
func (d *Desk) seal(repo string, key []byte) (string, error) {
	box, err := d.box()
	if err != nil {
		return "", err
	}
	nonce := make([]byte, box.NonceSize())
	rand.Read(nonce)
	return "v1:" + base64.StdEncoding.EncodeToString(box.Seal(nonce, nonce, key, []byte(repo))), nil
}

func (d *Desk) unseal(repo, sealed string) ([]byte, error) {
	box, err := d.box()
	if err != nil {
		return nil, err
	}
	if len(sealed) < 3 || sealed[:3] != "v1:" {
		return nil, errors.New("open repository key: unknown form")
	}
	b, err := base64.StdEncoding.DecodeString(sealed[3:])
	if err != nil || len(b) < box.NonceSize() {
		return nil, errors.New("open repository key: not readable")
	}
	key, err := box.Open(nil, b[:box.NonceSize()], b[box.NonceSize():], []byte(repo))
	if err != nil {
		return nil, fault.New(fault.Unavailable, "wrong_root_key", "The repository's key cannot be opened with this server's root key.").
			From(err).FixedBy("the operator of the server").Then("restore keys/root.key of this database")
	}
	return key, nil
}
