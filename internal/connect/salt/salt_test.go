package salt

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/connect/connecttest"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

const canary = "s3cr3t-CANARY-value-9Xq"

// The documents are built from the forms that Salt's documentation and source describe: Salt itself could not be had.
const grains = `{"id":"web-1.example","kernel":"Linux","kernelrelease":"6.1.0-18-amd64","os":"Debian","os_family":"Debian","osfullname":"Debian GNU/Linux",
"osrelease":"12","oscodename":"bookworm","host":"web-1","fqdn":"web-1.example","domain":"example","machine_id":"3d1219c7c4c5404aaa1f6d2a48adfda4",
"saltversion":"3006.1","mem_total":3830,"num_cpus":2,"serialnumber":"VM-77","uuid":"46f02066-ea56-0bc9-0d15-8a8800000009",
"hwaddr_interfaces":{"eth0":"52:54:00:AA:00:01","lo":"00:00:00:00:00:00"},
"ip4_interfaces":{"eth0":["192.0.2.7"],"lo":["127.0.0.1"]},"ip6_interfaces":{"eth0":["2001:db8::7","fe80::1"],"lo":["::1"]},
"roles":["web"],"environment":"production","pid":4711,"db_password":"CANARY"}`

const highstate = `{"web-1.example":{
"file_|-/etc/web.conf_|-/etc/web.conf_|-managed":{"name":"/etc/web.conf","changes":{"diff":"--- \n+++ \n-db_password=old\n+db_password=CANARY","mode":"0644"},
 "result":true,"comment":"File /etc/web.conf updated","__sls__":"web","__id__":"/etc/web.conf","__run_num__":1,"start_time":"10:00:00.000001","duration":12.5},
"pkg_|-web packages_|-nginx_|-installed":{"name":"nginx","changes":{"nginx":{"old":"1.22.0","new":"1.22.1"},"passwd":{"old":"","new":"1:4.13"}},"result":true,"comment":"","__sls__":"web","__id__":"web packages","__run_num__":0},
"user_|-deploy_|-deploy_|-present":{"name":"deploy","changes":{"passwd":"CANARY","shell":"/bin/sh"},"result":true,"comment":"","__sls__":"people","__id__":"deploy","__run_num__":2},
"service_|-web_|-nginx_|-running":{"name":"nginx","changes":{},"result":false,"comment":"The service did not start","__sls__":"web","__id__":"web","__run_num__":3},
"file_|-/etc/motd_|-/etc/motd_|-managed":{"name":"/etc/motd","changes":{},"result":true,"comment":"in the correct state","__sls__":"base","__id__":"/etc/motd","__run_num__":4}}}`

const trial = `{"web-1.example":{
"file_|-/etc/web.conf_|-/etc/web.conf_|-managed":{"name":"/etc/web.conf","changes":{"mode":{"old":"0600","new":"0644"},"token":"CANARY"},"result":null,"comment":"is set to be changed","__sls__":"web","__id__":"/etc/web.conf","__run_num__":0},
"file_|-/etc/motd_|-/etc/motd_|-managed":{"name":"/etc/motd","changes":{},"result":true,"comment":"in the correct state","__sls__":"base","__id__":"/etc/motd","__run_num__":1}}}`

// broken is a fleet in which one minion could not render its states and one did not answer.
const broken = `{"web-1.example":{"file_|-/etc/motd_|-/etc/motd_|-managed":{"name":"/etc/motd","changes":{},"result":true,"__sls__":"base"}},
"web-2.example":["Rendering SLS 'base:web' failed: Jinja variable 'CANARY' is undefined"],"web-3.example":"Minion did not return. [No response]"}`

func real(doc string) *bytes.Reader {
	return bytes.NewReader([]byte(strings.ReplaceAll(doc, "CANARY", canary)))
}

func collect(t *testing.T, doc string) []inventory.Record {
	t.Helper()
	out := connecttest.Collect(t, Kind(), nil, real(doc))
	connecttest.NoCanary(t, out, canary)
	return out
}

// wrapped is what a returner is given, and what an event of the bus holds.
func wrapped(result, fun, args string) string {
	inner := result[strings.Index(result, ":")+1 : len(result)-1]
	return `{"jid":"20260301100000000001","id":"web-1.example","fun":"` + fun + `","fun_args":` + args + `,"retcode":0,"success":true,"out":"highstate","return":` + inner + `}`
}

func TestGrainsSayWhichHostItIs(t *testing.T) {
	t.Parallel()
	for form, doc := range map[string]string{"flat": grains, "of minions": `{"web-1.example":` + grains + `}`, "of salt-call": `{"local":` + grains + `}`} {
		out := collect(t, doc)
		if len(out) != 1 {
			t.Fatalf("%s: %v", form, connecttest.Names(out))
		}
		r := connecttest.Find(t, out, "salt_host", "web-1.example")
		for kind, want := range map[string]string{"machine-id": "3d1219c7c4c5404aaa1f6d2a48adfda4", "fqdn": "web-1.example", "hostname": "web-1", "mac": "52:54:00:aa:00:01",
			"ip": "192.0.2.7", "dmi-serial": "VM-77", "hardware-uuid": "46f02066-ea56-0bc9-0d15-8a8800000009"} {
			if !connecttest.Bears(r, kind, want) {
				t.Errorf("%s: is not known by %s %s: %v", form, kind, want, r.IDs)
			}
		}
		if connecttest.Bears(r, "ip", "fe80::1") || connecttest.Bears(r, "ip", "127.0.0.1") || !connecttest.Bears(r, "ip", "2001:db8::7") {
			t.Errorf("%s: addresses %v", form, r.IDs)
		}
		if r.Class != inventory.Host || r.Attrs["osrelease"].Plain() != "12" || r.Attrs["interface.eth0.ip"] != inventory.Set("192.0.2.7", "2001:db8::7") || r.Attrs["pid"] != "" {
			t.Errorf("%s: attrs %v", form, r.Attrs)
		}
		if r.Labels["environment"] != "prod" || r.Labels["role"] != "web" {
			t.Errorf("%s: labels %v", form, r.Labels)
		}
	}
}

func TestAHighstateSaysWhatItChangedAndWhatItCouldNotReach(t *testing.T) {
	t.Parallel()
	out := collect(t, highstate)
	minion := connecttest.Find(t, out, "salt_minion", "web-1.example")
	if minion.Attrs["managed.by"].Plain() != "salt" || minion.Attrs["managed.status"].Plain() != "failure" || minion.Volatile["managed.changed"] != inventory.Number(3) {
		t.Errorf("minion %v %v", minion.Attrs, minion.Volatile)
	}
	if !connecttest.Linked(minion, "MANAGES", inventory.ByRecord("salt_host", "web-1.example")) || !connecttest.Linked(minion, "MANAGES", inventory.Identifier{Kind: "fqdn", Value: "web-1.example"}) {
		t.Errorf("edges %v", minion.Edges)
	}
	file := connecttest.Find(t, out, "salt_state", "file.managed[/etc/web.conf]")
	if file.Attrs["status"].Plain() != "updated" || file.Attrs["after.mode"].Plain() != "0644" || file.Attrs["sls"].Plain() != "web" || !strings.HasPrefix(file.Volatile["diff"].Plain(), "hmac:") {
		t.Errorf("file %v %v", file.Attrs, file.Volatile)
	}
	if !connecttest.Linked(minion, "HAS", inventory.ByRecord("salt_state", file.Native)) {
		t.Errorf("edges %v", minion.Edges)
	}
	pkg := connecttest.Find(t, out, "salt_state", "pkg.installed[web packages: nginx]")
	if pkg.Attrs["after.nginx"].Plain() != "1.22.1" || pkg.Attrs["after.passwd"].Plain() != "1:4.13" || pkg.Volatile["before.nginx"].Plain() != "1.22.0" {
		t.Errorf("package %v %v", pkg.Attrs, pkg.Volatile)
	}
	user := connecttest.Find(t, out, "salt_state", "user.present[deploy]")
	if !strings.HasPrefix(user.Attrs["after.passwd"].Plain(), "hmac:") || user.Attrs["after.shell"].Plain() != "/bin/sh" {
		t.Errorf("user %v", user.Attrs)
	}
	service := connecttest.Find(t, out, "salt_state", "service.running[web: nginx]")
	web := connecttest.Find(t, out, "salt_sls", "web")
	if service.Attrs["status"].Plain() != "failed" || web.Attrs["drift"] != inventory.Set("service.running[web: nginx]") || web.Attrs["failed"] != web.Attrs["drift"] {
		t.Errorf("service %v, file of states %v", service.Attrs, web.Attrs)
	}
	if names := connecttest.Names(out); slices.Contains(names, "salt_state/file.managed[/etc/motd]") || len(out) != 8 {
		t.Errorf("records %v", names)
	}
}

// A test run says what is not as written, and changes nothing; the next run that finds it as written takes that back.
func TestATestRunSaysWhatIsNotAsWritten(t *testing.T) {
	t.Parallel()
	out := collect(t, trial)
	web, base := connecttest.Find(t, out, "salt_sls", "web"), connecttest.Find(t, out, "salt_sls", "base")
	const label = "file.managed[/etc/web.conf]"
	if web.Attrs["drift"] != inventory.Set(label) || web.Attrs["drift."+label+".mode.old"].Plain() != "0600" || web.Attrs["drift."+label+".mode.new"].Plain() != "0644" ||
		!strings.HasPrefix(web.Attrs["drift."+label+".token"].Plain(), "hmac:") {
		t.Errorf("drift %v", web.Attrs)
	}
	if base.Attrs["drift"] != inventory.Set() {
		t.Errorf("what is as written drifts: %v", base.Attrs)
	}
	if minion := connecttest.Find(t, out, "salt_minion", "web-1.example"); minion.Attrs["managed.status"].Plain() != "pending" || len(out) != 3 {
		t.Errorf("minion %v among %v", minion.Attrs, connecttest.Names(out))
	}
	mended := strings.Replace(strings.Replace(trial, "null", "true", 1), `{"mode":{"old":"0600","new":"0644"},"token":"CANARY"}`, "{}", 1)
	if r := connecttest.Find(t, collect(t, mended), "salt_sls", "web"); r.Native != web.Native || len(r.Attrs) != 2 || r.Attrs["drift"] != inventory.Set() {
		t.Errorf("after it was mended: %v", r.Attrs)
	}
}

func TestTheWrappingSaysOfTheRun(t *testing.T) {
	t.Parallel()
	out := collect(t, wrapped(highstate, "state.highstate", `[]`))
	minion := connecttest.Find(t, out, "salt_minion", "web-1.example")
	if len(out) != 8 || minion.Volatile["managed.run"].Plain() != "20260301100000000001" || minion.Attrs["managed.run"] != "" {
		t.Errorf("%v: %v", connecttest.Names(out), minion.Volatile)
	}
	for form, doc := range map[string]string{
		"an event":      `{"tag":"salt/job/20260301100000000001/ret/web-1.example","data":` + wrapped(highstate, "state.highstate", `[]`) + `}`,
		"a full return": `{"web-1.example":{"jid":"20260301100000000001","retcode":2,"ret":` + highstate[len(`{"web-1.example":`):] + `}`,
	} {
		same := collect(t, doc)
		if fmt.Sprint(same) != fmt.Sprint(out) {
			t.Errorf("%s: %v", form, connecttest.Names(same))
		}
	}
	for _, args := range []string{`["web","test=True"]`, `[{"__kwarg__":true,"test":true}]`} {
		for _, r := range collect(t, wrapped(highstate, "state.apply", args)) {
			if r.Type == "salt_state" && r.Attrs["status"].Plain() == "updated" {
				t.Errorf("%s: a test run changed %s", args, r.Name)
			}
		}
	}
	for _, r := range collect(t, wrapped(trial, "state.sls_id", `["/etc/motd","base"]`)) {
		if r.Type == "salt_sls" {
			t.Errorf("a run of one state speaks for the whole of %s", r.Name)
		}
	}
}

// A list instead of states is an error of the reading, and quotes nothing of what was rendered; the other minions are kept.
func TestStatesThatWereNotRenderedFailTheReading(t *testing.T) {
	t.Parallel()
	out, err := connecttest.Try(t, Kind(), nil, real(broken))
	if f := fault.Of(err); f.Code != "no_result" || !strings.Contains(f.Message, "2 minions") || strings.Contains(err.Error(), canary) {
		t.Errorf("error %v", err)
	}
	if got := connecttest.Names(out); !slices.Equal(got, []string{"salt_minion/web-1.example", "salt_sls/base"}) {
		t.Errorf("records %v", got)
	}
	connecttest.NoCanary(t, out, canary)
}

func TestWhatIsNoResultIsRefused(t *testing.T) {
	t.Parallel()
	for name, doc := range map[string]string{
		"nothing":           "",
		"half":              highstate[:len(highstate)/2],
		"no minion":         `{}`,
		"no states":         `{"web-1":{}}`,
		"another function":  `{"web-1":{"uptime":"1 day"}}`,
		"salt-call":         strings.Replace(highstate, "web-1.example", "local", 1),
		"no name":           strings.Replace(highstate, "web-1.example", "", 1),
		"a key of no state": `{"web-1":{"file_|-a":{"result":true}}}`,
		"a state of no one": `{"web-1":{"file_|-a_|-a_|-managed":{"name":"a"}}}`,
		"a minion twice":    `{"a":` + grains + `,"b":` + grains + `}`,
	} {
		out, err := connecttest.Try(t, Kind(), nil, real(doc))
		if f := fault.Of(err); err == nil || len(out) > 0 || f.Kind == fault.Internal || f.Code == "no_result" {
			t.Errorf("%s: %d records, error %v", name, len(out), err)
		}
	}
}

func FuzzCollect(f *testing.F) {
	for _, doc := range []string{grains, highstate, trial, broken, wrapped(trial, "state.apply", `["test=True"]`), `{"a":{"x_|-a_|-b_|-c":{"result":true,"changes":[1,{"new":{}}]}}}`} {
		f.Add([]byte(strings.ReplaceAll(doc, "CANARY", canary)))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		out, err := connecttest.Try(t, Kind(), nil, bytes.NewReader(doc))
		if err != nil && (fault.Of(err).Kind == fault.Internal || len(out) > 0 && fault.Of(err).Code != "no_result") {
			t.Errorf("%d records with %v", len(out), err)
		}
	})
}
