package inventory_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/inventory"
)

// These are stories of one machine that the cloud and its own agent both show: renamed, made again, set up anew, copied, enrolled again.

// cloudServer is a server as its cloud shows it: the firmware's serial number in it is the server's number.
func cloudServer(n int, name string) inventory.Record {
	r := server(n)
	r.Name = name
	r.IDs = append(r.IDs, inventory.Identifier{Kind: "dmi-serial", Value: fmt.Sprintf("hetzner:%d", n)}, inventory.Identifier{Kind: "hostname", Value: name})
	return r
}

// onServer is the agent of an operating system on that server.
func onServer(agent string, n int, name, machine string) inventory.Record {
	r := host(agent, "agent-key", "key of "+agent, "machine-id", machine, "dmi-serial", fmt.Sprintf("hetzner:%d", n), "hostname", name)
	r.Name, r.Attrs["system.hostname"] = name, inventory.Text(name)
	return r
}

// one gives the only asset.
func (f *firm) one() inventory.Whole {
	f.t.Helper()
	list := f.assets()
	if len(list) != 1 {
		f.t.Fatalf("%d assets: %+v", len(list), list)
	}
	return f.show(string(list[0].ID))
}

func (f *firm) show(asset string) inventory.Whole {
	f.t.Helper()
	w, err := f.Show(f.t.Context(), asset)
	f.must(err)
	return w
}

func (f *firm) asked() (out []string) {
	f.t.Helper()
	list, err := f.Questions(f.t.Context())
	f.must(err)
	for _, q := range list {
		out = append(out, fmt.Sprintf("%s %s %s %s", q.Kind, q.Asset, q.Other, q.Detail))
	}
	return out
}

func TestARenamedHostKeepsItsAssetAndItsHistory(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.read("cloud", cloudServer(1, "web"))
	f.read("hosts", onServer("agt_1", 1, "web", "aaa"))
	was := f.one()
	_, n := f.differences(0)
	f.read("hosts", onServer("agt_1", 1, "shop", "aaa"))
	f.read("cloud", cloudServer(1, "shop"))
	is := f.one()
	if is.ID != was.ID || is.Name != "shop" || len(is.Records) != 2 || len(f.asked()) != 0 {
		t.Errorf("it was %s %s, it is %s %s of %d records; asked %q", was.ID, was.Name, is.ID, is.Name, len(is.Records), f.asked())
	}
	if list, _ := f.differences(n); !slices.Contains(list, "update agt_1 name web>shop") || !slices.Contains(list, "update 1 name web>shop") {
		t.Errorf("its history is %q", list)
	}
	f.whole()
}

func TestAServerMadeAgainUnderItsNameIsAnother(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.read("cloud", cloudServer(1, "web"))
	f.read("hosts", onServer("agt_1", 1, "web", "aaa"))
	old := f.one()
	f.read("cloud", cloudServer(2, "web"))
	f.read("cloud", cloudServer(2, "web"))
	f.read("hosts", onServer("agt_2", 2, "web", "bbb"))
	f.see["hosts"].scopes = []string{"agent/agt_1"} // its agent was ended
	f.read("hosts", onServer("agt_2", 2, "web", "bbb"))
	f.read("hosts", onServer("agt_2", 2, "web", "bbb"))
	list := f.assets()
	if len(list) != 2 || len(f.asked()) != 0 {
		t.Fatalf("assets %+v, asked %q", list, f.asked())
	}
	was, is := f.show(string(list[0].ID)), f.show(string(list[1].ID))
	if was.ID != old.ID || was.State != inventory.Missing || is.State != inventory.Present || len(was.Records) != 2 || len(is.Records) != 2 {
		t.Errorf("the first is %s %s of %d records, the second %s of %d", was.ID, was.State, len(was.Records), is.State, len(is.Records))
	}
	all, _ := f.differences(0)
	if !slices.ContainsFunc(all, func(s string) bool { return strings.HasPrefix(s, "delete 1 ") }) ||
		!slices.ContainsFunc(all, func(s string) bool { return strings.HasPrefix(s, "create 2 ") }) {
		t.Errorf("one going and one coming is %q", all)
	}
	f.whole()
}

func TestAServerSetUpAnewIsTheSameServerWithAnotherSystem(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.read("cloud", cloudServer(1, "web"))
	f.read("hosts", onServer("agt_1", 1, "web", "aaa"))
	was := f.one()
	f.see["hosts"].scopes = []string{"agent/agt_1"}
	f.read("hosts")
	f.read("hosts")
	f.see["hosts"].scopes = nil
	anew := onServer("agt_2", 1, "web", "bbb")
	anew.Attrs["os.name"] = inventory.Text("Debian 13")
	f.read("hosts", anew)
	is := f.one()
	if is.ID != was.ID || is.State != inventory.Present || is.Properties["os.name"].Value.Plain() != "Debian 13" || len(f.asked()) != 0 {
		t.Errorf("it was %s, it is %s, %s, with %s; asked %q", was.ID, is.ID, is.State, is.Properties["os.name"].Value.Plain(), f.asked())
	}
	living := 0
	for _, r := range is.Records {
		if r.Gone == 0 {
			living++
		}
	}
	if living != 2 || len(is.Records) != 3 {
		t.Errorf("%d of %d records live", living, len(is.Records))
	}
	f.whole()
}

// Nobody said that the first agent is ended: a copy could say the same of itself.
func TestASecondAgentOfOneServerIsAskedAbout(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.read("cloud", cloudServer(1, "web"))
	f.read("hosts", onServer("agt_1", 1, "web", "aaa"))
	f.read("hosts", onServer("agt_1", 1, "web", "aaa"), onServer("agt_2", 1, "web", "bbb"))
	if list := f.assets(); len(list) != 2 || len(f.asked()) != 1 || len(f.show(string(list[0].ID)).Records) != 2 {
		t.Errorf("assets %+v, asked %q", list, f.asked())
	}
	f.whole()
}

func TestTwoServersOfOneDiskAreTwoAndEachIsItsOwn(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.read("cloud", cloudServer(1, "web"), cloudServer(2, "web-copy"))
	f.read("hosts", onServer("agt_1", 1, "web", "aaa"))
	f.read("hosts", onServer("agt_1", 1, "web", "aaa"), onServer("agt_2", 2, "web", "aaa"))
	list := f.assets()
	if len(list) != 2 {
		t.Fatalf("assets %+v", list)
	}
	for _, a := range list {
		if w := f.show(string(a.ID)); len(w.Records) != 2 {
			t.Errorf("%s is of %d records", a.ID, len(w.Records))
		}
	}
	if q := f.asked(); len(q) != 1 || !strings.Contains(q[0], "a clone") {
		t.Errorf("asked %q", q)
	}
	f.whole()
}

func TestAHostEnrolledAgainIsTheSameWhereItsHardwareAgrees(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		board  string
		assets int
		asked  int
	}{"the same board": {"S1", 1, 0}, "another board": {"S2", 2, 1}} {
		f := found(t)
		f.read("hosts", host("agt_1", "agent-key", "k1", "machine-id", "aaa", "dmi-serial", "S1"))
		f.see["hosts"].scopes = []string{"agent/agt_1"}
		f.read("hosts")
		f.read("hosts")
		f.see["hosts"].scopes = nil
		f.read("hosts", host("agt_2", "agent-key", "k2", "machine-id", "aaa", "dmi-serial", x.board))
		if len(f.assets()) != x.assets || len(f.asked()) != x.asked {
			t.Errorf("%s: assets %+v, asked %q", name, f.assets(), f.asked())
		}
		f.whole()
	}
}

func TestADoubtIsAskedOnceAndNotAgainAfterItsAnswer(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.read("hosts", host("agt_1", "agent-key", "k1"))
	doubt := []inventory.Doubt{{Source: "hosts", Scope: "agent/agt_1", Type: "plumb_host", Native: "agt_1", Kind: "key_shared", Detail: "two machines"},
		{Source: "hosts", Scope: "agent/nobody", Type: "plumb_host", Native: "nobody", Kind: "key_shared", Detail: "not in the inventory"}}
	for range 3 {
		f.must(f.Raise(t.Context(), olga, doubt))
	}
	q, err := f.Questions(t.Context())
	f.must(err)
	if len(q) != 1 || q[0].Kind != "key_shared" || q[0].Asset != f.one().ID || q[0].Detail != "two machines" {
		t.Fatalf("asked %+v", q)
	}
	_, err = f.Answer(t.Context(), olga, q[0].ID)
	f.must(err)
	f.must(f.Raise(t.Context(), olga, doubt))
	if len(f.asked()) != 0 {
		t.Errorf("asked again: %q", f.asked())
	}
	f.whole()
}
