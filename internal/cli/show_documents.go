package cli

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/plan"
	"plumbline.dev/plumb/internal/wire"
)

// documents fetches what the bindings name, so that who decides reads it and not only its digest. A
// document that cannot be had is left out; the digest stands there in any case.
func documents(ctx context.Context, c *client.Client, m wire.Material) (map[string][]byte, error) {
	out := map[string][]byte{}
	list := m.Bindings
	if m.Rollback.Binding != nil {
		list = append(list[:len(list):len(list)], *m.Rollback.Binding)
	}
	for _, b := range list {
		if b.Document == "" || b.Kind == "policy-pack" || out[b.Document] != nil {
			continue
		}
		body, err := c.Document(ctx, b.Document)
		if f := fault.Of(err); err != nil && (f.Kind == fault.NotFound || f.Kind == fault.Invalid) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out[b.Document] = body
	}
	return out, nil
}

// Limits of what is shown without --full.
const (
	maxShownResources = 15
	maxShownLines     = 12
)

// writeDocuments shows plans by resource and files by their text.
func (a *app) writeDocuments(p *page, v client.View, x beside) {
	for _, b := range v.Material.Bindings {
		a.writeDocument(p, v.Change.ID, b, x.docs[b.Document], x.full)
	}
	if b := v.Material.Rollback.Binding; b != nil && x.full {
		a.writeDocument(p, v.Change.ID, *b, x.docs[b.Document], x.full)
	}
}

func (a *app) writeDocument(p *page, id string, b wire.Binding, body []byte, full bool) {
	switch {
	case body == nil:
	case b.Kind == "tf-plan":
		d, err := plan.ParseDocument(body)
		if err != nil {
			p.item("", b.Name+": the stored plan cannot be read")
			return
		}
		p.heading("Plan " + b.Name)
		if full {
			if err := a.writePlan(p.w, d.Summary()); err != nil {
				p.err = err
			}
			return
		}
		writeResources(p, d.Summary())
		p.row(dim, "values", "plumb change show "+id+" --full")
	case !utf8.Valid(body):
		p.item("", b.Name+" is not text; plumb document get "+b.Document)
	default:
		p.heading(strings.ToUpper(b.Kind[:1]) + b.Kind[1:] + " " + b.Name)
		lines := strings.Split(strings.TrimRight(cleanText(string(body)), "\n"), "\n")
		shown := len(lines)
		if !full {
			shown = min(shown, maxShownLines)
		}
		for _, l := range lines[:shown] {
			p.printf("  %s\n", l)
		}
		if left := len(lines) - shown; left > 0 {
			p.printf("  %s\n", p.paint(yellow, fmt.Sprintf("%d more lines: --full", left)))
		}
	}
}

// writeResources lists what a plan changes. It never leaves anything out without saying so.
func writeResources(p *page, s plan.Summary) {
	left := 0
	shown := 0
	for _, r := range s.Resources {
		if r.Class == plan.ClassNoOp {
			continue
		}
		if shown == maxShownResources {
			left++
			continue
		}
		shown++
		p.printf("  %s %s\n", p.paint(classColours[r.Class], fmt.Sprintf("%-*s", nameWidth, r.Class)), clean(r.Address))
	}
	if left > 0 {
		p.printf("  %s\n", p.paint(yellow, fmt.Sprintf("%d more resources: --full", left)))
	}
}
