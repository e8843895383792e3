package record

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/plan"
	"plumbline.dev/plumb/internal/web/frame"
)

// moved is a resource that one plan treats otherwise than another.
type moved struct {
	Address string
	What    string // only before, only now, otherwise
	Before  string // what it did to it
	After   string
}

// maxMoved bounds the list; what is beyond is counted nowhere, but the plans can be read.
const maxMoved = 500

// plansMoved compares what two wordings would do, resource by resource.
func plansMoved(before, after []*planView) []moved {
	a, b := byAddress(before), byAddress(after)
	var out []moved
	for at, r := range a {
		now, still := b[at]
		switch {
		case !still:
			out = append(out, moved{at, "no longer in the plan", opWord(r.Class), ""})
		case r.Class != now.Class || !sameDiffs(r.Diffs, now.Diffs):
			out = append(out, moved{at, "otherwise", opWord(r.Class), opWord(now.Class)})
		}
	}
	for at, r := range b {
		if _, was := a[at]; !was {
			out = append(out, moved{at, "new in the plan", "", opWord(r.Class)})
		}
	}
	slices.SortFunc(out, func(a, b moved) int { return strings.Compare(a.Address, b.Address) })
	return out[:min(len(out), maxMoved)]
}

func byAddress(plans []*planView) map[string]plan.Resource {
	out := map[string]plan.Resource{}
	for _, p := range plans {
		for _, r := range p.Sum.Resources {
			key := r.Address
			if r.Deposed != "" {
				key += " (deposed " + r.Deposed + ")"
			}
			if p.Rollback {
				key = "rollback: " + key
			}
			out[key] = r
		}
	}
	return out
}

func sameDiffs(a, b []plan.Diff) bool {
	return slices.EqualFunc(a, b, func(x, y plan.Diff) bool {
		return x.Path == y.Path && x.Unknown == y.Unknown && bytes.Equal(x.Before, y.Before) && bytes.Equal(x.After, y.After)
	})
}

// sinceLast finds what changed since the reader last decided, where that was on another wording.
func (p Pages) sinceLast(v *frame.Visit, x *view) error {
	last, ok := x.R.LastWord(x.Me)
	if !ok {
		return nil
	}
	from, err := p.Changes.WordingOf(v.Ctx(), x.ID(), last.RevDigest)
	if err != nil || from == 0 {
		return err
	}
	x.Last, x.LastRev = last, from
	x.Since, err = p.compare(v, x, from, x.R.Change.Rev)
	return err
}

// contrast is what differs between two wordings: in the words, in the plans, and in the files that are bound.
type contrast struct {
	Words []change.Difference
	Plan  []moved
	Texts []edited
}

func (p Pages) compare(v *frame.Visit, x *view, from, to int64) (c contrast, err error) {
	if c.Words, err = p.Changes.Diff(v.Ctx(), x.ID(), from, to); err != nil {
		return c, err
	}
	a, err := p.Changes.Wording(v.Ctx(), x.ID(), from)
	if err != nil {
		return c, err
	}
	b, err := p.Changes.Wording(v.Ctx(), x.ID(), to)
	if err != nil {
		return c, err
	}
	before, err := p.plansOf(v.Ctx(), a.Material, v.Now)
	if err != nil {
		return c, err
	}
	after, err := p.plansOf(v.Ctx(), b.Material, v.Now)
	if err != nil {
		return c, err
	}
	c.Plan = plansMoved(before, after)
	was, err := p.textsOf(v.Ctx(), a.Material)
	if err != nil {
		return c, err
	}
	is, err := p.textsOf(v.Ctx(), b.Material)
	c.Texts = textsEdited(a.Material, b.Material, was, is)
	return c, err
}

func noRevision() error {
	return fault.New(fault.NotFound, "no_page", "The change has no such revision.").Then("choose one of the list")
}

// compared is the page on which two revisions are laid beside each other.
type compared struct {
	*view
	contrast
	From, To int64
}

func (p Pages) diff(v *frame.Visit) error {
	x, err := p.view(v)
	if err != nil {
		return err
	}
	c := compared{view: x, To: x.R.Change.Rev, From: max(1, x.R.Change.Rev-1)}
	for name, into := range map[string]*int64{"from": &c.From, "to": &c.To} {
		if s := v.Value(name); s != "" {
			n, err := strconv.ParseInt(s, 10, 64)
			if err != nil || n < 1 || n > x.R.Change.Rev {
				return noRevision()
			}
			*into = n
		}
	}
	if c.contrast, err = p.compare(v, x, c.From, c.To); err != nil {
		return err
	}
	return v.Show(x.F, differences(c))
}
