package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/reconcile"
)

// Sizes of the matching: each charter is one change that ran, with its claims and their receipts.
const (
	manyCharters     = 5_000
	claimsOfCharter  = 20
	manyDifferences  = 10_000
	runLength        = int64(10 * time.Minute / time.Microsecond)
	betweenRuns      = int64(time.Hour / time.Microsecond)
	oneOfSo          = 5 // so many differences have one that nobody approved
	afterItsRun      = int64(time.Minute / time.Microsecond)
	workspace        = "5c1a/default"
	approved, edited = "cx32", "cx52"
)

// claimKey is what the twin joins by.
type claimKey struct{ address, path string }

type claimSpan struct {
	from, to int64
	after    inventory.Value
}

// benchJudge: observed differences against the claims of changes that ran, of a hash join of the same in memory that asks for place,
// time and value. Both build what they look things up in.
func benchJudge(_ context.Context, e *env) ([]goal, error) {
	charters := chartered()
	list, places, wrong := observed(charters)
	var ratios []float64
	rates := map[string]float64{}
	for range e.rounds {
		began := time.Now()
		missed := joined(charters, list)
		twin := time.Since(began)
		began = time.Now()
		raised := judged(charters, list, places)
		ours := time.Since(began)
		if missed != wrong || raised != wrong {
			return nil, fmt.Errorf("%d differences are nobody's; the twin found %d, ours %d", wrong, missed, raised)
		}
		ratios = append(ratios, ours.Seconds()/twin.Seconds())
		rates["ours ms"], rates["twin ms"] = float64(ours.Milliseconds()), float64(twin.Milliseconds())
	}
	g := goal{ID: "P14", What: fmt.Sprintf("%d differences against %d claims, of a hash join in memory", manyDifferences, manyCharters*claimsOfCharter),
		Unit: "×", Bound: 4, Rates: rates}
	return []goal{g.over(ratios)}, nil
}

// chartered makes changes, one after the other, of which each set the type of some servers.
func chartered() []*reconcile.Charter {
	out := make([]*reconcile.Charter, manyCharters)
	for n := range out {
		change, rev := fmt.Sprintf("CHG-%06d", n+1), fmt.Sprintf("sha256:%064d", n)
		start := int64(n+1) * betweenRuns
		run := reconcile.Run{Permit: fmt.Sprintf("prm_%06d", n), Change: change, Rev: rev, Started: start, Ended: start + runLength, Executors: []string{"ivo"}}
		c := &reconcile.Charter{Change: change, N: int64(n + 1), Rev: rev, Environment: "prod", From: start, Until: start + 2*runLength}
		for i := range claimsOfCharter {
			address := fmt.Sprintf("module.shop[%d].hcloud_server.web[%d]", n%97, n*claimsOfCharter+i)
			c.Claims = append(c.Claims, reconcile.Claim{ID: fmt.Sprintf("%s.1#%d", change, i+1), Change: change, Rev: rev, Address: address, Lineage: "5c1a",
				Planned: true, Verb: "update", Path: "server_type", After: []inventory.Value{inventory.Text(approved)}})
			run.Receipts = append(run.Receipts, reconcile.Receipt{Address: address, Action: "update", Done: true, ID: fmt.Sprint(n*claimsOfCharter + i)})
		}
		c.Runs = []reconcile.Run{run}
		out[n] = c
	}
	return out
}

// observed makes what sources saw of it afterwards: the approved value, or another one.
func observed(charters []*reconcile.Charter) (list []inventory.Difference, places []reconcile.Place, wrong int) {
	random := rand.New(rand.NewPCG(7, 11)) //nolint:gosec // the same things every time
	for i := range manyDifferences {
		c := charters[random.IntN(len(charters))]
		k := c.Claims[random.IntN(len(c.Claims))]
		asset := inventory.AssetID(fmt.Sprintf("AST-%06d", i+1))
		d := inventory.Difference{ID: fmt.Sprintf("dif_%06d", i), N: int64(i + 1), Asset: asset, Record: fmt.Sprintf("rec_%06d", i), Source: "src_state", Type: "hcloud_server",
			Native: k.Address, Op: inventory.Updated, Path: k.Path, Kind: inventory.Config, Before: inventory.Text("cx22"), After: inventory.Text(approved),
			Earliest: c.Runs[0].Started - betweenRuns/2, Latest: c.Runs[0].Ended + afterItsRun}
		if i%oneOfSo == 0 {
			d.After = inventory.Text(edited)
			wrong++
		}
		list = append(list, d)
		places = append(places, reconcile.Place{Asset: asset, Class: inventory.IaCResource, Type: d.Type, Native: d.Native, Name: d.Native, Scope: workspace,
			Labels: map[string]string{"environment": "prod"}})
	}
	return list, places, wrong
}

// joined is the twin: how many differences find no claim.
func joined(charters []*reconcile.Charter, list []inventory.Difference) (missed int) {
	claims := make(map[claimKey][]claimSpan, len(charters)*claimsOfCharter)
	for _, c := range charters {
		for i := range c.Claims {
			k := claimKey{c.Claims[i].Address, c.Claims[i].Path}
			claims[k] = append(claims[k], claimSpan{c.Runs[0].Started, c.Runs[0].Ended, c.Claims[i].After[0]})
		}
	}
	for _, d := range list {
		found := false
		for _, s := range claims[claimKey{d.Native, d.Path}] {
			found = found || d.Latest > s.from && d.Earliest <= s.to && d.After == s.after
		}
		if !found {
			missed++
		}
	}
	return missed
}

func judged(charters []*reconcile.Charter, list []inventory.Difference, places []reconcile.Place) (raised int) {
	x := reconcile.NewIndex(charters, nil)
	rules := reconcile.Rules{Settle: 15 * time.Minute, Now: list[len(list)-1].Latest}
	for i, d := range list {
		v := reconcile.Decide(d, places[i], x, rules)
		x.Note(d, places[i], v)
		if !v.Disposition.Explains() {
			raised++
		}
	}
	return raised
}
