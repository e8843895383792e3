package record

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/plan"
)

// A plan of more resources than whole is read in pages of perPage, each acknowledged by itself.
const (
	whole   = 2000
	perPage = 1000
)

// planView is one plan that the change binds.
type planView struct {
	Name     string
	Document string
	Rollback bool // the way back, which is approved with the change
	Sum      *plan.Summary
}

// row is one resource of one of the plans.
type row struct {
	plan.Resource
	Of *planView
}

// gravity orders resources by what must be looked at first.
var gravity = map[string]int{plan.ClassDelete: 0, plan.ClassReplace: 1, plan.ClassForget: 2, plan.ClassUpdate: 3,
	plan.ClassCreate: 4, plan.ClassNoOp: 5, plan.ClassRead: 6}

// rowsOf gives every resource of the plans, what destroys first.
func rowsOf(plans []*planView) []row {
	var out []row
	for _, p := range plans {
		for _, r := range p.Sum.Resources {
			out = append(out, row{r, p})
		}
	}
	slices.SortStableFunc(out, func(a, b row) int { return cmp.Compare(gravity[a.Class], gravity[b.Class]) })
	return out
}

// pagesOf is how many pages so many resources are read in; 0 where they stand on the change's own page.
func pagesOf(rows int) int {
	if rows <= whole {
		return 0
	}
	return (rows + perPage - 1) / perPage
}

func pageRows(rows []row, n int) []row {
	return rows[min((n-1)*perPage, len(rows)):min(n*perPage, len(rows))]
}

// planCache keeps the newest plans read, by the digest of their document, which names them for ever.
type planCache struct {
	turns chan struct{} // one place for each document that is being read

	mu   sync.Mutex
	sums map[string]*plan.Summary // guarded by mu
	keep []keptPlan               // guarded by mu; oldest first
	size int                      // guarded by mu; of all documents kept

	large *plan.Summary // guarded by mu; the newest of those beyond maxKept
	named string        // guarded by mu; its digest
	used  time.Time     // guarded by mu; when somebody last looked at it
}

type keptPlan struct {
	digest string
	size   int
}

// The bounds of the cache: in plans, and in bytes of their documents, which take several times as much when
// they are read. Of the plans larger than maxKept one is kept while somebody looks at it: it is read page by
// page, and each page would parse all of it. Whatever is not kept is read by maxTurns at once.
const (
	maxPlans  = 16
	maxKept   = 8 << 20
	maxAll    = 32 << 20
	maxTurns  = 2
	largeKept = 10 * time.Minute
)

func newPlanCache() *planCache {
	return &planCache{turns: make(chan struct{}, maxTurns), sums: map[string]*plan.Summary{}}
}

func (c *planCache) get(digest string, now time.Time) *plan.Summary {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.named == digest && c.large != nil {
		c.used = now
		return c.large
	}
	return c.sums[digest]
}

// tidy lets go of a large plan that nobody looked at for a while.
func (c *planCache) tidy(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.used) > largeKept {
		c.large, c.named = nil, ""
	}
}

func (c *planCache) put(digest string, s *plan.Summary, size int, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if size > maxKept {
		c.large, c.named, c.used = s, digest, now
		return
	}
	if c.sums[digest] != nil {
		return
	}
	c.sums[digest], c.keep, c.size = s, append(c.keep, keptPlan{digest, size}), c.size+size
	for len(c.keep) > maxPlans || c.size > maxAll {
		delete(c.sums, c.keep[0].digest)
		c.size -= c.keep[0].size
		c.keep = c.keep[1:]
	}
}

// plansOf reads the plans that a wording binds, the rollback's last.
func (p Pages) plansOf(ctx context.Context, m change.Material, now time.Time) ([]*planView, error) {
	var out []*planView
	add := func(b change.Binding, back bool) error {
		if b.Kind != "tf-plan" || b.Document == "" {
			return nil
		}
		s, err := p.summary(ctx, b.Document, now)
		if err != nil {
			return err
		}
		out = append(out, &planView{Name: b.Name, Document: b.Document, Rollback: back, Sum: s})
		return nil
	}
	for _, b := range m.Bindings {
		if err := add(b, false); err != nil {
			return nil, err
		}
	}
	if b := m.Rollback.Binding; b != nil {
		if err := add(*b, true); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (p Pages) summary(ctx context.Context, digest string, now time.Time) (*plan.Summary, error) {
	if s := p.plans.get(digest, now); s != nil {
		return s, nil
	}
	select {
	case p.plans.turns <- struct{}{}:
		defer func() { <-p.plans.turns }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s := p.plans.get(digest, now); s != nil { // who had the turn before read it
		return s, nil
	}
	raw, err := p.Changes.Document(ctx, digest)
	if err != nil {
		return nil, err
	}
	read, err := plan.ParseDocument(raw)
	if err != nil {
		return nil, fmt.Errorf("read stored plan: %w", err)
	}
	s := read.Summary()
	p.plans.put(digest, &s, len(raw), now)
	return &s, nil
}

// cell is one value of a plan as it is shown.
type cell struct {
	Text   string
	Hidden bool // the whole value is masked
	Part   bool // a part of it is
	Absent bool
}

// marker begins what the redactor writes in place of a secret.
const marker = "(sensitive"

// cellOf makes a redacted value readable; it changes none of its characters.
func cellOf(v jsontext.Value) cell {
	text := string(v)
	switch {
	case len(v) == 0:
		return cell{Absent: true}
	case strings.HasPrefix(text, `"`+marker) && strings.HasSuffix(text, `)"`):
		return cell{Hidden: true}
	case v.Kind() == '"':
		if s, err := jsontext.AppendUnquote(nil, v); err == nil {
			text = string(s)
		}
		return cell{Text: `"` + text + `"`, Part: strings.Contains(text, marker)}
	case len(v) > 60 && (v.Kind() == '{' || v.Kind() == '['):
		nice := v.Clone()
		if err := nice.Indent(jsontext.WithIndent("  ")); err == nil {
			text = string(nice)
		}
	}
	return cell{Text: text, Part: strings.Contains(text, marker)}
}

// opWord is what an action does, in a word that does not need its colour.
func opWord(class string) string {
	switch class {
	case plan.ClassDelete:
		return "− delete"
	case plan.ClassReplace:
		return "± replace"
	case plan.ClassForget:
		return "− forget"
	case plan.ClassUpdate:
		return "~ update"
	case plan.ClassCreate:
		return "+ create"
	case plan.ClassRead:
		return "read"
	}
	return "keep"
}

// unfolded says which resources of a list show their attributes at once: few ones all, of many those that
// destroy something, and what is only made anew last.
func unfolded(class string, of int) bool {
	switch class {
	case plan.ClassDelete, plan.ClassReplace, plan.ClassForget:
		return of <= 200
	case plan.ClassUpdate:
		return of <= 40
	}
	return of <= 12
}

// classes counts rows by class, gravest first.
func classes(rows []row) []counted {
	n := map[string]int{}
	for _, r := range rows {
		n[r.Class]++
	}
	var out []counted
	for class, count := range n {
		out = append(out, counted{class, count})
	}
	slices.SortFunc(out, func(a, b counted) int { return cmp.Compare(gravity[a.Class], gravity[b.Class]) })
	return out
}

type counted struct {
	Class string
	N     int
}

func noPlanPage() error {
	return fault.New(fault.NotFound, "no_page", "The plan has no such page.").Then("open the change again")
}
