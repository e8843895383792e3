package reconcile

import (
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/plan"
)

// A side effect explains a difference by another that is explained. Each has a version, which enters the hit: what a rule said
// of the past stays what it said.
type sideEffect struct {
	name string
	says string
	find func(*asks) (Explained, bool)
}

// sideEffects are the rules that come with the program, in the order in which they are asked. None but mirror touches a security attribute:
// who may come in is approved by name.
func sideEffects() []sideEffect {
	return []sideEffect{
		{"mirror@1", "the same change of the same thing, as another source shows it", (*asks).mirror},
		{"coming@1", "one more source shows what a change adopted when it was first shown", (*asks).adopted},
		{"real@1", "the real thing that an executed resource made, replaced or removed", (*asks).made},
		{"fresh@2", "settles after its creation or replacement", (*asks).fresh},
		{"child@1", "part of what was created, replaced or removed", (*asks).child},
		{"serial@1", "the zone's serial after a change of its records", (*asks).serial},
		{"package@2", "belongs to a package whose change is explained", (*asks).packaged},
		{"computed@1", "worked out from an attribute whose change is explained", (*asks).computed},
	}
}

func (a *asks) derived() {
	for _, r := range sideEffects() {
		if e, ok := r.find(a); ok {
			a.hit(Derived, lane{}, nil, r.name, r.says, false)
			h := &a.hits[len(a.hits)-1]
			h.Change, h.Permit = e.Change, e.Permit
		}
	}
}

// during reports whether the difference arose while what explains another one went on.
func (a *asks) during(e Explained) bool {
	return e.run != nil && a.meets(e.run) && e.Difference.ID != a.d.ID
}

// mirror finds the same change of the thing as another source shows it: Terraform's state and the cloud it manages.
func (a *asks) mirror() (Explained, bool) {
	for _, id := range append([]inventory.AssetID{a.p.Asset}, a.p.Around...) {
		for _, e := range a.x.explained[id] {
			o := e.Difference
			if !a.during(e) || !a.by(e) || o.Op != a.d.Op || o.Record == a.d.Record || o.Asset != a.p.Asset && !a.managedPair(e) {
				continue
			}
			same := o.Before == a.d.Before && o.After == a.d.After && a.d.Op == inventory.Updated
			switch {
			case same && (fold(o.Path) == fold(a.d.Path) || a.d.Kind != inventory.Security && tail(o.Path) == tail(a.d.Path)):
				return e, true // a door is named by its whole path
			case same && a.d.Kind != inventory.Security && len(a.d.After) > len("false") && len(a.d.Before) > len("false"):
				return e, true
			}
		}
	}
	return Explained{}, false
}

// adopted finds the change that took the thing's coming over, in this environment.
func (a *asks) adopted() (Explained, bool) { return Explained{Change: a.p.Adopter}, a.p.Adopter != "" }

// adoptedComing gives the change that adopted the coming of a thing, in the environment that counts now, while the record that showed it first
// still stands.
func adoptedComing(tx *db.Tx, d inventory.Difference, p Place) (change string, err error) {
	list, err := db.Collect(tx, scanFinding, findingColumns+" WHERE asset = $1 AND state = 'adopted' ORDER BY n DESC LIMIT 200", string(p.Asset))
	for _, f := range list {
		if f.Op != inventory.Created || f.Collects || counted(f.Environment) != counted(p.Labels[inventory.LabelEnvironment]) {
			continue
		}
		raised, err := inventory.Differences(tx, f.Difference-1, 1)
		if err != nil || len(raised) == 0 || raised[0].Record == d.Record {
			return "", err
		}
		k, found, err := inventory.RecordOf(tx, raised[0].Record)
		if err != nil || !found || k.Gone > 0 {
			return "", err
		}
		return f.Adopts, nil
	}
	return "", err
}

// managedPair reports whether one of two joined things is the code of the other.
func (a *asks) managedPair(e Explained) bool {
	if a.p.Class == inventory.IaCResource {
		return e.Class != inventory.IaCResource
	}
	return e.Class == inventory.IaCResource && slices.ContainsFunc(a.p.Managers, func(m Managed) bool { return m.Address == e.Difference.Native && m.Scope == e.Scope })
}

func tail(path string) string {
	_, last, _ := cutLast(fold(path))
	return last
}

// made finds the receipt that names this very thing by its provider's id. One approved creation makes one thing: where the runs of a wording
// name several at one address, they explain none of them.
func (a *asks) made() (Explained, bool) {
	if a.d.Op == inventory.Updated {
		return Explained{}, false
	}
	for _, id := range a.p.IDs {
		for _, key := range append([]string{id}, after(id)...) {
			for _, r := range a.x.reported(key) {
				if r.receipt.Done && r.receipt.tells(a.d.Op) && a.meets(r.run) && a.environment(r.charter) && a.byExecutor(r.run) && a.ofType(r) && a.whole(r) {
					return Explained{Change: r.charter.Change, Permit: r.run.Permit}, true
				}
			}
		}
	}
	return Explained{}, false
}

// after gives what stands behind the last colon or slash of an identifier: providers report the bare id.
func after(id string) (out []string) {
	for _, cut := range []string{":", "/"} {
		if i := strings.LastIndex(id, cut); i >= 0 {
			out = append(out, id[i+1:])
		}
	}
	return out
}

// ofType holds a bare id to the type of its resource, so that volume 42 is not server 42.
func (a *asks) ofType(r done) bool {
	if a.p.Type == "" || slices.Contains(a.p.IDs, r.receipt.ID) {
		return true
	}
	return strings.Contains(r.receipt.Address, a.p.Type+".") || slices.ContainsFunc(a.p.Managers, func(m Managed) bool { return m.Address == r.receipt.Address })
}

// whole reports whether a charter claims that operation for the resource of a receipt as a whole. What a plan deletes has its id there: a
// report that names another takes nothing along.
func (a *asks) whole(r done) bool {
	c, op := r.charter, a.d.Op
	sole := a.x.named[namingOf(r, op)] == r.receipt.ID
	return slices.ContainsFunc(c.Claims, func(k Claim) bool {
		return k.Path == "" && (a.p.Class == inventory.IaCResource || !ofCode(k.Verb)) && k.Address == r.receipt.Address && k.Rollback == r.run.Rollback && k.Rev == r.run.Rev && fits(k.Verb, op, "") &&
			(sole && (op != inventory.Deleted || k.Thing == "") || op == inventory.Deleted && k.Thing == r.receipt.ID) && a.anew(ref{c, &k})
	})
}

// fresh lets the plain attributes of what was just created or replaced settle, but for those of which the change says what they become.
func (a *asks) fresh() (Explained, bool) {
	if a.d.Op != inventory.Updated || a.d.Kind == inventory.Security || a.p.Class == inventory.IaCResource {
		return Explained{}, false // what code describes does not settle: its plan names every attribute, known or not
	}
	for _, e := range a.x.explained[a.p.Asset] {
		if e.Difference.Op == inventory.Created && a.during(e) && a.by(e) && !a.plannedBy(e.Change) {
			return e, true
		}
	}
	for _, s := range a.spots() {
		for _, r := range a.x.places[s.spotKey] {
			if r.claim.Verb != plan.ClassReplace || r.claim.Rollback || !s.within(r.claim) || !a.anew(r) || !a.environment(r.charter) {
				continue
			}
			for i := range r.charter.Runs {
				run := &r.charter.Runs[i]
				if run.Rollback || run.Rev != r.claim.Rev || !a.byExecutor(run) {
					continue
				}
				if got := run.receipt(r.claim.Address); got != nil && got.Done && got.Action != deleteAction && (!s.managed || a.is(got.ID)) && a.meets(run) && !a.planned(r.charter) {
					return Explained{Change: r.charter.Change, Permit: run.Permit}, true
				}
			}
		}
	}
	return Explained{}, false
}

// planned reports whether a charter says what this attribute becomes; then another value is no side effect.
func (a *asks) planned(c *Charter) bool {
	for _, s := range a.spots() {
		for r := range a.x.claimed(s.spotKey, fold(a.d.Path)) {
			if r.charter == c {
				return true
			}
		}
	}
	return false
}

// child finds the created, replaced or removed thing that this one is a part of.
func (a *asks) child() (Explained, bool) {
	if a.d.Op == inventory.Updated || !slices.Contains(parts(), a.p.Class) {
		return Explained{}, false
	}
	for _, id := range a.p.Wholes {
		for _, e := range a.x.explained[id] {
			if a.during(e) && a.by(e) && e.Difference.Op == a.d.Op && e.Class != inventory.IaCResource && !slices.Contains(parts(), e.Class) {
				return e, true
			}
		}
	}
	return Explained{}, false
}

// parts are the classes of what comes and goes with a whole.
func parts() []inventory.Class {
	return []inventory.Class{inventory.Interface, inventory.Disk, inventory.IPAddress, inventory.DomainRecord, inventory.Container, inventory.NetworkService}
}

// joining are the verbs that join a part with its whole, in either direction.
var joining = []string{"HAS", "CONTAINS", "USES", "CONNECTS", "RUNS", "HOSTS", "ASSIGNED", "RESOLVES_TO"}

// wholes finds what a part that came or went is a part of. The source that showed the part says so: another one, which may be a table that
// anybody sends in, could join it with whatever was approved.
func wholes(tx *db.Tx, edges []inventory.Edge, d inventory.Difference, class inventory.Class) (out []inventory.AssetID, err error) {
	if d.Op == inventory.Updated || !slices.Contains(parts(), class) {
		return nil, nil
	}
	for _, e := range edges {
		if e.Asset == "" || !slices.Contains(joining, e.Verb) {
			continue
		}
		k, found, err := inventory.RecordOf(tx, e.Record)
		if err != nil {
			return nil, err
		}
		if found && k.Source == d.Source {
			out = append(out, e.Asset)
		}
	}
	return out, nil
}

// serial follows records of the same zone.
func (a *asks) serial() (Explained, bool) {
	if a.d.Op != inventory.Updated || tail(a.d.Path) != "serial" || a.p.Class != inventory.Zone && a.p.Class != inventory.DomainRecord {
		return Explained{}, false
	}
	for _, e := range a.x.scopes[a.p.Scope] {
		if a.during(e) && a.by(e) && e.Class == inventory.DomainRecord && tail(e.Difference.Path) != "serial" {
			return e, true
		}
	}
	return Explained{}, false
}

// packaged follows a package: what lies under package.NAME and file paths that the source lists under it. Where the change itself says what
// this one becomes, such as the version, that decides.
func (a *asks) packaged() (Explained, bool) {
	name, ok := packageOf(a.d.Path)
	if !ok || a.d.Kind == inventory.Security {
		return Explained{}, false
	}
	for _, e := range a.x.explained[a.p.Asset] {
		if n, ok := packageOf(e.Difference.Path); ok && n == name && a.during(e) && a.by(e) && !a.plannedBy(e.Change) {
			return e, true
		}
	}
	return Explained{}, false
}

// computedFrom lists what systems work out from another attribute of the same thing: of a server its disk from its type; of a host, as its
// agent tells it, the processors and memory from the type that its cloud gave it, the kernel that runs from its package.
var computedFrom = []struct {
	from string   // a star stands for any characters
	to   []string // none is a security attribute
}{
	{"server_type", []string{"primary_disk_gb", "primary_disk_size", "architecture", "hardware.cpu.count", "hardware.cpu.model", "hardware.memory.kib"}},
	{"image", []string{"image_id", "edges.BUILT_FROM"}},
	{"backups", []string{"backup_window"}},
	{"package.linux-image*", []string{"system.kernel"}},
	{"package.base-files", []string{"system.os.name", "system.os.version"}},
}

// computed follows an attribute of the same thing, or of the code that manages it, from which this one is worked out. Where the plan itself
// says what this one becomes, the plan decides.
func (a *asks) computed() (Explained, bool) {
	if a.d.Op != inventory.Updated || a.d.Kind == inventory.Security {
		return Explained{}, false
	}
	path := fold(a.d.Path)
	for _, c := range computedFrom {
		if !slices.Contains(c.to, path) {
			continue
		}
		for _, id := range append([]inventory.AssetID{a.p.Asset}, a.p.Around...) {
			for _, e := range a.x.explained[id] {
				if e.Difference.Op == inventory.Updated && glob(c.from, fold(e.Difference.Path)) && a.during(e) && a.by(e) &&
					(e.Difference.Asset == a.p.Asset || a.managedPair(e)) && !a.plannedBy(e.Change) {
					return e, true
				}
			}
		}
	}
	return Explained{}, false
}

// plannedBy reports whether a change that ran says what this attribute becomes.
func (a *asks) plannedBy(change string) bool {
	return slices.ContainsFunc(a.x.charters, func(c *Charter) bool { return c.Change == change && a.planned(c) })
}

// packageOf reads the package's name out of package.NAME, package.NAME.files.….
func packageOf(path string) (string, bool) {
	rest, ok := strings.CutPrefix(path, "package.")
	if !ok {
		rest, ok = strings.CutPrefix(path, "packages.")
	}
	if !ok || rest == "" {
		return "", false
	}
	if i := strings.Index(rest, ".files."); i > 0 {
		rest = rest[:i]
	}
	return strings.TrimSuffix(rest, ".version"), true
}
