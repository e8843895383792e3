package connect

import (
	"context"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/plan"
)

// Guard makes a kind keep a secret out of everything that it emits, once it masked it anywhere: a password that is masked in a URL is masked in a
// label, a name or another property too. A source that reads its whole document before it emits is guarded over the document; one that
// emits while it reads, over each record and what comes after it.
func Guard(k inventory.Kind) inventory.Kind {
	open := k.Open
	k.Open = func(in inventory.Input) (inventory.Source, error) {
		g := &guarded{mask: in.Mask, lengths: map[[leastRepeated]byte][]int{}, whole: map[string]bool{}}
		in.Mask = func(secret string) inventory.Value {
			g.learn(secret)
			return g.mask(secret)
		}
		source, err := open(in)
		g.Source = source
		if looker, ok := source.(inventory.Looker); ok && err == nil {
			return lookingGuarded{g, looker}, nil
		}
		return g, err
	}
	return k
}

// guarded is one reading and the secrets that it met. It belongs to the reading's goroutine.
type guarded struct {
	inventory.Source
	mask    func(secret string) inventory.Value
	lengths map[[leastRepeated]byte][]int // of the secrets that begin so
	whole   map[string]bool
}

type lookingGuarded struct {
	*guarded
	inventory.Looker
}

// Scopes implements inventory.Scoper for a source that does, and names none for another.
func (g *guarded) Scopes() []string {
	if s, ok := g.Source.(inventory.Scoper); ok {
		return s.Scopes()
	}
	return nil
}

// Collect implements inventory.Source.
func (g *guarded) Collect(ctx context.Context, emit func(inventory.Record) error) error {
	return g.Source.Collect(ctx, func(r inventory.Record) error {
		g.tags(r.Attrs)
		if len(g.whole) > 0 {
			g.clear(&r)
		}
		return emit(r)
	})
}

// tags masks what people wrote into the tags of a cloud, or the labels of an engine, and what is a secret by its name or its form.
func (g *guarded) tags(attrs map[string]inventory.Value) {
	for path, v := range attrs {
		key, isTag := strings.CutPrefix(path, "labels.")
		if !isTag {
			key, isTag = strings.CutPrefix(path, "tags.")
		}
		if text := v.Plain(); isTag && text != "" && (plan.SecretName(key) || plan.LooksSecret(text)) && !strings.HasPrefix(text, "hmac:") { // it is masked already
			g.learn(text)
			attrs[path] = g.mask(text)
		}
	}
}

// Bounds of what is looked for elsewhere. A shorter text, or a shorter one of letters or of digits alone, is a word, a number or a
// date like many others: what is not secret would be masked with it, and a guess finds it anyway.
const (
	leastRepeated = 8
	leastOfOne    = 16  // of letters alone, or of digits, dots and hyphens alone
	mostRepeated  = 512 // a longer text is a document, whose own secrets are looked for
)

// learn remembers a text that was masked, and the secrets that only their surroundings give away in it.
func (g *guarded) learn(text string) {
	if v := jsontext.Value(text); (v.Kind() == '{' || v.Kind() == '[') && v.IsValid() {
		g.learnIn(v, true)
	}
	for _, part := range append(plan.Learnt(text), text) {
		g.add(part)
		if plain, err := url.PathUnescape(part); err == nil && plain != part {
			g.add(plain)
		}
	}
}

// learnIn remembers the texts of a masked object that stand under a secret's name themselves: the others are its circumstances.
func (g *guarded) learnIn(v jsontext.Value, secret bool) {
	var members map[string]jsontext.Value
	var items []jsontext.Value
	var text string
	switch v.Kind() {
	case '{':
		_ = json.Unmarshal(v, &members)
	case '[':
		_ = json.Unmarshal(v, &items)
	case '"':
		if json.Unmarshal(v, &text) == nil && secret {
			g.learn(text)
		}
	}
	for name, m := range members {
		g.learnIn(m, plan.SecretName(name))
	}
	for _, item := range items {
		g.learnIn(item, secret)
	}
}

func (g *guarded) add(secret string) {
	if g.whole[secret] || len(secret) < leastRepeated || len(secret) > mostRepeated {
		return
	}
	ofOne := strings.Trim(secret, "0123456789.-") == "" || strings.IndexFunc(secret, func(r rune) bool { return (r|0x20) < 'a' || (r|0x20) > 'z' }) < 0
	if ofOne && len(secret) < leastOfOne {
		return
	}
	g.whole[secret] = true
	head := [leastRepeated]byte([]byte(secret[:leastRepeated]))
	for _, n := range g.lengths[head] {
		if n == len(secret) {
			return
		}
	}
	g.lengths[head] = append(g.lengths[head], len(secret))
}

// at gives the length of the longest secret that begins at s[i]; 0 for none.
func (g *guarded) at(s string, i int) int {
	longest := 0
	if i+leastRepeated > len(s) {
		return 0
	}
	for _, n := range g.lengths[[leastRepeated]byte([]byte(s[i:i+leastRepeated]))] {
		if n > longest && i+n <= len(s) && g.whole[s[i:i+n]] {
			longest = n
		}
	}
	return longest
}

// holds reports whether a secret stands in a text.
func (g *guarded) holds(s string) bool {
	for i := range len(s) {
		if g.at(s, i) > 0 {
			return true
		}
	}
	return false
}

// cut puts its keyed digest in the place of each secret: for what has to stay apart from others, such as an id.
func (g *guarded) cut(s string) string {
	if !g.holds(s) {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s); {
		if n := g.at(s, i); n > 0 {
			out.WriteString(g.mask(s[i : i+n]).Plain())
			i += n
			continue
		}
		out.WriteByte(s[i])
		i++
	}
	return out.String()
}

// clear takes every known secret out of a record.
func (g *guarded) clear(r *inventory.Record) {
	for _, s := range []*string{&r.Scope, &r.Native, &r.Name, &r.Actor} {
		*s = g.cut(*s)
	}
	for _, list := range []map[string]inventory.Value{r.Attrs, r.Volatile} {
		g.clearAll(list)
	}
	for key, v := range r.Labels {
		if g.holds(v) {
			delete(r.Labels, key)
		}
	}
	ids := r.IDs[:0:0]
	for _, id := range r.IDs {
		if !g.holds(id.Value) {
			ids = append(ids, id)
		}
	}
	r.IDs = ids
	for i := range r.Edges {
		r.Edges[i].To.Value = g.cut(r.Edges[i].To.Value)
	}
}

func (g *guarded) clearAll(list map[string]inventory.Value) {
	for path, v := range list {
		if to := g.cut(path); to != path {
			delete(list, path)
			list[to] = v
			path = to
		}
		items := v.Items()
		found := false
		for i, item := range items {
			if g.holds(item) {
				items[i], found = g.mask(item).Plain(), true
			}
		}
		switch {
		case found && strings.HasPrefix(string(v), "["):
			list[path] = inventory.Set(items...)
		case found:
			list[path] = inventory.Text(items[0])
		}
	}
}
