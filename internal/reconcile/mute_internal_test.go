package reconcile

import (
	"slices"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

func TestAMuteCoversOnlyWhatItsReviewerSaw(t *testing.T) {
	t.Parallel()
	type look struct {
		m *Mute
		d *inventory.Difference
		p *Place
	}
	for name, x := range map[string]struct {
		edit   func(look)
		covers bool
	}{
		"within all its bounds":               {func(look) {}, true},
		"an actor in another spelling":        {func(l look) { l.d.Actor = "scaler" }, true},
		"a path as another source writes it":  {func(l look) { l.m.Path, l.d.Path = "rule.*.port", `rule[0].port` }, true},
		"a door that it names aloud":          {func(l look) { l.d.Kind, l.m.Security = inventory.Security, true }, true},
		"a number in its bounds":              {func(l look) { l.m.Min, l.m.Max, l.d.After = 2, 4, "3" }, true},
		"another operation":                   {func(l look) { l.d.Op = inventory.Deleted }, false},
		"an update, of one for deletions":     {func(l look) { l.m.Op = string(inventory.Deleted) }, false},
		"a door":                              {func(l look) { l.d.Kind = inventory.Security }, false},
		"a label":                             {func(l look) { l.m.Path, l.d.Path = "label.*", "label.owner" }, false},
		"a label, named and for doors, too":   {func(l look) { l.m.Path, l.d.Path, l.m.Security = "label.owner", "label.owner", true }, false},
		"another asset":                       {func(l look) { l.p.Asset = "AST-000002" }, false},
		"another class":                       {func(l look) { l.p.Class = inventory.Firewall }, false},
		"another type":                        {func(l look) { l.p.Type = "hcloud_volume" }, false},
		"another name":                        {func(l look) { l.p.Name = "db-1" }, false},
		"another environment":                 {func(l look) { l.p.Labels = map[string]string{inventory.LabelEnvironment: "dev"} }, false},
		"what nobody labelled":                {func(l look) { l.p.Labels = nil }, false},
		"another attribute":                   {func(l look) { l.d.Path = "image" }, false},
		"another actor":                       {func(l look) { l.d.Actor = "mallory" }, false},
		"nobody named":                        {func(l look) { l.d.Actor = "" }, false},
		"a value that is not on its list":     {func(l look) { l.m.Values = []string{"cx22"} }, false},
		"a number over its bounds":            {func(l look) { l.m.Min, l.m.Max, l.d.After = 2, 4, "5" }, false},
		"a number under its bounds":           {func(l look) { l.m.Min, l.m.Max, l.d.After = 2, 4, "1" }, false},
		"no number":                           {func(l look) { l.m.Min, l.m.Max = 2, 4 }, false},
		"a number over a bound below nothing": {func(l look) { l.m.Max, l.d.After = -1, "5" }, false},
	} {
		m := Mute{State: Active, Expires: 100, Asset: "AST-000001", Class: string(inventory.Host), Type: "hcloud_server", Name: "web-*", Env: "prod", Path: "server_*", Actor: "Scaler",
			known: map[inventory.AssetID]bool{"AST-000001": true}}
		d := inventory.Difference{Op: inventory.Updated, Path: "server_type", Kind: inventory.Config, After: `"cx32"`, Actor: "Scaler"}
		p := prodPlace(Place{Asset: "AST-000001", Class: inventory.Host, Type: "hcloud_server", Name: "web-1"})
		m.known = map[inventory.AssetID]bool{"AST-000001": true}
		x.edit(look{&m, &d, &p})
		if got := m.covers(d, &p); got != x.covers {
			t.Errorf("%s: covered %t, want %t", name, got, x.covers)
		}
		if got := m.matches(d, &p, 99); got != x.covers {
			t.Errorf("%s: explained %t while it is active, want %t", name, got, x.covers)
		}
		if m.matches(d, &p, 100) {
			t.Errorf("%s: explained at its end", name)
		}
		for _, state := range []string{Proposed, Disabled, Lapsed, ""} {
			if m.State = state; m.matches(d, &p, 99) {
				t.Errorf("%s: explained while it is %q", name, state)
			}
		}
	}
}

// A name is the word of whoever runs the thing: it counts for what bore it when the mute was reviewed, and for what came since.
func TestAMuteByNameMatchesOnlyWhatItKnows(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		m       Mute
		op      inventory.Op
		first   int64
		matches bool
	}{
		"by no name":                          {Mute{Type: "hcloud_server", Path: "size"}, inventory.Updated, 10, true},
		"what bore the name":                  {Mute{Name: "web-*", Path: "size", known: map[inventory.AssetID]bool{"AST-000001": true}}, inventory.Updated, 10, true},
		"what came since, in this step":       {Mute{Name: "web-*", Path: "size", known: map[inventory.AssetID]bool{"AST-000001": false}}, inventory.Updated, 90, true},
		"what took the name":                  {Mute{Name: "web-*", Path: "size", known: map[inventory.AssetID]bool{"AST-000002": true}}, inventory.Updated, 10, false},
		"what came since, and nobody says of": {Mute{Name: "web-*", Path: "size"}, inventory.Updated, 90, false},
		"what appears":                        {Mute{Name: "web-*", Op: "create"}, inventory.Created, 90, true},
		"what is back under the name":         {Mute{Name: "web-*", Op: "create"}, inventory.Created, 50, false},
	} {
		m := x.m
		m.State, m.Expires, m.Reviewed = Active, 100, 50
		d := inventory.Difference{Op: x.op, Path: m.Path, Kind: inventory.Config}
		p := Place{Asset: "AST-000001", Type: "hcloud_server", Name: "web-1", First: x.first}
		if got := m.matches(d, &p, 99); got != x.matches {
			t.Errorf("%s: %t, want %t", name, got, x.matches)
		}
	}
}

func TestAMuteIsNarrowHasAnEndAndAReason(t *testing.T) {
	t.Parallel()
	const now = 1_000
	for name, x := range map[string]struct {
		edit  func(*Mute)
		field string // "" where it is taken
	}{
		"as it should be":              {func(*Mute) {}, ""},
		"a year":                       {func(m *Mute) { m.Expires = now + longestMute.Microseconds() }, ""},
		"the creation of one type":     {func(m *Mute) { m.Op, m.Path = "create", "" }, ""},
		"the deletion of one type":     {func(m *Mute) { m.Op, m.Path = "delete", "*" }, ""},
		"narrowed by an asset alone":   {func(m *Mute) { m.Type, m.Asset = "", "AST-000001" }, ""},
		"narrowed by a name alone":     {func(m *Mute) { m.Type, m.Name = "", "web-*" }, ""},
		"no kind":                      {func(m *Mute) { m.Kind = "" }, "kind"},
		"another kind":                 {func(m *Mute) { m.Kind = "approved" }, "kind"},
		"a short reason":               {func(m *Mute) { m.Reason = "   because      " }, "reason"},
		"an endless reason":            {func(m *Mute) { m.Reason = strings.Repeat("x", 2001) }, "reason"},
		"every asset":                  {func(m *Mute) { m.Type = "" }, "asset"},
		"every name":                   {func(m *Mute) { m.Type, m.Name = "", "**" }, "asset"},
		"a class alone":                {func(m *Mute) { m.Type, m.Class = "", "host" }, "asset"},
		"every attribute":              {func(m *Mute) { m.Path = "*" }, "path"},
		"every attribute, written out": {func(m *Mute) { m.Path = "*.*" }, "path"},
		"no attribute":                 {func(m *Mute) { m.Path = "" }, "path"},
		"another operation":            {func(m *Mute) { m.Op = "adopt" }, "op"},
		"over already":                 {func(m *Mute) { m.Expires = now }, "expires"},
		"for over a year":              {func(m *Mute) { m.Expires = now + longestMute.Microseconds() + 1 }, "expires"},
		"of no share":                  {func(m *Mute) { m.Share = -1 }, "share"},
		"of more than half":            {func(m *Mute) { m.Share = 51 }, "share"},
		"a long asset":                 {func(m *Mute) { m.Asset = strings.Repeat("x", 301) }, "asset"},
		"a long class":                 {func(m *Mute) { m.Class = strings.Repeat("x", 301) }, "class"},
		"a long type":                  {func(m *Mute) { m.Type = strings.Repeat("x", 301) }, "type"},
		"a long name":                  {func(m *Mute) { m.Name = strings.Repeat("x", 301) }, "name"},
		"a long environment":           {func(m *Mute) { m.Env = strings.Repeat("x", 301) }, "env"},
		"a long path":                  {func(m *Mute) { m.Path = strings.Repeat("x", 301) }, "path"},
		"a long actor":                 {func(m *Mute) { m.Actor = strings.Repeat("x", 301) }, "actor"},
		"a path of stars":              {func(m *Mute) { m.Path = strings.Repeat("*a", 9) }, "path"},
		"too many values":              {func(m *Mute) { m.Values = slices.Repeat([]string{"x"}, 101) }, "values"},
		"bounds that hold nothing":     {func(m *Mute) { m.Min, m.Max = 5, 4 }, "max"},
	} {
		m := Mute{Kind: Automation, Reason: "the autoscaler changes sizes", Type: "hcloud_server", Path: "server_type", Expires: now + 1}
		x.edit(&m)
		err := m.clean(now)
		if x.field == "" {
			if err != nil || m.Share == 0 {
				t.Errorf("%s: %v, a share of %d; want it taken", name, err, m.Share)
			}
			continue
		}
		if fields := fault.Of(err).Fields; !fault.Is(err, "bad_mute") || len(fields) != 1 || fields[0].Path != x.field {
			t.Errorf("%s: %v about %+v, want bad_mute about %s alone", name, err, fields, x.field)
		}
	}
}

func TestAStarStandsForAnyCharactersAndNothingElseDoes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"web-* web-1": true, "web-* web-": true, "* x": true, "w*-*1 web-1": true, "a*b*c abc": true, "a*b*c axxbxxc": true, "web web": true,
		"web-* db-1": false, "web-* xweb-1": false, "web-* web": false, "a*b*c axxc": false, "a*b*c axxb": false, "ab*b ab": false, "web web-1": false, "*-1 web-2": false,
	} {
		pattern, s, _ := strings.Cut(text, " ")
		if got := glob(pattern, s); got != want {
			t.Errorf("%s matches %s: %t, want %t", pattern, s, got, want)
		}
	}
}
