package things

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/inventory/diagram"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/ui"
)

// diagrams is what the page of diagrams shows: one drawing, the page stays light, and the diagrams of record of its slice.
type diagrams struct {
	desk
	Slice  inventory.Slice
	Graph  diagram.Graph
	Digest string
	Mixed  []diagram.Node // what breaks the separation of frontend and backend
	Record []inventory.DiagramView
	Entry  *frame.Entry

	TooLarge bool // nothing is drawn: the form narrows it
}

// sliceOf is what an address or a form asks for; a kind that is none shows the network.
func sliceOf(value func(string) string) inventory.Slice {
	s := inventory.Slice{Kind: diagram.Network, Environment: value("environment"), Classification: value("classification"), Owner: value("owner"), Role: value("role")}
	if k := diagram.Kind(value("kind")); slices.Contains(diagram.Kinds(), k) {
		s.Kind = k
	}
	return s
}

// query writes a slice without its kind as an address does.
func query(s inventory.Slice) string {
	q := url.Values{}
	for _, x := range [][2]string{{"environment", s.Environment}, {"classification", s.Classification}, {"owner", s.Owner}, {"role", s.Role}} {
		if x[1] != "" {
			q.Set(x[0], x[1])
		}
	}
	return q.Encode()
}

// drawingPath is the address of a drawing as it is now.
func drawingPath(s inventory.Slice, form string) string {
	return "/diagrams/" + string(s.Kind) + "." + form + "?" + query(s)
}

func diagramsPath(s inventory.Slice) string {
	return "/diagrams?kind=" + string(s.Kind) + "&" + query(s)
}

func recordPath(id string) string { return "/diagrams/of-record/" + id }

func (p Pages) diagrams(v *frame.Visit) error {
	return p.diagramPage(v, http.StatusOK, sliceOf(v.R.URL.Query().Get), nil)
}

func (p Pages) diagramPage(v *frame.Visit, status int, s inventory.Slice, e *frame.Entry) error {
	d, err := p.desk(v, "Diagrams", "/diagrams")
	if err != nil {
		return err
	}
	x := diagrams{desk: d, Slice: s, Entry: e}
	if e == nil {
		x.Entry = frame.Filled()
	}
	asked := s
	if asked.Owner, err = p.ownerAsked(v, d, s.Owner); err != nil {
		return err
	}
	if x.Graph, err = p.Things.Drawn(v.Ctx(), asked); fault.Is(err, "diagram_too_large") {
		x.Entry.Refused, x.TooLarge = fault.Of(err), true
	} else if err != nil {
		return err
	}
	x.Digest = x.Graph.Digest(s.Kind)
	for _, n := range x.Graph.Nodes {
		if n.Mixed {
			x.Mixed = append(x.Mixed, n)
		}
	}
	if x.Record, err = p.Things.DiagramsOf(v.Ctx(), asked); err != nil {
		return err
	}
	x.Slice = asked
	return v.ShowAs(status, x.Frame, diagrams_(x))
}

// draw gives one diagram as a file, named by its kind and its form: network.svg, network.dot.
func (p Pages) draw(v *frame.Visit) error {
	name, form, _ := strings.Cut(v.R.PathValue("file"), ".")
	s := sliceOf(v.R.URL.Query().Get)
	s.Kind = diagram.Kind(name)
	g, err := p.Things.Drawn(v.Ctx(), s)
	if err != nil {
		return err
	}
	return picture(v, s.Kind, g, form)
}

func picture(v *frame.Visit, k diagram.Kind, g diagram.Graph, form string) error {
	text, kind, ok := diagram.Draw(k, g, form)
	if !ok {
		return fault.New(fault.NotFound, "no_diagram", "A diagram is drawn as svg or dot.").FixedBy("you").Then("open /diagrams and choose one")
	}
	v.W.Header().Set("Content-Type", kind)
	_, err := io.WriteString(v.W, text)
	return err
}

// ofRecord is what the page of one diagram of record shows.
type ofRecord struct {
	desk
	Of    inventory.DiagramView
	Entry *frame.Entry
}

// diagramOfRecord gives the page of one diagram of record, or, under its name with .svg or .dot, what was proposed.
func (p Pages) diagramOfRecord(v *frame.Visit) error {
	id, form, file := strings.Cut(v.R.PathValue("file"), ".")
	if !file {
		return p.recordPage(v, http.StatusOK, id, nil)
	}
	of, g, err := p.Things.DiagramOf(v.Ctx(), id)
	if err != nil {
		return err
	}
	return picture(v, of.Slice.Kind, g, form)
}

func (p Pages) recordPage(v *frame.Visit, status int, id string, e *frame.Entry) error {
	of, _, err := p.Things.DiagramOf(v.Ctx(), id)
	if err != nil {
		return err
	}
	d, err := p.desk(v, of.ID, "/diagrams")
	if err != nil {
		return err
	}
	x := ofRecord{desk: d, Of: of, Entry: e}
	if e == nil {
		x.Entry = frame.Filled()
	}
	return v.ShowAs(status, x.Frame, ofRecord_(x))
}

func (p Pages) proposeDiagram(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	s := sliceOf(v.Value)
	of, err := p.Things.ProposeDiagram(v.Ctx(), v.Actor, s, v.Value("digest"), v.Value("reason"))
	if err != nil {
		return v.Again(err, func(status int, e *frame.Entry) error { return p.diagramPage(v, status, s, e) })
	}
	return v.Go(recordPath(of.ID), "The diagram is proposed. Another person approves it.")
}

// decideDiagram is the frame of a word on a proposed diagram.
func (p Pages) decideDiagram(v *frame.Visit, done string, decide func(id string) error) error {
	if err := v.Form(); err != nil {
		return err
	}
	id := v.R.PathValue("id")
	if err := decide(id); err != nil {
		return v.Again(err, func(status int, e *frame.Entry) error { return p.recordPage(v, status, id, e) })
	}
	return v.Go(recordPath(id), done)
}

func (p Pages) approveDiagram(v *frame.Visit) error {
	return p.decideDiagram(v, "It is the diagram of record.", func(id string) error {
		_, err := p.Things.ApproveDiagram(v.Ctx(), v.Actor, id, v.Value("digest"), v.Value("note"))
		return err
	})
}

func (p Pages) refuseDiagram(v *frame.Visit) error {
	return p.decideDiagram(v, "The diagram is not taken.", func(id string) error {
		_, err := p.Things.RefuseDiagram(v.Ctx(), v.Actor, id, v.Value("note"))
		return err
	})
}

// diagramTone is the colour of a diagram of record.
func diagramTone(v inventory.DiagramView) ui.Tone {
	switch {
	case v.Moved != nil:
		return ui.Bad
	case v.State == inventory.DiagramApproved:
		return ui.Good
	case v.State == inventory.DiagramProposed:
		return ui.Accent
	}
	return ui.Calm
}

// standing is what the badge of a diagram of record says.
func standing(v inventory.DiagramView) string {
	switch {
	case v.Moved != nil && v.State == inventory.DiagramApproved:
		return "stale"
	case v.Moved != nil:
		return "left behind"
	case v.State == inventory.DiagramApproved:
		return "of record"
	}
	return string(v.State)
}
