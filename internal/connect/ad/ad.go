// Package ad reads Active Directory over LDAP: users, groups, computers, group policies and the domain's own rules for
// passwords; and, where a folder with sysvol is named, the files of each policy by their keyed digests.
package ad

import (
	"context"
	"time"

	"github.com/go-ldap/ldap/v3"

	"plumbline.dev/plumb/internal/connect"
	directory "plumbline.dev/plumb/internal/connect/ldap"
	"plumbline.dev/plumb/internal/inventory"
)

// Kind is a domain of Active Directory.
func Kind() inventory.Kind {
	return inventory.Kind{
		Name: "ad", Title: "Active Directory", Mapper: 1, Absence: true, Every: 15 * time.Minute,
		Settings: append(directory.AccessSettings(),
			inventory.Setting{Key: "base", Help: "name of the domain, such as dc=example,dc=org", Required: true},
			inventory.Setting{Key: "sysvol", Help: "folder in which the domain's sysvol is mounted or copied, the one that holds Policies"}),
		Rules: rules(), Open: open,
	}
}

func rules() []inventory.AttrRule {
	out := []inventory.AttrRule{
		{Type: "ad_*", Path: "dn", Kind: inventory.Identity},
		{Type: "ad_*", Path: "account.locked", Kind: inventory.State},
		{Type: "ad_*", Path: "pwdLastSet", Kind: inventory.State},
		{Type: "ad_gpo", Path: "sysvol.agrees", Kind: inventory.State}, // between the two halves of one change it is untrue for a moment
		{Type: "ad_gpo", Path: "*", Kind: inventory.Security},
		{Type: "ad_domain", Path: "*", Kind: inventory.Security},
	}
	for _, path := range []string{"account.*", "members*", "sAMAccountName", "userPrincipalName", "servicePrincipalName", "adminCount", "accountExpires",
		"primaryGroupID", "msDS-AllowedToDelegateTo", "group.*", "mail"} {
		out = append(out, inventory.AttrRule{Type: "ad_*", Path: path, Kind: inventory.Security})
	}
	return out
}

// asked lists what is asked for, and nothing else: no password, hash or key is among it.
func asked() []string {
	return append([]string{"objectClass", "objectGUID", "objectSid", "userAccountControl", "groupType", "member", "whenChanged", "whenCreated",
		"uSNChanged", "lastLogonTimestamp", "lockoutTime", "gPLink", "cn", "name"}, shown()...)
}

// shown are the attributes that are shown under their own names.
func shown() []string {
	return []string{"sAMAccountName", "userPrincipalName", "displayName", "mail", "description", "title", "department", "manager", "managedBy",
		"servicePrincipalName", "adminCount", "accountExpires", "primaryGroupID", "pwdLastSet", "dNSHostName", "operatingSystem",
		"operatingSystemVersion", "msDS-SupportedEncryptionTypes", "msDS-AllowedToDelegateTo",
		"gPCFileSysPath", "versionNumber", "flags", "gPCMachineExtensionNames", "gPCUserExtensionNames", "gPCWQLFilter",
		"minPwdLength", "pwdHistoryLength", "pwdProperties", "minPwdAge", "maxPwdAge", "lockoutThreshold", "lockoutDuration",
		"msDS-Behavior-Version", "ms-DS-MachineAccountQuota"}
}

const filter = "(|(objectClass=user)(objectClass=group)(objectClass=computer)(objectClass=groupPolicyContainer)(objectClass=domainDNS)(gPLink=*))"

type source struct {
	access directory.Access
	base   string
	sysvol string
	mask   func(string) inventory.Value
}

func open(in inventory.Input) (inventory.Source, error) {
	a, err := directory.ReadAccess(in)
	if err != nil {
		return nil, err
	}
	if _, err := ldap.ParseDN(in.Settings["base"]); err != nil || in.Settings["base"] == "" {
		return nil, connect.BadSetting("base", "is the name of a domain, such as dc=example,dc=org")
	}
	return &source{a, directory.Fold(in.Settings["base"]), in.Settings["sysvol"], in.Mask}, nil
}

// Scopes is the one domain.
func (s *source) Scopes() []string { return []string{s.base} }

// Collect reads the domain, then gives it: an edge needs the id of its other end.
func (s *source) Collect(ctx context.Context, emit func(inventory.Record) error) error {
	c, err := s.access.Dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	d := domain{base: s.base, byName: map[string]*entry{}, links: map[string][]string{}, rest: func(dn string, from int) ([]string, error) { return rest(c, dn, from) }}
	if err := c.Each(s.base, filter, asked(), d.take); err != nil {
		return err
	}
	if len(d.entries) == 0 {
		return connect.NotAdmitted("below the base it shows no user, group or computer")
	}
	for _, x := range d.entries {
		d.finish(x)
		if x.record.Type == "ad_gpo" && s.sysvol != "" {
			if err := s.files(x); err != nil {
				return err
			}
		}
		if err := emit(x.record); err != nil {
			return err
		}
	}
	return ctx.Err()
}
