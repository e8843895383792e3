package agent

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// Enrol makes this host's key and shows the server its public half with a one-time token. Tried again after a lost answer, it comes to
// the same end.
func Enrol(ctx context.Context, cfg Config, url, ca string, token seal.Secret, name string) (agent string, err error) {
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return "", fmt.Errorf("make folder: %w", err)
	}
	unlock, err := hold(cfg.Dir)
	if err != nil {
		return "", err
	}
	defer unlock()
	at := filepath.Join(cfg.Dir, homeFile)
	if _, err := os.Stat(at); err == nil {
		return "", fault.New(fault.Conflict, "enrolled_already", "This host is enrolled already.").FixedBy("whoever runs the host").
			Then("plumb agent status; to begin anew: rm -r %s", cfg.Dir)
	}
	key, err := seal.OpenKey(filepath.Join(cfg.Dir, keyFile), true)
	if err != nil {
		return "", err
	}
	h := home{URL: url}
	if h.CA, err = keepCA(cfg.Dir, ca); err != nil {
		return "", err
	}
	c, err := h.client(cfg)
	if err != nil {
		return "", err
	}
	defer c.Close()
	body, err := json.Marshal(wire.Enrolment{V: 1, Token: token.Reveal(), Key: base64.RawURLEncoding.EncodeToString(key.PublicBytes()),
		Name: name, Sent: cfg.Now().UnixMicro()})
	if err != nil {
		return "", err
	}
	signature, err := sign(key, wire.EnrolmentDomain, body)
	if err != nil {
		return "", err
	}
	r, err := c.EnrolAgent(ctx, body, signature)
	if err != nil {
		return "", err
	}
	h.Agent, h.Every = r.Value.Agent, r.Value.Every
	b, err := json.Marshal(h)
	if err != nil {
		return "", err
	}
	return h.Agent, seal.WriteFile(at, b, 0o600)
}

// keepCA copies the certificates into the agent's folder: where they came from, the service may not see, and need not last.
func keepCA(dir, from string) (name string, err error) {
	if from == "" {
		return "", nil
	}
	b, err := os.ReadFile(from)
	if err != nil {
		return "", fmt.Errorf("read certificates: %w", err)
	}
	return caFile, seal.WriteFile(filepath.Join(dir, caFile), b, 0o600)
}
