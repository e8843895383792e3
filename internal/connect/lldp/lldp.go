// Package lldp reads which machines and switches are plugged into one another, as lldpd saw it: the output of
// `lldpcli -f json0 show chassis` and `lldpcli -f json0 show neighbors`, sent in as one document.
package lldp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/inventory"
)

// Kind is what lldpd on one host reports.
func Kind() inventory.Kind {
	return inventory.Kind{
		Name: "lldp", Title: "LLDP neighbours", Mapper: 1, Push: true, Rules: Rules("lldp_chassis"),
		Open: func(in inventory.Input) (inventory.Source, error) { return source{in.Document}, nil },
	}
}

// Rules says what a difference in what Put writes means.
func Rules(recordType string) []inventory.AttrRule {
	return []inventory.AttrRule{
		{Type: recordType, Path: "lldp.*", Kind: inventory.Config},
		{Type: recordType, Path: "chassis.id", Kind: inventory.Identity},
	}
}

// Neighbour is what is plugged in at one of the ports.
type Neighbour struct {
	Local   string // our port
	Chassis string // as ChassisID gives it
	Port    string // theirs
	Name    string
}

// ChassisID gives a chassis id in one spelling. Only an address of hardware stands alone; another kind of id is
// told apart by its kind.
func ChassisID(kind, value string) string {
	value = strings.TrimSpace(strings.ToValidUTF8(value, "\uFFFD"))
	if kind == "mac" {
		if mac, err := net.ParseMAC(value); err == nil {
			return mac.String()
		}
	}
	if value == "" || len(value) > 255 {
		return ""
	}
	return kind + ":" + value
}

// Put writes neighbours into a record: one property for each port, and an edge to each chassis.
func Put(r *inventory.Record, list []Neighbour) {
	ports := map[string][]string{}
	for _, n := range list {
		if n.Chassis == "" || n.Local == "" {
			continue
		}
		path := "lldp." + strings.ToValidUTF8(n.Local, "\uFFFD")
		ports[path] = append(ports[path], strings.Join(strings.Fields(strings.ToValidUTF8(n.Chassis+" "+n.Port+" "+n.Name, "\uFFFD")), " "))
		edge := inventory.Link{Verb: "CONNECTS", To: inventory.Identifier{Kind: "chassis-id", Value: n.Chassis}}
		if !slices.Contains(r.Edges, edge) {
			r.Edges = append(r.Edges, edge)
		}
	}
	for path, seen := range ports {
		r.Attrs[path] = inventory.Set(seen...)
	}
	slices.SortFunc(r.Edges, func(a, b inventory.Link) int { return strings.Compare(a.To.Value, b.To.Value) })
}

// The forms of lldpcli's json0, in which everything is a list.
type (
	text struct {
		Type  string `json:"type"`
		Value string `json:"value"`
	}
	capability struct {
		Type    string `json:"type"`
		Enabled bool   `json:"enabled"`
	}
	chassis struct {
		ID           []text       `json:"id"`
		Name         []text       `json:"name"`
		Descr        []text       `json:"descr"`
		Addresses    []text       `json:"mgmt-ip"`
		Capabilities []capability `json:"capability"`
	}
	port struct {
		ID    []text `json:"id"`
		Descr []text `json:"descr"`
	}
	seen struct {
		Name    string    `json:"name"`
		Chassis []chassis `json:"chassis"`
		Port    []port    `json:"port"`
	}
	document struct {
		Local []struct {
			Chassis []chassis `json:"chassis"`
		} `json:"local-chassis"`
		Neighbours []struct {
			Interface []seen `json:"interface"`
		} `json:"lldp"`
	}
)

type source struct{ document io.Reader }

// Bounds of a document.
const (
	maxBytes      = 8 << 20
	maxNeighbours = 4_000
)

// Collect reads the document. It must say whose neighbours they are.
func (s source) Collect(_ context.Context, emit func(inventory.Record) error) error {
	if s.document == nil {
		return connect.BadDocument("there is none")
	}
	all, err := connect.ReadAll(s.document, maxBytes)
	if err != nil {
		return err
	}
	var local []chassis
	var list []Neighbour
	heard := false
	dec := jsontext.NewDecoder(bytes.NewReader(all))
	for {
		var d document
		err := json.UnmarshalDecode(dec, &d)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return connect.BadDocument("it is not what lldpcli -f json0 prints")
		}
		for _, l := range d.Local {
			local = append(local, l.Chassis...)
		}
		heard = heard || d.Neighbours != nil
		for _, n := range d.Neighbours {
			list = append(list, neighbours(n.Interface)...)
		}
	}
	if len(local) != 1 || first(local[0].ID).Value == "" || !heard {
		return connect.BadDocument("it needs the output of show chassis and of show neighbors, one after the other")
	}
	if len(list) > maxNeighbours {
		return connect.TooMuch("4,000 neighbours")
	}
	r, err := record(local[0])
	if err != nil {
		return err
	}
	Put(&r, list)
	return emit(r)
}

func first(list []text) text {
	if len(list) == 0 {
		return text{}
	}
	return list[0]
}

func neighbours(list []seen) []Neighbour {
	var out []Neighbour
	for _, i := range list {
		n := Neighbour{Local: i.Name}
		if len(i.Chassis) > 0 {
			id := first(i.Chassis[0].ID)
			n.Chassis, n.Name = ChassisID(id.Type, id.Value), first(i.Chassis[0].Name).Value
		}
		if len(i.Port) > 0 {
			n.Port = first(i.Port[0].ID).Value
			if d := first(i.Port[0].Descr).Value; d != "" {
				n.Port = d
			}
		}
		out = append(out, n)
	}
	return out
}

func record(c chassis) (inventory.Record, error) {
	id := ChassisID(first(c.ID).Type, first(c.ID).Value)
	if id == "" {
		return inventory.Record{}, connect.BadDocument("the chassis has no id")
	}
	a := connect.Attrs{}
	a.Text("chassis.id", id)
	a.Text("name", first(c.Name).Value)
	a.Text("description", first(c.Descr).Value)
	r := inventory.Record{Scope: id, Type: "lldp_chassis", Class: inventory.Host, Native: id, Name: strings.ToValidUTF8(first(c.Name).Value, "\uFFFD"), Attrs: a,
		IDs: append([]inventory.Identifier{{Kind: "chassis-id", Value: id}}, connect.HostNames(first(c.Name).Value)...)}
	if r.Name == "" || len(r.Name) > 255 {
		r.Name = id
	}
	if _, err := net.ParseMAC(id); err == nil {
		r.IDs = append(r.IDs, inventory.Identifier{Kind: "mac", Value: id})
	}
	var able []string
	for _, cap := range c.Capabilities {
		if cap.Enabled {
			able = append(able, cap.Type)
		}
	}
	a.Set("capabilities", able)
	for _, ip := range c.Addresses {
		if addr, err := netip.ParseAddr(ip.Value); err == nil && !addr.IsLinkLocalUnicast() && !addr.IsLoopback() && len(r.IDs) < 100 {
			r.IDs = append(r.IDs, inventory.Identifier{Kind: "ip", Value: addr.Unmap().WithZone("").String()})
		}
	}
	return r, nil
}
