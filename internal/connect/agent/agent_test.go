package agent_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/connect/agent"
	"plumbline.dev/plumb/internal/connect/connecttest"
	"plumbline.dev/plumb/internal/fleet"
	"plumbline.dev/plumb/internal/wire"
)

// hosts are what two agents told.
type hosts map[string]wire.Facts

func (h hosts) Facts(_ context.Context, id string) (fleet.Told, error) {
	return fleet.Told{Agent: fleet.Agent{ID: id, Key: "key-" + id, Name: id}, Root: h[id].Root(), Facts: h[id]}, nil
}

// One host cannot stop the reading of all by what it calls itself.
func TestAHostWithNamesTooLongCostsOnlyItsNames(t *testing.T) {
	t.Parallel()
	long := jsontext.Value(`"` + strings.Repeat("h", 1100) + `"`)
	h := hosts{"agt_a": {"system.hostname": long, "system.machine-id": long, "system.fqdn": long},
		"agt_b": {"system.hostname": jsontext.Value(`"good"`), "system.machine-id": jsontext.Value(`"C0FFEE"`)}}
	records := connecttest.Collect(t, agent.Kind(h), nil, strings.NewReader(
		`{"agent":"agt_a","root":"r","seen":1}`+"\n"+`{"agent":"agt_b","root":"r","seen":1}`+"\n"))
	if len(records) != 2 || records[0].Name != "agt_a" || len(records[0].IDs) != 1 || records[1].Name != "good" || len(records[1].IDs) != 3 {
		t.Errorf("records %+v", records)
	}
	for _, r := range records {
		for _, id := range r.IDs {
			if len(id.Value) > 255 {
				t.Errorf("%s has an identifier of %d bytes", r.Name, len(id.Value))
			}
		}
	}
}

// One host cannot stop the reading of all by how much it says: its facts and what changes by itself have a bound each, and a record has one
// for both.
func TestAHostThatSaysTooMuchCostsOnlyWhatChangesByItself(t *testing.T) {
	t.Parallel()
	for _, n := range []int{10, wire.MaxFacts} {
		facts, last := wire.Facts{}, wire.Facts{}
		for i := range n {
			facts[fmt.Sprint("f", i)], last[fmt.Sprint("l", i)] = jsontext.Value("1"), jsontext.Value("1")
		}
		r := connecttest.Collect(t, agent.Kind(talkative{facts, last}), nil, strings.NewReader(`{"agent":"agt_a","root":"r","seen":1}`))[0]
		if len(r.Attrs) != n || n == 10 && len(r.Volatile) != 11 {
			t.Errorf("of %d facts and as many that change by themselves, %d and %d are left", n, len(r.Attrs), len(r.Volatile))
		}
	}
}

// talkative is a host with facts and what changes by itself.
type talkative [2]wire.Facts

func (h talkative) Facts(_ context.Context, id string) (fleet.Told, error) {
	return fleet.Told{Agent: fleet.Agent{ID: id, Key: "key", Name: id}, Root: h[0].Root(), Facts: h[0], Last: h[1]}, nil
}
