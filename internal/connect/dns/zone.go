package dns

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/inventory"
)

// key names the records of one owner and type, which are one thing: its values change, it stays.
type key struct {
	owner string
	kind  uint16
}

// zone gathers records until all are there.
type zone struct {
	scope  string
	apex   string // "" for a list
	sets   map[key][]dns.RR
	fading map[key]bool // whose time to live is what was left in a resolver
	soa    *dns.SOA
	closed bool // the SOA came a second time, and nothing after it
	n      int
}

func newZone(scope, apex string) *zone {
	return &zone{scope: scope, apex: apex, sets: map[key][]dns.RR{}, fading: map[key]bool{}}
}

// name is a domain name as people write it: lower case, no dot at the end.
func name(owner string) string {
	owner = dns.CanonicalName(owner)
	if owner == "." {
		return owner
	}
	return strings.TrimSuffix(owner, ".")
}

// add takes one record. Signatures and chains of DNSSEC are made by machines, over and over: they are no configuration.
func (z *zone) add(rr dns.RR) error {
	h := rr.Header()
	owner := dns.CanonicalName(h.Name)
	switch h.Rrtype {
	case dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeNSEC3PARAM, dns.TypeTSIG, dns.TypeOPT, 65534: // 65534: BIND's own notes on signing
		return nil
	}
	if z.apex != "" && !dns.IsSubDomain(z.apex, owner) {
		return nil
	}
	if soa, ok := rr.(*dns.SOA); ok && owner == z.apex {
		z.closed = z.soa != nil
		z.soa = soa
		return nil
	}
	z.closed = false
	if z.n++; z.n > maxRecords {
		return connect.TooMuch("500,000 records in a zone")
	}
	if valueless(rr) {
		return connect.BadDocument("record " + strconv.Itoa(z.n) + ", of type " + dns.Type(h.Rrtype).String() + ", has no value")
	}
	k := key{owner, h.Rrtype}
	z.sets[k] = append(z.sets[k], rr)
	return nil
}

// valueless reports whether a record has an owner and a type and nothing else. The library takes that for an update and leaves
// the value empty, which would then read as the root, or as no address. Only an APL record may be empty (RFC 3123).
func valueless(rr dns.RR) bool {
	h := rr.Header()
	if h.Rrtype == dns.TypeAPL || dns.TypeToRR[h.Rrtype] == nil {
		return false
	}
	empty := dns.TypeToRR[h.Rrtype]()
	*empty.Header() = *h
	return rr.String() == empty.String()
}

// give emits the zone and its records.
func (z *zone) give(emit func(inventory.Record) error) error {
	order := slices.SortedFunc(maps.Keys(z.sets), func(a, b key) int { return cmp.Or(strings.Compare(a.owner, b.owner), cmp.Compare(a.kind, b.kind)) })
	if z.apex != "" {
		if z.soa == nil {
			return connect.BadDocument("the zone has no SOA record")
		}
		if err := emit(z.record(order)); err != nil {
			return err
		}
	}
	for _, k := range order {
		if err := emit(z.set(k)); err != nil {
			return err
		}
	}
	return nil
}

// record is the zone itself. Its serial grows with every change of a record: that is shown, and not compared.
func (z *zone) record(order []key) inventory.Record {
	a := connect.Attrs{}
	a.Text("soa.primary", name(z.soa.Ns))
	a.Text("soa.mailbox", name(z.soa.Mbox))
	for path, v := range map[string]uint32{"soa.refresh": z.soa.Refresh, "soa.retry": z.soa.Retry, "soa.expire": z.soa.Expire, "soa.minimum": z.soa.Minttl} {
		a.Number(path, int64(v))
	}
	var servers []string
	for _, rr := range z.sets[key{z.apex, dns.TypeNS}] {
		servers = append(servers, value(rr))
	}
	a.Set("nameservers", servers)
	a.Flag("dnssec.keys", len(z.sets[key{z.apex, dns.TypeDNSKEY}]) > 0)
	var has []inventory.Link
	for _, k := range order[:min(len(order), 4_900)] { // below what the inventory takes for one record
		has = append(has, inventory.Link{Verb: "HAS", To: inventory.ByRecord("dns_record", native(k))})
	}
	return inventory.Record{Scope: z.scope, Type: "dns_zone", Class: inventory.Zone, Native: name(z.apex), Name: name(z.apex), Attrs: a,
		Volatile: map[string]inventory.Value{"soa.serial": inventory.Number(int64(z.soa.Serial))},
		IDs:      []inventory.Identifier{{Kind: "dns-name", Value: name(z.apex)}}, Edges: has}
}

// native names a set of records within its zone.
func native(k key) string { return name(k.owner) + " " + dns.Type(k.kind).String() }

// set is all records of one owner and type.
func (z *zone) set(k key) inventory.Record {
	kind := dns.Type(k.kind).String()
	owner := name(k.owner)
	r := inventory.Record{Scope: z.scope, Type: "dns_record", Class: inventory.DomainRecord, Native: native(k), Name: native(k),
		Attrs: map[string]inventory.Value{"type": inventory.Text(kind)}, Volatile: map[string]inventory.Value{},
		IDs: []inventory.Identifier{{Kind: "dns-name", Value: owner}}}
	var values []string
	ttl := uint32(0)
	for _, rr := range z.sets[k] {
		values = append(values, value(rr))
		ttl = max(ttl, rr.Header().Ttl)
		if verb, to := leads(rr); to.Value != "" && to.Value != "." {
			r.Edges = append(r.Edges, inventory.Link{Verb: verb, To: to})
		}
	}
	slices.SortFunc(r.Edges, func(a, b inventory.Link) int {
		return cmp.Or(cmp.Compare(a.To.Kind, b.To.Kind), cmp.Compare(a.To.Value, b.To.Value))
	})
	r.Edges = slices.Compact(r.Edges)
	r.Attrs["values"] = inventory.Set(values...)
	if z.fading[k] {
		r.Volatile["ttl"] = inventory.Number(int64(ttl))
	} else {
		r.Attrs["ttl"] = inventory.Number(int64(ttl))
	}
	return r
}

// value is what a record says, in one spelling: names in lower case and without the dot at the end, texts as they are.
func value(rr dns.RR) string {
	switch v := rr.(type) {
	case *dns.CNAME:
		return name(v.Target)
	case *dns.NS:
		return name(v.Ns)
	case *dns.PTR:
		return name(v.Ptr)
	case *dns.MX:
		return strconv.Itoa(int(v.Preference)) + " " + name(v.Mx)
	case *dns.TXT:
		return strings.Join(v.Txt, "")
	}
	return strings.TrimPrefix(rr.String(), rr.Header().String())
}

// leads says where a record leads.
func leads(rr dns.RR) (verb string, to inventory.Identifier) {
	switch v := rr.(type) {
	case *dns.A:
		return "RESOLVES_TO", inventory.Identifier{Kind: "ip", Value: v.A.String()}
	case *dns.AAAA:
		return "RESOLVES_TO", inventory.Identifier{Kind: "ip", Value: v.AAAA.String()}
	case *dns.CNAME:
		return "RESOLVES_TO", inventory.Identifier{Kind: "fqdn", Value: name(v.Target)}
	case *dns.PTR:
		return "RESOLVES_TO", inventory.Identifier{Kind: "fqdn", Value: name(v.Ptr)}
	case *dns.MX:
		return "USES", inventory.Identifier{Kind: "fqdn", Value: name(v.Mx)}
	case *dns.NS:
		return "USES", inventory.Identifier{Kind: "fqdn", Value: name(v.Ns)}
	case *dns.SRV:
		return "USES", inventory.Identifier{Kind: "fqdn", Value: name(v.Target)}
	}
	return "", inventory.Identifier{}
}
