// Package ldap reads a directory over LDAP: its users, groups and hosts, with who belongs to what. It asks for the
// attributes that it names and for no other, so that no password, hashed or not, ever leaves the directory.
package ldap

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/inventory"
)

// Kind is a directory that speaks LDAP, such as OpenLDAP or 389 Directory Server.
func Kind() inventory.Kind {
	return inventory.Kind{
		Name: "ldap", Title: "LDAP directory", Mapper: 1, Absence: true, Every: 15 * time.Minute,
		Settings: append(AccessSettings(), inventory.Setting{Key: "base", Help: "name of the entry below which everything is read, such as dc=example,dc=org", Required: true}),
		Rules:    rules(),
		Open:     open,
	}
}

func rules() []inventory.AttrRule {
	var out []inventory.AttrRule
	for _, c := range columns() {
		if c.kind != inventory.Config {
			out = append(out, inventory.AttrRule{Type: "ldap_*", Path: c.name, Kind: c.kind})
		}
	}
	return append(out, inventory.AttrRule{Type: "ldap_group", Path: "members*", Kind: inventory.Security},
		inventory.AttrRule{Type: "ldap_*", Path: "dn", Kind: inventory.Identity},
		inventory.AttrRule{Type: "ldap_directory", Path: "supportedSASLMechanisms", Kind: inventory.Security})
}

// column is one attribute that is asked for and shown under its own name.
type column struct {
	name string
	kind inventory.AttrKind
	set  bool // may have several values
	fold bool // case means nothing
}

func columns() []column {
	const conf, sec, state = inventory.Config, inventory.Security, inventory.State
	return []column{
		{"objectClass", conf, true, true}, {"uid", sec, true, true}, {"cn", conf, true, false}, {"sn", conf, true, false},
		{"givenName", conf, true, false}, {"displayName", conf, false, false}, {"mail", sec, true, true}, {"title", conf, true, false},
		{"employeeNumber", conf, false, false}, {"employeeType", conf, true, false}, {"ou", conf, true, false}, {"o", conf, true, false},
		{"l", conf, true, false}, {"description", conf, true, false}, {"manager", conf, true, true}, {"owner", conf, true, true},
		{"uidNumber", sec, false, false}, {"gidNumber", sec, false, false}, {"homeDirectory", sec, false, false},
		{"loginShell", sec, false, false}, {"sshPublicKey", sec, true, false}, {"host", sec, true, true},
		{"authorizedService", sec, true, true}, {"shadowExpire", sec, false, false}, {"pwdPolicySubentry", sec, false, true},
		{"pwdAccountLockedTime", state, false, false}, {"pwdChangedTime", state, false, false},
		{"ipHostNumber", conf, true, true}, {"macAddress", conf, true, true}, {"serialNumber", conf, true, false},
	}
}

// asked lists the attributes of every search.
func asked() []string {
	out := []string{"entryUUID", "nsUniqueId", "entryCSN", "creatorsName", "modifiersName", "modifyTimestamp", "createTimestamp",
		"member", "uniqueMember", "memberUid"}
	for _, c := range columns() {
		out = append(out, c.name)
	}
	return out
}

// The classes of entry that are read, each with what it is.
func classes() (group, host, user []string) {
	return []string{"groupofnames", "groupofuniquenames", "groupofmembers", "posixgroup"},
		[]string{"iphost", "ieee802device", "device", "computer"},
		[]string{"inetorgperson", "organizationalperson", "person", "posixaccount", "account", "shadowaccount"}
}

type source struct {
	access Access
	base   string
	in     inventory.Input
}

func open(in inventory.Input) (inventory.Source, error) {
	a, err := ReadAccess(in)
	if err != nil {
		return nil, err
	}
	if _, err := ldap.ParseDN(in.Settings["base"]); err != nil || in.Settings["base"] == "" {
		return nil, connect.BadSetting("base", "is the name of an entry, such as dc=example,dc=org")
	}
	return &source{access: a, base: Fold(in.Settings["base"]), in: in}, nil
}

// Scopes is the one base.
func (s *source) Scopes() []string { return []string{s.base} }

// Collect reads everything below the base, then gives it: an edge needs the id of its other end.
func (s *source) Collect(ctx context.Context, emit func(inventory.Record) error) error {
	c, err := s.access.Dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	root, err := c.One("", []string{"supportedSASLMechanisms", "vendorName", "vendorVersion", "supportedLDAPVersion"})
	if err != nil {
		return err
	}
	tree := newTree(s.base)
	group, host, user := classes()
	var filter strings.Builder
	for _, name := range slices.Concat(group, host, user) {
		filter.WriteString("(objectClass=" + name + ")")
	}
	if err := c.Each(s.base, "(|"+filter.String()+")", asked(), tree.take); err != nil {
		return err
	}
	if len(tree.entries) == 0 { // rights that were taken away look like an empty directory, and would make everybody absent
		return connect.NotAdmitted("below the base it shows no user, group or host")
	}
	if err := emit(directory(s.base, root)); err != nil {
		return err
	}
	return tree.give(emit)
}

func directory(base string, root *ldap.Entry) inventory.Record {
	r := inventory.Record{Scope: base, Type: "ldap_directory", Class: inventory.Directory, Native: base, Name: base,
		Attrs: map[string]inventory.Value{"supportedSASLMechanisms": inventory.Set(root.GetAttributeValues("supportedSASLMechanisms")...)}}
	for _, name := range []string{"vendorName", "vendorVersion"} {
		if v := root.GetAttributeValue(name); v != "" {
			r.Attrs[name] = inventory.Text(v)
		}
	}
	return r
}
