// Package cyclonedx reads a CycloneDX bill of materials as things of the inventory: components, services and
// vulnerabilities, and what depends on what. Whether a bill is good enough to release is evidence's question, not asked here.
package cyclonedx

import (
	"context"
	"strings"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/connect/document"
	"plumbline.dev/plumb/internal/inventory"
)

// Bounds of a bill.
const (
	mostParts = 200_000
	mostDepth = 50 // parts within parts
)

// Types of the records.
const (
	componentType     = "cyclonedx_component"
	serviceType       = "cyclonedx_service"
	vulnerabilityType = "cyclonedx_vulnerability"
)

// Kind describes the source.
func Kind() inventory.Kind {
	return inventory.Kind{
		Name: "cyclonedx", Title: "CycloneDX bill of materials", Mapper: 1, Absence: true, Push: true,
		Settings: []inventory.Setting{
			{Key: "scope", Help: "what the bills are of, such as an application's name", Default: "bill"},
		},
		Rules: []inventory.AttrRule{
			{Type: vulnerabilityType, Path: "analysis.*", Kind: inventory.State},
			{Type: "*", Path: "authenticated", Kind: inventory.Security},
			{Type: "*", Path: "crosses_trust_boundary", Kind: inventory.Security},
			{Type: "*", Path: "hash.*", Kind: inventory.Security},
		},
		Open: func(in inventory.Input) (inventory.Source, error) {
			scope := strings.TrimSpace(in.Settings["scope"])
			if scope == "" {
				scope = "bill"
			}
			return &bill{in: in, scope: scope, mask: in.Mask, byRef: map[string]*inventory.Record{}, byKey: map[string]*inventory.Record{},
				linked: map[edge]bool{}}, nil
		},
	}
}

type bill struct {
	in     inventory.Input
	scope  string
	mask   document.Masker
	byRef  map[string]*inventory.Record // bom-ref
	byKey  map[string]*inventory.Record // type and native id
	order  []*inventory.Record
	linked map[edge]bool
}

// Scopes implements inventory.Scoper.
func (b *bill) Scopes() []string { return []string{b.scope} }

// Collect implements inventory.Source.
func (b *bill) Collect(ctx context.Context, emit func(inventory.Record) error) error {
	raw, err := document.All(b.in.Document)
	if err != nil {
		return err
	}
	doc, err := decode(raw)
	if err != nil {
		return err
	}
	if err := b.read(doc); err != nil {
		return err
	}
	if len(b.order) == 0 {
		return connect.BadDocument("the bill lists nothing; a generator that understood nothing writes one like it")
	}
	for _, r := range b.order {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := emit(*r); err != nil {
			return err
		}
	}
	return nil
}
