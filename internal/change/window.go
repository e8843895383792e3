package change

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
)

// Window is a one-off time in which changes in its scope must start (window) or may not start
// (freeze). Times are half-open: from Starts on, before Ends.
type Window struct {
	ID     string `json:"id"`
	Kind   string `json:"kind"` // window, freeze
	Scope  Scope  `json:"scope"`
	Starts int64  `json:"starts"`
	Ends   int64  `json:"ends"`
	Hard   bool   `json:"hard"` // a soft freeze can be acknowledged by a slot holder
	Reason string `json:"reason"`
	Person string `json:"person"`
	At     int64  `json:"at"`
	Lifted int64  `json:"lifted"`
	Lifter string `json:"lifter"`
}

// Kinds of window.
const (
	AllowWindow = "window"
	FreezeKind  = "freeze"
)

// Scope says what a window or freeze is about; an empty list means everything.
type Scope struct {
	Environments []string `json:"environments,omitempty"`
	Categories   []string `json:"categories,omitempty"`
	Components   []string `json:"components,omitempty"`
	Targets      []string `json:"targets,omitempty"`
	ExemptTypes  []string `json:"exempt_types,omitempty"`
	ExemptRoles  []string `json:"exempt_roles,omitempty"` // of a freeze: people who hold one of them start all the same
	Running      bool     `json:"running,omitzero"`       // of a hard freeze: runs under way end with their lease, too
}

// covers reports whether the change is in the scope.
func (sc Scope) covers(s *Snapshot) bool {
	m := s.Revision.Material
	in := func(list []string, have ...string) bool {
		return len(list) == 0 || slices.ContainsFunc(have, func(h string) bool { return slices.Contains(list, h) })
	}
	return !slices.Contains(sc.ExemptTypes, m.Type) && in(sc.Environments, s.environment()) &&
		in(sc.Categories, m.Category) && in(sc.Components, m.Components...) && in(sc.Targets, m.Targets...)
}

func (s *Snapshot) environment() string {
	if s.Pack == nil {
		return "prod"
	}
	targets := make([]policy.Target, len(s.Revision.Material.Targets))
	for i, name := range s.Revision.Material.Targets {
		targets[i] = s.Revision.Material.target(s.Pack, name)
	}
	return strictest(targets)
}

// frozen gives the freezes that are in force for the change now; soft ones that were acknowledged are left
// out.
func (s *Snapshot) frozen(now int64) []Window {
	var out []Window
	for _, w := range s.Windows {
		if w.Kind == FreezeKind && w.Starts <= now && now < w.Ends && w.Scope.covers(s) && !(!w.Hard && s.acknowledged(w.ID)) {
			out = append(out, w)
		}
	}
	return out
}

// exempt reports whether a freeze lets this person start all the same. A pipeline holds no role.
func (w Window) exempt(s *Snapshot, person string) bool {
	roles := s.Roster.Roles(directory.PersonID(person))
	return slices.ContainsFunc(w.Scope.ExemptRoles, func(r string) bool { return slices.Contains(roles, r) })
}

// stopped gives the hard freeze that keeps this person's run from starting, or, with running, from going on.
// A freeze is about what starts; runs under way end only where it says so, because what is stopped half-way
// is worse than what is done (change-control practice; docs/operations.md).
func (s *Snapshot) stopped(person string, running bool, now int64) bool {
	return slices.ContainsFunc(s.frozen(now), func(w Window) bool {
		return w.Hard && (!running || w.Scope.Running) && !w.exempt(s, person)
	})
}

// slotted refuses a slot in which the change could not start: outside the maintenance windows of its scope,
// or in a hard freeze. Who is exempt from a freeze is known only when somebody starts, so such a freeze is
// left to the gate.
func (s *Snapshot) slotted(start, end int64) error {
	id := s.Change.ID
	inside, any := false, false
	for _, w := range s.Windows {
		switch {
		case !w.Scope.covers(s):
		case w.Kind == AllowWindow:
			any = true
			inside = inside || w.Starts <= start && end <= w.Ends
		case w.Hard && len(w.Scope.ExemptRoles) == 0 && w.Starts < end && start < w.Ends:
			return fault.New(fault.Conflict, "slot_frozen", "A freeze is in force from %s until %s: %s", clock(w.Starts), clock(w.Ends), w.Reason).
				About(string(id)).Because("windows", "").FixedBy("its author, by another slot; who set the freeze, or a security officer, by lifting it").
				Then("plumb change schedule %s --from TIME --until TIME", id)
		}
	}
	if any && !inside {
		return fault.New(fault.Conflict, "outside_windows", "Maintenance windows are set for what it touches, and the slot is in none of them.").
			About(string(id)).Because("windows", "").FixedBy("its author, by another slot").Then("plumb window list")
	}
	return nil
}

// clock is an instant as refusals name it.
func clock(micros int64) string { return instant(micros).Format("2006-01-02 15:04Z") }

func (s *Snapshot) acknowledged(with string) bool {
	return slices.ContainsFunc(s.Change.Body.Acks, func(a Ack) bool { return a.With == with })
}

// start gives the span in which the change may start: the approved envelope, narrowed by the slot
// inside it. open is false outside it, and outside the allowed windows where any is in force.
func (s *Snapshot) start(now int64) (from, until int64, open bool, why string) {
	e := s.Revision.Material.Window
	if !e.From.IsZero() {
		from = e.From.UnixMicro()
	}
	if !e.Until.IsZero() {
		until = e.Until.UnixMicro()
	}
	from = max(from, s.Change.Body.Start)
	if end := s.Change.Body.End; end > 0 && (until == 0 || end < until) {
		until = end
	}
	switch {
	case now < from:
		return from, until, false, "The approved window has not begun."
	case until > 0 && now >= until:
		return from, until, false, "The approved window has ended."
	}
	windows := slices.DeleteFunc(slices.Clone(s.Windows), func(w Window) bool { return w.Kind != AllowWindow || !w.Scope.covers(s) })
	for _, w := range windows {
		if w.Starts <= now && now < w.Ends {
			if until == 0 || w.Ends < until {
				until = w.Ends
			}
			return max(from, w.Starts), until, true, ""
		}
	}
	if len(windows) > 0 {
		return windows[0].Starts, windows[0].Ends, false, "A maintenance window is set for this scope, and it is not open."
	}
	return from, until, true, ""
}

// SetWindow declares a one-off window or freeze. A freeze only ever holds changes back, so one person
// who may approve can declare it; lifting it before its end needs an officer or the person who set it.
func (d *Desk) SetWindow(ctx context.Context, actor fault.Actor, w Window) (Window, error) {
	err := d.db.Update(ctx, actor, func(tx *db.Tx) error {
		if err := d.people.ConfirmIn(tx, actor); err != nil { // signed out or disabled since the request came in
			return err
		}
		roster, err := d.people.RosterIn(tx)
		if err != nil {
			return err
		}
		w.ID, w.Person, w.At, w.Lifted, w.Lifter = seal.NewID("win"), actor.Person, tx.Now().UnixMicro(), 0, ""
		pack, err := d.packIn(tx)
		if err != nil {
			return err
		}
		if err := w.may(actor, pack, roster); err != nil {
			return err
		}
		if err := w.clean(pack, tx.Now()); err != nil {
			return err
		}
		if err := insertWindow(tx, w); err != nil {
			return err
		}
		_, err = ledger.Append(tx, ledger.Event{Verb: w.Kind + ".set", Type: w.Kind, Object: w.ID,
			Detail: map[string]any{"reason": w.Reason, "starts": w.Starts, "ends": w.Ends, "hard": w.Hard, "scope": w.Scope}})
		return err
	})
	return w, err
}

func (w Window) may(actor fault.Actor, pack *policy.Pack, roster *directory.Roster) error {
	if !actor.IsPerson() || !mayHold(pack, roster, actor.Person) {
		return fault.New(fault.Denied, "not_allowed", "Only a person with an approving role sets windows and freezes.").
			Because("windows", "").FixedBy("somebody with an approving role").
			Then("plumb roles list")
	}
	return nil
}

func (w Window) clean(pack *policy.Pack, now time.Time) error {
	e := fault.New(fault.Invalid, "bad_window", "The window cannot be taken.")
	if w.Kind != AllowWindow && w.Kind != FreezeKind {
		e.At("kind", "is window or freeze")
	}
	if w.Ends <= w.Starts || w.Ends <= now.UnixMicro() {
		e.At("ends", "is after starts and in the future")
	}
	if blank(w.Reason) {
		e.At("reason", "is missing")
	}
	text(e, "reason", w.Reason)
	if w.Kind != FreezeKind && (w.Scope.Running || len(w.Scope.ExemptRoles) > 0) {
		e.At("kind", "is freeze where runs are stopped or roles exempt")
	}
	if w.Scope.Running && !w.Hard {
		e.At("scope.running", "goes with a hard freeze")
	}
	for _, r := range w.Scope.ExemptRoles {
		if _, known := pack.Role(r); !known {
			e.At("scope.exempt_roles", "names a role that the policy in force does not have")
		}
	}
	for _, list := range [][]string{w.Scope.Environments, w.Scope.Categories, w.Scope.Components, w.Scope.Targets, w.Scope.ExemptTypes, w.Scope.ExemptRoles} {
		for _, s := range list {
			line(e, "scope", s)
		}
	}
	if len(e.Fields) > 0 {
		return e
	}
	return nil
}

// LiftWindow ends a window or freeze before its time.
func (d *Desk) LiftWindow(ctx context.Context, actor fault.Actor, id, reason string) error {
	return d.db.Update(ctx, actor, func(tx *db.Tx) error {
		if err := d.people.ConfirmIn(tx, actor); err != nil {
			return err
		}
		w, found, err := db.One(tx, scanWindow, windowColumns+" WHERE id = $1", id)
		switch {
		case err != nil:
			return fmt.Errorf("load window: %w", err)
		case !found:
			return fault.New(fault.NotFound, "no_window", "There is no such window or freeze.").
				Then("plumb freeze list")
		case w.Lifted > 0 || w.Ends <= tx.Now().UnixMicro():
			return fault.New(fault.Conflict, "window_over", "It is over already.").
				About(id).FixedBy("you").Then("plumb freeze list")
		}
		roster, err := d.people.RosterIn(tx)
		if err != nil {
			return err
		}
		if !actor.IsPerson() || actor.Person != w.Person && !roster.Holds(directory.PersonID(actor.Person), directory.Officer) {
			return fault.New(fault.Denied, "not_allowed", "A freeze is lifted by who set it or by a security officer.").
				About(id).Because("windows", "").FixedBy("who set it, or a security officer").Then("plumb freeze lift %s", id)
		}
		if err := remark(reason); err != nil {
			return err
		}
		if err := tx.ExecOne("UPDATE change_window SET lifted = $1, lifter = $2 WHERE id = $3 AND lifted = 0",
			tx.Now().UnixMicro(), actor.Person, id); err != nil {
			return err
		}
		_, err = ledger.Append(tx, ledger.Event{Verb: w.Kind + ".lifted", Type: w.Kind, Object: id, Detail: map[string]any{"reason": reason}})
		return err
	})
}

// Windows lists the windows and freezes that are not over at this instant.
func (d *Desk) Windows(ctx context.Context) (out []Window, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		out, err = currentWindows(tx)
		return err
	})
	return out, err
}

const windowColumns = "SELECT id, kind, scope, starts, ends, hard, reason, person, at, lifted, lifter FROM change_window"

func scanWindow(row db.Scanner) (w Window, err error) {
	var scope string
	if err = row.Scan(&w.ID, &w.Kind, &scope, &w.Starts, &w.Ends, &w.Hard, &w.Reason, &w.Person, &w.At, &w.Lifted, &w.Lifter); err != nil {
		return w, err
	}
	return w, json.Unmarshal([]byte(scope), &w.Scope)
}

func currentWindows(tx *db.Tx) ([]Window, error) {
	return db.Collect(tx, scanWindow, windowColumns+" WHERE ends > $1 AND lifted = 0 ORDER BY starts, id LIMIT $2", tx.Now().UnixMicro(), maxWindows)
}

// windowsIn is currentWindows inside a use-case: the writer knows them while none is written. Time alone
// ends one, so that is asked again.
func (d *Desk) windowsIn(tx *db.Tx) ([]Window, error) {
	list, err := d.windows.Recall(tx, "change_window", func() ([]Window, error) { return currentWindows(tx) })
	if err != nil || len(list) >= maxWindows { // the next ones did not fit
		return currentWindows(tx)
	}
	now := tx.Now().UnixMicro()
	ended := func(w Window) bool { return w.Ends <= now }
	if slices.ContainsFunc(list, ended) {
		list = slices.DeleteFunc(slices.Clone(list), ended)
	}
	return list, nil
}

// maxWindows bounds the windows and freezes that are looked at.
const maxWindows = 1000

func insertWindow(tx *db.Tx, w Window) error {
	scope, err := seal.Canonical(w.Scope)
	if err != nil {
		return err
	}
	_, err = tx.Exec("INSERT INTO change_window (id, kind, scope, starts, ends, hard, reason, person, at, lifted, lifter)"+
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
		w.ID, w.Kind, string(scope), w.Starts, w.Ends, w.Hard, w.Reason, w.Person, w.At, w.Lifted, w.Lifter)
	return err
}
