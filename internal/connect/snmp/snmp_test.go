package snmp

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"

	"plumbline.dev/plumb/internal/connect/connecttest"
	"plumbline.dev/plumb/internal/inventory"
)

const (
	community = "canary-community"
	authWord  = "canary-auth-word"
	privWord  = "canary-priv-word"
)

// snmpd runs a real daemon that knows one community, one user and what the lines say more.
func snmpd(t *testing.T, more string) (address string) {
	t.Helper()
	dir := t.TempDir()
	port := connecttest.Port(t)
	address = "127.0.0.1:" + strconv.Itoa(port)
	conf := connecttest.Write(t, dir, "snmpd.conf", `rocommunity `+community+` 127.0.0.1
createUser reader SHA-256 `+authWord+` AES `+privWord+`
rouser reader priv
sysName DB1.example.org
sysLocation rack 7
sysContact ops@example.org
`+more)
	t.Setenv("SNMP_PERSISTENT_DIR", connecttest.Write(t, dir, "state/.keep", "")[:len(dir)+6])
	t.Setenv("SNMPCONFPATH", dir)
	up := func() bool {
		g := &gosnmp.GoSNMP{Target: "127.0.0.1", Port: uint16(port), Community: community, Version: gosnmp.Version2c, Timeout: 200 * time.Millisecond, MaxOids: 10}
		if g.Connect() != nil {
			return false
		}
		defer g.Close()
		_, err := g.Get([]string{sysName})
		return err == nil
	}
	connecttest.Start(t, up, "snmpd", "-f", "-Lo", "-C", "-c", conf, "-I", "-smux", "-p", dir+"/pid", "udp:"+address)
	return address
}

func v3(address string) map[string]string {
	return map[string]string{"targets": address, "version": "3", "user": "reader", "auth_password": authWord, "privacy_password": privWord}
}

// It is not parallel: the daemon takes its folder from the environment.
func TestARealDaemonSaysWhatItIs(t *testing.T) {
	address := snmpd(t, "")
	two := connecttest.Collect(t, Kind(), map[string]string{"targets": address, "version": "2c", "community": community}, nil)
	three := connecttest.Collect(t, Kind(), v3(address), nil)
	connecttest.NoCanary(t, append(two, three...), community, authWord, privWord)
	a, b := two[0], three[0]
	if a.Name != "DB1.example.org" || a.Class != inventory.Host || !strings.HasPrefix(a.Attrs["description"].Plain(), "Linux ") ||
		a.Attrs["location"] != inventory.Text("rack 7") || !connecttest.Bears(a, "fqdn", "db1.example.org") {
		t.Errorf("%s %s %v %v", a.Name, a.Class, a.Attrs["description"], a.IDs)
	}
	if a.Attrs["interface.lo.admin"] != inventory.Text("up") || a.Attrs["snmp.default_community"] != "[]" || b.Attrs["snmp.version"] != inventory.Text("3") {
		t.Errorf("lo %s, default %s, version %s", a.Attrs["interface.lo.admin"], a.Attrs["snmp.default_community"], b.Attrs["snmp.version"])
	}
	ifaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range ifaces {
		if i.Name == "eth0" && !connecttest.Bears(a, "mac", i.HardwareAddr.String()) {
			t.Errorf("eth0 is %s, not among %v", i.HardwareAddr, a.IDs)
		}
	}
	version := strings.TrimSpace(connecttest.Run(t, "", "dpkg-query", "-W", "-f", "${Version}", "snmpd"))
	if got := a.Attrs["software.snmpd"].Plain(); !strings.HasPrefix(got, version) {
		t.Errorf("software.snmpd = %q, dpkg says %q", got, version)
	}
	delete(a.Attrs, "snmp.version")
	delete(b.Attrs, "snmp.version")
	if fmt.Sprint(a.Attrs) != fmt.Sprint(b.Attrs) || fmt.Sprint(a.IDs) != fmt.Sprint(b.IDs) {
		t.Error("the two versions of SNMP show different things")
	}
}

func TestADefaultCommunityIsSeen(t *testing.T) {
	address := snmpd(t, "rocommunity public 127.0.0.1\n")
	r := connecttest.Collect(t, Kind(), v3(address), nil)[0]
	if got := r.Attrs["snmp.default_community"]; got != inventory.Set("public") {
		t.Errorf("default community: %s", got)
	}
}

// What cannot be read is named, and the others are read all the same.
func TestOneSilentDeviceHidesNoOther(t *testing.T) {
	address := snmpd(t, "")
	dead := "127.0.0.1:" + strconv.Itoa(connecttest.Port(t))
	settings := v3(dead + "," + address)
	settings["try_defaults"] = "no"
	records, err := connecttest.Try(t, Kind(), settings, nil)
	if len(records) != 1 || err == nil || !strings.Contains(err.Error(), dead) || strings.Contains(err.Error(), address) {
		t.Errorf("%v, error %v", connecttest.Names(records), err)
	}
	settings = v3(address)
	settings["privacy_password"] = "another-word"
	if records, err := connecttest.Try(t, Kind(), settings, nil); err == nil || len(records) > 0 || strings.Contains(err.Error(), "another-word") {
		t.Errorf("with a wrong password: %v, %v", connecttest.Names(records), err)
	}
}

func TestSettingsThatCannotWorkAreRefused(t *testing.T) {
	for name, with := range map[string][2]string{"no target": {"targets", ""}, "version 1": {"version", "1"}, "md5": {"auth_protocol", "md5"},
		"des": {"privacy_protocol", "des"}, "short": {"auth_password", "short"}, "no user": {"user", ""}, "perhaps": {"try_defaults", "perhaps"}} {
		s := v3("127.0.0.1")
		s[with[0]] = with[1]
		if _, err := Kind().Open(connecttest.Input(Kind(), s, nil)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
