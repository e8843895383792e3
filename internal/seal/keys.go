package seal

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

// Key signs statements with Ed25519. KeyID is the SHA-256 of the public key, so that a verifier that
// pins the public key needs nothing else.
type Key struct {
	private ed25519.PrivateKey
	public  ed25519.PublicKey
}

// NewKey makes a fresh key pair.
func NewKey() (*Key, error) {
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return &Key{private: priv, public: pub}, nil
}

// PublicKey makes a verify-only key.
func PublicKey(pub ed25519.PublicKey) *Key { return &Key{public: pub} }

// KeyID names the key: "sha256:" and the hex digest of the 32 public bytes.
func (k *Key) KeyID() (string, error) { return Raw(k.public), nil }

// ID is KeyID without the error that dsse's interface asks for.
func (k *Key) ID() string { return Raw(k.public) }

// Public gives the public half.
func (k *Key) Public() crypto.PublicKey { return k.public }

// PublicBytes gives the 32 public bytes.
func (k *Key) PublicBytes() []byte { return k.public }

// Private gives the seed-bearing private key to the ledger's note signer.
func (k *Key) Private() ed25519.PrivateKey { return k.private }

// Sign signs data.
func (k *Key) Sign(_ context.Context, data []byte) ([]byte, error) {
	if k.private == nil {
		return nil, errors.New("seal: this key can only verify")
	}
	return ed25519.Sign(k.private, data), nil
}

// Verify checks a signature over data.
func (k *Key) Verify(_ context.Context, data, sig []byte) error {
	if !ed25519.Verify(k.public, data, sig) {
		return errors.New("seal: signature does not verify")
	}
	return nil
}

// OpenKey reads the PKCS #8 key file at path, or makes it (mode 0600) when create is set and the
// file is absent. A file that others can read is refused.
func OpenKey(path string, create bool) (*Key, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) && create {
		return createKey(path)
	}
	if err != nil {
		return nil, err
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("seal: key file %s can be read by others; set its mode to 0600", path)
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fmt.Errorf("seal: %s is not a PEM key file", path)
	}
	p, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("seal: read key %s: %w", path, err)
	}
	priv, ok := p.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("seal: key %s is not Ed25519", path)
	}
	return &Key{private: priv, public: priv.Public().(ed25519.PublicKey)}, nil
}

func createKey(path string) (*Key, error) {
	k, err := NewKey()
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return nil, err
	}
	body := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return k, WriteFile(path, body, 0o600)
}

// WriteFile writes a whole file durably: to a temporary name, synced, then renamed, then the folder
// synced. A reader sees the old file or the new one.
func WriteFile(path string, body []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := errors.Join(f.Chmod(mode), write(f, body), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func write(f *os.File, body []byte) error { _, err := f.Write(body); return err }

// Envelope is a DSSE v1 envelope.
type Envelope = dsse.Envelope

// PayloadType is what every Plumbline statement is: an in-toto Statement v1.
const PayloadType = "application/vnd.in-toto+json"

// Statement is an in-toto Statement v1; verifiers match subjects by digest only.
type Statement[P any] struct {
	Type          string    `json:"_type"`
	Subject       []Subject `json:"subject"`
	PredicateType string    `json:"predicateType"`
	Predicate     P         `json:"predicate"`
}

// Subject is one thing that a statement is about.
type Subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

// StatementType is the in-toto type of every statement.
const StatementType = "https://in-toto.io/Statement/v1"

// Sign wraps a statement in a signed DSSE envelope; the payload is canonical JSON.
func Sign[P any](k *Key, s Statement[P]) (*Envelope, error) {
	s.Type = StatementType
	payload, err := Canonical(s)
	if err != nil {
		return nil, err
	}
	sig, err := k.Sign(context.Background(), dsse.PAE(PayloadType, payload))
	if err != nil {
		return nil, err
	}
	return &Envelope{PayloadType: PayloadType,
		Payload:    base64.StdEncoding.EncodeToString(payload),
		Signatures: []dsse.Signature{{KeyID: k.ID(), Sig: base64.StdEncoding.EncodeToString(sig)}}}, nil
}

// Open verifies an envelope with one of the keys and reads its statement, which must be of the
// wanted predicate type. Any other type, key or byte is an error, and then the statement is empty.
func Open[P any](env *Envelope, predicateType string, keys ...*Key) (Statement[P], error) {
	var s Statement[P]
	if env == nil {
		return s, errors.New("seal: there is no envelope")
	}
	if env.PayloadType != PayloadType {
		return s, fmt.Errorf("seal: envelope holds %q, not a statement", env.PayloadType)
	}
	vs := make([]dsse.Verifier, len(keys))
	for i, k := range keys {
		vs[i] = k
	}
	v, err := dsse.NewEnvelopeVerifier(vs...)
	if err != nil {
		return s, fmt.Errorf("seal: verify envelope: %w", err)
	}
	if _, err := v.Verify(context.Background(), env); err != nil {
		return s, fmt.Errorf("seal: verify envelope: %w", err)
	}
	payload, err := strictBase64(env.Payload)
	if err != nil {
		return s, fmt.Errorf("seal: read payload: %w", err)
	}
	for _, sig := range env.Signatures {
		if _, err := strictBase64(sig.Sig); err != nil {
			return s, fmt.Errorf("seal: read signature: %w", err)
		}
	}
	var read Statement[P]
	if err := Decode(payload, &read); err != nil {
		return s, fmt.Errorf("seal: read statement: %w", err)
	}
	if read.Type != StatementType || read.PredicateType != predicateType {
		return s, fmt.Errorf("seal: statement is a %q, want %q", read.PredicateType, predicateType)
	}
	return read, nil
}

// strictBase64 accepts one spelling only, so that an envelope with any byte changed is another one.
func strictBase64(s string) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(s)
	if err == nil && base64.StdEncoding.EncodeToString(b) != s {
		err = errors.New("base64 with stray bits or line breaks")
	}
	return b, err
}
