package inventory_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// raises checks which differences since a number ask for an explanation.
func (f *firm) raises(after int64, when string, want ...string) {
	f.t.Helper()
	var got []string
	f.must(f.db.View(f.t.Context(), func(tx *db.Tx) error {
		list, err := inventory.Differences(tx, after, 1000)
		for _, d := range list {
			if d.Settled == "" && !d.First && d.Op != inventory.Adopted && (d.Kind == inventory.Config || d.Kind == inventory.Security) {
				got = append(got, strings.TrimSpace(string(d.Op)+" "+d.Native+" "+d.Path))
			}
		}
		return err
	}))
	if !slices.Equal(got, want) {
		f.t.Errorf("%s it asks about %q, want %q", when, got, want)
	}
}

// Who claims a machine beforehand, in a table or by an agent, hides nothing of it: that the cloud shows it is a creation, and what the claim
// called it frees it of nothing.
func TestWhatWasClaimedBeforehandAppearsAllTheSame(t *testing.T) {
	t.Parallel()
	for _, by := range []string{"table", "hosts"} {
		f := found(t)
		f.source("table", "csv")
		f.read("cloud", server(1))
		claim := host("web-9", "cloud-id", "hcloud:server:9")
		claim.Labels = map[string]string{"environment": "dev", "classification": "public", "owner": "ops"}
		f.read(by, claim)
		asset := "AST-2"
		f.weighs(asset, "environment", "dev", "as claimed")
		_, n := f.differences(0)
		f.read("cloud", server(1), server(9))
		f.raises(n, "claimed by "+by, "create 9")
		f.weighs(asset, "environment", "prod", "once it was seen")
		f.weighs(asset, "classification", "confidential", "once it was seen")
		f.weighs(asset, "owner", "ops", "once it was seen")
		_, n = f.differences(0)
		for range 3 {
			f.read("cloud", server(1), server(9))
			f.read(by, claim)
		}
		f.raises(n, "read again")
		f.weighs(asset, "environment", "prod", "read again")
		f.whole()
	}
}

// What a host says of itself hides it from no table either; a table or a host that is one more to know what the cloud shows asks nothing.
func TestOneMoreSourceAsksOnlyWhereALesserWordStood(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.source("table", "csv")
	f.read("cloud", server(1), server(2))
	f.read("hosts", host("old", "cloud-id", "hcloud:server:1"))
	row := host("row-2", "cloud-id", "hcloud:server:2")
	f.read("table", row)
	_, n := f.differences(0)
	f.read("hosts", host("old", "cloud-id", "hcloud:server:1"), host("web-2", "cloud-id", "hcloud:server:2"))
	one := host("row-1", "cloud-id", "hcloud:server:1")
	f.read("table", row, one)
	f.raises(n, "of what the cloud shows")
	f.read("hosts", host("rogue", "dmi-serial", "S-77"))
	_, n = f.differences(0)
	f.read("table", row, one, host("db-7", "dmi-serial", "S-77"))
	f.raises(n, "of what an agent claimed", "create db-7")
	f.whole()
}

// A thing that went away and is shown again under another record of the same source comes anew, whoever went on naming it.
func TestWhatWentAwayComesAnew(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.source("table", "csv")
	machine := server(1)
	machine.IDs = append(machine.IDs, inventory.Identifier{Kind: "fqdn", Value: "web-1.example.com"}, inventory.Identifier{Kind: "mac", Value: "96:00:00:00:00:01"})
	row := host("web-1", "fqdn", "web-1.example.com", "mac", "96:00:00:00:00:01")
	row.Labels = map[string]string{"environment": "dev"}
	f.read("cloud", machine)
	f.read("table", row)
	f.see["cloud"].scopes = []string{"project"}
	f.read("cloud")
	f.read("cloud")
	_, n := f.differences(0)
	next := machine
	next.Native, next.IDs = "2", append([]inventory.Identifier{{Kind: "cloud-id", Value: "hcloud:server:2"}}, machine.IDs[1:]...)
	f.read("cloud", next)
	f.raises(n, "set up again", "create 2")
	if list := f.assets(); len(list) != 1 {
		t.Errorf("assets %+v", list)
	}
	f.whole()
}

// A first reading that breaks off is read again soon, and what it did not come to was there all the same. A source of which every reading
// breaks off is at its beginning for a day, and no longer.
func TestABeginningEndsThoughNoReadingIsWhole(t *testing.T) {
	t.Parallel()
	f := found(t)
	broken := func(records ...inventory.Record) {
		f.clock.Add(time.Hour)
		f.see["cloud"].records, f.see["cloud"].broken = records, errors.New("the connection broke")
		if _, err := f.Read(t.Context(), fault.SystemActor("discovery"), "cloud", nil, ""); err == nil {
			t.Fatal("a reading that broke off counts as whole")
		}
	}
	broken(server(1))
	broken(server(1), server(2))
	f.raises(0, "on its first day")
	f.clock.Add(24 * time.Hour)
	broken(server(1), server(2), server(3))
	f.raises(0, "a day later", "create 3")
	f.whole()
}

// Whoever removes a source and adds it anew, or enrols a host anew, has what changed meanwhile judged all the same.
func TestWhatIsAddedAnewIsComparedWithWhatWasKnownLast(t *testing.T) {
	t.Parallel()
	f := found(t)
	rule := inventory.Record{Scope: "project", Type: "hcloud_firewall", Class: inventory.Firewall, Native: "edge", Name: "edge",
		Attrs: map[string]inventory.Value{"firewall.in": inventory.Text("443")}}
	code := inventory.Record{Scope: "lineage/default", Type: "hcloud_server", Class: inventory.IaCResource, Native: "hcloud_server.web", Name: "web",
		Attrs: map[string]inventory.Value{"size": inventory.Text("cx22")}}
	f.read("cloud", server(1), rule, code)
	f.read("hosts", host("web-1", "cloud-id", "hcloud:server:1"))
	_, err := f.RemoveSource(t.Context(), olga, "cloud")
	f.must(err)
	_, err = f.RemoveSource(t.Context(), olga, "hosts")
	f.must(err)
	_, n := f.differences(0)
	f.source("cloud-2", "hetzner")
	f.source("hosts-2", "agent")
	rule.Attrs = map[string]inventory.Value{"firewall.in": inventory.Text("1-65535")}
	code.Attrs = map[string]inventory.Value{"size": inventory.Text("cx99")}
	changed := host("web-1", "cloud-id", "hcloud:server:1")
	changed.Attrs["os.name"] = inventory.Text("Another")
	f.read("cloud-2", server(1, "size", "cx52"), server(2), rule, code)
	f.read("hosts-2", changed)
	f.raises(n, "added anew", "update 1 size", "update edge firewall.in", "update hcloud_server.web size", "update web-1 os.name")
	if list := f.assets(); len(list) != 4 { // the server, the firewall, its code, and what nobody knew
		t.Errorf("assets %+v", list)
	}
	_, n = f.differences(0)
	f.read("cloud-2", server(1, "size", "cx52"), server(2), rule, code)
	f.raises(n, "read again")
	f.whole()
}

// Who lends an asset the identity of a machine that is still to come, in a table, hides it in none that the cloud shows already: it is another
// machine, and somebody is asked.
func TestALentIdentityHidesNoMachine(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.source("table", "csv")
	dev := server(5)
	dev.Labels = map[string]string{"environment": "dev"}
	f.read("cloud", dev)
	f.read("table", host("dev-5", "cloud-id", "hcloud:server:5", "cloud-id", "hcloud:server:78"))
	_, n := f.differences(0)
	f.read("cloud", dev, server(78))
	f.raises(n, "of a machine under a lent identity", "create 78")
	q, err := f.Questions(t.Context())
	f.must(err)
	if list := f.assets(); len(list) != 2 || len(q) != 1 || q[0].Kind != "identity_conflict" {
		t.Errorf("assets %+v, questions %+v", list, q)
	}
	f.weighs("AST-2", "environment", "prod", "as it came")
	f.whole()
}

// What a person said of one of two assets is not lost when it is merged into one that nobody labelled: production stays what only a change may
// move.
func TestAMergeLosesNoAssertedLabel(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.Wire(allowing{"owner": "ops"})
	f.read("cloud", server(1), server(2))
	f.must(f.label("AST-1", "environment", "prod", ""))
	f.must(f.label("AST-1", "tier", "backend", ""))
	_, err := f.MergeAssets(t.Context(), olga, "AST-2", "AST-1", "one machine")
	f.must(err)
	f.weighs("AST-2", "tier", "backend", "after the merge")
	for key, value := range map[string]string{"environment": "test", "tier": "frontend"} {
		if f.label("AST-2", key, value, "") == nil {
			t.Errorf("%s became %s without a change", key, value)
		}
	}
	f.whole()
}

// Who lends production the identity of a stranger, in a table, does not have the stranger pass for it where another table shows that one.
func TestALentIdentityVouchesForNobody(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.source("table", "csv")
	f.source("list", "csv")
	f.read("cloud", server(1))
	f.read("list", host("known", "fqdn", "known.example.com"))
	f.read("table", host("web-1", "cloud-id", "hcloud:server:1", "machine-id", "99990000"))
	_, n := f.differences(0)
	f.read("list", host("known", "fqdn", "known.example.com"), host("rogue", "machine-id", "99990000"))
	f.raises(n, "of a stranger under a lent identity", "create rogue")
	f.whole()
}
