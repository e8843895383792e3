package reconcile

import (
	"testing"

	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/plan"
)

// derivedCase is one difference beside an explained one: it is derived by a rule, or by none.
type derivedCase struct {
	name string
	by   string // "" for none
	edit func(d *inventory.Difference, p *Place)
}

// beside judges differences beside one that an approved run explains, each with a fresh index.
func beside(t *testing.T, cause inventory.Difference, at Place, claim Claim, d inventory.Difference, p Place, cases []derivedCase) {
	t.Helper()
	claim.ID, claim.Change, claim.Rev = "c", "CHG-1", "r"
	if claim.Planned = at.Class == inventory.IaCResource; claim.Planned {
		claim.Lineage = "lin"
	}
	cause.ID, cause.Record, cause.Earliest, cause.Latest = "cause", "r-cause", 5, 20
	d.ID, d.Record, d.Earliest, d.Latest = "d", "r-d", 5, 20
	if d.Kind == "" {
		d.Kind = inventory.Config
	}
	for _, c := range cases {
		charter := &Charter{Change: "CHG-1", Rev: "r", Environment: "prod", Claims: []Claim{claim, {ID: "other", Change: "CHG-1", Rev: "r", Address: "planned-too", Verb: "update", Path: "image_id", After: []inventory.Value{"7"}}},
			Runs: onceRun(Run{Executors: []string{"ivo"}, Receipts: []Receipt{{Address: claim.Address, Done: true, ID: "42"}}})}
		x, rules := NewIndex([]*Charter{charter}, nil), Rules{Now: 40}
		v := Decide(cause, prodPlace(at), x, rules)
		if v.Disposition != Exact && v.Disposition != Scoped {
			t.Fatalf("%s: the cause itself is %+v", c.name, v)
		}
		x.Note(cause, prodPlace(at), v)
		one, place := d, prodPlace(p)
		if c.edit != nil {
			c.edit(&one, &place)
		}
		got := Decide(one, place, x, rules)
		if by := got.First().Rule; got.Disposition == Derived && by != c.by || (got.Disposition == Derived) != (c.by != "") {
			t.Errorf("%s: %s by %q, want by %q: %+v", c.name, got.Disposition, by, c.by, got.Hits)
		}
	}
}

// others are look-alikes that no rule may derive, whatever it is.
func others() []derivedCase {
	return []derivedCase{
		{"long before the run", "", func(d *inventory.Difference, _ *Place) { d.Earliest, d.Latest = 1, 9 }},
		{"after the run has settled", "", func(d *inventory.Difference, _ *Place) { d.Earliest, d.Latest = 31, 35 }},
		{"by somebody else", "", func(d *inventory.Difference, _ *Place) { d.Actor = "mallory" }},
		{"in another environment", "", func(_ *inventory.Difference, p *Place) {
			p.Labels = map[string]string{inventory.LabelEnvironment: "test"}
		}},
	}
}

func TestAPartOfWhatWasCreatedIsDerived(t *testing.T) {
	t.Parallel()
	for _, class := range []inventory.Class{inventory.Interface, inventory.Disk, inventory.IPAddress, inventory.DomainRecord, inventory.Container, inventory.NetworkService} {
		beside(t, inventory.Difference{Asset: "A1", Op: inventory.Created, Kind: inventory.Config}, Place{Asset: "A1", Name: "web-1", Class: inventory.Host},
			Claim{Address: "web-1", Verb: plan.ClassCreate},
			inventory.Difference{Asset: "A2", Op: inventory.Created}, Place{Asset: "A2", Class: class, Wholes: []inventory.AssetID{"A1"}},
			append(others(),
				derivedCase{"a part", "child@1", nil},
				derivedCase{"a part of something else", "", func(_ *inventory.Difference, p *Place) { p.Wholes = []inventory.AssetID{"A3"} }},
				derivedCase{"a part that only another source joins with it", "", func(_ *inventory.Difference, p *Place) { p.Wholes, p.Around = nil, []inventory.AssetID{"A1"} }},
				derivedCase{"a whole host beside it", "", func(_ *inventory.Difference, p *Place) { p.Class = inventory.Host }},
				derivedCase{"a firewall beside it", "", func(_ *inventory.Difference, p *Place) { p.Class = inventory.Firewall }},
				derivedCase{"a part that is taken away", "", func(d *inventory.Difference, _ *Place) { d.Op = inventory.Deleted }},
				derivedCase{"a part that is changed", "", func(d *inventory.Difference, _ *Place) { d.Op, d.Path, d.After = inventory.Updated, "mac", `"x"` }}))
	}
}

// A part of a part is not a part: a chain of neighbours would reach everything.
func TestAPartOfAPartIsNotDerived(t *testing.T) {
	t.Parallel()
	beside(t, inventory.Difference{Asset: "A1", Op: inventory.Created, Kind: inventory.Config}, Place{Asset: "A1", Name: "eth0", Class: inventory.Interface},
		Claim{Address: "eth0", Verb: plan.ClassCreate},
		inventory.Difference{Asset: "A2", Op: inventory.Created}, Place{Asset: "A2", Class: inventory.IPAddress, Wholes: []inventory.AssetID{"A1"}},
		[]derivedCase{{"an address of an interface", "", nil}})
}

func TestTheSerialFollowsTheRecordsOfItsZone(t *testing.T) {
	t.Parallel()
	beside(t, inventory.Difference{Asset: "A1", Op: inventory.Updated, Path: "data", Kind: inventory.Config, After: `"192.0.2.7"`}, Place{Asset: "A1", Name: "www", Class: inventory.DomainRecord, Scope: "example.com"},
		Claim{Address: "www", Verb: "update", Path: "data", After: []inventory.Value{`"192.0.2.7"`}},
		inventory.Difference{Asset: "A2", Op: inventory.Updated, Path: "soa.serial", Before: "7", After: "8"}, Place{Asset: "A2", Class: inventory.Zone, Scope: "example.com"},
		append(others(),
			derivedCase{"the serial", "serial@1", nil},
			derivedCase{"the serial, read off the SOA record", "serial@1", func(_ *inventory.Difference, p *Place) { p.Class = inventory.DomainRecord }},
			derivedCase{"the serial of another zone", "", func(_ *inventory.Difference, p *Place) { p.Scope = "example.org" }},
			derivedCase{"another field of the SOA", "", func(d *inventory.Difference, _ *Place) { d.Path = "soa.refresh" }},
			derivedCase{"the primary server", "", func(d *inventory.Difference, _ *Place) { d.Path = "soa.mname" }},
			derivedCase{"a serial of something else in that scope", "", func(_ *inventory.Difference, p *Place) { p.Class = inventory.Host }},
			derivedCase{"the zone that goes", "", func(d *inventory.Difference, _ *Place) { d.Op = inventory.Deleted }}))
}

func TestWhatBelongsToAPackageFollowsIt(t *testing.T) {
	t.Parallel()
	beside(t, inventory.Difference{Asset: "A1", Op: inventory.Updated, Path: "package.nginx", Kind: inventory.Config, After: `"1.26"`}, Place{Asset: "A1", Name: "web-1", Class: inventory.Host},
		Claim{Address: "web-1", Verb: "update", Path: "package.nginx", After: []inventory.Value{`"1.26"`}},
		inventory.Difference{Asset: "A1", Op: inventory.Updated, Path: "package.nginx.files./usr/sbin/nginx", After: `"b"`}, Place{Asset: "A1", Class: inventory.Host},
		append(others(),
			derivedCase{"its file", "package@2", nil},
			derivedCase{"a file of another package", "", func(d *inventory.Difference, _ *Place) { d.Path = "package.nginx-extras.files./x" }},
			derivedCase{"another package", "", func(d *inventory.Difference, _ *Place) { d.Path = "package.openssl" }},
			derivedCase{"a file of no package", "", func(d *inventory.Difference, _ *Place) { d.Path = "file./usr/sbin/nginx" }},
			derivedCase{"on another host", "", func(d *inventory.Difference, p *Place) { d.Asset, p.Asset = "A2", "A2" }},
			derivedCase{"what guards something", "", func(d *inventory.Difference, _ *Place) { d.Kind = inventory.Security }}))
}

func TestWhatIsWorkedOutFollowsItsAttribute(t *testing.T) {
	t.Parallel()
	for from, to := range map[string]string{"server_type": "hardware.memory.kib", "image": "image_id", "backups": "backup_window", "package.linux-image-amd64": "system.kernel", "package.base-files": "system.os.version"} {
		beside(t, inventory.Difference{Asset: "A1", Op: inventory.Updated, Path: from, Kind: inventory.Config, After: `"new"`}, Place{Asset: "A1", Name: "web-1", Class: inventory.Host},
			Claim{Address: "web-1", Verb: "update", Path: from, After: []inventory.Value{`"new"`}},
			inventory.Difference{Asset: "A1", Op: inventory.Updated, Path: to, Before: "1", After: "2"}, Place{Asset: "A1", Class: inventory.Host},
			append(others(),
				derivedCase{"of the same thing", "computed@1", nil},
				derivedCase{"of another thing", "", func(d *inventory.Difference, p *Place) { d.Asset, p.Asset = "A2", "A2" }},
				derivedCase{"of a neighbour", "", func(d *inventory.Difference, p *Place) {
					d.Asset, p.Asset, p.Around = "A2", "A2", []inventory.AssetID{"A1"}
				}},
				derivedCase{"another attribute", "", func(d *inventory.Difference, _ *Place) { d.Path = "location" }},
				derivedCase{"what guards something", "", func(d *inventory.Difference, _ *Place) { d.Kind = inventory.Security }}))
	}
	beside(t, inventory.Difference{Asset: "A1", Op: inventory.Updated, Path: "image", Kind: inventory.Config, After: `"new"`}, Place{Asset: "A1", Name: "web-1", Class: inventory.Host},
		Claim{Address: "web-1", Verb: "update", Path: "image", After: []inventory.Value{`"new"`}},
		inventory.Difference{Asset: "A1", Op: inventory.Updated, Path: "image_id", Before: "1", After: "2"}, Place{Asset: "A1", Name: "planned-too", Class: inventory.Host},
		[]derivedCase{{"of which the change itself says another value", "", nil}})
}

// The code is explained; the thing that it manages follows by its receipt's id, and what was created settles in its plain attributes.
func TestTheRealThingFollowsItsReceiptAndSettles(t *testing.T) {
	t.Parallel()
	cause := inventory.Difference{Asset: "A1", Op: inventory.Created, Kind: inventory.Config, Native: "hcloud_server.web"}
	code := Place{Asset: "A1", Native: "hcloud_server.web", Type: "hcloud_server", Class: inventory.IaCResource, Scope: "lin/default"}
	claim := Claim{Address: "hcloud_server.web", Verb: plan.ClassCreate}
	beside(t, cause, code, claim, inventory.Difference{Asset: "A2", Op: inventory.Created}, Place{Asset: "A2", Type: "hcloud_server", Class: inventory.Host, IDs: []string{"hcloud:server:42"}},
		append(others(),
			derivedCase{"the server of the receipt", "real@1", nil},
			derivedCase{"another server", "", func(_ *inventory.Difference, p *Place) { p.IDs = []string{"hcloud:server:43"} }},
			derivedCase{"the volume of the same number", "", func(_ *inventory.Difference, p *Place) { p.IDs, p.Type = []string{"hcloud:volume:42"}, "hcloud_volume" }},
			derivedCase{"a server that goes", "", func(d *inventory.Difference, _ *Place) { d.Op = inventory.Deleted }},
			derivedCase{"a thing without an id", "", func(_ *inventory.Difference, p *Place) { p.IDs = nil }}))
	claim.Address = "web-1"
	beside(t, inventory.Difference{Asset: "A1", Op: inventory.Created, Kind: inventory.Config}, Place{Asset: "A1", Name: "web-1", Class: inventory.Host}, claim,
		inventory.Difference{Asset: "A1", Op: inventory.Updated, Path: "location", After: `"fsn1"`}, Place{Asset: "A1", Class: inventory.Host},
		append(others(),
			derivedCase{"what was just created settles", "fresh@2", nil},
			derivedCase{"a door of it", "", func(d *inventory.Difference, _ *Place) { d.Path, d.Kind = "firewall.ssh", inventory.Security }},
			derivedCase{"code that was just created", "", func(_ *inventory.Difference, p *Place) { p.Class = inventory.IaCResource }},
			derivedCase{"another thing", "", func(d *inventory.Difference, p *Place) { d.Asset, p.Asset = "A2", "A2" }}))
}

// Code that is moved, imported or forgotten leaves the thing as it is: whatever happens to the thing itself is nobody's.
func TestAForgetDestroysNothing(t *testing.T) {
	t.Parallel()
	for verb, op := range map[string]inventory.Op{plan.ClassForget: inventory.Deleted, verbImport: inventory.Created} {
		c := &Charter{Change: "CHG-1", Rev: "r", Environment: "prod", Runs: onceRun(Run{Receipts: []Receipt{{Address: "hcloud_server.web", Done: true, ID: "42"}}}),
			Claims: []Claim{{ID: "c", Change: "CHG-1", Rev: "r", Address: "hcloud_server.web", Lineage: "lin", Planned: true, Verb: verb}}}
		d := inventory.Difference{ID: "d", Asset: "A", Record: "r", Op: op, Kind: inventory.Config, Earliest: 5, Latest: 20}
		code := prodPlace(Place{Asset: "A", Class: inventory.IaCResource, Native: "hcloud_server.web", Type: "hcloud_server", Scope: "lin/default"})
		if v := Decide(d, code, NewIndex([]*Charter{c}, nil), Rules{Now: 40}); !v.Disposition.Explains() {
			t.Errorf("%s of the code: %+v", verb, v)
		}
		thing := prodPlace(Place{Asset: "A", Class: inventory.Host, Type: "hcloud_server", IDs: []string{"hcloud:server:42"}, Managers: []Managed{{"hcloud_server.web", "lin/default"}}})
		if v := Decide(d, thing, NewIndex([]*Charter{c}, nil), Rules{Now: 40}); v.Disposition.Explains() {
			t.Errorf("%s of the thing itself: %+v", verb, v)
		}
	}
}

// A run that nobody reported explains nothing after its change is over.
func TestARunWithoutAnEndEndsWithItsChange(t *testing.T) {
	t.Parallel()
	for closed, explained := range map[int64]bool{0: true, 30: true, 15: false} {
		c := &Charter{Change: "CHG-1", Rev: "r", Environment: "prod", Closed: closed, Runs: []Run{{Permit: "p", Rev: "r", Started: 10}},
			Claims: []Claim{{ID: "c", Change: "CHG-1", Rev: "r", Address: "web-1", Verb: "update", Path: "size", After: []inventory.Value{`"b"`}}}}
		d := inventory.Difference{ID: "d", Asset: "A", Record: "r", Op: inventory.Updated, Path: "size", Kind: inventory.Config, After: `"b"`, Earliest: 20, Latest: 25}
		v := Decide(d, prodPlace(Place{Asset: "A", Name: "web-1", Class: inventory.Host}), NewIndex([]*Charter{c}, nil), Rules{Now: 40})
		if v.Disposition.Explains() != explained {
			t.Errorf("closed at %d: %+v, want explained %t", closed, v, explained)
		}
	}
}

// What is created or taken away is approved as such: it settles by nothing, is nobody's mirror, and is worked out from nothing.
func TestOnlyAnAttributeSettlesIsMirroredOrWorkedOut(t *testing.T) {
	t.Parallel()
	created := inventory.Difference{Asset: "A1", Op: inventory.Created, Kind: inventory.Config, After: `"web-1"`}
	host := Place{Asset: "A1", Name: "web-1", Class: inventory.Host}
	beside(t, created, host, Claim{Address: "web-1", Verb: plan.ClassCreate}, inventory.Difference{Asset: "A1"}, Place{Asset: "A1", Class: inventory.Host}, []derivedCase{
		{"its deletion in the same run", "", func(d *inventory.Difference, _ *Place) { d.Op, d.Before = inventory.Deleted, `"web-1"` }},
		{"its coming back", "", func(d *inventory.Difference, _ *Place) { d.Op, d.After = inventory.Created, `"web-1"` }},
		{"an attribute of the same value as its name", "", func(d *inventory.Difference, _ *Place) {
			d.Op, d.After, d.Kind = inventory.Updated, `"web-1"`, inventory.Security
		}},
	})
	updated := inventory.Difference{Asset: "A1", Op: inventory.Updated, Path: "image", Kind: inventory.Config, After: `"debian-13"`}
	beside(t, updated, host, Claim{Address: "web-1", Verb: plan.ClassUpdate, Path: "image", After: []inventory.Value{`"debian-13"`}},
		inventory.Difference{Asset: "A1", Path: "image_id"}, Place{Asset: "A1", Class: inventory.Host}, []derivedCase{
			{"worked out", "computed@1", func(d *inventory.Difference, _ *Place) { d.Op = inventory.Updated }},
			{"taken away, whatever it names", "", func(d *inventory.Difference, _ *Place) { d.Op = inventory.Deleted }},
			{"created, whatever it names", "", func(d *inventory.Difference, _ *Place) { d.Op = inventory.Created }},
		})
}

// A part comes and goes with its whole, and is changed on its own. The same change of the same record is no mirror but another one.
func TestAChangeOfTheWholeChangesNoPart(t *testing.T) {
	t.Parallel()
	host := Place{Asset: "A1", Name: "web-1", Class: inventory.Host}
	cause := inventory.Difference{Asset: "A1", Op: inventory.Updated, Path: "image", Kind: inventory.Config, Before: `"debian-12"`, After: `"debian-13"`}
	beside(t, cause, host, Claim{Address: "web-1", Verb: plan.ClassUpdate, Path: "image", Open: true},
		inventory.Difference{Asset: "A2", Op: inventory.Updated, Path: "image", Before: `"debian-12"`, After: `"debian-13"`}, Place{Asset: "A2", Class: inventory.Disk, Around: []inventory.AssetID{"A1"}}, []derivedCase{
			{"of a part", "", nil},
			{"of the thing itself, as another source shows it", "mirror@1", func(d *inventory.Difference, p *Place) { d.Asset, p.Asset, p.Class = "A1", "A1", inventory.Host }},
			{"of the thing itself, as another source shows it after the run", "", func(d *inventory.Difference, p *Place) {
				d.Asset, p.Asset, p.Class, d.Earliest, d.Latest = "A1", "A1", inventory.Host, 31, 35
			}},
			{"of the thing itself, once more", "", func(d *inventory.Difference, p *Place) {
				d.Asset, p.Asset, p.Name, p.Class, d.Record = "A1", "A1", "web-1", inventory.Host, "r-cause"
			}},
		})
}

func TestAPackageHasAName(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{"package.nginx": "nginx", "packages.nginx.version": "nginx", "package.nginx.files./usr/sbin/nginx": "nginx",
		"package.": "", "packages.": "", "package": "", "file./usr/sbin/nginx": "", "": ""} {
		if got, ok := packageOf(path); got != want || ok != (want != "") {
			t.Errorf("%s is of package %q, %t; want %q", path, got, ok, want)
		}
	}
}

// A side effect is what no plan says. Where the change that ran says what an attribute becomes, another value is nobody's, however new the
// thing is, and whatever else of its package was explained.
func TestASideEffectIsNeverAnotherValueThanThePlans(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		claims []Claim
		cause  inventory.Difference
		path   string
	}{
		"a server that was just created": {[]Claim{{Verb: plan.ClassCreate}, {Verb: plan.ClassCreate, Path: "server_type", After: []inventory.Value{`"cx22"`}}},
			inventory.Difference{Op: inventory.Created}, "server_type"},
		"a package that was just upgraded": {[]Claim{{Verb: plan.ClassUpdate, Path: "package.nginx", After: []inventory.Value{`"1.26"`}}},
			inventory.Difference{Op: inventory.Updated, Path: "package.nginx", After: `"1.26"`}, "package.nginx"},
	} {
		c := &Charter{Change: "CHG-1", Rev: "r", Environment: "prod", Runs: onceRun(Run{Executors: []string{"ivo"}})}
		for i, k := range x.claims {
			k.ID, k.Change, k.Rev, k.Address = string(rune('a'+i)), "CHG-1", "r", "web-1"
			c.Claims = append(c.Claims, k)
		}
		x.cause.ID, x.cause.Asset, x.cause.Record, x.cause.Kind, x.cause.Earliest, x.cause.Latest = "cause", "A", "rec", inventory.Config, 5, 20
		p := prodPlace(Place{Asset: "A", Name: "web-1", Class: inventory.Host})
		index, rules := NewIndex([]*Charter{c}, nil), Rules{Now: 40}
		v := Decide(x.cause, p, index, rules)
		if !v.Disposition.Explains() {
			t.Fatalf("%s: the cause itself is %+v", name, v)
		}
		index.Note(x.cause, p, v)
		d := inventory.Difference{ID: "d", Asset: "A", Record: "rec", Op: inventory.Updated, Path: x.path, Kind: inventory.Config, Before: `"old"`, After: `"by hand"`, Earliest: 20, Latest: 25}
		if v := Decide(d, p, index, rules); v.Disposition != OutOfScope {
			t.Errorf("another value of %s: %s by %+v, want it %s", name, v.Disposition, v.Hits, OutOfScope)
		}
		if d.Path += "_of_no_plan"; x.cause.Op == inventory.Created && Decide(d, p, index, rules).Disposition != Derived {
			t.Errorf("%s: what no plan says does not settle", name)
		}
	}
}

// A plan that changes one item of a list approves that item. Another one that came with it was not approved.
func TestAnApprovedItemOfAListBringsNoOtherAlong(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		before, after inventory.Value
		want          Disposition
	}{
		"the item alone":                     {inventory.Set("10.0.0.1", "10.0.0.2"), inventory.Set("10.0.0.1", "10.0.0.3"), Scoped},
		"the only item":                      {inventory.Set("10.0.0.2"), inventory.Set("10.0.0.3"), Scoped},
		"not the item":                       {inventory.Set("10.0.0.1", "10.0.0.2"), inventory.Set("10.0.0.1", "10.0.0.4"), OutOfScope},
		"the old one goes later":             {inventory.Set("10.0.0.1", "10.0.0.2"), inventory.Set("10.0.0.1", "10.0.0.2", "10.0.0.3"), Scoped},
		"one more comes":                     {inventory.Set("10.0.0.1", "10.0.0.2"), inventory.Set("10.0.0.1", "10.0.0.3", "0.0.0.0/0"), OutOfScope},
		"another one goes":                   {inventory.Set("10.0.0.1", "10.0.0.2"), inventory.Set("10.0.0.3"), OutOfScope},
		"one more comes, and none was known": {"", inventory.Set("10.0.0.3", "0.0.0.0/0"), OutOfScope},
	} {
		b := claimer{}
		b.rev.Change, b.rev.ID, b.rev.Digest = "CHG-1", "CHG-1.1", "r"
		b.attributes(Claim{Address: "hcloud_firewall.f", Lineage: "lin", Planned: true, Verb: plan.ClassUpdate}, []plan.Diff{{Path: "source_ips[1]", Before: []byte(`"10.0.0.2"`), After: []byte(`"10.0.0.3"`)}})
		c := &Charter{Change: "CHG-1", Rev: "r", Environment: "prod", Claims: b.list, Runs: onceRun(Run{Receipts: []Receipt{{Address: "hcloud_firewall.f", Done: true, ID: "7"}}})}
		d := inventory.Difference{ID: "d", Asset: "A", Record: "rec", Op: inventory.Updated, Path: "source_ips", Kind: inventory.Security, Before: x.before, After: x.after, Earliest: 5, Latest: 20}
		p := prodPlace(Place{Asset: "A", Class: inventory.Firewall, Type: "hcloud_firewall", IDs: []string{"hcloud:firewall:7"}, Managers: []Managed{{"hcloud_firewall.f", "lin/default"}}})
		if v := Decide(d, p, NewIndex([]*Charter{c}, nil), Rules{Now: 40}); v.Disposition != x.want {
			t.Errorf("%s: %s, want %s: %+v", name, v.Disposition, x.want, v.Hits)
		}
	}
}
