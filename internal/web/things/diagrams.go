package things

import (
	"io"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory/diagram"
	"plumbline.dev/plumb/internal/web/frame"
)

// diagrams is what the page of diagrams shows.
type diagrams struct {
	desk
	Kinds       []diagram.Kind // those shown: one, the page stays light
	Environment string
	Mixed       []diagram.Node // what breaks the separation of frontend and backend
}

func (p Pages) diagrams(v *frame.Visit) error {
	d, err := p.desk(v, "Diagrams", "/diagrams")
	if err != nil {
		return err
	}
	x := diagrams{desk: d, Environment: v.Value("environment")}
	x.Kinds = []diagram.Kind{diagram.Network}
	if k := diagram.Kind(v.Value("kind")); slices.Contains(diagram.Kinds(), k) {
		x.Kinds[0] = k
	}
	g, err := p.Things.Drawn(v.Ctx(), x.Environment)
	if err != nil {
		return err
	}
	x.Mixed = diagram.Mixed(g)
	return v.Show(x.Frame, diagrams_(x))
}

// draw gives one diagram as a file, named by its kind and its form: network.svg, network.dot.
func (p Pages) draw(v *frame.Visit) error {
	name, form, _ := strings.Cut(v.R.PathValue("file"), ".")
	k := diagram.Kind(name)
	if !slices.Contains(diagram.Kinds(), k) || form != "svg" && form != "dot" {
		return fault.New(fault.NotFound, "no_diagram", "There is no such diagram.").FixedBy("you").Then("open /diagrams and choose one")
	}
	g, err := p.Things.Drawn(v.Ctx(), v.Value("environment"))
	if err != nil {
		return err
	}
	kind, text := "image/svg+xml", ""
	if form == "svg" {
		text = diagram.SVG(k, g)
	} else {
		kind, text = "text/vnd.graphviz; charset=utf-8", diagram.DOT(k, g)
	}
	v.W.Header().Set("Content-Type", kind)
	_, err = io.WriteString(v.W, text)
	return err
}
