// Package tfdrift reads a refresh-only plan of Terraform or OpenTofu: what is really there at each address of a state. It is told
// apart from the state itself, which says only what the tool last knew.
package tfdrift

import (
	"bytes"
	"context"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/connect/tfstate"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/plan"
)

// Kind is this kind of source.
func Kind() inventory.Kind {
	return inventory.Kind{
		Name: "terraform-drift", Title: "Terraform or OpenTofu refresh-only plan", Mapper: 1, Push: true, Absence: true,
		AbsentAfter: 1, // a plan is made of one state, at once and whole
		Settings: []inventory.Setting{
			{Key: "workspace", Help: "name of the workspace, which no plan says of itself", Default: "default"},
			{Key: "lineage", Help: "lineage of the state, as in `terraform state pull`: approved changes are matched by it, and a plan shown as JSON holds none", Required: true},
		},
		Rules: tfstate.Rules(),
		Open: func(in inventory.Input) (inventory.Source, error) {
			if in.Settings["lineage"] == "" {
				return nil, connect.BadSetting("lineage", "is needed: a plan holds none")
			}
			return &source{in}, nil
		},
	}
}

// source is one reading of one plan.
type source struct{ in inventory.Input }

// Scopes names the state, so that one with nothing left in it is known to be empty.
func (s *source) Scopes() []string {
	return []string{s.in.Settings["lineage"] + "/" + s.in.Settings["workspace"]}
}

// Collect emits a record for each address: with the values that are there, and terraform.exists false where the thing is gone.
func (s *source) Collect(ctx context.Context, emit func(inventory.Record) error) error {
	if s.in.Document == nil {
		return connect.BadDocument("none came")
	}
	raw, err := connect.ReadAll(s.in.Document, plan.MaxPlan)
	if err != nil {
		return err
	}
	p, err := plan.Read(bytes.NewReader(raw), plan.Options{})
	if err != nil {
		return err
	}
	if p.Errored() {
		return connect.BadDocument("planning ended with an error, so what is missing may be there")
	}
	found, err := readRows(raw)
	if err != nil {
		return err
	}
	m := tfstate.NewMapper(s.in, tfstate.Within(raw, "prior_state", s.in.Settings["lineage"]))
	for _, row := range found.gone {
		m.Learn(row.object)
	}
	if err := m.Emit(ctx, func(o tfstate.Object, r inventory.Record) error {
		found.tell(o, &r, m.Place)
		return emit(r)
	}); err != nil {
		return err
	}
	for _, row := range found.gone { // with its last known values: the state still holds it
		r, err := m.Record(row.object)
		if err != nil {
			return err
		}
		mark(&r, false, true, true)
		if err := emit(r); err != nil {
			return err
		}
	}
	return ctx.Err()
}
