package dns

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"plumbline.dev/plumb/internal/connect/connecttest"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

const canary = "Y2FuYXJ5LXRzaWctc2VjcmV0LWtleS0zMi1ieXRlcyE="

const zoneText = `$ORIGIN example.org.
$TTL 3600
@ SOA ns1 hostmaster 7 7200 900 1209600 300
@ NS ns1
@ MX 10 Mail.Example.ORG.
ns1 A 192.0.2.1
www 300 A 192.0.2.3
www 300 A 192.0.2.2
www AAAA 2001:db8::2
shop CNAME www
@ TXT "v=spf1 -all"
`

// knot runs a real name server with one zone that is handed out whole to whoever has the key.
func knot(t *testing.T, text string) (map[string]string, func(string)) {
	t.Helper()
	dir := t.TempDir()
	port := strconv.Itoa(connecttest.Port(t))
	zone := connecttest.Write(t, dir, "example.org.zone", text)
	connecttest.Write(t, dir, "db/.keep", "")
	conf := connecttest.Write(t, dir, "knot.conf", `server:
    rundir: "`+dir+`"
    listen: [ 127.0.0.1@`+port+` ]
database:
    storage: "`+dir+`/db"
key:
  - id: reader
    algorithm: hmac-sha256
    secret: `+canary+`
acl:
  - id: out
    key: reader
    action: transfer
zone:
  - domain: example.org
    storage: "`+dir+`"
    file: example.org.zone
    acl: out
`)
	up := func() bool {
		m := new(dns.Msg).SetQuestion("example.org.", dns.TypeSOA)
		in, err := dns.Exchange(m, "127.0.0.1:"+port)
		return err == nil && len(in.Answer) == 1
	}
	connecttest.Start(t, up, "knotd", "-c", conf)
	settings := map[string]string{"server": "127.0.0.1:" + port, "zones": "Example.ORG", "tsig_name": "reader", "tsig_secret": canary}
	return settings, func(text string) {
		connecttest.Write(t, dir, "example.org.zone", text)
		connecttest.Run(t, "", "knotc", "-c", conf, "-b", "zone-reload", "example.org")
		_ = zone
	}
}

func TestAZoneIsTransferredFromARealServer(t *testing.T) {
	t.Parallel()
	settings, reload := knot(t, zoneText)
	first := connecttest.Collect(t, Kind(), settings, nil)
	zone := connecttest.Find(t, first, "dns_zone", "example.org")
	www := connecttest.Find(t, first, "dns_record", "www.example.org A")
	shop := connecttest.Find(t, first, "dns_record", "shop.example.org CNAME")
	if www.Attrs["values"] != inventory.Set("192.0.2.2", "192.0.2.3") || www.Attrs["ttl"] != "300" || www.Scope != "example.org" {
		t.Errorf("www: %v", www)
	}
	if !connecttest.Linked(www, "RESOLVES_TO", inventory.Identifier{Kind: "ip", Value: "192.0.2.3"}) ||
		!connecttest.Linked(shop, "RESOLVES_TO", inventory.Identifier{Kind: "fqdn", Value: "www.example.org"}) {
		t.Errorf("edges: %v %v", www.Edges, shop.Edges)
	}
	if zone.Volatile["soa.serial"] != "7" || zone.Attrs["nameservers"] != inventory.Set("ns1.example.org") || len(zone.Edges) != 7 {
		t.Errorf("zone: %v", zone)
	}
	if mx := connecttest.Find(t, first, "dns_record", "example.org MX"); mx.Attrs["values"] != inventory.Set("10 mail.example.org") {
		t.Errorf("mx: %v", mx.Attrs)
	}
	reload(strings.NewReplacer(" 7 7200", " 8 7200", "192.0.2.3", "192.0.2.9").Replace(zoneText))
	second := connecttest.Collect(t, Kind(), settings, nil)
	differ := 0
	for i, r := range second {
		if fmt.Sprint(r.Attrs) != fmt.Sprint(first[i].Attrs) {
			differ++
		}
	}
	if differ != 1 || len(second) != len(first) || connecttest.Find(t, second, "dns_record", "www.example.org A").Attrs["values"] != inventory.Set("192.0.2.2", "192.0.2.9") {
		t.Errorf("one record changed, %d differ", differ)
	}
	connecttest.NoCanary(t, second, canary)
}

func TestATransferNeedsItsKey(t *testing.T) {
	t.Parallel()
	settings, _ := knot(t, zoneText)
	for name, with := range map[string][2]string{"no key": {"", ""}, "another key": {"reader", "b3RoZXIta2V5"}, "an unknown one": {"nobody", canary}} {
		settings["tsig_name"], settings["tsig_secret"] = with[0], with[1]
		if records, err := connecttest.Try(t, Kind(), settings, nil); err == nil || len(records) > 0 {
			t.Errorf("%s: %v, %v", name, connecttest.Names(records), err)
		}
	}
}

// Where nothing is handed out, a list of records is asked for; what is not there is absent, what does not answer fails.
func TestAListOfRecordsIsAskedFor(t *testing.T) {
	t.Parallel()
	settings, _ := knot(t, zoneText)
	settings["zones"], settings["records"] = "", "www.example.org/A, SHOP.example.org/A example.org/txt gone.example.org/A"
	records := connecttest.Collect(t, Kind(), settings, nil)
	want := []string{"dns_record/example.org TXT", "dns_record/shop.example.org CNAME", "dns_record/www.example.org A"}
	if got := connecttest.Names(records); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	settings["records"] = "www.example.org/A www.elsewhere.test/A"
	if _, err := connecttest.Try(t, Kind(), settings, nil); err == nil {
		t.Error("the server refuses for a zone that is not its own, and the reading counts as complete")
	}
}

// A file, a transfer and the same zone in another order are the same records.
func TestAZoneFileIsReadLikeATransfer(t *testing.T) {
	t.Parallel()
	settings, _ := knot(t, zoneText)
	transferred := connecttest.Collect(t, Kind(), settings, nil)
	sent := connecttest.Collect(t, File(), map[string]string{"zone": "example.org"}, strings.NewReader(zoneText))
	if fmt.Sprint(transferred) != fmt.Sprint(sent) {
		t.Errorf("transferred\n%v\nsent\n%v", transferred, sent)
	}
}

func TestAZoneFileThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty": "", "half": "www A 192.0.2.1\n", "rubbish": "\x00\xff{", "another file": "$INCLUDE /etc/passwd\n" + zoneText,
		"endless": "@ SOA a b 1 1 1 1 1\n$GENERATE 1-65535 a$.${0,60,d} A 192.0.2.1\n" + strings.Repeat("$GENERATE 1-65535 a$ A 192.0.2.1\n", 9),
	} {
		if records, err := connecttest.Try(t, File(), map[string]string{"zone": "example.org"}, strings.NewReader(text)); err == nil || len(records) > 0 {
			t.Errorf("%s: %d records, %v", name, len(records), err)
		}
	}
}

// Half a file must not pass for a whole one, for what it lacks would be taken for gone; and no value is not the root.
func TestAZoneFileThatIsCutOffIsRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no value":                zoneText + "@ IN NS\n",
		"no value but a blank":    zoneText + "@ IN NS \n",
		"no value but a comment":  zoneText + "@ IN NS ; later\n",
		"no address":              zoneText + "db A\n",
		"no mail host":            zoneText + "@ MX\n",
		"no words":                zoneText + "db TXT\n",
		"half a line":             zoneText + "db A 192.0.2.2",
		"half a record":           zoneText + "db MX 10",
		"half a line of a record": zoneText + "db MX 10\n",
		"an open parenthesis":     zoneText + "db TXT ( \"one\"\n\"two\"\n",
		"an open quote":           zoneText + "db TXT \"one\n",
		"a last line without end": strings.TrimSuffix(zoneText, "\n"),
	} {
		records, err := connecttest.Try(t, File(), map[string]string{"zone": "example.org"}, strings.NewReader(text))
		if !fault.Is(err, "bad_document") || len(records) > 0 {
			t.Errorf("%s: %d records, %v", name, len(records), err)
		}
	}
	_, err := connecttest.Try(t, File(), map[string]string{"zone": "example.org"}, strings.NewReader(zoneText+"db A 192.0.2.700\n"))
	if err == nil || !strings.Contains(err.Error(), "line 12") {
		t.Errorf("the refusal does not say where: %v", err)
	}
}

// A cut between two lines shows only where the file says how it ends: with its SOA, as a transfer that is written down does.
func TestAZoneFileThatEndsWithItsSOAIsKnownToBeWhole(t *testing.T) {
	t.Parallel()
	settings := map[string]string{"zone": "example.org", "closing_soa": "yes"}
	soa := "@ SOA ns1 hostmaster 7 7200 900 1209600 300\n"
	if records, err := connecttest.Try(t, File(), settings, strings.NewReader(zoneText)); !fault.Is(err, "bad_document") || len(records) > 0 {
		t.Errorf("cut off: %d records, %v", len(records), err)
	}
	whole := connecttest.Collect(t, File(), settings, strings.NewReader(zoneText+soa))
	if plain := connecttest.Collect(t, File(), map[string]string{"zone": "example.org"}, strings.NewReader(zoneText)); fmt.Sprint(whole) != fmt.Sprint(plain) {
		t.Errorf("the second SOA makes another zone:\n%v\n%v", whole, plain)
	}
	settings["closing_soa"] = "perhaps"
	if _, err := connecttest.Try(t, File(), settings, strings.NewReader(zoneText)); !fault.Is(err, "bad_setting") {
		t.Errorf("a setting that is neither: %v", err)
	}
}

func FuzzZoneFile(f *testing.F) {
	for _, text := range []string{zoneText, "@ SOA a b 1 1 1 1 1\nwww A 192.0.2.1\n", "$TTL 1\n$ORIGIN x.\n", "@ SOA a b 1 1 1 1 1\n$GENERATE 1-3 a$ A 192.0.2.1\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		records, err := connecttest.Try(t, File(), map[string]string{"zone": "example.org"}, strings.NewReader(text))
		if err == nil && len(records) == 0 {
			t.Error("a file without a record was taken for a whole zone")
		}
	})
}
