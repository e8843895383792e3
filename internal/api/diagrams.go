package api

import (
	"context"
	"net/http"
	"strings"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/inventory/diagram"
)

// diagramRoutes are about pictures of the inventory: as it is now, and those that people hold to.
func diagramRoutes() []Route {
	const tag = "Diagrams"
	const read, manage = directory.InventoryRead, directory.InventoryManage
	return []Route{
		{Method: get, Path: "/drawings/{kind}", Need: read, Tag: tag, Summary: "Show what a diagram of the inventory shows now", bind: answers((*API).showDrawing)},
		{Method: get, Path: "/drawings/{kind}/{form}", Need: read, Gives: "*/*", Tag: tag, Summary: "Draw the inventory as it is now: svg or dot", bind: answers((*API).draw)},
		{Method: get, Path: "/diagrams", Need: read, Tag: tag, Summary: "List diagrams of record, the newest first, with what moved since", bind: answers((*API).listDiagrams)},
		{Method: post, Path: "/diagrams", Need: manage, Repeats: byAnswer, Tag: tag, Status: 201, Summary: "Propose a diagram, as it is drawn now, for the diagram of record", bind: answers((*API).proposeDiagram)},
		{Method: get, Path: "/diagrams/{id}", Need: read, Tag: tag, Summary: "Show a diagram of record with its graph", bind: answers((*API).showDiagram)},
		{Method: get, Path: "/diagrams/{id}/{form}", Need: read, Gives: "*/*", Tag: tag, Summary: "Give a diagram of record as it was proposed: svg or dot", bind: answers((*API).drawDiagram)},
		{Method: post, Path: "/diagrams/{id}/approve", Need: manage, Repeats: byAnswer, Tag: tag, Summary: "Make a proposed diagram the diagram of record; not by who proposed it", bind: answers((*API).approveDiagram)},
		{Method: post, Path: "/diagrams/{id}/refuse", Need: manage, Repeats: byAnswer, Tag: tag, Summary: "Refuse a proposed diagram; who proposed it withdraws it so", bind: answers((*API).refuseDiagram)},
	}
}

// SliceFilter is which drawing is asked for; what is left out does not narrow.
type SliceFilter struct {
	Kind           string `path:"kind" maxLength:"20" doc:"network, environment or data-flow"`
	Environment    string `query:"environment" maxLength:"20"`
	Classification string `query:"classification" maxLength:"20"`
	Owner          string `query:"owner" maxLength:"300"`
	Role           string `query:"role" maxLength:"300"`
}

func (f SliceFilter) asked() inventory.Slice {
	return inventory.Slice{Kind: diagram.Kind(f.Kind), Environment: f.Environment, Classification: f.Classification, Owner: f.Owner, Role: f.Role}
}

type drawingIn struct{ SliceFilter }

// Drawing is what a diagram shows, and how much of it is known.
type Drawing struct {
	Slice   inventory.Slice `json:"slice"`
	Digest  string          `json:"digest"`
	Covered int             `json:"covered"` // nodes that lack no demanded label
	Mixed   []string        `json:"mixed"`   // hosts and containers that run frontend and backend
	diagram.Graph
}

func drawingOf(s inventory.Slice, g diagram.Graph) Drawing {
	out := Drawing{Slice: s, Digest: g.Digest(s.Kind), Covered: g.Covered(), Mixed: []string{}, Graph: g}
	for _, n := range g.Nodes {
		if n.Mixed {
			out.Mixed = append(out.Mixed, n.ID)
		}
	}
	if out.Nodes == nil {
		out.Nodes = []diagram.Node{}
	}
	if out.Edges == nil {
		out.Edges = []diagram.Edge{}
	}
	return out
}

func (a *API) showDrawing(ctx context.Context, in *drawingIn) (*body[Drawing], error) {
	s := in.asked()
	g, err := a.Things.Drawn(ctx, s)
	return give(drawingOf(s, g), err)
}

type drawIn struct {
	SliceFilter
	Form  string `path:"form" maxLength:"10" doc:"svg or dot"`
	Known string `header:"If-None-Match" maxLength:"2000"`
}

// picture is a drawing as a file. Its ETag is the digest of what is shown; a weak one, for the caption may name an older state
// of the inventory in which the same was shown.
type picture struct {
	Status      int
	ContentType string `header:"Content-Type"`
	ETag        string `header:"ETag"`
	Body        []byte
}

// pictured draws a graph, unless the asker has it.
func pictured(k diagram.Kind, g diagram.Graph, form, known string) (*picture, error) {
	text, kind, ok := diagram.Draw(k, g, form)
	if !ok {
		return nil, fault.New(fault.NotFound, "no_diagram", "A diagram is drawn as svg or dot.").FixedBy("you").Then("plumb diagram draw %s --form svg", k)
	}
	tag := `"` + g.Digest(k) + `"`
	for _, t := range strings.Split(known, ",") {
		if t = strings.TrimPrefix(strings.TrimSpace(t), "W/"); t == tag || t == "*" {
			return &picture{Status: http.StatusNotModified, ETag: "W/" + tag}, nil
		}
	}
	return &picture{Status: http.StatusOK, ContentType: kind, ETag: "W/" + tag, Body: []byte(text)}, nil
}

func (a *API) draw(ctx context.Context, in *drawIn) (*picture, error) {
	s := in.asked()
	g, err := a.Things.Drawn(ctx, s)
	if err != nil {
		return nil, err
	}
	return pictured(s.Kind, g, in.Form, in.Known)
}

func (a *API) listDiagrams(ctx context.Context, in *pagingIn) (*body[Page[inventory.DiagramView]], error) {
	before, err := in.from(0)
	if err != nil {
		return nil, err
	}
	list, err := a.Things.Diagrams(ctx, before, int(in.Limit))
	return onward(in.Paging, list, func(v inventory.DiagramView) int64 { return v.N }, err)
}

// DiagramProposal names what is proposed: a slice, by the digest of what was looked at.
type DiagramProposal struct {
	Slice  inventory.Slice `json:"slice"`
	Digest string          `json:"digest" doc:"of the drawing that you looked at"`
	Reason string          `json:"reason,omitempty"`
}

type proposeDiagramIn struct{ In JSON[DiagramProposal] }

func (a *API) proposeDiagram(ctx context.Context, in *proposeDiagramIn) (*body[inventory.DiagramView], error) {
	p := in.In.value
	return give(a.Things.ProposeDiagram(ctx, actorOf(ctx), p.Slice, p.Digest, p.Reason))
}

type diagramIn struct {
	ID string `path:"id" maxLength:"40"`
}

// DiagramShown is a diagram of record with what it shows.
type DiagramShown struct {
	inventory.DiagramView
	Drawing Drawing `json:"drawing"`
}

func (a *API) showDiagram(ctx context.Context, in *diagramIn) (*body[DiagramShown], error) {
	v, g, err := a.Things.DiagramOf(ctx, in.ID)
	return give(DiagramShown{v, drawingOf(v.Slice, g)}, err)
}

type drawDiagramIn struct {
	ID    string `path:"id" maxLength:"40"`
	Form  string `path:"form" maxLength:"10" doc:"svg or dot"`
	Known string `header:"If-None-Match" maxLength:"2000"`
}

func (a *API) drawDiagram(ctx context.Context, in *drawDiagramIn) (*picture, error) {
	v, g, err := a.Things.DiagramOf(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return pictured(v.Slice.Kind, g, in.Form, in.Known)
}

// DiagramDecision is a word on a proposed diagram.
type DiagramDecision struct {
	Digest string `json:"digest,omitempty" doc:"of an approval: the proposal's, as it was looked at"`
	Note   string `json:"note,omitempty"`
}

type decideDiagramIn struct {
	ID string `path:"id" maxLength:"40"`
	In JSON[DiagramDecision]
}

func (a *API) approveDiagram(ctx context.Context, in *decideDiagramIn) (*body[inventory.DiagramView], error) {
	return give(a.Things.ApproveDiagram(ctx, actorOf(ctx), in.ID, in.In.value.Digest, in.In.value.Note))
}

func (a *API) refuseDiagram(ctx context.Context, in *decideDiagramIn) (*body[inventory.DiagramView], error) {
	return give(a.Things.RefuseDiagram(ctx, actorOf(ctx), in.ID, in.In.value.Note))
}
