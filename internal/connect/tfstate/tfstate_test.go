package tfstate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/seal"
)

func mask(secret string) inventory.Value {
	return inventory.Text("hmac:" + seal.Keyed([]byte("key of the test"), secret))
}

func input(document string, settings map[string]string) inventory.Input {
	in := inventory.Input{Settings: map[string]string{"workspace": "default"}, Mask: mask}
	maps.Copy(in.Settings, settings)
	if document != "" {
		in.Document = strings.NewReader(document)
	}
	return in
}

func collect(ctx context.Context, k inventory.Kind, in inventory.Input) (map[string]inventory.Record, error) {
	s, err := k.Open(in)
	if err != nil {
		return nil, err
	}
	out := map[string]inventory.Record{}
	return out, s.Collect(ctx, func(r inventory.Record) error {
		key := r.Type + "/" + r.Native
		if _, twice := out[key]; twice {
			return fmt.Errorf("%s came twice", key)
		}
		out[key] = r
		return nil
	})
}

func codeOf(err error) string {
	if own := (*fault.Error)(nil); errors.As(err, &own) {
		return own.Code
	}
	return ""
}

// file is a state file with everything that is special in one: an instance with a key, a module, a deposed and a tainted object, a
// data source, secrets that the tool marks, that their names tell, that look like one, and one that stands in two places.
const file = `{"version":4,"terraform_version":"1.11.4","serial":12,"lineage":"5f1e","outputs":{"pw":{"value":"canary-marked-1","type":"string","sensitive":true}},
"resources":[
{"mode":"data","type":"hcloud_image","name":"base","provider":"provider[\"registry.terraform.io/hetznercloud/hcloud\"]","instances":[{"attributes":{"id":7}}]},
{"module":"module.shop[\"eu.west\"]","mode":"managed","type":"hcloud_server","name":"web","provider":"module.shop.provider[\"registry.terraform.io/hetznercloud/hcloud\"].west","instances":[
 {"index_key":"a[0]","schema_version":0,"attributes":{"id":"4711","name":"web-a","labels":{"environment":"production","Owner":"team-web"},"backups":true,"disk":40,"load":0.5,
  "zones":["b","a","b"],"network":[{"ip":"10.0.0.2","network_id":3}],"user_data":"#!/bin/sh\nlogin canary-marked-1 now","empty":null},"sensitive_attributes":[],"dependencies":["hcloud_network.net","hcloud_volume.many","data.hcloud_image.base"]},
 {"index_key":"b","deposed":"0a1b2c3d","attributes":{"id":"4712"},"sensitive_attributes":[]},
 {"index_key":"b","status":"tainted","attributes":{"id":"4713"},"sensitive_attributes":[]}]},
{"mode":"managed","type":"hcloud_network","name":"net","provider":"provider[\"registry.opentofu.org/hetznercloud/hcloud\"]","instances":[{"attributes":{"id":"3"},"sensitive_attributes":[]}]},
{"mode":"managed","type":"hcloud_volume","name":"many","provider":"provider[\"x/y/hcloud\"]","instances":[{"index_key":0,"attributes":{"id":"8"}},{"index_key":1,"attributes":{"id":"9"}}]},
{"mode":"managed","type":"db_user","name":"u","provider":"provider[\"x/y/db\"]","instances":[{"attributes":{"id":"u","conn":{"value":"canary-marked-1"},"list":[{"v":"canary-marked-2"}],"db_password":"canary-named-3",
  "note":"AKIAIOSFODNN7CANARY4","url":"postgres://app:canary-url-5@db/x"},"sensitive_attributes":[[{"type":"get_attr","value":"conn"},{"type":"get_attr","value":"value"}],[{"type":"get_attr","value":"list"},{"type":"index","value":{"value":0,"type":"number"}},{"type":"get_attr","value":"v"}]]}]},
{"mode":"managed","type":"aws_instance","name":"i","provider":"provider[\"registry.terraform.io/hashicorp/aws\"]","instances":[{"attributes":{"id":"i-0abc","arn":"arn:aws:ec2:eu-central-1:123456789012:instance/i-0abc","tags":{"env":"dev"}}}]}
],"check_results":null}`

// A state that is older than the last of its lineage shows nothing: what was put right since would look as if it were back.
func TestAStateSaysItsPlaceBeforeAnythingElse(t *testing.T) {
	t.Parallel()
	older := errors.New("older")
	in := input(file, nil)
	in.Newer = func(scope string, edition int64) error {
		if scope != "5f1e/default" || edition != 12 {
			t.Errorf("edition %d of %s, want the serial of its lineage", edition, scope)
		}
		return older
	}
	if got, err := collect(t.Context(), Kind(), in); !errors.Is(err, older) || len(got) > 0 {
		t.Errorf("%d records, %v; want none and the refusal", len(got), err)
	}
}

func TestAnObjectOfAStateFileIsARecordOfItsAddress(t *testing.T) {
	t.Parallel()
	got, err := collect(t.Context(), Kind(), input(file, nil))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`aws_instance/aws_instance.i`, `db_user/db_user.u`, `hcloud_network/hcloud_network.net`, `hcloud_server/module.shop["eu.west"].hcloud_server.web["a[0]"]`,
		`hcloud_server/module.shop["eu.west"].hcloud_server.web["b"]`, `hcloud_server/module.shop["eu.west"].hcloud_server.web["b"] (deposed 0a1b2c3d)`,
		`hcloud_volume/hcloud_volume.many[0]`, `hcloud_volume/hcloud_volume.many[1]`}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Error(diff)
	}
	web := got[want[3]]
	attrs := map[string]inventory.Value{"id": `"4711"`, "name": `"web-a"`, "labels.environment": `"production"`, "labels.Owner": `"team-web"`, "backups": "true", "disk": "40",
		"load": `"0.5"`, "zones": `["a","b"]`, "network[0].ip": `"10.0.0.2"`, "network[0].network_id": "3",
		"terraform.provider": `"registry.terraform.io/hetznercloud/hcloud"`, "terraform.tainted": "false"}
	user := web.Attrs["user_data"]
	delete(web.Attrs, "user_data")
	if diff := cmp.Diff(attrs, web.Attrs); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(string(user), "login (sensitive:hmac:") {
		t.Errorf("user_data is %s", user)
	}
	if web.Scope != "5f1e/default" || web.Class != inventory.IaCResource || web.Labels["environment"] != "prod" || web.Labels["owner"] != "team-web" {
		t.Errorf("%+v", web)
	}
	if got[want[4]].Attrs["terraform.tainted"] != "true" {
		t.Error("the tainted object is not tainted")
	}
}

// What code describes is never the thing itself: it is joined with it by an edge, and has no identifier that a thing has.
func TestAnAddressManagesARealThingAndIsNone(t *testing.T) {
	t.Parallel()
	got, err := collect(t.Context(), Kind(), input(file, nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range got {
		if len(r.IDs) != 0 {
			t.Errorf("%s has identifiers: %v", r.Native, r.IDs)
		}
	}
	web := got[`hcloud_server/module.shop["eu.west"].hcloud_server.web["a[0]"]`]
	want := []inventory.Link{{Verb: "MANAGES", To: inventory.Identifier{Kind: "cloud-id", Value: "hcloud:server:4711"}},
		{Verb: "DEPENDS_ON", To: inventory.ByRecord("hcloud_network", "hcloud_network.net")}}
	if diff := cmp.Diff(want, web.Edges); diff != "" {
		t.Error(diff)
	}
	aws := got["aws_instance/aws_instance.i"].Edges
	if len(aws) != 1 || aws[0].To.Value != "arn:aws:ec2:eu-central-1:123456789012:instance/i-0abc" {
		t.Error(aws)
	}
}

func TestNoSecretOfAStateEntersARecord(t *testing.T) {
	t.Parallel()
	got, err := collect(t.Context(), Kind(), input(file, nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range got {
		if text := strings.ToLower(fmt.Sprintf("%+v", r)); strings.Contains(text, "canary") {
			t.Errorf("a secret is in %s", text)
		}
	}
	before := got["db_user/db_user.u"].Attrs
	again, err := collect(t.Context(), Kind(), input(strings.ReplaceAll(file, "canary-named-3", "canary-other-3"), nil))
	if err != nil {
		t.Fatal(err)
	}
	after := again["db_user/db_user.u"].Attrs
	if before["db_password"] == after["db_password"] || !strings.Contains(string(before["db_password"]), "hmac:") {
		t.Error("the change of a secret is not seen")
	}
	delete(before, "db_password")
	delete(after, "db_password")
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("a secret that stayed has another digest: %s", diff)
	}
}

// shownState is what show -json says of the same server.
const shownState = `{"format_version":"1.0","terraform_version":"1.11.4","values":{"outputs":{},"root_module":{"resources":[
{"address":"data.hcloud_image.base","mode":"data","type":"hcloud_image","name":"base","values":{}}],"child_modules":[{"address":"module.shop[\"eu.west\"]","resources":[
{"address":"module.shop[\"eu.west\"].hcloud_server.web[\"a[0]\"]","mode":"managed","type":"hcloud_server","name":"web","index":"a[0]","provider_name":"registry.terraform.io/hetznercloud/hcloud",
"values":{"id":"4711","name":"web-a","root":"canary-marked-1","nested":[{"x":"canary-marked-2"}]},"sensitive_values":{"root":true,"nested":[{"x":true}]}}]}]}}}`

func TestTheOutputOfShowNeedsALineage(t *testing.T) {
	t.Parallel()
	if _, err := collect(t.Context(), Kind(), input(shownState, nil)); codeOf(err) != "bad_setting" {
		t.Error(err)
	}
	got, err := collect(t.Context(), Kind(), input(shownState, map[string]string{"lineage": "5f1e", "workspace": "eu"}))
	if err != nil {
		t.Fatal(err)
	}
	r, ok := got[`hcloud_server/module.shop["eu.west"].hcloud_server.web["a[0]"]`]
	if !ok || len(got) != 1 || r.Scope != "5f1e/eu" || strings.Contains(fmt.Sprintf("%+v", r), "canary") || r.Edges[0].To.Value != "hcloud:server:4711" {
		t.Errorf("%+v", got)
	}
}

func TestWhatIsNoWholeStateIsRefusedAndQuotedNowhere(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"a":`, 70) + `1` + strings.Repeat(`}`, 70)
	for name, text := range map[string]string{
		"empty": "", "no JSON": "canary", "cut off": file[:len(file)/2], "cut off at the end": file[:len(file)-1], "two": file + file, "another version": `{"version":3,"lineage":"x","resources":[]}`,
		"encrypted": `{"serial":1,"lineage":"x","encrypted_data":"canary","encryption_version":"v0"}`, "a plan": `{"format_version":"1.2","planned_values":{},"prior_state":{}}`,
		"no lineage": `{"version":4,"lineage":"","resources":[]}`, "a later format": `{"format_version":"2.0","values":{}}`, "a list": `[1]`,
		"resources of another kind": `{"version":4,"lineage":"x","resources":{"canary":1}}`, "twice a member": `{"version":4,"version":4,"lineage":"x","resources":[]}`,
		"values that are none":        `{"version":4,"lineage":"x","resources":[{"mode":"managed","type":"a","name":"b","instances":[{"attributes":["canary"]}]}]}`,
		"an address that is a number": `{"format_version":"1.0","values":{"root_module":{"resources":[{"address":7,"mode":"managed"}]}}}`,
		"too deep":                    `{"version":4,"lineage":"x","resources":[{"mode":"managed","type":"a","name":"b","instances":[{"attributes":` + deep + `}]}]}`,
		"bad UTF-8":                   "{\"version\":4,\"lineage\":\"\xff\",\"resources\":[]}",
	} {
		in := input(" ", map[string]string{"lineage": "x"})
		in.Document = strings.NewReader(text)
		_, err := collect(t.Context(), Kind(), in)
		if codeOf(err) != "bad_document" || strings.Contains(fmt.Sprintf("%+v", err), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := collect(t.Context(), Kind(), input(`{"format_version":"1.0"}`, map[string]string{"lineage": "x"})); err != nil || len(got) != 0 {
		t.Errorf("an empty state: %v %v", got, err)
	}
}

func TestAStateIsFetchedOutOfItsFolderOnly(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	outside := filepath.Join(t.TempDir(), "state")
	for path, text := range map[string]string{filepath.Join(folder, "shop.tfstate"): file, outside: file} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(folder, "link")); err != nil {
		t.Fatal(err)
	}
	k := Fetched(folder)
	if got, err := collect(t.Context(), k, input("", map[string]string{"path": "shop.tfstate"})); err != nil || len(got) != 8 {
		t.Errorf("%d, %v", len(got), err)
	}
	for _, path := range []string{"../x", "/etc/passwd", "link", "nowhere", "."} {
		if got, err := collect(t.Context(), k, input("", map[string]string{"path": path})); err == nil || len(got) != 0 {
			t.Errorf("%s was read", path)
		}
	}
	if _, err := collect(t.Context(), k, input("", nil)); codeOf(err) != "bad_setting" {
		t.Error(err)
	}
}

func TestAStateIsFetchedFromAnHTTPBackend(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		switch {
		case user != "ci" || password != "canary-backend":
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/shop":
			_, _ = io.WriteString(w, file)
		case r.URL.Path == "/half":
			w.Header().Set("Content-Length", strconv.Itoa(len(file)))
			_, _ = io.WriteString(w, file[:100])
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	defer server.Close()
	read := func(path, password string) (int, error) {
		got, err := collect(t.Context(), Fetched(t.TempDir()), input("", map[string]string{"url": server.URL + path, "username": "ci", "password": password}))
		return len(got), err
	}
	if n, err := read("/shop", "canary-backend"); err != nil || n != 8 {
		t.Errorf("%d, %v", n, err)
	}
	for path, code := range map[string]string{"/half": "not_readable", "/none": "not_readable"} {
		if n, err := read(path, "canary-backend"); codeOf(err) != code || n != 0 || strings.Contains(fmt.Sprintf("%+v", err), "canary") {
			t.Errorf("%s: %d, %v", path, n, err)
		}
	}
	if _, err := read("/shop", "wrong"); codeOf(err) != "not_admitted" {
		t.Error(err)
	}
}

// A state of 40 MB is read in well under 300 MB. Not parallel: it measures the memory of the whole process.
func TestALargeStateIsReadInLittleMemory(t *testing.T) {
	var text strings.Builder
	text.WriteString(`{"version":4,"terraform_version":"1.11.4","serial":1,"lineage":"big","resources":[`)
	n := 0
	for ; text.Len() < 40<<20; n++ {
		if n > 0 {
			text.WriteByte(',')
		}
		fmt.Fprintf(&text, `{"mode":"managed","type":"hcloud_server","name":"web%d","provider":"provider[\"registry.terraform.io/hetznercloud/hcloud\"]","instances":[{"attributes":{"id":"%d","name":"web-%d","password":"pw-%d-canary","labels":{"environment":"prod"},"user_data":%q},"sensitive_attributes":[[{"type":"get_attr","value":"password"}]]}]}`,
			n, n, n, n, strings.Repeat("line of a script that is some words long\n", 20)+strconv.Itoa(n))
	}
	text.WriteString(`]}`)
	in := input(text.String(), nil)
	text.Reset()
	s, err := Kind().Open(in)
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	var peak uint64
	seen := 0
	err = s.Collect(t.Context(), func(inventory.Record) error {
		if seen++; seen%2000 == 0 {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapInuse)
		}
		return nil
	})
	if err != nil || seen != n {
		t.Fatalf("%d of %d, %v", seen, n, err)
	}
	t.Logf("%d objects, peak %d MB of heap", n, peak>>20)
	if peak > 300<<20 {
		t.Errorf("a state of 40 MB took %d MB", peak>>20)
	}
}

// A state of a tool that marks nothing gives away no less than the types of its resources, the names and the commands in it tell.
func TestAStateWithoutMarksGivesNoSecretAway(t *testing.T) {
	t.Parallel()
	const document = `{"version":4,"serial":1,"lineage":"old","resources":[
{"mode":"managed","type":"random_password","name":"db","instances":[{"attributes":{"id":"none","length":20,"result":"canary 1","bcrypt_hash":"canary-2"},"sensitive_attributes":[]}]},
{"mode":"managed","type":"kubernetes_secret","name":"db","instances":[{"attributes":{"id":"shop/db","data":{"user":"canary 3","other":"canary-4"},"binary_data":{"x":"canary-5"},"type":"Opaque"}}]},
{"mode":"managed","type":"google_secret_manager_secret_version","name":"v","instances":[{"attributes":{"id":"v","enabled":true,"payload":"canary-6"}}]},
{"mode":"managed","type":"helm_release","name":"h","instances":[{"attributes":{"id":"h","chart":"shop","set_sensitive":[{"name":"db.host","value":"canary 7"}]}}]},
{"mode":"managed","type":"docker_container","name":"c","instances":[{"attributes":{"id":"c","command":["serve","--password","canary-8","--port","8080"]}}]},
{"mode":"managed","type":"hcloud_server","name":"w","instances":[{"attributes":{"id":"7","user_data":"#!/bin/sh\nmysql -u root -pcanary-9 shop\nsshpass -p canary-10 ssh x\n","community":"canary-11","snmp_community":"canary-12","private_key":"canary-13"}}]},
{"mode":"managed","type":"acme_note","name":"n","instances":[{"index_key":"canary 1","attributes":{"id":"n"}}]}]}`
	out, err := collect(t.Context(), Kind(), input(document, nil))
	if err != nil {
		t.Fatal(err)
	}
	if all := fmt.Sprint(out); strings.Contains(all, "canary") {
		t.Errorf("a secret entered a record: %s", all)
	}
	for key, plain := range map[string]map[string]inventory.Value{
		"random_password/random_password.db":     {"length": inventory.Number(20)},
		"kubernetes_secret/kubernetes_secret.db": {"type": inventory.Text("Opaque")},
		"helm_release/helm_release.h":            {"chart": inventory.Text("shop")},
	} {
		for path, want := range plain {
			if got := out[key].Attrs[path]; got != want {
				t.Errorf("%s of %s is %s, want %s", path, key, got, want)
			}
		}
	}
	if c := out["docker_container/docker_container.c"].Attrs["command"]; !strings.Contains(string(c), "8080") || !strings.Contains(string(c), "serve") {
		t.Errorf("the command is %s", c)
	}
}
