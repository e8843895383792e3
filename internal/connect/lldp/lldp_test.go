package lldp

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/connect/connecttest"
	"plumbline.dev/plumb/internal/inventory"
)

// two machines, each in a network of its own, joined by one cable, with a real lldpd on each. Prints what either saw.
const two = `set -e
mkdir -p /run/lldpd
ip link set lo up
unshare -n sleep 120 & other=$!
trap 'kill $a $b $other' EXIT
until [ "$(readlink /proc/$other/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do kill -0 $other; done
ip link add va type veth peer name vb netns $other
ip link set va up
nsenter -t $other -n ip link set vb up
lldpd -d -u "$1/a" -C va -I va -S 'machine a' >"$1/a.log" 2>&1 & a=$!
nsenter -t $other -n lldpd -d -u "$1/b" -C vb -I vb -S 'machine b' >"$1/b.log" 2>&1 & b=$!
for s in a b; do
	n=0
	until lldpcli -u "$1/a" update >/dev/null 2>&1 && lldpcli -u "$1/b" update >/dev/null 2>&1 && lldpcli -u "$1/$s" -f keyvalue show neighbors | grep -q chassis; do
		n=$((n + 1)); [ $n -lt 200 ]; sleep 0.1
	done
done
for s in a b; do
	lldpcli -u "$1/$s" -f json0 show chassis
	lldpcli -u "$1/$s" -f json0 show neighbors
	echo ======
done
`

func TestTwoMachinesSeeOneAnotherThroughARealCable(t *testing.T) {
	t.Parallel()
	connecttest.Tool(t, "lldpd")
	dir, err := os.MkdirTemp("", "lldp") // not t.TempDir: lldpcli gives its rights away before it connects
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	out := connecttest.Run(t, "", "unshare", "-n", "sh", "-c", two, "sh", dir)
	said := strings.Split(out, "======")
	if len(said) != 3 {
		t.Fatalf("lldpcli said %s", out)
	}
	var both []inventory.Record
	for _, document := range said[:2] {
		records := connecttest.Collect(t, Kind(), nil, strings.NewReader(document))
		if len(records) != 1 {
			t.Fatalf("%d records", len(records))
		}
		both = append(both, records[0])
	}
	a, b := both[0], both[1]
	if a.Native == b.Native || a.Attrs["description"] != inventory.Text("machine a") || b.Attrs["description"] != inventory.Text("machine b") {
		t.Errorf("a %v, b %v", a, b)
	}
	if !connecttest.Linked(a, "CONNECTS", inventory.Identifier{Kind: "chassis-id", Value: b.Native}) || !connecttest.Bears(b, "chassis-id", b.Native) ||
		!connecttest.Linked(b, "CONNECTS", inventory.Identifier{Kind: "chassis-id", Value: a.Native}) {
		t.Errorf("edges %v and %v", a.Edges, b.Edges)
	}
	if got := a.Attrs["lldp.va"].Plain(); !strings.HasPrefix(got, b.Native+" vb ") {
		t.Errorf("port va: %q", got)
	}
	if !connecttest.Bears(a, "mac", a.Native) {
		t.Errorf("identifiers %v", a.IDs)
	}
}

const me = `{"local-chassis":[{"chassis":[{"id":[{"type":"local","value":"rack 7"}],"name":[{"value":"sw7.example.org"}]}]}]}`

// A port without a neighbour is a fact too; a document that does not say whose neighbours it lists is none.
func TestADocumentSaysWhoseNeighboursItLists(t *testing.T) {
	t.Parallel()
	r := connecttest.Collect(t, Kind(), nil, strings.NewReader(me+`{"lldp":[{}]}`))[0]
	if r.Native != "local:rack 7" || len(r.Edges) != 0 || !connecttest.Bears(r, "fqdn", "sw7.example.org") || connecttest.Bears(r, "mac", "rack 7") {
		t.Errorf("%+v", r)
	}
	for name, text := range map[string]string{
		"nothing": "", "neighbours only": `{"lldp":[{}]}`, "chassis only": me, "two chassis": me + me + `{"lldp":[]}`, "rubbish": "\xff{", "half": me + `{"lldp":[`,
		"no id": `{"local-chassis":[{"chassis":[{"id":[]}]}]}{"lldp":[]}`, "deep": strings.Repeat("[", 20_000),
		"a flood": me + `{"lldp":[{"interface":[` + strings.Repeat(`{"name":"x"},`, 5000) + `{}]}]}`,
	} {
		if records, err := connecttest.Try(t, Kind(), nil, strings.NewReader(text)); err == nil || len(records) > 0 {
			t.Errorf("%s: %s, %v", name, fmt.Sprint(records), err)
		}
	}
}

func FuzzCollect(f *testing.F) {
	f.Add(me + `{"lldp":[{}]}`)
	f.Add(me + `{"lldp":[{"interface":[{"name":"eth0","chassis":[{"id":[{"type":"mac","value":"02:00:00:00:00:01"}],"name":[{"value":"b"}],"mgmt-ip":[{"value":"10.0.0.1"}]}],"port":[{"id":[{"type":"ifname","value":"eth1"}]}]}]}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		records, err := connecttest.Try(t, Kind(), nil, strings.NewReader(text))
		if (err == nil) != (len(records) == 1) {
			t.Errorf("%d records, %v", len(records), err)
		}
	})
}
