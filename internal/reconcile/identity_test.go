package reconcile_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/reconcile"
)

// row is one resource of a plan, whose address it has now, with what it does and what more the tool says of it.
func row(address, actions, more string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(address, "hcloud_server."), "[")
	return fmt.Sprintf(`{"address":%q,"mode":"managed","type":"hcloud_server","name":%q,"provider_name":"registry.terraform.io/hetznercloud/hcloud"%s,`+
		`"change":{"actions":[%s],"before":{"server_type":"cx22"},"after":{"server_type":"cx22"},"after_unknown":{},"before_sensitive":false,"after_sensitive":{}`, address, name, more, actions) + "}}"
}

// identityChange is an approved change whose plan has these rows.
func (f *firm) identityChange(rows ...string) change.Change {
	f.t.Helper()
	m := f.material(grow(99))
	m.Bindings[0] = f.bound(rows...)
	c, err := f.changes.File(f.t.Context(), f.as("ann"), m)
	f.must(err)
	return f.approve(c, m)
}

// readdress moves the code of a server to another address of the state.
func (f *firm) readdress(n int, to string) {
	key := fmt.Sprintf("hcloud:server:%d", n)
	r := f.see["state"].records[key]
	r.Native, r.Name = to, to
	f.see["state"].records[key] = r
}

func (f *firm) forget(n int) { delete(f.see["state"].records, fmt.Sprintf("hcloud:server:%d", n)) }

// ends gives what became of each effect, as verb, address and end, with the reasons of all.
func (f *firm) ends(c change.Change) (list []string, because string, r reconcile.Reconciliation) {
	f.t.Helper()
	r, err := f.Of(f.t.Context(), c.ID)
	f.must(err)
	for _, e := range r.Ends {
		list = append(list, strings.TrimSpace(e.Claim.Verb+" "+e.Claim.Address+" "+e.Claim.Path)+": "+e.End)
		because += e.Because + "\n"
	}
	slices.Sort(list)
	return list, because, r
}

func TestAMoveIsSeenByTheAddress(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.server(2, "prod", size("cx22"))
	f.observe(time.Hour)
	moved := row("hcloud_server.front", `"no-op"`, `,"previous_address":"hcloud_server.web[1]"`)
	larger := strings.Replace(row("hcloud_server.web[2]", `"update"`, `,"index":2`), `"after":{"server_type":"cx22"}`, `"after":{"server_type":"cx32"}`, 1)
	c := f.identityChange(moved, larger)
	p := f.open(c)
	f.readdress(1, "hcloud_server.front")
	f.set("state", 2, "server_type", text("cx32"))
	f.set("cloud", 2, "server_type", text("cx32"))
	f.later(2 * time.Minute)
	f.done(p, 2) // no tool reports a receipt of a move
	f.observe(time.Hour)
	f.observe(time.Hour)
	f.observe(time.Hour)
	if list := f.findings(); len(list) != 0 {
		t.Fatalf("findings %+v, want the move explained", list)
	}
	list, because, r := f.ends(c)
	want := []string{"forget hcloud_server.web[1]: observed", "import hcloud_server.front: observed", "update hcloud_server.web[2] server_type: observed"}
	if !slices.Equal(list, want) || !strings.Contains(because, "managed at hcloud_server.front now") || !strings.Contains(because, "web-1 is managed at hcloud_server.front") || !r.Closable {
		t.Errorf("ends %q because %s, closable %t; want %q", list, because, r.Closable, want)
	}
	f.whole()
}

func TestAnImportIsSeenByTheThingThatComesUnderManagement(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.server(9, "prod", size("cx22"))
	code := f.see["state"].records["hcloud:server:9"]
	f.forget(9)
	f.observe(time.Hour)
	c := f.identityChange(strings.Replace(row(address(9), `"no-op"`, `,"index":9`), `"change":{`, `"change":{"importing":{"id":"9"},`, 1))
	p := f.open(c)
	f.see["state"].records["hcloud:server:9"] = code
	f.later(2 * time.Minute)
	f.done(p)
	f.observe(time.Hour)
	f.observe(time.Hour)
	if list := f.findings(); len(list) != 0 {
		t.Fatalf("findings %+v, want the import explained", list)
	}
	list, because, r := f.ends(c)
	if want := []string{"import " + address(9) + ": observed"}; !slices.Equal(list, want) || !strings.Contains(because, "web-9 is managed at") || !r.Closable {
		t.Errorf("ends %q because %s, want %q", list, because, want)
	}
}

// An approved forget lets go of the code. Who destroys the thing at the same time has no permit for that.
func TestAForgetIsSeenByTheThingThatLivesOn(t *testing.T) {
	t.Parallel()
	for _, destroyed := range []bool{false, true} {
		f := found(t)
		f.server(1, "prod", size("cx22"))
		f.server(2, "prod", size("cx22"))
		f.observe(time.Hour)
		c := f.identityChange(row(address(1), `"forget"`, `,"index":1`))
		p := f.open(c)
		f.forget(1)
		if destroyed {
			delete(f.see["cloud"].records, "hcloud:server:1")
		}
		f.later(2 * time.Minute)
		f.done(p)
		f.observe(time.Hour)
		f.observe(time.Hour)
		f.observe(time.Hour)
		list, because, r := f.ends(c)
		found := f.findings()
		if !destroyed && (len(found) != 0 || !slices.Equal(list, []string{"forget " + address(1) + ": observed"}) || !strings.Contains(because, "became unmanaged: web-1 lives on")) {
			t.Errorf("ends %q because %s, findings %+v; want it observed", list, because, found)
		}
		if destroyed && (len(found) != 1 || found[0].Name != "web-1" || found[0].Op != inventory.Deleted || r.Closable) {
			t.Errorf("ends %q, findings %+v; want the destroyed server found", list, found)
		}
	}
}

// The state loses a resource without a permit: the thing lives on, and nobody's code looks after it.
func TestWhatBecameUnmanagedWithoutAPermitIsFound(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.server(2, "prod", size("cx22"))
	code := f.see["state"].records["hcloud:server:1"]
	code.Edges = append(code.Edges, inventory.Link{Verb: "DEPENDS_ON", To: inventory.Identifier{Kind: "cloud-id", Value: "hcloud:server:2"}}) // which it does not manage
	f.see["state"].records["hcloud:server:1"] = code
	f.observe(time.Hour)
	f.forget(1)
	f.readdress(2, "hcloud_server.front")
	f.observe(time.Hour)
	f.observe(time.Hour)
	notes := map[string]string{}
	for _, x := range f.findings() {
		notes[string(x.Op)+" "+x.Name] = x.Note
	}
	if len(notes) != 3 || notes["delete "+address(1)] != "became unmanaged: web-1 lives on" || notes["delete "+address(2)] != "managed at hcloud_server.front now" {
		t.Errorf("findings %+v, want the forgotten and the moved one, and what became of them", notes)
	}
	f.whole()
}

// An approved deletion, read once an hour by sources that take a thing for gone when two readings missed it.
func TestAnApprovedDeletionIsExplainedHoweverLateItIsSeen(t *testing.T) {
	t.Parallel()
	for _, only := range []bool{false, true} {
		f := found(t)
		f.server(1, "prod", size("cx22"))
		f.server(2, "prod", size("cx22"))
		f.observe(time.Hour)
		c := f.approved(planned{1, "delete", `{"server_type":"cx22"}`, `null`})
		p := f.open(c)
		f.forget(1)
		if !only {
			delete(f.see["cloud"].records, "hcloud:server:1")
		}
		f.later(2 * time.Minute)
		f.done(p, 1)
		f.observe(time.Hour)
		f.observe(time.Hour)
		f.observe(time.Hour)
		if list := f.findings(); len(list) != 0 {
			t.Errorf("findings %+v, want the deletion explained", list)
		}
		list, because, r := f.ends(c)
		end := reconcile.Observed
		if only { // the state lost it, and the server runs on
			end = reconcile.ObservedDifferently
		}
		if !slices.Equal(list, []string{"delete " + address(1) + ": " + end}) || r.Closable == only {
			t.Errorf("ends %q because %s, closable %t; want %s", list, because, r.Closable, end)
		}
	}
}
