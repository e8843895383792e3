package diagram_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/inventory/diagram"
)

const hostile = "<script>alert(1)</script>\"&'\x00\u202e\n]]>\xff"

func graph(n int) diagram.Graph {
	g := diagram.Graph{Head: 42, At: time.Unix(1_800_000_000, 0)}
	for i := range n {
		id := fmt.Sprintf("AST-%06d", i)
		g.Nodes = append(g.Nodes, diagram.Node{ID: id, Name: hostile, Class: []string{"Host", "Network", "Application"}[i%3],
			Environment: []string{"prod", "dev", "prod"}[i%3], Classification: "internal", Tier: []string{"frontend", "backend"}[i%2],
			Lacks: []string{"", "", "environment owner"}[i%3], Mixed: i%9 == 0})
		g.Edges = append(g.Edges, diagram.Edge{From: id, To: fmt.Sprintf("AST-%06d", (i*7)%n), Verb: "RUNS"})
	}
	return g
}

func TestADrawingIsWellFormedWhateverThingsAreCalled(t *testing.T) {
	t.Parallel()
	for _, k := range diagram.Kinds() {
		s := diagram.SVG(k, graph(30))
		d := xml.NewDecoder(strings.NewReader(s))
		for {
			tok, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", k, err)
			}
			if e, ok := tok.(xml.StartElement); ok && !slices.Contains([]string{"svg", "title", "desc", "rect", "text", "line", "g"}, e.Name.Local) {
				t.Errorf("%s holds an element %s", k, e.Name.Local)
			}
		}
		if !strings.Contains(s, "inventory head 42") || strings.Contains(s, "\u202e") {
			t.Errorf("%s does not say its head, or holds a character that reorders text", k)
		}
		if dot := diagram.DOT(k, graph(30)); strings.Contains(dot, `script>"&`) || !strings.Contains(dot, `</script>\"&`) {
			t.Errorf("%s: a name ends its quotes", k)
		}
	}
}

func TestTheSameThingsInAnyOrderGiveTheSameBytes(t *testing.T) {
	t.Parallel()
	for _, k := range diagram.Kinds() {
		a, b := graph(50), graph(50)
		slices.Reverse(b.Nodes)
		slices.Reverse(b.Edges)
		if diagram.SVG(k, a) != diagram.SVG(k, b) || diagram.DOT(k, a) != diagram.DOT(k, b) {
			t.Errorf("%s depends on the order of what it is given", k)
		}
	}
}

func TestAHostThatRunsBothTiersIsListed(t *testing.T) {
	t.Parallel()
	g := diagram.Graph{Nodes: []diagram.Node{{ID: "b", Class: "Host"}, {ID: "a", Class: "Host"}, {ID: "c", Class: "Network"},
		{ID: "own", Class: "Host", Tier: "frontend"}, {ID: "apart", Class: "Host", Tier: "backend"}, {ID: "box", Class: "Container", Tier: "frontend"},
		{ID: "f", Class: "Application", Tier: "frontend"}, {ID: "k", Class: "Application", Tier: "backend"}},
		Edges: []diagram.Edge{{From: "b", To: "f", Verb: "RUNS"}, {From: "b", To: "k", Verb: "HOSTS"}, {From: "a", To: "f", Verb: "RUNS"},
			{From: "a", To: "k", Verb: "USES"}, {From: "c", To: "f", Verb: "RUNS"}, {From: "c", To: "k", Verb: "RUNS"},
			{From: "own", To: "k", Verb: "RUNS"}, {From: "apart", To: "box", Verb: "RUNS"}, {From: "box", To: "f", Verb: "RUNS"}}}
	var got []string
	for _, n := range diagram.Mixed(g) {
		got = append(got, n.ID)
	}
	if want := []string{"b", "own"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v: containers keep tiers apart, and only what runs counts", got, want)
	}
}

func TestAnAssumedLabelAndMixedTiersAreMarked(t *testing.T) {
	t.Parallel()
	g := diagram.Graph{Nodes: []diagram.Node{{ID: "a", Name: "known", Class: "Host", Environment: "prod", Classification: "internal"},
		{ID: "b", Name: "stray", Class: "Host", Environment: "prod", Classification: "confidential", Lacks: "environment classification"},
		{ID: "c", Name: "both", Class: "Host", Environment: "prod", Classification: "internal", Mixed: true}}}
	for k, want := range map[diagram.Kind]string{diagram.Network: "Host prod (assumed)", diagram.Environment: "Host prod (assumed)",
		diagram.DataFlow: "Host confidential (assumed)"} {
		s, dot := diagram.SVG(k, g), diagram.DOT(k, g)
		for _, text := range []string{want, "mixed tiers", "2 of 3 assets fully labelled", "nobody gave the"} {
			if !strings.Contains(s, text) {
				t.Errorf("%s does not say %q: %s", k, text, s)
			}
		}
		if strings.Count(s, "stroke-dasharray") != 1 || strings.Count(dot, "style=dashed") != 1 || strings.Count(dot, "color=red") != 1 {
			t.Errorf("%s does not mark one assumed and one mixed node: %s", k, dot)
		}
	}
}

// What there is none of takes no room: the first box of a picture stands at its left, whatever it is of.
func TestAnEmptyColumnTakesNoRoom(t *testing.T) {
	t.Parallel()
	hosts := diagram.Graph{Nodes: []diagram.Node{{ID: "a", Name: "a", Class: "Host", Environment: "test"}, {ID: "b", Name: "b", Class: "Host", Environment: "dev"}}}
	const first, second = `<rect x="24" y="84"`, `<rect x="384" y="84"`
	if s := diagram.SVG(diagram.Network, hosts); strings.Count(s, `<rect x="24"`) != 2 || !strings.Contains(s, first) {
		t.Errorf("hosts without a network do not stand at the left: %s", s)
	}
	s := diagram.SVG(diagram.Environment, hosts)
	if !strings.Contains(s, first) || !strings.Contains(s, second) || !strings.Contains(s, `x="384" y="74" fill="#475467" font-weight="bold">dev<`) {
		t.Errorf("test and dev do not stand beside each other, or without their heads: %s", s)
	}
	if strings.Contains(s, ">prod<") {
		t.Errorf("a column that is not there has a head: %s", s)
	}
}

func TestTheDigestIsThatOfWhatIsShown(t *testing.T) {
	t.Parallel()
	g := graph(12)
	was := g.Digest(diagram.Network)
	later := graph(12)
	later.Head, later.At = 43, later.At.Add(time.Hour)
	later.Nodes = append(later.Nodes, diagram.Node{ID: "z", Class: "Application"}) // the network does not show it
	if later.Digest(diagram.Network) != was {
		t.Error("what the diagram does not show moved its digest")
	}
	for what, move := range map[string]func(*diagram.Graph){
		"a name": func(g *diagram.Graph) { g.Nodes[0].Name = "x" }, "a label that is taken back": func(g *diagram.Graph) { g.Nodes[0].Lacks = "owner" },
		"an edge": func(g *diagram.Graph) { g.Edges[0].Verb = "HAS" }, "a node": func(g *diagram.Graph) { g.Nodes = g.Nodes[1:] }} {
		other := graph(12)
		move(&other)
		if other.Digest(diagram.Network) == was {
			t.Errorf("%s moved and the digest did not", what)
		}
	}
}

// Four times the nodes take about four times the work, not sixteen times: what is counted is what is allocated, for the clock of a busy
// machine says nothing. How long 2,000 nodes take is measured by make bench.
func TestTwoThousandNodesAreDrawnInTime(t *testing.T) { // not parallel: it counts what is allocated
	work := func(nodes int) float64 {
		g := graph(nodes)
		return testing.AllocsPerRun(1, func() {
			for _, k := range diagram.Kinds() {
				if len(diagram.SVG(k, g)) == 0 || len(diagram.DOT(k, g)) == 0 {
					t.Error("nothing was drawn")
				}
			}
		})
	}
	if few, many := work(500), work(2000); many > 8*few {
		t.Errorf("500 nodes take %.0f allocations, 2,000 take %.0f", few, many)
	}
}
