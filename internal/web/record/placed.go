package record

import (
	"context"
	"slices"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/fault"
)

// replaced is a version of a file that a bound one is going to replace, with what differs line by line.
type replaced struct {
	change.Placed
	Diff edited // without lines where the two are the same, or cannot be laid beside each other
	Same bool   // byte by byte
}

// placed lays the files that are bound beside what stands where they go.
func (p Pages) placed(ctx context.Context, x *view) (out []replaced, err error) {
	left := maxAllShown
	for _, was := range x.R.Placed {
		i := slices.IndexFunc(x.R.Material.Bindings, func(b change.Binding) bool { return b.Kind == was.Kind && b.Name == was.Name })
		if i < 0 {
			continue
		}
		now := x.R.Material.Bindings[i]
		text, shown := x.Texts[now.Document]
		r := replaced{Placed: was, Diff: edited{Name: was.Name}, Same: was.Digest == now.Digest}
		if !r.Same && was.Document != "" && shown && left > 0 {
			t, err := p.text(ctx, was.Document, min(left, maxShown))
			switch {
			case fault.Is(err, "no_document"): // it was not kept; the page says that they cannot be laid beside each other
			case err != nil:
				return nil, err
			default:
				left -= len(t.Text)
				r.Diff = laid(was.Name, t, text)
			}
		}
		out = append(out, r)
	}
	return out, nil
}

// placedOf gives what a binding is going to replace.
func (x *view) placedOf(b change.Binding) []replaced {
	return slices.DeleteFunc(slices.Clone(x.Placed), func(r replaced) bool { return r.Kind != b.Kind || r.Name != b.Name })
}
