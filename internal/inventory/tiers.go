package inventory

import (
	"slices"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory/diagram"
)

// TierMix is a host or container that bears frontend and backend both.
type TierMix struct {
	Asset Asset
	Parts []diagram.Node // what is frontend or backend there, itself too where it is labelled so: backend first, then by id
}

// mayMoveTier is the rule for a tier that stands: what keeps frontend and backend apart in production moves only by an approved change, of what
// runs there as well, whatever that is labelled itself.
func (d *Desk) mayMoveTier(tx *db.Tx, a Asset, value, change string) error {
	if change != "" {
		return d.named(tx, a, LabelTier, value, change)
	}
	bears, err := runInProduction(tx, a)
	if err != nil || !bears {
		return err
	}
	return fault.New(fault.Denied, "tier_by_change", "The tier of what is production, or runs there, moves only by an approved change.").About(string(a.ID)).
		Because("tier", "frontend and backend apart in production").FixedBy("whoever looks after the asset").
		Then("plumb change new --category configuration --effect \"%[1]s label.tier update %[2]s\" …; once it is approved: plumb asset label %[1]s tier=%[2]s --change CHANGE --reason \"…\"", a.ID, value)
}

// runInProduction reports whether an asset counts as production, or something that runs it does.
func runInProduction(tx *db.Tx, a Asset) (bool, error) {
	if a.produces() {
		return true, nil
	}
	edges, err := edgesOf(tx, a.ID)
	if err != nil {
		return false, err
	}
	for _, e := range edges {
		if !e.Inward || e.Until != 0 || e.Asset == "" || !diagram.Runs(e.Verb) {
			continue
		}
		if on, err := loadAsset(tx, e.Asset); err != nil || on.produces() {
			return err == nil, err
		}
	}
	return false, nil
}

// produces reports whether an asset counts as production: what is neither a test nor development.
func (a Asset) produces() bool {
	return !slices.Contains([]string{"dev", "test"}, a.Label(LabelEnvironment))
}

// running are the verbs of diagram.Runs, as SQL and as a list.
var running = []string{"HOSTS", "RUNS"}

// TierMoves gives the differences after number n that can make or end a mix of tiers, the oldest first and each once by its asset, and
// the number up to which it read; more says that there may be others behind it.
func TierMoves(tx *db.Tx, after int64, limit int) (assets []AssetID, last int64, more bool, err error) {
	type move struct {
		n     int64
		asset AssetID
	}
	if last, err = NewestDifference(tx); err != nil || last <= after {
		return nil, last, false, err
	}
	list, err := db.Collect(tx, func(row db.Scanner) (m move, err error) { return m, row.Scan(&m.n, &m.asset) },
		"SELECT n, asset FROM inventory_difference WHERE n > $1 AND n <= $2 AND path IN ('', 'class', 'identifiers', 'edges.HOSTS', 'edges.RUNS',"+
			" 'label.tier', 'label.environment') ORDER BY n LIMIT $3", after, last, limit)
	for _, m := range list {
		if !slices.Contains(assets, m.asset) {
			assets = append(assets, m.asset)
		}
	}
	if more = len(list) == limit; more {
		last = list[limit-1].n
	}
	return assets, last, more, err
}

// NewestDifference is the number of the newest difference, 0 where there is none.
func NewestDifference(tx *db.Tx) (int64, error) {
	n, _, err := db.One(tx, func(row db.Scanner) (n int64, err error) { return n, row.Scan(&n) }, "SELECT COALESCE(MAX(n), 0) FROM inventory_difference")
	return n, err
}

// Runners gives every asset that is said to run something now, sorted.
func Runners(tx *db.Tx) ([]AssetID, error) {
	var args []any
	return db.Collect(tx, scanAssetID, "SELECT DISTINCT r.asset FROM inventory_edge e JOIN inventory_record r ON r.id = e.record WHERE e.verb "+
		db.Among(&args, running)+" AND e.until = 0 AND r.gone = 0 ORDER BY r.asset", args...)
}

func scanAssetID(row db.Scanner) (id AssetID, err error) { return id, row.Scan(&id) }

// RunnersOf gives what may bear a tier because of these assets: themselves, and what is said to run them where they are of a tier. Sorted.
func RunnersOf(tx *db.Tx, ids []AssetID) ([]AssetID, error) {
	list, err := livingAssets(tx, plainIDs(ids))
	if err != nil {
		return nil, err
	}
	var out []AssetID
	for _, a := range list {
		if diagram.Bears(string(a.Class)) {
			out = append(out, a.ID)
		}
		if tier := a.Label(LabelTier); tier != "frontend" && tier != "backend" {
			continue
		}
		edges, err := edgesOf(tx, a.ID)
		if err != nil {
			return nil, err
		}
		for _, e := range edges {
			if e.Inward && e.Until == 0 && e.Asset != "" && diagram.Runs(e.Verb) {
				out = append(out, e.Asset)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// TierMixes gives those of the assets that bear frontend and backend both now, by id. What is missing, retired or merged bears nothing.
func TierMixes(tx *db.Tx, ids []AssetID) ([]TierMix, error) {
	bearers, err := livingAssets(tx, plainIDs(ids))
	if err != nil {
		return nil, err
	}
	nodes, of := []diagram.Node{}, map[string]Asset{}
	var named []string
	for _, a := range bearers {
		if diagram.Bears(string(a.Class)) {
			nodes, named, of[string(a.ID)] = append(nodes, nodeOf(a)), append(named, string(a.ID)), a
		}
	}
	edges, err := runningEdges(tx, named)
	if err != nil {
		return nil, err
	}
	g, err := runningOn(tx, nodes, edges)
	if err != nil {
		return nil, err
	}
	parts := diagram.Parts(g)
	var out []TierMix
	for _, n := range diagram.Mixed(g) {
		out = append(out, TierMix{Asset: of[n.ID], Parts: parts[n.ID]})
	}
	return out, nil
}

// runningEdges gives what assets run. A diagram has a bound, a rule has none: where several run more than is read at once, each is
// asked alone.
func runningEdges(tx *db.Tx, assets []string) ([]diagram.Edge, error) {
	edges, err := edgesFrom(tx, assets, running, maxDrawnEdges)
	if !fault.Is(err, "diagram_too_large") {
		return edges, err
	}
	var out []diagram.Edge
	for _, id := range assets {
		edges, err := edgesFrom(tx, []string{id}, running, maxRunning)
		if err != nil {
			return nil, err
		}
		out = append(out, edges...)
	}
	return out, nil
}

// maxRunning bounds what one asset is read to run: a hundred records of it, each as long as a record may be.
const maxRunning = 100 * maxEdges

func plainIDs(ids []AssetID) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = string(id)
	}
	return out
}
