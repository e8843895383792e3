package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/server/servertest"
)

// sourced is a document that a source takes, with CANARY wherever a secret stands; each becomes one of its own.
var sourced = []struct{ kind, document string }{
	{"terraform", `{"version":4,"terraform_version":"1.11.4","serial":7,"lineage":"5c1a-canary","outputs":{"dsn":{"value":"postgres://app:CANARY@db/x","type":"string","sensitive":true}},
"resources":[{"mode":"managed","type":"aws_db_instance","name":"main","provider":"provider[\"registry.terraform.io/hashicorp/aws\"]","instances":[{"schema_version":0,
"attributes":{"id":"db-1","engine":"postgres","password":"CANARY","user_data":"export DB_PASSWORD=CANARY","note":"CANARY"},
"sensitive_attributes":[[{"type":"get_attr","value":"note"}]]}]}]}`},
	{"terraform", `{"version":4,"terraform_version":"0.14.0","serial":7,"lineage":"old-canary","resources":[
{"mode":"managed","type":"random_password","name":"db","instances":[{"attributes":{"id":"none","result":"CANARY","bcrypt_hash":"CANARY"},"sensitive_attributes":[]}]},
{"mode":"managed","type":"kubernetes_secret","name":"db","instances":[{"attributes":{"id":"shop/db","data":{"user":"CANARY"},"binary_data":{"x":"CANARY"}}}]},
{"mode":"managed","type":"helm_release","name":"h","instances":[{"attributes":{"id":"h","set_sensitive":[{"name":"db.host","value":"CANARY"}]}}]},
{"mode":"managed","type":"docker_container","name":"c","instances":[{"attributes":{"id":"c","community":"CANARY","private_key":"CANARY","command":["--password","CANARY"],"user_data":"mysql -pCANARY shop"}}]}]}`},
	{"jupiterone", `{"entities":[{"_key":"host-canary-0002","_type":"acme_host","_class":["Host"],"name":"web-9","snmpCommunity":"CANARY","command":["--password","CANARY"]}],"relationships":[]}`},
	{"chef", `{"chef_server_fqdn":"chef.example","entity_uuid":"5b1e","id":"run-2","message_version":"1.1.0","message_type":"run_converge","node_name":"web-1","organization_name":"acme",
"run_id":"run-2","run_list":["recipe[web]"],"start_time":"2026-03-01T10:00:00Z","end_time":"2026-03-01T10:01:00Z","source":"chef_client","status":"failure",
"total_resource_count":1,"updated_resource_count":1,"deprecations":[],"error":{"class":"Mixlib","message":"cannot connect with password=CANARY"},
"node":{"name":"web-1","automatic":{"machine_id":"3d1219c7c4c5404aaa1f6d2a48adfda4","os":"linux"},"default":{"web":{"api_token":"CANARY"}}},
"resources":[{"type":"template","name":"/etc/web.conf","id":"/etc/web.conf","before":{"password":"CANARY"},"after":{"mode":"0644","password":"CANARY"},"duration":"12",
"delta":"--- a\\n+++ b\\n+db_password=CANARY","result":"create","status":"updated"}]}`},
	{"salt", `{"web-1":{"file_|-conf_|-/etc/web.conf_|-managed":{"name":"/etc/web.conf","changes":{"diff":"+db_password=CANARY"},"result":true,"comment":"updated, password=CANARY",
"__sls__":"web","__id__":"conf","__run_num__":0,"start_time":"10:00:00.000000","duration":1.5}}}`},
	{"cyclonedx", `{"bomFormat":"CycloneDX","specVersion":"1.5","version":1,"components":[{"type":"application","bom-ref":"a","name":"shop","version":"1",
"properties":[{"name":"db_password","value":"CANARY"}]}],"services":[{"bom-ref":"s","name":"pay","endpoints":["https://app:CANARY@pay.example/x"]}]}`},
	{"jupiterone", `{"entities":[{"_key":"host-canary-0001","_type":"acme_host","_class":["Host"],"name":"web-2","password":"CANARY","apiToken":"CANARY","nested":{"secret":"CANARY"}}],"relationships":[]}`},
	{"csv", "name,class,environment,db_password,dsn\nweb-3,Host,test,CANARY,postgres://app:CANARY@db.internal/x\n"},
	{"terraform", `{"version":4,"lineage":"broken","serial":1,"resources":[{"mode":"managed","attributes":{"password":"CANARY"`}, // refused
	{"csv", "name,class,environment\nweb-4,password=CANARY,test\n"},                                                              // refused
}

// plantInSources sends every kind of document that sources take, with secrets in the places where such documents hold them.
func plantInSources(t *testing.T, f *firm, c *cage) {
	t.Helper()
	read := 0
	for i, x := range sourced {
		name := fmt.Sprintf("%s-%d", x.kind, i)
		f.done(t, nil, servertest.Olga, "POST", "/sources", map[string]any{"name": name, "kind": x.kind})
		document := x.document
		for strings.Contains(document, "CANARY") {
			document = strings.Replace(document, "CANARY", c.plant("secret in a document of "+name), 1)
		}
		a := f.ask(t, servertest.Olga, "POST", "/sources/"+name+"/documents?document=it", []byte(document))
		c.search(t, "answer to a document of "+name, []byte(a.body))
		if a.status == http.StatusCreated {
			read++
		}
	}
	if read != len(sourced)-2 {
		t.Errorf("%d of %d documents were read, want all but the two that are broken", read, len(sourced))
	}
}
