package ad

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/connect/connecttest"
	directory "plumbline.dev/plumb/internal/connect/ldap"
	"plumbline.dev/plumb/internal/inventory"
)

const adminWord = "Canary-Passw0rd!"

// samba provisions a real domain and runs its directory in a network of its own, where its fixed ports meet nobody's.
func samba(t *testing.T) (settings map[string]string, conf string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "ad") // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	connecttest.Run(t, "", "samba-tool", "domain", "provision", "--realm=EXAMPLE.TEST", "--domain=EXAMPLE", "--server-role=dc", "--dns-backend=NONE",
		"--adminpass="+adminWord, "--targetdir="+dir, "--host-name=dc1", "--host-ip=127.0.0.1")
	conf = dir + "/etc/smb.conf"
	connecttest.Run(t, "", "samba-tool", "user", "create", "jane", "Canary-Jane-1!", "-s", conf, "-H", dir+"/private/sam.ldb")
	connecttest.Run(t, "", "samba-tool", "computer", "create", "web1", "-s", conf, "-H", dir+"/private/sam.ldb")
	connecttest.Run(t, "", "samba-tool", "group", "addmembers", "Domain Admins", "jane", "-s", conf, "-H", dir+"/private/sam.ldb")
	socket := dir + "/private/ldapi"
	settings = map[string]string{"url": "ldapi://" + socket, "base": "DC=example,DC=test", "bind_dn": "administrator@example.test",
		"password": adminWord, "sysvol": dir + "/state/sysvol/example.test"}
	up := func() bool {
		a, err := directory.ReadAccess(connecttest.Input(Kind(), settings, nil))
		if err != nil {
			t.Fatal(err)
		}
		c, err := a.Dial(context.Background())
		if err == nil {
			c.Close()
		}
		return err == nil
	}
	connecttest.Start(t, up, "unshare", "-n", "sh", "-c", `ip link set lo up; exec samba -i -M single -s "$1" --debug-stdout -d1 --option='server services=ldap' `+
		`--option="pid directory=$2/run" --option="ncalrpc dir=$2/ncalrpc" --option="ntp signd socket directory=$2/ntp" --option="winbindd socket directory=$2/wb" `+
		`--option='ldap server require strong auth=no' --option='bind interfaces only=yes' --option='interfaces=lo' --option='tls enabled=no' </dev/null`, "sh", conf, dir)
	return settings, conf
}

func TestARealDomainIsRead(t *testing.T) {
	t.Parallel()
	settings, _ := samba(t)
	records := connecttest.Collect(t, Kind(), settings, nil)
	jane := connecttest.Find(t, records, "ad_user", "jane")
	admins := connecttest.Find(t, records, "ad_group", "Domain Admins")
	dc := connecttest.Find(t, records, "ad_computer", "DC1$")
	gpo := connecttest.Find(t, records, "ad_gpo", "Default Domain Policy")
	dom := connecttest.Find(t, records, "ad_domain", "example")
	connecttest.Find(t, records, "ad_computer", "web1$")
	if !connecttest.Bears(jane, "object-guid", jane.Native) || len(jane.Native) != 36 || len(jane.IDs) != 2 || !strings.HasPrefix(jane.IDs[1].Value, "S-1-5-21-") {
		t.Errorf("jane: %v", jane.IDs)
	}
	if jane.Attrs["account.enabled"] != "true" || jane.Attrs["account.no_preauth"] != "false" {
		t.Errorf("jane: %v", jane.Attrs)
	}
	if !connecttest.Linked(admins, "HAS", inventory.ByRecord("ad_user", jane.Native)) || !strings.Contains(string(admins.Attrs["members"]), "cn=jane,cn=users,dc=example,dc=test") {
		t.Errorf("admins: %v %v", admins.Attrs["members"], admins.Edges)
	}
	if !connecttest.Bears(dc, "fqdn", "dc1.example.test") || dc.Attrs["account.domain_controller"] != "true" || dc.Attrs["operatingSystem"] == "" {
		t.Errorf("dc: %v %v", dc.IDs, dc.Attrs)
	}
	if gpo.Attrs["versionNumber"] == "" || gpo.Attrs["sysvol.agrees"] != "true" || gpo.Attrs["sysvol.holds_password"] != "false" ||
		!strings.Contains(string(gpo.Attrs["links"]), "dc=example,dc=test;0") || !strings.HasPrefix(gpo.Attrs["sysvol.file.gpt.ini"].Plain(), "hmac:") {
		t.Errorf("policy: %v", gpo.Attrs)
	}
	if dom.Attrs["minPwdLength"] != inventory.Text("7") {
		t.Errorf("domain: %v", dom.Attrs)
	}
	connecttest.NoCanary(t, records, adminWord, "Canary-Jane-1!")
	oddPolicy(t, settings, gpo)
	parts(t, settings, admins)
}

// oddPolicy edits the files of a policy behind the directory's back.
func oddPolicy(t *testing.T, settings map[string]string, was inventory.Record) {
	t.Helper()
	folders, err := filepath.Glob(settings["sysvol"] + "/Policies/{31B2F340*}")
	if err != nil || len(folders) != 1 {
		t.Fatalf("policy folders: %v %v", folders, err)
	}
	connecttest.Write(t, folders[0], "GPT.INI", "[General]\r\nVersion=65537\r\n")
	connecttest.Write(t, folders[0], "MACHINE/Preferences/Groups/Groups.xml", `<User cpassword="canary-cpassword"/>`)
	records := connecttest.Collect(t, Kind(), settings, nil)
	gpo := connecttest.Find(t, records, "ad_gpo", was.Name)
	if gpo.Attrs["sysvol.agrees"] != "false" || gpo.Attrs["sysvol.version"] != "65537" || gpo.Attrs["sysvol.holds_password"] != "true" ||
		gpo.Attrs["sysvol.file.gpt.ini"] == was.Attrs["sysvol.file.gpt.ini"] {
		t.Errorf("edited policy: %v", gpo.Attrs)
	}
	connecttest.NoCanary(t, records, "canary-cpassword")
}

// parts reads a group's members from its second on, as for one that is handed out in parts.
func parts(t *testing.T, settings map[string]string, admins inventory.Record) {
	t.Helper()
	a, err := directory.ReadAccess(connecttest.Input(Kind(), settings, nil))
	if err != nil {
		t.Fatal(err)
	}
	c, err := a.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	list, err := rest(c, admins.Attrs["dn"].Plain(), 1)
	if err != nil || len(list) != len(admins.Attrs["members"].Items())-1 {
		t.Errorf("from the second on: %v, %v; all: %s", list, err, admins.Attrs["members"])
	}
}

func TestNoSecretIsAskedFor(t *testing.T) {
	t.Parallel()
	for _, name := range asked() {
		for _, part := range []string{"unicodepwd", "password", "dbcspwd", "supplemental", "pwdhistory", "ms-mcs-admpwd", "laps", "keymaterial", "msfve"} {
			if strings.ToLower(name) != "pwdhistorylength" && strings.Contains(strings.ToLower(name), part) {
				t.Errorf("%s is asked for", name)
			}
		}
	}
}
