package filing

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
)

// world is what the words of a form are looked up in.
type world struct {
	roster *directory.Roster
	pack   *policy.Pack
	zone   *time.Location // in which times are typed
}

// reading is a form that is being turned into a wording: what could not be read, and which row of the form
// each member of the wording comes from.
type reading struct {
	world
	typed  typed
	wrong  map[string]string // field of the form → what is wrong with it
	places map[string]string // member of the wording → row of the form
}

// clock is how a datetime-local input writes an instant.
const clock = "2006-01-02T15:04"

// material reads the form. What cannot be read is left out of the wording and named in wrong.
func (t typed) material(w world) (change.Material, *reading) {
	r := &reading{world: w, typed: t, wrong: map[string]string{}, places: map[string]string{}}
	m := change.Material{Type: t.get("type"), Category: t.get("category"), Model: t.get("model"), Summary: t.get("summary"),
		Justification: lines(t.get("justification")), Components: t.many("component"), Targets: t.many("target"), Checks: t.many("checks"),
		DataFlags: t.many("data_flags"), RiskFloor: t.get("risk_floor"), CriticalRole: t.get("critical_role"), EmergencyNotes: lines(t.get("emergency")),
		Window: change.Envelope{From: r.instant("from"), Until: r.instant("until")},
		Deploy: change.Deploy{JobName: t.get("d.job_name"), BuildID: t.get("d.build_id"), Action: t.get("d.action"), Branch: t.get("d.branch"),
			Environment: t.get("d.environment"), Links: t.lines("d.links"), Scans: t.many("d.scans")}}
	if m.Type == "" {
		m.Type = "normal"
	}
	for i, row := range t.rows("b") {
		r.places[fmt.Sprintf("bindings[%d]", i)] = row
		m.Bindings = append(m.Bindings, r.binding(row))
	}
	for _, row := range t.rows("g") {
		r.places[fmt.Sprintf("bindings[%d]", len(m.Bindings))] = row
		m.Bindings = append(m.Bindings, r.grant(row))
	}
	for i, row := range t.rows("e") {
		r.places[fmt.Sprintf("effects[%d]", i)] = row
		m.Effects = append(m.Effects, change.Effect{Target: t.get(row + ".target"), Path: t.get(row + ".path"), Op: t.get(row + ".op"), After: t.get(row + ".after")})
	}
	for i, row := range t.rows("x") {
		r.places[fmt.Sprintf("implementers[%d]", i)] = row
		m.Implementers = append(m.Implementers, r.executor(row))
	}
	for i, row := range t.rows("a") {
		r.places[fmt.Sprintf("attachments[%d]", i)] = row
		m.Attachments = append(m.Attachments, change.Attachment{Name: t.get(row + ".name"), Digest: t.get(row + ".digest"), Size: r.number(row + ".size")})
	}
	m.Rollback = r.rollback()
	return m, r
}

// lines writes line ends as everybody but forms does.
func lines(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }

func (r *reading) instant(name string) time.Time {
	s := r.typed.get(name)
	if s == "" {
		return time.Time{}
	}
	for _, layout := range []string{clock, "2006-01-02T15:04:05", "2006-01-02 15:04"} {
		if at, err := time.ParseInLocation(layout, s, r.zone); err == nil {
			return at.UTC()
		}
	}
	r.wrong[name] = "is a day and a time, such as 2026-11-23 14:00"
	return time.Time{}
}

func (r *reading) number(name string) int64 {
	s := r.typed.get(name)
	if s == "" {
		return 0
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > 1<<40 {
		r.wrong[name] = "is a whole number"
		return 0
	}
	return n
}

// digest reads a digest as people copy it: with or without its prefix, or as sha256sum prints it.
func (r *reading) digest(name string) string {
	s := r.typed.get(name)
	word, _, _ := strings.Cut(s, " ")
	if isHex(strings.ToLower(word), 64) {
		return "sha256:" + strings.ToLower(word)
	}
	return s
}

func (r *reading) binding(row string) change.Binding {
	t := r.typed
	b := change.Binding{Kind: t.get(row + ".kind"), Name: t.get(row + ".name"), Digest: r.digest(row + ".digest"), Repo: t.get(row + ".repo"),
		Commit: t.get(row + ".commit"), Tree: t.get(row + ".tree"), Base: t.get(row + ".base"), Document: t.get(row + ".document"),
		Authors: t.lines(row + ".authors")}
	if b.Kind == change.StandardModel && b.Digest == "" {
		if digest, err := r.pack.ModelDigest(b.Name); err == nil {
			b.Digest = digest
		}
	}
	if b.Document != b.Digest && b.Kind != "tf-plan" && b.Kind != change.PolicyPack { // another digest was typed over the file's
		b.Document = ""
	}
	if b.Digest == "" {
		r.wrong[row+".digest"] = "is missing: " + howToDigest(b.Kind)
	}
	return b
}

// howToDigest says how one gets the digest of a kind of thing.
func howToDigest(kind string) string {
	switch kind {
	case "git-commit":
		return "git cat-file commit COMMIT | sha256sum"
	case "oci-image":
		return "docker inspect --format '{{index .RepoDigests 0}}' IMAGE"
	case "tf-plan":
		return "plumb plan digest FILE"
	case change.StandardModel:
		return "the name is that of a model of the policy in force"
	}
	return "sha256sum FILE"
}

// grant reads a change of who holds a role. Names become ids here, because the digest is over the ids.
func (r *reading) grant(row string) change.Binding {
	t := r.typed
	g := change.Grant{Op: t.get(row + ".op"), Role: t.get(row + ".role"), Until: micros(r.instant(row + ".until"))}
	if g.Op == "" {
		g.Op = string(directory.GrantRole)
	}
	who := t.get(row + ".who")
	if p, ok := r.person(who); ok {
		g.Person = string(p)
	} else if group, ok := r.roster.GroupOf(who); ok {
		g.Group = string(group)
	} else {
		r.wrong[row+".who"] = "is the username of an active person, or the name of a group"
	}
	if into := t.get(row + ".into"); into != "" {
		group, ok := r.roster.GroupOf(into)
		if !ok {
			r.wrong[row+".into"] = "is the name of a group"
		}
		g.Into = string(group)
	}
	digest, err := g.Digest()
	if err != nil {
		r.wrong[row+".until"] = "cannot be taken"
	}
	name := g.Role
	if name == "" {
		name = t.get(row + ".into")
	}
	return change.Binding{Kind: change.AccessGrant, Name: name, Digest: digest, Grant: &g}
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func (r *reading) person(name string) (directory.PersonID, bool) {
	if r.roster.Active(directory.PersonID(name)) {
		return directory.PersonID(name), true
	}
	return r.roster.Named(strings.TrimPrefix(name, "@"))
}

// executor reads who carries the change out: a person or a service account, by username.
func (r *reading) executor(row string) change.Executor {
	who := strings.TrimPrefix(r.typed.get(row+".who"), "@")
	x := change.Executor{Repo: r.typed.get(row + ".repo"), Pipe: r.typed.get(row + ".pipe")}
	if a, ok := r.roster.ServiceNamed(who); ok {
		x.Account = string(a)
		return x
	}
	if _, ok := r.roster.ServiceOwner(directory.AccountID(who)); ok {
		x.Account = who
		return x
	}
	if p, ok := r.person(who); ok {
		x.Person = string(p)
		return x
	}
	r.wrong[row+".who"] = "is the username of an active person or service account"
	return x
}

func (r *reading) rollback() change.Rollback {
	t := r.typed
	out := change.Rollback{Text: lines(t.get("rb.text")), NotReversible: lines(t.get("rb.not_reversible")), Trigger: t.get("rb.trigger"),
		MaxMinutes: r.number("rb.max_minutes"), Rehearsed: t.get("rb.rehearsed"), NoReturn: t.get("rb.no_return")}
	if t.get("rb.name")+t.get("rb.digest") != "" {
		b := r.binding("rb")
		out.Binding = &b
		r.places["rollback.binding"] = "rb"
	}
	return out
}

// members are the fields of the form by the member of the wording, where the names differ.
var members = map[string]string{"components": "component", "targets": "target", "window": "until", "window.from": "from", "window.until": "until",
	"rollback": "rb.text", "deploy": "d.job_name", "rollback.binding": "rb.digest", "rollback.rehearsed": "rb.rehearsed",
	"rollback.point_of_no_return": "rb.no_return", "rollback.max_minutes": "rb.max_minutes", "effects": "e.0.target", "implementers": "x.0.who",
	"bindings": "bindings", "attachments": "attach"}

// fieldOf is the field of the form that a refusal's member stands in.
func (r *reading) fieldOf(path string) string {
	if name, ok := members[path]; ok {
		return name
	}
	for member, row := range r.places {
		rest, ok := strings.CutPrefix(path, member)
		switch {
		case !ok || rest != "" && rest[0] != '.':
			continue
		case rest == "":
			return row + "." + rowFields[row[:1]][min(2, len(rowFields[row[:1]])-1)]
		case strings.HasPrefix(rest, ".grant"):
			return row + ".who"
		case rest == ".person" || rest == ".account":
			return row + ".who"
		}
		return row + rest
	}
	for prefix, to := range map[string]string{"rollback.": "rb.", "deploy.": "d."} {
		if rest, ok := strings.CutPrefix(path, prefix); ok {
			return to + rest
		}
	}
	return path
}

// blame notes at the fields of the form what a refusal says of the members of the wording.
func (r *reading) blame(f *fault.Error) {
	for _, x := range f.Fields {
		if name := r.fieldOf(x.Path); r.wrong[name] == "" {
			r.wrong[name] = x.Problem
		}
	}
}

// unreadable is the refusal of a form whose fields could not be read; nil where all could.
func (r *reading) unreadable() *fault.Error {
	if len(r.wrong) == 0 {
		return nil
	}
	e := fault.New(fault.Invalid, "bad_form", "Some fields cannot be taken as they are; nothing was filed.").FixedBy("you").Then("correct the marked fields and send the form again")
	for _, name := range slices.Sorted(keysOf(r.wrong)) {
		e.At(label(name), r.wrong[name])
	}
	return e
}
