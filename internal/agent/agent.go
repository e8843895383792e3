// Package agent is the program on a host: it reads what probe gives and tells the server what changed, signed with a key of its own. It
// listens nowhere, takes no order and runs no program: the server's answers say only which facts it lacks.
//
// Read in this order: agent.go (what it keeps), enrol.go, collect.go (one look at the host), buffer.go (what the server does not have
// yet), send.go (how it gets it), run.go (the loop), cost.go (what it may cost).
package agent

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/probe"
	"plumbline.dev/plumb/internal/seal"
)

// Config says where an agent keeps its own and what it reads.
type Config struct {
	Dir        string            // its folder: key, enrolment, what the server does not have yet
	Collectors []probe.Collector // what is read of the host
	Boot       string            // this boot of the host
	Version    string            // of this program
	Now        func() time.Time
	Log        *slog.Logger
}

// Agent is one run of the agent. It holds its folder until Close, so that no second one reports beside it. It belongs to one
// goroutine.
type Agent struct {
	cfg    Config
	unlock func()
	key    *seal.Key
	home   home
	client *client.Client
	boot   string // of the host and of this run
	seq    int64
	state  state
	skew   time.Duration // the server's clock less ours, as of the newest answer
}

// home is what an enrolment leaves on the disk.
type home struct {
	URL   string `json:"url"`
	Agent string `json:"agent"`
	Every int64  `json:"every"`        // seconds
	CA    string `json:"ca,omitempty"` // a file of the folder; enrolments of before name one elsewhere by its whole path
}

// The files of the folder.
const (
	keyFile   = "agent.key"
	homeFile  = "agent.json"
	stateFile = "state.json"
	caFile    = "ca.pem"
	lockFile  = "lock"
)

// Open takes hold of the folder of an enrolled agent.
func Open(cfg Config) (*Agent, error) {
	var h home
	b, err := os.ReadFile(filepath.Join(cfg.Dir, homeFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Invalid, "not_enrolled", "This host is not enrolled: %s holds no agent.", cfg.Dir).
			FixedBy("whoever runs the host").Then("plumb agent enrol --enrolment FILE --url https://…")
	}
	if err == nil {
		err = json.Unmarshal(b, &h)
	}
	if err != nil {
		return nil, fmt.Errorf("read enrolment: %w", err)
	}
	a := &Agent{cfg: cfg, home: h}
	if a.unlock, err = hold(cfg.Dir); err != nil {
		return nil, err
	}
	if err := a.open(); err != nil {
		a.unlock()
		return nil, err
	}
	return a, nil
}

func (a *Agent) open() (err error) {
	if a.key, err = seal.OpenKey(filepath.Join(a.cfg.Dir, keyFile), false); err != nil {
		return err
	}
	if a.client, err = a.home.client(a.cfg); err != nil {
		return err
	}
	a.boot = start(a.cfg.Boot)
	return a.load()
}

// start names this run of the agent in this boot of the host, without giving the boot's own id away.
func start(boot string) string {
	var b [6]byte
	rand.Read(b[:])
	sum := sha256.Sum256([]byte("plumb.agent.boot.v1\n" + boot))
	return hex.EncodeToString(sum[:4]) + "." + base64.RawURLEncoding.EncodeToString(b[:])
}

// Close lets the folder go.
func (a *Agent) Close() {
	a.client.Close()
	a.unlock()
}

// hold takes the folder's lock.
func hold(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	if err := lock(f); err != nil {
		return nil, errors.Join(fault.New(fault.Conflict, "agent_runs", "An agent is at work on this host already.").
			FixedBy("you").Then("plumb agent status").From(err), f.Close())
	}
	return func() { _ = f.Close() }, nil
}

// client makes the way to the server, over TLS with the certificates that were named at the enrolment.
func (h home) client(cfg Config) (*client.Client, error) {
	c := client.Config{URL: h.URL, Agent: "plumb-agent"}
	if h.CA != "" {
		at := h.CA
		if !filepath.IsAbs(at) {
			at = filepath.Join(cfg.Dir, at)
		}
		pem, err := os.ReadFile(at)
		if err != nil {
			return nil, fmt.Errorf("read certificates: %w", err)
		}
		c.CA = x509.NewCertPool()
		if !c.CA.AppendCertsFromPEM(pem) {
			return nil, fault.New(fault.Invalid, "bad_ca", "%s holds no certificate.", at).FixedBy("whoever runs the host").Then("plumb agent enrol --ca FILE")
		}
	}
	return client.New(c)
}

// sign signs a body of one kind of message.
func sign(key *seal.Key, domain string, body []byte) (string, error) {
	sig, err := key.Sign(context.Background(), append([]byte(domain), body...))
	return base64.RawURLEncoding.EncodeToString(sig), err
}
