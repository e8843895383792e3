package inventory

import (
	"fmt"
	"slices"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory/diagram"
)

// This file holds the values of a diagram of record and the rules that need nothing else. One person proposes a diagram as it is
// drawn now, another approves exactly that; when what it shows moves on, it is stale, and says since when and what moved.

// DiagramState says where a diagram of record stands.
type DiagramState string

// The states. Of one slice at most one is proposed and at most one approved.
const (
	DiagramProposed   DiagramState = "proposed"
	DiagramApproved   DiagramState = "approved"
	DiagramRefused    DiagramState = "refused"
	DiagramWithdrawn  DiagramState = "withdrawn"
	DiagramSuperseded DiagramState = "superseded" // another of the same slice was approved after it
)

// Diagram is a diagram of record: what was proposed, by its digest, and who decided. What it shows never changes.
type Diagram struct {
	ID       string       `json:"id"` // DGM-000001
	N        int64        `json:"n"`
	Version  int64        `json:"version"`
	Slice    Slice        `json:"slice"`
	State    DiagramState `json:"state"`
	Digest   string       `json:"digest"` // of the graph that is drawn
	Head     int64        `json:"head"`   // newest difference of the inventory when it was proposed
	At       int64        `json:"at"`     // when that was observed, microseconds
	Nodes    int64        `json:"nodes"`
	Edges    int64        `json:"edges"`
	Covered  int64        `json:"covered"` // nodes that lack no demanded label
	Person   string       `json:"person"`
	Proposed int64        `json:"proposed"`
	Reason   string       `json:"reason,omitempty"`
	Decider  string       `json:"decider,omitempty"`
	Decided  int64        `json:"decided,omitempty"`
	Note     string       `json:"note,omitempty"` // of who decided
	Stale    int64        `json:"stale,omitempty"`
}

// live reports whether production may move on under it.
func (d Diagram) live() bool { return d.State == DiagramProposed || d.State == DiagramApproved }

// DiagramView is a diagram of record with what became of what it shows.
type DiagramView struct {
	Diagram
	Moved *Moved `json:"moved,omitempty"` // what production shows otherwise now; nil while it is the same
}

// Moved is what of a diagram is no longer so. Each list is cut after fifty; More counts what is left out.
type Moved struct {
	Since  int64    `json:"since"` // when the first of it was observed, microseconds
	Now    string   `json:"now"`   // digest of the diagram as it would be drawn now; "" where it can be drawn no more
	Came   []string `json:"came,omitempty"`
	Left   []string `json:"left,omitempty"`
	Other  []string `json:"other,omitempty"` // things that are called or labelled otherwise
	Joined []string `json:"joined,omitempty"`
	Parted []string `json:"parted,omitempty"`
	More   int      `json:"more,omitempty"`

	things []string // ids of the assets involved
}

// maxMoved bounds each list of what moved.
const maxMoved = 50

// moved compares two graphs of one kind; ok is false when they show the same.
func moved(was, is diagram.Graph) (m Moved, ok bool) {
	put := func(list *[]string, text string, things ...string) {
		ok = true
		m.things = append(m.things, things...)
		if len(*list) == maxMoved {
			m.More++
			return
		}
		*list = append(*list, text)
	}
	before, after := byID(was.Nodes), byID(is.Nodes)
	for _, n := range is.Nodes {
		old, had := before[n.ID]
		switch {
		case !had:
			put(&m.Came, named(n), n.ID)
		case old != n:
			put(&m.Other, named(n)+": "+otherwise(old, n), n.ID)
		}
	}
	for _, n := range was.Nodes {
		if _, has := after[n.ID]; !has {
			put(&m.Left, named(n), n.ID)
		}
	}
	for _, e := range beyond(is.Edges, was.Edges) {
		put(&m.Joined, joins(after, e), e.From, e.To)
	}
	for _, e := range beyond(was.Edges, is.Edges) {
		put(&m.Parted, joins(before, e), e.From, e.To)
	}
	slices.Sort(m.things)
	m.things = slices.Compact(m.things)
	return m, ok
}

// beyond gives what of a list another does not hold, in the list's order.
func beyond[T comparable](list, other []T) []T {
	held := make(map[T]bool, len(other))
	for _, x := range other {
		held[x] = true
	}
	return slices.DeleteFunc(slices.Clone(list), func(x T) bool { return held[x] })
}

func byID(list []diagram.Node) map[string]diagram.Node {
	out := make(map[string]diagram.Node, len(list))
	for _, n := range list {
		out[n.ID] = n
	}
	return out
}

func named(n diagram.Node) string { return n.ID + " " + n.Name + " (" + n.Class + ")" }

func joins(nodes map[string]diagram.Node, e diagram.Edge) string {
	return nodes[e.From].Name + " " + e.Verb + " " + nodes[e.To].Name
}

// otherwise says in what two looks of one thing differ.
func otherwise(was, is diagram.Node) string {
	out := ""
	for _, x := range []struct{ what, was, is string }{{"name", was.Name, is.Name}, {"class", was.Class, is.Class}, {"environment", was.Environment, is.Environment},
		{"classification", was.Classification, is.Classification}, {"tier", was.Tier, is.Tier}, {"lacks", was.Lacks, is.Lacks},
		{"mixed tiers", fmt.Sprint(was.Mixed), fmt.Sprint(is.Mixed)}} {
		if x.was != x.is {
			if out != "" {
				out += ", "
			}
			out += fmt.Sprintf("%s %q was %q", x.what, x.is, x.was)
		}
	}
	return out
}

// deciding is what a decision about a proposed diagram rests on.
type deciding struct {
	person string
	seen   string // digest of what the person looked at
	now    string // digest of the diagram as it would be drawn now
	who    humans
}

// mayApprove is the rule for an approval: another person than who proposed it approves exactly what they looked at, while it is
// still what production shows.
func (d Diagram) mayApprove(q deciding) error {
	show := fmt.Sprintf("plumb diagram show %s", d.ID)
	if err := d.mayDecide(); err != nil {
		return err
	}
	switch {
	case q.person == d.Person:
		return fault.New(fault.Denied, "own_diagram", "Who proposed a diagram does not approve it.").About(d.ID).
			Because("separate", "policy statement (e)").FixedBy("another person who looks after the inventory").Then("%s", show)
	case q.who.same(q.person, d.Person, d.Proposed):
		return q.who.lent(d.ID, q.person, d.Person).Because("separate", "policy statement (e)")
	case q.seen != d.Digest:
		return fault.New(fault.Stale, "diagram_unseen", "What you looked at is not what was proposed.").About(d.ID).FixedBy("you").Then("%s", show)
	case q.now != d.Digest:
		return fault.New(fault.Conflict, "diagram_moved", "Production moved on since the diagram was proposed.").About(d.ID).
			FixedBy("who proposed it").Then("plumb diagram refuse %s, then plumb diagram propose %s", d.ID, d.Slice.flags())
	}
	return nil
}

func (d Diagram) mayDecide() error {
	if d.State != DiagramProposed {
		return fault.New(fault.Conflict, "diagram_decided", "The diagram is %s.", d.State).About(d.ID).FixedBy("nobody").Then("plumb diagram propose %s", d.Slice.flags())
	}
	return nil
}
