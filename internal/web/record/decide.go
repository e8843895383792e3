package record

import (
	"net/http"
	"slices"
	"strconv"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/ui"
)

func (p Pages) approve(v *frame.Visit, x *view) (string, error) {
	if err := p.unmoved(v, x); err != nil {
		return "", err
	}
	seen, err := p.viewed(v, x)
	if err != nil {
		return "", err
	}
	if !seen.Full {
		return "", unreadPages(x)
	}
	c, err := p.Changes.ApproveViewed(v.Ctx(), v.Actor, x.ID(), v.Value("seen"), v.Value("comment"), seen)
	return "Your approval is recorded. The change is " + ui.Words(string(c.State)) + ".", err
}

func (p Pages) reject(v *frame.Visit, x *view) (string, error) {
	if err := p.unmoved(v, x); err != nil {
		return "", err
	}
	seen, err := p.viewed(v, x)
	if err != nil {
		return "", err
	}
	_, err = p.Changes.RejectViewed(v.Ctx(), v.Actor, x.ID(), v.Value("seen"), v.Value("comment"), seen)
	return "Your rejection is recorded with its reason.", err
}

// unmoved renders what is decided upon again, for the same reader, and refuses a decision on anything else
// than was sent.
func (p Pages) unmoved(v *frame.Visit, x *view) error {
	if x.Moved = x.moved(v); len(x.Moved) == 0 {
		return nil
	}
	return fault.New(fault.Stale, "page_changed", "What you decide upon is no longer what was shown to you.").About(string(x.ID())).
		FixedBy("you").Then("look at what changed, then decide again")
}

// viewed says what was shown to the reader: this page, and the pages of the plan that they acknowledged,
// each as it would still be shown.
func (p Pages) viewed(v *frame.Visit, x *view) (change.Viewed, error) {
	now, err := weigh(v.Ctx(), x.pieces())
	if err != nil {
		return change.Viewed{}, err
	}
	out := change.Viewed{Render: now.Digest, Full: true}
	for n := 1; n <= x.Pages; n++ {
		r, err := weigh(v.Ctx(), x.planPieces(n))
		switch {
		case err != nil:
			return out, err
		case x.Read[int64(n)] != r.Digest:
			out.Full = false
			delete(x.Read, int64(n))
		default:
			out.Pages = append(out.Pages, r.Digest)
		}
	}
	return out, nil
}

func unreadPages(x *view) error {
	return fault.New(fault.Conflict, "pages_unread", "This plan is read in %d pages, and you have not acknowledged %d of them.", x.Pages, len(x.unread())).
		About(string(x.ID())).FixedBy("you").Then("read the pages of the plan and acknowledge each")
}

// planSheet is one page of a long plan.
type planSheet struct {
	*view
	N     int
	Shown rendering
}

// sheet reads which page of the plan is asked for.
func (p Pages) sheet(v *frame.Visit) (*planSheet, error) {
	x, err := p.view(v)
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(v.Value("page"))
	if v.Value("page") == "" {
		n, err = 1, nil
	}
	if err != nil || n < 1 || n > max(x.Pages, 1) {
		return nil, noPlanPage()
	}
	return &planSheet{view: x, N: n}, nil
}

func (p Pages) planPage(v *frame.Visit) error {
	s, err := p.sheet(v)
	if err != nil {
		return err
	}
	if s.Pages == 0 {
		return v.Go(s.path(""), "")
	}
	return v.Show(s.F, planSheetPage(s))
}

// acknowledgePage keeps that the reader saw one page of the plan, if it is still what was sent.
func (p Pages) acknowledgePage(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	s, err := p.sheet(v)
	if err != nil {
		return err
	}
	now, err := weigh(v.Ctx(), s.planPieces(s.N))
	if err != nil {
		return err
	}
	if s.Pages == 0 || v.Value("seen") != s.R.Change.RevDigest || v.Value("render") != now.Digest {
		return fault.New(fault.Stale, "page_changed", "This page of the plan is no longer what was shown to you.").About(string(s.ID())).
			FixedBy("you").Then("open the plan again and read the page as it is now")
	}
	if err := p.Own.Acknowledge(v.Ctx(), v.Actor, s.mark(), int64(s.N), now.Digest); err != nil {
		return err
	}
	left := slices.DeleteFunc(s.unread(), func(n int) bool { return n == s.N })
	if len(left) == 0 {
		return v.Go(s.path("#decide"), "You have read the whole plan.")
	}
	return v.Go(s.path("/plan?page="+strconv.Itoa(left[0])), "Page "+strconv.Itoa(s.N)+" is acknowledged.")
}

// again shows the page with a form that was refused, as it was typed.
func (p Pages) again(v *frame.Visit, act string, refused error, x *view) error {
	f, status := v.Refusal(refused)
	if f == nil {
		return refused
	}
	now, err := p.view(v)
	if err != nil {
		return err
	}
	now.Failed, now.Act, now.Moved = f, act, x.Moved
	for name := range v.R.PostForm {
		now.Typed[name] = v.Value(name)
	}
	if f.Kind == fault.Stale {
		from, err := p.Changes.WordingOf(v.Ctx(), now.ID(), v.Value("seen"))
		if err != nil {
			return err
		}
		if from > 0 && from != now.R.Change.Rev {
			c, err := p.compare(v, now, from, now.R.Change.Rev)
			if err != nil {
				return err
			}
			now.Reword = c.Words
		}
		status = http.StatusPreconditionFailed
	}
	return v.ShowAs(status, now.F, page(now))
}
