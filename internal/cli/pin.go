package cli

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

// pins are the public keys of servers, as they were when first seen, by address.
type pins map[string]client.Keys

func (a *app) pinFile() (string, error) {
	dir, err := a.configDir()
	return filepath.Join(dir, "keys.json"), err
}

func (a *app) pins() (pins, error) {
	path, err := a.pinFile()
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return pins{}, nil
	}
	if err != nil {
		return nil, err
	}
	p := pins{}
	if err := json.Unmarshal(b, &p); err != nil {
		return nil, fault.New(fault.Invalid, "bad_key_file", "%s is not a file of pinned keys.", path).FixedBy("you").Then("plumb login --trust").From(err)
	}
	return p, nil
}

// pin keeps a server's keys at the first meeting. Other keys at a later one are refused, unless the
// person says that they are to be trusted.
func (a *app) pin(ctx context.Context, c *client.Client, trust bool) (client.Keys, error) {
	r, err := c.Keys(ctx)
	if err != nil {
		return client.Keys{}, err
	}
	all, err := a.pins()
	if err != nil {
		return client.Keys{}, err
	}
	known, met := all[c.URL()]
	if met && known == r.Value {
		return known, nil
	}
	if met && !trust {
		return client.Keys{}, fault.New(fault.Denied, "other_keys", "%s shows other keys than before; it may be another server.", c.URL()).
			Because("permit", "").FixedBy("whoever runs the server: ask them, not this connection").Then("plumb login --trust")
	}
	if _, err := parsePublic([]byte(r.Value.Permits)); err != nil {
		return client.Keys{}, err
	}
	all[c.URL()] = r.Value
	b, err := marshal(all)
	if err != nil {
		return client.Keys{}, err
	}
	path, err := a.pinFile()
	if err != nil {
		return client.Keys{}, err
	}
	return r.Value, writePrivate(path, b)
}

// permitKey gives the key that permits are verified with: the file that PLUMB_PERMIT_KEY names, else
// the one pinned when this server was first met.
func (a *app) permitKey(ctx context.Context, c *client.Client) (*seal.Key, string, error) {
	if path := a.getenv("PLUMB_PERMIT_KEY"); path != "" {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, "", fileFault(path, err)
		}
		k, err := parsePublic(b)
		return k, "", err
	}
	all, err := a.pins()
	if err != nil {
		return nil, "", err
	}
	keys, met := all[c.URL()]
	if !met {
		if keys, err = a.pin(ctx, c, false); err != nil {
			return nil, "", err
		}
		a.note("Keys of %s seen for the first time and pinned (set PLUMB_PERMIT_KEY to rest on nothing but a file).", c.URL())
	}
	k, err := parsePublic([]byte(keys.Permits))
	return k, keys.Install, err
}

// parsePublic reads an Ed25519 public key in PEM.
func parsePublic(b []byte) (*seal.Key, error) {
	bad := fault.New(fault.Invalid, "bad_key", "That is not an Ed25519 public key in PEM.").FixedBy("whoever runs the server").Then("plumb keys -o json")
	block, _ := pem.Decode(b)
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, bad
	}
	k, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, bad.From(err)
	}
	pub, ok := k.(ed25519.PublicKey)
	if !ok {
		return nil, bad
	}
	return seal.PublicKey(pub), nil
}
