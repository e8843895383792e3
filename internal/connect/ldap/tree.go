package ldap

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/inventory"
)

// entry is one entry on its way to a record, with the names that it points at.
type entry struct {
	record  inventory.Record
	members []string // names of entries
	uids    []string // of posixGroup: uids
	owners  []string // names of entries
}

// tree is what stands below one base.
type tree struct {
	base    string
	entries []*entry
	byName  map[string]*entry // by folded name
	byUID   map[string]*entry // users by uid
}

func newTree(base string) *tree {
	return &tree{base: base, byName: map[string]*entry{}, byUID: map[string]*entry{}}
}

// take makes an entry of the directory into one of ours.
func (t *tree) take(e *ldap.Entry) error {
	recordType, class := what(e)
	if recordType == "" {
		return nil
	}
	dn := Fold(e.DN)
	r := inventory.Record{Scope: t.base, Type: recordType, Class: class, Native: "dn:" + dn, Name: nameOf(e, recordType),
		Attrs: map[string]inventory.Value{"dn": inventory.Text(dn)}, Volatile: map[string]inventory.Value{},
		Actor: strings.ToValidUTF8(e.GetEqualFoldAttributeValue("modifiersName"), "\uFFFD")}
	if id := strings.ToLower(e.GetEqualFoldAttributeValue("entryUUID")); id != "" {
		r.Native = id
		r.IDs = append(r.IDs, inventory.Identifier{Kind: "entry-uuid", Value: id})
	} else if id := e.GetEqualFoldAttributeValue("nsUniqueId"); id != "" { // 389 Directory Server before it had entryUUID
		r.Native = id
	}
	for _, name := range []string{"entryCSN", "modifyTimestamp", "createTimestamp", "creatorsName"} {
		if v := e.GetEqualFoldAttributeValue(name); v != "" {
			r.Volatile[name] = inventory.Text(v)
		}
	}
	properties(&r, e)
	if recordType == "ldap_host" {
		hostIDs(&r, e)
	}
	x := &entry{record: r, owners: e.GetEqualFoldAttributeValues("owner"), uids: e.GetEqualFoldAttributeValues("memberUid"),
		members: slices.Concat(e.GetEqualFoldAttributeValues("member"), e.GetEqualFoldAttributeValues("uniqueMember"))}
	t.entries = append(t.entries, x)
	t.byName[dn] = x
	if recordType == "ldap_user" {
		for _, uid := range e.GetEqualFoldAttributeValues("uid") {
			t.byUID[strings.ToLower(uid)] = x
		}
	}
	return nil
}

// what says what an entry is; one that is several things is the first of group, host and user.
func what(e *ldap.Entry) (string, inventory.Class) {
	group, host, user := classes()
	has := func(list []string) bool {
		return slices.ContainsFunc(e.GetEqualFoldAttributeValues("objectClass"), func(c string) bool { return slices.Contains(list, strings.ToLower(c)) })
	}
	switch {
	case has(group):
		return "ldap_group", inventory.UserGroup
	case has(host):
		return "ldap_host", inventory.Host
	case has(user):
		return "ldap_user", inventory.User
	}
	return "", ""
}

func nameOf(e *ldap.Entry, recordType string) string {
	keys := []string{"cn", "uid"}
	if recordType == "ldap_user" {
		keys = []string{"uid", "cn"}
	}
	for _, k := range keys {
		if v := e.GetEqualFoldAttributeValue(k); v != "" {
			return strings.ToValidUTF8(v, "\uFFFD")
		}
	}
	return strings.ToValidUTF8(e.DN, "\uFFFD")
}

func properties(r *inventory.Record, e *ldap.Entry) {
	for _, c := range columns() {
		list := slices.Clone(e.GetEqualFoldAttributeValues(c.name))
		if len(list) == 0 {
			continue
		}
		for i, v := range list {
			switch {
			case c.name == "owner" || c.name == "manager" || c.name == "pwdPolicySubentry":
				list[i] = Fold(v)
			case c.fold:
				list[i] = strings.ToLower(v)
			}
		}
		if c.set {
			PutSet(r.Attrs, c.name, list)
		} else {
			r.Attrs[c.name] = inventory.Text(list[0])
		}
	}
}

func hostIDs(r *inventory.Record, e *ldap.Entry) {
	for _, v := range e.GetEqualFoldAttributeValues("macAddress") {
		if mac, err := net.ParseMAC(v); err == nil {
			r.IDs = append(r.IDs, inventory.Identifier{Kind: "mac", Value: mac.String()})
		}
	}
	for _, v := range e.GetEqualFoldAttributeValues("ipHostNumber") {
		if ip, err := netip.ParseAddr(v); err == nil {
			r.IDs = append(r.IDs, inventory.Identifier{Kind: "ip", Value: ip.Unmap().String()})
		}
	}
	for _, v := range e.GetEqualFoldAttributeValues("cn") {
		r.IDs = append(r.IDs, connect.HostNames(v)...)
	}
}

// give emits every entry, with the edges that can now be drawn.
func (t *tree) give(emit func(inventory.Record) error) error {
	owns := map[*entry][]inventory.Identifier{}
	for _, x := range t.entries {
		for _, dn := range x.owners {
			if o := t.byName[Fold(dn)]; o != nil {
				owns[o] = append(owns[o], inventory.ByRecord(x.record.Type, x.record.Native))
				x.record.Labels = map[string]string{inventory.LabelOwner: o.record.Name}
			}
		}
	}
	for _, x := range t.entries {
		if x.record.Type == "ldap_group" {
			t.membership(x)
		}
		PutEdges(&x.record, "OWNS", owns[x])
		if err := emit(x.record); err != nil {
			return err
		}
	}
	return nil
}

// membership writes who belongs to a group: all as a set of names, and as edges those who are known here.
func (t *tree) membership(x *entry) {
	var names []string
	var to []inventory.Identifier
	add := func(name string, m *entry) {
		names = append(names, name)
		if m != nil {
			to = append(to, inventory.ByRecord(m.record.Type, m.record.Native))
		}
	}
	for _, dn := range x.members {
		dn = Fold(dn)
		add(dn, t.byName[dn])
	}
	for _, uid := range x.uids {
		uid = strings.ToLower(uid)
		add("uid:"+uid, t.byUID[uid])
	}
	PutSet(x.record.Attrs, "members", names)
	PutEdges(&x.record, "HAS", to)
}
