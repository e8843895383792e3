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
	g := diagram.Graph{Head: 42, At: time.Unix(1_800_000_000, 0), Covered: 1}
	for i := range n {
		id := fmt.Sprintf("AST-%06d", i)
		g.Nodes = append(g.Nodes, diagram.Node{ID: id, Name: hostile, Class: []string{"Host", "Network", "Application"}[i%3],
			Environment: []string{"prod", "dev", ""}[i%3], Classification: "internal", Tier: []string{"frontend", "backend"}[i%2]})
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
		{ID: "f", Class: "Application", Tier: "frontend"}, {ID: "k", Class: "Application", Tier: "backend"}},
		Edges: []diagram.Edge{{From: "b", To: "f", Verb: "RUNS"}, {From: "b", To: "k", Verb: "RUNS"}, {From: "a", To: "f", Verb: "RUNS"},
			{From: "a", To: "k", Verb: "USES"}, {From: "c", To: "f", Verb: "RUNS"}, {From: "c", To: "k", Verb: "RUNS"}}}
	if m := diagram.Mixed(g); len(m) != 1 || m[0].ID != "b" {
		t.Errorf("got %v, want b alone", m)
	}
}
