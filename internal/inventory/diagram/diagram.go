// Package diagram draws the inventory: which networks, gateways and hosts there are, what belongs to which environment, and
// where data flows. It is pure: the same things give the same bytes. It judges one thing only, the separation of tiers.
//
// Read in this order: diagram.go (what is drawn, and in which column), dot.go, svg.go.
package diagram

import (
	"cmp"
	"slices"
	"time"
)

// Kind says what a diagram shows.
type Kind string

// The kinds of diagram.
const (
	Network     Kind = "network"
	Environment Kind = "environment"
	DataFlow    Kind = "data-flow"
)

// Kinds lists the kinds of diagram.
func Kinds() []Kind { return []Kind{Network, Environment, DataFlow} }

// Node is one asset as a diagram shows it.
type Node struct {
	ID, Name, Class, Environment, Classification, Tier string
}

// Edge is one relationship between two nodes, by their ids.
type Edge struct{ From, To, Verb string }

// Graph is the state of the inventory that is drawn.
type Graph struct {
	Head    int64     // number of the newest difference in it
	At      time.Time // when it was read
	Covered int       // of the assets drawn, how many lack no demanded label
	Nodes   []Node
	Edges   []Edge
}

// shown are the classes that a kind of diagram shows, each with its column. The environment shows all.
var shown = map[Kind]map[string]int{
	Network: {"Network": 0, "Gateway": 1, "Firewall": 1, "Ruleset": 1, "NetworkInterface": 2, "NetworkEndpoint": 2, "IpAddress": 2, "Host": 3, "Device": 3, "Container": 4},
	DataFlow: {"Host": 0, "Container": 0, "Application": 0, "Service": 0, "Function": 0, "Workload": 0, "Database": 0, "DataStore": 0, "Disk": 0, "Queue": 0,
		"Backup": 0, "Vault": 0, "Vendor": 0},
}

// ranks are the columns of the diagrams that order by a label, the strictest first.
var ranks = map[Kind][]string{
	Environment: {"prod", "shared", "test", "dev"},
	DataFlow:    {"critical", "confidential", "internal", "public"},
}

// column says where a node stands; ok is false for one that the diagram leaves out.
func column(k Kind, n Node) (at int, ok bool) {
	if classes, some := shown[k]; some {
		if at, ok = classes[n.Class]; !ok || k == Network {
			return at, ok
		}
	}
	label := n.Environment
	if k == DataFlow {
		label = n.Classification
	}
	at = slices.Index(ranks[k], label)
	if at < 0 {
		at = len(ranks[k])
	}
	return at, true
}

// Select gives what a kind of diagram shows of a graph, in the one order in which it is drawn.
func Select(k Kind, g Graph) Graph {
	out := Graph{Head: g.Head, At: g.At, Covered: g.Covered}
	in := map[string]bool{}
	for _, n := range g.Nodes {
		if _, ok := column(k, n); ok && !in[n.ID] {
			in[n.ID] = true
			out.Nodes = append(out.Nodes, n)
		}
	}
	slices.SortFunc(out.Nodes, func(a, b Node) int {
		x, _ := column(k, a)
		y, _ := column(k, b)
		return cmp.Or(cmp.Compare(x, y), cmp.Compare(a.Class, b.Class), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	for _, e := range g.Edges {
		if in[e.From] && in[e.To] {
			out.Edges = append(out.Edges, e)
		}
	}
	slices.SortFunc(out.Edges, func(a, b Edge) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Verb, b.Verb))
	})
	out.Edges = slices.Compact(out.Edges)
	return out
}

// Mixed lists the hosts and containers that run both tiers: policy wants frontend and backend apart. Sorted by id.
func Mixed(g Graph) []Node {
	tier, runs := map[string]string{}, map[string]map[string]bool{}
	for _, n := range g.Nodes {
		tier[n.ID] = n.Tier
	}
	for _, e := range g.Edges {
		if e.Verb != "RUNS" && e.Verb != "HOSTS" {
			continue
		}
		if runs[e.From] == nil {
			runs[e.From] = map[string]bool{}
		}
		runs[e.From][tier[e.To]] = true
	}
	var out []Node
	for _, n := range g.Nodes {
		r := runs[n.ID]
		if (n.Class == "Host" || n.Class == "Container") && r["frontend"] && r["backend"] {
			out = append(out, n)
		}
	}
	slices.SortFunc(out, func(a, b Node) int { return cmp.Compare(a.ID, b.ID) })
	return out
}
