// Package agent makes records of the inventory out of what enrolled agents report. What they sent was checked when it came; here it only
// gets the inventory's words.
package agent

import (
	"bufio"
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/fleet"
	"plumbline.dev/plumb/internal/inventory"
)

// Name is the name of the kind, and of the one source of it.
const Name = "agent"

// Fleet gives what an agent last said. It may be called concurrently.
type Fleet interface {
	Facts(ctx context.Context, agent string) (fleet.Told, error)
}

// Kind is the source that all agents together are. Its document is a list of agents with the digests of their facts, one JSON object
// a line: only the facts of those that changed are read at all.
func Kind(f Fleet) inventory.Kind {
	k := inventory.Kind{Name: Name, Title: "Agents on hosts", Mapper: 1, Push: true, Inner: true, Rules: rules(),
		AbsentAfter: 1} // only a host whose agent was ended is ever absent, and an end is an end
	k.Open = func(in inventory.Input) (inventory.Source, error) { return open(f, k, in) }
	return k
}

// KeyShared is the doubt about a host whose key another host uses as well.
func KeyShared(source string, a fleet.Agent) inventory.Doubt {
	return inventory.Doubt{Source: source, Scope: a.ID, Type: recordType, Native: a.ID, Kind: "key_shared",
		Detail: "two machines report with the key of " + a.ID + ", so neither is believed: plumb agent revoke " + a.ID + "; then plumb agent token, for each of them"}
}

// recordType is the type of every record of this kind.
const recordType = "plumb_host"

func rules() []inventory.AttrRule {
	return []inventory.AttrRule{
		{Type: recordType, Path: "service.running", Kind: inventory.State},
		{Type: recordType, Path: "agent.*", Kind: inventory.State},
		{Type: recordType, Path: "system.hostname", Kind: inventory.Identity},
		{Type: recordType, Path: "system.fqdn", Kind: inventory.Identity},
		{Type: recordType, Path: "system.machine-id", Kind: inventory.Identity},
		{Type: recordType, Path: "user.*", Kind: inventory.Security},
		{Type: recordType, Path: "group.*", Kind: inventory.Security},
		{Type: recordType, Path: "listener.*", Kind: inventory.Security},
		{Type: recordType, Path: "time.*", Kind: inventory.Security},
		{Type: recordType, Path: "dns.*", Kind: inventory.Security},
	}
}

type source struct {
	fleet Fleet
	kind  inventory.Kind
	in    inventory.Input
	words []fleet.Word
}

// open reads the list; what the agents said is read one by one.
func open(f Fleet, k inventory.Kind, in inventory.Input) (*source, error) {
	s := &source{fleet: f, kind: k, in: in}
	lines := bufio.NewScanner(in.Document)
	for lines.Scan() {
		var w fleet.Word
		if err := json.Unmarshal(lines.Bytes(), &w); err != nil {
			return nil, fmt.Errorf("read the list of agents: %w", err)
		}
		s.words = append(s.words, w)
	}
	return s, lines.Err()
}

// Scopes are the agents that were ended: their hosts are not seen by them any more.
func (s *source) Scopes() []string {
	var out []string
	for _, w := range s.words {
		if w.Ended {
			out = append(out, w.Agent)
		}
	}
	return out
}

// Collect emits a record for each agent of the document. The scope is the agent: hosts that are silent are not absent.
func (s *source) Collect(ctx context.Context, emit func(inventory.Record) error) error {
	for _, w := range s.words {
		if w.Ended {
			continue
		}
		if s.in.Known != nil && s.in.Known(stamp(w.Agent, w.Root)) {
			continue
		}
		t, err := s.fleet.Facts(ctx, w.Agent)
		if err != nil {
			return fmt.Errorf("read facts: %w", err)
		}
		r := Record(t)
		r.Raw = inventory.RawDigest(s.kind, stamp(w.Agent, t.Root))
		if err := emit(r); err != nil {
			return err
		}
	}
	return nil
}

// stamp stands for the facts of an agent: their digest, which the agent signed, says that they are the same.
func stamp(agent, root string) []byte { return []byte(agent + "\n" + root) }

// Record is the host as its agent shows it.
func Record(t fleet.Told) inventory.Record {
	r := inventory.Record{Scope: t.Agent.ID, Type: recordType, Class: inventory.Host, Native: t.Agent.ID, Name: t.Facts.TextOf("system.hostname"),
		Attrs: make(map[string]inventory.Value, len(t.Facts)), Volatile: make(map[string]inventory.Value, len(t.Last)+1)}
	if r.Name == "" || len(r.Name) > maxText {
		r.Name = t.Agent.Name
	}
	for path, v := range t.Facts {
		r.Attrs[path] = inventory.Value(v)
	}
	if len(t.Facts)+len(t.Last) < inventory.MaxAttrs { // a host that says more must not stop the reading of all others
		for path, v := range t.Last {
			r.Volatile[path] = inventory.Value(v)
		}
	}
	r.Volatile["agent.clock-skew-seconds"] = inventory.Number(t.Skew / 1_000_000)
	r.IDs = identifiers(t)
	return r
}

// maxText bounds a name and an identifier. A host may report longer texts; one that did must not stop the reading of all others.
const maxText = 255

// maxIDs bounds the addresses by which one host is known; the inventory takes 200.
const maxIDs = 100

// identifiers are what other sources may know the host by. A value that vendors leave in place of one is none.
func identifiers(t fleet.Told) []inventory.Identifier {
	out := []inventory.Identifier{{Kind: "agent-key", Value: t.Agent.Key}}
	add := func(kind, value string) {
		if value != "" && len(value) <= maxText && len(out) < maxIDs {
			out = append(out, inventory.Identifier{Kind: kind, Value: value})
		}
	}
	add("machine-id", strings.ToLower(t.Facts.TextOf("system.machine-id")))
	board := serial(t.Facts.TextOf("hardware.dmi.product-serial"))
	add("dmi-serial", board)
	if board != "" && t.Facts.TextOf("hardware.dmi.sys-vendor") == "Hetzner" { // the serial number of a cloud server is its number there
		add("dmi-serial", "hetzner:"+board)
	}
	add("hardware-uuid", strings.ToLower(serial(t.Facts.TextOf("hardware.dmi.product-uuid"))))
	add("fqdn", strings.ToLower(t.Facts.TextOf("system.fqdn")))
	add("hostname", strings.ToLower(t.Facts.TextOf("system.hostname")))
	for _, path := range t.Facts.Under("network.") {
		name, last := path[:strings.LastIndexByte(path, '.')], path[strings.LastIndexByte(path, '.')+1:]
		switch {
		case last == "mac" && t.Facts.TextOf(name+".up") == "true":
			add("mac", strings.ToLower(t.Facts.TextOf(path)))
		case last == "addresses":
			for _, a := range inventory.Value(t.Facts[path]).Items() {
				add("ip", reachable(a))
			}
		}
	}
	return out
}

// reachable gives the address of a network interface that others can know the host by; "" for one of its own.
func reachable(s string) string {
	p, err := netip.ParsePrefix(s)
	if err != nil || p.Addr().IsLoopback() || p.Addr().IsLinkLocalUnicast() || p.Addr().IsMulticast() {
		return ""
	}
	return p.Addr().String()
}

// serial gives a serial number, "" for what vendors write where there is none.
func serial(s string) string {
	switch strings.ToLower(strings.Trim(s, " .0-")) {
	case "", "to be filled by o.e.m", "not specified", "none", "default string", "system serial number", "n/a", "123456789", "03000200-0400-0500-0006-000700080009":
		return ""
	}
	return s
}
