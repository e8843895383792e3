package tfdrift

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/connect/tfstate"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/plan"
)

// row is what a plan says of one object beyond its values: of resource_drift what the tool found other than it knew, of
// resource_changes what it would do.
type row struct {
	object   tfstate.Object // as the tool last knew it
	previous string         // address before a move
	actions  []string
	drift    bool
}

// rows are the rows of a plan.
type rows struct {
	at   map[string][]row // by place
	gone []row            // found not to be there any more
}

// written is a row as the tool writes it.
type written struct {
	Address  string `json:"address"`
	Previous string `json:"previous_address"`
	Deposed  string `json:"deposed"`
	Mode     string `json:"mode"`
	Type     string `json:"type"`
	Provider string `json:"provider_name"`
	Change   struct {
		Actions []string       `json:"actions"`
		Before  jsontext.Value `json:"before"`
		Marks   jsontext.Value `json:"before_sensitive"`
	} `json:"change"`
}

func readRows(raw []byte) (rows, error) {
	out := rows{at: map[string][]row{}}
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw))
	err := tfstate.Sections(dec, func(name string) error {
		if name != "resource_drift" && name != "resource_changes" {
			return dec.SkipValue()
		}
		return tfstate.Items(dec, func(w written) error {
			if w.Mode != "managed" {
				return nil
			}
			r := row{object: tfstate.Object{Address: w.Address, Resource: w.Address, Type: w.Type, Provider: plan.ProviderOf(w.Provider), Deposed: w.Deposed,
				Values: w.Change.Before, Marks: plan.NestedMarks(w.Change.Marks)}, previous: w.Previous, actions: w.Change.Actions, drift: name == "resource_drift"}
			if r.drift && slices.Equal(r.actions, []string{"delete"}) {
				out.gone = append(out.gone, r)
				return nil
			}
			r.object.Values = nil // what is there stands in the state
			if r.drift || r.previous != "" || slices.Contains(r.actions, "forget") {
				out.at[place(r.object)] = append(out.at[place(r.object)], r)
			}
			return nil
		})
	})
	return out, err
}

// place tells the objects of a state apart.
func place(o tfstate.Object) string { return o.Deposed + " " + o.Address }

// tell says of an object that is there how it differs from what the tool knew, and whether the tool lets go of it.
func (list rows) tell(o tfstate.Object, r *inventory.Record, shown func(string) string) {
	drifted, managed := false, true
	for _, row := range list.at[place(o)] {
		drifted = drifted || row.drift && !slices.Equal(row.actions, []string{"no-op"})
		managed = managed && !slices.Contains(row.actions, "forget")
		if row.previous == "" || row.previous == o.Address {
			continue
		}
		link := inventory.Link{Verb: "SAME_AS", To: inventory.ByRecord(r.Type, shown(row.previous))}
		if !slices.Contains(r.Edges, link) {
			r.Edges = append(r.Edges, link) // moved: another address, the same thing
		}
	}
	mark(r, true, drifted, managed)
}

func mark(r *inventory.Record, exists, drifted, managed bool) {
	r.Attrs["terraform.exists"] = inventory.Flag(exists)
	r.Attrs["terraform.drift"] = inventory.Flag(drifted)
	r.Attrs["terraform.managed"] = inventory.Flag(managed)
}
