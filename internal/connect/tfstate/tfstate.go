// Package tfstate reads what a Terraform or OpenTofu state says is there. Its records are addresses, not things: an address
// manages a thing that a cloud's own source knows, and is never taken for it. What the tool, a name or its look calls a
// secret comes out as a keyed digest.
package tfstate

import (
	"context"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/inventory"
)

// MaxDocument bounds a document, in bytes.
const MaxDocument = 64 << 20

// mapper is the version of how states become records.
const mapper = 2

// settings are those of every kind that reads a state.
func settings(more ...inventory.Setting) []inventory.Setting {
	return append([]inventory.Setting{
		{Key: "workspace", Help: "name of the workspace, which no state says of itself", Default: "default"},
		{Key: "lineage", Help: "lineage of the state, as in `terraform state pull`: needed where the document is the output of `show -json`, which holds none"},
	}, more...)
}

// Rules are the kinds of attribute of an address.
func Rules() []inventory.AttrRule {
	return []inventory.AttrRule{
		{Type: "*", Path: "id", Kind: inventory.Identity},
		{Type: "*", Path: "arn", Kind: inventory.Identity},
		{Type: "*", Path: "terraform.provider", Kind: inventory.Identity},
		{Type: "*", Path: "terraform.tainted", Kind: inventory.State},
		{Type: "*", Path: "terraform.drift", Kind: inventory.State},
		{Type: "hcloud_firewall", Path: "rule*", Kind: inventory.Security},
		{Type: "aws_security_group*", Path: "*", Kind: inventory.Security},
	}
}

// Kind is this kind of source, for states that are sent in: the state file itself, or the output of `show -json`.
func Kind() inventory.Kind {
	return inventory.Kind{
		Name: "terraform", Title: "Terraform or OpenTofu state, sent in", Mapper: mapper, Push: true, Absence: true,
		AbsentAfter: 1, // a state is written at once and whole: what is not in it, it does not know
		Settings:    settings(), Rules: Rules(),
		Open: func(in inventory.Input) (inventory.Source, error) { return &source{in: in}, nil },
	}
}

// source is one reading of one document.
type source struct {
	in    inventory.Input
	fetch func(context.Context) ([]byte, error) // nil where the document was sent
}

// Collect emits a record for each object of the state.
func (s *source) Collect(ctx context.Context, emit func(inventory.Record) error) error {
	raw, err := s.document(ctx)
	if err != nil {
		return err
	}
	state, err := Read(raw, s.in.Settings["lineage"])
	if err != nil {
		return err
	}
	m := NewMapper(s.in, state)
	if state.Serial > 0 && s.in.Newer != nil { // the output of show -json holds none
		if err := s.in.Newer(m.scope, state.Serial); err != nil {
			return err
		}
	}
	return m.Emit(ctx, func(_ Object, r inventory.Record) error { return emit(r) })
}

func (s *source) document(ctx context.Context) ([]byte, error) {
	if s.in.Document == nil && s.fetch != nil {
		return s.fetch(ctx)
	}
	if s.in.Document == nil {
		return nil, connect.BadDocument("none came")
	}
	return connect.ReadAll(s.in.Document, MaxDocument)
}
