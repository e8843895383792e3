package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/connect/ad"
	"plumbline.dev/plumb/internal/connect/agent"
	"plumbline.dev/plumb/internal/connect/aws"
	"plumbline.dev/plumb/internal/connect/chef"
	"plumbline.dev/plumb/internal/connect/csv"
	"plumbline.dev/plumb/internal/connect/cyclonedx"
	"plumbline.dev/plumb/internal/connect/dns"
	"plumbline.dev/plumb/internal/connect/docker"
	"plumbline.dev/plumb/internal/connect/hetzner"
	"plumbline.dev/plumb/internal/connect/jupiterone"
	"plumbline.dev/plumb/internal/connect/ldap"
	"plumbline.dev/plumb/internal/connect/lldp"
	"plumbline.dev/plumb/internal/connect/salt"
	"plumbline.dev/plumb/internal/connect/snmp"
	"plumbline.dev/plumb/internal/connect/tfdrift"
	"plumbline.dev/plumb/internal/connect/tfstate"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/seal"
)

// sourceKinds lists every kind of source that the inventory can read. A new one is a folder of internal/connect and a line here; agents,
// which have a way of their own, are added beside it. data is the data folder, in whose folder states the operator may lay state files.
func sourceKinds(data string) []inventory.Kind {
	kinds := []inventory.Kind{
		ad.Kind(),
		aws.Kind(),
		chef.Kind(),
		csv.Kind(),
		cyclonedx.Kind(),
		dns.File(),
		dns.Kind(),
		docker.Kind(),
		hetzner.Kind(),
		jupiterone.Kind(),
		ldap.Kind(),
		lldp.Kind(),
		salt.Kind(),
		snmp.Kind(),
	}
	for i, k := range kinds {
		kinds[i] = connect.Guard(k)
	}
	return append(kinds, // these know what is secret anywhere in a state before they emit a part of it
		tfdrift.Kind(),
		tfstate.Kind(),
		tfstate.Fetched(filepath.Join(data, "states")),
	)
}

// sourcesEvery is how often the server looks for sources that are due.
const sourcesEvery = 10 * time.Second

// reconcileEvery is how often the server judges what was observed since; a round without anything new reads two rows.
const reconcileEvery = 5 * time.Second

// diagramsEvery is how often diagrams of record are held against production; nothing is drawn where nothing was observed.
const diagramsEvery = 30 * time.Second

func (s *Server) inventory() *inventory.Desk {
	mask := func(secret string) inventory.Value {
		return inventory.Text("hmac:" + seal.Keyed(s.keys.root, "plumb.inventory.secret", secret))
	}
	return inventory.New(inventory.Deps{DB: s.db, People: s.people, Roster: s.people, Blobs: s.blobs, Secrets: secrets{filepath.Join(s.cfg.Data, "secrets")},
		Mask: mask, Kinds: append(sourceKinds(s.cfg.Data), agent.Kind(s.fleet)), Log: s.log})
}

// readSources reads what is due, one after the other, so that discovery never crowds the gate, and goes on with removing what somebody
// removed and with taking on the class of data.
func (s *Server) readSources(ctx context.Context) error {
	due, err := s.things.Due(ctx)
	if err != nil {
		return err
	}
	errs := []error{s.things.FinishRemovals(ctx), s.things.FinishRises(ctx)}
	for _, name := range due {
		if ctx.Err() != nil {
			break
		}
		_, err := s.things.Read(ctx, fault.SystemActor("discovery"), name, nil, "")
		if err != nil && !fault.Is(err, "reading_now") {
			errs = append(errs, fmt.Errorf("read source %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// secrets are the credentials of sources: files in DATA/secrets, for the server's operator alone. Whoever may set up a source
// can name one, and cannot read or write any.
type secrets struct{ dir string }

// maxSecret bounds one credential.
const maxSecret = 64 << 10

// Secret reads one. The folder is opened as a root, so that no name leads out of it.
func (s secrets) Secret(name string) (string, error) {
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return "", fmt.Errorf("open secrets folder: %w", err)
	}
	defer root.Close()
	f, err := root.Open(name)
	if err != nil {
		return "", fmt.Errorf("open secret: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("open secret: %w", err)
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 {
		return "", errors.New("the secret's file can be read by others than the server's account: mode 0600")
	}
	b, err := io.ReadAll(io.LimitReader(f, maxSecret))
	return strings.TrimRight(string(b), "\r\n"), err
}
