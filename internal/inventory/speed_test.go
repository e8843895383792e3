package inventory_test

import (
	"fmt"
	"testing"

	"plumbline.dev/plumb/internal/inventory"
)

// BenchmarkReadChanged reads a fleet of hosts with three hundred properties each, of which three are others than before.
func BenchmarkReadChanged(b *testing.B) {
	const hosts, facts = 512, 300
	f := found(b)
	list := make([]inventory.Record, hosts)
	for i := range list {
		list[i] = server(i)
		for n := range facts {
			list[i].Attrs[fmt.Sprintf("package.name-%04d", n)] = inventory.Text(fmt.Sprintf("1.%d.%d-%d+deb12u1", n%17, i%13, n))
		}
	}
	f.read("cloud", list...)
	for round := 0; b.Loop(); round++ {
		for i := range list {
			for n := range 3 {
				list[i].Attrs[fmt.Sprintf("package.name-%04d", n)] = inventory.Text(fmt.Sprintf("2.%d.%d", round, n))
			}
		}
		if run := f.read("cloud", list...); run.Changed != hosts {
			b.Fatalf("run %+v", run)
		}
	}
}

// BenchmarkReadNew reads a table of things that were never seen.
func BenchmarkReadNew(b *testing.B) {
	const things = 5_000
	f := found(b)
	for round := 0; b.Loop(); round++ {
		list := make([]inventory.Record, things)
		for i := range list {
			list[i] = server(round*things + i)
			list[i].Scope, list[i].Labels = fmt.Sprint(round), map[string]string{"environment": "prod", "owner": "ops", "classification": "internal"}
		}
		if run := f.read("cloud", list...); run.Added != things {
			b.Fatalf("run %+v", run)
		}
	}
}
