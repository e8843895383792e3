package inventory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory/diagram"
)

// Bounds of one diagram: of more nobody sees anything.
const (
	maxDrawn      = 2_000
	maxDrawnEdges = 20_000
)

// Slice says what a diagram is drawn of: its kind, and which of the assets; an empty member does not narrow.
type Slice struct {
	Kind           diagram.Kind `json:"kind"`
	Environment    string       `json:"environment,omitempty"`
	Classification string       `json:"classification,omitempty"`
	Owner          string       `json:"owner,omitempty"`
	Role           string       `json:"role,omitempty"`
}

// flags are the words by which a command names this slice: the kind and what narrows it.
func (s Slice) flags() string {
	text := string(s.Kind)
	for _, f := range []struct{ name, value string }{{"environment", s.Environment}, {"classification", s.Classification}, {"owner", s.Owner}, {"role", s.Role}} {
		switch {
		case f.value == "":
		case strings.ContainsFunc(f.value, func(r rune) bool { return !strings.ContainsRune(plainLetters, r) }):
			text += " --" + f.name + " '" + strings.ReplaceAll(f.value, "'", `'\''`) + "'"
		default:
			text += " --" + f.name + " " + f.value
		}
	}
	return text
}

// plainLetters need no quotes in a shell.
const plainLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@"

// clean refuses what no diagram can be drawn of. Labels are read as sources give them.
func (s *Slice) clean() error {
	if !slices.Contains(diagram.Kinds(), s.Kind) {
		return fault.New(fault.NotFound, "no_diagram", "There is no such kind of diagram.").FixedBy("you").Then("plumb diagram draw network")
	}
	f := Filter{Environment: s.Environment, Classification: s.Classification}
	if err := f.clean(); err != nil {
		return err
	}
	s.Environment, s.Classification = f.Environment, f.Classification
	if !plainText(s.Owner, 300, false) || !plainText(s.Role, 300, false) {
		return fault.New(fault.Invalid, "bad_filter", "An owner and a role are at most 300 bytes of text.").FixedBy("you").Then("plumb diagram draw --help")
	}
	return nil
}

// Drawn gives the living assets of a slice and how they hang together, in one state of the inventory, as a diagram shows it.
func (d *Desk) Drawn(ctx context.Context, s Slice) (g diagram.Graph, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		g, err = drawn(tx, &s)
		return err
	})
	return g, err
}

func drawn(tx *db.Tx, s *Slice) (g diagram.Graph, err error) {
	if err := s.clean(); err != nil {
		return g, err
	}
	newest, _, err := db.One(tx, scanDifference, differenceColumns+" ORDER BY n DESC LIMIT 1")
	if err != nil {
		return g, err
	}
	if g.Head = newest.N; newest.N > 0 {
		g.At = time.UnixMicro(newest.Latest).UTC()
	}
	g.Of = s.narrowed()
	text, args := s.sql()
	list, err := db.Collect(tx, scanAsset, text, args...)
	if err != nil {
		return g, err
	}
	if len(list) > maxDrawn {
		return g, tooLarge("assets", maxDrawn)
	}
	ids := make([]string, len(list))
	for i, a := range list {
		ids[i] = string(a.ID)
		g.Nodes = append(g.Nodes, nodeOf(a))
	}
	edges, err := edgesFrom(tx, ids, nil, maxDrawnEdges)
	if err != nil {
		return g, err
	}
	mixed, err := mixedAmong(tx, g.Nodes, edges)
	if err != nil {
		return g, err
	}
	for i := range g.Nodes {
		g.Nodes[i].Mixed = mixed[g.Nodes[i].ID]
	}
	g.Edges = edges
	return diagram.Select(s.Kind, g), nil
}

func tooLarge(what string, most int) error {
	return fault.New(fault.TooLarge, "diagram_too_large", "More than %d %s cannot be drawn at once: nobody would see anything.", most, what).FixedBy("you").
		Then("plumb diagram draw network --environment prod --owner OWNER")
}

// nodeOf is an asset as diagrams show it.
func nodeOf(a Asset) diagram.Node {
	return diagram.Node{ID: string(a.ID), Name: a.Name, Class: string(a.Class), Environment: a.Label(LabelEnvironment),
		Classification: a.Label(LabelClassification), Tier: a.Label(LabelTier), Lacks: strings.Join(a.Unlabelled(), " ")}
}

// narrowed says what a slice is narrowed to.
func (s Slice) narrowed() string {
	var out []string
	for _, x := range [][2]string{{"environment", s.Environment}, {"classification", s.Classification}, {"owner", s.Owner}, {"role", s.Role}} {
		if x[1] != "" {
			out = append(out, x[0]+" "+x[1])
		}
	}
	return strings.Join(out, ", ")
}

// Words says what a slice draws, as people read it.
func (s Slice) Words() string {
	if of := s.narrowed(); of != "" {
		return string(s.Kind) + " of " + of
	}
	return string(s.Kind)
}

// sql selects what a diagram shows, one more than can be drawn. What code describes, and packages, are nobody's picture.
func (s Slice) sql() (string, []any) {
	var args []any
	text := strings.Builder{}
	text.WriteString(assetColumns + " WHERE state NOT IN ('merged', 'retired', 'missing') AND class ")
	add := func(condition string, v any) {
		args = append(args, v)
		fmt.Fprintf(&text, condition, len(args))
	}
	if classes := diagram.Classes(s.Kind); classes == nil {
		text.WriteString("NOT IN ('IaCResource', 'Package')")
	} else {
		text.WriteString(db.Among(&args, classes))
	}
	for _, part := range [][2]string{{"environment", s.Environment}, {"classification", s.Classification}, {"owner", s.Owner}, {"role", s.Role}} {
		if part[1] != "" {
			add(" AND "+part[0]+" = $%d", part[1])
		}
	}
	add(" ORDER BY n LIMIT $%d", maxDrawn+1)
	return text.String(), args
}

// pointer is an edge whose other end is still a name.
type pointer struct{ from, verb, kind, value string }

// edgesFrom gives the living edges that start at assets, of the verbs named or of all, to whatever asset answers to their other
// end; more than most are refused. What a name means is found by decisive and hardware identifiers and by records of the same source
// only, and where two living things answer to it, by none: a host name or an address may be anybody's.
func edgesFrom(tx *db.Tx, assets, verbs []string, most int) ([]diagram.Edge, error) {
	var list []pointer
	for part := range slices.Chunk(assets, db.AtOnce) {
		var args []any
		text := "SELECT r.asset, e.verb, e.to_kind, e.to_value FROM inventory_record r JOIN inventory_edge e ON e.record = r.id WHERE r.asset " +
			db.Among(&args, part) + " AND r.gone = 0 AND e.until = 0"
		if verbs != nil {
			text += " AND e.verb " + db.Among(&args, verbs)
		}
		args = append(args, most+1)
		some, err := db.Collect(tx, func(row db.Scanner) (p pointer, err error) { return p, row.Scan(&p.from, &p.verb, &p.kind, &p.value) },
			text+fmt.Sprintf(" ORDER BY r.asset, e.id LIMIT $%d", len(args)), args...)
		if err != nil {
			return nil, err
		}
		if list = append(list, some...); len(list) > most {
			return nil, tooLarge("relationships", most)
		}
	}
	to, err := meant(tx, list)
	if err != nil {
		return nil, err
	}
	var out []diagram.Edge
	for _, p := range list {
		if a := to[p.kind+" "+p.value]; a != "" && a != p.from {
			out = append(out, diagram.Edge{From: p.from, Verb: p.verb, To: a})
		}
	}
	return out, nil
}

// meant finds the assets that names mean, by "kind value"; a name that means two is left out.
func meant(tx *db.Tx, list []pointer) (map[string]string, error) {
	names := map[string][]string{} // what is asked for, by the kind of identifier or by the source of a record
	asked := map[string]bool{}
	for _, p := range list {
		id := Identifier{p.kind, p.value}
		group, value := p.kind, p.value
		switch {
		case p.kind == "record":
			source, rest, _ := strings.Cut(p.value, "/")
			_, value, _ = strings.Cut(rest, "/")
			group = "record " + source
		case id.Strength() < Hardware || id.filler():
			continue
		}
		if !asked[group+" "+value] {
			asked[group+" "+value] = true
			names[group] = append(names[group], value)
		}
	}
	found := map[string]string{}
	for _, group := range slices.Sorted(maps.Keys(names)) {
		for part := range slices.Chunk(names[group], db.AtOnce) {
			if err := answerTo(tx, group, part, found); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// answerTo looks up names of one group.
func answerTo(tx *db.Tx, group string, values []string, found map[string]string) error {
	var args []any
	source, byRecord := strings.CutPrefix(group, "record ")
	of := db.Among(&args, values)
	text := "SELECT 'record', source || '/' || type || '/' || native, asset FROM inventory_record WHERE gone = 0 AND native " + of + " AND source = "
	if !byRecord {
		source = group
		text = "SELECT i.kind, i.value, r.asset FROM inventory_identifier i JOIN inventory_record r ON r.id = i.record WHERE i.until = 0 AND r.gone = 0 AND i.value " + of +
			" AND i.kind = "
	}
	args = append(args, source)
	list, err := db.Collect(tx, func(row db.Scanner) (p pointer, err error) { return p, row.Scan(&p.kind, &p.value, &p.from) },
		text+fmt.Sprintf("$%d", len(args)), args...)
	for _, p := range list {
		name := p.kind + " " + p.value
		if was, ok := found[name]; ok && was != p.from {
			p.from = "" // two things answer to it
		}
		found[name] = p.from
	}
	return err
}

// mixedAmong says which of the hosts and containers among nodes bear both tiers. What runs on them need not be among the nodes.
func mixedAmong(tx *db.Tx, nodes []diagram.Node, edges []diagram.Edge) (map[string]bool, error) {
	g, err := runningOn(tx, nodes, edges)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, n := range diagram.Mixed(g) {
		out[n.ID] = true
	}
	return out, nil
}

// runningOn gives the hosts and containers among nodes with what runs on them, which need not be among the nodes.
func runningOn(tx *db.Tx, nodes []diagram.Node, edges []diagram.Edge) (g diagram.Graph, err error) {
	known, more := map[string]diagram.Node{}, []string{}
	for _, n := range nodes {
		known[n.ID] = n
		if diagram.Bears(n.Class) {
			g.Nodes = append(g.Nodes, n)
		}
	}
	for _, e := range edges {
		if !diagram.Runs(e.Verb) || !diagram.Bears(known[e.From].Class) {
			continue
		}
		g.Edges = append(g.Edges, e)
		if n, ok := known[e.To]; !ok {
			more = append(more, e.To)
		} else if !diagram.Bears(n.Class) {
			g.Nodes = append(g.Nodes, n)
		}
	}
	slices.Sort(more)
	list, err := livingAssets(tx, slices.Compact(more))
	for _, a := range list {
		g.Nodes = append(g.Nodes, nodeOf(a))
	}
	return g, err
}

// livingAssets gives those of the assets that are there.
func livingAssets(tx *db.Tx, ids []string) (out []Asset, err error) {
	for part := range slices.Chunk(ids, db.AtOnce) {
		var args []any
		text := assetColumns + " WHERE id " + db.Among(&args, part) + " AND state NOT IN ('merged', 'retired', 'missing')"
		list, err := db.Collect(tx, scanAsset, text, args...)
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	return out, nil
}
