// Package chef reads what Chef's own programs say of a host: the JSON of ohai, and the messages that a chef-client posts
// to a data collector. It speaks to no Chef server and decides nothing about what a run changed.
package chef

import (
	"context"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/connect/document"
	"plumbline.dev/plumb/internal/inventory"
)

// Types of the records.
const (
	nodeType     = "chef_node"
	ohaiType     = "ohai_host" // a type of its own: it knows nothing of runs, and must not seem to take them back
	resourceType = "chef_resource"
)

// mostResources bounds the resources of one run.
const mostResources = 100_000

// TokenHeader is where a chef-client puts the credential of its data collector; it counts as a bearer token would.
const TokenHeader = "X-Data-Collector-Token"

// Kind describes the source. One document speaks of one host, so nothing is absent because it is not in it.
func Kind() inventory.Kind {
	return inventory.Kind{
		Name: "chef", Title: "Chef (ohai, data collector)", Mapper: 1, Push: true, Views: []string{nodeType, ohaiType},
		Rules: []inventory.AttrRule{
			{Type: nodeType, Path: "managed.status", Kind: inventory.State},
			{Type: nodeType, Path: "managed.by", Kind: inventory.State},
			{Type: nodeType, Path: "managed.revision", Kind: inventory.State},
			{Type: resourceType, Path: "status", Kind: inventory.State},
			{Type: resourceType, Path: "action", Kind: inventory.State},
			{Type: resourceType, Path: "cookbook", Kind: inventory.State},
		},
		Open: func(in inventory.Input) (inventory.Source, error) { return &message{in: in, mask: in.Mask}, nil },
	}
}

type message struct {
	in   inventory.Input
	mask document.Masker
}

// Collect implements inventory.Source.
func (m *message) Collect(ctx context.Context, emit func(inventory.Record) error) error {
	doc, err := document.Read(m.in.Document)
	if err != nil {
		return err
	}
	records, err := m.read(doc)
	if err != nil {
		return err
	}
	return document.Emit(ctx, records, emit)
}

func (m *message) read(doc document.Object) ([]inventory.Record, error) {
	switch doc.Text("message_type") {
	case "run_converge":
		return m.converge(doc)
	case "run_start":
		return nil, nil // a run that only began shows nothing of the host yet
	case "":
	default:
		return nil, connect.BadDocument("its message_type is neither run_start nor run_converge")
	}
	if doc.Text("os") == "" || doc.Text("hostname") == "" {
		return nil, connect.BadDocument("it is neither a message of a data collector nor the JSON of ohai")
	}
	name := doc.Text("fqdn")
	if name == "" {
		name = doc.Text("hostname")
	}
	host, err := m.host(ohaiType, name)
	if err == nil {
		err = m.facts(&host, doc)
	}
	return []inventory.Record{host}, err
}

func (m *message) host(typ, name string) (inventory.Record, error) {
	if name == "" {
		return inventory.Record{}, connect.BadDocument("it does not name the node")
	}
	name = m.mask.Plain(name)
	return inventory.Record{Scope: "node/" + name, Type: typ, Class: inventory.Host, Native: name, Name: name,
		Attrs: map[string]inventory.Value{}, Volatile: map[string]inventory.Value{}, Labels: map[string]string{}}, nil
}
