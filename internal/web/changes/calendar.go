package changes

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/personal"
	"plumbline.dev/plumb/internal/web/ui"
	"plumbline.dev/plumb/internal/wire"
)

// month is what the calendar's page shows.
type month struct {
	Frame   ui.Frame
	Begin   time.Time
	Weeks   [][]date
	Planned []change.Planned
	Windows []change.Window
	Names   map[string]string
	Pack    *policy.Pack
	May     bool // the reader may set windows
	Refused *fault.Error
	Typed   typedWindow
}

// date is one day of the calendar with what happens on it.
type date struct {
	Day    time.Time
	Inside bool // of the month
	Today  bool
	Items  []item
}

// item is one entry of a day.
type item struct {
	Text string
	Path string
	Tone ui.Tone
	Kind string // said before the text
}

// typedWindow is the form as it was typed.
type typedWindow struct {
	Kind, Reason, From, Until, Environment, Category string
	Hard                                             bool
}

func (p Pages) calendar(v *frame.Visit) error {
	m, err := p.month(v, v.Value("month"))
	if err != nil {
		return err
	}
	return v.Show(m.Frame, calendar(m))
}

func (p Pages) month(v *frame.Visit, asked string) (month, error) {
	m := month{Frame: v.Frame("Calendar", "/changes"), Names: map[string]string{}, May: v.Can(directory.ChangeDecide)}
	now := v.Now.In(v.Zone)
	m.Begin = time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, v.Zone)
	if asked != "" {
		t, err := time.ParseInLocation("2006-01", asked, v.Zone)
		if err != nil || t.Year() < 2000 || t.Year() > 2200 {
			return m, wrongFilter("month", "is a month like 2026-11")
		}
		m.Begin = t
	}
	first := m.Begin.AddDate(0, 0, -(int(m.Begin.Weekday())+6)%7)
	last := first
	for last.Before(m.Begin.AddDate(0, 1, 0)) {
		last = last.AddDate(0, 0, 7)
	}
	var err error
	if m.Planned, m.Windows, err = p.Changes.Agenda(v.Ctx(), first.UnixMicro(), last.UnixMicro()); err != nil {
		return m, err
	}
	if m.Pack, err = p.Changes.Pack(v.Ctx()); err != nil {
		return m, err
	}
	r, err := p.People.Roster(v.Ctx())
	if err != nil {
		return m, err
	}
	for _, w := range m.Windows {
		m.Names[w.Person] = r.Name(directory.PersonID(w.Person))
	}
	for week := first; week.Before(last); week = week.AddDate(0, 0, 7) {
		m.Weeks = append(m.Weeks, m.week(week, now))
	}
	return m, nil
}

func (m month) week(from, now time.Time) []date {
	out := make([]date, 7)
	for i := range out {
		day := from.AddDate(0, 0, i)
		d := date{Day: day, Inside: day.Month() == m.Begin.Month(), Today: day.Format(time.DateOnly) == now.Format(time.DateOnly)}
		begin, end := day.UnixMicro(), day.AddDate(0, 0, 1).UnixMicro()
		for _, w := range m.Windows {
			if w.Starts < end && w.Ends > begin {
				d.Items = append(d.Items, windowItem(w))
			}
		}
		for _, p := range m.Planned {
			if p.Starts < end && (p.Ends == 0 && p.Starts >= begin || p.Ends > begin) {
				d.Items = append(d.Items, plannedItem(p))
			}
		}
		out[i] = d
	}
	return out
}

func windowItem(w change.Window) item {
	x := item{Text: w.Reason, Path: "#" + w.ID, Kind: "Window", Tone: ui.Good}
	if w.Kind == change.FreezeKind {
		x.Kind, x.Tone = "Freeze", ui.Warn
		if w.Hard {
			x.Kind, x.Tone = "Hard freeze", ui.Bad
		}
	}
	return x
}

func plannedItem(p change.Planned) item {
	x := item{Text: string(p.Change.ID) + " " + p.Change.Summary, Path: "/changes/" + string(p.Change.ID), Tone: ui.Accent}
	if slices.ContainsFunc(p.Conflicts, func(c wire.Conflict) bool { return c.Severity != "info" }) {
		x.Kind, x.Tone = "Collides", ui.Bad
	}
	return x
}

func (p Pages) setWindow(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	t := typedWindow{Kind: v.Value("kind"), Reason: v.Value("reason"), From: v.Value("from"), Until: v.Value("until"),
		Environment: v.Value("environment"), Category: v.Value("category"), Hard: v.Value("hard") != ""}
	w, err := t.window(v.Zone)
	if err == nil {
		ctx, sent := personal.Once(v.Ctx(), v.Actor, v.Value(ui.OnceField), v.Wording())
		set, no := p.Changes.SetWindow(ctx, v.Actor, w)
		made, no := sent.Of(no)
		if made != "" {
			return v.Go(monthPath(time.UnixMicro(w.Starts).In(v.Zone))+"#"+made, personal.Twice)
		}
		w, err = set, no
	}
	if err != nil {
		return v.Again(err, func(status int, e *frame.Entry) error {
			m, err := p.month(v, "")
			if err != nil {
				return err
			}
			m.Refused, m.Typed = e.Refused, t
			return v.ShowAs(status, m.Frame, calendar(m))
		})
	}
	return v.Go("/changes/calendar?month="+time.UnixMicro(w.Starts).In(v.Zone).Format("2006-01"), "The "+w.Kind+" is set.")
}

func (t typedWindow) window(zone *time.Location) (w change.Window, err error) {
	e := fault.New(fault.Invalid, "bad_window", "The window cannot be set like that.").FixedBy("you").Then("mend the marked fields")
	w = change.Window{Kind: t.Kind, Reason: t.Reason, Hard: t.Hard}
	for path, x := range map[string]struct {
		text string
		to   *int64
	}{"starts": {t.From, &w.Starts}, "ends": {t.Until, &w.Ends}} {
		at, err := time.ParseInLocation("2006-01-02T15:04", t.text(x.text), zone)
		if err != nil {
			e.At(path, "is a day and a time")
			continue
		}
		*x.to = at.UnixMicro()
	}
	if t.Environment != "" {
		w.Scope.Environments = []string{t.Environment}
	}
	if t.Category != "" {
		w.Scope.Categories = []string{t.Category}
	}
	if len(e.Fields) > 0 {
		return w, e
	}
	return w, nil
}

// text takes the seconds away that some browsers send.
func (typedWindow) text(s string) string {
	if len(s) > len("2006-01-02T15:04") {
		return s[:len("2006-01-02T15:04")]
	}
	return s
}

func (p Pages) lift(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	if err := p.Changes.LiftWindow(v.Ctx(), v.Actor, v.R.PathValue("id"), v.Value("reason")); err != nil {
		return err
	}
	return v.Go("/changes/calendar", "It is lifted.")
}

// scope says in words what a window is about.
func scope(s change.Scope) string {
	parts := []string{}
	for _, x := range []struct {
		name string
		list []string
	}{{"in", s.Environments}, {"for", s.Categories}, {"of", s.Components}, {"on", s.Targets}} {
		if len(x.list) > 0 {
			parts = append(parts, x.name+" "+strings.Join(x.list, ", "))
		}
	}
	if len(s.ExemptTypes) > 0 {
		parts = append(parts, "but "+strings.Join(s.ExemptTypes, ", "))
	}
	if len(parts) == 0 {
		return "everything"
	}
	return strings.Join(parts, " ")
}

func monthPath(t time.Time) string {
	return fmt.Sprintf("/changes/calendar?month=%s", t.Format("2006-01"))
}
