package record

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"plumbline.dev/plumb/internal/web/frame"
)

// viewDomain is the domain of the digest of what was shown; docs/formats.md, 4.2.
const viewDomain = "plumb.view.v1"

// piece is one named part of what is decided upon. It holds no time relative to now and nothing that
// other people do meanwhile without changing what is decided.
type piece struct {
	Name string // in the words of "the evidence changed"
	Body templ.Component
}

// rendering is what was sent of the pieces: one digest over all bytes, which counts, and one for each
// piece, which only says where something changed.
type rendering struct {
	Digest string
	Pieces []string // name=digest
}

// matter shows the pieces and hashes the bytes on their way out; r is filled in when the last is sent.
func matter(pieces []piece, r *rendering) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		if _, err := io.WriteString(w, `<div id="matter" class="stack">`); err != nil {
			return err
		}
		if err := r.send(ctx, w, pieces); err != nil {
			return err
		}
		_, err := io.WriteString(w, "<!-- end of what is decided --></div>")
		return err
	})
}

func (r *rendering) send(ctx context.Context, w io.Writer, pieces []piece) error {
	all := sha256.New()
	io.WriteString(all, viewDomain+"\n") // a hash takes everything
	r.Pieces = nil
	for _, p := range pieces {
		one := sha256.New()
		if err := p.Body.Render(ctx, io.MultiWriter(w, all, one)); err != nil {
			return err
		}
		r.Pieces = append(r.Pieces, p.Name+"="+digest(one)[:23])
	}
	r.Digest = digest(all)
	return nil
}

func digest(h hash.Hash) string { return "sha256:" + hex.EncodeToString(h.Sum(nil)) }

// weigh renders pieces without sending them, to compare with what was sent before.
func weigh(ctx context.Context, pieces []piece) (r rendering, err error) {
	return r, r.send(ctx, io.Discard, pieces)
}

// moved says which pieces differ from those of a form, by their names; the form's word on that is worth
// nothing more than that.
func (r rendering) moved(was []string) []string {
	var out []string
	for _, p := range r.Pieces {
		if !slices.Contains(was, p) {
			name, _, _ := strings.Cut(p, "=")
			out = append(out, name)
		}
	}
	return out
}

// moved compares what a form or an open page showed with what it would show now.
func (x *view) moved(v *frame.Visit) []string {
	now, err := weigh(v.Ctx(), x.pieces())
	if err != nil || now.Digest == v.Value("render") {
		return nil
	}
	if names := now.moved(v.R.Form["piece"]); len(names) > 0 {
		return names
	}
	return []string{"the page"}
}

// pieces are what is decided upon, in the order of the page.
func (x *view) pieces() []piece {
	out := []piece{{"the wording", glance(x)}}
	if x.Last.ID != "" {
		out = append(out, piece{"what changed since your last decision", since(x)})
	}
	return append(out, piece{"what it changes", what(x)}, piece{"why, where and when", why(x)}, piece{"the way back", wayBack(x)},
		piece{"risk and what the policy asks", demands(x)}, piece{"the evidence", proofs(x)}, piece{"conflicts", conflicts(x)})
}

// planPieces are one page of a plan that is read in pages.
func (x *view) planPieces(n int) []piece {
	return []piece{{"the plan", planRows(x, pageRows(x.All, n))}}
}
