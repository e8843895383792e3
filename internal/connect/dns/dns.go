// Package dns reads zones: by transfer (AXFR), out of a zone file that is sent in, or by asking for the records of a
// list, which is the way for registrars that offer nothing else.
package dns

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/inventory"
)

// Kind is a name server that is asked.
func Kind() inventory.Kind {
	return inventory.Kind{
		Name: "dns", Title: "DNS server", Mapper: 1, Absence: true, Every: 15 * time.Minute,
		Settings: []inventory.Setting{
			{Key: "server", Help: "host or host:port of the server that is asked", Required: true},
			{Key: "zones", Help: "zones that the server hands out whole (AXFR)"},
			{Key: "records", Help: "records to ask for one by one, each NAME/TYPE, such as www.example.org/A"},
			{Key: "tsig_name", Help: "name of the key with which transfers are asked for"},
			{Key: "tsig_algorithm", Help: "hmac-sha256, hmac-sha384 or hmac-sha512", Default: "hmac-sha256"},
			{Key: "tsig_secret", Help: "the key, in base64", Secret: true},
		},
		Rules: rules(), Open: open,
	}
}

// File is a zone file that is sent in.
func File() inventory.Kind {
	return inventory.Kind{
		Name: "zonefile", Title: "DNS zone file", Mapper: 1, Absence: true, Push: true,
		Settings: []inventory.Setting{
			{Key: "zone", Help: "the zone that the file holds, such as example.org", Required: true},
			{Key: "closing_soa", Help: "yes: the file ends with the zone's SOA once more, as dig axfr writes it; one that does not is cut off", Default: "no"},
		},
		Rules: rules(), Open: openFile,
	}
}

func rules() []inventory.AttrRule {
	return []inventory.AttrRule{
		{Type: "dns_zone", Path: "nameservers", Kind: inventory.Security},
		{Type: "dns_zone", Path: "dnssec.*", Kind: inventory.Security},
		{Type: "dns_record", Path: "values", Kind: inventory.Security}, // where a name leads decides who is talked to
	}
}

// Bounds of one reading.
const (
	answerTime = 20 * time.Second
	maxRecords = 500_000
	maxFile    = 64 << 20
	maxList    = 1000
)

// question is one record of the list.
type question struct {
	name string
	kind uint16
}

type source struct {
	server  string
	zones   []string
	ask     []question
	tsig    map[string]string
	key     string
	alg     string
	signing bool
}

func open(in inventory.Input) (inventory.Source, error) {
	s := &source{}
	if in.Settings["server"] == "" {
		return nil, connect.BadSetting("server", "is needed")
	}
	s.server = connect.Address(in.Settings["server"], "53")
	for _, z := range connect.List(in.Settings["zones"]) {
		if _, ok := dns.IsDomainName(z); !ok {
			return nil, connect.BadSetting("zones", "holds what is no domain name")
		}
		s.zones = append(s.zones, dns.CanonicalName(z))
	}
	for _, text := range connect.List(in.Settings["records"]) {
		name, kind, _ := strings.Cut(text, "/")
		number, known := dns.StringToType[strings.ToUpper(kind)]
		if _, ok := dns.IsDomainName(name); !ok || !known || slices.Contains([]uint16{dns.TypeANY, dns.TypeAXFR, dns.TypeIXFR}, number) {
			return nil, connect.BadSetting("records", "holds what is not NAME/TYPE")
		}
		s.ask = append(s.ask, question{dns.CanonicalName(name), number})
	}
	switch {
	case len(s.zones)+len(s.ask) == 0:
		return nil, connect.BadSetting("zones", "or records is needed")
	case len(s.ask) > maxList:
		return nil, connect.BadSetting("records", "holds more than 1,000")
	}
	return s, s.sign(in.Settings)
}

// sign prepares the key of transfers.
func (s *source) sign(set map[string]string) error {
	if set["tsig_name"] == "" && set["tsig_secret"] == "" {
		return nil
	}
	alg := map[string]string{"hmac-sha256": dns.HmacSHA256, "hmac-sha384": dns.HmacSHA384, "hmac-sha512": dns.HmacSHA512}[strings.ToLower(set["tsig_algorithm"])]
	_, err := base64.StdEncoding.DecodeString(set["tsig_secret"])
	switch {
	case alg == "":
		return connect.BadSetting("tsig_algorithm", "is hmac-sha256, hmac-sha384 or hmac-sha512")
	case err != nil || set["tsig_secret"] == "" || set["tsig_name"] == "":
		return connect.BadSetting("tsig_secret", "is base64, and tsig_name goes with it")
	}
	s.key, s.alg, s.signing = dns.CanonicalName(set["tsig_name"]), alg, true
	s.tsig = map[string]string{s.key: set["tsig_secret"]}
	return nil
}

// Scopes are the zones, and the list as one.
func (s *source) Scopes() []string {
	var out []string
	for _, z := range s.zones {
		out = append(out, name(z))
	}
	if len(s.ask) > 0 {
		out = append(out, listScope)
	}
	return out
}

const listScope = "records"

// Collect transfers every zone and asks for every record of the list.
func (s *source) Collect(ctx context.Context, emit func(inventory.Record) error) error {
	for _, z := range s.zones {
		found := newZone(name(z), z)
		if err := s.transfer(ctx, z, found.add); err != nil {
			return err
		}
		if err := found.give(emit); err != nil {
			return err
		}
	}
	if len(s.ask) == 0 {
		return nil
	}
	found := newZone(listScope, "")
	for _, q := range s.ask {
		if err := s.one(ctx, q, found); err != nil {
			return err
		}
	}
	return found.give(emit)
}

// transfer reads a zone whole. A transfer that breaks off, is not signed as it should be or does not end as it began is an error.
func (s *source) transfer(ctx context.Context, zone string, add func(dns.RR) error) error {
	conn, err := (&net.Dialer{Timeout: answerTime}).DialContext(ctx, "tcp", s.server)
	if err != nil {
		return connect.Unreadable("zone transfer", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	m := new(dns.Msg).SetAxfr(zone)
	x := &dns.Transfer{Conn: &dns.Conn{Conn: conn}, ReadTimeout: answerTime, WriteTimeout: answerTime}
	if s.signing {
		x.TsigSecret = s.tsig
		m.SetTsig(s.key, s.alg, 300, 0)
	}
	parts, err := x.In(m, s.server)
	if err != nil {
		return connect.Unreadable("zone transfer", err)
	}
	var failed error
	for part := range parts { // to the end, so that the library's reader ends as well
		if failed == nil {
			failed = part.Error
		}
		for _, rr := range part.RR {
			if failed == nil {
				failed = add(rr)
			}
		}
		if failed != nil {
			conn.Close()
		}
	}
	if failed != nil {
		return connect.Unreadable("zone transfer", failed)
	}
	return ctx.Err()
}

// one asks for one record. That there is none is an answer; anything else that is not an answer fails the reading.
func (s *source) one(ctx context.Context, q question, found *zone) error {
	m := new(dns.Msg).SetQuestion(q.name, q.kind)
	m.SetEdns0(1232, false)
	client := &dns.Client{Timeout: answerTime}
	in, _, err := client.ExchangeContext(ctx, m, s.server)
	if err == nil && in.Truncated {
		client.Net = "tcp"
		in, _, err = client.ExchangeContext(ctx, m, s.server)
	}
	switch {
	case err != nil:
		return connect.Unreadable("question", err)
	case in.Rcode != dns.RcodeSuccess && in.Rcode != dns.RcodeNameError:
		return connect.Unreadable("question", errors.New(dns.RcodeToString[in.Rcode]))
	}
	for _, rr := range in.Answer {
		h := rr.Header()
		if dns.CanonicalName(h.Name) != q.name || h.Rrtype != q.kind && h.Rrtype != dns.TypeCNAME {
			continue
		}
		if err := found.add(rr); err != nil {
			return err
		}
		if !in.Authoritative { // a resolver's counts down
			found.fading[key{q.name, h.Rrtype}] = true
		}
	}
	return nil
}

type fileSource struct {
	zone     string
	closing  bool // the file must end with the SOA
	document io.Reader
}

func openFile(in inventory.Input) (inventory.Source, error) {
	z := in.Settings["zone"]
	if _, ok := dns.IsDomainName(z); !ok || z == "" {
		return nil, connect.BadSetting("zone", "is a domain name")
	}
	closing, ok := connect.Yes(in.Settings["closing_soa"])
	if !ok {
		return nil, connect.BadSetting("closing_soa", "is yes or no")
	}
	return &fileSource{dns.CanonicalName(z), closing, in.Document}, nil
}

// Scopes is the one zone.
func (s *fileSource) Scopes() []string { return []string{name(s.zone)} }

// Collect reads the file. It includes no other files, and must hold the zone's SOA and end with the end of a line: half a
// file is no zone, and what it lacks would be taken for gone.
func (s *fileSource) Collect(_ context.Context, emit func(inventory.Record) error) error {
	if s.document == nil {
		return connect.BadDocument("there is none")
	}
	text, err := connect.ReadAll(s.document, maxFile)
	if err != nil {
		return err
	}
	found := newZone(name(s.zone), s.zone)
	p := dns.NewZoneParser(bytes.NewReader(text), s.zone, "")
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		if err := found.add(rr); err != nil {
			return err
		}
	}
	switch {
	case p.Err() != nil:
		return connect.BadDocument("it is no zone file (RFC 1035)" + place(p.Err()))
	case found.soa == nil:
		return connect.BadDocument("it holds no SOA record of the zone")
	case !bytes.HasSuffix(text, []byte("\n")):
		return connect.BadDocument("its last line does not end, so it may be cut off")
	case s.closing && !found.closed:
		return connect.BadDocument("it does not end with the SOA record of the zone, so it is cut off")
	}
	return found.give(emit)
}

// place says in which line the parser stopped. Its own words quote the file, so only the number is taken.
func place(err error) string {
	_, at, _ := strings.Cut(err.Error(), " at line: ")
	if line, _, _ := strings.Cut(at, ":"); line != "" && strings.Trim(line, "0123456789") == "" {
		return ", line " + line
	}
	return ""
}
