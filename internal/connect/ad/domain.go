package ad

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"plumbline.dev/plumb/internal/connect"
	directory "plumbline.dev/plumb/internal/connect/ldap"
	"plumbline.dev/plumb/internal/inventory"
)

type entry struct {
	record  inventory.Record
	members []string
	folder  string // of a policy in sysvol: its {GUID}
}

type domain struct {
	base    string
	entries []*entry
	byName  map[string]*entry
	links   map[string][]string // policy's folded name → where it is linked
	rest    func(dn string, from int) ([]string, error)
}

// what says what an entry is: the most special class that it has.
func what(e *ldap.Entry) (string, inventory.Class) {
	has := func(c string) bool { return slices.Contains(e.GetAttributeValues("objectClass"), c) }
	switch {
	case has("computer"):
		return "ad_computer", inventory.Host
	case has("group"):
		return "ad_group", inventory.UserGroup
	case has("groupPolicyContainer"):
		return "ad_gpo", inventory.GroupPolicy
	case has("domainDNS"):
		return "ad_domain", inventory.Directory
	case has("user"):
		return "ad_user", inventory.User
	}
	return "", ""
}

// take makes an entry into a record, and notes which policies it links.
func (d *domain) take(e *ldap.Entry) error {
	dn := directory.Fold(e.DN)
	for _, part := range strings.Split(e.GetAttributeValue("gPLink"), "]") { // [LDAP://cn={…};0][…]
		path, options, ok := strings.Cut(strings.TrimPrefix(strings.ToLower(part), "[ldap://"), ";")
		if ok {
			d.links[directory.Fold(path)] = append(d.links[directory.Fold(path)], dn+";"+options)
		}
	}
	recordType, class := what(e)
	id := guid(e.GetRawAttributeValue("objectGUID"))
	if recordType == "" || id == "" {
		return nil
	}
	a := connect.Attrs{"dn": inventory.Text(dn)}
	x := &entry{members: e.GetAttributeValues("member"), folder: e.GetAttributeValue("cn"),
		record: inventory.Record{Scope: d.base, Type: recordType, Class: class, Native: id, Name: nameOf(e, recordType), Attrs: a,
			Volatile: map[string]inventory.Value{}, IDs: []inventory.Identifier{{Kind: "object-guid", Value: id}}}}
	if s := sid(e.GetRawAttributeValue("objectSid")); s != "" {
		x.record.IDs = append(x.record.IDs, inventory.Identifier{Kind: "object-sid", Value: s})
	}
	for _, name := range shown() {
		switch list := e.GetAttributeValues(name); {
		case len(list) > 1 || name == "servicePrincipalName" && len(list) > 0:
			directory.PutSet(a, name, list)
		case len(list) == 1:
			a.Text(name, list[0])
		}
	}
	for _, name := range []string{"whenChanged", "whenCreated", "uSNChanged", "lastLogonTimestamp"} {
		if v := e.GetAttributeValue(name); v != "" {
			x.record.Volatile[name] = inventory.Text(v)
		}
	}
	flags(a, e)
	if recordType == "ad_computer" {
		x.record.IDs = append(x.record.IDs, connect.HostNames(e.GetAttributeValue("dNSHostName"))...)
	}
	if more, from := ranged(e); more != nil { // a large group is handed out in parts
		others, err := d.rest(e.DN, from)
		if err != nil {
			return err
		}
		x.members = append(more, others...)
	}
	d.entries = append(d.entries, x)
	d.byName[dn] = x
	return nil
}

func nameOf(e *ldap.Entry, recordType string) string {
	keys := []string{"sAMAccountName", "name", "cn"}
	if recordType == "ad_gpo" {
		keys = []string{"displayName", "cn"}
	}
	for _, k := range keys {
		if v := e.GetAttributeValue(k); v != "" {
			return strings.ToValidUTF8(v, "\uFFFD")
		}
	}
	return strings.ToValidUTF8(e.DN, "\uFFFD")
}

// flags reads userAccountControl and groupType (MS-ADTS 2.2.16, 2.2.12), where one bit decides much.
func flags(a connect.Attrs, e *ldap.Entry) {
	if n, err := strconv.ParseInt(e.GetAttributeValue("userAccountControl"), 10, 64); err == nil {
		a.Flag("account.enabled", n&0x2 == 0)
		for path, bit := range map[string]int64{"account.password_not_required": 0x20, "account.password_reversible": 0x80, "account.password_never_expires": 0x10000,
			"account.smartcard_required": 0x40000, "account.trusted_for_delegation": 0x80000, "account.not_delegated": 0x100000,
			"account.des_only": 0x200000, "account.no_preauth": 0x400000, "account.trusted_to_auth_for_delegation": 0x1000000, "account.domain_controller": 0x2000} {
			a.Flag(path, n&bit != 0)
		}
		locked := e.GetAttributeValue("lockoutTime")
		a.Flag("account.locked", locked != "" && locked != "0")
	}
	if n, err := strconv.ParseInt(e.GetAttributeValue("groupType"), 10, 64); err == nil {
		a.Flag("group.security", n&0x80000000 != 0)
		for scope, bit := range map[string]int64{"global": 2, "domain_local": 4, "universal": 8} {
			if n&bit != 0 {
				a.Text("group.scope", scope)
			}
		}
	}
}

// finish draws the edges that can be drawn once everybody is known.
func (d *domain) finish(x *entry) {
	switch x.record.Type {
	case "ad_group":
		var names []string
		var to []inventory.Identifier
		for _, m := range x.members {
			dn := directory.Fold(m)
			names = append(names, dn)
			if o := d.byName[dn]; o != nil {
				to = append(to, inventory.ByRecord(o.record.Type, o.record.Native))
			}
		}
		directory.PutSet(x.record.Attrs, "members", names)
		directory.PutEdges(&x.record, "HAS", to)
	case "ad_gpo":
		directory.PutSet(x.record.Attrs, "links", d.links[strings.Trim(string(x.record.Attrs["dn"].Plain()), " ")])
	}
}

// ranged gives the members of an answer such as member;range=0-1499, and where the next part begins; 0 when it was the last.
func ranged(e *ldap.Entry) (members []string, next int) {
	for _, a := range e.Attributes {
		name, span, ok := strings.Cut(strings.ToLower(a.Name), ";range=")
		if !ok || name != "member" {
			continue
		}
		_, last, _ := strings.Cut(span, "-")
		if n, err := strconv.Atoi(last); err == nil {
			next = n + 1
		}
		return a.Values, next
	}
	return nil, 0
}

// rest reads the further parts of a group's members.
func rest(c *directory.Conn, dn string, from int) ([]string, error) {
	var out []string
	for from > 0 {
		e, err := c.One(dn, []string{fmt.Sprintf("member;range=%d-*", from)})
		if err != nil {
			return nil, err
		}
		part, next := ranged(e)
		if out = append(out, part...); len(out) > 500_000 || next > 0 && next <= from {
			return nil, connect.TooMuch("500,000 members in a group")
		}
		from = next
	}
	return out, nil
}

// guid writes objectGUID as people do (MS-DTYP 2.3.4.2): its first three parts stand back to front.
func guid(b []byte) string {
	if len(b) != 16 {
		return ""
	}
	return fmt.Sprintf("%08x-%04x-%04x-%s-%s", binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint16(b[4:]), binary.LittleEndian.Uint16(b[6:]),
		hex.EncodeToString(b[8:10]), hex.EncodeToString(b[10:]))
}

// sid writes objectSid as people do (MS-DTYP 2.4.2).
func sid(b []byte) string {
	if len(b) < 8 || b[0] != 1 || len(b) != 8+4*int(b[1]) {
		return ""
	}
	var authority uint64
	for _, v := range b[2:8] {
		authority = authority<<8 | uint64(v)
	}
	s := fmt.Sprintf("S-1-%d", authority)
	for i := 8; i < len(b); i += 4 {
		s += fmt.Sprintf("-%d", binary.LittleEndian.Uint32(b[i:]))
	}
	return s
}
