// Package salt reads what Salt says of its minions: their grains, and the results of their states, applied or only tested.
// It speaks to no Salt master and decides nothing about what a run changed.
package salt

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/connect/document"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// Types of the records. The minion is the program and not its host: of the host it knows a name, and the grains know the rest.
const (
	hostType   = "salt_host"
	minionType = "salt_minion"
	slsType    = "salt_sls"
	stateType  = "salt_state"
)

// mostStates bounds the states of one minion.
const mostStates = 100_000

// Kind describes the source. A document speaks of the minions that were asked, so nothing is absent because it is not in it.
func Kind() inventory.Kind {
	return inventory.Kind{
		Name: "salt", Title: "Salt (grains, states)", Mapper: 1, Push: true,
		Rules: []inventory.AttrRule{
			{Type: minionType, Path: "managed.*", Kind: inventory.State},
			{Type: slsType, Path: "failed", Kind: inventory.State},
			{Type: stateType, Path: "status", Kind: inventory.State},
			{Type: stateType, Path: "action", Kind: inventory.State},
			{Type: stateType, Path: "sls", Kind: inventory.State},
		},
		Open: func(in inventory.Input) (inventory.Source, error) { return &results{in: in, mask: in.Mask}, nil },
	}
}

type results struct {
	in     inventory.Input
	mask   document.Masker
	silent int // minions of which there is no result
	named  map[string]bool
}

// job is what the wrapping of a result says of the run.
type job struct {
	id   string // jid
	fun  string
	test bool // nothing was applied
}

// Collect implements inventory.Source. Minions without a result fail the reading after the others were kept: a fleet in which
// one minion cannot render its states is still read.
func (m *results) Collect(ctx context.Context, emit func(inventory.Record) error) error {
	doc, err := document.Read(m.in.Document)
	if err != nil {
		return err
	}
	m.named = map[string]bool{}
	records, err := m.read(doc)
	if err != nil {
		return err
	}
	if err := document.Emit(ctx, records, emit); err != nil {
		return err
	}
	if m.silent > 0 {
		return fault.New(fault.Invalid, "no_result", "Salt gave no result of %d minions: they did not answer, or their states could not be rendered.", m.silent).
			FixedBy("whoever looks after the states").Then("mend the states and run them again; what was said of other minions is kept")
	}
	return nil
}

// read tells the forms apart: an event of Salt's bus, what a returner is given, the grains of one minion, or a map of minions.
func (m *results) read(doc document.Object) ([]inventory.Record, error) {
	if data := doc.Object("data"); doc.Text("tag") != "" && data != nil {
		doc = data
	}
	if _, wrapped := doc["return"]; wrapped && doc.Text("fun") != "" {
		return m.minion(doc.Text("id"), doc["return"], job{doc.Text("jid"), doc.Text("fun"), tested(doc.List("fun_args"))})
	}
	if isGrains(doc) {
		return m.host(doc)
	}
	if len(doc) == 0 {
		return nil, connect.BadDocument("there is no minion in it")
	}
	var out []inventory.Record
	for _, name := range slices.Sorted(maps.Keys(doc)) {
		records, err := m.minion(name, doc[name], job{})
		if err != nil {
			return nil, err
		}
		out = append(out, records...)
	}
	return out, nil
}

// tested reports whether a run was asked to apply nothing; arguments are words, or objects of named ones.
func tested(args []jsontext.Value) bool {
	return slices.ContainsFunc(args, func(v jsontext.Value) bool {
		return strings.EqualFold(document.AsText(v), "test=true") || document.AsObject(v).Text("test") == "true"
	})
}

// minion reads the result of one minion. A list is what Salt gives instead of states that it could not render, and a text or
// false stands for no answer; their words may hold what was rendered and are not kept.
func (m *results) minion(name string, v jsontext.Value, j job) ([]inventory.Record, error) {
	o := document.AsObject(v)
	if full, ok := o["ret"]; ok && o.Text("jid") != "" { // the form of full returns
		v, j.id = full, o.Text("jid")
		o = document.AsObject(v)
	}
	switch {
	case v.Kind() != '{':
		m.silent++
		return nil, nil
	case isGrains(o):
		return m.host(o)
	case len(o) > mostStates:
		return nil, connect.BadDocument("a minion has more than 100000 states")
	case name == "" || name == "local":
		return nil, connect.BadDocument("it does not name the minion; what salt-call prints calls every minion local")
	}
	states, err := parseStates(o)
	if err != nil {
		return nil, err
	}
	return m.states(name, states, j)
}

// record begins a record of a minion.
func (m *results) record(typ string, class inventory.Class, minion, native, name string) inventory.Record {
	return inventory.Record{Scope: "minion/" + minion, Type: typ, Class: class, Native: native, Name: name,
		Attrs: map[string]inventory.Value{}, Volatile: map[string]inventory.Value{}}
}

// once refuses a second result of one minion: it could not be told which counts.
func (m *results) once(typ, minion string) error {
	if m.named[typ+"/"+minion] {
		return connect.BadDocument("it speaks of one minion twice")
	}
	m.named[typ+"/"+minion] = true
	return nil
}
