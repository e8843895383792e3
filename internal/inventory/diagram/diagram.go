// Package diagram draws the inventory: which networks, gateways and hosts there are, what belongs to which environment, and
// where data flows. It is pure: the same things give the same bytes. It judges one thing only, the separation of tiers.
//
// Read in this order: diagram.go (what is drawn, and in which column), dot.go, svg.go.
package diagram

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/seal"
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

// Node is one asset as a diagram shows it. A label that nobody gave is drawn as what it counts as, and marked.
type Node struct {
	ID             string `json:"id"`
	Name           string `json:"name"`
	Class          string `json:"class"`
	Environment    string `json:"environment,omitempty"`
	Classification string `json:"classification,omitempty"`
	Tier           string `json:"tier,omitempty"`
	Lacks          string `json:"lacks,omitempty"` // demanded labels that nobody gave, with spaces between
	Mixed          bool   `json:"mixed,omitempty"` // runs frontend and backend, which policy wants apart
}

// lacks reports whether nobody gave a demanded label.
func (n Node) lacks(label string) bool { return slices.Contains(strings.Fields(n.Lacks), label) }

// Edge is one relationship between two nodes, by their ids.
type Edge struct {
	From string `json:"from"`
	Verb string `json:"verb"`
	To   string `json:"to"`
}

// Graph is the state of the inventory that is drawn.
type Graph struct {
	Head  int64     `json:"head"`         // number of the newest difference in it
	At    time.Time `json:"at"`           // when that was observed; nothing is drawn that came later
	Of    string    `json:"of,omitempty"` // what it is narrowed to; "" for everything
	Nodes []Node    `json:"nodes"`
	Edges []Edge    `json:"edges"`
}

// Covered counts the nodes that lack no demanded label: what is assumed satisfies no audit.
func (g Graph) Covered() int {
	n := 0
	for _, x := range g.Nodes {
		if x.Lacks == "" {
			n++
		}
	}
	return n
}

// Digest names what a diagram shows: its kind, its things and how they hang together. Two states of the inventory that look
// the same have one digest, whatever their heads.
func (g Graph) Digest(k Kind) string {
	g = Select(k, g)
	parts := [][]byte{[]byte(k), []byte(strconv.Itoa(len(g.Nodes)))}
	add := func(list ...string) {
		for _, s := range list {
			parts = append(parts, []byte(s))
		}
	}
	for _, n := range g.Nodes {
		add(n.ID, n.Name, n.Class, n.Environment, n.Classification, n.Tier, n.Lacks, strconv.FormatBool(n.Mixed))
	}
	for _, e := range g.Edges {
		add(e.From, e.Verb, e.To)
	}
	return seal.Digest("plumb.diagram.v1", parts...)
}

// shown are the classes that a kind of diagram shows, each with its column. The environment shows all.
var shown = map[Kind]map[string]int{
	Network: {"Network": 0, "Gateway": 1, "Firewall": 1, "Ruleset": 1, "NetworkInterface": 2, "NetworkEndpoint": 2, "IpAddress": 2, "Host": 3, "Device": 3, "Container": 4},
	DataFlow: {"Host": 0, "Container": 0, "Application": 0, "Service": 0, "Function": 0, "Workload": 0, "Database": 0, "DataStore": 0, "Disk": 0, "Queue": 0,
		"Backup": 0, "Vault": 0, "Vendor": 0},
}

// Classes lists the classes that a kind of diagram shows, sorted; nil for all.
func Classes(k Kind) []string {
	classes := shown[k]
	if classes == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(classes))
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
	out := Graph{Head: g.Head, At: g.At, Of: g.Of}
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

// Mixed lists the hosts and containers of which both tiers are known: policy wants frontend and backend on separate servers or
// containers. What counts is its own tier and that of what it runs; a container keeps apart what it runs, so that its host is
// not told of it. Sorted by id.
func Mixed(g Graph) []Node {
	var out []Node
	for id, parts := range Parts(g) {
		if parts[0].Tier != parts[len(parts)-1].Tier {
			out = append(out, nodeIn(g, id))
		}
	}
	slices.SortFunc(out, func(a, b Node) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

func nodeIn(g Graph, id string) Node {
	return g.Nodes[slices.IndexFunc(g.Nodes, func(n Node) bool { return n.ID == id })]
}

// Parts gives, for each host and container, what is frontend or backend on it, itself too where it is labelled so: backend first, then
// by id. One that bears neither is left out.
func Parts(g Graph) map[string][]Node {
	of, out := map[string]Node{}, map[string][]Node{}
	tiered := func(n Node) bool { return n.Tier == "frontend" || n.Tier == "backend" }
	for _, n := range g.Nodes {
		if _, again := of[n.ID]; !again && Bears(n.Class) && tiered(n) {
			out[n.ID] = append(out[n.ID], n)
		}
		of[n.ID] = n
	}
	for _, e := range g.Edges {
		if n := of[e.To]; Runs(e.Verb) && Bears(of[e.From].Class) && !keepsApart(n.Class) && tiered(n) {
			out[e.From] = append(out[e.From], n)
		}
	}
	for id, parts := range out {
		slices.SortFunc(parts, func(a, b Node) int { return cmp.Or(cmp.Compare(a.Tier, b.Tier), cmp.Compare(a.ID, b.ID)) })
		out[id] = slices.CompactFunc(parts, func(a, b Node) bool { return a.ID == b.ID })
	}
	return out
}

// Bears reports whether a class of asset is one that must not bear both tiers.
func Bears(class string) bool { return class == "Host" || keepsApart(class) }

func keepsApart(class string) bool { return class == "Container" }

// Runs reports whether a verb says that one thing runs on the other.
func Runs(verb string) bool { return verb == "RUNS" || verb == "HOSTS" }

// Draw draws a graph in a form, svg or dot, and gives its media type; ok is false for another form.
func Draw(k Kind, g Graph, form string) (text, kind string, ok bool) {
	switch form {
	case "svg":
		return SVG(k, g), "image/svg+xml", true
	case "dot":
		return DOT(k, g), "text/vnd.graphviz; charset=utf-8", true
	}
	return "", "", false
}
