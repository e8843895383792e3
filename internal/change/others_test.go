package change_test

import (
	"testing"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

// Who may do what to a change that somebody else asked for. Whoever may reword it voids what was decided,
// and whoever may cancel it ends it: both are for those who asked, and rewording for those whom they
// named to carry it out. Nobody does it for their office, not even the Security Officer.
func TestWhoMayRewordScheduleOrCancelAChange(t *testing.T) {
	t.Parallel()
	o := company(t)
	ci := o.pipeline(t)
	for who, want := range map[string]struct{ edit, submit, cancel, schedule string }{
		"ann":  {},                                                                   // asked
		"ivo":  {submit: "not_author", cancel: "not_author", schedule: "not_author"}, // is named to carry it out
		"pia":  {"not_author", "not_author", "not_author", "not_author"},             // files changes, too
		"sam":  {"not_author", "not_author", "not_author", "not_author"},             // approves it
		"olga": {"not_author", "not_author", "not_author", "not_author"},             // security officer
		"ci":   {"not_author", "not_author", "not_author", "not_author"},             // a pipeline that is not named
		"none": {"not_allowed", "not_author", "not_author", "not_author"},
	} {
		t.Run(who, func(t *testing.T) {
			actor := fault.Actor{Kind: fault.Human, Authn: fault.Session}
			switch who {
			case "ci":
				actor = ci
			case "none":
			default:
				actor = o.as(who)
			}
			c := o.authorized(t)
			now := o.clock.Now()
			_, err := o.Schedule(t.Context(), actor, c.ID, now.UnixMicro(), now.Add(day).UnixMicro())
			as(t, err, want.schedule)
			m := configChange(o)
			m.Summary = "Reworded by " + who
			c, err = o.Edit(t.Context(), actor, c.ID, c.RevDigest, m)
			as(t, err, want.edit)
			c, err = o.File(t.Context(), o.as("ann"), configChange(o))
			must(t, err)
			o.tested(t, c.ID)
			_, err = o.Submit(t.Context(), actor, c.ID, c.RevDigest)
			as(t, err, want.submit)
			_, err = o.Cancel(t.Context(), actor, c.ID, "not needed")
			as(t, err, want.cancel)
		})
	}
}

// as asks for a refusal with this code, or for none.
func as(t *testing.T, err error, code string) {
	t.Helper()
	if code == "" {
		must(t, err)
		return
	}
	if err == nil || !fault.Is(err, code) && !fault.Is(err, "not_signed_in") {
		t.Errorf("%v, want %s", err, code)
	}
}

// Who rewords becomes an author, and cannot approve any more.
func TestAnEditorBecomesAnAuthor(t *testing.T) {
	t.Parallel()
	o := company(t)
	c := o.submitted(t, func(m *change.Material) { m.Implementers = append(m.Implementers, change.Executor{Person: "sam"}) })
	m := configChange(o)
	m.Summary = "By sam, who was to carry it out"
	c, err := o.Edit(t.Context(), o.as("sam"), c.ID, c.RevDigest, m)
	must(t, err)
	c, err = o.Submit(t.Context(), o.as("ann"), c.ID, c.RevDigest)
	must(t, err)
	_, err = o.Approve(t.Context(), o.as("sam"), c.ID, c.RevDigest, "")
	refused(t, err, "self_approval")
}

// A pipeline that the change names can bind what it built; another one of the same account cannot.
func TestANamedPipelineRewordsAndNoOther(t *testing.T) {
	t.Parallel()
	o := company(t)
	a, err := o.dir.AddService(t.Context(), o.as("olga"), directory.NewService{Username: seal.NewID("ci"), Owner: o.people["pia"],
		Note: "pipelines", Repos: []string{"example-web"}})
	must(t, err)
	ci, other := o.bound(t, a.ID, "deploy"), o.bound(t, a.ID, "nightly")
	c := o.submitted(t, func(m *change.Material) {
		m.Implementers = append(m.Implementers, change.Executor{Account: ci.Account, Repo: "example-web", Pipe: "deploy"})
	})
	m := configChange(o)
	_, err = o.Edit(t.Context(), other, c.ID, c.RevDigest, m)
	refused(t, err, "not_author")
	_, err = o.Edit(t.Context(), ci, c.ID, c.RevDigest, m)
	must(t, err)
}
