package filing

import (
	"fmt"
	"iter"
	"maps"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/directory"
)

func keysOf[V any](m map[string]V) iter.Seq[string] { return maps.Keys(m) }

// written is the form that a wording would have been typed in; material reads it back as the same wording.
func written(m change.Material, w world) typed {
	t := typed{}
	for name, v := range map[string]string{"type": m.Type, "category": m.Category, "model": m.Model, "summary": m.Summary,
		"justification": m.Justification, "risk_floor": m.RiskFloor, "critical_role": m.CriticalRole, "emergency": m.EmergencyNotes,
		"from": local(m.Window.From, w.zone), "until": local(m.Window.Until, w.zone),
		"d.job_name": m.Deploy.JobName, "d.build_id": m.Deploy.BuildID, "d.action": m.Deploy.Action, "d.branch": m.Deploy.Branch,
		"d.environment": m.Deploy.Environment, "d.links": strings.Join(m.Deploy.Links, "\n"),
		"rb.text": m.Rollback.Text, "rb.not_reversible": m.Rollback.NotReversible, "rb.trigger": m.Rollback.Trigger,
		"rb.rehearsed": m.Rollback.Rehearsed, "rb.no_return": m.Rollback.NoReturn} {
		t.set(name, v)
	}
	for name, list := range map[string][]string{"component": m.Components, "target": m.Targets, "checks": m.Checks, "d.scans": m.Deploy.Scans, "data_flags": m.DataFlags} {
		if len(list) > 0 {
			t[name] = append([]string{}, list...)
		}
	}
	if n := m.Rollback.MaxMinutes; n > 0 {
		t.set("rb.max_minutes", fmt.Sprint(n))
	}
	for _, b := range m.Bindings {
		if b.Grant != nil {
			t.add("g", grantRow(*b.Grant, w))
			continue
		}
		t.add("b", bindingRow(b))
	}
	if b := m.Rollback.Binding; b != nil {
		for f, v := range bindingRow(*b) {
			t.set("rb."+f, v)
		}
	}
	for _, e := range m.Effects {
		t.add("e", map[string]string{"target": e.Target, "path": e.Path, "op": e.Op, "after": e.After})
	}
	for _, x := range m.Implementers {
		t.add("x", map[string]string{"who": executorName(x, w.roster), "repo": x.Repo, "pipe": x.Pipe})
	}
	for _, a := range m.Attachments {
		t.add("a", map[string]string{"name": a.Name, "digest": a.Digest, "size": fmt.Sprint(a.Size)})
	}
	return t
}

func local(at time.Time, zone *time.Location) string {
	if at.IsZero() {
		return ""
	}
	if at.Second() != 0 {
		return at.In(zone).Format("2006-01-02T15:04:05")
	}
	return at.In(zone).Format(clock)
}

func bindingRow(b change.Binding) map[string]string {
	return map[string]string{"kind": b.Kind, "name": b.Name, "digest": b.Digest, "repo": b.Repo, "commit": b.Commit, "tree": b.Tree, "base": b.Base,
		"document": b.Document, "authors": strings.Join(b.Authors, "\n"), "note": noteOf(b)}
}

// noteOf says what the server read in a binding's document.
func noteOf(b change.Binding) string {
	switch {
	case b.Kind != "tf-plan" && b.Document != "":
		return "Approvers can read the file."
	case b.Kind != "tf-plan":
		return ""
	case b.Document == "":
		return "Bound by its digest only: approvers cannot read it, and it counts as incomplete."
	}
	s := fmt.Sprintf("Creates %d, updates %d, replaces %d, deletes %d.", b.Plan.Create, b.Plan.Update, b.Plan.Replace, b.Plan.Delete)
	if !b.Complete {
		s += " The plan is not complete, so people always decide."
	}
	if b.Normalized == "" {
		s += " The gate will ask for the very file, and that it shows what this document does."
	}
	return s
}

func grantRow(g change.Grant, w world) map[string]string {
	until := ""
	if g.Until > 0 {
		until = local(time.UnixMicro(g.Until), w.zone)
	}
	return map[string]string{"op": g.Op, "role": g.Role, "who": holderName(g.Person+g.Group, w.roster), "into": groupName(g.Into, w.roster), "until": until}
}

// holderName is the name by which a person or a group is typed; the id where there is none.
func holderName(id string, r *directory.Roster) string {
	for _, a := range r.Accounts(directory.PersonID(id)) {
		if a.Kind == directory.Local && a.Ended == 0 {
			return a.Username
		}
	}
	return groupName(id, r)
}

func groupName(id string, r *directory.Roster) string {
	for _, g := range r.Groups() {
		if string(g.ID) == id {
			return g.Name
		}
	}
	return id
}

func executorName(x change.Executor, r *directory.Roster) string {
	if a, ok := r.Account(directory.AccountID(x.Account)); ok {
		return a.Username
	}
	return holderName(x.Person, r)
}
