package inventory_test

import (
	"fmt"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/inventory/diagram"
	"plumbline.dev/plumb/internal/ledger"
)

var nils = fault.Actor{Person: "per_nils", Account: "acc_nils", Kind: fault.Human, Authn: fault.Session, Source: "api"}

var network = inventory.Slice{Kind: diagram.Network}

// wired is a network with a host on it, which is not labelled.
func wired(more ...inventory.Record) []inventory.Record {
	lan := inventory.Record{Scope: "project", Type: "hcloud_network", Class: inventory.Network, Native: "lan", Name: "lan",
		Labels: map[string]string{"environment": "prod", "classification": "internal", "owner": "ops"},
		Edges:  []inventory.Link{{Verb: "HAS", To: inventory.ByRecord("hcloud_server", "1")}}}
	return append([]inventory.Record{lan, server(1)}, more...)
}

func (f *firm) drawn(s inventory.Slice) diagram.Graph {
	f.t.Helper()
	g, err := f.Drawn(f.t.Context(), s)
	f.must(err)
	return g
}

func (f *firm) refused(err error, code string) {
	f.t.Helper()
	if !fault.Is(err, code) {
		f.t.Errorf("got %v, want %s", err, code)
	}
}

// events counts those of one verb in the ledger.
func (f *firm) events(verb string) (n int64) {
	f.t.Helper()
	f.must(f.db.View(f.t.Context(), func(tx *db.Tx) (err error) {
		n, _, err = db.One(tx, func(row db.Scanner) (n int64, err error) { return n, row.Scan(&n) }, "SELECT COUNT(*) FROM ledger_event WHERE verb = $1", verb)
		return err
	}))
	return n
}

// One person proposes what is drawn, another approves exactly that, and when production moves on it is stale and says since when.
func TestADiagramOfRecordIsApprovedByAnotherAndTurnsStale(t *testing.T) {
	t.Parallel()
	f, ctx := found(t), t.Context()
	f.read("cloud", wired()...)
	seen := f.drawn(network).Digest(diagram.Network)
	_, err := f.ProposeDiagram(ctx, olga, network, "sha256:other", "")
	f.refused(err, "diagram_unseen")
	v, err := f.ProposeDiagram(ctx, olga, network, seen, "for the audit")
	f.must(err)
	if v.ID != "DGM-000001" || v.State != inventory.DiagramProposed || v.Nodes != 2 || v.Edges != 1 || v.Covered != 1 {
		t.Errorf("%+v", v)
	}
	_, err = f.ProposeDiagram(ctx, nils, network, seen, "")
	f.refused(err, "diagram_waits")
	_, err = f.ApproveDiagram(ctx, olga, v.ID, seen, "")
	f.refused(err, "own_diagram")
	_, err = f.ApproveDiagram(ctx, nils, v.ID, "sha256:other", "")
	f.refused(err, "diagram_unseen")
	_, err = f.ApproveDiagram(ctx, nils, "DGM-000009", seen, "")
	f.refused(err, "no_diagram")
	v, err = f.ApproveDiagram(ctx, nils, "dgm-1", seen, "as built")
	f.must(err)
	if v.State != inventory.DiagramApproved || v.Decider != nils.Person || v.Moved != nil {
		t.Errorf("%+v", v)
	}
	_, err = f.ApproveDiagram(ctx, nils, v.ID, seen, "")
	f.refused(err, "diagram_decided")

	f.read("cloud", wired()...) // nothing new
	f.must(f.WatchDiagrams(ctx))
	v, old, err := f.DiagramOf(ctx, v.ID)
	f.must(err)
	if v.Moved != nil || v.Stale != 0 || old.Digest(diagram.Network) != seen {
		t.Errorf("a reading without news made it stale: %+v", v.Moved)
	}
	renamed := wired(server(2))
	renamed[1].Name = "edge"
	f.read("cloud", renamed...)
	moved := f.clock.Now().UnixMicro()
	f.read("cloud", renamed...)
	v, old, err = f.DiagramOf(ctx, v.ID)
	f.must(err)
	if v.Moved == nil || v.Moved.Since != moved || len(v.Moved.Came) != 1 || !strings.Contains(v.Moved.Came[0], "web-2") ||
		len(v.Moved.Other) != 1 || !strings.Contains(v.Moved.Other[0], `name "edge" was "web-1"`) || v.Moved.Now != f.drawn(network).Digest(diagram.Network) {
		t.Errorf("moved since %d: %+v", moved, v.Moved)
	}
	if old.Digest(diagram.Network) != seen || !strings.Contains(diagram.DOT(diagram.Network, old), "web-1") {
		t.Error("what was approved is not what is given")
	}
	events := f.events("diagram.outdated")
	f.must(f.WatchDiagrams(ctx))
	f.must(f.WatchDiagrams(ctx))
	if n := f.events("diagram.outdated") - events; n != 1 {
		t.Errorf("%d events say that it turned stale, want 1", n)
	}
	renamed[1].Name = "web-1"
	f.read("cloud", renamed[:2]...)
	f.read("cloud", renamed[:2]...) // two readings without it: it is missing
	f.must(f.WatchDiagrams(ctx))
	if v, _, err = f.DiagramOf(ctx, v.ID); err != nil || v.Moved != nil || f.events("diagram.restored") != 1 {
		t.Errorf("production is as approved again, and it says %+v, %v", v.Moved, err)
	}
	f.whole()
}

func TestAProposalThatProductionLeftBehindIsNotApproved(t *testing.T) {
	t.Parallel()
	f, ctx := found(t), t.Context()
	prod := inventory.Slice{Kind: diagram.Network, Environment: "prod"}
	_, err := f.ProposeDiagram(ctx, olga, network, f.drawn(network).Digest(diagram.Network), "")
	f.refused(err, "nothing_drawn")
	f.read("cloud", wired()...)
	first, err := f.ProposeDiagram(ctx, olga, prod, f.drawn(prod).Digest(diagram.Network), "")
	f.must(err)
	f.read("cloud", wired(server(2))...)
	_, err = f.ApproveDiagram(ctx, nils, first.ID, first.Digest, "")
	f.refused(err, "diagram_moved")
	if next := fault.Of(err).Next; !strings.Contains(next, "plumb diagram propose network --environment prod") {
		t.Errorf("the next step loses the slice: %q", next)
	}
	_, err = f.RefuseDiagram(ctx, nils, first.ID, " ")
	f.refused(err, "no_reason")
	first, err = f.RefuseDiagram(ctx, olga, first.ID, "")
	f.must(err)
	if first.State != inventory.DiagramWithdrawn {
		t.Errorf("who proposed it made it %s", first.State)
	}
	for range 2 {
		v, err := f.ProposeDiagram(ctx, olga, network, f.drawn(network).Digest(diagram.Network), "")
		f.must(err)
		_, err = f.ApproveDiagram(ctx, nils, v.ID, v.Digest, "")
		f.must(err)
	}
	other, err := f.ProposeDiagram(ctx, nils, inventory.Slice{Kind: diagram.Network, Environment: "production"}, f.drawn(inventory.Slice{Kind: diagram.Network, Environment: "prod"}).Digest(diagram.Network), "")
	f.must(err)
	_, err = f.RefuseDiagram(ctx, olga, other.ID, "the firewall is not on it")
	f.must(err)
	list, err := f.Diagrams(ctx, 0, 10)
	f.must(err)
	var states []string
	for _, v := range list {
		states = append(states, string(v.State))
	}
	if got := strings.Join(states, " "); got != "refused approved superseded withdrawn" {
		t.Errorf("the history says %s", got)
	}
	if of, err := f.DiagramsOf(ctx, network); err != nil || len(of) != 2 {
		t.Errorf("%d of the whole network, %v", len(of), err)
	}
	robot := fault.Actor{Person: "per_x", Account: "acc_x", Kind: fault.Service, Authn: fault.Token}
	_, err = f.ProposeDiagram(ctx, robot, network, "", "")
	f.refused(err, "not_a_person")
}

// A host name or an address may be anybody's: only what identifies joins a picture.
func TestOnlyStrongNamesJoinADiagram(t *testing.T) {
	t.Parallel()
	f := found(t)
	a, b, c := server(1), server(2), server(3)
	b.IDs = append(b.IDs, inventory.Identifier{Kind: "hostname", Value: "b"}, inventory.Identifier{Kind: "chassis-id", Value: "twin"})
	c.IDs = append(c.IDs, inventory.Identifier{Kind: "chassis-id", Value: "twin"})
	a.Edges = []inventory.Link{{Verb: "USES", To: inventory.Identifier{Kind: "hostname", Value: "b"}}, {Verb: "CONNECTS", To: inventory.Identifier{Kind: "chassis-id", Value: "twin"}},
		{Verb: "TRUSTS", To: inventory.Identifier{Kind: "cloud-id", Value: "hcloud:server:3"}}, {Verb: "LOGS", To: inventory.ByRecord("hcloud_server", "2")}}
	f.read("cloud", a, b, c)
	var got []string
	for _, e := range f.drawn(network).Edges {
		got = append(got, e.Verb)
	}
	if want := "LOGS TRUSTS"; strings.Join(got, " ") != want {
		t.Errorf("drawn are %v, want %s: a host name joins nothing, nor what two answer to", got, want)
	}
}

func TestAHostThatRunsBothTiersIsMarkedInTheNetwork(t *testing.T) {
	t.Parallel()
	f := found(t)
	app := func(name, tier string) inventory.Record {
		return inventory.Record{Scope: "project", Type: "app", Class: inventory.Application, Native: name, Name: name, Labels: map[string]string{"tier": tier}}
	}
	both := server(1)
	both.Edges = []inventory.Link{{Verb: "RUNS", To: inventory.ByRecord("app", "shop")}, {Verb: "RUNS", To: inventory.ByRecord("app", "billing")}}
	f.read("cloud", both, server(2), app("shop", "frontend"), app("billing", "backend"))
	g := f.drawn(network)
	if len(g.Nodes) != 2 || !g.Nodes[0].Mixed || g.Nodes[1].Mixed {
		t.Errorf("the network shows %+v", g.Nodes)
	}
}

func TestADiagramCountsWhatItShowsAndHasABound(t *testing.T) {
	t.Parallel()
	f := found(t)
	var all []inventory.Record
	for n := range 2_100 {
		r := server(n)
		r.Labels = map[string]string{"environment": "test"}
		if n < 2_000 {
			r.Labels = map[string]string{"environment": "prod", "classification": "internal", "owner": "ops"}
		}
		if n > 0 {
			r.Edges = []inventory.Link{{Verb: "CONNECTS", To: inventory.Identifier{Kind: "cloud-id", Value: fmt.Sprintf("hcloud:server:%d", n/2)}}}
		}
		all = append(all, r)
	}
	f.read("cloud", all...)
	_, err := f.Drawn(t.Context(), network)
	f.refused(err, "diagram_too_large")
	g := f.drawn(inventory.Slice{Kind: diagram.Network, Environment: "prod"})
	text := diagram.SVG(diagram.Network, g)
	if len(g.Nodes) != 2_000 || len(g.Edges) != 1_999 || !strings.Contains(text, "2000 of 2000 assets fully labelled") {
		t.Errorf("%d nodes, %d edges: %.300s", len(g.Nodes), len(g.Edges), text)
	}
	if text != diagram.SVG(diagram.Network, f.drawn(inventory.Slice{Kind: diagram.Network, Environment: "prod"})) {
		t.Error("the same state of the inventory is drawn otherwise a second time")
	}
	_, err = f.Drawn(t.Context(), inventory.Slice{Kind: "tree"})
	f.refused(err, "no_diagram")
	_, err = f.Drawn(t.Context(), inventory.Slice{Kind: diagram.Network, Environment: "moon"})
	f.refused(err, "bad_filter")
}

// One diagram of record that cannot be looked at keeps the loop from no other, and more than are read at once are all watched.
func TestEveryDiagramOfRecordIsWatched(t *testing.T) {
	t.Parallel()
	f, ctx := found(t), t.Context()
	const many = 104
	var records []inventory.Record
	for n := 1; n < many; n++ {
		r := wired()[0]
		r.Native, r.Name = fmt.Sprint("lan", n), fmt.Sprint("lan", n)
		r.Labels = map[string]string{"environment": "prod", "owner": fmt.Sprintf("team-%d", n)}
		records = append(records, r)
	}
	f.read("cloud", records...)
	var last inventory.DiagramView
	for n := 1; n < many; n++ {
		s := inventory.Slice{Kind: diagram.Network, Owner: fmt.Sprintf("team-%d", n)}
		v, err := f.ProposeDiagram(ctx, olga, s, f.drawn(s).Digest(diagram.Network), "")
		f.must(err)
		last, err = f.ApproveDiagram(ctx, nils, v.ID, v.Digest, "")
		f.must(err)
	}
	f.must(f.db.Update(ctx, olga, func(tx *db.Tx) error {
		if _, err := tx.Exec("UPDATE inventory_diagram_graph SET body = $1 WHERE id = $2", "{", "DGM-000001"); err != nil {
			return err
		}
		_, err := ledger.Append(tx, ledger.Event{Verb: "test.broken", Type: "diagram", Object: "DGM-000001"})
		return err
	}))
	for i := range records {
		records[i].Name += "-renamed"
	}
	f.read("cloud", records...)
	if err := f.WatchDiagrams(ctx); err == nil || !strings.Contains(err.Error(), "DGM-000001") {
		t.Errorf("the broken one is told as %v", err)
	}
	if n := f.events("diagram.outdated"); n != many-2 {
		t.Errorf("%d diagrams were noted as stale, want %d", n, many-2)
	}
	if v, _, err := f.DiagramOf(ctx, last.ID); err != nil || v.Stale == 0 {
		t.Errorf("the last one is %+v, %v", v.Diagram, err)
	}
}
