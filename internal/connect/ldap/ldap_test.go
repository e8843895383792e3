package ldap

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"plumbline.dev/plumb/internal/connect/connecttest"
	"plumbline.dev/plumb/internal/inventory"
)

const (
	rootName   = "cn=admin,dc=example,dc=org"
	rootSecret = "canary-root-secret"
	userSecret = "canary-user-secret"
	userHash   = "{SSHA}Y2FuYXJ5LXVzZXItaGFzaA=="
)

const tree0 = `dn: dc=example,dc=org
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: ou=people,dc=example,dc=org
objectClass: organizationalUnit
ou: people

dn: uid=jane,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
objectClass: posixAccount
uid: jane
cn: Jane Roe
sn: Roe
mail: Jane@Example.org
uidNumber: 1001
gidNumber: 100
homeDirectory: /home/jane
loginShell: /bin/bash
userPassword: ` + userSecret + `

dn: uid=joe,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: joe
cn: Joe Doe
sn: Doe
userPassword: ` + userHash + `

dn: cn=admins,dc=example,dc=org
objectClass: groupOfNames
cn: admins
member: uid=Jane, ou=people, dc=example, dc=org
member: uid=gone,ou=people,dc=example,dc=org

dn: cn=wheel,dc=example,dc=org
objectClass: posixGroup
cn: wheel
gidNumber: 10
memberUid: jane
userPassword: ` + userSecret + `

dn: cn=db1.example.org,dc=example,dc=org
objectClass: device
objectClass: ipHost
objectClass: ieee802Device
cn: db1.example.org
ipHostNumber: 192.0.2.7
macAddress: 52-54-00-AA-BB-CC
owner: uid=jane,ou=people,dc=example,dc=org
`

// slapd runs a real directory with StartTLS, and gives the settings to read it and a connection that may write.
func slapd(t *testing.T, more string) (map[string]string, *ldap.Conn) {
	t.Helper()
	dir := t.TempDir()
	cert, key := certificate(t)
	ca := connecttest.Write(t, dir, "cert.pem", cert)
	keyFile := connecttest.Write(t, dir, "key.pem", key)
	conf := connecttest.Write(t, dir, "slapd.conf", `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile `+dir+`/pid
argsfile `+dir+`/args
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile `+ca+`
TLSCertificateKeyFile `+keyFile+`
sizelimit size.soft=100 size.hard=100 size.prtotal=unlimited
database mdb
maxsize 104857600
suffix dc=example,dc=org
rootdn `+rootName+`
rootpw `+rootSecret+`
directory `+filepath.Dir(connecttest.Write(t, dir, "db/.keep", ""))+`
access to * by dn.exact=uid=joe,ou=people,dc=example,dc=org write by anonymous auth
`)
	connecttest.Run(t, tree0+more, "slapadd", "-q", "-f", conf)
	port := strconv.Itoa(connecttest.Port(t))
	connecttest.Start(t, connecttest.Answers("127.0.0.1:"+port), "slapd", "-f", conf, "-h", "ldap://127.0.0.1:"+port, "-d", "0")
	url := "ldap://127.0.0.1:" + port
	c, err := ldap.DialURL(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Bind(rootName, rootSecret); err != nil {
		t.Fatal(err)
	}
	return map[string]string{"url": url, "base": "dc=Example, dc=org", "bind_dn": rootName, "password": rootSecret, "ca_file": ca}, c
}

func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "directory"}, NotBefore: time.Unix(0, 0),
		NotAfter: time.Unix(1<<33, 0), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	priv, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: priv}))
}

func TestUsersGroupsAndHostsOfARealDirectory(t *testing.T) {
	t.Parallel()
	settings, _ := slapd(t, "")
	records := connecttest.Collect(t, Kind(), settings, nil)
	jane := connecttest.Find(t, records, "ldap_user", "jane")
	joe := connecttest.Find(t, records, "ldap_user", "joe")
	admins := connecttest.Find(t, records, "ldap_group", "admins")
	wheel := connecttest.Find(t, records, "ldap_group", "wheel")
	host := connecttest.Find(t, records, "ldap_host", "db1.example.org")
	if len(records) != 6 {
		t.Errorf("records: %v", connecttest.Names(records))
	}
	if jane.Class != inventory.User || !connecttest.Bears(jane, "entry-uuid", jane.Native) || len(jane.Native) != 36 || jane.Scope != "dc=example,dc=org" {
		t.Errorf("jane: %+v", jane)
	}
	if got := jane.Attrs["mail"]; got != inventory.Set("jane@example.org") {
		t.Errorf("mail = %s", got)
	}
	if got, want := admins.Attrs["members"], inventory.Set("uid=gone,ou=people,dc=example,dc=org", "uid=jane,ou=people,dc=example,dc=org"); got != want {
		t.Errorf("members = %s, want %s", got, want)
	}
	of := inventory.ByRecord("ldap_user", jane.Native)
	for _, g := range []inventory.Record{admins, wheel} {
		if !connecttest.Linked(g, "HAS", of) || len(g.Edges) != 1 {
			t.Errorf("%s: edges %v", g.Name, g.Edges)
		}
	}
	for kind, v := range map[string]string{"fqdn": "db1.example.org", "hostname": "db1", "ip": "192.0.2.7", "mac": "52:54:00:aa:bb:cc"} {
		if !connecttest.Bears(host, kind, v) {
			t.Errorf("host has no %s %s: %v", kind, v, host.IDs)
		}
	}
	if host.Labels["owner"] != "jane" || !connecttest.Linked(jane, "OWNS", inventory.ByRecord("ldap_host", host.Native)) || len(joe.Edges) != 0 {
		t.Errorf("owner: %v, edges %v", host.Labels, jane.Edges)
	}
	connecttest.NoCanary(t, records, rootSecret, userSecret, userHash, "Y2FuYXJ5")
}

// Who made a change is told by the directory itself; an unchanged directory reads the same.
func TestTheDirectorySaysWhoChangedWhat(t *testing.T) {
	t.Parallel()
	settings, admin := slapd(t, "")
	before := connecttest.Find(t, connecttest.Collect(t, Kind(), settings, nil), "ldap_user", "jane")
	again := connecttest.Find(t, connecttest.Collect(t, Kind(), settings, nil), "ldap_user", "jane")
	if fmt.Sprint(before) != fmt.Sprint(again) {
		t.Errorf("unchanged, yet\n%v\n%v", before, again)
	}
	if err := admin.Bind("uid=joe,ou=people,dc=example,dc=org", userSecret); err == nil {
		t.Fatal("joe signs in with jane's password")
	}
	if err := admin.Bind(rootName, rootSecret); err != nil {
		t.Fatal(err)
	}
	if err := admin.Modify(&ldap.ModifyRequest{DN: "uid=joe,ou=people,dc=example,dc=org", Changes: []ldap.Change{{Operation: ldap.ReplaceAttribute,
		Modification: ldap.PartialAttribute{Type: "userPassword", Vals: []string{"joes-own"}}}}}); err != nil {
		t.Fatal(err)
	}
	if err := admin.Bind("uid=joe,ou=people,dc=example,dc=org", "joes-own"); err != nil {
		t.Fatal(err)
	}
	if err := admin.Modify(&ldap.ModifyRequest{DN: "uid=jane,ou=people,dc=example,dc=org", Changes: []ldap.Change{{Operation: ldap.ReplaceAttribute,
		Modification: ldap.PartialAttribute{Type: "uidNumber", Vals: []string{"0"}}}}}); err != nil {
		t.Fatal(err)
	}
	if err := admin.ModifyDN(ldap.NewModifyDNRequest("uid=jane,ou=people,dc=example,dc=org", "uid=janet", true, "")); err != nil {
		t.Fatal(err)
	}
	after := connecttest.Find(t, connecttest.Collect(t, Kind(), settings, nil), "ldap_user", "janet")
	if after.Native != before.Native {
		t.Errorf("renamed, it became another: %s, was %s", after.Native, before.Native)
	}
	if after.Actor != "uid=joe,ou=people,dc=example,dc=org" || after.Attrs["uidNumber"] != inventory.Text("0") {
		t.Errorf("actor %q, uidNumber %s", after.Actor, after.Attrs["uidNumber"])
	}
	if after.Volatile["entryCSN"] == before.Volatile["entryCSN"] || after.Volatile["entryCSN"] == "" {
		t.Errorf("entryCSN %s, was %s", after.Volatile["entryCSN"], before.Volatile["entryCSN"])
	}
}

// The server hands out 100 entries at most, and all of them in pages.
func TestALargeDirectoryIsReadInPages(t *testing.T) {
	t.Parallel()
	var more strings.Builder
	const n = 1234
	for i := range n {
		fmt.Fprintf(&more, "\ndn: uid=u%04d,ou=people,dc=example,dc=org\nobjectClass: account\nuid: u%04d\n", i, i)
	}
	more.WriteString("\ndn: cn=all,dc=example,dc=org\nobjectClass: groupOfNames\ncn: all\n")
	for i := range n {
		fmt.Fprintf(&more, "member: uid=u%04d,ou=people,dc=example,dc=org\n", i)
	}
	settings, _ := slapd(t, more.String())
	records := connecttest.Collect(t, Kind(), settings, nil)
	users := 0
	for _, r := range records {
		if r.Type == "ldap_user" {
			users++
		}
	}
	if users != n+2 {
		t.Errorf("%d users, want %d", users, n+2)
	}
	all := connecttest.Find(t, records, "ldap_group", "all")
	members := 0
	for path, v := range all.Attrs {
		if strings.HasPrefix(path, "members") {
			members += len(v.Items())
			if len(v) > 60<<10 {
				t.Errorf("%s holds %d bytes", path, len(v))
			}
		}
	}
	if members != n || len(all.Edges) != n {
		t.Errorf("%d members, %d edges, want %d", members, len(all.Edges), n)
	}
}

// Rights that were taken away look like an empty directory; nothing may be taken for absent then.
func TestADirectoryThatShowsNothingIsNoEmptyDirectory(t *testing.T) {
	t.Parallel()
	settings, _ := slapd(t, "")
	settings["bind_dn"], settings["password"] = "uid=jane,ou=people,dc=example,dc=org", userSecret
	if records, err := connecttest.Try(t, Kind(), settings, nil); err == nil {
		t.Errorf("jane, who may see nothing, read %v", connecttest.Names(records))
	}
}

func TestThePasswordGoesToNoStranger(t *testing.T) {
	t.Parallel()
	settings, _ := slapd(t, "")
	for name, with := range map[string]map[string]string{
		"another certificate":  {"ca_file": ""},
		"another name":         {"tls_name": "directory.example.org"},
		"a wrong password":     {"password": "wrong"},
		"no password":          {"password": ""},
		"a base that is not":   {"base": "dc=elsewhere"},
		"a scheme of its own":  {"url": "http://127.0.0.1"},
		"a base that is a lie": {"base": "//"},
	} {
		mine := map[string]string{}
		for k, v := range settings {
			mine[k] = v
		}
		for k, v := range with {
			mine[k] = v
		}
		records, err := connecttest.Try(t, Kind(), mine, nil)
		if err == nil || len(records) > 0 {
			t.Errorf("%s: %d records, error %v", name, len(records), err)
		}
		if err != nil && strings.Contains(err.Error(), rootSecret) {
			t.Errorf("%s: the error holds the password", name)
		}
	}
}

// What is never asked for cannot be emitted.
func TestNoSecretIsAskedFor(t *testing.T) {
	t.Parallel()
	for _, name := range asked() {
		for _, part := range []string{"password", "pwdhistory", "secret", "krbprincipalkey", "unicodepwd", "ntpwd", "lmpwd", "privatekey", "otp"} {
			if strings.Contains(strings.ToLower(name), part) || name == "*" || name == "+" {
				t.Errorf("%s is asked for", name)
			}
		}
	}
}
